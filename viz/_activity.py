"""What an activation does to its layer: how spread its values are, and how many units rest."""

import math
from typing import Any

import autodiff as ad

from ._local import LOCAL, derivative, local
from ._stats import PIECE

LOWEST, BINS = -56, 64
"""Histograms count magnitudes from 2**LOWEST on, one power of two a bin; the ends take the rest."""
MOST = 8_192
"""Entries that a histogram counts; of more it takes every k-th."""


def kind(op: str) -> str:
    """What the share of an op's resting units is called: "dead", "saturated" or nothing."""
    shape = LOCAL.get(op)
    return "" if shape is None else "dead" if shape.kind == "rectifier" else "saturated"


def activity(node: ad.Node, y: Any) -> Any:
    """Mean, standard deviation and share of resting units of an output, where it lies.

    A unit of a rectifier is an entry of one example; it is dead if hardly any gradient passes it
    in any example of the batch, which the first axis counts. A saturated entry is one of one
    example. The limits are those of `_local`.
    """
    xp = ad.backend.namespace(y)
    y = xp.asarray(y, dtype=xp.float64)
    share = xp.full((), math.nan)
    shape = local(node)
    # What checkpoint and its kin put away is not brought back for this.
    slope = derivative(node) if shape and type(node.saved) is tuple else None
    if shape is not None and slope is not None and slope.size:
        slope = xp.abs(slope)
        if shape.kind == "rectifier" and slope.ndim > 1:
            slope = xp.max(slope, axis=0)
        share = xp.mean((slope < shape.low).astype(xp.float64))
    mean = xp.mean(y)
    share = xp.where(xp.isfinite(mean), share, math.nan)  # of NaN nothing can be said
    return xp.stack([xp.asarray(v) for v in (mean, xp.std(y), share)])


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
    new, old = xp.ravel(new), xp.ravel(old)
    if ad.backend.device_of(new) == "cpu":  # in pieces that stay in the cache
        pieces = [slice(i, i + PIECE) for i in range(0, new.size, PIECE)]
    else:
        pieces = [slice(None)]
    steps: Any = 0.0
    weights: Any = 0.0
    for piece in pieces:
        step = xp.asarray(new[piece] - old[piece], dtype=xp.float64)
        weight = xp.asarray(old[piece], dtype=xp.float64)
        steps, weights = steps + step @ step, weights + weight @ weight
    return xp.stack([xp.asarray(steps), xp.asarray(weights)])
