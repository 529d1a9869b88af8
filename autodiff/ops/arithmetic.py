"""Sums, products, powers, choices between two values, and comparisons."""

from typing import Any

from .. import floats
from .._op import op
from ..backend import Array


@op(x=lambda g: g, y=lambda g: g, elementwise=True, linear=("x", "y"))
def add(xp: Any, x: Array, y: Array, /) -> Array:
    """``x + y``, broadcasting."""
    return x + y


@op(x=lambda g: g, y=lambda g: -g, elementwise=True, linear=("x", "y"))
def subtract(xp: Any, x: Array, y: Array, /) -> Array:
    """``x - y``, broadcasting."""
    return x - y


@op(x=lambda g, y: g * y, y=lambda g, x: g * x, elementwise=True, linear=("x", "y"))
def multiply(xp: Any, x: Array, y: Array, /) -> Array:
    """``x * y``, broadcasting."""
    return x * y


@op(
    x=lambda g, xp, y: xp.divide(g, y),
    y=lambda g, xp, y, out: -xp.divide(g * out, y),
    elementwise=True,
    linear=("x",),
    floating=True,
)
def divide(xp: Any, x: Array, y: Array, /) -> Array:
    """``x / y``, broadcasting."""
    return xp.divide(x, y)


def _power_x(g: Array, xp: Any, x: Array, y: Array) -> Array:
    if isinstance(y, (int, float)):
        return g * (y * x) if y == 2 else g * (y * xp.power(x, y - 1 if y else 1))
    return g * (y * xp.power(x, xp.where(y == 0, 1, y - 1)))  # y = 0: the derivative is 0


def _power_y(g: Array, xp: Any, x: Array, out: Array) -> Array:
    if isinstance(x, (int, float)):
        return g * (out * floats.log(x or 1.0))
    return g * (out * xp.log(xp.where(x == 0, 1, x)))  # x = 0: 0 ** y does not change with y


@op(x=_power_x, y=_power_y, elementwise=True)
def power(xp: Any, x: Array, y: Array, /) -> Array:
    """``x ** y``, broadcasting."""
    return xp.power(x, y)


@power.kernel("numpy")
def _(xp: Any, x: Array, y: Array, /) -> Array:
    return x**y  # unlike np.power, the operator squares where y is 2


@op(x=lambda g: -g, elementwise=True, linear=("x",))
def negative(xp: Any, x: Array, /) -> Array:
    """``-x``."""
    return -x


@op(x=lambda g: g, elementwise=True, linear=("x",))
def positive(xp: Any, x: Array, /) -> Array:
    """``+x``: a copy."""
    return xp.array(x)


@op(x=lambda g, out: -g * (out * out), elementwise=True, floating=True)
def reciprocal(xp: Any, x: Array, /) -> Array:
    """``1 / x``; the derivative at 0 is -inf."""
    return xp.divide(1, x)


@op(x=lambda g, xp, x: g * xp.sign(x), elementwise=True)
def absolute(xp: Any, x: Array, /) -> Array:
    """``|x|``; the subgradient at 0 is 0."""
    return xp.absolute(x)


@op(x=lambda g, xp: xp.zeros_like(g), elementwise=True)
def sign(xp: Any, x: Array, /) -> Array:
    """-1, 0 or 1; its derivative is taken as 0 everywhere."""
    return xp.sign(x)


@op(
    x=lambda g, xp, x, out: g * (xp.sign(x) * xp.sign(out)),
    y=lambda g, xp: xp.zeros_like(g),
    elementwise=True,
    floating=True,
)
def copysign(xp: Any, x: Array, y: Array, /) -> Array:
    """``|x|`` with the sign of ``y``; the subgradient at ``x = 0`` is 0."""
    return xp.copysign(x, y)


@op(x=lambda g, x: g * (2 * x), elementwise=True)
def square(xp: Any, x: Array, /) -> Array:
    """``x * x``."""
    return x * x


def _unless(g: Array, xp: Any, loses: Array, ties: Array) -> Array:
    # Asked this way round, a NaN, which neither wins nor loses, lets the gradient pass.
    return xp.where(ties, 0.5 * g, xp.where(loses, xp.zeros_like(g), g))


@op(
    x=lambda g, xp, x, y: _unless(g, xp, x < y, x == y),
    y=lambda g, xp, x, y: _unless(g, xp, y < x, x == y),
    elementwise=True,
)
def maximum(xp: Any, x: Array, y: Array, /) -> Array:
    """The larger of two values; NaN if either is. Equal values share the gradient."""
    return xp.maximum(x, y)


@op(
    x=lambda g, xp, x, y: _unless(g, xp, x > y, x == y),
    y=lambda g, xp, x, y: _unless(g, xp, y > x, x == y),
    elementwise=True,
)
def minimum(xp: Any, x: Array, y: Array, /) -> Array:
    """The smaller of two values; NaN if either is. Equal values share the gradient."""
    return xp.minimum(x, y)


@op(
    x=lambda g, weight: g * (1 - weight),
    y=lambda g, weight: g * weight,
    weight=lambda g, x, y: g * (y - x),
    elementwise=True,
    floating=True,
)
def lerp(xp: Any, x: Array, y: Array, weight: Array, /) -> Array:
    """``(1 - weight) * x + weight * y``: from ``x`` to ``y`` as the weight goes from 0 to 1."""
    return (1 - weight) * x + weight * y


@op(elementwise=True, floating=True)
def nextafter(xp: Any, x: Array, y: Array, /) -> Array:
    """The next float from ``x`` towards ``y``; it has no gradient."""
    return xp.nextafter(x, y)


@op(elementwise=True)
def equal(xp: Any, x: Array, y: Array, /) -> Array:
    """``x == y``, elementwise."""
    return xp.equal(x, y)


@op(elementwise=True)
def not_equal(xp: Any, x: Array, y: Array, /) -> Array:
    """``x != y``, elementwise."""
    return xp.not_equal(x, y)


@op(elementwise=True)
def less(xp: Any, x: Array, y: Array, /) -> Array:
    """``x < y``, elementwise."""
    return xp.less(x, y)


@op(elementwise=True)
def less_equal(xp: Any, x: Array, y: Array, /) -> Array:
    """``x <= y``, elementwise."""
    return xp.less_equal(x, y)


@op(elementwise=True)
def greater(xp: Any, x: Array, y: Array, /) -> Array:
    """``x > y``, elementwise."""
    return xp.greater(x, y)


@op(elementwise=True)
def greater_equal(xp: Any, x: Array, y: Array, /) -> Array:
    """``x >= y``, elementwise."""
    return xp.greater_equal(x, y)


@op(elementwise=True)
def isnan(xp: Any, x: Array, /) -> Array:
    """Whether each value is NaN."""
    return xp.isnan(x)


@op(elementwise=True)
def isinf(xp: Any, x: Array, /) -> Array:
    """Whether each value is infinite."""
    return xp.isinf(x)


@op(elementwise=True)
def isfinite(xp: Any, x: Array, /) -> Array:
    """Whether each value is neither NaN nor infinite."""
    return xp.isfinite(x)


@op(elementwise=True)
def signbit(xp: Any, x: Array, /) -> Array:
    """Whether each value has a minus sign, which -0.0 has too."""
    return xp.signbit(x)


@op(elementwise=True, promote=())
def logical_not(xp: Any, x: Array, /) -> Array:
    """``not x``, elementwise."""
    return xp.logical_not(x)


@op(elementwise=True, promote=())
def logical_and(xp: Any, x: Array, y: Array, /) -> Array:
    """``x and y``, elementwise."""
    return xp.logical_and(x, y)


@op(elementwise=True, promote=())
def logical_or(xp: Any, x: Array, y: Array, /) -> Array:
    """``x or y``, elementwise."""
    return xp.logical_or(x, y)


@op(elementwise=True, promote=())
def logical_xor(xp: Any, x: Array, y: Array, /) -> Array:
    """Whether one of ``x`` and ``y`` is true and the other is not, elementwise."""
    return xp.logical_xor(x, y)
