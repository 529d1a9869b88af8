"""NumPy's functions for batched arrays, for `_batched_xp`.

Each takes the namespace of the inner arrays, then inner arrays with the batch as their first axis,
and returns such.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ._batched import padded
from ._batched_linalg import PRODUCTS
from .backend import Array

Function = Callable[..., Any]


# ---------------------------------------------------------------- axes
def one_axis(axis: int, ndim: int) -> int:
    """An axis of one example as an axis of all."""
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return axis % ndim + 1


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(1, ndim + 1))
    return tuple([one_axis(a, ndim) for a in (axis if isinstance(axis, tuple | list) else (axis,))])


def _flat(xp: Any, a: Array) -> Array:
    return xp.reshape(a, (a.shape[0], prod(a.shape[1:])))


def full(xp: Any, a: Array, size: int) -> Array:
    """With every example in it, to be written or joined with others."""
    return a if a.shape[0] == size else xp.broadcast_to(a, (size, *a.shape[1:]))


def _reduction(name: str) -> Function:
    """A reduction over one axis, several or all."""

    def reduce(
        xp: Any, a: Array, *args: Any, axis: Any = None, keepdims: bool = False, **options: Any
    ) -> Array:
        ndim = a.ndim - 1
        if ndim == 0:  # over nothing: give it an axis to reduce
            if axis not in (None, ()):
                _axes(axis, 0)
            return getattr(xp, name)(a[:, None], *args, axis=1, **options)
        axes = _axes(axis, ndim)
        over = axes[0] if len(axes) == 1 else axes
        return getattr(xp, name)(a, *args, axis=over, keepdims=keepdims, **options)

    return reduce


def _arg_reduction(name: str) -> Function:
    def reduce(xp: Any, a: Array, axis: int | None = None, keepdims: bool = False) -> Array:
        ndim = a.ndim - 1
        if axis is not None and ndim:
            return getattr(xp, name)(a, axis=one_axis(axis, ndim), keepdims=keepdims)
        found = getattr(xp, name)(_flat(xp, a), axis=1)
        return xp.reshape(found, (found.shape[0],) + (1,) * ndim) if keepdims else found

    return reduce


def _along(name: str, default: int | None) -> Function:
    """What works along one axis; on the flattened array if it is None."""

    def along(xp: Any, a: Array, axis: int | None = default, **options: Any) -> Array:
        if axis is None or a.ndim == 1:
            return getattr(xp, name)(_flat(xp, a), axis=1, **options)
        return getattr(xp, name)(a, axis=one_axis(axis, a.ndim - 1), **options)

    return along


# ---------------------------------------------------------------- shapes
def _reshape(xp: Any, a: Array, shape: Any) -> Array:
    shape = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    if shape.count(-1) == 1:  # where there are no examples, NumPy could not tell
        known = prod(n for n in shape if n != -1)
        size = prod(a.shape[1:])
        if known == 0 or size % known:
            raise ValueError(f"cannot reshape {a.shape[1:]} into shape {shape}")
        shape = tuple([size // known if n == -1 else n for n in shape])
    return xp.reshape(a, (a.shape[0], *shape))


def _transpose(xp: Any, a: Array, axes: Any = None) -> Array:
    ndim = a.ndim - 1
    order = tuple(range(ndim, 0, -1)) if axes is None else _axes(tuple(axes), ndim)
    return xp.transpose(a, (0, *order))


def _swapaxes(xp: Any, a: Array, axis1: int, axis2: int) -> Array:
    return xp.swapaxes(a, *_axes((axis1, axis2), a.ndim - 1))


def _moveaxis(xp: Any, a: Array, source: Any, destination: Any) -> Array:
    return xp.moveaxis(a, _axes(source, a.ndim - 1), _axes(destination, a.ndim - 1))


def _expand_dims(xp: Any, a: Array, axis: Any) -> Array:
    count = len(axis) if isinstance(axis, tuple | list) else 1
    return xp.expand_dims(a, _axes(axis, a.ndim - 1 + count))


def _squeeze(xp: Any, a: Array, axis: Any = None) -> Array:
    if axis is None:
        axis = tuple(i for i, n in enumerate(a.shape[1:]) if n == 1)
    return xp.squeeze(a, _axes(axis, a.ndim - 1))


def _broadcast_to(xp: Any, a: Array, shape: Any) -> Array:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if a.ndim - 1 > len(shape):
        raise ValueError(f"cannot broadcast {a.shape[1:]} to {shape}")
    return xp.broadcast_to(padded(a, len(shape) + 1), (a.shape[0], *shape))


def _flip(xp: Any, a: Array, axis: Any = None) -> Array:
    return xp.flip(a, _axes(axis, a.ndim - 1))


def _roll(xp: Any, a: Array, shift: Any, axis: Any = None) -> Array:
    if axis is None:
        return xp.reshape(xp.roll(_flat(xp, a), shift, 1), a.shape)
    axes = _axes(axis, a.ndim - 1)
    return xp.roll(a, shift, axes if isinstance(axis, tuple) else axes[0])


def _repeat(xp: Any, a: Array, repeats: Any, axis: int | None = None) -> Array:
    if axis is None:
        return xp.repeat(_flat(xp, a), repeats, axis=1)
    return xp.repeat(a, repeats, axis=one_axis(axis, a.ndim - 1))


def _tile(xp: Any, a: Array, reps: Any) -> Array:
    reps = (reps,) if isinstance(reps, int) else tuple(reps)
    a = padded(a, len(reps) + 1)
    return xp.tile(a, (1,) * (a.ndim - len(reps)) + reps)


def _pad(xp: Any, a: Array, pad_width: Any, mode: str = "constant", **options: Any) -> Array:
    pairs = np.broadcast_to(np.asarray(pad_width), (a.ndim - 1, 2)).tolist()
    for name in ("constant_values", "end_values"):
        if isinstance(options.get(name), tuple | list):
            given = np.broadcast_to(np.asarray(options[name]), (a.ndim - 1, 2)).tolist()
            options[name] = [(0, 0), *map(tuple, given)]
    return xp.pad(a, [(0, 0), *map(tuple, pairs)], mode, **options)


def _split(name: str) -> Function:
    def split(xp: Any, a: Array, sections: Any, axis: int = 0) -> Any:
        return getattr(xp, name)(a, sections, axis=one_axis(axis, a.ndim - 1))

    return split


def _last_two(name: str) -> Function:
    def masked(xp: Any, a: Array, k: int = 0) -> Array:
        if a.ndim < 3:
            raise ValueError(f"{name} needs at least two axes here, not shape {a.shape[1:]}")
        return getattr(xp, name)(a, k)

    return masked


def _diagonal(xp: Any, a: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    return xp.diagonal(a, offset, *_axes((axis1, axis2), a.ndim - 1))


def _trace(xp: Any, a: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    return xp.trace(a, offset, *_axes((axis1, axis2), a.ndim - 1))


def _diag(xp: Any, a: Array, k: int = 0) -> Array:
    if a.ndim == 3:
        return xp.diagonal(a, k, 1, 2)
    n = a.shape[1]
    out = xp.zeros((a.shape[0], n + abs(k), n + abs(k)), dtype=a.dtype)
    i = xp.arange(n)
    out[:, i + max(-k, 0), i + max(k, 0)] = a
    return out


# ---------------------------------------------------------------- picking
def _take(xp: Any, a: Array, indices: Any, axis: int | None = None, mode: Any = None) -> Array:
    """Indices that all share; `Space` sends others to indexing."""
    options = {} if mode is None else {"mode": mode}
    if axis is None:
        return xp.take(_flat(xp, a), indices, axis=1, **options)
    return xp.take(a, indices, axis=one_axis(axis, a.ndim - 1), **options)


def _take_along_axis(xp: Any, a: Array, indices: Array, axis: int | None = -1) -> Array:
    size = max(a.shape[0], indices.shape[0])
    a, indices = full(xp, a, size), full(xp, indices, size)
    if axis is None:
        return xp.take_along_axis(_flat(xp, a), indices, 1)
    return xp.take_along_axis(a, indices, one_axis(axis, a.ndim - 1))


def _searchsorted(xp: Any, a: Array, v: Array, side: str = "left") -> Array:
    """By counting, since no library has a batched one: every value is compared."""
    sorted_ = xp.reshape(a, (a.shape[0],) + (1,) * (v.ndim - 1) + (a.shape[1],))
    v = v[..., None]
    return xp.sum(sorted_ < v if side == "left" else sorted_ <= v, axis=-1)


# ---------------------------------------------------------------- several arrays
def _concatenate(xp: Any, *arrays: Array, axis: int | None = 0) -> Array:
    if axis is None:
        return xp.concatenate([_flat(xp, a) for a in arrays], axis=1)
    return xp.concatenate(list(arrays), axis=one_axis(axis, arrays[0].ndim - 1))


def _stack(xp: Any, *arrays: Array, axis: int = 0) -> Array:
    return xp.stack(list(arrays), axis=one_axis(axis, arrays[0].ndim))


def _keep(name: str) -> Function:
    """A function of one array that treats all axes alike."""
    return lambda xp, a, *args, **options: getattr(xp, name)(a, *args, **options)


REDUCTIONS = "sum mean max min amax amin prod any all var std count_nonzero median ptp nansum"
REDUCTIONS += " nanmean nanmax nanmin"
ALIKE = "zeros_like ones_like empty_like full_like ascontiguousarray copy round around nan_to_num"
ALIKE += " real sinc isneginf isposinf i0"
BINARY = "isclose clip where"  # no ufuncs, but elementwise

ONE: dict[str, Function] = {  # of one array
    **{name: _reduction(name) for name in REDUCTIONS.split()},
    **{name: _arg_reduction(name) for name in ("argmax", "argmin", "nanargmax", "nanargmin")},
    **{name: _along(name, -1) for name in ("sort", "argsort")},
    **{name: _along(name, None) for name in ("cumsum", "cumprod")},
    **{name: _keep(name) for name in ALIKE.split()},
    **{name: _split(name) for name in ("split", "array_split")},
    **{name: _last_two(name) for name in ("tril", "triu")},
    "broadcast_to": _broadcast_to,
    "diag": _diag,
    "diagonal": _diagonal,
    "expand_dims": _expand_dims,
    "flip": _flip,
    "moveaxis": _moveaxis,
    "pad": _pad,
    "permute_dims": _transpose,
    "ravel": _flat,
    "repeat": _repeat,
    "reshape": _reshape,
    "roll": _roll,
    "squeeze": _squeeze,
    "swapaxes": _swapaxes,
    "take": _take,
    "tile": _tile,
    "trace": _trace,
    "transpose": _transpose,
}
TWO: dict[str, Function] = {
    **PRODUCTS,
    "searchsorted": _searchsorted,
    "take_along_axis": _take_along_axis,
}
SEQUENCE: dict[str, Function] = {
    "concatenate": _concatenate,
    "concat": _concatenate,
    "stack": _stack,
}
