"""Emitters of elementwise ops."""

from math import log, pi
from typing import Any

import numpy as np

from .building import Builder, Step
from .table import emits, same

for _op, _kind in {
    "absolute": "Abs", "negative": "Neg", "exp": "Exp", "log": "Log", "sqrt": "Sqrt",
    "reciprocal": "Reciprocal", "sin": "Sin", "cos": "Cos", "tan": "Tan", "arcsin": "Asin",
    "arccos": "Acos", "arctan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "arcsinh": "Asinh",
    "arccosh": "Acosh", "arctanh": "Atanh", "tanh": "Tanh", "sigmoid": "Sigmoid", "erf": "Erf",
    "floor": "Floor", "ceil": "Ceil", "sign": "Sign", "isnan": "IsNaN", "isinf": "IsInf",
    "relu": "Relu", "softsign": "Softsign", "mish": "Mish", "hardswish": "HardSwish",
    "divide": "Div", "power": "Pow", "where": "Where", "positive": "Identity",
    "clone": "Identity", "move": "Identity",
    "prelu": "PRelu",
}.items():  # fmt: skip
    same(_op, _kind)


def two(op: str, kind: str, bools: str = "") -> None:
    """An op of two operands, which may be another one for bools."""

    @emits(op)
    def emit(g: Builder, s: Step) -> Any:
        return g.add(bools if bools and s.dtypes[0] == np.bool_ else kind, *s.inputs)


two("add", "Add", "Or")
two("subtract", "Sub")
two("multiply", "Mul", "And")
two("maximum", "Max", "Or")
two("minimum", "Min", "And")
two("equal", "Equal")
two("bitwise_and", "BitwiseAnd", "And")
two("bitwise_or", "BitwiseOr", "Or")
two("bitwise_xor", "BitwiseXor", "Xor")
two("bitwise_invert", "BitwiseNot", "Not")


def compared(op: str, kind: str, opposite: bool = False) -> None:
    """A comparison; ONNX has none of bools."""

    @emits(op)
    def emit(g: Builder, s: Step) -> Any:
        x, y = [g.cast(x, np.int32) if d == np.bool_ else x for x, d in zip(s.inputs, s.dtypes)]
        made = g.add(kind, x, y)
        return g.add("Not", made) if opposite else made


compared("not_equal", "Equal", opposite=True)
compared("less", "Less")
compared("less_equal", "LessOrEqual")
compared("greater", "Greater")
compared("greater_equal", "GreaterOrEqual")


def logical(op: str, kind: str) -> None:
    """An op on truth values, which other dtypes become first."""

    @emits(op)
    def emit(g: Builder, s: Step) -> Any:
        return g.add(kind, *[truth(g, x, d) for x, d in zip(s.inputs, s.dtypes)])


def truth(g: Builder, x: Any, dtype: Any) -> str:
    """Which values are not 0."""
    if dtype is None:  # a number
        return g.constant(np.asarray(bool(x)))
    return x if dtype == np.bool_ else g.cast(x, bool)


logical("logical_and", "And")
logical("logical_or", "Or")
logical("logical_xor", "Xor")
logical("logical_not", "Not")


@emits("bitwise_left_shift", "bitwise_right_shift")
def _(g: Builder, s: Step) -> Any:
    left = s.name == "bitwise_left_shift"
    if s.dtype.kind == "u":
        return g.add("BitShift", *s.inputs, direction="LEFT" if left else "RIGHT")
    x, y = s.inputs
    power = g.cast(g.add("Pow", g.number(2, np.float64), g.cast(y, np.float64)), s.dtype)
    return g.add("Mul", x, power) if left else _floored(g, x, power)


@emits("astype")
def _(g: Builder, s: Step) -> Any:
    return g.cast(s.x, s.dtype)


@emits("square")
def _(g: Builder, s: Step) -> Any:
    return g.add("Mul", s.x, s.x)


@emits("rsqrt")
def _(g: Builder, s: Step) -> Any:
    return g.add("Reciprocal", g.add("Sqrt", s.x))


@emits("cbrt")
def _(g: Builder, s: Step) -> Any:
    root = g.add("Pow", g.add("Abs", s.x), g.number(1 / 3, s.dtype))
    return g.add("Mul", g.add("Sign", s.x), root)


@emits("exp2")
def _(g: Builder, s: Step) -> Any:
    return g.add("Pow", g.number(2, s.dtype), s.x)


@emits("expm1")
def _(g: Builder, s: Step) -> Any:
    half = g.add("Tanh", g.add("Mul", s.x, g.number(0.5, s.dtype)))  # exact near 0
    return g.add("Mul", half, g.add("Add", g.add("Exp", s.x), g.number(1, s.dtype)))


@emits("log1p")
def _(g: Builder, s: Step) -> Any:
    one = g.number(1, s.dtype)
    u = g.add("Add", s.x, one)
    whole = g.add("Log", u)
    rounded = g.add("Sub", u, one)  # what of x is left in u: the logarithm is corrected by it
    near = g.add("Mul", whole, g.add("Div", s.x, rounded))
    near = g.add("Where", g.add("Equal", rounded, g.number(0, s.dtype)), s.x, near)
    return g.add("Where", g.add("Less", g.add("Abs", s.x), one), near, whole)


@emits("log2", "log10")
def _(g: Builder, s: Step) -> Any:
    base = 2 if s.name == "log2" else 10
    return g.add("Mul", g.add("Log", s.x), g.number(1 / log(base), s.dtype))


@emits("logaddexp")
def _(g: Builder, s: Step) -> Any:
    x, y = s.inputs
    top = g.add("Max", x, y)
    away = g.add("Exp", g.add("Neg", g.add("Abs", g.add("Sub", x, y))))
    sum_ = g.add("Add", top, g.add("Log", g.add("Add", away, g.number(1, s.dtype))))
    return g.add("Where", g.add("IsInf", top), top, sum_)


@emits("hypot")
def _(g: Builder, s: Step) -> Any:
    x, y = [g.add("Abs", x) for x in s.inputs]
    long, short = g.add("Max", x, y), g.add("Min", x, y)
    ratio = g.add("Div", short, long)
    root = g.add("Sqrt", g.add("Add", g.add("Mul", ratio, ratio), g.number(1, s.dtype)))
    plain = g.add("Or", g.add("Equal", long, g.number(0, s.dtype)), g.add("IsInf", long))
    return g.add("Where", plain, long, g.add("Mul", long, root))


@emits("arctan2")
def _(g: Builder, s: Step) -> Any:
    y, x = s.inputs
    zero = g.number(0, s.dtype)
    below = g.add("Less", y, zero)
    half = g.add("Where", below, g.number(-pi, s.dtype), g.number(pi, s.dtype))
    slope = g.add("Atan", g.add("Div", y, x))
    turned = g.add("Where", g.add("Less", x, zero), g.add("Add", slope, half), slope)
    quarter = g.add("Mul", g.add("Sign", y), g.number(pi / 2, s.dtype))
    return g.add("Where", g.add("Equal", x, zero), quarter, turned)


@emits("erfc")
def _(g: Builder, s: Step) -> Any:
    return g.add("Sub", g.number(1, s.dtype), g.add("Erf", s.x))


@emits("sinc")
def _(g: Builder, s: Step) -> Any:
    angle = g.add("Mul", s.x, g.number(pi, s.dtype))
    still = g.add("Equal", s.x, g.number(0, s.dtype))
    return g.add("Where", still, g.number(1, s.dtype), g.add("Div", g.add("Sin", angle), angle))


@emits("trunc")
def _(g: Builder, s: Step) -> Any:
    return g.add("Mul", g.add("Sign", s.x), g.add("Floor", g.add("Abs", s.x)))


@emits("round")
def _(g: Builder, s: Step) -> Any:
    scale = g.number(10.0 ** s.options["decimals"], s.dtype)
    if not s.options["decimals"]:
        return g.add("Round", s.x)
    return g.add("Div", g.add("Round", g.add("Mul", s.x, scale)), scale)


@emits("floor_divide")
def _(g: Builder, s: Step) -> Any:
    if s.dtype.kind == "f":
        return g.add("Floor", g.add("Div", *s.inputs))
    return _floored(g, *s.inputs)


def _floored(g: Builder, x: str, y: str) -> str:
    """``x // y`` of integers."""
    rest = g.add("Mod", x, y)  # that of ONNX has the sign of the divisor, as Python's
    made: str = g.add("Div", g.add("Sub", x, rest), y)
    return made


@emits("remainder")
def _(g: Builder, s: Step) -> Any:
    if s.dtype.kind != "f":
        return g.add("Mod", *s.inputs)
    x, y = s.inputs
    zero = g.number(0, s.dtype)
    rest = g.add("Mod", x, y, fmod=1)  # it has the sign of x, ours that of y
    other = g.add("Less", g.add("Mul", g.add("Sign", rest), g.add("Sign", y)), zero)
    return g.add("Where", other, g.add("Add", rest, y), rest)


@emits("isfinite")
def _(g: Builder, s: Step) -> Any:
    return g.add("Not", g.add("Or", g.add("IsNaN", s.x), g.add("IsInf", s.x)))


def negative(g: Builder, x: str, dtype: Any) -> str:
    """Where there is a minus sign, that of -0 too."""
    zero = g.number(0, dtype)
    below = g.add("Less", g.add("Reciprocal", x), zero)
    made: str = g.add("Or", g.add("Less", x, zero), below)
    return made


@emits("signbit")
def _(g: Builder, s: Step) -> Any:
    return negative(g, s.x, s.dtypes[0])


@emits("copysign")
def _(g: Builder, s: Step) -> Any:
    size = g.add("Abs", s.x)
    return g.add("Where", negative(g, s.inputs[1], s.dtype), g.add("Neg", size), size)


@emits("clip")
def _(g: Builder, s: Step) -> Any:
    x, low, high = s.inputs
    if all(bound is None or shape == () for bound, shape in zip(s.inputs[1:], s.shapes[1:])):
        return g.add("Clip", x, low, high)
    x = x if low is None else g.add("Max", x, low)
    return x if high is None else g.add("Min", x, high)


# ---------------------------------------------------------------- activations
@emits("silu")
def _(g: Builder, s: Step) -> Any:
    return g.add("Mul", s.x, g.add("Sigmoid", s.x))


@emits("gelu")
def _(g: Builder, s: Step) -> Any:
    return g.add("Gelu", s.x, approximate=s.options["approximate"])


@emits("selu")
def _(g: Builder, s: Step) -> Any:
    return g.add("Selu", s.x)


@emits("elu", "celu")
def _(g: Builder, s: Step) -> Any:
    kind = "Elu" if s.name == "elu" else "Celu"
    return g.add(kind, s.x, alpha=float(s.options["alpha"]))


@emits("leaky_relu")
def _(g: Builder, s: Step) -> Any:
    return g.add("LeakyRelu", s.x, alpha=float(s.options["negative_slope"]))


@emits("hardsigmoid")
def _(g: Builder, s: Step) -> Any:
    return g.add("HardSigmoid", s.x, alpha=1 / 6, beta=0.5)


@emits("softmax", "log_softmax")
def _(g: Builder, s: Step) -> Any:
    kind = "Softmax" if s.name == "softmax" else "LogSoftmax"
    dim = s.options["dim"]
    return g.add(kind, s.x, axis=(0 if s.ndim in (0, 1, 3) else 1) if dim is None else dim)
