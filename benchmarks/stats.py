"""The statistics: lower quartiles, ratios, and when a run says nothing."""

import math
import statistics
from collections.abc import Sequence

ROUNDS = 7  # fewer make no verdict
NOISE = 0.10  # an A/A ratio further than this from 1 makes no verdict


def lower_quartile(values: Sequence[float]) -> float:
    """The value a quarter of the measurements are below.

    Other work on the machine only ever adds time, so low values are the truer ones; the
    minimum alone would reward one lucky measurement.
    """
    if len(values) < 2:
        return values[0]
    return statistics.quantiles(values, n=4, method="inclusive")[0]


def rotated(items: Sequence[str], round_: int) -> list[str]:
    """The order of one round: each contender takes each place, so none always runs first."""
    start = round_ % len(items) if items else 0
    return [*items[start:], *items[:start]]


def doubt(aa_ratio: float | None, rounds: int) -> str | None:
    """Why this run allows no verdict; None if it does."""
    if rounds < ROUNDS:
        return f"{rounds} rounds, fewer than {ROUNDS}"
    if aa_ratio is None:
        return "no A/A ratio"
    if not math.isfinite(aa_ratio) or abs(aa_ratio - 1) > NOISE:
        return f"A/A ratio {aa_ratio:.2f}, further than {NOISE:.0%} from 1"
    return None
