"""Values picked along one axis of an array, and put or added there."""

from math import prod
from typing import Any

from .._op import XP, op
from ..backend import Array, namespace


def _before(ndim: int, axis: int) -> tuple[slice, ...]:
    """An index of all axes before ``axis``."""
    return (slice(None),) * (axis % ndim)


def _take_x(g: Array, xp: Any, indices: Array, x_shape: tuple[int, ...], axis: int | None) -> Array:
    if axis is None:
        return xp.reshape(XP.unindex(g, indices, (prod(x_shape),)), x_shape)
    before = _before(len(x_shape), axis)
    return XP.unindex(g, (*before, indices) if before else indices, x_shape)


@op(x=_take_x, linear=("x",))
def take(xp: Any, x: Array, indices: Array, /, axis: int | None = None) -> Array:
    """The slices of ``x`` at ``indices`` along an axis, or the values of ``x`` flattened."""
    return xp.take(x, indices, axis=axis)


def _along(indices: Array, axis: int, shape: tuple[int, ...]) -> tuple[Array, ...]:
    """The index with which ``x[index]`` takes ``indices`` along an axis of ``x`` of ``shape``."""
    xp = namespace(indices)
    ndim = len(shape)
    return tuple(
        [
            indices
            if i == axis % ndim
            else xp.reshape(xp.arange(n), (1,) * i + (n,) + (1,) * (ndim - i - 1))
            for i, n in enumerate(shape)
        ]
    )


@op(linear=("x",))
def take_along_axis(xp: Any, x: Array, indices: Array, /, axis: int | None = -1) -> Array:
    """The values of ``x`` at ``indices`` along an axis: as `argsort` or `argmax` give them.

    ``x`` and ``indices`` have as many axes, and broadcast in all but this one.
    """
    return xp.take_along_axis(x, indices, axis)


@take_along_axis.vjp("x")
def _(g: Array, indices: Array, x_shape: tuple[int, ...], axis: int | None) -> Array:
    return untake_along_axis(g, indices, axis=axis, shape=x_shape)


@op(x=lambda g, indices, axis: take_along_axis(g, indices, axis=axis), linear=("x",))
def untake_along_axis(
    xp: Any,
    x: Array,
    indices: Array,
    /,
    axis: int | None,
    shape: tuple[int, ...],
    distinct: bool = False,
) -> Array:
    """Zeros of ``shape`` with ``x`` added at ``indices`` along an axis; duplicates sum.

    The transpose of `take_along_axis`. With ``distinct`` no index is there twice.
    """
    flat = shape if axis is not None else (prod(shape),)
    along = -1 if axis is None else axis
    out = xp.zeros(flat, dtype=x.dtype)
    if distinct:
        xp.put_along_axis(out, indices, x, along)
    else:
        xp.add.at(out, _along(indices, along, flat), x)
    return xp.reshape(out, shape)


def _put_values(g: Array, xp: Any, indices: Array, x_shape: tuple[int, ...], axis: Any) -> Array:
    taken = take_along_axis(g, indices, axis=axis)
    return xp.where(_stays(indices, axis, x_shape), taken, xp.zeros_like(taken))


def _stays(indices: Array, axis: int | None, shape: tuple[int, ...]) -> Array:
    """Which of the values put at ``indices`` are not overwritten by another."""
    xp = namespace(indices)
    put = indices.shape
    if axis is not None:
        axis %= len(shape)
        put = (*shape[:axis], put[axis], *shape[axis + 1 :])
    mine = xp.reshape(xp.arange(prod(put)), put)
    places = xp.zeros(shape, dtype=mine.dtype)
    xp.put_along_axis(places, indices, mine, axis)
    return xp.take_along_axis(places, indices, axis) == mine


@op(values=_put_values, promote=("x", "values"), linear=("x", "values"))
def put_along_axis(
    xp: Any, x: Array, indices: Array, values: Array, /, axis: int | None = -1
) -> Array:
    """A copy of ``x`` with ``values`` at ``indices`` along an axis.

    Where an index is there twice the last value stays, and the others get no gradient; on a
    GPU it may be any of them. To add them up, see `scatter_add`.
    """
    out = xp.array(x)
    xp.put_along_axis(out, indices, values, axis)
    return out


@put_along_axis.vjp("x")
def _(g: Array, indices: Array, axis: int | None) -> Array:
    return put_along_axis(g, indices, 0.0, axis=axis)


def gather(x: Any, axis: int, index: Any) -> Any:
    """The values of ``x`` at ``index`` along an axis, as PyTorch's ``gather`` takes them.

    Parameters
    ----------
    x : array
    axis : int
    index : array of int
        As many axes as ``x``, and along all but this one at most as long.

    Returns
    -------
    array, shape of ``index``
    """
    part = _facing("gather", x.shape, axis, index.shape)
    return take_along_axis(x if part is None else XP.getitem(x, part), index, axis=axis)


def _facing(
    name: str, shape: tuple[int, ...], axis: int, index: tuple[int, ...]
) -> tuple[slice, ...] | None:
    """The part of an array of ``shape`` that an index along ``axis`` sees; None for all of it."""
    axis = axis % len(shape) if shape else 0
    longer = [i for i, (n, m) in enumerate(zip(shape, index)) if m > n and i != axis]
    if len(shape) != len(index) or longer:
        raise ValueError(
            f"{name}: an index of shape {index} for an array of shape {shape}: it needs as many "
            f"axes, none longer except axis {axis}"
        )
    if all(m == n or i == axis for i, (n, m) in enumerate(zip(shape, index))):
        return None
    return tuple([slice(None) if i == axis else slice(m) for i, m in enumerate(index)])


def _scatter_src(g: Array, index: Array, src_shape: tuple[int, ...], axis: int) -> Array:
    part = tuple([slice(n) for n in index.shape])
    taken = gather(g, axis, index)
    return taken if src_shape in (index.shape, ()) else XP.unindex(taken, part, src_shape)


@op(x=lambda g: g, src=_scatter_src, promote=("x", "src"), linear=("x", "src"))
def scatter_add_(xp: Any, x: Array, index: Array, src: Array, /, axis: int) -> Array:
    """See `scatter_add`."""
    part = _facing("scatter_add", x.shape, axis, index.shape)
    out = xp.array(x)
    target = out if part is None else out[part]  # a view
    if getattr(src, "shape", ()):
        _facing("scatter_add", src.shape, len(src.shape), index.shape)
        src = src[tuple([slice(n) for n in index.shape])]
    xp.add.at(target, _along(index, axis, target.shape), src)
    return out


def scatter_add(x: Any, axis: int, index: Any, src: Any) -> Any:
    """A copy of ``x`` with ``src`` added at ``index`` along an axis; duplicate indices sum.

    Parameters
    ----------
    x : array
    axis : int
    index : array of int
        As many axes as ``x``, and along all but this one at most as long.
    src : array or float
        Of each axis as much is used as ``index`` is long.
    """
    return scatter_add_(x, index, src, axis=axis)


def _index_add_src(g: Array, index: Array, axis: int) -> Array:
    return take(g, index, axis=axis)


@op(x=lambda g: g, src=_index_add_src, promote=("x", "src"), linear=("x", "src"))
def index_add_(xp: Any, x: Array, index: Array, src: Array, /, axis: int) -> Array:
    """See `index_add`."""
    out = xp.array(x)
    xp.add.at(out, (*_before(len(x.shape), axis), index), src)
    return out


def index_add(x: Any, axis: int, index: Any, src: Any) -> Any:
    """A copy of ``x`` with the slices of ``src`` along an axis added to those at ``index``.

    Parameters
    ----------
    x : array
    axis : int
    index : array of int, shape (n,)
        Duplicate indices sum.
    src : array or float
        Shaped as ``x``, with length n along the axis.
    """
    return index_add_(x, index, src, axis=axis)
