"""Shapes and indexing: values move, none changes."""

from math import prod
from typing import Any

from .._op import op
from ..backend import Array


@op(x=lambda g, xp, x_shape: xp.reshape(g, x_shape), linear=("x",), view=True)
def reshape(xp: Any, x: Array, /, shape: int | tuple[int, ...]) -> Array:
    """``x`` in another shape with as many elements; one length may be -1."""
    return xp.reshape(x, shape)


def _inverse(axes: tuple[int, ...] | None) -> tuple[int, ...] | None:
    if axes is None:
        return None
    n = len(axes)
    return tuple(sorted(range(n), key=lambda i: axes[i] % n))


@op(x=lambda g, xp, axes: xp.transpose(g, _inverse(axes)), linear=("x",), view=True)
def transpose(xp: Any, x: Array, /, axes: tuple[int, ...] | None = None) -> Array:
    """The axes in another order; reversed if none is given."""
    return xp.transpose(x, axes)


@op(x=lambda g, xp, axis1, axis2: xp.swapaxes(g, axis1, axis2), linear=("x",), view=True)
def swapaxes(xp: Any, x: Array, /, axis1: int, axis2: int) -> Array:
    """Two axes exchanged."""
    return xp.swapaxes(x, axis1, axis2)


@op(x=lambda g, xp, x_shape: xp.reshape(g, x_shape), linear=("x",), view=True)
def expand_dims(xp: Any, x: Array, /, axis: int | tuple[int, ...]) -> Array:
    """New axes of length 1."""
    return xp.expand_dims(x, axis)


@op(x=lambda g, xp, x_shape: xp.reshape(g, x_shape), linear=("x",), view=True)
def squeeze(xp: Any, x: Array, /, axis: int | tuple[int, ...] | None = None) -> Array:
    """Without axes of length 1: all of them, or those named."""
    return xp.squeeze(x, axis)


@op(x=lambda g: g, linear=("x",), view=True)
def broadcast_to(xp: Any, x: Array, /, shape: tuple[int, ...]) -> Array:
    """``x`` repeated to ``shape`` by the rules of broadcasting."""
    return xp.broadcast_to(x, shape)  # the engine sums the gradient down


def _is_basic(index: Any) -> bool:
    """Whether an index picks no element twice: made of integers, slices, None and ``...``."""
    parts = index if type(index) is tuple else (index,)
    return all(
        i is None or i is Ellipsis or isinstance(i, slice) or (type(i) is int) for i in parts
    )


@op(linear=("x",), view=True)
def getitem(xp: Any, x: Array, /, index: Any) -> Array:
    """``x[index]``: slices, integers, ``None``, ``...``, masks, integer arrays."""
    return x[index]


@getitem.vjp("x")
def _(g: Array, x_shape: tuple[int, ...], index: Any) -> Array:
    return unindex(g, index, x_shape)


@op(x=lambda g, index: g[index], linear=("x",))
def unindex(xp: Any, x: Array, /, index: Any, shape: tuple[int, ...]) -> Array:
    """Zeros of ``shape`` with ``x`` added at ``index``; duplicate indices sum.

    The transpose of indexing.
    """
    out = xp.zeros(shape, dtype=x.dtype)
    if _is_basic(index):
        out[index] = x
    else:
        xp.add.at(out, index, x)
    return out


def _part(
    g: Array, xp: Any, xs_shape: tuple[tuple[int, ...], ...], axis: int | None, index: int
) -> Array:
    shape = xs_shape[index]
    if axis is None:  # joined flat
        start = sum(prod(s) for s in xs_shape[:index])
        return xp.reshape(g[start : start + prod(shape)], shape)
    axis %= len(shape)
    start = sum(s[axis] for s in xs_shape[:index])
    return g[(slice(None),) * axis + (slice(start, start + shape[axis]),)]


@op(xs=_part, promote=("xs",), linear=("xs",))
def concatenate(xp: Any, /, *xs: Array, axis: int | None = 0) -> Array:
    """A sequence of arrays joined along an axis; flattened first if it is None.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.concatenate([ad.tensor([1.0]), ad.tensor([2.0, 3.0])])
    tensor([1., 2., 3.])
    """
    return xp.concatenate(xs, axis=axis)
