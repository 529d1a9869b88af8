"""The way of the gradient from the loss back to the first layer, and what each op on it costs."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ._look import shown
from ._ratios import decades
from ._records import EdgeRecord, NodeRecord, Recording

NOTABLE = 1.0
"""Decades from which a loss or a growth on the way is told."""
MINOR = 0.05
"""The share of all decades below which the ops of one kind are not named."""
SAME = 1.01
"""Gradients that differ by less than this factor are the same."""
NAMED = 3
"""Kinds of ops that are named at most."""


@dataclass(frozen=True, slots=True)
class Toll:
    """What the ops of one kind take from the gradient on its way.

    Attributes
    ----------
    op : str
    nodes : tuple of str
        Their names, from the loss back.
    decades : float
        What they take together; negative if they add.
    """

    op: str
    nodes: tuple[str, ...]
    decades: float


def way(recording: Recording) -> list[NodeRecord]:
    """The way back from the loss to the activation that is furthest from it.

    Where an op sends the same to all its operands, as a residual sum does, it takes the skip: an
    operand of the op's shape that others read too. Only activations count, and it ends where the
    gradient is zero or not finite.
    """
    at = {n.id: n for n in recording.nodes}
    depth = dict.fromkeys(at, 0)
    sent: dict[str, list[tuple[float, NodeRecord]]] = {}
    readers = Counter(e.source for e in recording.edges)
    for e in sorted(recording.edges, key=_order(recording)):
        source = at[e.source]
        depth[e.target] = max(depth[e.target], depth[e.source] + 1)
        if source.op and source.group == "activations" and 0 < e.rms < math.inf:
            sent.setdefault(e.target, []).append((e.rms, source))
    found = [at[recording.root]]
    while choices := sent.get(found[-1].id):
        sizes, sources = zip(*choices, strict=True)
        if max(sizes) < SAME * min(sizes):
            skips = [n for n in sources if readers[n.id] > 1 and n.shape == found[-1].shape]
            sources = tuple(skips) or sources
        following = max(sources, key=lambda n: depth[n.id])
        if not 0 < following.rms < math.inf:
            break
        found.append(following)
    return found


def _order(recording: Recording) -> Callable[[EdgeRecord], int]:
    place = {n.id: i for i, n in enumerate(recording.nodes)}
    return lambda e: place[e.target]


def tolls(recording: Recording) -> tuple[list[NodeRecord], list[Toll]]:
    """The way to where the gradient is furthest from its start, and what each kind of op takes.

    The reductions that it starts with are left out: a mean divides by its count by design. The
    tolls come most first, and their sum is the distance between the ends.
    """
    walked = way(recording)
    while walked and walked[0].size <= 1:
        walked = walked[1:]
    far = [abs(decades(n.rms, walked[0].rms)) for n in walked]
    walked = walked[: far.index(max(far)) + 1] if far else []
    spent: dict[str, float] = {}
    names: dict[str, list[str]] = {}
    for node, before in zip(walked, walked[1:], strict=False):
        kind, _, output = node.op.partition("[")
        spent[kind] = spent.get(kind, 0.0) - decades(before.rms, node.rms)
        names.setdefault(kind, []).extend([] if output else [node.name])
    found = [Toll(kind, tuple(names[kind]), lost) for kind, lost in spent.items()]
    return walked, sorted(found, key=lambda t: -abs(t.decades))


def told(recording: Recording) -> tuple[str, ...]:
    """Where the gradient is lost, or grows, and by which ops; nothing if it does neither."""
    walked, found = tolls(recording)
    total = sum(t.decades for t in found)
    if not abs(total) >= NOTABLE:
        return ()
    verb, take = ("loses", "take") if total > 0 else ("gains", "add")
    causes = [t for t in found if t.decades * total > 0 and abs(t.decades) >= MINOR * abs(total)]
    words = [f"{_ops(t)} {take if len(t.nodes) > 1 else take + 's'} {abs(t.decades):.1f}"
             for t in causes[:NAMED]]  # fmt: skip
    return (
        f"from {shown(walked[0].name, 40)} back to {shown(walked[-1].name, 40)} it {verb} "
        f"{abs(total):.1f} decades:",
        ", ".join(words),
    )


def _ops(toll: Toll) -> str:
    names: Sequence[str] = toll.nodes
    if len(names) < 2:
        return shown(names[0], 40) if names else toll.op
    return f"{len(names)} {toll.op} ({shown(names[0], 40)} … {shown(names[-1], 40)})"
