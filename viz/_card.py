"""The card of one place: every number that is known of it, line by line."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ._look import LOOKS, near
from ._modes import percent, times
from ._records import BoxRecord, NodeRecord, Record

BARS = "▁▂▃▄▅▆▇█"


def card(r: Record) -> list[str]:
    """What is shown to whoever hovers over a node or an edge."""
    lines = [r.name, f"shape {shape(r.shape)}  {shape(r.dtype)}"]
    if r.state not in ("absent", "released"):
        lines += _numbers(r)
    if not math.isnan(r.gain):
        lines.append(f"gain {times(r.gain)}")
    share = getattr(r, "share", math.nan)
    if share < 1:
        lines.append(f"share of what the tensor receives {percent(share)}")
    if r.bins:
        lines += ["log10 of the magnitude", histogram(r.bins)]
    if isinstance(r, NodeRecord):
        lines += _of_node(r)
    return [line for line in lines if line]


def _numbers(r: Record) -> list[str]:
    """The statistics that are known: of some places a training record has the RMS alone."""
    lines = []
    if not math.isnan(r.zero_fraction):
        lines = [
            f"L2 {r.l2:.6g}",
            f"mean magnitude {r.mean_abs:.6g}",
            f"largest magnitude {r.max_abs:.6g}",
            f"exactly zero {r.zero_fraction:.1%}",
            f"non-finite {r.nonfinite}",
        ]
    if lines or not math.isnan(r.rms):
        lines.insert(0, f"RMS {r.rms:.6g}")
    if not math.isnan(r.decades):
        lines.append(f"decades from the reference {r.decades:+.2f}")
    return lines


def _of_node(n: NodeRecord) -> list[str]:
    lines = []
    if not math.isnan(n.stalled):
        lines.append(f"next update lost to rounding {percent(n.stalled)}")
    if not math.isnan(n.flushed):
        lines.append(f"gradient flushed to zero {percent(n.flushed)}")
    if n.value is not None and not math.isnan(n.value.mean):
        v = n.value
        lines.append(f"value: RMS {v.rms:.6g}, mean {v.mean:.6g}, std {v.std:.6g}")
        lines.append(f"value between {v.low:.6g} and {v.high:.6g}")
    return [*lines, *n.lines, n.note, near(n.line)]


def wrong(box: BoxRecord) -> str:
    """How many nodes of a box are in which state other than healthy."""
    states = Counter(m.state for m in box.members)
    return "  ".join(
        f"{LOOKS[state].glyph} {count} {'none' if state == 'absent' else state}"
        for state, count in states.items()
        if state not in ("ok", "released")
    )


def histogram(bins: Sequence[tuple[int, int]]) -> str:
    """A bar for every decade from the smallest magnitude to the largest.

    Examples
    --------
    >>> histogram([(-9, 1), (-3, 4), (-2, 4)])
    '1e-3 ▂██ 1e0'
    """
    decades: dict[int, int] = {}
    for k, count in bins:  # magnitudes in [2**(k - 1), 2**k), counted at their middle
        at = math.floor((k - 0.5) * math.log10(2))
        decades[at] = decades.get(at, 0) + count
    low, high, most = min(decades), max(decades), max(decades.values())
    bars = [
        BARS[max(0, math.ceil(len(BARS) * decades.get(d, 0) / most) - 1)] if decades.get(d) else " "
        for d in range(low, high + 1)
    ]
    return f"1e{low} {''.join(bars)} 1e{high + 1}"


def shape(value: Any) -> str:
    """A shape or dtype as NumPy prints it; those of several outputs joined."""
    if isinstance(value, str):
        return value
    if value and isinstance(value[0], (tuple, str)):
        return " ".join(shape(v) for v in value)
    if not value:
        return "scalar"
    return f"({', '.join(map(str, value))}{',' if len(value) == 1 else ''})"
