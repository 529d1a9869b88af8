"""Rows of the op table: functions of one value, and choices by a condition."""

import numpy as np

from .case import MASK, B, Case, M, S, special, unary

inf, nan = np.inf, np.nan
CASES = [
    *unary("exp"),
    *unary("expm1"),
    *unary("log", low=0.5, high=3.0),
    *unary("log1p", low=-0.5, high=3.0),
    *unary("sqrt", low=0.5, high=3.0),
    *unary("tanh"),
    *unary("sigmoid", low=-6.0, high=6.0),
    *unary("relu"),
    Case("where", (MASK, M, M)),
    Case("where", (MASK, (4,), S)),
    Case("where", (MASK, M, 0.0)),
    Case("where", (MASK, 1.0, M)),
    Case("clip", (M, -1.0, 1.0)),
    Case("clip", (M, None, 0.5)),
    Case("clip", (M, 0.5)),
    Case("clip", (B, (4,), (3, 1)), prepare=lambda x: 0.7 * x + 0.1 * x.ndim),
    *unary("clone"),
    Case("astype", (M,), {"dtype": np.float64}, half="it is about dtypes"),
    Case("move", (M,), {"device": "cpu", "source": "cpu"}),
]  # fmt: skip
SPECIAL = [
    special("relu", [0.0], 0.0, [0.0]),
    special("relu", [-1000.0], 0.0, [0.0]),
    special("sigmoid", [0.0], 0.5, [0.25]),
    special("sigmoid", [1000.0], 1.0, [0.0]),
    special("sigmoid", [-1000.0], 0.0, [0.0]),
    special("sigmoid", [-100.0], np.exp(-100.0), [np.exp(-100.0)]),
    special("sigmoid", [-inf], 0.0, [0.0]),
    special("tanh", [1000.0], 1.0, [0.0]),
    special("tanh", [-1000.0], -1.0, [0.0]),
    special("sqrt", [0.0], 0.0, [inf]),
    special("log", [0.0], -inf, [inf]),
    special("exp", [1000.0], inf, [inf]),
    special("exp", [-1000.0], 0.0, [0.0]),
    special("where", [True, 1.0, nan], 1.0, [None, 1.0, 0.0]),
    special("clip", [1.0, 1.0, 2.0], 1.0, [1.0, 0.0, 0.0]),
    special("clip", [2.0, 1.0, 2.0], 2.0, [1.0, 0.0, 0.0]),
    special("clip", [3.0, 1.0, 2.0], 2.0, [0.0, 0.0, 1.0]),
    special("clip", [0.0, 1.0, 2.0], 1.0, [0.0, 1.0, 0.0]),
]


# ---------------------------------------------------------------- PyTorch
SAME_NAME = "exp expm1 log log1p sqrt tanh sigmoid relu clone where"


def counterparts(torch):
    """PyTorch's function for each op here."""
    return {name: getattr(torch, name) for name in SAME_NAME.split()} | {
        "astype": lambda x, dtype: x.to(torch.float64),
        "clip": torch.clamp,
        "move": lambda x, device, source: x.to(device),
    }
