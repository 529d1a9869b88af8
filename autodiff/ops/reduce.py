"""Reductions: many values become fewer."""

from typing import Any

from .._axes import Axis, Shape, keep, reduced_count, spread
from .._op import op
from ..backend import Array


@op(
    x=lambda g, xp, x_shape, axis: spread(xp, g, x_shape, axis),
    linear=("x",),
    autocast="high",
)
def sum(xp: Any, x: Array, /, axis: Axis = None, keepdims: bool = False) -> Array:
    """The sum over an axis, several, or all."""
    return xp.sum(x, axis=axis, keepdims=keepdims)


def _mean_x(g: Array, xp: Any, x_shape: Shape, axis: Axis) -> Array:
    return spread(xp, g * (1 / (reduced_count(x_shape, axis) or 1)), x_shape, axis)


@op(x=_mean_x, linear=("x",), promote=("x",), floating=True, autocast="high")
def mean(xp: Any, x: Array, /, axis: Axis = None, keepdims: bool = False) -> Array:
    """The mean over an axis, several, or all."""
    return xp.mean(x, axis=axis, keepdims=keepdims)


def _extreme_x(g: Array, xp: Any, x: Array, out: Array, axis: Axis) -> Array:
    shape = x.shape
    wins = x == keep(xp, out, shape, axis)
    wins = xp.where(wins, xp.ones_like(x), xp.zeros_like(x))
    return keep(xp, g, shape, axis) * (wins / xp.sum(wins, axis=axis, keepdims=True))


@op(x=_extreme_x)
def max(xp: Any, x: Array, /, axis: Axis = None, keepdims: bool = False) -> Array:
    """The largest value over an axis, several, or all; ties share the gradient equally."""
    return xp.max(x, axis=axis, keepdims=keepdims)


@op(x=_extreme_x)
def min(xp: Any, x: Array, /, axis: Axis = None, keepdims: bool = False) -> Array:
    """The smallest value over an axis, several, or all; ties share the gradient equally."""
    return xp.min(x, axis=axis, keepdims=keepdims)


@op(
    x=lambda g, xp, x, out, axis: (
        keep(xp, g, x.shape, axis) * xp.exp(x - keep(xp, out, x.shape, axis))
    ),
    promote=("x",),
    floating=True,
    autocast="high",
)
def logsumexp(xp: Any, x: Array, /, axis: Axis = None, keepdims: bool = False) -> Array:
    """``log(sum(exp(x)))`` over an axis, several, or all, without overflow."""
    top = xp.max(x, axis=axis, keepdims=True)
    top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))  # all -inf: the result is -inf
    out = xp.log(xp.sum(xp.exp(x - top), axis=axis, keepdims=True)) + top
    return out if keepdims else xp.sum(out, axis=axis)


@op
def argmax(xp: Any, x: Array, /, axis: int | None = None, keepdims: bool = False) -> Array:
    """The index of the first largest value along an axis, or in all flattened."""
    return xp.argmax(x, axis=axis, keepdims=keepdims)


@op
def argmin(xp: Any, x: Array, /, axis: int | None = None, keepdims: bool = False) -> Array:
    """The index of the first smallest value along an axis, or in all flattened."""
    return xp.argmin(x, axis=axis, keepdims=keepdims)


@op
def any(xp: Any, x: Array, /, axis: Axis = None, keepdims: bool = False) -> Array:
    """Whether any value is true over an axis, several, or all."""
    return xp.any(x, axis=axis, keepdims=keepdims)


@op
def all(xp: Any, x: Array, /, axis: Axis = None, keepdims: bool = False) -> Array:
    """Whether all values are true over an axis, several, or all."""
    return xp.all(x, axis=axis, keepdims=keepdims)
