"""Rows of the op table: running sums and products."""

import numpy as np

from .case import B, Case, M, S, special
from .generated import Generated
from .strategies import along, one_or_none


def holes(x):
    """With zeros at the start, in the middle and at the end."""
    x = x.copy()
    x.flat[:: max(x.size // 3, 1)] = 0
    x.flat[-1:] = 0
    return x


def rows(op):
    return [
        Case(op, (B,)),
        Case(op, (B,), {"axis": 1}),
        Case(op, (B,), {"axis": -1}),
        Case(op, ((1, 3),), {"axis": 0}),
        Case(op, ((0, 3),), {"axis": 0}),
        Case(op, ((0, 3),), {"axis": 1}),
        Case(op, (S,)),
        Case(op, (M,), {"axis": 0, "dtype": np.float64}, half="it is about dtypes"),
    ]


CASES = [
    *rows("cumsum"),
    *rows("cumprod"),
    Case("cumprod", ((7,),)),
    Case("cumprod", ((9,),), {"axis": 0}, prepare=holes, label="zeros"),
    Case("cumprod", (B,), {"axis": 2}, prepare=holes, label="zeros along 2"),
]  # fmt: skip
SPECIAL = [
    special("cumprod", [[2.0, 0.0, 3.0]], [2.0, 0.0, 0.0], [[1.0, 8.0, 0.0]]),
]

GENERATED = [Generated(op, along(one_or_none)) for op in ("cumsum", "cumprod")]


# ---------------------------------------------------------------- PyTorch
def counterparts(torch):
    """PyTorch's function for each op here."""

    def scan(fn):
        def call(x, axis=None, dtype=None):
            return fn(x.reshape(-1), 0) if axis is None else fn(x, axis)

        return call

    return {"cumsum": scan(torch.cumsum), "cumprod": scan(torch.cumprod)}
