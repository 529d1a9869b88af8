"""The figure of a graph in a page: the same drawing folded more and less, and its legend.

All drawings are in the page, the chosen one open. Where scripts run, ``page/viewer.js`` makes one
figure of them, with pan, zoom, search and folding.
"""

import html
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import _dot, _look, _render, _svg
from ._fold import Collapse, Keep, folded, folding
from ._look import LOOKS, number, shown
from ._modes import MODES, meaning
from ._parts import Tree
from ._records import BoxRecord, NodeRecord, Recording
from ._stats import State

EVERY = 600
"""Nodes up to which a page holds the drawing of every one besides the folded ones."""

BOXES = (
    "A box is a module, or several equal ones in a row: its strip has the smallest, median and "
    "largest gradient inside, or one colour a copy."
)


@dataclass(frozen=True)
class Level:
    """One drawing.

    Attributes
    ----------
    words : str
        How much is folded in it.
    svg : str
    boxes : dict
        What the program needs of each box, by its ``id``.
    open : bool
        Whether it is the one that is shown first.
    """

    words: str
    svg: str
    boxes: dict[str, Any] = field(default_factory=dict)
    open: bool = True


def figure(levels: Sequence[Level], label: str) -> str:
    """The drawings, one open, the others behind their words."""
    parts = "".join(
        f'<details class="level"{" open" * level.open}>'
        f"<summary>{html.escape(level.words)}</summary>"
        f'<div class="stage">\n{level.svg}\n</div></details>\n'
        for level in levels
    )
    return f'<figure class="graph" aria-label="{html.escape(shown(label))}">\n{parts}</figure>\n'


def data(levels: Sequence[Level], names: Mapping[str, str]) -> dict[str, Any]:
    """What the program needs of a figure."""
    return {
        "names": {id: shown(name) for id, name in names.items()},
        "levels": [{"boxes": level.boxes} for level in levels],
    }


@dataclass(frozen=True)
class Folding:
    """One way to fold a graph.

    Attributes
    ----------
    words : str
    tree : Tree or None
        What is open; None if everything is.
    drawn : Recording
    open : bool
        Whether it is the one that was asked for.
    """

    words: str
    tree: Tree | None
    drawn: Recording
    open: bool


def foldings(
    recording: Recording,
    collapse: Collapse = "auto",
    keep: Keep = "anomalies",
    max_nodes: int = 120,
) -> list[Folding]:
    """The drawings that a page has, the most folded first."""
    ways = {
        "Folded": folding(recording, collapse, keep, max_nodes),
        "Modules": folding(recording, 0, None),  # every strip tells what is wrong inside
    }
    if len(recording.nodes) <= EVERY:
        ways["Every tensor"] = None
    found: dict[frozenset[str], Folding] = {}
    for words, tree in ways.items():
        drawn = folded(recording, tree) if tree else recording
        ids = frozenset(node.id for node in drawn.nodes)
        if ids not in found or not tree:
            asked = words == "Folded" or (ids in found and found[ids].open)
            found[ids] = Folding(f"{words}: {len(ids)}", tree, drawn, asked)
    return sorted(found.values(), key=lambda way: len(way.drawn.nodes))


def level(way: Folding, title: str, rankdir: str, prefix: str, strips: Any = None) -> Level:
    """The drawing of one folding; ``strips`` has the numbers of its boxes through training."""
    boxes = {
        n.id: {"name": shown(n.name), "members": [m.id for m in n.members]}
        | (strips[n.id] if strips else {})
        for n in way.drawn.nodes
        if isinstance(n, BoxRecord)
    }
    return Level(way.words, drawing(way.drawn, title, rankdir, prefix), boxes, way.open)


def drawing(recording: Recording, title: str, rankdir: str, prefix: str) -> str:
    """The SVG of a recording without title and legend, which the page has."""
    dot = str(_dot.digraph(recording, (), rankdir, bare=True).source)
    root = ET.fromstring(_svg.polish(_render.layout(dot).decode(), title, prefix))
    nodes = {node.id: node for node in recording.nodes}
    for group in root.iter(f"{{{_svg.SVG}}}g"):
        id = group.get("data-id", "").removeprefix("cluster_")
        if id in nodes and group.get("class") in ("node", "cluster"):
            _mark(group, nodes[id])
    return ET.tostring(root, encoding="unicode")


def _mark(group: ET.Element, node: NodeRecord) -> None:
    """Say which words of a node are its number, so that the program can put in another."""
    said = {" ".join(words.split()): name for words, name in
            zip(_dot.reading(node), ("value", "wrong"), strict=True) if words}  # fmt: skip
    for line in group.iter(f"{{{_svg.SVG}}}text"):
        kind = said.pop(" ".join((line.text or "").split()), None)
        if kind:
            line.set("class", kind)


def words(recording: Recording) -> str:
    """What colours and numbers of a graph say."""
    mode = MODES[recording.mode]
    known = [(what, x) for what, x in recording.references.items() if x == x]
    references = ", ".join(f"{what} {number(x)}" for what, x in known) or "none"
    colors = mode.words.format(references=references)
    return f"Colour: {colors}. {mode.arrows[0].upper()}{mode.arrows[1:]}."


def legend(recording: Recording, said: str, folded: bool) -> str:
    """The colours and states, and below them what is said of them."""
    mode = MODES[recording.mode]
    states = {r.state for r in (*recording.nodes, *recording.edges)}
    colors = "".join(_sample("", "ok", k, label) for k, label in mode.scale)
    rows = [f'<li class="scale">{colors}</li>']
    rows += [
        f"<li>{_sample('state', state, 0, f'{look.glyph} {meaning(mode, state)}')}</li>"
        for state, look in LOOKS.items()
        if state != "ok" and (state != "released" or state in states)
    ]
    said = f"{said} {BOXES}" if folded else said
    return f'<ul class="legend">{"".join(rows)}</ul>\n<p class="soft">{html.escape(said)}</p>\n'


def _sample(kind: str, state: State, k: int, label: str) -> str:
    border = f";border:1px {LOOKS[state].border} {LOOKS[state].line}" if LOOKS[state].line else ""
    style = f"background:{_look.fill(state, k)};color:{_look.ink(state, k)}{border}"
    return f'<span class="{kind}" style="{style}">{html.escape(label)}</span>'
