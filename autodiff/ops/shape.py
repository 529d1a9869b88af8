"""Shapes: the same values, their axes arranged anew."""

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
