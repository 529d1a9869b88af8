"""Activations with a curve: each is right at 0 and far out, and overflows nowhere.

Where PyTorch's functions take ``inplace``, so do these, that code may be moved as it is; it
changes nothing.
"""

import math
from typing import Any

import autodiff as ad

Array = Any

# The fixed point of mean 0 and variance 1 (Klambauer et al., 2017).
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


# ---------------------------------------------------------------- exponential below 0
def _below(xp: Any, x: Array, width: float) -> Array:
    # Above 0 the exponential would overflow, though nobody would look at it.
    x = xp.minimum(x, 0)
    return x if width == 1 else x / width


def _exponential(xp: Any, x: Array, alpha: float, scale: float, width: float) -> Array:
    # One of the two is 0.
    return scale * xp.maximum(x, 0) + scale * alpha * xp.expm1(_below(xp, x, width))


def _exponential_x(g: Array, xp: Any, x: Array, alpha: float, scale: float, width: float) -> Array:
    at_zero = scale * alpha / width  # the exponential is 1 from 0 on
    slope = g * (at_zero * xp.exp(_below(xp, x, width)))
    return slope if at_zero == scale else slope + (scale - at_zero) * (g * (x > 0))


def _exponential_numpy(xp: Any, x: Array, alpha: float, scale: float, width: float) -> Array:
    """``expm1(x)`` as ``2 t / (1 - t)`` with ``t = tanh(x / 2)``: NumPy is faster at tanh."""
    if width < 0:
        return _exponential(xp, x, alpha, scale, width)
    t = xp.asarray(xp.minimum(x, 0))
    t *= 0.5 / width
    xp.tanh(t, out=t)
    t /= 1 - t
    t *= 2 * scale * alpha
    t += scale * xp.maximum(x, 0)
    return t


@ad.op(
    x=lambda g, xp, x, alpha: _exponential_x(g, xp, x, alpha, 1.0, 1.0),
    elementwise=True,
    floating=True,
)
def elu(xp: Any, x: Array, /, alpha: float = 1.0, inplace: bool = False) -> Array:
    """``x`` above 0, else ``alpha * (exp(x) - 1)`` (Clevert et al., 2016)."""
    return _exponential(xp, x, alpha, 1.0, 1.0)


@elu.kernel("numpy")
def _(xp: Any, x: Array, /, alpha: float = 1.0, inplace: bool = False) -> Array:
    return _exponential_numpy(xp, x, alpha, 1.0, 1.0)


@ad.op(
    x=lambda g, xp, x, alpha: _exponential_x(g, xp, x, alpha, 1.0, alpha),
    elementwise=True,
    floating=True,
)
def celu(xp: Any, x: Array, /, alpha: float = 1.0, inplace: bool = False) -> Array:
    """``x`` above 0, else ``alpha * (exp(x / alpha) - 1)``: no kink for any ``alpha``.

    Source: Barron, "Continuously differentiable exponential linear units", 2017.
    """
    if alpha == 0:
        raise ValueError("alpha must not be 0")
    return _exponential(xp, x, alpha, 1.0, alpha)


@celu.kernel("numpy")
def _(xp: Any, x: Array, /, alpha: float = 1.0, inplace: bool = False) -> Array:
    if alpha == 0:
        raise ValueError("alpha must not be 0")
    return _exponential_numpy(xp, x, alpha, 1.0, alpha)


@ad.op(
    x=lambda g, xp, x: _exponential_x(g, xp, x, SELU_ALPHA, SELU_SCALE, 1.0),
    elementwise=True,
    floating=True,
)
def selu(xp: Any, x: Array, /, inplace: bool = False) -> Array:
    """A scaled `elu` that keeps mean 0 and variance 1 (Klambauer et al., 2017).

    The weights are to be initialized with ``lecun_normal_``.
    """
    return _exponential(xp, x, SELU_ALPHA, SELU_SCALE, 1.0)


@selu.kernel("numpy")
def _(xp: Any, x: Array, /, inplace: bool = False) -> Array:
    return _exponential_numpy(xp, x, SELU_ALPHA, SELU_SCALE, 1.0)


# ---------------------------------------------------------------- x times a gate
# Beyond these a gate is 0 or 1 in any dtype; an infinity times such a 0 would be NaN.
GELU_FAR, SIGMOID_FAR = 40.0, 1000.0


def _within(xp: Any, x: Array, far: float) -> Array:
    return xp.minimum(xp.maximum(x, -far), far)


def _normal_cdf(xp: Any, x: Array) -> Array:
    # By erfc: 1 + erf would lose the tail.
    return 0.5 * xp.special.erfc(x * -math.sqrt(0.5))


CUBIC = 0.044715


def _gelu_steepness(x: Array) -> Array:
    """Of the sigmoid that takes the place of the normal distribution: 2 sqrt(2 / pi) (...)."""
    return math.sqrt(8 / math.pi) * x * (1 + CUBIC * x * x)


def _gelu_x(g: Array, xp: Any, x: Array, approximate: str) -> Array:
    x = _within(xp, x, GELU_FAR)
    if approximate == "tanh":
        gate = ad.sigmoid(_gelu_steepness(x))
        slope = math.sqrt(8 / math.pi) * (1 + 3 * CUBIC * x * x)
        return g * (gate + x * (gate - gate * gate) * slope)
    density = math.sqrt(0.5 / math.pi) * xp.exp(-0.5 * x * x)
    return g * (_normal_cdf(xp, x) + x * density)


@ad.op(x=_gelu_x, elementwise=True, floating=True)
def gelu(xp: Any, x: Array, /, approximate: str = "none") -> Array:
    """``x * Phi(x)``, with the distribution function ``Phi`` of the normal distribution.

    Source: Hendrycks & Gimpel, "Gaussian error linear units", 2016.

    Parameters
    ----------
    x : Tensor
    approximate : str
        ``"none"``, or ``"tanh"``: ``0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x**3)))``.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.functional.gelu(ad.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.15865526,  0.        ,  0.8413447 ])
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f"approximate must be none or tanh, not {approximate!r}")
    x = xp.maximum(x, -GELU_FAR)
    if approximate == "tanh":
        return x * ad.sigmoid(_gelu_steepness(xp.minimum(x, GELU_FAR)))
    return x * _normal_cdf(xp, x)


def _silu_x(g: Array, xp: Any, x: Array) -> Array:
    x = _within(xp, x, SIGMOID_FAR)
    gate = ad.sigmoid(x)
    return g * (gate + x * (gate - gate * gate))


@ad.op(x=_silu_x, elementwise=True, floating=True)
def silu(xp: Any, x: Array, /, inplace: bool = False) -> Array:
    """``x * sigmoid(x)``, also known as swish.

    Sources: Hendrycks & Gimpel, 2016; Elfwing, Uchibe & Doya, "Sigmoid-weighted linear units",
    2017; Ramachandran, Zoph & Le, "Searching for activation functions", 2017.
    """
    x = xp.maximum(x, -SIGMOID_FAR)
    return x * ad.sigmoid(x)


def _mish_x(g: Array, xp: Any, x: Array) -> Array:
    x = _within(xp, x, SIGMOID_FAR)
    s = ad.sigmoid(x)
    r = 1 - s
    q = 1 + r * r
    return g * (s * (1 + r) / q + x * (4 * s) * (r * r) / (q * q))


@ad.op(x=_mish_x, elementwise=True, floating=True)
def mish(xp: Any, x: Array, /, inplace: bool = False) -> Array:
    """``x * tanh(softplus(x))`` (Misra, 2019).

    With ``s = sigmoid(x)`` and ``r = 1 - s`` the second factor is ``s (1 + r) / (1 + r**2)``.
    """
    x = xp.maximum(x, -SIGMOID_FAR)
    s = ad.sigmoid(x)
    r = 1 - s
    return x * (s * (1 + r) / (1 + r * r))


# ---------------------------------------------------------------- sigmoids and their integrals
def _log_of_one_plus_exp(xp: Any, x: Array) -> Array:
    """``log(1 + exp(-abs(x)))`` in memory of its own; NumPy's log1p takes five times log's time."""
    e = xp.asarray(xp.absolute(x))
    xp.negative(e, out=e)
    xp.exp(e, out=e)
    u = xp.asarray(e + 1)
    e -= u - 1  # what was lost in the sum
    e /= u
    e += xp.log(u, out=u)
    return e


def _softplus_x(g: Array, xp: Any, x: Array, beta: float, threshold: float) -> Array:
    z = x * beta
    return xp.where(z > threshold, g, g * ad.sigmoid(z))


@ad.op(x=_softplus_x, elementwise=True, floating=True, autocast="high")
def softplus(xp: Any, x: Array, /, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """``log(1 + exp(beta * x)) / beta``: a smooth `relu` (Dugas et al., 2001).

    Where ``beta * x`` is above the threshold, ``x`` itself; `autodiff.softplus` has no threshold.
    """
    z = x * beta
    return xp.where(z > threshold, x, xp.logaddexp(z, 0) / beta)


@softplus.kernel("numpy")
def _(xp: Any, x: Array, /, beta: float = 1.0, threshold: float = 20.0) -> Array:
    z = x * beta
    out = _log_of_one_plus_exp(xp, z)
    out += xp.maximum(z, 0)
    out /= beta
    xp.copyto(out, x, where=z > threshold)
    return out


@ad.op(x=lambda g, x: g * ad.sigmoid(-x), elementwise=True, floating=True, autocast="high")
def log_sigmoid(xp: Any, x: Array, /) -> Array:
    """``log(sigmoid(x))`` without overflow, and exact where the sigmoid is 0 or 1."""
    return xp.minimum(x, 0) - xp.log1p(xp.exp(-xp.absolute(x)))


@log_sigmoid.kernel("numpy")
def _(xp: Any, x: Array, /) -> Array:
    out = _log_of_one_plus_exp(xp, x)
    return xp.subtract(xp.minimum(x, 0), out, out=out)


def _softsign_x(g: Array, xp: Any, x: Array) -> Array:
    r = 1 / (1 + xp.absolute(x))
    return g * (r * r)


@ad.op(x=_softsign_x, elementwise=True, floating=True)
def softsign(xp: Any, x: Array, /) -> Array:
    """``x / (1 + abs(x))``: a sigmoid with long tails (Turian, Bergstra & Bengio, 2009).

    Computed so that infinities give their limits: -1 and 1.
    """
    r = 1 / (1 + xp.absolute(x))  # above 1/2 where abs(x) is below 1
    return _within(xp, x, 1.0) * xp.maximum(r, 1 - r)


def _tanhshrink_x(g: Array, xp: Any, x: Array) -> Array:
    t = xp.tanh(x)
    return g * (t * t)


@ad.op(x=_tanhshrink_x, elementwise=True, floating=True)
def tanhshrink(xp: Any, x: Array, /) -> Array:
    """``x - tanh(x)``."""
    return x - xp.tanh(x)
