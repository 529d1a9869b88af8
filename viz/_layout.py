"""A layered layout in plain Python: drawn where there is no Graphviz, or too much for it.

Each box is laid out by itself and is then a node of the box around it (so boxes never overlap):
layers by the longest path, order in them by barycentres, and least squares for the places.
After Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system
structures", IEEE Transactions on Systems, Man, and Cybernetics 11 (1981).
"""

import itertools
import statistics
import unicodedata
from dataclasses import dataclass, field

from ._reader import Cluster, Scene, words

SWEEPS = 6
SETTLES = 8
GAP, LAYER_GAP, MARGIN = 18.0, 34.0, 8.0
LONGEST_WAYS = 20_000
"""Bends of long edges at which layers stop being kept free for them."""
IDLE_IN_ROW = 6
"""Nodes without edges that stand side by side."""


@dataclass(eq=False)
class Item:
    """Something with a size and a place: a node, a box, or the bend of a long edge.

    ``a`` runs across the layers' order and ``b`` along it; both are centres, relative to the
    corner of the box around.
    """

    name: str
    width: float = 0.0
    height: float = 0.0
    a: float = 0.0
    b: float = 0.0
    parts: list["Item"] = field(default_factory=list)


@dataclass
class Places:
    """Rectangles by name (left, top, width, height) and the bends of edges by their number."""

    rectangles: dict[str, tuple[float, float, float, float]]
    bends: dict[int, list[tuple[float, float]]]


def text_width(line: str, size: float) -> float:
    """About how wide a line is in DejaVu Sans."""
    total = 0.0
    for c in line:
        if c in "ijlI.,:;'|()[]/ -":
            total += 0.36
        elif c in "mwMW@%":
            total += 0.95
        else:
            total += 1.0 if unicodedata.east_asian_width(c) in "WF" else 0.63
    return total * size


def size(attributes: dict[str, str]) -> tuple[float, float]:
    """Width and height of a node, in points."""
    if attributes.get("fixedsize") == "true":
        return float(attributes["width"]) * 72, float(attributes["height"]) * 72
    font = float(attributes.get("fontsize", 11))
    lines = words(attributes.get("label", ""))
    wide, high = (float(m) * 144 for m in attributes.get("margin", "0.12,0.06").split(","))
    width = max((text_width(line, font) for line in lines), default=0.0) + wide
    height = len(lines) * font * 1.2 + high
    if attributes.get("shape") in ("ellipse", "hexagon"):
        width, height = width * 1.3, height * 1.3
    least = float(attributes.get("width", 0.6)) * 72
    return max(width, least), max(height, float(attributes.get("height", 0.3)) * 72)


def place(scene: Scene) -> Places:
    """Where everything goes, the legend left out."""
    return _Layout(scene).places()


class _Layout:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.rankdir = scene.root.attributes.get("rankdir", "TB")
        self.flat = self.rankdir in ("LR", "RL")
        self.items: dict[str, Item] = {}
        self.bends: dict[int, list[Item]] = {}
        self.home: dict[Item, str] = {}  # item -> the box around it
        self.by_box: dict[str, list[tuple[str, str, int]]] = {}
        ways: dict[str, list[str]] = {}
        for name, box in scene.home.items():
            way = [name]
            around: Cluster | None = box
            while around:
                way.append(around.name)
                around = around.outer
            ways[name] = way[::-1]
        for number, (source, target, _) in enumerate(scene.edges):
            if source not in ways or target not in ways or source == target:
                continue
            pairs = zip(ways[source], ways[target], strict=False)
            shared = sum(1 for _ in itertools.takewhile(lambda p: p[0] == p[1], pairs))
            if not self._legend(ways[source], ways[target]):
                self.by_box.setdefault(ways[source][shared - 1], []).append(
                    (ways[source][shared], ways[target][shared], number)
                )
        self.rows: dict[str, list[list[str]]] = {}
        for row in scene.root.rows:
            pairs = zip(*(ways[name] for name in row), strict=False)
            shared = sum(1 for _ in itertools.takewhile(lambda p: len(set(p)) == 1, pairs))
            if row and all(len(ways[name]) > shared for name in row):
                box_name = ways[row[0]][shared - 1]
                self.rows.setdefault(box_name, []).append([ways[name][shared] for name in row])

    @staticmethod
    def _legend(*ways: list[str]) -> bool:
        return any("cluster_legend" in way for way in ways)

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
            self.items[name] = item
            inside.append(item)
        order = {name: i for i, name in enumerate(self.scene.nodes)}
        inside.sort(key=lambda item: order.get(item.name, order.get(_first(box, item), 0)))
        width, height = self._level(box.name, inside)
        whole = Item(box.name)
        lines = words(box.attributes.get("label", "")) if box.outer else []
        font = float(box.attributes.get("fontsize", 10))
        top = MARGIN + (len(lines) * font * 1.25 + 4 if lines else 0.0)
        least = max((text_width(line, font) for line in lines), default=0.0)
        before_a, before_b = (top, MARGIN) if self.flat else (MARGIN, top)
        if self.rankdir == "BT":
            before_b = MARGIN
        if self.flat:
            slack = max(0.0, least - height)
            whole.width, whole.height = width + top + MARGIN, height + slack + 2 * MARGIN
            before_b += slack / 2
        else:
            slack = max(0.0, least - width)
            whole.width, whole.height = width + slack + 2 * MARGIN, height + top + MARGIN
            before_a += slack / 2
        for item in inside:
            self.home[item] = box.name
            item.a += before_a
            item.b += before_b
        for bend in self._own_bends(box.name):
            self.home[bend] = box.name
            bend.a += before_a
            bend.b += before_b
        # What is inside stands before its box in the dictionary.
        self.items[box.name] = whole
        return whole

    def _own_bends(self, name: str) -> set[Item]:
        numbers = [number for _, _, number in self.by_box.get(name, ())]
        return {bend for number in numbers for bend in self.bends.get(number, ())}

    # ------------------------------------------------------------ one box
    def _level(self, name: str, items: list[Item]) -> tuple[float, float]:
        """Place the items of a box; the size of it all."""
        block: dict[str, Item] = {item.name: item for item in items}
        inside = dict(block)
        blocks = list(items)
        for row in self.rows.get(name, ()):
            members = [inside[part] for part in dict.fromkeys(row) if part in inside]
            if len(members) > 1 and all(block[m.name] is m for m in members):
                made = _row(members, self.flat)
                for m in members:
                    block[m.name] = made
                at = blocks.index(members[0])
                blocks = [b for b in blocks if b not in members]
                blocks.insert(min(at, len(blocks)), made)
        edges = [
            (block[source], block[target], number)
            for source, target, number in self.by_box.get(name, ())
            if source in block and target in block and block[source] is not block[target]
        ]
        layers = self._layers(blocks, edges)
        links = self._ways(layers, edges)
        _order(layers, links)
        _settle(layers, links)
        left = min((i.a - i.width / 2 for row in layers for i in row), default=0.0)
        b = 0.0
        for layer in layers:
            height = max(i.height for i in layer)
            for item in layer:
                item.a -= left
                item.b = b + height / 2
            b += height + LAYER_GAP
        for made in blocks:
            for part in made.parts:
                part.a += made.a - made.width / 2
                part.b = made.b
        width = max((i.a + i.width / 2 for row in layers for i in row), default=0.0)
        return width, max(b - LAYER_GAP, 0.0)

    def _layers(self, blocks: list[Item], edges: list[tuple[Item, Item, int]]) -> list[list[Item]]:
        """Layers by the longest path; what starts a path moves down to what it leads to."""
        after: dict[Item, list[Item]] = {block: [] for block in blocks}
        for source, target, _ in edges:
            if target not in after[source]:
                after[source].append(target)
        rank = dict.fromkeys(blocks, 0)
        finished = _finished_last(blocks, after)
        place = {block: i for i, block in enumerate(finished)}
        for block in finished:
            for target in after[block]:
                if place[target] > place[block]:  # the others lead back
                    rank[target] = max(rank[target], rank[block] + 1)
        before = {target for targets in after.values() for target in targets}
        for block in blocks:
            below = [rank[t] for t in after[block] if place[t] > place[block]]
            if block not in before and below:
                rank[block] = min(below) - 1
        depth = max(rank.values(), default=-1) + 1
        idle = [b for b in blocks if b not in before and not after[b]]
        if len(idle) == len(blocks):
            depth = 0
        for i, block in enumerate(idle):
            rank[block] = depth + i // IDLE_IN_ROW
        layers: dict[int, list[Item]] = {}
        for block in blocks:
            layers.setdefault(rank[block], []).append(block)
        return [layers[k] for k in sorted(layers)]

    def _ways(
        self, layers: list[list[Item]], edges: list[tuple[Item, Item, int]]
    ) -> list[tuple[Item, Item]]:
        """Links between neighbouring layers; a long edge bends once in each layer it passes."""
        rank = {item: k for k, layer in enumerate(layers) for item in layer}
        trunks: dict[tuple[Item, int, bool], Item] = {}  # edges of one source share their way
        links: dict[tuple[Item, Item], None] = {}
        for source, target, number in edges:
            down = rank[source] < rank[target]
            step = 1 if down else -1
            passed = range(rank[source] + step, rank[target], step)
            if rank[source] == rank[target] or len(trunks) + len(passed) > LONGEST_WAYS:
                continue
            at = source
            for k in passed:
                bend = trunks.get((source, k, down))
                if bend is None:
                    bend = trunks[source, k, down] = Item("", 4.0)
                    layers[k].append(bend)
                links[(at, bend) if down else (bend, at)] = None
                at = bend
                self.bends.setdefault(number, []).append(bend)
            links[(at, target) if down else (target, at)] = None
        return list(links)


def _first(box: Cluster, item: Item) -> str:
    """The first node in an inner box."""
    stack = [c for c in box.clusters if c.name == item.name]
    while stack:
        at = stack.pop()
        if at.nodes:
            return at.nodes[0]
        stack.extend(reversed(at.clusters))
    return ""


def _row(members: list[Item], flat: bool) -> Item:
    """Items side by side that move as one, with room between them for an edge's label."""
    gap = 24.0 if flat else 64.0
    made = Item("", parts=members)
    for member in members:
        member.a = made.width + member.width / 2
        made.width += member.width + gap
    made.width -= gap
    made.height = max(m.height for m in members)
    return made


def _finished_last(blocks: list[Item], after: dict[Item, list[Item]]) -> list[Item]:
    """Blocks in an order in which edges lead forward, but for those that close a cycle."""
    done: list[Item] = []
    seen: set[Item] = set()
    for start in blocks:
        if start in seen:
            continue
        seen.add(start)
        stack = [(start, iter(after[start]))]
        while stack:
            block, rest = stack[-1]
            for target in rest:
                if target not in seen:
                    seen.add(target)
                    stack.append((target, iter(after[target])))
                    break
            else:
                done.append(block)
                stack.pop()
    return done[::-1]


def _order(layers: list[list[Item]], links: list[tuple[Item, Item]]) -> None:
    """Order every layer by the mean place of the neighbours in the layer before, then after."""
    above: dict[Item, list[Item]] = {}
    below: dict[Item, list[Item]] = {}
    for source, target in links:
        above.setdefault(target, []).append(source)
        below.setdefault(source, []).append(target)
    at = {item: float(i) for layer in layers for i, item in enumerate(layer)}
    for sweep in range(SWEEPS):
        near, order = (below, layers[::-1]) if sweep % 2 else (above, layers)
        for layer in order:
            if len(layer) < 2:
                continue
            key = {
                i: statistics.fmean(at[n] for n in near[i]) if i in near else at[i] for i in layer
            }
            layer.sort(key=key.__getitem__)
            at.update((item, float(i)) for i, item in enumerate(layer))


def _settle(layers: list[list[Item]], links: list[tuple[Item, Item]]) -> None:
    """Move items towards their neighbours as far as those beside them allow."""
    near: dict[Item, list[Item]] = {}
    for source, target in links:
        near.setdefault(source, []).append(target)
        near.setdefault(target, []).append(source)
    for layer in layers:
        width = sum(i.width for i in layer) + GAP * (len(layer) - 1)
        at = -width / 2
        for item in layer:
            item.a = at + item.width / 2
            at += item.width + GAP
    for turn in range(SETTLES):
        for layer in layers[::-1] if turn % 2 else layers:
            wanted = [statistics.fmean(n.a for n in near[i]) if i in near else i.a for i in layer]
            _spread(layer, wanted)


def _spread(layer: list[Item], wanted: list[float]) -> None:
    """The places nearest to those wanted, by least squares, at which nothing overlaps."""
    offset = 0.0
    pools: list[list[float]] = []  # mean, weight, and how many items
    offsets = []
    for i, item in enumerate(layer):
        if i:
            offset += (layer[i - 1].width + item.width) / 2 + GAP
        offsets.append(offset)
        pools.append([wanted[i] - offset, 1.0 if item.name or item.parts else 2.0, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, weight, n = pools.pop()
            before = pools[-1]
            before[0] = (before[0] * before[1] + mean * weight) / (before[1] + weight)
            before[1] += weight
            before[2] += n
    means = [mean for mean, _, n in pools for _ in range(int(n))]
    for item, mean, off in zip(layer, means, offsets, strict=True):
        item.a = mean + off
