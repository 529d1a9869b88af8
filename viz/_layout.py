"""A layered layout in plain Python: drawn where there is no Graphviz, or too much for it.

Each box is laid out by itself (`_level`) and is then an item of the box around it, so that boxes
never overlap.
"""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ._extent import size, text_width
from ._level import Item, level
from ._reader import Cluster, Scene, words

MARGIN = 8.0


@dataclass
class Places:
    """Rectangles by name (left, top, width, height) and the bends of edges by their number."""

    rectangles: dict[str, tuple[float, float, float, float]]
    bends: dict[int, list[tuple[float, float]]]


def place(scene: Scene) -> Places:
    """Where everything goes, the legend left out."""
    return _Layout(scene).places()


class _Layout:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.rankdir = scene.root.attributes.get("rankdir", "TB")
        self.flat = self.rankdir in ("LR", "RL")
        self.turns = {name: i for i, name in enumerate(scene.nodes)}
        self.items: dict[str, Item] = {}
        self.bends: dict[int, list[Item]] = {}
        self.home: dict[Item, str] = {}  # item -> the box around it
        legend = next((c for c in scene.root.clusters if c.name == "cluster_legend"), None)
        ways = {name: _way(name, box) for name, box in scene.home.items() if box is not legend}
        self.edges = _edges(scene, ways)
        self.rows = _rows(scene, ways)

    def places(self) -> Places:
        whole = self._box(self.scene.root)
        rectangles: dict[str, tuple[float, float, float, float]] = {}
        corners = {"": (0.0, 0.0)}
        for item in reversed(self.items.values()):  # boxes before what is in them
            if item is whole:
                continue
            a0, b0 = corners[self.home[item]]
            a, b = a0 + item.a - item.width / 2, b0 + item.b - item.height / 2
            corners[item.name] = (a, b)
            rectangles[item.name] = self._turned(a, b, item.width, item.height, whole)
        bends = {}
        for number, items in self.bends.items():
            a0, b0 = corners[self.home[items[0]]]
            turned = [self._turned(a0 + i.a, b0 + i.b, 0, 0, whole) for i in items]
            bends[number] = [(x, y) for x, y, _, _ in turned]
        rectangles[""] = self._turned(0, 0, whole.width, whole.height, whole)
        return Places(rectangles, bends)

    def _turned(
        self, a: float, b: float, width: float, height: float, whole: Item
    ) -> tuple[float, float, float, float]:
        if self.rankdir in ("BT", "RL"):
            b = whole.height - b - height
        return (b, a, height, width) if self.flat else (a, b, width, height)

    def _box(self, box: Cluster) -> Item:
        """Lay out a box, inner ones first; its size is that of what is in it."""
        inside = [self._box(c) for c in box.clusters if c.name != "cluster_legend"]
        for name in box.nodes:
            width, height = size(self.scene.nodes[name])
            item = Item(name, *((height, width) if self.flat else (width, height)))
            item.turn = self.turns[name]
            self.items[name] = item
            inside.append(item)
        inside.sort(key=lambda item: item.turn)
        edges = self.edges.get(box.name, ())
        found = level(inside, edges, self.rows.get(box.name, ()), self.flat)
        self.bends |= found.bends
        whole = Item(box.name, turn=inside[0].turn if inside else 0)
        lines = words(box.attributes.get("label", "")) if box.outer else []
        font = float(box.attributes.get("fontsize", 10))
        top = MARGIN + (len(lines) * font * 1.25 + 4 if lines else 0.0)
        least = max((text_width(line, font) for line in lines), default=0.0)
        before_a, before_b = (top, MARGIN) if self.flat else (MARGIN, top)
        if self.rankdir == "BT":
            before_b = MARGIN
        if self.flat:
            slack = max(0.0, least - found.height)
            whole.width = found.width + top + MARGIN
            whole.height = found.height + slack + 2 * MARGIN
            before_b += slack / 2
        else:
            slack = max(0.0, least - found.width)
            whole.width = found.width + slack + 2 * MARGIN
            whole.height = found.height + top + MARGIN
            before_a += slack / 2
        for item in inside:
            self.home[item] = box.name
            item.a += before_a
            item.b += before_b
        for bend in {bend for way in found.bends.values() for bend in way}:
            self.home[bend] = box.name
            bend.a += before_a
            bend.b += before_b
        # What is inside stands before its box in the dictionary.
        self.items[box.name] = whole
        return whole


def _way(name: str, box: Cluster) -> list[str]:
    """The boxes around a node, from the outermost on, and the node."""
    way = [name]
    around: Cluster | None = box
    while around:
        way.append(around.name)
        around = around.outer
    return way[::-1]


def _shared(ways: Iterable[list[str]]) -> int:
    """How many boxes some nodes have in common."""
    levels = zip(*ways, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda names: len(set(names)) == 1, levels))


def _edges(scene: Scene, ways: Mapping[str, list[str]]) -> dict[str, list[tuple[str, str, int]]]:
    """The edges by the innermost box around them, between what is in it, with their numbers."""
    found: dict[str, list[tuple[str, str, int]]] = {}
    for number, (source, target, _) in enumerate(scene.edges):
        if source in ways and target in ways and source != target:
            start, end = ways[source], ways[target]
            k = _shared((start, end))
            found.setdefault(start[k - 1], []).append((start[k], end[k], number))
    return found


def _rows(scene: Scene, ways: Mapping[str, list[str]]) -> dict[str, list[list[str]]]:
    """What is to stand side by side, likewise."""
    found: dict[str, list[list[str]]] = {}
    for row in scene.root.rows:
        members = [ways[name] for name in row]
        k = _shared(members)
        if members and all(len(way) > k for way in members):
            found.setdefault(members[0][k - 1], []).append([way[k] for way in members])
    return found
