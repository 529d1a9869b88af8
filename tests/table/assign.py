"""Rows of the op table: what a recorded write in place becomes."""

import numpy as np

from autodiff.ops.indexing import getitem
from autodiff.ops.shape import reshape, transpose

from .case import MASK, B, Case, M, S

FLIPPED = ((reshape, ((4, 3, 2),)), (transpose, (None,)))
ROW = ((getitem, (1,)),)

CASES = [
    Case("assign", (M, M)),
    Case("assign", (M, (4,)), {"index": 1}),
    Case("assign", (M, S), {"index": (slice(None), slice(1, 3))}),
    Case("assign", (M, 0.0), {"index": (..., 0)}),
    Case("assign", (M, S), {"index": MASK}, label="mask"),
    Case("assign", (B, (2, 2, 4)), {"index": (slice(None), np.array([2, 0]))}, label="list"),
    Case("assign", (M, (4,)), {"path": ROW}, label="row"),
    Case("assign", (B, (3, 4)), {"path": FLIPPED, "index": 1}, label="path"),
    Case("assign", ((0, 3), (3,)), {"index": ...}, label="empty"),
]  # fmt: skip


# ---------------------------------------------------------------- PyTorch
def counterparts(torch):
    """PyTorch's function for each op here."""

    def assign(x, value, path=(), index=...):
        out = target = x.clone()
        for view, options in path:
            if view is getitem:
                target = target[options[0]]
            elif view is reshape:
                target = target.reshape(options[0])
            else:
                target = target.permute(*range(target.ndim)[::-1])
        if isinstance(index, np.ndarray):
            index = torch.tensor(index)
        elif isinstance(index, tuple):
            index = tuple(torch.tensor(i) if isinstance(i, np.ndarray) else i for i in index)
        target[index] = value
        return out

    return {"assign": assign}
