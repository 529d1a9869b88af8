"""Rows of the op table: angles, right triangles, and their hyperbolic kin."""

import numpy as np

from .case import Case, M, S, binary, special, unary
from .generated import elementwise, same

inf, nan, pi = np.inf, np.nan, np.pi
CASES = [
    *unary("sin"),
    *unary("cos"),
    *unary("tan", low=-1.2, high=1.2),
    *unary("arcsin", low=-0.9, high=0.9),
    *unary("arccos", low=-0.9, high=0.9),
    *unary("arctan"),
    *binary("arctan2", low=0.5, high=2.0),
    Case("arctan2", (M, M), low=-2.0, high=-0.5, label="third quadrant"),
    *binary("hypot", low=0.5, high=2.0),
    Case("hypot", (M, M), low=-2.0, high=-0.5, label="negative"),
    *unary("sinh"),
    *unary("cosh"),
    *unary("arcsinh"),
    *unary("arccosh", low=1.5, high=4.0),
    *unary("arctanh", low=-0.9, high=0.9),
    *unary("sinc"),
    *(Case("sinc_derivative", (shape,), {"n": n}) for n in (1, 2, 3) for shape in (M, S)),
    Case("sinc_derivative", (M,), {"n": 2}, low=-1e-3, high=1e-3, label="near 0"),
    Case("sinc_derivative", (M,), {"n": 1}, low=0.8, high=1.1, label="where methods meet"),
]  # fmt: skip
SPECIAL = [
    special("sin", [0.0], 0.0, [1.0]),
    special("sin", [1000.0], np.sin(1000.0), [np.cos(1000.0)]),
    special("sin", [inf], nan, [nan]),
    special("cos", [0.0], 1.0, [0.0]),
    special("cos", [-inf], nan, [nan]),
    special("tan", [0.0], 0.0, [1.0]),
    special("tan", [inf], nan, [nan]),
    special("arcsin", [0.0], 0.0, [1.0]),
    special("arcsin", [1.0], pi / 2, [inf]),
    special("arcsin", [-1.0], -pi / 2, [inf]),
    special("arcsin", [2.0], nan, [nan]),
    special("arcsin", [nan], nan, [nan]),
    special("arccos", [1.0], 0.0, [-inf]),
    special("arccos", [-1.0], pi, [-inf]),
    special("arccos", [inf], nan, [nan]),
    special("arctan", [1000.0], np.arctan(1000.0), [1 / 1000001.0]),
    special("arctan", [inf], pi / 2, [0.0]),
    special("arctan", [-inf], -pi / 2, [0.0]),
    special("arctan", [nan], nan, [nan]),
    special("arctan2", [0.0, 0.0], 0.0, [0.0, 0.0]),
    special("arctan2", [0.0, 1.0], 0.0, [1.0, 0.0]),
    special("arctan2", [0.0, -1.0], pi, [-1.0, 0.0]),
    special("arctan2", [-0.0, -1.0], -pi, [-1.0, 0.0]),
    special("arctan2", [1.0, 0.0], pi / 2, [0.0, -1.0]),
    special("arctan2", [inf, 1.0], pi / 2, [0.0, nan]),
    special("arctan2", [1.0, inf], 0.0, [nan, 0.0]),
    special("arctan2", [inf, inf], pi / 4, [nan, nan]),
    special(
        "arctan2", [1e-200, 1e-200], pi / 4, [5e199, -5e199], "infinite, as the squares underflow"
    ),
    special("hypot", [0.0, 0.0], 0.0, [0.0, 0.0], "NaN, as it divides 0 by 0"),
    special("hypot", [0.0, -1.0], 1.0, [0.0, -1.0]),
    special("hypot", [3.0, 0.0], 3.0, [1.0, 0.0]),
    special("hypot", [1e200, 1e200], np.sqrt(2) * 1e200, [np.sqrt(0.5), np.sqrt(0.5)]),
    special("hypot", [inf, 1.0], inf, [nan, 0.0]),
    special("hypot", [nan, inf], inf, [nan, nan]),
    special("sinh", [0.0], 0.0, [1.0]),
    special("sinh", [1000.0], inf, [inf]),
    special("sinh", [-1000.0], -inf, [inf]),
    special("cosh", [0.0], 1.0, [0.0]),
    special("cosh", [1000.0], inf, [inf]),
    special("cosh", [-1000.0], inf, [-inf]),
    special("arcsinh", [1000.0], np.arcsinh(1000.0), [1 / np.hypot(1000.0, 1.0)]),
    special("arcsinh", [1e200], np.arcsinh(1e200), [1e-200], "0, as the square overflows"),
    special("arcsinh", [-inf], -inf, [0.0]),
    special("arccosh", [1.0], 0.0, [inf]),
    special("arccosh", [0.0], nan, [nan]),
    special("arccosh", [-1.0], nan, [nan], "inf"),
    special("arccosh", [-2.0], nan, [nan], "a number"),
    special("arccosh", [1e200], np.arccosh(1e200), [1e-200], "0, as the square overflows"),
    special("arccosh", [inf], inf, [0.0]),
    special("arctanh", [0.0], 0.0, [1.0]),
    special("arctanh", [1.0], inf, [inf]),
    special("arctanh", [-1.0], -inf, [inf]),
    special("arctanh", [2.0], nan, [-1 / 3]),
    special("sinc", [0.0], 1.0, [0.0]),
    special("sinc", [1e-9], 1.0, [-(np.pi**2) / 3 * 1e-9], "0, as its formula cancels"),
    special("sinc", [1.0], np.sinc(1.0), [-1.0]),
    special("sinc", [inf], nan, [nan]),
]
GENERATED = [
    *same("sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "arcsinh", "arctanh"),
    elementwise("arccosh", apart=lambda x: x <= -1),
    elementwise(
        "arctan2", 2, low=-4.0, apart=lambda y, x: (np.hypot(x, y) < 1e-2) & ((x != 0) | (y != 0))
    ),
    elementwise("hypot", 2, apart=lambda x, y: (x == 0) & (y == 0)),
    elementwise("sinc", apart=lambda x: (np.abs(x) < 0.02) & (x != 0)),
]


# ---------------------------------------------------------------- PyTorch
SAME_NAME = "sin cos tan arcsin arccos arctan arctan2 hypot sinh cosh arcsinh arccosh arctanh sinc"
NOT_IN_TORCH = {"sinc_derivative": "the derivatives of sinc, which are compared as such"}


def counterparts(torch):
    """PyTorch's function for each op here."""
    return {name: getattr(torch, name) for name in SAME_NAME.split()}
