"""Indexing with slices, masks and arrays of integers; masks and classes."""

from math import prod
from typing import Any

import numpy as np

from .._op import XP, op
from ..backend import Array, is_integer, namespace
from ..nodes import wrap


@op(linear=("x",), view=True)
def getitem(xp: Any, x: Array, /, index: Any) -> Array:
    """``x[index]``: slices, integers, ``None``, ``...``, masks, integer arrays."""
    return x[index]


@getitem.kernel("numpy")
def _(xp: Any, x: Array, /, index: Any) -> Array:
    out = x[index]
    if type(out) is type(x):
        return out
    # NumPy made a scalar, which is a copy; an ellipsis makes it a view of shape ().
    return x[(*index, ...)] if type(index) is tuple else x[index, ...]


@getitem.vjp("x")
def _(g: Array, x_shape: tuple[int, ...], index: Any) -> Array:
    return unindex(g, index, x_shape)


def _may_repeat(index: Any) -> bool:
    """Whether an index may pick an element twice: only lists and arrays of integers can."""
    parts = index if type(index) is tuple else (index,)
    return any(isinstance(i, list) or is_integer(i) for i in parts)


@op(x=lambda g, index: g[index], linear=("x",))
def unindex(xp: Any, x: Array, /, index: Any, shape: tuple[int, ...]) -> Array:
    """Zeros of ``shape`` with ``x`` added at ``index``; duplicate indices sum.

    The transpose of indexing.
    """
    out = xp.zeros(shape, dtype=x.dtype)
    if _may_repeat(index):
        xp.add.at(out, index, x)
    else:
        out[index] = x
    return out


@unindex.kernel("numpy")
def _(xp: Any, x: Array, /, index: Any, shape: tuple[int, ...]) -> Array:
    if not is_integer(index) or len(shape) < 2 or 0 in shape:
        return unindex.body(xp, x, index, shape)
    # Rows of a table, as of an embedding.
    limit, row = shape[0], prod(shape[1:])
    if index.size and not -limit <= index.min() <= index.max() < limit:
        raise IndexError(f"an index is out of bounds for axis 0 with size {limit}")
    rows = index.reshape(-1).astype(np.intp)
    if x.size >= MANY and x.dtype.itemsize >= 4:  # of float16 SciPy has no matrices
        return _rows_added(rows % limit, x.reshape(-1, row), limit).reshape(shape)
    out = np.zeros(shape, x.dtype)
    places = rows[:, None] * row + np.arange(row)  # np.add.at is the fastest along one axis
    np.add.at(out.reshape(-1), places.reshape(-1), x.reshape(-1))
    return out


MANY = 1 << 15  # elements from which on SciPy is faster than np.add.at


def _rows_added(rows: np.ndarray, x: np.ndarray, count: int) -> np.ndarray:
    """The rows of ``x`` added up in ``count`` rows: a product with a matrix of a one a column."""
    from scipy.sparse import csc_array

    n = rows.size
    places = csc_array((np.ones(n, x.dtype), rows, np.arange(n + 1)), shape=(count, n))
    out: np.ndarray = places @ x
    return out


# ---------------------------------------------------------------- masks and classes
def masked_fill(x: Any, mask: Any, value: Any) -> Any:
    """``x`` with ``value`` where ``mask`` is true; ``mask`` broadcasts to the shape of ``x``."""
    made = XP.where(mask, value, x)
    if made.shape != x.shape:
        raise ValueError(
            f"masked_fill: a mask of shape {mask.shape} for a tensor of shape {x.shape}"
        )
    return made


def nonzero(x: Any) -> tuple[Any, ...]:
    """The places of the values that are not 0: for each axis an array of indices."""
    data = getattr(x, "_data", x)
    found = namespace(data).nonzero(data)
    return tuple([i if data is x else wrap(i) for i in found])


def one_hot(indices: Any, num_classes: int = -1, *, dtype: Any = None) -> Any:
    """A new last axis, with 1 at the index and 0 elsewhere.

    Parameters
    ----------
    indices : array of int
    num_classes : int
        The length of the new axis; one more than the largest index if it is -1.
    dtype : dtype, optional
        int64 unless said otherwise.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.one_hot(ad.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    data = getattr(indices, "_data", indices)
    xp = namespace(data)
    n = int(data.max()) + 1 if num_classes == -1 else num_classes
    if not is_integer(data) or (type(data) is np.ndarray and ((data < 0) | (data >= n)).any()):
        raise ValueError(f"one_hot: {data.dtype} indices; they must be integers from 0 to {n - 1}")
    made = (data[..., None] == xp.arange(n)).astype(dtype or np.int64)
    return made if data is indices else wrap(made)
