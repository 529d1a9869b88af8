"""Where the layout is to put what arrows leave open: leaves, the spine, what has no arrow."""

from itertools import pairwise
from typing import Any

from ._records import Recording

GHOST_COLUMNS = 2
"""Columns in which parameters without any arrow stand."""


def sides(recording: Recording) -> dict[str, list[list[str]]]:
    """The leaves that stand beside the op that reads them, each with the views on the way.

    They are those with one reader, of their own module. Ops then form a straight spine, and a
    layer takes one row.
    """
    nodes = {n.id: n for n in recording.nodes}
    readers: dict[str, list[str]] = {}
    for e in recording.edges:
        readers.setdefault(e.source, []).append(e.target)

    def reader(id: str) -> str | None:
        targets = readers.get(id, [])
        alone = len(targets) == 1 and nodes[targets[0]].scope == nodes[id].scope
        return targets[0] if alone else None

    found: dict[str, list[list[str]]] = {}
    for leaf in (n for n in recording.nodes if not n.op):
        chain, op = [leaf.id], reader(leaf.id)
        while op and nodes[op].group == "parameters":  # a view of the parameter
            chain.append(op)
            op = reader(op)
        if op:
            found.setdefault(op, []).append(chain)
    return found


def spine(recording: Recording) -> set[tuple[str, str]]:
    """The arrows that are to run straight: from each activation to the first op that reads it.

    Were skips as strong, the blocks that they pass would lean.
    """
    place = {n.id: i for i, n in enumerate(recording.nodes)}
    made = {n.id for n in recording.nodes if n.group == "activations" and n.op}
    first: dict[str, str] = {}
    for e in recording.edges:
        if e.source in made and place[e.target] < place.get(first.get(e.source, ""), len(place)):
            first[e.source] = e.target
    return set(first.items())


def stack(g: Any, recording: Recording, sides: dict[str, list[list[str]]]) -> None:
    """Place what no arrow touches: beside the only op of its module, else in a few columns."""
    touched = {id for e in recording.edges for id in (e.source, e.target)}
    ops: dict[str, list[str]] = {}
    idle: dict[str, list[str]] = {}
    for n in recording.nodes:
        if n.op:
            ops.setdefault(n.scope, []).append(n.id)
        elif n.id not in touched:
            idle.setdefault(n.scope, []).append(n.id)
    columns: list[list[str]] = [[] for _ in range(GHOST_COLUMNS)]
    for i, (scope, ids) in enumerate(idle.items()):
        if scope and len(ops.get(scope, ())) == 1:
            sides.setdefault(ops[scope][0], []).extend([id] for id in ids)
        else:
            columns[i % GHOST_COLUMNS] += ids
    for column in columns:
        for above, below in pairwise(column):
            g.edge(above, below, style="invis")
