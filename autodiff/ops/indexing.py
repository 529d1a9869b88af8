"""Indexing: values picked from an array, and put into one."""

from typing import Any

from .._op import op
from ..backend import Array


def _is_basic(index: Any) -> bool:
    """Whether an index picks no element twice: made of integers, slices, None and ``...``."""
    parts = index if type(index) is tuple else (index,)
    return all(
        i is None or i is Ellipsis or isinstance(i, slice) or (type(i) is int) for i in parts
    )


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


@op(x=lambda g, index: g[index], linear=("x",))
def unindex(xp: Any, x: Array, /, index: Any, shape: tuple[int, ...]) -> Array:
    """Zeros of ``shape`` with ``x`` added at ``index``; duplicate indices sum.

    The transpose of indexing.
    """
    out = xp.zeros(shape, dtype=x.dtype)
    if _is_basic(index):
        out[index] = x
    else:
        xp.add.at(out, index, x)
    return out
