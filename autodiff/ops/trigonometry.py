"""Functions of angles, of right triangles, and their hyperbolic kin."""

import math
from typing import Any

from .._op import op
from ..backend import Array


@op(x=lambda g, xp, x: g * xp.cos(x), elementwise=True, floating=True)
def sin(xp: Any, x: Array, /) -> Array:
    """The sine."""
    return xp.sin(x)


@op(x=lambda g, xp, x: -g * xp.sin(x), elementwise=True, floating=True)
def cos(xp: Any, x: Array, /) -> Array:
    """The cosine."""
    return xp.cos(x)


@op(x=lambda g, out: g + g * (out * out), elementwise=True, floating=True)
def tan(xp: Any, x: Array, /) -> Array:
    """The tangent."""
    return xp.tan(x)


def _arcsin_x(g: Array, xp: Any, x: Array) -> Array:
    return xp.divide(g, xp.sqrt((1 - x) * (1 + x)))  # 1 - x * x is inaccurate near 1


@op(x=_arcsin_x, elementwise=True, floating=True)
def arcsin(xp: Any, x: Array, /) -> Array:
    """The angle between -pi/2 and pi/2 whose sine is ``x``; steep without bound at -1 and 1."""
    return xp.arcsin(x)


@op(x=lambda g, xp, x: -_arcsin_x(g, xp, x), elementwise=True, floating=True)
def arccos(xp: Any, x: Array, /) -> Array:
    """The angle between 0 and pi whose cosine is ``x``; steep without bound at -1 and 1."""
    return xp.arccos(x)


@op(x=lambda g, xp, x: xp.divide(g, 1 + x * x), elementwise=True, floating=True)
def arctan(xp: Any, x: Array, /) -> Array:
    """The angle between -pi/2 and pi/2 whose tangent is ``x``."""
    return xp.arctan(x)


def _over(xp: Any, x: Array, h: Array) -> Array:
    """``x / h`` for a side and the hypotenuse; 0 where both are."""
    return xp.divide(x, xp.where(h == 0, 1, h))


def _over_square(xp: Any, a: Array, x: Array, y: Array) -> Array:
    """``a / (x * x + y * y)``, whose squares neither overflow nor vanish."""
    h = xp.hypot(x, y)
    return _over(xp, _over(xp, a, h), h)


@op(
    y=lambda g, xp, y, x: g * _over_square(xp, x, x, y),
    x=lambda g, xp, y, x: -g * _over_square(xp, y, x, y),
    elementwise=True,
    floating=True,
)
def arctan2(xp: Any, y: Array, x: Array, /) -> Array:
    """The angle of the point ``(x, y)``, from -pi to pi; the gradient at the origin is 0."""
    return xp.arctan2(y, x)


@op(
    x=lambda g, xp, x, out: g * _over(xp, x, out),
    y=lambda g, xp, y, out: g * _over(xp, y, out),
    elementwise=True,
    floating=True,
)
def hypot(xp: Any, x: Array, y: Array, /) -> Array:
    """``sqrt(x * x + y * y)`` without overflow; the subgradient at the origin is 0."""
    return xp.hypot(x, y)


@op(x=lambda g, xp, x: g * xp.cosh(x), elementwise=True, floating=True)
def sinh(xp: Any, x: Array, /) -> Array:
    """The hyperbolic sine."""
    return xp.sinh(x)


@op(x=lambda g, xp, x: g * xp.sinh(x), elementwise=True, floating=True)
def cosh(xp: Any, x: Array, /) -> Array:
    """The hyperbolic cosine."""
    return xp.cosh(x)


@op(x=lambda g, xp, x: xp.divide(g, xp.hypot(x, 1)), elementwise=True, floating=True)
def arcsinh(xp: Any, x: Array, /) -> Array:
    """The inverse of `sinh`."""
    return xp.arcsinh(x)


@op(
    x=lambda g, xp, x: xp.divide(g, xp.sqrt(x - 1) * xp.sqrt(x + 1)),
    elementwise=True,
    floating=True,
)
def arccosh(xp: Any, x: Array, /) -> Array:
    """The inverse of `cosh`, not negative; NaN below 1, where it is steep without bound."""
    return xp.arccosh(x)


@op(x=lambda g, xp, x: xp.divide(g, (1 - x) * (1 + x)), elementwise=True, floating=True)
def arctanh(xp: Any, x: Array, /) -> Array:
    """The inverse of ``tanh``; infinite at -1 and 1, NaN beyond."""
    return xp.arctanh(x)


def _series(t: Array, n: int, terms: int = 15) -> Array:
    """The ``n``-th derivative of ``sin(t) / t`` by its power series, for small ``t``.

    The term of ``t**k`` is ``1 / ((n + k + 1) * k!)`` with a sign, where ``n + k`` is even.
    """
    odd = n % 2
    total: Array = 0.0
    for k in range(odd + 2 * terms - 2, -1, -2):
        sign = -1 if (n + k) % 4 else 1
        total = total * (t * t) + sign / ((n + k + 1) * math.factorial(k))
    return total * t if odd else total


def _sinc_derivative_x(g: Array, x: Array, n: int) -> Array:
    return g * sinc_derivative(x, n + 1)


@op(x=_sinc_derivative_x, elementwise=True, floating=True)
def sinc_derivative(xp: Any, x: Array, /, n: int) -> Array:
    """The ``n``-th derivative of `sinc`.

    Differentiating ``t * f(t) = sin(t)`` ``n`` times gives each derivative from the one before.
    Near 0 that cancels, and the power series is summed.
    """
    t = math.pi * x
    near = xp.absolute(t) < 3
    small, large = xp.where(near, t, 0), xp.where(near, 3, t)
    s, c = xp.sin(large), xp.cos(large)
    far = s / large
    for k in range(1, n + 1):
        far = ((s, c, -s, -c)[k % 4] - k * far) / large
    return math.pi**n * xp.where(near, _series(small, n), far)


@op(x=lambda g, x: g * sinc_derivative(x, 1), elementwise=True, floating=True)
def sinc(xp: Any, x: Array, /) -> Array:
    """``sin(pi * x) / (pi * x)``, and 1 at 0; smooth there."""
    return xp.sinc(x)
