"""Where windows are: the arithmetic of pooling, on lengths and slices alone."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any, NamedTuple

Shape = tuple[int, ...]


class Axis(NamedTuple):
    """How windows move along one axis: of n values, ``out`` windows."""

    n: int
    kernel: int
    stride: int
    padding: int
    dilation: int
    out: int


def still(n: int) -> Axis:
    """An axis that is left as it is: windows of one value."""
    return Axis(n, 1, 1, 0, 1, n)


Windows = tuple[Axis, ...]  # of the last axes
Place = tuple[int, tuple[Any, ...], tuple[Any, ...]]


def _along(axis: Axis) -> Iterator[tuple[int, slice, slice]]:
    """For each place in a window: its number, the values there, and the windows that have one."""
    for i in range(axis.kernel):
        first = i * axis.dilation - axis.padding  # in the first window
        start = max(0, -(first // axis.stride))  # the windows before have padding there
        stop = min(axis.out, (axis.n - 1 - first) // axis.stride + 1)
        if start < stop:
            begin = first + start * axis.stride
            end = first + (stop - 1) * axis.stride + 1
            yield i, slice(begin, end, axis.stride), slice(start, stop)


@lru_cache(maxsize=256)
def places(windows: Windows) -> tuple[Place, ...]:
    """As `_along`, for several axes at once; the last one changes fastest."""
    found = []
    for places in product(*map(_along, windows)):
        number = 0
        for axis, (i, _, _) in zip(windows, places):
            number = number * axis.kernel + i
        found.append((number, (..., *[p[1] for p in places]), (..., *[p[2] for p in places])))
    return tuple(found)


def pooled(shape: Shape, windows: Windows) -> Shape:
    """The shape of an array of ``shape`` with a value for each window."""
    return (*shape[: len(shape) - len(windows)], *[axis.out for axis in windows])


def unpooled(shape: Shape, windows: Windows) -> Shape:
    """The shape that `pooled` made ``shape`` of."""
    return (*shape[: len(shape) - len(windows)], *[axis.n for axis in windows])


def size(windows: Windows) -> int:
    """How many places a window has."""
    return prod([axis.kernel for axis in windows])


def overlap(windows: Windows) -> bool:
    """Whether a value may be in two windows."""
    return any(axis.stride < axis.dilation * (axis.kernel - 1) + 1 for axis in windows)


def one_by_one(windows: Windows) -> list[Windows]:
    """Windows along one axis after the other: sums along them are those of the whole window."""
    found: list[Windows] = []
    for i, axis in enumerate(windows):
        if axis._replace(dilation=1) != still(axis.n):
            before = [still(a.out) for a in windows[:i]]
            after = [still(a.n) for a in windows[i + 1 :]]
            found.append((*before, axis, *after))
    return found
