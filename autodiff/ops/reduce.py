"""Reductions: many values become fewer."""

from math import inf
from typing import Any

from .._axes import Axis, Shape, keep, last, reduced_count, spread, unlast
from .._op import op
from ..backend import Array


@op(
    x=lambda g, xp, x_shape, axis: spread(xp, g, x_shape, axis),
    linear=("x",),
    autocast="high",
)
def sum(
    xp: Any, x: Array, /, axis: Axis = None, keepdims: bool = False, *, dtype: Any = None
) -> Array:
    """The sum over an axis, several, or all; of integers and bools it is of 64 bits."""
    return xp.sum(x, axis=axis, keepdims=keepdims, dtype=dtype)


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


def _prod_x(g: Array, xp: Any, x: Array, axis: Axis) -> Array:
    """The product of the others, from the left and from the right: exact where some are 0."""
    flat = last(xp, x, axis)
    ones = xp.ones_like(flat[..., :1])
    before = xp.concatenate([ones, xp.cumprod(flat[..., :-1], axis=-1)], axis=-1)
    after = xp.concatenate([ones, xp.cumprod(xp.flip(flat[..., 1:], axis=-1), axis=-1)], axis=-1)
    others = before * xp.flip(after, axis=-1)
    return keep(xp, g, x.shape, axis) * unlast(xp, others, x.shape, axis)


@op(x=_prod_x, autocast="high")
def prod(
    xp: Any, x: Array, /, axis: Axis = None, keepdims: bool = False, *, dtype: Any = None
) -> Array:
    """The product over an axis, several, or all; its derivatives are exact at zeros too."""
    return xp.prod(x, axis=axis, keepdims=keepdims, dtype=dtype)


def _logsumexp_x(g: Array, xp: Any, x: Array, out: Array, axis: Axis) -> Array:
    out = keep(xp, out, x.shape, axis)
    # Where all are -inf nothing gets a gradient; several that are +inf share it.
    count = xp.sum(x == inf, axis=axis, keepdims=True, dtype=x.dtype)
    distance = x - xp.where(out == -inf, xp.zeros_like(out), out)
    weight = xp.exp(xp.where(x == inf, -xp.log(xp.maximum(count, 1)), distance))
    return keep(xp, g, x.shape, axis) * weight


@op(x=_logsumexp_x, promote=("x",), floating=True, autocast="high")
def logsumexp(xp: Any, x: Array, /, axis: Axis = None, keepdims: bool = False) -> Array:
    """``log(sum(exp(x)))`` over an axis, several, or all, without overflow.

    The gradient is the softmax of ``x``. At its limits: several values of +inf share the
    gradient; where all are -inf, so is the result, and the gradient is 0.
    """
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


@op
def count_nonzero(xp: Any, x: Array, /, axis: Axis = None, keepdims: bool = False) -> Array:
    """How many values are not 0 over an axis, several, or all."""
    return xp.sum(x != 0, axis=axis, keepdims=keepdims)


amax, amin = max, min
