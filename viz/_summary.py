"""One array's summary: the few numbers that its statistics are made of, computed where it lies.

Sums are taken in float64, because float16 squares overflow above 256, and relative to the
largest entry, so that no float64 gradient under- or overflows either.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import autodiff as ad

LOWEST, HIGHEST = -151, 129
"""The binary exponents that a histogram tells apart: float32's, and one bin beyond at each end."""
BINS = HIGHEST - LOWEST

PIECE = 16_384
"""Entries looked at together on the host: few enough to stay in the cache from pass to pass."""
SAFE = 1e-200, 1e200
"""Sums of squares between these lost nothing that matters by under- or overflow."""

# Largest, sum of |x|/largest, sum of squares of it, zeros, NaNs, infs; then, if asked for, mean of
# x/largest, sum of squared deviations of it, lowest and highest; then the counts of each binary
# exponent.
Summary = Sequence[float]
HOST = "host"
"""Where numbers are that need not be fetched any more."""
SIZES = 6
MOMENTS = 4


def summary(x: Any, moments: bool, bins: bool) -> tuple[str, Any]:
    """The device on which the summary of an array still lies, or `HOST`, and the summary."""
    if isinstance(x, (float, int)):
        return HOST, _of_number(float(x), moments, bins)
    device = ad.backend.device_of(x)
    if device == "cpu":
        with np.errstate(all="ignore"):
            known = _on_host(x, moments, bins)
        if known is not None:
            return HOST, known
    return device, _on_device(x, moments, bins)


def _on_host(x: np.ndarray, moments: bool, bins: bool) -> list[float] | None:
    """The summary, found piece by piece in one go; None if `_on_device` has to take more care.

    That is so where entries are not finite, or too small or large to be squared in float64.
    """
    flat = x.ravel(order="K")
    narrow = flat.dtype.itemsize < 8  # so as float64 no entry is subnormal
    room, bits = np.empty(min(PIECE, flat.size)), np.empty(min(PIECE, flat.size), np.int64)
    ones = np.ones(room.size)
    top = total = squares = mean = spread = 0.0
    low, high = math.inf, -math.inf
    zeros = 0
    counts = np.zeros(2048, np.intp)  # by the exponent bits of float64
    for start in range(0, flat.size, PIECE):
        piece = flat[start : start + PIECE]
        size = room[: piece.size]
        if moments:  # joined as in Chan, Golub & LeVeque (1979)
            size[...] = piece
            low, high = min(low, float(size.min())), max(high, float(size.max()))
            middle = float(size @ ones[: size.size]) / size.size
            size -= middle
            share = size.size / (start + size.size)
            off = middle - mean
            spread += float(size @ size) + off * off * start * share  # ** would raise if too large
            mean += off * share
        magnitude = np.absolute(piece)
        size[...] = magnitude
        top = max(top, float(np.maximum.reduce(magnitude)))
        total += float(size @ ones[: size.size])
        squares += float(size @ size)
        if bins:
            power = np.right_shift(size.view(np.int64), 52, out=bits[: size.size])
            counts += np.bincount(power, minlength=2048)
        if not (bins and narrow):
            zeros += size.size - int(np.count_nonzero(size > 0))
    if not total < math.inf or (top and not SAFE[0] < squares < SAFE[1]):
        return None
    scale = top or 1.0
    zeros = int(counts[0]) if bins and narrow else zeros
    found = [top, total / scale, squares / scale / scale, zeros, 0.0, 0.0]
    if moments:
        found += [mean / scale, spread / scale / scale, low, high]
    return found + _folded(counts, zeros).tolist() if bins else found


def _folded(counts: np.ndarray, zeros: int) -> np.ndarray:
    """Counts by the exponent bits of float64 as those of a histogram; zeros have no exponent."""
    first = 1022 + LOWEST  # magnitudes in [2**(k - 1), 2**k) have the bits k + 1022
    made = counts[first : first + BINS].astype(np.float64)
    made[0] += counts[:first].sum() - zeros
    made[-1] += counts[first + BINS :].sum()
    return made


def _on_device(x: Any, moments: bool, bins: bool) -> Any:
    """The summary without a look at any number on the way, which a GPU would have to wait for."""
    xp = ad.backend.namespace(x)
    wide = xp.asarray(x, dtype=xp.float64)
    size = xp.abs(wide)
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
    made = xp.stack([xp.asarray(value) for value in found])
    return xp.concatenate([made, _histogram(xp, size)]) if bins else made


def _histogram(xp: Any, size: Any) -> Any:
    """How many entries have each binary exponent; zeros have none."""
    exponent = xp.clip(xp.frexp(xp.reshape(size, (-1,)))[1] - LOWEST, 0, BINS - 1)
    counts = xp.zeros(BINS)
    # bincount would make a GPU wait, to look for the largest.
    xp.add.at(counts, exponent, xp.reshape((size > 0).astype(xp.float64), (-1,)))
    return counts


def _of_number(x: float, moments: bool, bins: bool) -> Summary:
    finite = math.isfinite(x)
    peak = abs(x) if finite else 0.0
    one = float(peak > 0)
    found = [peak, one, one, float(x == 0), float(x != x), float(math.isinf(x))]
    if moments:
        mean = math.copysign(one, x)
        found += [mean, 0.0, x if finite else math.inf, x if finite else -math.inf]
    if bins:
        counts = [0.0] * BINS
        counts[max(0, min(BINS - 1, math.frexp(peak)[1] - LOWEST))] = one
        found += counts
    return found
