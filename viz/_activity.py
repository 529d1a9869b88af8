"""What a step does to activations and weights, beside the statistics of their gradients.

Each is for a `Collector`: a vector of float64 that stays where the arrays lie.
"""

from typing import Any

import numpy as np

import autodiff as ad

from ._local import LOCAL, derivative, local
from ._summary import PIECE


def kind(op: str) -> str:
    """What the share of an op's resting units is called: "dead", "saturated" or nothing."""
    shape = LOCAL.get(op)
    return "" if shape is None else "dead" if shape.kind == "rectifier" else "saturated"


def resting(node: ad.Node) -> Any:
    """The share of an activation's units that rest; None where nothing is known.

    A unit of a rectifier is an entry of one example; it is dead if hardly any gradient passes it
    in any example of the batch, which the first axis counts. A saturated entry is one of one
    example. The limits are those of `_local`.
    """
    shape = local(node)
    # What checkpoint and its kin put away is not brought back for this.
    slope = derivative(node) if shape and type(node.saved) is tuple else None
    if shape is None or slope is None or not slope.size:
        return None
    xp = ad.backend.namespace(slope)
    slope = xp.abs(slope)
    if shape.kind == "rectifier" and slope.ndim > 1:
        slope = xp.max(slope, axis=0)
    return _vector(slope, xp.count_nonzero(slope < shape.low) / slope.size)


def spread(y: Any) -> Any:
    """Mean and standard deviation."""
    xp = ad.backend.namespace(y)
    y = xp.ravel(y if y.dtype.itemsize >= 4 else xp.asarray(y, dtype=xp.float32))
    mean = xp.sum(y) / y.size
    return _vector(y, mean, xp.sqrt(_squares(xp, y - mean) / y.size))


def change(new: Any, old: Any) -> Any:
    """The sums of squares of what was added to an array, and of the array before."""
    xp = ad.backend.namespace(new)
    new, old = xp.ravel(new), xp.ravel(old)
    steps: Any = 0.0
    weights: Any = 0.0
    for piece in _pieces(new):
        steps += _squares(xp, new[piece] - old[piece])
        weights += _squares(xp, old[piece])
    return _vector(new, steps, weights)


def squares(x: Any) -> Any:
    """The sum of squares."""
    xp = ad.backend.namespace(x)
    x = xp.ravel(x)
    return _vector(x, sum([_squares(xp, x[p]) for p in _pieces(x)]))


def _vector(x: Any, *numbers: Any) -> Any:
    """Numbers for a `Collector`: those of an array on the host are there already."""
    if ad.backend.device_of(x) == "cpu":
        return [float(n) for n in numbers]
    xp = ad.backend.namespace(x)
    return xp.stack([xp.asarray(n, dtype=xp.float64) for n in numbers])


def _pieces(x: Any) -> list[slice]:
    """A vector at once; on the host in parts that stay in the cache."""
    if ad.backend.device_of(x) != "cpu":
        return [slice(None)]
    return [slice(i, i + PIECE) for i in range(0, x.size, PIECE)]


SAFE = 1e-25, 1e30
"""Sums of squares between these, of one piece, are right to 1e-5 in float32 too."""


def _squares(xp: Any, x: Any) -> Any:
    if x.dtype == "float32" and ad.backend.device_of(x) == "cpu":
        with np.errstate(over="ignore"):
            found = float(x @ x)
        if SAFE[0] < found < SAFE[1]:
            return found
    wide = xp.asarray(x, dtype=xp.float64)
    return wide @ wide
