"""The array namespace of scalar mode: NumPy's names over Python floats, with IEEE results.

``math`` raises where IEEE 754 has an answer (``exp(1000)``, ``log(0)``, ``1 / 0``); these
functions return the ``inf`` or ``nan`` that NumPy returns, so one op body serves both.
"""

import builtins
import math
from math import inf, nan
from typing import Any

__name__ = "autodiff.floats"
pi, e = math.pi, math.e


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


def exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return inf


def log(x: float) -> float:
    if x > 0 or x != x:
        return math.log(x)
    return -inf if x == 0 else nan


def log1p(x: float) -> float:
    if x > -1 or x != x:
        return math.log1p(x)
    return -inf if x == -1 else nan


def expm1(x: float) -> float:
    try:
        return math.expm1(x)
    except OverflowError:
        return inf


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


def logical_not(x: Any) -> bool:
    return not x


def logical_and(x: Any, y: Any) -> bool:
    return bool(x) and bool(y)


def logical_or(x: Any, y: Any) -> bool:
    return bool(x) or bool(y)


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"xp.{name} has no scalar mode: it works on arrays; use ad.tensor(...) instead of ad.Scalar"
    )
