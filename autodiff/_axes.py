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


def _order(ndim: int, axis: Axis) -> tuple[list[int], list[int]]:
    """The axes that stay and those that are reduced."""
    listed = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    reduced = [a % ndim for a in listed] if ndim else []
    return [a for a in range(ndim) if a not in reduced], reduced


def last(xp: Any, x: Array, axis: Axis) -> Array:
    """``x`` with the reduced axes made one, at the end."""
    stay, reduced = _order(len(x.shape), axis)
    moved = xp.transpose(x, (*stay, *reduced)) if stay and reduced else x
    return xp.reshape(moved, (*[x.shape[a] for a in stay], prod(x.shape[a] for a in reduced)))


def unlast(xp: Any, y: Array, shape: Shape, axis: Axis) -> Array:
    """What `last` made of an array of ``shape``, back in that shape."""
    stay, reduced = _order(len(shape), axis)
    order = [*stay, *reduced] if stay and reduced else list(range(len(shape)))
    moved = xp.reshape(y, tuple([shape[a] for a in order]))
    back = tuple(sorted(range(len(order)), key=order.__getitem__))
    return xp.transpose(moved, back) if back else moved
