"""Activations that are ops of their own; each is right at 0 and overflows nowhere."""

from typing import Any

import autodiff as ad

Array = Any

# The fixed point of mean 0 and variance 1 (Klambauer et al., 2017).
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


@ad.op(
    x=lambda g, xp, x, negative_slope: xp.where(x > 0, g, negative_slope * g),
    elementwise=True,
    floating=True,
)
def leaky_relu(xp: Any, x: Array, /, negative_slope: float = 0.01) -> Array:
    """``x`` above 0, else ``negative_slope * x``; the subgradient at 0 is the slope."""
    return xp.where(x > 0, x, negative_slope * x)


def _exponential(xp: Any, x: Array, alpha: float, scale: float) -> Array:
    # Below 0 only: above it the exponential would overflow, though nobody would look at it.
    return xp.where(x > 0, scale * x, scale * alpha * xp.expm1(xp.minimum(x, 0)))


def _exponential_x(g: Array, xp: Any, x: Array, alpha: float, scale: float) -> Array:
    return xp.where(x > 0, scale * g, g * (scale * alpha * xp.exp(xp.minimum(x, 0))))


@ad.op(
    x=lambda g, xp, x, alpha: _exponential_x(g, xp, x, alpha, 1.0),
    elementwise=True,
    floating=True,
)
def elu(xp: Any, x: Array, /, alpha: float = 1.0) -> Array:
    """``x`` above 0, else ``alpha * (exp(x) - 1)`` (Clevert et al., 2016)."""
    return _exponential(xp, x, alpha, 1.0)


@ad.op(
    x=lambda g, xp, x: _exponential_x(g, xp, x, SELU_ALPHA, SELU_SCALE),
    elementwise=True,
    floating=True,
)
def selu(xp: Any, x: Array, /) -> Array:
    """A scaled `elu` that keeps mean 0 and variance 1 (Klambauer et al., 2017).

    The weights are to be initialized with ``lecun_normal_``.
    """
    return _exponential(xp, x, SELU_ALPHA, SELU_SCALE)
