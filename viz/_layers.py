"""The graph read layer by layer: one row for each module, in the order of the forward pass."""

import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace

from ._look import PALETTE, fill, number, reading, shown
from ._modes import MODES, percent, times
from ._ratios import decades, ratio
from ._records import EdgeRecord, NodeRecord, Record, Recording
from ._stats import State

HEADS = {
    "gradient": ("parameters", "activation", "decades"),
    "gain": ("gain", "received", "decades"),
    "stall": ("stalled", "flushed", "gradient"),
}
WORST: tuple[State, ...] = ("nonfinite", "zero", "tiny", "absent", "ok", "released")


@dataclass(frozen=True, slots=True)
class Layer:
    """One module, or one tensor outside any.

    Attributes
    ----------
    name, kind : str
        The module's path and class; for a tensor outside any module its name and op.
    parameters : float
        RMS of the gradient of all its parameters together; NaN if it has none.
    activation : float
        RMS of the gradient of its output; NaN if it has none.
    decades : float
        Distance of ``parameters`` (else of ``activation``) from the reference.
    state : str
        The worst state among its tensors.
    gain : float
        RMS of the gradient that it sends back to other layers over the RMS that it receives.
    stalled, flushed : float
        Share of its parameters' entries, see `NodeRecord`.
    level : float
        Where its colour stands, between -4 and 4.
    """

    name: str
    kind: str
    parameters: float
    activation: float
    decades: float
    state: State
    gain: float = math.nan
    stalled: float = math.nan
    flushed: float = math.nan
    level: float = math.nan


def ordered(recording: Recording) -> list[NodeRecord]:
    """The nodes as the forward pass meets them; parameters that were not reached last."""
    position = {n.id: i for i, n in enumerate(recording.nodes) if n.op}
    for e in recording.edges:  # a leaf stands where it is first read
        position[e.source] = min(position.get(e.source, position[e.target]), position[e.target])
    return sorted(recording.nodes, key=lambda n: position.get(n.id, len(recording.nodes)))


def layers(recording: Recording) -> list[Layer]:
    """The rows, in the order of the forward pass; parameters that were not reached last."""
    groups: dict[str, list[NodeRecord]] = {}
    for node in ordered(recording):
        groups.setdefault(node.scope or node.name, []).append(node)
    gains = _gains(recording, groups)
    return [_layer(name, members, recording, gains[name]) for name, members in groups.items()]


def _gains(recording: Recording, groups: Mapping[str, Sequence[NodeRecord]]) -> dict[str, float]:
    """What each layer makes of the gradient on its way from its consumers to other layers."""
    at = {n.id: n for n in recording.nodes}
    layer = {n.id: name for name, members in groups.items() for n in members}
    exits: dict[str, dict[str, NodeRecord]] = {name: {} for name in groups}
    sent: dict[str, list[EdgeRecord]] = {name: [] for name in groups}
    exits[layer[recording.root]][recording.root] = at[recording.root]
    for e in recording.edges:
        source, target = layer[e.source], layer[e.target]
        if source != target and at[e.source].group == "activations":
            exits[source][e.source] = at[e.source]
            sent[target].append(e)
    return {name: ratio(_rms(sent[name]), _rms(exits[name].values())) for name in groups}


def _rms(records: Iterable[Record]) -> float:
    """The RMS over all the entries; NaN if there are none."""
    records = list(records)
    size = sum([r.size for r in records])
    if not size or any(math.isnan(r.rms) for r in records):
        return math.nan
    return math.hypot(*(r.rms * math.sqrt(r.size / size) for r in records))


def _layer(name: str, members: Sequence[NodeRecord], recording: Recording, gain: float) -> Layer:
    parameters = [n for n in members if n.kind == "parameter"]
    others = [n for n in members if n.kind != "parameter"]
    rms = _together(parameters)
    activation = others[-1].rms if others else math.nan
    if parameters:
        distance = decades(rms, recording.references["parameters"])
    else:
        distance = decades(activation, recording.references["activations"])
    state = min((n.state for n in members), key=WORST.index)
    first = members[0]
    kind = recording.kinds.get(name, "") if first.scope else first.op or first.kind
    kind = "" if kind == name else kind
    stalled, flushed = (_share(members, what) for what in ("stalled", "flushed"))
    if recording.mode == "gain":
        distance = decades(gain, 1.0)
    level = MODES[recording.mode].level(
        SimpleNamespace(decades=distance, stalled=stalled, flushed=flushed)
    )
    return Layer(name, kind, rms, activation, distance, state, gain, stalled, flushed, level)


def _share(members: Sequence[NodeRecord], what: str) -> float:
    known = [(x, n.size) for n in members if not math.isnan(x := getattr(n, what))]
    size = sum(size for _, size in known)
    return sum(share * size for share, size in known) / size if size else math.nan


def _together(nodes: Sequence[NodeRecord]) -> float:
    """The RMS over the entries of several tensors."""
    known = [n for n in nodes if n.state not in ("absent", "released")]
    size = sum(n.size for n in known)
    if any(math.isnan(n.rms) for n in known) or not known:
        return math.nan
    return math.hypot(*(n.rms * math.sqrt(n.size / size) for n in known)) if size else 0.0


def decades_lost(rows: Sequence[Layer]) -> float:
    """Decades between the parameter gradients of the last layer and of the first.

    Positive if the gradient shrinks on its way back, infinity if it is zero in the first.
    """
    known = [r.parameters for r in rows if not math.isnan(r.parameters)]
    if len(known) < 2 or known[-1] == 0 or math.isinf(known[-1]):
        return math.nan
    return -decades(known[0], known[-1])


def table(rows: Sequence[Layer], heading: Sequence[str], mode: str = "gradient") -> str:
    """The rows as aligned text; in colour on a terminal, unless ``NO_COLOR`` is set."""
    cells = [("layer", "", *HEADS.get(mode, HEADS["gradient"]), "")]
    for r in rows:
        glyph = reading(r.state, 0.0).partition(" ")[0] if r.state != "ok" else ""
        word = "" if r.state == "ok" else r.state
        cells.append((shown(r.name, 40), shown(r.kind, 24), *_numbers(r, mode), f"{glyph} {word}"))
    widths = [max(len(row[i]) for row in cells) for i in range(6)]
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    colored = sys.stdout.isatty() and not plain
    lines = [shown(line) for line in heading]
    for i, row in enumerate(cells):
        name, kind, *numbers, mark = row
        left = f"{name:<{widths[0]}}  {kind:<{widths[1]}}  "
        right = "  ".join(f"{c:>{w}}" for c, w in zip(numbers, widths[2:5], strict=True))
        line = f"{left}{right}  {mark.strip()}".rstrip()
        if colored and i:
            line = f"{_block(rows[i - 1])} {line}"
        elif colored:
            line = f"  {line}"
        lines.append(line)
    return "\n".join(lines)


def _numbers(r: Layer, mode: str) -> tuple[str, str, str]:
    """The cells of one row between its name and its state."""
    if mode == "stall":
        shares = ("" if math.isnan(x) else percent(x) for x in (r.stalled, r.flushed))
        return (*shares, _cell(r.parameters))  # type: ignore[return-value]
    if mode == "gain":
        gain = "" if math.isnan(r.gain) else times(r.gain)
        return gain, _cell(r.activation), "" if math.isnan(r.gain) else f"{r.decades:+.1f}"
    far = "" if math.isnan(r.decades) else f"{r.decades:+.1f}"
    return _cell(r.parameters), _cell(r.activation), far


def _cell(rms: float) -> str:
    return "" if math.isnan(rms) else number(rms)


def _block(row: Layer) -> str:
    """One coloured cell, in 24-bit ANSI."""
    color = fill(row.state, row.level)
    if color not in PALETTE:
        return " "
    r, g, b = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"\x1b[48;2;{r};{g};{b}m \x1b[0m"
