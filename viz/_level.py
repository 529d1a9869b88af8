"""What is in one box, in layers.

Layers by the longest path, order in them by barycentres, and least squares for the places. After
Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures",
IEEE Transactions on Systems, Man, and Cybernetics 11 (1981).
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

SWEEPS = 6
SETTLES = 8
GAP, LAYER_GAP = 18.0, 34.0
BENDS = 20
"""Bends that the edges of a box may have on average; beyond, long edges run straight, and layers
keep no room. All of them would be as many as the square of the graph's depth."""
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
    turn: int = 0  # when its first node is told


Edge = tuple[Item, Item, int]  # source, target and number


@dataclass
class Level:
    """How large it all became, and where edges bend, by their numbers."""

    width: float
    height: float
    bends: dict[int, list[Item]]


def level(
    items: Sequence[Item],
    edges: Sequence[tuple[str, str, int]],
    rows: Sequence[Sequence[str]],
    flat: bool,
) -> Level:
    """Give every item its place.

    Parameters
    ----------
    items : list of Item
    edges : list of (str, str, int)
        Names of their ends, and a number.
    rows : list of list of str
        Names of items that are to stand side by side in this order.
    flat : bool
        Whether layers follow each other from left to right.
    """
    block = _joined(items, rows, flat)
    blocks = [block[i.name] for i in items if block[i.name] is i or block[i.name].parts[0] is i]
    between = [
        (block[source], block[target], number)
        for source, target, number in edges
        if source in block and target in block and block[source] is not block[target]
    ]
    layers = _layers(blocks, between)
    links, bends = _ways(layers, between)
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
    return Level(width, max(b - LAYER_GAP, 0.0), bends)


def _joined(items: Sequence[Item], rows: Sequence[Sequence[str]], flat: bool) -> dict[str, Item]:
    """What moves as one, by the names of its items: an item itself, or the row that it is in."""
    inside = {item.name: item for item in items}
    block = dict(inside)
    for row in rows:
        members = [inside[part] for part in dict.fromkeys(row) if part in inside]
        if len(members) > 1 and all(block[m.name] is m for m in members):
            block |= dict.fromkeys([m.name for m in members], _row(members, flat))
    return block


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


def _layers(blocks: list[Item], edges: list[Edge]) -> list[list[Item]]:
    """Layers by the longest path; what starts a path moves down to what it leads to."""
    after: dict[Item, dict[Item, None]] = {block: {} for block in blocks}
    for source, target, _ in edges:
        after[source][target] = None
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


def _finished_last(blocks: list[Item], after: dict[Item, dict[Item, None]]) -> list[Item]:
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


def _ways(
    layers: list[list[Item]], edges: list[Edge]
) -> tuple[list[tuple[Item, Item]], dict[int, list[Item]]]:
    """Links between neighbouring layers; a long edge bends once in each layer it passes."""
    rank = {item: k for k, layer in enumerate(layers) for item in layer}
    trunks: dict[tuple[Item, int, bool], Item] = {}  # edges of one source share their way
    links: dict[tuple[Item, Item], None] = {}
    bends: dict[int, list[Item]] = {}
    left = BENDS * len(edges)
    for source, target, number in edges:
        down = rank[source] < rank[target]
        step = 1 if down else -1
        passed = range(rank[source] + step, rank[target], step)
        if rank[source] == rank[target] or len(passed) > left:
            continue
        left -= len(passed)
        at = source
        for k in passed:
            bend = trunks.get((source, k, down))
            if bend is None:
                bend = trunks[source, k, down] = Item("", 4.0)
                layers[k].append(bend)
            links[(at, bend) if down else (bend, at)] = None
            at = bend
            bends.setdefault(number, []).append(bend)
        links[(at, target) if down else (target, at)] = None
    return list(links), bends


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
