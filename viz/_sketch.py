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
    shape : tuple
        Of the tensor; a tuple of them for an op with several outputs.
    """

    name: str
    op: str
    scope: str
    kind: str
    row: str
    parents: list[int]
    shape: tuple[Any, ...] = ()


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
        places = [Place(**{**p, "shape": _tuples(p.get("shape", ()))}) for p in state["places"]]
        return cls(places, dict(state["kinds"]))


def _tuples(shape: Any) -> Any:
    """A shape that was kept as lists."""
    return tuple(map(_tuples, shape)) if isinstance(shape, (list, tuple)) else shape


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
            places.append(Place(unique(name), "", scope, kind, known or "", parents, node.shape))
            continue
        op = node.op.name if node.output is None else f"{node.op.name}[{node.output}]"
        scope = names.path(node.scope)
        name = node.name or (f"{scope}.{op}" if scope else op)
        places.append(Place(unique(name), op, scope, "op", rows.get(node, ""), parents, node.shape))
    return Sketch(places, dict(names.kinds))


def measured(sketch: Sketch, rows: set[str]) -> dict[int, tuple[Place, list[int]]]:
    """The places that have numbers, each with the nearest such places it was computed from."""
    found: dict[int, tuple[Place, list[int]]] = {}
    nearest: list[list[int]] = []  # of each place: itself, or what it stands for
    for i, place in enumerate(sketch.places):
        before = list(dict.fromkeys(k for p in place.parents for k in nearest[p]))
        if place.row in rows:
            found[i] = (place, before)
            nearest.append([i])
        else:
            nearest.append(before)
    return found
