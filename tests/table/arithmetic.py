"""Rows of the op table: sums, products, choices between two values, comparisons."""

import numpy as np

from .case import Case, M, binary, special, unary

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
    *unary("logical_not"),
    *binary("logical_and"),
    *binary("logical_or"),
]  # fmt: skip
SPECIAL = [
    special("absolute", [0.0], 0.0, [0.0]),
    special("sign", [0.0], 0.0, [0.0]),
    special("maximum", [2.0, 2.0], 2.0, [0.5, 0.5]),
    special("minimum", [2.0, 2.0], 2.0, [0.5, 0.5]),
    special("maximum", [nan, 2.0], nan, [1.0, 1.0]),
    special("divide", [1.0, 0.0], inf, [inf, -inf]),
    special("divide", [0.0, 0.0], nan, [inf, nan]),
    special("power", [0.0, 2.0], 0.0, [0.0, 0.0]),
    special("power", [0.0, 0.0], 1.0, [0.0, 0.0]),
    special("power", [2.0, 0.0], 1.0, [0.0, np.log(2.0)]),
    special("power", [-2.0, 2.0], 4.0, [-4.0, nan]),
]


# ---------------------------------------------------------------- PyTorch
SAME_NAME = (
    "add subtract multiply divide maximum minimum negative sign square less less_equal "
    "greater greater_equal isnan isfinite logical_not logical_and logical_or"
)


def counterparts(torch):
    """PyTorch's function for each op here."""
    return {name: getattr(torch, name) for name in SAME_NAME.split()} | {
        "absolute": torch.abs,
        "equal": torch.eq,
        "not_equal": torch.ne,
        "power": torch.pow,
    }
