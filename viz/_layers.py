"""The graph read layer by layer: one row for each module, in the order of the forward pass."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace

from ._card import wrong
from ._look import sign
from ._modes import MODES
from ._ratios import decades, ratio
from ._records import BoxRecord, EdgeRecord, NodeRecord, Record, Recording
from ._stats import State

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
    lines : tuple of str
        What else is printed: of its output, such as the classes of ``by=``; of several layers in
        one row, a sign for each copy, their range and what is wrong with them.
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
    lines: tuple[str, ...] = ()


Place = tuple[str, str]  # a layer by its name, or a box by its id


def ordered(recording: Recording) -> list[NodeRecord]:
    """The nodes as the forward pass meets them; parameters that were not reached last."""
    position = {n.id: i for i, n in enumerate(recording.nodes) if n.op}
    for e in recording.edges:  # a leaf stands where it is first read
        position[e.source] = min(position.get(e.source, position[e.target]), position[e.target])
    return sorted(recording.nodes, key=lambda n: position.get(n.id, len(recording.nodes)))


def layers(recording: Recording, drawn: Recording | None = None) -> list[Layer]:
    """The rows, in the order of the forward pass; parameters that were not reached last.

    With ``drawn``, what `fold` made of the recording, each of its boxes is one row.
    """
    groups: dict[Place, list[NodeRecord]] = {}
    boxes: dict[Place, BoxRecord] = {}
    position = {n.id: i for i, n in enumerate(ordered(recording))} if drawn else {}
    for node in ordered(drawn or recording):
        if isinstance(node, BoxRecord):
            boxes["box", node.id] = node
            groups["box", node.id] = sorted(node.members, key=lambda m: position[m.id])
        else:
            groups.setdefault(("layer", node.scope or node.name), []).append(node)
    gains = _gains(recording, groups)
    return [
        _box(boxes[place], members, recording, gains[place])
        if place in boxes
        else _layer(place[1], members, recording, gains[place])
        for place, members in groups.items()
    ]


def _box(box: BoxRecord, members: Sequence[NodeRecord], recording: Recording, gain: float) -> Layer:
    row = _layer(box.name, members, recording, gain)
    kind = f"{box.title} ({len(members)} tensors)".strip()
    strip = "".join(sign(c.state, c.level) for c in box.cells) if len(box.cells) > 3 else ""
    lines = tuple(line for line in (strip, box.label, wrong(box)) if line)
    return replace(row, kind=kind, state=box.state, lines=lines)


def _gains(
    recording: Recording, groups: Mapping[Place, Sequence[NodeRecord]]
) -> dict[Place, float]:
    """What each layer makes of the gradient on its way from its consumers to other layers."""
    at = {n.id: n for n in recording.nodes}
    layer = {n.id: name for name, members in groups.items() for n in members}
    exits: dict[Place, dict[str, NodeRecord]] = {name: {} for name in groups}
    sent: dict[Place, list[EdgeRecord]] = {name: [] for name in groups}
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
    lines = others[-1].lines if others else ()
    return Layer(
        name, kind, rms, activation, distance, state, gain, stalled, flushed, level, lines
    )  # fmt: skip


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
