"""What an activation does to its layer: how spread its values are, and how many units rest."""

from typing import Any

import autodiff as ad

SATURATION = 0.06
"""An entry is saturated where the local derivative is below this share of its largest; for tanh
that is ``|y| > 0.97``, the limit of makemore, part 3 (Karpathy, 2022)."""

RECTIFIERS = frozenset({"relu"})
"""Ops that have no slope below zero: a unit that is zero for a whole batch learns nothing."""

# The local derivative over its largest, computed from the op's output.
SLOPES = {
    "sigmoid": lambda xp, y: 4.0 * y * (1.0 - y),
    "tanh": lambda xp, y: 1.0 - y * y,
    "softsign": lambda xp, y: (1.0 - xp.abs(y)) ** 2,
}

LOWEST, BINS = -56, 64
"""Histograms count magnitudes from 2**LOWEST on, one power of two a bin; the ends take the rest."""
MOST = 65_536
"""Entries that a histogram counts; of more it takes every k-th."""


def kind(op: str) -> str:
    """What the share of an op's resting units is called: "dead", "saturated" or nothing."""
    return "dead" if op in RECTIFIERS else "saturated" if op in SLOPES else ""


def activity(op: str, y: Any) -> Any:
    """Mean, standard deviation and share of resting units of an output, where it lies.

    A unit of a rectifier is an entry of one example; it is dead if it is zero in all examples of
    the batch, which the first axis counts. A saturated entry is one of one example.
    """
    xp = ad.backend.namespace(y)
    y = xp.asarray(y, dtype=xp.float64)
    share = xp.mean(y) * 0.0
    if y.ndim and op in RECTIFIERS:
        share = xp.mean((xp.max(y, axis=0) <= 0).astype(xp.float64))
    elif op in SLOPES:
        share = xp.mean((SLOPES[op](xp, y) < SATURATION).astype(xp.float64))
    return xp.stack([xp.asarray(v) for v in (xp.mean(y), xp.std(y), share)])


def exponents(x: Any) -> Any:
    """How many entries lie in each power of two; zeros, NaN and infinities in none."""
    xp = ad.backend.namespace(x)
    x = xp.ravel(x)
    x = xp.abs(xp.asarray(x[:: -(-x.size // MOST)], dtype=xp.float32))
    _, power = xp.frexp(x)  # x is at least 2**(power - 1)
    place = xp.clip(power - (1 + LOWEST), 0, BINS - 1)
    place = xp.where((x > 0) & xp.isfinite(x), place, BINS)
    if ad.backend.device_of(x) == "cpu":
        return xp.bincount(place, minlength=BINS + 1)[:BINS].astype(xp.float64)
    counts = xp.zeros(BINS + 1, dtype=xp.float64)  # bincount would wait for the device
    xp.add.at(counts, place, 1.0)
    return counts[:BINS]


def change(new: Any, old: Any) -> Any:
    """The sums of squares of what was added to an array, and of the array before."""
    xp = ad.backend.namespace(new)
    step = xp.ravel(xp.asarray(new - old, dtype=xp.float64))
    old = xp.ravel(xp.asarray(old, dtype=xp.float64))
    return xp.stack([xp.asarray(v) for v in (xp.sum(step * step), xp.sum(old * old))])
