"""Gradients back through time: what is applied again and again to its own result.

Nothing says that a graph is a recurrence unrolled. It shows: an op of one module has another op of
the same name and module above it, as far away as the others of its kind.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from ._heatmap import Heatmap
from ._look import number
from ._records import NodeRecord, Recording
from ._stats import State

HOPS = 12
"""How far above an op the same op of the step before is looked for."""


def heatmap(recording: Recording) -> Heatmap:
    """Rows are the ops of recurrences, columns time steps back."""
    if recording.released or recording.mode != "gradient":
        raise ValueError(
            'heatmap: this graph has no gradients of activations; draw it with mode="gradient" and '
            "before backward(), or after backward(retain_graph=True)"
        )
    rows = chains(recording)
    if not rows:
        raise ValueError(
            "heatmap: no op of this graph is applied again to its own result, so there is no time "
            "to go back through; profile() has the gradients layer by layer"
        )
    last = max(row.end for row in rows)
    cells = [[row.at(last - lag) for row in rows] for lag in range(last + 1)]
    values = np.array([[math.nan if n is None else n.rms for n in line] for line in cells])
    states: list[list[State]] = [
        ["absent" if n is None else n.state for n in line] for line in cells
    ]
    # What enters is neutral: the median of the last step that has a gradient.
    known = (line[np.isfinite(line) & (line > 0)] for line in values)
    reference = next((float(np.median(line)) for line in known if line.size), math.nan)
    return Heatmap(
        "Gradients back through time", [row.name for row in rows], np.arange(last + 1), values,
        states, np.full(last + 1, reference),
        f"gradient RMS relative to {number(reference)}, the median of the last step",
        np.full(last + 1, np.nan), across=("lag", "time steps back"),
    )  # fmt: skip


class Chain:
    """One op through time.

    Attributes
    ----------
    name : str
    nodes : list of NodeRecord
        From the first step on.
    start : int
        The step of the first.
    """

    def __init__(self, name: str, nodes: list[NodeRecord]) -> None:
        self.name, self.nodes, self.start = name, nodes, 0

    @property
    def end(self) -> int:
        """The last step."""
        return self.start + len(self.nodes) - 1

    def at(self, step: int) -> NodeRecord | None:
        """The node of a step."""
        i = step - self.start
        return self.nodes[i] if 0 <= i < len(self.nodes) else None


def chains(recording: Recording) -> list[Chain]:
    """All recurrences, in the order in which they begin."""
    place = {node.id: i for i, node in enumerate(recording.nodes)}
    above = _above(recording)
    rows = _linked(recording, above)
    found: list[Chain] = []
    seen: Counter[str] = Counter()
    for row in rows:
        longest = max((r for r in rows if _meet(r, row, place)), key=len)
        if 2 * len(row) <= len(longest):  # not of the steps: a module's layers, one above the other
            continue
        name = row[0].name.partition("#")[0]
        seen[name] += 1
        chain = Chain(f"{name} ({seen[name]})" if seen[name] > 1 else name, row)
        # What needs a state that the first step has not begins with the second.
        if len(row) < len(longest) and _reaches(row[0].id, longest[0].id, above):
            chain.start = len(longest) - len(row)
        found.append(chain)
    return found


def _meet(a: Sequence[NodeRecord], b: Sequence[NodeRecord], place: dict[str, int]) -> bool:
    """Whether two rows were computed at the same time."""
    return place[a[0].id] <= place[b[-1].id] and place[b[0].id] <= place[a[-1].id]


def _above(recording: Recording) -> dict[str, list[str]]:
    """By the id of each op, those that it reads."""
    above: dict[str, list[str]] = {
        n.id: [] for n in recording.nodes if n.op and n.group == "activations"
    }
    for edge in recording.edges:
        if edge.source in above and edge.target in above:
            above[edge.target].append(edge.source)
    return above


def _linked(recording: Recording, above: dict[str, list[str]]) -> list[list[NodeRecord]]:
    """The ops that follow each other in a recurrence, in rows."""
    nodes = {n.id: n for n in recording.nodes if n.id in above}
    key = {id: (n.scope, n.op) for id, n in nodes.items()}
    often = {k for k, count in Counter(key.values()).items() if count > 1}
    before = {
        id: found
        for id, n in nodes.items()
        # What an op with several outputs receives is told by the rows of its outputs.
        if key[id] in often and not _several(n) and (found := _nearest(id, above, key))
    }
    distances: dict[tuple[str, str], Counter[int]] = {}
    for id, (_, hops) in before.items():
        distances.setdefault(key[id], Counter())[hops] += 1
    usual = {k: counts.most_common(1)[0][0] for k, counts in distances.items()}
    after: dict[str, str] = {}
    for id, (source, hops) in before.items():
        if hops == usual[key[id]]:  # else another layer of the same module begins
            after.setdefault(source, id)
    followers = set(after.values())
    rows = []
    for id in nodes:
        if id in after and id not in followers:
            row = [id]
            while row[-1] in after:
                row.append(after[row[-1]])
            rows.append([nodes[i] for i in row])
    return rows


def _several(node: NodeRecord) -> bool:
    return bool(node.shape) and isinstance(node.shape[0], tuple)


def _nearest(
    id: str, above: dict[str, list[str]], key: dict[str, tuple[str, str]]
) -> tuple[str, int] | None:
    """The nearest op above of the same name and module, and how far it is."""
    for source, hops in _upwards(id, above):
        if key[source] == key[id]:
            return source, hops
    return None


def _reaches(id: str, source: str, above: dict[str, list[str]]) -> bool:
    """Whether an op was computed from another, a step before."""
    return any(at == source for at, _ in _upwards(id, above))


def _upwards(id: str, above: dict[str, list[str]]) -> Iterator[tuple[str, int]]:
    """The ops above, the nearest first, and how far they are."""
    reached, seen = [id], {id}
    for hops in range(1, HOPS + 1):
        reached = [
            s for s in dict.fromkeys(s for at in reached for s in above[at]) if s not in seen
        ]
        seen.update(reached)
        yield from ((source, hops) for source in reached)
