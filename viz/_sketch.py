"""The shape of a graph without its numbers: what a film of it needs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import autodiff as ad

from ._names import Names, Unique, owner
from ._observe import ancestors


@dataclass(frozen=True, slots=True)
class Place:
    """One tensor of the graph.

    Attributes
    ----------
    name, op, scope
        As in `NodeRecord`.
    kind : str
        ``"op"``, ``"parameter"`` or ``"input"``.
    row : str
        The name under which the record has its gradient; "" if it is not measured.
    parents : list of int
        The places it was computed from.
    """

    name: str
    op: str
    scope: str
    kind: str
    row: str
    parents: list[int]


@dataclass(frozen=True, slots=True)
class Sketch:
    """All places, parents before children, and the classes of the modules by path."""

    places: list[Place]
    kinds: dict[str, str]

    def state(self) -> dict[str, Any]:
        """As numbers and strings."""
        kinds = [list(pair) for pair in self.kinds.items()]
        return {"places": [asdict(p) for p in self.places], "kinds": kinds}

    @classmethod
    def of(cls, state: dict[str, Any]) -> "Sketch":
        """What `state` gave."""
        return cls([Place(**p) for p in state["places"]], dict(state["kinds"]))


def sketch(root: ad.Node, names: Names, rows: Mapping[ad.Node, str]) -> Sketch:
    """The graph below a node; ``rows`` says under which names activations are recorded."""
    order = ancestors(root)
    at = {node: i for i, node in enumerate(order)}
    unique = Unique()
    places = []
    for node in order:
        parents = [at[p] for p in node.parents]
        if node.op is None:
            tensor = getattr(node, "tensor", None)
            known = names.parameter(tensor)
            name = known or node.name or getattr(tensor, "name", None) or "leaf"
            kind = "parameter" if known else "input"
            scope = owner(known) if known else ""
            places.append(Place(unique(name), "", scope, kind, known or "", parents))
            continue
        op = node.op.name if node.output is None else f"{node.op.name}[{node.output}]"
        scope = names.path(node.scope)
        name = node.name or (f"{scope}.{op}" if scope else op)
        places.append(Place(unique(name), op, scope, "op", rows.get(node, ""), parents))
    return Sketch(places, dict(names.kinds))
