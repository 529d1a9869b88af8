"""Axes of a reduction: which are reduced, and how its result fits the array it came from."""

from math import prod
from typing import Any

from .backend import Array

Axis = int | tuple[int, ...] | None
Shape = tuple[int, ...]


def kept_shape(shape: Shape, axis: Axis) -> Shape:
    """The shape after a reduction that keeps the reduced axes as 1."""
    if axis is None:
        return (1,) * len(shape)
    axes = {a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))}
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])


def reduced_count(shape: Shape, axis: Axis) -> int:
    """How many values each result of a reduction is made from."""
    if axis is None or not shape:
        return prod(shape)
    return prod(shape[a] for a in (axis if isinstance(axis, tuple) else (axis,)))


def keep(xp: Any, y: Array, shape: Shape, axis: Axis) -> Array:
    """A reduction's result, or its gradient, with the reduced axes back as 1."""
    return xp.reshape(y, kept_shape(shape, axis)) if shape else y


def spread(xp: Any, y: Array, shape: Shape, axis: Axis) -> Array:
    """A reduction's result, or its gradient, repeated over all that it was reduced from."""
    return xp.broadcast_to(keep(xp, y, shape, axis), shape)
