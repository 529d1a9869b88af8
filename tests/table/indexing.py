"""Rows of the op table: indexing."""

import numpy as np

from .case import MASK, B, Case, M

CASES = [
    Case("getitem", (B,), {"index": 1}),
    Case("getitem", (B,), {"index": (slice(None), slice(2, 0, -1), None, ...)}),
    Case("getitem", (B,), {"index": (..., 0)}),
    Case("getitem", (B,), {"index": (1, 2, 3)}),
    Case("getitem", (M,), {"index": MASK}, label="mask"),
    Case("getitem", (B,), {"index": (slice(None), np.array([0, 2, 0]))}, label="duplicates"),
    Case("getitem", (B,), {"index": (np.array([0, 1]), slice(1, 3), np.array([[1], [1]]))},
         label="mixed"),
    Case("unindex", ((3, 2),), {"index": (slice(None), slice(1, 3)), "shape": M}),
    Case("unindex", ((3, 4),), {"index": np.array([0, 1, 0]), "shape": (2, 4)}, label="duplicates"),
]  # fmt: skip


# ---------------------------------------------------------------- PyTorch
def counterparts(torch):
    """PyTorch's function for each op here."""

    def places(shape, index):
        """Where an index points in the flattened array, by NumPy's rules."""
        return torch.as_tensor(np.arange(np.prod(shape)).reshape(shape)[index].copy())

    def getitem(x, index):
        parts = index if isinstance(index, tuple) else (index,)
        if any(isinstance(i, slice) and (i.step or 1) < 0 for i in parts):
            return torch.take(x, places(x.shape, index))  # PyTorch has no negative steps
        return x[tuple(torch.tensor(i) if isinstance(i, np.ndarray) else i for i in parts)]

    def unindex(x, index, shape):
        flat = torch.zeros(int(np.prod(shape)), dtype=x.dtype)
        return flat.index_put((places(shape, index),), x, accumulate=True).reshape(shape)

    return {
        "getitem": getitem,
        "unindex": unindex,
    }
