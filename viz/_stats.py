"""What is kept of a gradient: a few numbers, never the array itself."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Literal

import autodiff as ad

from ._batch import Batch, Bins, takes
from ._summary import HOST, LOWEST, MOMENTS, SIZES, Summary, summary

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
    bins: Bins = ()


ABSENT = Statistics(0, math.nan, math.nan, math.nan, math.nan, math.nan, 0, "absent")
RELEASED = Statistics(0, math.nan, math.nan, math.nan, math.nan, math.nan, 0, "released")


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
    return Measured(sizes, tuple([summary(p, moments, bins) for p in full]), moments, bins)


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
        # What was measured and where it waits, or its place in the batch.
        self._measured: list[tuple[Measured, list[tuple[str, int]]] | int] = []
        self._batch = Batch()
        self._pending: dict[str, list[Any]] = {}
        self._vectors: list[tuple[str, int]] = []
        self.kept: list[list[float]] = []

    def add(self, value: Any, *, moments: bool = False, bins: bool = False) -> int:
        """Measure one gradient: an array, a number, None, or a tuple of these (one tensor).

        ``moments`` and ``bins`` ask for these of this one.
        """
        moments, bins = moments or self.moments, bins or self.bins
        if takes(value):
            self._measured.append(self._batch.add(value, moments, bins))
            return len(self._measured) - 1
        return self.take(summarized(value, moments=moments, bins=bins))

    def take(self, measured: Measured) -> int:
        """Add what was measured elsewhere."""
        self._measured.append((measured, [self._wait(*part) for part in measured.parts]))
        return len(self._measured) - 1

    def keep(self, vector: Any) -> int:
        """Bring a vector of float64, or a list, whatever it says; its place in `kept`."""
        device = HOST if isinstance(vector, list) else ad.backend.device_of(vector)
        self._vectors.append(self._wait(device, vector))
        return len(self._vectors) - 1

    def _wait(self, device: str, vector: Any) -> tuple[str, int]:
        pending = self._pending.setdefault(device, [])
        pending.append(vector)
        return device, len(pending) - 1

    def results(self) -> list[Statistics]:
        """The statistics of everything added, in order."""
        fetched: dict[str, list[Any]] = {}
        for device, vectors in self._pending.items():
            if device == HOST:
                fetched[device] = vectors
                continue
            xp = ad.backend.namespace(vectors[0])
            numbers = ad.backend.to_numpy(xp.concatenate(vectors)).tolist()
            ends = accumulate(v.shape[0] for v in vectors)
            fetched[device] = [numbers[a:b] for a, b in pairwise([0, *ends])]
        self.kept = [list(fetched[device][i]) for device, i in self._vectors]
        small = [_statistics(*found) for found in self._batch.results()]
        return [
            small[m] if isinstance(m, int) else _combine(m[0], [fetched[d][i] for d, i in m[1]])
            for m in self._measured
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


def _combine(measured: Measured, summaries: Sequence[Summary]) -> Statistics:
    if not measured.sizes:
        return ABSENT
    sizes = [n for n in measured.sizes if n]
    if not sizes:  # an empty tensor: nothing flows
        return Statistics(0, 0.0, 0.0, 0.0, 0.0, 1.0, 0, "zero")
    numbers = SIZES + MOMENTS * measured.moments
    parts = [p[:numbers] for p in summaries]
    whole = parts[0] if len(parts) == 1 else _joined(sizes, parts)
    counts = summaries[0][numbers:]
    for p in summaries[1:]:
        counts = [a + b for a, b in zip(counts, p[numbers:], strict=True)]
    bins = tuple([(k, int(n)) for k, n in enumerate(counts, LOWEST) if n])
    return _statistics(sum(sizes), whole, bins)


def _joined(sizes: Sequence[int], parts: Sequence[Summary]) -> list[float]:
    """The summary of several arrays together."""
    peak = max(p[0] for p in parts)
    scales = [p[0] / (peak or 1.0) for p in parts]
    both = list(zip(scales, parts, strict=True))
    found = [peak, math.fsum(s * p[1] for s, p in both), math.fsum(s * s * p[2] for s, p in both)]
    found += [sum(p[k] for p in parts) for k in (3, 4, 5)]
    if len(parts[0]) > SIZES:
        finite = [n - p[4] - p[5] for n, p in zip(sizes, parts, strict=True)]
        means = [s * p[SIZES] for s, p in both]
        mean = math.fsum(m * n for m, n in zip(means, finite, strict=True)) / (sum(finite) or 1)
        between = math.fsum((m - mean) ** 2 * n for m, n in zip(means, finite, strict=True))
        within = math.fsum(s * s * p[SIZES + 1] for s, p in both)
        low, high = min(p[SIZES + 2] for p in parts), max(p[SIZES + 3] for p in parts)
        found += [mean, within + between, low, high]
    return found


def _statistics(size: int, summary: Summary, bins: Bins) -> Statistics:
    """What a summary says of ``size`` entries."""
    peak, total, squares, zeros, nans, infs = summary[:SIZES]
    mean_abs = peak * (total / size)
    l2, rms = peak * math.sqrt(squares), peak * math.sqrt(squares / size)
    bad = int(nans + infs)
    found = {}
    if len(summary) > SIZES and bad < size:
        mean, spread, low, high = summary[SIZES:]
        std = peak * math.sqrt(spread / (size - bad))
        found = {"mean": peak * mean, "std": std, "low": low, "high": high}
    state: State = "ok"
    if bad:
        state = "nonfinite"
        peak = mean_abs = l2 = rms = math.nan if nans else math.inf
    elif not peak:
        state = "zero"
    elif mean_abs < TINY_MEAN_ABS:
        state = "tiny"
    return Statistics(size, rms, l2, mean_abs, peak, zeros / size, bad, state, **found, bins=bins)
