"""The array namespace of scalar mode: NumPy's names over Python floats, with IEEE results.

``math`` raises where IEEE 754 has an answer (``exp(1000)``, ``log(0)``, ``1 / 0``); these
functions return the ``inf`` or ``nan`` that NumPy returns, so one op body serves both.
"""

import builtins
import math
from collections.abc import Callable
from math import inf, nan
from typing import Any

from ._special import FloatSpecial

__name__ = "autodiff.floats"
pi, e = math.pi, math.e
special = FloatSpecial()


def asarray(x: Any, dtype: Any = None) -> float:
    return float(x)


def array(x: Any) -> float:
    return float(x)


def zeros_like(x: float) -> float:
    return 0.0


def ones_like(x: float) -> float:
    return 1.0


def zeros(shape: tuple[()], dtype: Any = None) -> float:
    return 0.0


def add(x: float, y: float) -> float:
    return x + y


def subtract(x: float, y: float) -> float:
    return x - y


def multiply(x: float, y: float) -> float:
    return x * y


def divide(x: float, y: float) -> float:
    try:
        return x / y
    except ZeroDivisionError:
        if x != x or x == 0:
            return nan
        return math.copysign(inf, x) * math.copysign(1.0, y)


def floor_divide(x: float, y: float) -> float:
    return x // y if y else divide(x, y)


def remainder(x: float, y: float) -> float:
    return x % y if y else nan


def power(x: float, y: float) -> float:
    try:
        return math.pow(x, y)
    except OverflowError:
        odd = y % 2 == 1
        return -inf if x < 0 and odd else inf
    except ValueError:
        if x == 0:  # a pole: 0 ** negative
            return math.copysign(inf, x) if y % 2 == 1 else inf
        return nan  # a negative base with a fractional exponent


def negative(x: float) -> float:
    return -x


def absolute(x: float) -> float:
    return builtins.abs(x)


def sign(x: float) -> float:
    return x if x != x else float((x > 0) - (x < 0))


def square(x: float) -> float:
    return x * x


def sqrt(x: float) -> float:
    return nan if x < 0 else math.sqrt(x)


cbrt, hypot, copysign, nextafter = math.cbrt, math.hypot, math.copysign, math.nextafter


def _rounding(to_integer: Callable[[float], int]) -> Callable[[float], float]:
    def rounded(x: float) -> float:
        return math.copysign(to_integer(x), x) if math.isfinite(x) else x  # -0.5 becomes -0.0

    return rounded


floor, ceil, trunc = _rounding(math.floor), _rounding(math.ceil), _rounding(math.trunc)
rint = _rounding(builtins.round)


def round(x: float, decimals: int = 0) -> float:
    if decimals < 0:
        return rint(x / 10.0**-decimals) * 10.0**-decimals
    return rint(x * 10.0**decimals) / 10.0**decimals if decimals else rint(x)


def _unbounded(function: Callable[[float], float]) -> Callable[[float], float]:
    """A positive function, which overflows."""

    def computed(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return inf

    return computed


exp, exp2, cosh = _unbounded(math.exp), _unbounded(math.exp2), _unbounded(math.cosh)
expm1 = _unbounded(math.expm1)


def sinh(x: float) -> float:
    try:
        return math.sinh(x)
    except OverflowError:
        return math.copysign(inf, x)


def _logarithm(function: Callable[[float], float], zero: float) -> Callable[[float], float]:
    """A logarithm of math's, which is -inf at ``zero`` and NaN below it."""

    def computed(x: float) -> float:
        if x > zero or x != x:
            return function(x)
        return -inf if x == zero else nan

    return computed


log, log2, log10 = _logarithm(math.log, 0), _logarithm(math.log2, 0), _logarithm(math.log10, 0)
log1p = _logarithm(math.log1p, -1)


def logaddexp(x: float, y: float) -> float:
    if x == y:  # infinities too, whose difference is NaN
        return x + math.log(2)
    return maximum(x, y) + math.log1p(math.exp(-builtins.abs(x - y)))


def _partial(function: Callable[[float], float]) -> Callable[[float], float]:
    """A function of math's, NaN outside of its domain."""

    def computed(x: float) -> float:
        try:
            return function(x)
        except ValueError:
            return nan

    return computed


sin, cos, tan = _partial(math.sin), _partial(math.cos), _partial(math.tan)
arcsin, arccos, arccosh = _partial(math.asin), _partial(math.acos), _partial(math.acosh)
arctan, arctan2, arcsinh = math.atan, math.atan2, math.asinh


def arctanh(x: float) -> float:
    if builtins.abs(x) == 1:
        return math.copysign(inf, x)
    return math.atanh(x) if not builtins.abs(x) > 1 else nan


def sinc(x: float) -> float:
    return sin(pi * x) / (pi * x) if x else 1.0


tanh = math.tanh


def maximum(x: float, y: float) -> float:
    return x if x != x or x >= y else y


def minimum(x: float, y: float) -> float:
    return x if x != x or x <= y else y


def where(condition: Any, x: float, y: float) -> float:
    return x if condition else y


def equal(x: float, y: float) -> bool:
    return x == y


def not_equal(x: float, y: float) -> bool:
    return x != y


def less(x: float, y: float) -> bool:
    return x < y


def less_equal(x: float, y: float) -> bool:
    return x <= y


def greater(x: float, y: float) -> bool:
    return x > y


def greater_equal(x: float, y: float) -> bool:
    return x >= y


isnan, isinf, isfinite = math.isnan, math.isinf, math.isfinite


def signbit(x: float) -> bool:
    return math.copysign(1.0, x) < 0


def logical_not(x: Any) -> bool:
    return not x


def logical_and(x: Any, y: Any) -> bool:
    return bool(x) and bool(y)


def logical_or(x: Any, y: Any) -> bool:
    return bool(x) or bool(y)


def logical_xor(x: Any, y: Any) -> bool:
    return bool(x) != bool(y)


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"xp.{name} has no scalar mode: it works on arrays; use ad.tensor(...) instead of ad.Scalar"
    )
