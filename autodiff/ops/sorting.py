"""Sorting, and searching what is sorted."""

from typing import Any

from .._op import XP, op
from ..backend import Array


@op
def argsort(
    xp: Any,
    x: Array,
    /,
    axis: int | None = -1,
    descending: bool = False,
    stable: bool = True,
) -> Array:
    """The indices that sort ``x`` along an axis, or flattened if it is None.

    Equal values keep their order, whatever ``stable`` says. NaN counts as the largest.
    """
    if axis is None:
        x, axis = xp.reshape(x, (-1,)), 0
    if not descending:
        return xp.argsort(x, axis=axis, kind="stable")
    order = xp.argsort(xp.flip(x, axis=axis), axis=axis, kind="stable")
    return x.shape[axis] - 1 - xp.flip(order, axis=axis)


def _sort_x(g: Array, xp: Any, x: Array, axis: int | None, descending: bool) -> Array:
    order = argsort(x, axis=axis, descending=descending)
    return XP.untake_along_axis(g, order, axis=axis, shape=x.shape, distinct=True)


@op(x=_sort_x)
def sort(
    xp: Any,
    x: Array,
    /,
    axis: int | None = -1,
    descending: bool = False,
    stable: bool = True,
) -> Array:
    """``x`` in ascending order along an axis, or flattened if it is None.

    NaN counts as the largest value. The gradient of each value goes where it came from; of
    equal values the first stays the first, whatever ``stable`` says.
    """
    out = xp.sort(x, axis=axis)
    return xp.flip(out, axis=-1 if axis is None else axis) if descending else out


def topk(x: Any, k: int, axis: int = -1, largest: bool = True) -> tuple[Any, Any]:
    """The ``k`` largest or smallest values along an axis, the best first, and their indices.

    Of equal values the first come first, and get the gradient.

    Raises
    ------
    ValueError
        If there are fewer than ``k``.
    """
    n = x.shape[axis]
    if not 0 <= k <= n:
        raise ValueError(f"topk: k={k} of axis {axis} of an array of shape {x.shape}")
    order = argsort(x, axis=axis, descending=largest)
    order = XP.getitem(order, (slice(None),) * (axis % len(x.shape)) + (slice(k),))
    return XP.take_along_axis(x, order, axis=axis), order


@op(promote=("x", "v"))
def searchsorted_(
    xp: Any, x: Array, v: Array, sorter: Array | None = None, /, side: str = "left"
) -> Array:
    """See `searchsorted`."""
    if sorter is not None:
        x = xp.take(x, sorter)
    return xp.searchsorted(x, v, side=side)


def searchsorted(x: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """Where each of ``v`` would go into ``x``, which is sorted, to keep it sorted.

    Parameters
    ----------
    x : array, shape (n,)
    v : array
    side : {"left", "right"}
        Before or after the values equal to it.
    sorter : array of int, optional
        What sorts ``x``, as `argsort` gives it.
    """
    return searchsorted_(x, v, sorter, side=side)
