"""Shapes: the same values, their axes arranged anew."""

from math import prod
from typing import Any

import numpy as np

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


# ---------------------------------------------------------------- made of the ops above
permute_dims = transpose


def moveaxis(x: Any, source: int | tuple[int, ...], destination: int | tuple[int, ...]) -> Any:
    """Axes moved from ``source`` to ``destination``; the others keep their order."""
    ndim = len(x.shape)
    moved, places = [
        [_axis(a, ndim) for a in (axes if isinstance(axes, (tuple, list)) else (axes,))]
        for axes in (source, destination)
    ]
    if len(set(moved)) != len(moved) or sorted(set(places)) != sorted(places):
        raise ValueError(f"moveaxis: an axis is there twice, in {source} or {destination}")
    if len(moved) != len(places):
        raise ValueError(f"moveaxis: {len(moved)} axes and {len(places)} places for them")
    order = [a for a in range(ndim) if a not in moved]
    for place, a in sorted(zip(places, moved, strict=True)):
        order.insert(place, a)
    return transpose(x, tuple(order))


def _axis(axis: int, ndim: int) -> int:
    """An axis counted from the front; ``ValueError`` if there is none such."""
    if not -ndim <= axis < ndim:
        raise ValueError(f"axis {axis} is out of bounds for an array of {ndim} axes")
    return axis % ndim


def ravel(x: Any) -> Any:
    """``x`` in one axis."""
    return reshape(x, -1) if 0 not in x.shape else reshape(x, 0)


def flatten(x: Any, start_axis: int = 0, end_axis: int = -1) -> Any:
    """``x`` with the axes from one to another, both included, made one; a view where it can be."""
    ndim = len(x.shape)
    if ndim == 0:
        return reshape(x, 1)
    start, end = _axis(start_axis, ndim), _axis(end_axis, ndim)
    if start > end:
        raise ValueError(f"flatten: from axis {start_axis} to {end_axis}, which is before it")
    shape = x.shape
    return reshape(x, (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :]))


def broadcast_arrays(*xs: Any) -> list[Any]:
    """All repeated to the shape to which they broadcast together."""
    shape = np.broadcast_shapes(*[x.shape for x in xs])
    return [x if x.shape == shape else broadcast_to(x, shape) for x in xs]
