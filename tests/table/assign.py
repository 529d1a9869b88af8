"""Rows of the op table: what a recorded write in place becomes."""

import numpy as np
from hypothesis import strategies as st

from autodiff.ops.indexing import getitem
from autodiff.ops.shape import reshape, transpose

from . import strategies
from .case import MASK, B, Case, M, S
from .generated import Generated

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


@st.composite
def writes(draw):
    """An array, a view of it, an index of the view, and what is written there."""
    x = target = draw(strategies.arrays(least=1))
    path = []
    for _ in range(draw(st.integers(0, 2))):
        kind = draw(st.sampled_from(["index", "reshape", "transpose"]))
        if kind == "index":
            view = getitem, (draw(strategies.basic(target.shape, backward=False)),)
        elif kind == "reshape":
            view = reshape, ((*target.shape[::-1], 1),)
        else:
            view = transpose, (None,)
        viewed = view[0](target, *view[1])
        if np.shares_memory(viewed, x):  # a reshape may be a copy
            target, path = viewed, [*path, view]
    index = draw(strategies.indices_for_writing(target.shape))
    shape = target[index].shape
    start = draw(st.integers(0, len(shape)))
    return [x, draw(strategies.normal(shape[start:]))], {"path": tuple(path), "index": index}


GENERATED = [Generated("assign", writes())]


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
                target = target.permute(tuple(range(target.ndim))[::-1])
        if isinstance(index, np.ndarray):
            index = torch.tensor(index)
        elif isinstance(index, tuple):
            index = tuple(torch.tensor(i) if isinstance(i, np.ndarray) else i for i in index)
        target[index] = value
        return out

    return {"assign": assign}
