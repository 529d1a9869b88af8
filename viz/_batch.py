"""Small arrays on the host, summarized many at a time.

A call of NumPy costs as much as adding up a thousand numbers, and a summary takes twenty calls. So
small arrays are copied behind each other, and one pass finds the summaries of all of them.
"""

from typing import Any, NamedTuple

import numpy as np

from ._summary import HIGHEST, LOWEST, MOMENTS, SIZES, Summary

ROOM = 8192
"""Entries that are gathered before they are summarized."""
SMALL = 512
"""Entries of the largest array that is gathered."""

Bins = tuple[tuple[int, int], ...]


class Summarized(NamedTuple):
    """What is known of one value: its size, its summary without counts, and its histogram."""

    size: int
    summary: Summary
    bins: Bins


def takes(value: Any) -> bool:
    """Whether a value is gathered: a number, or a small array on the host."""
    kind = type(value)
    return kind is float or (kind is np.ndarray and 0 < value.size <= SMALL)


class Batch:
    """Summaries of small values, in the order in which they were added."""

    def __init__(self) -> None:
        self._room = np.empty(ROOM)
        self._used = 0
        self._asked: list[tuple[int, bool, bool]] = []  # size, moments, bins
        self._done: list[Summarized] = []

    def add(self, value: Any, moments: bool, bins: bool) -> int:
        """Copy a value that it `takes`; its place in `results`."""
        size = 1 if type(value) is float else value.size
        if self._used + size > ROOM:
            self._summarize()
        self._room[self._used : self._used + size] = np.ravel(value)
        self._used += size
        self._asked.append((size, moments, bins))
        return len(self._done) + len(self._asked) - 1

    def results(self) -> list[Summarized]:
        """What was found of each value."""
        self._summarize()
        return self._done

    def _summarize(self) -> None:
        if self._asked:
            sizes, moments, bins = (list(column) for column in zip(*self._asked, strict=True))
            found = _summaries(self._room[: self._used], np.array(sizes), any(moments))
            rows = [row if m else row[:SIZES] for row, m in zip(found.tolist(), moments)]
            counted = _histograms(self._room[: self._used], np.array(sizes), np.array(bins))
            self._done += map(Summarized, sizes, rows, counted)
            self._used, self._asked = 0, []


def _summaries(wide: np.ndarray, sizes: np.ndarray, moments: bool) -> np.ndarray:
    """A row for each of several arrays that lie behind each other."""
    starts = np.cumsum(sizes) - sizes
    rows = np.zeros((len(sizes), SIZES + MOMENTS))
    size = np.abs(wide)
    finite = np.isfinite(size)
    rows[:, 3] = np.add.reduceat(size == 0, starts, dtype=float)
    if not finite.all():
        rows[:, 4] = np.add.reduceat(np.isnan(size), starts, dtype=float)
        rows[:, 5] = np.add.reduceat(np.isinf(size), starts, dtype=float)
        size = np.where(finite, size, 0.0)
    rows[:, 0] = peak = np.maximum.reduceat(size, starts)
    scale = np.repeat(np.where(peak > 0, peak, 1.0), sizes)
    size = size / scale
    rows[:, 1] = np.add.reduceat(size, starts)
    rows[:, 2] = np.add.reduceat(size * size, starts)
    if moments:
        share = np.where(finite, wide, 0.0) / scale
        count = sizes - rows[:, 4] - rows[:, 5]
        mean = np.add.reduceat(share, starts) / np.maximum(count, 1)
        off = np.where(finite, share - np.repeat(mean, sizes), 0.0)
        rows[:, SIZES] = mean
        rows[:, SIZES + 1] = np.add.reduceat(off * off, starts)
        rows[:, SIZES + 2] = np.minimum.reduceat(np.where(finite, wide, np.inf), starts)
        rows[:, SIZES + 3] = np.maximum.reduceat(np.where(finite, wide, -np.inf), starts)
    return rows


def _histograms(wide: np.ndarray, sizes: np.ndarray, asked: np.ndarray) -> list[Bins]:
    """How many entries of each array have which binary exponent, where that is asked."""
    n = len(sizes)
    counted = np.repeat(asked, sizes) & np.isfinite(wide) & (wide != 0)
    if not counted.any():
        return [()] * n
    owner = np.repeat(np.arange(n), sizes)[counted]
    exponent = np.clip(np.frexp(wide[counted])[1], LOWEST, HIGHEST - 1)
    low = int(exponent.min())
    span = int(exponent.max()) - low + 1
    counts = np.bincount(owner * span + (exponent - low), minlength=n * span)
    filled = np.flatnonzero(counts)
    pairs = list(zip((filled % span + low).tolist(), counts[filled].tolist(), strict=True))
    ends = np.searchsorted(filled, np.arange(n + 1) * span).tolist()
    return [tuple(pairs[a:b]) for a, b in zip(ends, ends[1:], strict=False)]
