"""From a loss to records: one observed backward pass that changes nothing.

The walk is iterative and nodes are numbered in the order in which they were made, so the
same program gives the same records.
"""

import math
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import autodiff as ad

from ._names import Names, Unique, owner
from ._records import EdgeRecord, Group, Kind, Live, NodeRecord, Record, Recording
from ._stats import ABSENT, RELEASED, Collector, Statistics, whole

COPIES = ("astype", "clone")
"""Ops that make the same numbers anew, as `autocast` does for every parameter that it casts."""

Reference = Literal["median", "loss"] | float


def node_of(loss: Any) -> ad.Node:
    """The node of a loss, or an error that says why there is none."""
    node = getattr(loss, "node", None)
    if isinstance(node, ad.Node):
        return node
    if not hasattr(loss, "requires_grad"):
        raise TypeError(
            f"expected a Tensor or a Scalar, not {type(loss).__name__}; give the loss itself"
        )
    raise ValueError(
        "the loss has no graph: nothing it was computed from requires a gradient, or it was "
        "computed under no_grad() or detached; set requires_grad=True on what should be drawn"
    )


def tensor_of(node: ad.Node) -> Any:
    """The tensor of a leaf; None for an op, or if nobody holds the tensor any more."""
    return getattr(node, "tensor", None)


def ancestors(node: ad.Node) -> list[ad.Node]:
    """A node and all it was computed from, parents first."""
    seen = {node}
    stack = [node]
    while stack:
        for parent in stack.pop().parents:
            if parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(seen, key=lambda n: n.index)


def observe(
    loss: Any, nodes: Sequence[ad.Node]
) -> tuple[dict[ad.Node, Statistics], dict[ad.Node, tuple[Statistics, ...]], bool]:
    """Statistics of every node and of each of its edges, and whether the graph was released.

    Of a released graph only the gradients that leaves hold are known.
    """
    collector = Collector()
    released = any(node.released for node in nodes)
    at: dict[ad.Node, int] = {}
    pulled_at: dict[ad.Node, list[int]] = {}
    if released:
        for node in nodes:
            grad = getattr(tensor_of(node), "grad", None)
            if grad is not None:
                at[node] = collector.add(grad.data)
    else:

        def look(node: ad.Node, g: Any, pulled: tuple[Any, ...]) -> None:
            at[node] = collector.add(g)
            pulled_at[node] = [collector.add(d) for d in pulled]

        ad.gradients(loss, observe=look)
    found = collector.results()
    unknown = RELEASED if released else ABSENT
    of_nodes = {n: found[at[n]] if n in at else unknown for n in nodes}
    of_edges = {
        n: tuple(found[i] for i in pulled_at[n]) if n in pulled_at else (unknown,) * len(n.parents)
        for n in nodes
    }
    return of_nodes, of_edges, released


def record(
    loss: Any, model: Any = None, reference: Reference = "median", ghosts: bool = True
) -> Recording:
    """Observe one backward pass from ``loss`` and keep its numbers."""
    if reference not in ("median", "loss") and not (
        isinstance(reference, (int, float)) and 0 < reference < math.inf
    ):
        raise ValueError(
            f'reference must be "median", "loss" or a positive number, not {reference!r}'
        )
    root = node_of(loss)
    order = ancestors(root)
    names = Names(order, model)
    of_nodes, of_edges, released = observe(loss, order)

    unique = Unique()
    ids = {node: f"n{i}" for i, node in enumerate(order)}
    nodes: list[NodeRecord] = []
    edges: list[EdgeRecord] = []
    by_id: dict[str, NodeRecord] = {}
    for node in order:
        made = _node(node, ids[node], names, unique, of_nodes[node])
        again = made.op and (node.op.traits.view or node.op.name in COPIES)
        if again and by_id[ids[node.parents[0]]].group == "parameters":
            made = replace(made, group="parameters")
        by_id[made.id] = made
        nodes.append(made)
    for node in order:
        edges.extend(_edges(node, ids, by_id, of_edges[node]))
    if ghosts:
        nodes.extend(_ghosts(names, order, len(nodes), unique))

    loss_rms = of_nodes[root].rms
    groups: tuple[Group, ...] = ("activations", "parameters")
    references: dict[str, float] = {
        group: _reference([n for n in nodes if n.group == group], reference, loss_rms)
        for group in groups
    }

    def decades_of(r: Record, group: Group) -> float:
        return decades(r.rms, references[group])

    return Recording(
        nodes=tuple(replace(n, decades=decades_of(n, n.group)) for n in nodes),
        edges=tuple(replace(e, decades=decades_of(e, by_id[e.source].group)) for e in edges),
        kinds=names.kinds,
        references=references,
        root=ids[root],
        loss=_value(loss),
        released=released,
        live=Live({ids[node]: node for node in order}),
    )


def decades(rms: float, reference: float) -> float:
    """``log10(rms / reference)``, minus infinity for a zero gradient.

    Examples
    --------
    >>> decades(1e-6, 1e-2), decades(0.0, 1.0)
    (-4.0, -inf)
    """
    if math.isnan(rms) or math.isnan(reference):
        return math.nan
    if rms == 0 or math.isinf(rms):
        return -math.inf if rms == 0 else math.inf
    return math.log10(rms) - math.log10(reference)


def _reference(nodes: Sequence[NodeRecord], reference: Reference, loss_rms: float) -> float:
    if reference == "loss":
        return loss_rms
    if reference != "median":
        return float(reference)
    sizes = [n.rms for n in nodes if n.state in ("ok", "tiny")]
    return statistics.median(sizes) if sizes else math.nan


def _fields(stats: Statistics) -> dict[str, Any]:
    names = "rms l2 mean_abs max_abs zero_fraction nonfinite state size".split()
    return {name: getattr(stats, name) for name in names} | {"decades": math.nan}


def _node(
    node: ad.Node, id: str, names: Names, unique: Callable[[str], str], stats: Statistics
) -> NodeRecord:
    kind: Kind = "op"
    op = scope = note = ""
    if node.op is None:
        tensor = tensor_of(node)
        parameter = names.parameter(tensor)
        given = node.name or getattr(tensor, "name", None)
        name = parameter or given or "leaf"
        # Without a model every leaf that asks for a gradient may be a parameter.
        kind = "parameter" if parameter or not names.parameters else "input"
        scope = owner(parameter) if parameter else ""
        if stats.state == "absent":
            note = "no gradient reached it"
    else:
        op = node.op.name if node.output is None else f"{node.op.name}[{node.output}]"
        scope = names.path(node.scope)
        name = node.name or (f"{scope}.{op}" if scope else op)
    return NodeRecord(
        id=id, kind=kind, group="parameters" if kind == "parameter" else "activations",
        name=unique(name), op=op, scope=scope, shape=node.shape,
        dtype=_dtype(node.dtype), note=note, **_fields(stats),
    )  # fmt: skip


def _edges(
    node: ad.Node,
    ids: dict[ad.Node, str],
    by_id: dict[str, NodeRecord],
    of_edges: tuple[Statistics, ...],
) -> list[EdgeRecord]:
    target = by_id[ids[node]]
    uses = Counter(node.parents)
    made = []
    for i, (parent, stats) in enumerate(zip(node.parents, of_edges, strict=True)):
        source = by_id[ids[parent]]
        name = f"{source.name} -> {target.name}"
        if uses[parent] > 1:  # x * x: the same tensor twice
            name += f" [{i}]"
        made.append(
            EdgeRecord(
                source=source.id,
                target=target.id,
                name=name,
                op=target.op,
                scope=target.scope,
                shape=source.shape,
                dtype=source.dtype,
                **_fields(stats),
            )  # fmt: skip
        )
    return made


def _ghosts(
    names: Names, order: Sequence[ad.Node], start: int, unique: Callable[[str], str]
) -> list[NodeRecord]:
    """The model's parameters that the loss does not depend on, with the reason."""
    reached = {id(tensor_of(node)) for node in order if node.op is None}
    made: list[NodeRecord] = []
    for key, (parameter, name) in names.parameters.items():
        if key in reached:
            continue
        frozen = not parameter.requires_grad
        made.append(
            NodeRecord(
                id=f"n{start + len(made)}",
                kind="parameter",
                group="parameters",
                name=unique(name),
                op="",
                scope=owner(name),
                shape=tuple(parameter.shape),
                dtype=_dtype(parameter.dtype),
                note="frozen: requires_grad=False" if frozen else "the loss does not depend on it",
                **_fields(ABSENT),
            )  # fmt: skip
        )
    return made


def _dtype(dtype: Any) -> str | tuple[str, ...]:
    return tuple(str(d) for d in dtype) if isinstance(dtype, tuple) else str(dtype)


def _value(loss: Any) -> float | None:
    several = math.prod(loss.shape) != 1 or whole(loss.data) is not loss.data  # inside vmap
    return None if several else float(loss.item())
