"""The graph at every scale: modules, repeats and long rows drawn as one box each.

`fold` turns a recording into a smaller one, whose boxes are records too, so that what draws
a recording draws a folded one. Nothing unusual is lost: unhealthy nodes are opened first, and
a box says the worst of what is in it.
"""

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Literal

from ._layers import WORST
from ._look import number, reading
from ._names import Unique
from ._parts import WIDEST, Part, Tree, anomaly
from ._records import BoxRecord, Cell, EdgeRecord, NodeRecord, Recording

Collapse = Literal["auto"] | int | None
Keep = Literal["anomalies"] | None

CELLS = 64
"""Colours in a strip; in longer ones neighbours are pooled, and the worst of them is kept."""


def fold(
    recording: Recording,
    collapse: Collapse = "auto",
    keep: Keep = "anomalies",
    max_nodes: int = 120,
) -> Recording:
    """The recording that is drawn: boxes in place of what is closed, edges between them merged.

    Parameters
    ----------
    recording : Recording
    collapse : "auto", int or None
        ``"auto"`` draws at most ``max_nodes`` nodes and boxes, and loops of many steps as one
        box; a number opens that many levels of modules, None opens all.
    keep : "anomalies" or None
        Open what holds anomalies first, the worst first, as far as ``max_nodes`` allow.
    max_nodes : int

    Returns
    -------
    Recording
        The same one if nothing is to be closed.
    """
    tree = folding(recording, collapse, keep, max_nodes)
    return folded(recording, tree) if tree else recording


def folding(
    recording: Recording, collapse: Collapse, keep: Keep = "anomalies", max_nodes: int = 120
) -> Tree | None:
    """What is open and what is closed; None if nothing is to be closed."""
    if collapse is None:
        return None
    tree = Tree(recording, WIDEST if collapse != "auto" else min(WIDEST, max_nodes))
    if collapse == "auto" and len(recording.nodes) <= max_nodes:
        if not tree.loops:
            return None
        tree.open_all()
    if isinstance(collapse, int):
        tree.open_levels(collapse)
    if keep:
        tree.open_anomalies(max_nodes)
    if collapse == "auto":
        tree.fill(max_nodes)
    return tree


def folded(recording: Recording, tree: Tree) -> Recording:
    """A recording with the boxes of a tree, which may be of another one of the same nodes."""
    tree.put(recording)
    unique = Unique()
    for node in recording.nodes:
        unique(node.name)
    nodes: list[NodeRecord] = []
    at: dict[str, NodeRecord] = {}
    for group in tree.drawn():
        members = [m for part in group for m in part.members()]
        made = members[0] if len(members) == 1 else _box(group, members, tree, unique)
        if isinstance(made, BoxRecord):
            made = replace(made, label=_range(made, recording.mode))
        nodes.append(made)
        at.update((m.id, made) for m in members)
    merged: dict[tuple[str, str], list[EdgeRecord]] = {}
    for edge in recording.edges:
        source, target = at[edge.source].id, at[edge.target].id
        if source != target:
            merged.setdefault((source, target), []).append(edge)
    edges = [edge for uses in merged.values() for edge in _merged_edges(uses, at)]
    return replace(recording, nodes=tuple(nodes), edges=tuple(edges), root=at[recording.root].id)


def _range(box: BoxRecord, mode: str) -> str:
    """The smallest, median and largest of what the mode prints on the nodes inside."""
    if mode in ("gradient", "value"):
        known = [m.rms for m in box.members if m.state in ("ok", "tiny", "zero")]
        if not known:
            return reading(box.state, box.rms)
        found = [number(x) for x in (min(known), statistics.median(known), max(known))]
    else:
        labelled = sorted((m for m in box.members if m.label), key=lambda m: m.level)
        found = [labelled[i].label for i in (0, len(labelled) // 2, -1)] if labelled else []
    return " … ".join(found)


def _merged_edges(uses: list[EdgeRecord], at: dict[str, NodeRecord]) -> list[EdgeRecord]:
    """The uses of one drawn thing by another: as they are between two nodes, else one for all."""
    source, target = at[uses[0].source], at[uses[0].target]
    if not isinstance(source, BoxRecord) and not isinstance(target, BoxRecord):
        return uses
    known = [e.rms for e in uses if e.rms == e.rms]
    largest = max(uses, key=lambda e: (e.state == "nonfinite", e.rms if e.rms == e.rms else -1.0))
    return [
        replace(
            largest, source=source.id, target=target.id, name=f"{source.name} -> {target.name}",
            count=len(uses), median=statistics.median(known) if known else largest.rms,
        )
    ]  # fmt: skip


def _box(group: list[Part], members: list[NodeRecord], tree: Tree, unique: Unique) -> BoxRecord:
    """One record for neighbours in a row, or for a closed module."""
    first, last = group[0], group[-1]
    kind = tree.kinds.get(first.path, "") if first.kind == "module" else ""
    scope = first.parent.path if first.parent else ""
    spread = _spread(members)
    copies: Sequence[Part] = group
    if len(group) == 1:  # a closed module, or one copy
        name, title = first.name, kind
        copies = _loop(first)
        if copies:
            title = f"{kind}, {_title(copies, tree)}".lstrip(", ")
    else:
        name, title = f"{first.name} … {last.name}", _title(group, tree)
    cells = [_cell(part.members()) for part in copies] or [_like(m) for m in spread]
    like = spread[len(spread) // 2]
    values = {f.name: getattr(like, f.name) for f in fields(NodeRecord)}
    values |= {
        "id": f"b{members[0].id}", "name": unique(name), "op": title or "module",
        "scope": scope, "kind": "op", "group": "activations", "note": "",
        "state": min((m.state for m in members), key=WORST.index),
        "size": sum(m.size for m in members), "nonfinite": sum(m.nonfinite for m in members),
    }  # fmt: skip
    return BoxRecord(**values, members=tuple(members), title=title, cells=_pooled(cells))


def _loop(part: Part) -> Sequence[Part]:
    """The copies in a module that holds nothing but parameters and one repeat; else none."""
    rows = [c for c in part.children if not (c.record and not c.record.op)]
    if part.kind == "module" and len(rows) == 1 and rows[0].kind == "repeat":
        return rows[0].children
    return ()


def _title(group: Sequence[Part], tree: Tree) -> str:
    """What is in a row: the kinds of one copy and how many copies, or a number of parts."""
    first = group[0]
    if first.parent and first.parent.kind == "run":
        return f"{len(group)} parts"
    parts = first.children if first.kind == "cell" else [first]
    if parts[0].kind == "run":
        parts = parts[0].children
    kinds = [
        (p.record.op or p.record.kind) if p.record else tree.kinds.get(p.path) or p.path
        for p in parts
    ]
    if len(kinds) > 3:
        kinds = [*kinds[:2], "…"]
    return f"{' + '.join(kinds)} ×{len(group)}"


def _spread(members: Sequence[NodeRecord]) -> list[NodeRecord]:
    """The members with the smallest, median and largest gradient; one if none has any."""

    def size(node: NodeRecord) -> float:
        return math.inf if node.state == "nonfinite" else node.decades

    known = sorted((m for m in members if size(m) == size(m)), key=size)
    if len(known) < 2:
        return [known[0] if known else members[0]]
    return [known[0], known[(len(known) - 1) // 2], known[-1]]


def _like(node: NodeRecord) -> Cell:
    return Cell(node.state, node.decades, node.rms, node.level)


def _cell(members: Sequence[NodeRecord]) -> Cell:
    """One copy: its worst anomaly, or the median of its gradients."""
    sick = [_like(m) for m in members if anomaly(m)]
    if sick:
        return min(sick, key=_badness)
    spread = _spread(members)
    return _like(spread[len(spread) // 2])


def _badness(cell: Cell) -> tuple[int, float]:
    """The worst state first, and of equals the gradient furthest away."""
    return WORST.index(cell.state), -abs(cell.decades) if cell.decades == cell.decades else 0.0


def _pooled(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """At most `CELLS` of them: of neighbours the worst, and in it the furthest away."""
    n = min(len(cells), CELLS)
    cuts = [len(cells) * i // n for i in range(n + 1)]
    return tuple(min(cells[start:stop], key=_badness) for start, stop in itertools.pairwise(cuts))
