"""Rows of the op table: rounding, and what is left of a division."""

import numpy as np

from .case import Case, M, binary, special, unary
from .generated import same

inf, nan = np.inf, np.nan
CASES = [
    *unary("floor"),
    *unary("ceil"),
    *unary("trunc"),
    *unary("round"),
    Case("round", (M,), {"decimals": 1}),
    Case("round", (M,), {"decimals": -1}, low=-40.0, high=40.0),
    *binary("floor_divide", low=0.5, high=3.0),
    *binary("remainder", low=0.5, high=3.0),
    Case("remainder", (M, -1.5)),
    Case("remainder", (np.array([7, -7, 5]), np.array([-3, 3, 5])), label="int"),
    Case("floor_divide", (np.array([7, -7, 5]), np.array([-3, 3, 5])), label="int"),
]  # fmt: skip
SPECIAL = [
    special("floor", [1.0], 1.0, [0.0]),
    special("floor", [-0.5], -1.0, [0.0]),
    special("floor", [-0.0], -0.0, [0.0]),
    special("floor", [inf], inf, [0.0]),
    special("floor", [nan], nan, [0.0]),
    special("ceil", [-0.5], -0.0, [0.0]),
    special("ceil", [-inf], -inf, [0.0]),
    special("ceil", [nan], nan, [0.0]),
    special("trunc", [-1.5], -1.0, [0.0]),
    special("trunc", [-0.5], -0.0, [0.0]),
    special("trunc", [inf], inf, [0.0]),
    special("round", [0.5], 0.0, [0.0]),
    special("round", [1.5], 2.0, [0.0]),
    special("round", [2.5], 2.0, [0.0]),
    special("round", [-0.5], -0.0, [0.0]),
    special("round", [-2.5], -2.0, [0.0]),
    special("round", [inf], inf, [0.0]),
    special("round", [nan], nan, [0.0]),
    special("floor_divide", [-5.0, 3.0], -2.0, [0.0, 0.0]),
    special("floor_divide", [5.0, -3.0], -2.0, [0.0, 0.0]),
    special("floor_divide", [1.0, 0.0], inf, [0.0, 0.0]),
    special("floor_divide", [-1.0, 0.0], -inf, [0.0, 0.0]),
    special("floor_divide", [1.0, -0.0], -inf, [0.0, 0.0]),
    special("floor_divide", [0.0, 0.0], nan, [0.0, 0.0]),
    special("floor_divide", [nan, 0.0], nan, [0.0, 0.0]),
    special("floor_divide", [inf, 1.0], nan, [0.0, 0.0]),
    special("floor_divide", [1.0, inf], 0.0, [0.0, 0.0]),
    special("floor_divide", [-1.0, inf], -1.0, [0.0, 0.0]),
    special("remainder", [-5.0, 3.0], 1.0, [1.0, 2.0]),
    special("remainder", [5.0, -3.0], -1.0, [1.0, 2.0]),
    special("remainder", [6.0, 3.0], 0.0, [1.0, -2.0]),
    special("remainder", [1.0, 0.0], nan, [1.0, -inf]),
    special("remainder", [-1.0, 0.0], nan, [1.0, inf]),
    special("remainder", [0.0, 0.0], nan, [1.0, nan]),
    special("remainder", [inf, 1.0], nan, [1.0, nan]),
    special("remainder", [1.0, inf], 1.0, [1.0, 0.0]),
    special("remainder", [-1.0, inf], inf, [1.0, 1.0]),
    special("remainder", [1.0, -inf], -inf, [1.0, 1.0]),
]
GENERATED = [
    *same("floor", "ceil", "trunc", "round"),
    *same("floor_divide", "remainder", operands=2),
]


# ---------------------------------------------------------------- PyTorch
SAME_NAME = "floor ceil trunc round remainder"


def counterparts(torch):
    """PyTorch's function for each op here."""
    return {name: getattr(torch, name) for name in SAME_NAME.split()} | {
        # torch.floor_divide is the same, but no gradient passes it.
        "floor_divide": lambda x, y: torch.div(x, y, rounding_mode="floor"),
        "round": lambda x, decimals=0: torch.round(x, decimals=decimals),
    }
