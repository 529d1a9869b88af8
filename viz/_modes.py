"""The modes of a graph: what is printed on its nodes and edges, and what colours mean.

Each mode has one number for a place, a colour step for it, words for the legend and columns for
the table. `dressed` puts them on the records; whoever draws only looks at ``label`` and ``level``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from ._look import CLIP, LOOKS, number, reading
from ._records import Record, Recording
from ._stats import State

ModeName = Literal["gradient", "value", "gain", "stall"]
R = TypeVar("R", bound=Record)

STALLS = (0.0, 0.01, 0.1, 0.5)
"""A share of stalled entries above the k-th takes the colour k + 1 steps below neutral."""


@dataclass(frozen=True, slots=True)
class Mode:
    """How one mode is drawn and told.

    Attributes
    ----------
    title : str
        The first words above the picture.
    label : callable
        What is printed on a record, or on the draft of one; "" for nothing.
    level : callable
        The colour's step, between -4 and 4.
    scale : tuple of (int, str)
        The colours of the legend and what each means.
    words : str
        What the colour says; ``{references}`` stands for the neutral values.
    arrows : str
        What the number on an arrow says.
    meanings : dict
        What states mean here, where that differs.
    """

    title: str
    label: Callable[[Any], str]
    level: Callable[[Any], float]
    scale: tuple[tuple[int, str], ...]
    words: str
    arrows: str
    meanings: dict[State, str]


def percent(share: float) -> str:
    """A share in percent, never rounded to 0 or 100 % where it is neither.

    Examples
    --------
    >>> [percent(x) for x in (0.0, 0.00002, 0.381, 0.9999, 1.0)]
    ['0 %', '<0.1 %', '38 %', '>99.9 %', '100 %']
    """
    if 0 < share < 1e-3:
        return "<0.1 %"
    if 0.999 < share < 1:
        return ">99.9 %"
    return (
        f"{100 * share:.1f} %"
        if 0 < share < 0.1 or 0.99 < share < 1
        else f"{share:.0%}"[:-1] + " %"
    )


def times(gain: float) -> str:
    """A factor as it is printed.

    Examples
    --------
    >>> times(0.2412), times(12.5)
    ('×0.241', '×12.5')
    """
    return f"×{number(gain)}"


def _rms_label(r: Any) -> str:
    return reading(r.state, r.rms)


def _value_label(r: Any) -> str:
    return "? not recorded" if r.state == "absent" else reading(r.state, r.rms)


def _gain_label(r: Any) -> str:
    if r.state in ("absent", "released", "nonfinite"):
        return reading(r.state, r.rms)
    known = "" if math.isnan(r.gain) else times(r.gain)
    if hasattr(r, "share"):  # an edge
        known = known or "0 of 0"
        if r.share < 1:
            known += f"  {percent(r.share)}"
    glyph = LOOKS[r.state].glyph
    return f"{glyph} {known}".strip()


def _stall_label(r: Any) -> str:
    if hasattr(r, "share") or r.op:  # an edge, or no leaf
        return ""
    if r.state in ("absent", "released"):
        return reading(r.state, r.rms)
    if math.isnan(r.stalled):
        return "not in the optimizer"
    flushed = f", {percent(r.flushed)} flushed to 0" if r.flushed > 0 else ""
    return f"{percent(r.stalled)} stalled{flushed}"


def _gain_level(r: Any) -> float:
    return float(r.decades) / math.log10(2)


def _stall_level(r: Any) -> float:
    share = max(getattr(r, "stalled", math.nan), getattr(r, "flushed", math.nan), key=_known)
    return -float(sum(share > bound for bound in STALLS))


def _known(x: float) -> float:
    return -1.0 if math.isnan(x) else x


def _decades(r: Any) -> float:
    return float(r.decades)


def _bounded(neutral: str, steps: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """The nine steps, those at the ends being bounds."""
    found = []
    for k in range(-CLIP, CLIP + 1):
        bound = "≤ " if k == -CLIP else "≥ " if k == CLIP else ""
        found.append((k, f"{bound}{steps[k + CLIP]}" if k else neutral))
    return tuple(found)


_TENS = _bounded("reference", tuple(f"×1e{k}" for k in range(-CLIP, CLIP + 1)))
_TWOS = ("×1/16", "×1/8", "×1/4", "×1/2", "", "×2", "×4", "×8", "×16")

MODES: dict[str, Mode] = {
    "gradient": Mode(
        "Gradient flow", _rms_label, _decades, _TENS,
        "gradient RMS relative to the reference ({references})",
        "arrows run forward; each number is the RMS of the gradient that comes back there", {},
    ),
    "value": Mode(
        "Values", _value_label, _decades, _TENS,
        "RMS of the value relative to the reference ({references})",
        "arrows run forward; each number is the RMS of the tensor that is read there",
        {"absent": "not recorded", "ok": "RMS of the value"},
    ),
    "gain": Mode(
        "Gain of the gradient", _gain_label, _gain_level, _bounded("×1", _TWOS),
        "RMS of the gradient sent back over the RMS received; ×1 is neutral",
        "each arrow: what its op makes of the gradient on the way back; where a tensor is read "
        "several times, the share of each use",
        {},
    ),
    "stall": Mode(
        "Stalled updates", _stall_label, _stall_level,
        ((0, "0 %"), (-1, "≤ 1 %"), (-2, "≤ 10 %"), (-3, "≤ 50 %"), (-4, "> 50 %")),
        "share of the entries whose next update is lost to rounding, or whose gradient was "
        "flushed to zero",
        "only parameters are measured", {},
    ),
}  # fmt: skip


def meaning(mode: Mode, state: State) -> str:
    """What a state means in a mode."""
    return mode.meanings.get(state, LOOKS[state].meaning)


def dressed(recording: Recording) -> Recording:
    """The recording with label and level on every record."""
    mode = MODES[recording.mode]

    def dress(r: R) -> R:
        return replace(r, label=mode.label(r), level=mode.level(r))

    return replace(
        recording,
        nodes=tuple(dress(n) for n in recording.nodes),
        edges=tuple(dress(e) for e in recording.edges),
    )
