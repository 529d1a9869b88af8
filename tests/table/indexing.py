"""Rows of the op table: indexing."""

import math

import numpy as np
from hypothesis import strategies as st

from .case import MASK, B, Case, M
from .generated import Generated
from .strategies import (
    LENGTHS,
    SELDOM,
    arrays,
    at_axis,
    distinct,
    indices,
    normal,
    numbers,
    one,
    one_or_none,
    shapes,
)

ALONG = np.array([[0, 2, 2, 1, -1], [1, 1, 1, 0, 2], [2, 0, 1, 0, 0]])  # along an axis, repeated
ORDER = np.array([[2, 0, 1, 1], [0, 1, 2, 0], [1, 2, 0, 2]])  # a permutation in each column

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
    Case("unindex", ((2, 3, 4),), {"index": np.array([[0, 1, -1], [0, 2, 0]]), "shape": M},
         label="table"),
    Case("unindex", ((5,),), {"index": (np.array([0, 1, 0, 2, 2]), 1), "shape": M}, label="places"),
    Case("take", (B, np.array([2, 0, 2])), {"axis": 1}, label="1"),
    Case("take", (B, np.array([[1, -1], [0, 1]])), {"axis": 0}, label="0"),
    Case("take", (B, np.array([5, 0, 5, -1])), label="flat"),
    Case("take", (B, 1), {"axis": -1}, label="int"),
    Case("take", ((3, 0), np.array([2, 2])), {"axis": 0}, label="empty"),
    Case("take_along_axis", (M, ALONG), {"axis": 1}, label="1"),
    Case("take_along_axis", (M, ALONG[:1]), {"axis": -1}, label="broadcast"),
    Case("take_along_axis", (M, np.array([5, 0, 5])), {"axis": None}, label="flat"),
    Case("untake_along_axis", ((3, 5), ALONG), {"axis": 1, "shape": M}, label="1"),
    Case("untake_along_axis", ((3,), np.array([5, 0, 5])), {"axis": None, "shape": M},
         label="flat"),
    Case("untake_along_axis", (M, ORDER), {"axis": 0, "shape": M, "distinct": True},
         label="distinct"),
    Case("put_along_axis", (M, ORDER[:2], (2, 4)), {"axis": 0}, label="0"),
    Case("put_along_axis", (M, ALONG, (3, 5)), {"axis": 1}, label="duplicates"),
    Case("put_along_axis", (M, ALONG[:1], (1, 5)), {"axis": 1}, label="broadcast"),
    Case("put_along_axis", (M, ALONG, ()), {"axis": 1}, label="number"),
    Case("put_along_axis", (M, np.array([5, 0, 5]), (3,)), {"axis": None}, label="flat"),
    Case("scatter_add", (M, ALONG, (3, 5)), {"axis": 1}, label="1"),
    Case("scatter_add", (M, ALONG[:2, :3], (3, 4)), {"axis": 1}, label="smaller"),
    Case("scatter_add", (M, ALONG[:, :4], ()), {"axis": 0}, label="number"),
    Case("index_add", (B, np.array([2, 0, 2, 2]), (2, 4, 4)), {"axis": 1}, label="1"),
    Case("index_add", (M, np.array([2, 0]), (4,)), {"axis": 0}, label="broadcast"),
]  # fmt: skip


@st.composite
def indexed(draw, back=False):
    """An array and an index of it; with ``back`` what the index gives, and the array's shape."""
    x = draw(arrays(distinct))
    index = draw(indices(x.shape))
    if not back:
        return [x], {"index": index}
    return [draw(normal(x[index].shape))], {"index": index, "shape": x.shape}


@st.composite
def taken(draw):
    x = draw(arrays(distinct, 1, empty=False))
    axis = draw(one_or_none(x.ndim))
    n = x.size if axis is None else x.shape[axis]
    return [x, draw(numbers(-n, n, shapes(0, 2)))], {"axis": axis}


@st.composite
def along_axis(draw, op):
    """What the ops of NumPy's ``take_along_axis`` and its kin take."""
    flat = draw(SELDOM)
    repeats = op != "untake_along_axis" or draw(st.booleans())
    if flat:
        x = draw(arrays(distinct, 1, empty=False))
        axis, index = None, draw(numbers(0, x.size, (draw(LENGTHS),)))
        repeats = True
    else:
        x, axis, index = draw(at_axis(1, True, repeats))
    if op == "take_along_axis":
        return [x, index], {"axis": axis}
    values = draw(normal(index.shape))
    if op == "put_along_axis":
        return [x, index, values], {"axis": axis}
    return [values, index], {"axis": axis, "shape": x.shape, "distinct": not repeats}


@st.composite
def scattered(draw):
    x, axis, index = draw(at_axis())
    larger = tuple([n + draw(st.integers(0, 1)) for n in index.shape])
    shape = draw(st.sampled_from([index.shape, larger, ()]))
    return [x, index, draw(normal(shape))], {"axis": axis}


@st.composite
def added(draw):
    x = draw(arrays(distinct, 1, empty=False))
    axis = draw(one(x.ndim))
    n = x.shape[axis]
    index = draw(numbers(-n, n, (draw(LENGTHS),)))
    shape = list(x.shape)
    shape[axis] = len(index)
    return [x, index, draw(normal(tuple(shape)))], {"axis": axis}


GENERATED = [
    Generated("getitem", indexed()),
    Generated("unindex", indexed(back=True)),
    Generated("take", taken()),
    *[Generated(f"{op}_along_axis", along_axis(f"{op}_along_axis"))
      for op in ("take", "untake", "put")],
    Generated("scatter_add", scattered()),
    Generated("index_add", added()),
]  # fmt: skip


# ---------------------------------------------------------------- PyTorch
def counterparts(torch):
    """PyTorch's function for each op here."""

    def places(shape, index):
        """Where an index points in the flattened array, by NumPy's rules."""
        return torch.as_tensor(np.arange(math.prod(shape)).reshape(shape)[index].copy())

    def getitem(x, index):
        parts = index if isinstance(index, tuple) else (index,)
        if any(isinstance(i, slice) and (i.step or 1) < 0 for i in parts):
            return torch.take(x, places(x.shape, index))  # PyTorch has no negative steps
        return x[tuple(torch.tensor(i) if isinstance(i, np.ndarray) else i for i in parts)]

    def unindex(x, index, shape):
        flat = torch.zeros(math.prod(shape), dtype=x.dtype)
        return flat.index_put((places(shape, index),), x, accumulate=True).reshape(shape)

    def wrapped(indices, n):
        return indices % n  # PyTorch does not count from the end everywhere

    def take(x, indices, axis=None):
        if axis is None:
            return torch.take(x, indices)
        i = wrapped(indices.long(), x.shape[axis])
        out = torch.index_select(x, axis, i.reshape(-1))
        axis %= x.ndim
        return out.reshape((*x.shape[:axis], *i.shape, *x.shape[axis + 1 :]))

    def along(x, indices, axis):
        """Both with the axes of ``x``, all of them full."""
        shape = list(x.shape)
        shape[axis] = indices.shape[axis]
        return wrapped(indices, x.shape[axis]).expand(shape)

    def take_along_axis(x, indices, axis=-1):
        if axis is None:
            return torch.take(x, indices)
        return torch.gather(x, axis, along(x, indices, axis))

    def untake_along_axis(x, indices, axis, shape, distinct=False):
        if axis is None:
            return torch.zeros(shape, dtype=x.dtype).put(indices, x, accumulate=True)
        out = torch.zeros(shape, dtype=x.dtype)
        return torch.scatter_add(out, axis, along(out, indices, axis), x)

    def put_along_axis(x, indices, values, axis=-1):
        """One place after the other, so that it is the last that stays."""
        if axis is None:
            flat = x.reshape(-1)
            for i, v in zip(indices, values):
                flat = flat.index_put((i,), v)
            return flat.reshape(x.shape)
        indices = along(x, indices, axis)
        values = values.expand(indices.shape)
        for j in range(indices.shape[axis]):
            index, value = [t.narrow(axis, j, 1) for t in (indices, values)]
            x = torch.scatter(x, axis, index, value)
        return x

    def scatter_add(x, index, src, axis):
        # PyTorch has no gradient of a larger src.
        src = src[tuple(slice(n) for n in index.shape)] if src.ndim else src.expand(index.shape)
        return torch.scatter_add(x, axis, wrapped(index, x.shape[axis]), src)

    def index_add(x, index, src, axis):
        shape = list(x.shape)
        shape[axis] = len(index)
        return torch.index_add(x, axis, wrapped(index, x.shape[axis]), src.expand(shape))

    return {
        "getitem": getitem,
        "index_add": index_add,
        "put_along_axis": put_along_axis,
        "scatter_add": scatter_add,
        "take": take,
        "take_along_axis": take_along_axis,
        "untake_along_axis": untake_along_axis,
        "unindex": unindex,
    }
