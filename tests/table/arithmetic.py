"""Rows of the op table: sums, products, choices between two values, comparisons."""

import numpy as np

from .case import Case, M, S, binary, special, unary
from .generated import FINITE, elementwise, same

inf, nan = np.inf, np.nan
CASES = [
    *binary("add"),
    *binary("subtract"),
    *binary("multiply"),
    *binary("divide", low=0.5, high=3.0),
    *binary("power", low=0.5, high=2.0),
    Case("power", (M, 2)),
    Case("power", (M, 3)),
    Case("power", (M, 0)),
    Case("power", (M, -1), low=0.5),
    *binary("maximum"),
    *binary("minimum"),
    *unary("negative"),
    *unary("positive"),
    *unary("reciprocal", low=0.5, high=3.0),
    *binary("copysign", low=0.5, high=2.0),
    Case("copysign", (M, M)),
    Case("lerp", (M, M, M)),
    Case("lerp", ((3, 1), (4,), S)),
    Case("lerp", (M, M, 0.3)),
    Case("lerp", (1.0, M, M)),
    Case("lerp", (S, S, S)),
    *binary("nextafter"),
    *unary("absolute"),
    *unary("sign"),
    *unary("square"),
    *binary("equal"),
    *binary("not_equal"),
    *binary("less"),
    *binary("less_equal"),
    *binary("greater"),
    *binary("greater_equal"),
    *unary("isnan"),
    *unary("isfinite"),
    *unary("isinf"),
    *unary("signbit"),
    *unary("logical_not"),
    *binary("logical_and"),
    *binary("logical_or"),
    *binary("logical_xor"),
]  # fmt: skip
SPECIAL = [
    special("absolute", [0.0], 0.0, [0.0]),
    special("absolute", [nan], nan, [nan], "0, as its `sign` of NaN is 0"),
    special("sign", [0.0], 0.0, [0.0]),
    special("sign", [nan], nan, [0.0], "0"),
    special("maximum", [2.0, 2.0], 2.0, [0.5, 0.5]),
    special("minimum", [2.0, 2.0], 2.0, [0.5, 0.5]),
    special("maximum", [nan, 2.0], nan, [1.0, 1.0]),
    special("divide", [1.0, 0.0], inf, [inf, -inf]),
    special("divide", [0.0, 0.0], nan, [inf, nan]),
    special("power", [0.0, 2.0], 0.0, [0.0, 0.0]),
    special("power", [0.0, 0.0], 1.0, [0.0, 0.0]),
    special("power", [2.0, 0.0], 1.0, [0.0, np.log(2.0)]),
    special("power", [-2.0, 2.0], 4.0, [-4.0, nan]),
    special("reciprocal", [0.0], inf, [-inf]),
    special("reciprocal", [-0.0], -inf, [-inf]),
    special("reciprocal", [inf], 0.0, [0.0]),
    special("copysign", [0.0, -1.0], -0.0, [0.0, 0.0]),
    special("copysign", [2.0, -0.0], -2.0, [-1.0, 0.0]),
    special("copysign", [-inf, 1.0], inf, [-1.0, 0.0]),
    special("copysign", [nan, 1.0], nan, [None, 0.0]),
    special("lerp", [1.0, 3.0, 0.0], 1.0, [1.0, 0.0, 2.0]),
    special("lerp", [0.1, 0.7, 1.0], 0.7, [0.0, 1.0, 0.6]),
    special("positive", [-0.0], -0.0, [1.0]),
]
GENERATED = [
    *same("add", "subtract", "multiply", "divide", "maximum", "minimum", operands=2),
    *same("negative", "positive", "square", "reciprocal"),
    *same("absolute", "sign", apart=np.isnan),
    elementwise("power", 2, low=0.1, at=(1.0, 2.0, 0.5)),
    elementwise("copysign", 2, at=FINITE),
    elementwise("lerp", 3, at=FINITE),
    *same("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", operands=2),
    *same("isnan", "isinf", "isfinite", "signbit", "logical_not"),
    *same("logical_and", "logical_or", "logical_xor", "nextafter", operands=2),
]


# ---------------------------------------------------------------- PyTorch
SAME_NAME = (
    "add subtract multiply divide maximum minimum negative sign square less less_equal "
    "greater greater_equal isnan isfinite logical_not logical_and logical_or logical_xor "
    "positive reciprocal lerp isinf signbit nextafter"
)


def counterparts(torch):
    """PyTorch's function for each op here."""
    return {name: getattr(torch, name) for name in SAME_NAME.split()} | {
        "absolute": torch.abs,
        # torch.copysign's rule divides, and leaves rounding errors as second derivative.
        "copysign": lambda x, y: torch.abs(x) * torch.copysign(torch.ones_like(y), y),
        "equal": torch.eq,
        "not_equal": torch.ne,
        "power": torch.pow,
    }
