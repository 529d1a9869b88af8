"""Indexing of batched arrays: the index of one example becomes an index of all."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _batched, backend
from ._batched import Batched, levels, lift, moved, padded
from .backend import Array


@dataclass
class Place:
    """Where the index of one example points in the inner array."""

    inner: Array
    index: tuple[Any, ...]
    ndim: int
    """The axes that the index gives for one example."""
    start: int
    count: int
    """For one example, ``count`` axes come from arrays in the index and start at ``start``; in
    the inner result they come first after the batch."""


def _as_tuple(index: Any) -> tuple[Any, ...]:
    return index if type(index) is tuple else (index,)


def _is_basic(part: Any) -> bool:
    return part is None or part is Ellipsis or type(part) in (int, slice)


def _is_mask(part: Any) -> bool:
    return getattr(part, "dtype", np.dtype(int)).kind == "b"


def _place(x: Batched, index: Any) -> Place:
    parts = [p.item() if isinstance(p, np.generic) else p for p in _as_tuple(index)]
    inner = x.inner
    if all(map(_is_basic, parts)):
        basic = (slice(None), *parts)
        return Place(inner, basic, len(inner[basic].shape) - 1, 0, 0)
    root = inner
    while type(root) is Batched:
        root = root.inner
    kind = backend.kind_of(root)
    xp = kind.xp

    listed: list[Any] = []
    axis = 1  # of the inner array, which the next part picks from
    for part in _spelled(parts, x.ndim):
        if isinstance(part, list):
            array = np.asarray(part, dtype=None if part else np.int64)
            part = kind.put(array, kind.device_of(root))
        if isinstance(part, bool):  # a new axis, of which its element is taken or not
            inner = inner[(slice(None),) * axis + (None,)]
            part = xp.zeros((int(part),), dtype="int64")
        if _is_mask(part):
            if type(part) is Batched:
                raise TypeError(
                    "vmap: how many elements a mask picks differs between examples; use "
                    "ad.where(mask, x, 0) instead of x[mask]"
                )
            listed += list(xp.nonzero(part))
            axis += len(part.shape)
        else:
            listed.append(part)
            axis += part is not None

    advanced = [i for i, part in enumerate(listed) if not (part is None or type(part) is slice)]
    count = max(len(getattr(listed[i], "shape", ())) for i in advanced)
    together = advanced[-1] - advanced[0] == len(advanced) - 1
    rows = inner.shape[0]
    batch = xp.reshape(xp.arange(rows), (rows,) + (1,) * count)
    for i in advanced:
        if type(listed[i]) is Batched and listed[i].level is x.level:
            listed[i] = padded(listed[i].inner, count + 1)
    ndim = count + len(listed) - len(advanced)
    return Place(inner, (batch, *listed), ndim, advanced[0] if together else 0, count)


def _spelled(parts: list[Any], ndim: int) -> list[Any]:
    """The index with a slice for every axis that it does not name."""
    used = 0
    for part in parts:
        if _is_mask(part):
            used += len(part.shape)
        elif not (part is None or part is Ellipsis or isinstance(part, bool)):
            used += 1
    dots = next((i for i, part in enumerate(parts) if part is Ellipsis), len(parts))
    return [*parts[:dots], *[slice(None)] * (ndim - used), *parts[dots + 1 :]]


def getitem(x: Batched, index: Any) -> Batched:
    """``x[index]`` for every example."""
    for level in levels(_as_tuple(index)):
        x = lift(x, level)  # an example may pick from what all share
    at = _place(x, index)
    inner, place, ndim, start, count = at.inner, at.index, at.ndim, at.start, at.count
    result = inner[place]
    if start and count:
        before = range(1 + count, 1 + count + start)
        order = (0, *before, *range(1, 1 + count), *range(1 + count + start, 1 + ndim))
        result = moved(result, order)
    return Batched(result, x.level)


def _prepared(x: Batched, index: Any, value: Any) -> tuple[Array, Any, Any]:
    """The inner array and index, and the value with its axes where that index wants them."""
    mine = levels([x])
    if any(level not in mine for level in levels([*_as_tuple(index), value])):
        x._refuse()
    at = _place(x, index)
    inner, place, ndim, start, count = at.inner, at.index, at.ndim, at.start, at.count
    if len(getattr(value, "shape", ())):
        value = lift(value, x.level)
    if type(value) is Batched and value.level is x.level:
        value = value.inner
        while len(value.shape) > 1 + ndim and value.shape[1] == 1:
            value = value[:, 0]  # NumPy too ignores leading axes of length 1
        value = padded(value, 1 + ndim)
        if start and count:
            a, b = 1 + start, 1 + start + count
            value = moved(value, (0, *range(a, b), *range(1, a), *range(b, 1 + ndim)))
        if value.shape[0] > inner.shape[0]:
            x._refuse()
    return inner, place, value


def setitem(x: Batched, index: Any, value: Any) -> None:
    """``x[index] = value`` for every example."""
    inner, place, value = _prepared(x, index, value)
    inner[place] = value


def scatter(name: str, x: Batched, index: Any, value: Any) -> None:
    """``xp.add.at(x, index, value)``, and other ufuncs of that kind, for every example."""
    inner, place, value = _prepared(x, index, value)
    getattr(backend.namespace(inner), name).at(inner, place, value)


_batched.getitem = getitem
_batched.setitem = setitem
