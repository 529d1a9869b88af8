"""What is kept of an array: a few numbers, never the array itself.

Sums are taken in float64, because float16 squares overflow above 256, and relative to the
largest entry, so that no float64 gradient under- or overflows either.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any, Literal

import numpy as np

import autodiff as ad

State = Literal["ok", "tiny", "zero", "nonfinite", "absent", "released"]

TINY_MEAN_ABS = 1e-7
"""Below this mean absolute gradient a tensor counts as vanished: the default threshold of the
``VanishingGradient`` rule of Amazon SageMaker Debugger."""

LOWEST, HIGHEST = -151, 129
"""The binary exponents that a histogram tells apart: float32's, and one bin beyond at each end."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """The size of one gradient.

    Attributes
    ----------
    size : int
        Number of entries.
    rms, l2, mean_abs, max_abs : float
        ``rms`` is ``l2 / sqrt(size)``. All are NaN or inf if an entry is, and NaN if there is
        no gradient.
    zero_fraction : float
        Share of entries that are exactly zero.
    nonfinite : int
        Number of entries that are NaN or infinite.
    state : str
        ``"ok"``, ``"tiny"`` (`TINY_MEAN_ABS`), ``"zero"`` (every entry is exactly zero),
        ``"nonfinite"``, ``"absent"`` (no gradient arrived) or ``"released"`` (unknown).
    mean, std, low, high : float
        Of the finite entries (``std`` without Bessel's correction); NaN if not asked for.
    bins : tuple of (int, int)
        How many entries have a magnitude in ``[2**(k - 1), 2**k)``, for every such ``k``; those
        beyond float32's range count in the last bin. Empty if not asked for.
    """

    size: int
    rms: float
    l2: float
    mean_abs: float
    max_abs: float
    zero_fraction: float
    nonfinite: int
    state: State
    mean: float = math.nan
    std: float = math.nan
    low: float = math.nan
    high: float = math.nan
    bins: tuple[tuple[int, int], ...] = ()


ABSENT = Statistics(0, math.nan, math.nan, math.nan, math.nan, math.nan, 0, "absent")
RELEASED = Statistics(0, math.nan, math.nan, math.nan, math.nan, math.nan, 0, "released")

PIECE = 32_768
"""Entries measured at a time on the host."""

# One array's summary: largest, sum of |x|/largest, sum of squares of it, zeros, NaNs, infs; then,
# if asked for, mean of x/largest, sum of squared deviations of it, lowest and highest; then the
# counts of each binary exponent.
Summary = Sequence[float]
SIZES = 6
MOMENTS = 4


@dataclass(frozen=True, slots=True)
class Measured:
    """The summaries of one value (several, if it has parts), still on their devices."""

    sizes: tuple[int, ...]
    parts: tuple[tuple[str, Any], ...]  # device and summary, of the parts that are not empty
    moments: bool
    bins: bool


def summarized(value: Any, *, moments: bool = False, bins: bool = False) -> Measured:
    """Measure one value: an array, a number, None, or a tuple of these. Nothing waits for it."""
    given = value if isinstance(value, tuple) else (value,)
    parts = [whole(part) for part in given if part is not None]
    sizes = tuple([1 if isinstance(p, (float, int)) else math.prod(p.shape) for p in parts])
    full = [p for p, size in zip(parts, sizes, strict=True) if size]
    return Measured(sizes, tuple([_summary(p, moments, bins) for p in full]), moments, bins)


class Collector:
    """Measures arrays as they pass and brings all the numbers to the host together.

    On a GPU nothing waits while the arrays pass; `results` makes one transfer per device.

    Parameters
    ----------
    moments, bins : bool
        Whether to find mean, deviation and range too; and the histogram.

    Attributes
    ----------
    kept : list of list of float
        After `results`: the vectors that were given to `keep`.
    """

    def __init__(self, *, moments: bool = False, bins: bool = False) -> None:
        self.moments, self.bins = moments, bins
        self._measured: list[tuple[Measured, list[tuple[str, int]]]] = []  # and where it waits
        self._pending: dict[str, list[Any]] = {}
        self._vectors: list[tuple[str, int]] = []
        self.kept: list[list[float]] = []

    def add(self, value: Any) -> int:
        """Measure one gradient: an array, a number, None, or a tuple of these (one tensor)."""
        return self.take(summarized(value, moments=self.moments, bins=self.bins))

    def take(self, measured: Measured) -> int:
        """Add what was measured elsewhere."""
        self._measured.append((measured, [self._wait(*part) for part in measured.parts]))
        return len(self._measured) - 1

    def keep(self, vector: Any) -> int:
        """Bring a vector of float64 as well, whatever it says; its place in `kept`."""
        self._vectors.append(self._wait(ad.backend.device_of(vector), vector))
        return len(self._vectors) - 1

    def _wait(self, device: str, vector: Any) -> tuple[str, int]:
        pending = self._pending.setdefault(device, [])
        pending.append(vector)
        return device, len(pending) - 1

    def results(self) -> list[Statistics]:
        """The statistics of everything added, in order."""
        fetched: dict[str, list[Any]] = {}
        for device, vectors in self._pending.items():
            if device == "float":
                fetched[device] = vectors
                continue
            xp = ad.backend.namespace(vectors[0])
            numbers = ad.backend.to_numpy(xp.concatenate(vectors))
            ends = accumulate(v.shape[0] for v in vectors)
            fetched[device] = [numbers[a:b] for a, b in pairwise([0, *ends])]
        self.kept = [fetched[device][i].tolist() for device, i in self._vectors]
        return [
            _combine(measured, [fetched[device][i] for device, i in slots])
            for measured, slots in self._measured
        ]


def measure(value: Any, *, moments: bool = False, bins: bool = False) -> Statistics:
    """The statistics of one gradient."""
    collector = Collector(moments=moments, bins=bins)
    collector.add(value)
    return collector.results()[0]


def whole(x: Any) -> Any:
    """An array of `vmap` with the examples that it stands for as its first axis."""
    while type(x) in ad.backend.WRAPPERS:
        examples, x = x.level.size, x.inner
        if x.shape[0] != examples:  # one for all that agree
            x = ad.backend.namespace(x).broadcast_to(x, (examples, *x.shape[1:]))
    return x


def _summary(x: Any, moments: bool, bins: bool) -> tuple[str, Any]:
    """Where the summary of ``x`` was computed, and the summary (still on that device)."""
    if isinstance(x, (float, int)):
        return "float", _summary_of_number(float(x), moments, bins)
    xp = ad.backend.namespace(x)
    device = ad.backend.device_of(x)
    if device == "cpu" and x.dtype.itemsize < 8 and not (moments or bins):
        known = _small_floats(xp, x)
        if known is not None:
            return device, known
    wide = xp.asarray(x, dtype=xp.float64)
    size = xp.abs(wide)
    # On the host a look at the peak is free, and spares the many passes for entries that are not
    # finite; on a GPU it would have to be waited for.
    if device == "cpu" and (top := float(size.max())) < math.inf:
        zeros = size.size - int(xp.count_nonzero(size))
        share = xp.ravel(size) / (top or 1.0)
        found = [top, float(xp.sum(share)), float(share @ share), float(zeros), 0.0, 0.0]
        if moments:
            share = xp.ravel(wide) / (top or 1.0)
            mean = float(xp.mean(share))
            share = share - mean
            found += [mean, float(share @ share), float(wide.min()), float(wide.max())]
        summary = xp.asarray(found)
        return device, xp.concatenate([summary, _histogram(xp, size)]) if bins else summary
    zeros = size == 0
    nans = xp.isnan(size)
    infs = xp.isinf(size)
    finite = xp.isfinite(size)
    size = xp.where(finite, size, 0.0)
    peak = xp.max(size)
    scale = xp.where(peak > 0, peak, 1.0)
    share = size / scale
    counts = [xp.sum(mask.astype(xp.float64)) for mask in (zeros, nans, infs)]
    found = [peak, xp.sum(share), xp.sum(share * share), *counts]
    if moments:
        share = xp.where(finite, wide, 0.0) / scale
        count = xp.sum(finite.astype(xp.float64))
        mean = xp.sum(share) / xp.where(count > 0, count, 1.0)
        off = xp.where(finite, share - mean, 0.0)
        low = xp.min(xp.where(finite, wide, xp.inf))
        found += [mean, xp.sum(off * off), low, xp.max(xp.where(finite, wide, -xp.inf))]
    summary = xp.stack([xp.asarray(value) for value in found])
    if bins:
        summary = xp.concatenate([summary, _histogram(xp, size)])
    return device, summary


def _small_floats(xp: Any, x: Any) -> Any:
    """The summary of a finite float32 or float16 array on the host; None if it is not finite.

    The squares of these neither over- nor underflow in float64, so nothing has to be divided.
    """
    top = float(max(x.max(), -x.min()))
    if not top < math.inf:
        return None
    flat = xp.ravel(x)
    total = squares = 0.0
    for i in range(0, flat.size, PIECE):  # pieces stay in the cache
        size = xp.abs(flat[i : i + PIECE]).astype(xp.float64)
        total, squares = total + float(xp.sum(size)), squares + float(size @ size)
    zeros = flat.size - int(xp.count_nonzero(flat))
    scale = top or 1.0
    return xp.asarray([top, total / scale, squares / scale / scale, zeros, 0.0, 0.0])


def _histogram(xp: Any, size: Any) -> Any:
    """How many entries have each binary exponent; zeros have none."""
    last = HIGHEST - LOWEST - 1
    exponent = xp.clip(xp.frexp(xp.reshape(size, (-1,)))[1] - LOWEST, 0, last)
    counts = xp.zeros(last + 1)
    # bincount would make a GPU wait, to look for the largest.
    xp.add.at(counts, exponent, xp.reshape((size > 0).astype(xp.float64), (-1,)))
    return counts


def _summary_of_number(x: float, moments: bool, bins: bool) -> Summary:
    finite = math.isfinite(x)
    peak = abs(x) if finite else 0.0
    one = float(peak > 0)
    found = [peak, one, one, float(x == 0), float(x != x), float(math.isinf(x))]
    if moments:
        mean = math.copysign(one, x)
        found += [mean, 0.0, x if finite else math.inf, x if finite else -math.inf]
    if bins:
        counts = [0.0] * (HIGHEST - LOWEST)
        k = max(0, min(len(counts) - 1, math.frexp(peak)[1] - LOWEST))
        counts[k] = one
        found += counts
    return found


def _combine(measured: Measured, summaries: Sequence[Any]) -> Statistics:
    sizes = measured.sizes
    numbers = SIZES + MOMENTS * measured.moments
    parts: list[Summary] = [np.asarray(p[:numbers]).tolist() for p in summaries]
    if not sizes:
        return ABSENT
    size = sum(sizes)
    if not size:  # an empty tensor: nothing flows
        return Statistics(0, 0.0, 0.0, 0.0, 0.0, 1.0, 0, "zero")
    peak = max(p[0] for p in parts)
    mean_abs = math.fsum(p[0] * (p[1] / size) for p in parts)
    l2 = math.hypot(*(p[0] * math.sqrt(p[2]) for p in parts))
    rms = math.hypot(*(p[0] * math.sqrt(p[2] / size) for p in parts))
    nans, infs = int(sum(p[4] for p in parts)), int(sum(p[5] for p in parts))
    if nans or infs:
        rms = l2 = mean_abs = peak = math.nan if nans else math.inf
    state: State = "ok"
    if nans or infs:
        state = "nonfinite"
    elif peak == 0:
        state = "zero"
    elif mean_abs < TINY_MEAN_ABS:
        state = "tiny"
    zero_fraction = sum(p[3] for p in parts) / size
    found = Statistics(size, rms, l2, mean_abs, peak, zero_fraction, nans + infs, state)
    if measured.moments:
        found = replace(found, **_moments([n for n in sizes if n], parts))
    if measured.bins:
        counts = np.sum([p[numbers:] for p in summaries], axis=0)
        filled = np.flatnonzero(counts)
        bins = tuple((int(i) + LOWEST, int(counts[i])) for i in filled)
        found = replace(found, bins=bins)
    return found


def _moments(sizes: Sequence[int], parts: Sequence[Summary]) -> dict[str, Any]:
    """Mean, deviation and range of the finite entries."""
    counts = [n - p[4] - p[5] for n, p in zip(sizes, parts, strict=True)]
    count = sum(counts)
    if not count:
        return {}
    means = [p[0] * p[SIZES] for p in parts]
    mean = math.fsum(m * (n / count) for m, n in zip(means, counts, strict=True))
    within = (p[0] * math.sqrt(p[SIZES + 1] / count) for p in parts)
    between = (abs(m - mean) * math.sqrt(n / count) for m, n in zip(means, counts, strict=True))
    std = math.hypot(*within, *between)
    low, high = min(p[SIZES + 2] for p in parts), max(p[SIZES + 3] for p in parts)
    return {"mean": mean, "std": std, "low": low, "high": high}
