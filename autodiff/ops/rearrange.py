"""Values turned round, repeated, padded, and those of diagonals and triangles."""

from typing import Any

import numpy as np

from .. import backend
from .._op import XP, op
from ..backend import Array

Pairs = tuple[tuple[int, int], ...]


@op(x=lambda g, xp, axis: xp.flip(g, axis=axis), linear=("x",), view=True)
def flip(xp: Any, x: Array, /, axis: int | tuple[int, ...] | None = None) -> Array:
    """The values in reverse order along an axis, several, or all."""
    return xp.flip(x, axis=axis)


def _back(shift: Any) -> Any:
    return tuple([-s for s in shift]) if isinstance(shift, (tuple, list)) else -shift


@op(x=lambda g, xp, shift, axis: xp.roll(g, _back(shift), axis=axis), linear=("x",))
def roll(
    xp: Any,
    x: Array,
    /,
    shift: int | tuple[int, ...],
    axis: int | tuple[int, ...] | None = None,
) -> Array:
    """The values moved on along axes; those that leave at the end come in at the front."""
    return xp.roll(x, shift, axis=axis)


# ---------------------------------------------------------------- repeated
def _repeat_x(g: Array, xp: Any, x_shape: tuple[int, ...], repeats: int, axis: Any) -> Array:
    n = len(x_shape)
    at = n if axis is None else axis % n + 1
    return xp.sum(xp.reshape(g, (*x_shape[:at], repeats, *x_shape[at:])), axis=at)


@op(x=_repeat_x, linear=("x",))
def repeat_(xp: Any, x: Array, /, repeats: int, axis: int | None = None) -> Array:
    """See `repeat`."""
    return xp.repeat(x, repeats, axis=axis)


def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each value repeated, along an axis, or of all flattened.

    Parameters
    ----------
    x : array
    repeats : int or sequence of int
        How often each is repeated; a number for each, or one for all.
    axis : int, optional
    """
    if isinstance(repeats, int):
        return repeat_(x, repeats, axis)
    data = getattr(x, "_data", x)
    times = backend.to_numpy(getattr(repeats, "_data", np.asarray(repeats)))
    n = data.size if axis is None else data.shape[axis]
    if times.shape not in ((), (1,), (n,)):
        raise ValueError(f"repeat: repeats of shape {times.shape} for {n} values")
    index = np.repeat(np.arange(n), times)
    return XP.take(x, backend.to_device(index, backend.device_of(data)), axis=axis)


def _tile_x(g: Array, xp: Any, x_shape: tuple[int, ...], reps: Any) -> Array:
    reps = reps if isinstance(reps, (tuple, list)) else (reps,)
    reps = (1,) * (len(x_shape) - len(reps)) + tuple(reps)
    lengths = (1,) * (len(reps) - len(x_shape)) + tuple(x_shape)
    pairs = [n for pair in zip(reps, lengths, strict=True) for n in pair]
    summed = xp.sum(xp.reshape(g, tuple(pairs)), axis=tuple(range(0, len(pairs), 2)))
    return xp.reshape(summed, x_shape)


@op(x=_tile_x, linear=("x",))
def tile(xp: Any, x: Array, /, reps: int | tuple[int, ...]) -> Array:
    """The whole array repeated along each axis."""
    return xp.tile(x, reps)


# ---------------------------------------------------------------- padded
def _inside(g: Array, x_shape: tuple[int, ...], pad_width: Pairs) -> Array:
    return g[tuple([slice(b, b + n) for n, (b, _) in zip(x_shape, pad_width, strict=True)])]


@op(x=_inside, linear=("x",))
def pad_(xp: Any, x: Array, /, pad_width: Pairs, constant_values: Any = 0) -> Array:
    """See `pad`."""
    return xp.pad(x, pad_width, mode="constant", constant_values=constant_values)


@pad_.kernel("numpy")
def _(xp: Any, x: Array, /, pad_width: Pairs, constant_values: Any = 0) -> Array:
    if isinstance(constant_values, (tuple, list)):
        return pad_.body(xp, x, pad_width, constant_values)
    shape = tuple([b + n + a for n, (b, a) in zip(x.shape, pad_width, strict=True)])
    out = np.full(shape, constant_values, x.dtype) if constant_values else np.zeros(shape, x.dtype)
    out[tuple([slice(b, b + n) for n, (b, _) in zip(x.shape, pad_width, strict=True)])] = x
    return out


MODES = ("constant", "edge", "reflect", "symmetric", "wrap")


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    """``x`` with values added before and after it along each axis.

    Parameters
    ----------
    x : array
    pad_width : int, or a pair, or a pair for each axis
        How many values are added before and after.
    mode : {"constant", "edge", "reflect", "symmetric", "wrap"}
        A number, the value at the edge, or values of ``x``: mirrored at the edge without it,
        mirrored with it, or from the other end.
    constant_values : float, or pairs as of ``pad_width``
        For the mode "constant".

    Raises
    ------
    ValueError
        If the mode is unknown, or a width is negative.
    """
    shape = x.shape
    width = np.broadcast_to(np.asarray(pad_width), (len(shape), 2))
    if mode not in MODES:
        raise ValueError(f"pad: unknown mode {mode!r}; use one of {', '.join(MODES)}")
    if width.dtype.kind not in "iu" or (width < 0).any():
        raise ValueError(f"pad: pad_width={pad_width!r}; widths are integers, none negative")
    pairs = tuple([(int(b), int(a)) for b, a in width])
    if mode == "constant":
        return pad_(x, pairs, constant_values)
    device = backend.device_of(getattr(x, "_data", x))
    for axis, pair in enumerate(pairs):
        if pair != (0, 0):  # the values added are among those there: an index says which
            index = np.pad(np.arange(shape[axis]), pair, mode=mode)  # type: ignore[call-overload]
            x = XP.take(x, backend.to_device(index, device), axis=axis)
    return x


# ---------------------------------------------------------------- diagonals and triangles
@op(linear=("x",), view=True)
def diagonal(xp: Any, x: Array, /, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """The diagonal of two axes, as the last axis: a view."""
    return xp.diagonal(x, offset=offset, axis1=axis1, axis2=axis2)


@diagonal.vjp("x")
def _(g: Array, x_shape: tuple[int, ...], offset: int, axis1: int, axis2: int) -> Array:
    return undiagonal(g, x_shape, offset, axis1, axis2)


@diagonal.kernel("numpy")
def _(xp: Any, x: Array, /, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    out = np.diagonal(x, offset, axis1, axis2)
    out.flags.writeable = x.flags.writeable  # NumPy promises this, and does not do it yet
    return out


@op(
    x=lambda g, offset, axis1, axis2: diagonal(g, offset, axis1, axis2),
    linear=("x",),
)
def undiagonal(
    xp: Any,
    x: Array,
    /,
    shape: tuple[int, ...],
    offset: int = 0,
    axis1: int = 0,
    axis2: int = 1,
) -> Array:
    """Zeros of ``shape`` with ``x`` on the diagonal of two axes: the transpose of `diagonal`."""
    out = xp.zeros(shape, dtype=x.dtype)
    i = xp.arange(x.shape[-1])
    matrices = xp.moveaxis(out, (axis1, axis2), (-2, -1))  # a view
    matrices[..., i - min(offset, 0), i + max(offset, 0)] = x
    return out


def diag(x: Any, k: int = 0) -> Any:
    """The ``k``-th diagonal of a matrix, or the matrix with such a diagonal and zeros."""
    if len(x.shape) == 1:
        n = x.shape[0] + abs(k)
        return undiagonal(x, (n, n), k)
    if len(x.shape) != 2:
        raise ValueError(f"diag: an array of shape {x.shape}; it needs one axis, or two")
    return diagonal(x, k)


@op(x=lambda g, xp, k: xp.tril(g, k), linear=("x",))
def tril(xp: Any, x: Array, /, k: int = 0) -> Array:
    """The lower triangles of matrices, zeros above the ``k``-th diagonal."""
    return xp.tril(x, k)


@op(x=lambda g, xp, k: xp.triu(g, k), linear=("x",))
def triu(xp: Any, x: Array, /, k: int = 0) -> Array:
    """The upper triangles of matrices, zeros below the ``k``-th diagonal."""
    return xp.triu(x, k)
