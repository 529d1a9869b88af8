"""The one place that writes DOT.

Only plain labels: some builds of Graphviz drop HTML-like labels without a word. Nodes are
called n0, n1, ... in walk order, and a box after its first node, so the same graph gives the
same text; what users named is only ever inside escaped labels and tooltips.
"""

import textwrap
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from . import _arrange, _look
from ._card import card, shape, wrong
from ._look import CLIP, GREY, INK, LOOKS, MAGENTA, PAPER, number, shown
from ._modes import MODES, Mode, meaning
from ._records import BoxRecord, EdgeRecord, NodeRecord, Record, Recording
from ._stats import State

FONT = "DejaVu Sans"
SHAPES = {"op": "box", "parameter": "ellipse", "input": "hexagon"}
LABEL_LIMIT = 48
NOTE_WIDTH = 38

Attributes = dict[str, str]


def text(*lines: str, end: str = "\\n") -> str:
    r"""Lines as one Graphviz label in which nothing is markup.

    Examples
    --------
    >>> print(text("a&b", "<script>"))
    a&amp;b\n<script>
    """
    escaped = (shown(line).replace("\\", "\\\\").replace("&", "&amp;") for line in lines)
    label = end.join(escaped)
    # The graphviz package would take <...> for markup.
    return f"&lt;{label[1:]}" if label.startswith("<") else label


def tooltip(r: Record) -> str:
    """Everything known about a place, for whoever hovers over it."""
    if isinstance(r, BoxRecord):
        return tip(r.name, *_said(r)[1:])
    return tip(*card(r))


def tip(*lines: str) -> str:
    """Lines as a tooltip, whose escapes Graphviz expands twice."""
    return text(*(shown(line).replace("\\", "\\\\") for line in lines))


def digraph(
    recording: Recording, title: Sequence[str], rankdir: str = "TB", bare: bool = False
) -> Any:
    """The picture as a ``graphviz.Digraph``; a bare one has no legend."""
    g = canvas(title, rankdir)
    _Clusters(recording).draw(g)
    sides = _arrange.sides(recording)
    _arrange.stack(g, recording, sides)
    beside = {id for chains in sides.values() for chain in chains for id in chain}
    boxes = {n.id for n in recording.nodes if isinstance(n, BoxRecord)}
    spine = _arrange.spine(recording)
    for edge in recording.edges:
        attributes = _edge_attributes(edge)
        if edge.source in boxes:
            attributes["ltail"] = f"cluster_{edge.source}"
        if edge.target in boxes:
            attributes["lhead"] = f"cluster_{edge.target}"
        if (edge.source, edge.target) in spine:
            attributes["weight"] = "20"
        elif rankdir in ("LR", "RL") and edge.source in beside and "label" in attributes:
            # The edge runs straight down through its label: move the words to its right.
            attributes["label"] = " " * (2 * len(attributes["label"]) + 5) + attributes["label"]
        g.edge(edge.source, edge.target, **attributes)
    for op, chains in sides.items():
        with g.subgraph() as row:
            row.attr(rank="same")
            left = [id for chain in reversed(chains[::2]) for id in chain]
            right = [id for chain in chains[1::2] for id in reversed(chain)]
            for before, after in pairwise([*left, op, *right]):
                row.edge(before, after, style="invis")
    if bare:
        return g
    states = {r.state for r in (*recording.nodes, *recording.edges)}
    references = ", ".join(
        f"{what} {number(value)}" for what, value in recording.references.items() if value == value
    )
    mode = MODES[recording.mode]
    words = mode.words.format(references=references or "none")
    legend(g, recording.root, states, (words, mode.arrows), mode, rankdir)
    return g


def canvas(title: Sequence[str], rankdir: str) -> Any:
    """An empty picture with its title, to the left, and fonts."""
    import graphviz

    heading = text(*title, "", end="\\l") if title else ""
    g = graphviz.Digraph("gradients")
    g.attr(
        "graph", rankdir=rankdir, label=heading, labelloc="t", labeljust="l",
        fontname=FONT, fontsize="13", fontcolor=INK, bgcolor=PAPER, nodesep="0.25",
        ranksep="0.3", pad="0.2", tooltip=" ", newrank="true",
        compound="true",
    )  # fmt: skip
    g.attr(
        "node", fontname=FONT, fontsize="11", fontcolor=INK, style="filled", margin="0.12,0.06",
        height="0.3", color=INK, fillcolor=PAPER,
    )  # fmt: skip
    g.attr("edge", fontname=FONT, fontsize="9", fontcolor="#3c4148", arrowsize="0.6")
    return g


class _Clusters:
    """Nodes grouped by module, boxes nested as the paths are."""

    def __init__(self, recording: Recording) -> None:
        self.kinds = recording.kinds
        self.members: dict[str, list[NodeRecord]] = {}
        self.children: dict[str, list[str]] = {}
        self.count: dict[str, int] = {}
        for node in recording.nodes:
            self.members.setdefault(node.scope, []).append(node)
            for path in _prefixes(node.scope):
                self.count[path] = self.count.get(path, 0) + 1
        for path in self.count:
            outer = path.rpartition(".")[0]
            if path:
                self.children.setdefault(outer, []).append(path)
        self.serial = 0

    def draw(self, g: Any, path: str = "") -> None:
        for node in self.members.get(path, ()):
            if isinstance(node, BoxRecord):
                self.strip(g, node)
            else:
                g.node(node.id, **_node_attributes(node))
        for child in self.children.get(path, ()):
            if self.count[child] == 1:  # a box around one node says nothing that its name does not
                self.draw(g, child)
                continue
            with g.subgraph(name=f"cluster_{self.serial}") as box:
                self.serial += 1
                kind = self.kinds.get(child, "")
                box.attr(
                    label=text(f"{shown(child, LABEL_LIMIT)}  {kind}".strip()), style="rounded",
                    color="#c9ced5", bgcolor="#fafbfc", fontsize="10", fontcolor=GREY,
                    labeljust="l", margin="8", tooltip=tip(child),
                )  # fmt: skip
                self.draw(box, child)

    def strip(self, g: Any, node: BoxRecord) -> None:
        """Several nodes as one: a box around a strip of their colours."""
        with g.subgraph(name=f"cluster_{node.id}") as box:
            box.attr(
                label=text(*_said(node), "", end="\\l"), style="rounded", color="#8d949d",
                bgcolor="#f2f4f6", fontsize="10", fontcolor=INK, labeljust="l", margin="8",
                tooltip=tooltip(node),
            )  # fmt: skip
            colors = [_look.fill(c.state, c.level) for c in node.cells]
            box.node(
                node.id, label="", shape="box", height="0.2", tooltip=tooltip(node),
                width=f"{min(max(1.2, 0.14 * len(colors)), 4.5):.2f}", fixedsize="true",
                style="striped" if len(colors) > 1 else "filled", fillcolor=":".join(colors),
                color="#4a5058",
            )  # fmt: skip


def reading(n: NodeRecord) -> tuple[str, str]:
    """The number of a node or box as it is printed, and what is wrong inside a box."""
    if not isinstance(n, BoxRecord):
        bad = f"  {n.nonfinite} of {n.size}" if n.state == "nonfinite" else ""
        return n.label + bad, ""
    return n.label, wrong(n)


def _said(n: BoxRecord) -> list[str]:
    """What is written in a box of several nodes: what it is, its range, and what is wrong."""
    heading = f"{n.title}  ({len(n.members)} tensors)".strip()
    return [shown(n.name, LABEL_LIMIT), heading, *filter(None, reading(n))]


def _prefixes(path: str) -> list[str]:
    parts = path.split(".") if path else []
    return ["", *(".".join(parts[: i + 1]) for i in range(len(parts)))]


def _node_attributes(n: NodeRecord) -> Attributes:
    lines = [shown(n.name, LABEL_LIMIT), shape(n.shape)]
    if n.op and n.op not in n.name:
        lines.insert(1, n.op)
    if n.label:
        lines.append(reading(n)[0])
    note = textwrap.wrap(n.note, NOTE_WIDTH)
    lines += [*n.lines, *note]
    return {
        "label": text(*lines),
        "shape": SHAPES[n.kind] if len(note) < 3 else "box",  # an oval of many lines is huge
        "tooltip": tooltip(n),
        **box(n.state, n.level, "rounded" if n.kind == "op" else ""),
        **({"color": MAGENTA, "penwidth": "3"} if n.poisoned else {}),
    }


def box(state: State, decades: float, style: str = "") -> Attributes:
    """Fill, text colour and border of a state."""
    look = LOOKS[state]
    styles = ["filled", *([style] if style else []), look.border]
    return {
        "style": ",".join(s for s in styles if s != "solid"),
        "fillcolor": _look.fill(state, decades),
        "fontcolor": _look.ink(state, decades),
        "color": look.line or "#4a5058",
        "penwidth": str(look.width),
        "peripheries": "2" if look.double else "1",
    }


def _edge_attributes(e: EdgeRecord) -> Attributes:
    look = LOOKS[e.state]
    color = MAGENTA if e.poisoned else _look.line(e.state, e.level)
    attributes = {
        "label": text(" " + e.label + (f" (×{e.count})" if e.count > 1 else "")),
        "color": f"{color}:invis:{color}" if look.double else color,
        "penwidth": str(3.2 if e.state == "tiny" else 1.0 if look.double else 1.8),
        "style": look.border,
        "tooltip": tooltip(e),
        "labeltooltip": tooltip(e),
    }
    if e.poisoned:
        attributes["penwidth"] = "3.2"
    if e.state == "released" or not e.label:
        del attributes["label"]
    return attributes


def legend(
    g: Any,
    last: str,
    states: set[State],
    words: Sequence[str],
    mode: Mode = MODES["gradient"],
    rankdir: str = "TB",
) -> None:
    """A row of colours and a row of states: below the node ``last``, or beside the picture."""
    across = rankdir in ("LR", "RL")  # a chain lies along the picture, one rank stands across it
    rank = {} if across else {"rank": "same"}
    with g.subgraph(name="cluster_legend") as box_:
        box_.attr(
            label=text(*words),
            labelloc="b", labeljust="c", style="rounded", color="#c9ced5", bgcolor=PAPER,
            fontsize="9", fontcolor=GREY, margin="6",
        )  # fmt: skip
        with box_.subgraph() as row:
            row.attr(**rank)
            colors = [f"color{k + CLIP}" for k, _ in mode.scale]
            for name, (k, label) in zip(colors, mode.scale, strict=True):
                row.node(name, label=label, shape="box", **_sample("ok", k))
            for before, after in pairwise(colors):
                row.edge(before, after, style="invis")
        with box_.subgraph() as row:
            row.attr(**rank)
            previous = ""
            for state, look in LOOKS.items():
                if state in ("ok", "released") and not (state == "released" and state in states):
                    continue
                label = f"{look.glyph} {meaning(mode, state)}"
                row.node(state, label=label, shape="box", **_sample(state, 0))
                if previous:
                    row.edge(previous, state, style="invis")
                previous = state
        if not across:
            box_.edge(colors[len(colors) // 2], "zero", style="invis")
    if not across:
        g.edge(last, colors[len(colors) // 2], style="invis")


def _sample(state: State, decades: float) -> Attributes:
    return {
        "fontsize": "9", "margin": "0.06,0.03", "height": "0.2", "width": "0.45", "tooltip": " ",
        **box(state, decades),
    }  # fmt: skip
