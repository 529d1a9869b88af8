"""What is kept of a gradient: a few numbers, never the array.

Sums are taken in float64, because float16 squares overflow above 256, and relative to the
largest entry, so that no float64 gradient under- or overflows either.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Literal

import autodiff as ad

State = Literal["ok", "tiny", "zero", "nonfinite", "absent", "released"]

TINY_MEAN_ABS = 1e-7
"""Below this mean absolute gradient a tensor counts as vanished: the default threshold of the
``VanishingGradient`` rule of Amazon SageMaker Debugger."""


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
    """

    size: int
    rms: float
    l2: float
    mean_abs: float
    max_abs: float
    zero_fraction: float
    nonfinite: int
    state: State


ABSENT = Statistics(0, math.nan, math.nan, math.nan, math.nan, math.nan, 0, "absent")
RELEASED = Statistics(0, math.nan, math.nan, math.nan, math.nan, math.nan, 0, "released")

# One array's summary: largest, sum of |x|/largest, sum of squares of it, zeros, NaNs, infs.
Summary = tuple[float, float, float, float, float, float]


class Collector:
    """Measures arrays as they pass and brings all the numbers to the host together.

    On a GPU nothing waits while the arrays pass; `results` makes one transfer per device.

    Attributes
    ----------
    kept : list of list of float
        After `results`: the vectors that were given to `keep`.
    """

    def __init__(self) -> None:
        self._sizes: list[list[int]] = []  # of the parts of each value measured
        self._slots: list[list[tuple[str, int]]] = []  # and where each part's summary will be
        self._pending: dict[str, list[Any]] = {}
        self._vectors: list[tuple[str, int]] = []
        self.kept: list[list[float]] = []

    def add(self, value: Any) -> int:
        """Measure one gradient: an array, a number, None, or a tuple of these (one tensor)."""
        parts = value if isinstance(value, tuple) else (value,)
        sizes, slots = [], []
        for part in parts:
            if part is None:
                continue
            size = 1 if isinstance(part, (float, int)) else math.prod(whole(part).shape)
            if size:
                device, summary = _summary(part)
                pending = self._pending.setdefault(device, [])
                slots.append((device, len(pending)))
                pending.append(summary)
            sizes.append(size)
        self._sizes.append(sizes)
        self._slots.append(slots)
        return len(self._sizes) - 1

    def keep(self, vector: Any) -> int:
        """Bring a vector of float64 as well, whatever it says; its place in `kept`."""
        device = ad.backend.device_of(vector)
        pending = self._pending.setdefault(device, [])
        self._vectors.append((device, len(pending)))
        pending.append(vector)
        return len(self._vectors) - 1

    def results(self) -> list[Statistics]:
        """The statistics of everything added, in order."""
        fetched: dict[str, list[Any]] = {}
        for device, vectors in self._pending.items():
            if device == "float":
                fetched[device] = vectors
                continue
            xp = ad.backend.namespace(vectors[0])
            numbers = ad.backend.to_numpy(xp.concatenate(vectors)).tolist()
            ends = list(accumulate(v.shape[0] for v in vectors))
            fetched[device] = [numbers[a:b] for a, b in pairwise([0, *ends])]
        self.kept = [fetched[device][i] for device, i in self._vectors]
        return [
            _combine(sizes, [fetched[device][i] for device, i in slots])
            for sizes, slots in zip(self._sizes, self._slots, strict=True)
        ]


def measure(value: Any) -> Statistics:
    """The statistics of one gradient."""
    collector = Collector()
    collector.add(value)
    return collector.results()[0]


def whole(x: Any) -> Any:
    """An array of `vmap` with the examples that it stands for as its first axis."""
    while type(x) in ad.backend.WRAPPERS:
        examples, x = x.level.size, x.inner
        if x.shape[0] != examples:  # one for all that agree
            x = ad.backend.namespace(x).broadcast_to(x, (examples, *x.shape[1:]))
    return x


def _summary(x: Any) -> tuple[str, Any]:
    """Where the summary of ``x`` was computed, and the summary (still on that device)."""
    if isinstance(x, (float, int)):
        peak = abs(float(x)) if math.isfinite(x) else 0.0
        one = float(peak > 0)
        return "float", (peak, one, one, float(x == 0), float(x != x), float(math.isinf(x)))
    x = whole(x)
    xp = ad.backend.namespace(x)
    size = xp.abs(xp.asarray(x, dtype=xp.float64))
    device = ad.backend.device_of(x)
    # On the host a look at the peak is free, and spares the many passes for entries that are not
    # finite; on a GPU it would have to be waited for.
    if device == "cpu" and (top := float(size.max())) < math.inf:
        zeros = size.size - int(xp.count_nonzero(size))
        size = xp.ravel(size) / (top or 1.0)
        numbers = [top, float(xp.sum(size)), float(size @ size), float(zeros), 0.0, 0.0]
        return device, xp.asarray(numbers)
    zeros = size == 0
    nans = xp.isnan(size)
    infs = xp.isinf(size)
    size = xp.where(xp.isfinite(size), size, 0.0)
    peak = xp.max(size)
    share = size / xp.where(peak > 0, peak, 1.0)
    counts = [xp.sum(mask.astype(xp.float64)) for mask in (zeros, nans, infs)]
    summary = xp.stack([peak, xp.sum(share), xp.sum(share * share), *counts])
    return device, summary


def _combine(sizes: Sequence[int], parts: Sequence[Summary]) -> Statistics:
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
    return Statistics(size, rms, l2, mean_abs, peak, zero_fraction, nans + infs, state)
