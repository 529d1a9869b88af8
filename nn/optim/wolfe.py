"""A line search for the strong Wolfe conditions."""

import math
from collections.abc import Callable
from typing import NamedTuple

from .units import Array


class Point(NamedTuple):
    """A place on the line: how far along, the loss, its slope along the line, its gradient."""

    t: float
    loss: float
    slope: float
    gradient: Array


def strong_wolfe(
    along: Callable[[float], Point],
    start: Point,
    t: float,
    longest: float,
    tolerance: float,
    limit: int,
    c1: float = 1e-4,
    c2: float = 0.9,
) -> tuple[Point, int]:
    """Find a point that is low enough and flat enough, and count the evaluations.

    Nocedal and Wright (2006), algorithms 3.5 and 3.6, with the safeguards that PyTorch has from
    Schmidt's minFunc.

    Parameters
    ----------
    along : callable
        Evaluates the loss at a place.
    start : Point
        At 0.
    t : float
        The first place to try.
    longest : float
        The largest component of the direction: the search ends where a step of that is below
        ``tolerance``.
    limit : int
        How often `along` may be called after the first time.
    """

    def too_high(point: Point) -> bool:  # so is NaN
        return not point.loss <= start.loss + c1 * point.t * start.slope

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -c2 * start.slope

    before, new = start, along(t)
    count = 0
    while count < limit:  # until a good point lies between two
        if too_high(new) or (count > 1 and new.loss >= before.loss):
            break
        if flat(new):
            return new, count + 1
        if new.slope >= 0:
            break
        t = minimum(before, new, new.t + 0.01 * (new.t - before.t), 10 * new.t)
        before, new = new, along(t)
        count += 1
    else:
        before = start
    low, high = (new, before) if new.loss < before.loss else (before, new)
    near_end = False
    while count < limit and not abs(high.t - low.t) * longest < tolerance:
        left, right = sorted((low.t, high.t))
        t = minimum(low, high, left, right)
        margin = 0.1 * (right - left)
        if min(right - t, t - left) >= margin:
            near_end = False
        elif near_end or not left < t < right:
            t = right - margin if abs(t - right) < abs(t - left) else left + margin
            near_end = False
        else:
            near_end = True
        new = along(t)
        count += 1
        if too_high(new) or new.loss >= low.loss:
            low, high = (new, low) if new.loss < low.loss else (low, new)
        elif flat(new):
            return new, count + 1
        else:
            if new.slope * (high.t - low.t) >= 0:
                high = low
            low = new
    return low, count + 1


def minimum(a: Point, b: Point, least: float, most: float) -> float:
    """Where the cubic through two points has its minimum, or the middle if it has none."""
    if a.t > b.t:
        a, b = b, a
    try:
        d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
        d2 = math.sqrt(d1 * d1 - a.slope * b.slope)
        t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    except (ZeroDivisionError, ValueError):  # no cubic, no minimum
        t = math.nan
    return min(max(t, least), most) if math.isfinite(t) else (least + most) / 2
