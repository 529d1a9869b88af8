"""Exponentials, logarithms, roots, activations, and choices by a condition."""

import math
from functools import cache
from typing import Any

from .._op import op
from .._special import scipy_special
from ..backend import Array

LN_2, LN_10 = math.log(2), math.log(10)


@op(x=lambda g, out: g * out, elementwise=True, floating=True, autocast="high")
def exp(xp: Any, x: Array, /) -> Array:
    """``e ** x``."""
    return xp.exp(x)


@op(x=lambda g, out: g * (out * LN_2), elementwise=True, floating=True, autocast="high")
def exp2(xp: Any, x: Array, /) -> Array:
    """``2 ** x``."""
    return xp.exp2(x)


@op(x=lambda g, xp, x: xp.divide(g, x), elementwise=True, floating=True, autocast="high")
def log(xp: Any, x: Array, /) -> Array:
    """The natural logarithm."""
    return xp.log(x)


@op(x=lambda g, xp, x: xp.divide(g, LN_2 * x), elementwise=True, floating=True, autocast="high")
def log2(xp: Any, x: Array, /) -> Array:
    """The logarithm to base 2."""
    return xp.log2(x)


@op(x=lambda g, xp, x: xp.divide(g, LN_10 * x), elementwise=True, floating=True, autocast="high")
def log10(xp: Any, x: Array, /) -> Array:
    """The logarithm to base 10."""
    return xp.log10(x)


@op(x=lambda g, xp, x: xp.divide(g, 1 + x), elementwise=True, floating=True, autocast="high")
def log1p(xp: Any, x: Array, /) -> Array:
    """``log(1 + x)``, accurate near 0."""
    return xp.log1p(x)


@op(x=lambda g, out: g * (1 + out), elementwise=True, floating=True, autocast="high")
def expm1(xp: Any, x: Array, /) -> Array:
    """``exp(x) - 1``, accurate near 0."""
    return xp.expm1(x)


@op(x=lambda g, xp, out: xp.divide(0.5 * g, out), elementwise=True, floating=True)
def sqrt(xp: Any, x: Array, /) -> Array:
    """The square root; its derivative at 0 is infinite."""
    return xp.sqrt(x)


@op(x=lambda g, out: g * (-0.5 * (out * out * out)), elementwise=True, floating=True)
def rsqrt(xp: Any, x: Array, /) -> Array:
    """``1 / sqrt(x)``; infinite at 0, where its derivative is -inf."""
    return xp.divide(1, xp.sqrt(x))


@op(x=lambda g, xp, out: xp.divide(g, 3 * (out * out)), elementwise=True, floating=True)
def cbrt(xp: Any, x: Array, /) -> Array:
    """The cube root, of negative values too; its derivative at 0 is infinite."""
    return xp.cbrt(x)


@op(x=lambda g, out: g - g * (out * out), elementwise=True, floating=True)
def tanh(xp: Any, x: Array, /) -> Array:
    """The hyperbolic tangent; its derivative is at most 1."""
    return xp.tanh(x)


def _enough(x: Array) -> int:
    """Where ``exp`` does not overflow yet and 1 is already lost beside it."""
    return 11 if getattr(x, "dtype", None) == "float16" else 40


@op(x=lambda g, out: g * (out - out * out), elementwise=True, floating=True)
def sigmoid(xp: Any, x: Array, /) -> Array:
    """``1 / (1 + exp(-x))``; its derivative is at most 1/4.

    Computed as ``e / (e + 1)`` with ``e = exp(min(x, 40))``, which overflows nowhere, is 0 and
    1 at the ends, and keeps its relative accuracy where the result is tiny.
    """
    e = xp.exp(xp.minimum(x, _enough(x)))
    return e / (e + 1)


_FEW = 1 << 10  # up to here SciPy's one ufunc is faster than NumPy's four
_expit = cache(lambda: scipy_special().expit)
_constants: dict[str, tuple[Array, Array]] = {}


@sigmoid.kernel("numpy")
def _(xp: Any, x: Array, /) -> Array:
    if x.size <= _FEW and x.dtype.itemsize > 2:
        return _expit()(x)
    # Here half the time of a ufunc may go into converting a Python number.
    constants = _constants.get(x.dtype.char)
    if constants is None:
        constants = xp.asarray(_enough(x), x.dtype), xp.asarray(1, x.dtype)
        _constants[x.dtype.char] = constants
    enough, one = constants
    e = xp.asarray(xp.minimum(x, enough))
    xp.exp(e, out=e)
    return e / (e + one)


def _share(xp: Any, x: Array, y: Array) -> Array:
    """The part of ``exp(x)`` in ``exp(x) + exp(y)``: half of it, if both are the same infinity."""
    d = x - y
    return sigmoid(xp.where(xp.logical_and(x == y, xp.isnan(d)), 0, d))


@op(
    x=lambda g, xp, x, y: g * _share(xp, x, y),
    y=lambda g, xp, x, y: g * _share(xp, y, x),
    elementwise=True,
    floating=True,
    autocast="high",
)
def logaddexp(xp: Any, x: Array, y: Array, /) -> Array:
    """``log(exp(x) + exp(y))`` without overflow; equal values share the gradient."""
    return xp.logaddexp(x, y)


@op(x=lambda g, x: g * sigmoid(x), elementwise=True, floating=True, autocast="high")
def softplus(xp: Any, x: Array, /) -> Array:
    """``log(1 + exp(x))`` without overflow: a smooth `relu`; its derivative is `sigmoid`."""
    return xp.logaddexp(x, 0)


@op(x=lambda g, out: g * (out > 0), elementwise=True)
def relu(xp: Any, x: Array, /) -> Array:
    """``max(x, 0)``; the subgradient at 0 is 0 (Nair & Hinton, 2010)."""
    return xp.maximum(x, 0)


@op(
    x=lambda g, xp, condition: xp.where(condition, g, xp.zeros_like(g)),
    y=lambda g, xp, condition: xp.where(condition, xp.zeros_like(g), g),
    elementwise=True,
    promote=("x", "y"),
    linear=("x", "y"),
)
def where(xp: Any, condition: Array, x: Array, y: Array, /) -> Array:
    """``x`` where the condition holds, else ``y``; broadcasting."""
    return xp.where(condition, x, y)


def _clip_x(g: Array, xp: Any, x: Array, min: Array | None, max: Array | None) -> Array:
    if min is not None:
        g = g * (x >= min)
    return g if max is None else g * (x <= max)


def _clip_min(g: Array, x: Array, min: Array, max: Array | None) -> Array:
    g = g * (x < min)
    return g if max is None else g * (min < max)


def _clip_max(g: Array, xp: Any, x: Array, min: Array | None, max: Array) -> Array:
    beyond = x > max if min is None else xp.maximum(x, min) > max
    return g * beyond


@op(x=_clip_x, min=_clip_min, max=_clip_max, promote=("x", "min", "max"), elementwise=True)
def clip(xp: Any, x: Array, min: Array | None = None, max: Array | None = None, /) -> Array:
    """``x`` kept between ``min`` and ``max``; at an edge the gradient passes."""
    if min is not None:
        x = xp.maximum(x, min)
    return x if max is None else xp.minimum(x, max)
