"""From a loss to records: one observed backward pass that changes nothing.

The walk is iterative and nodes are numbered in the order in which they were made, so the
same program gives the same records.
"""

import math
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import autodiff as ad

from . import _bad, _facets, _forward
from ._facets import Examples
from ._ghosts import Reasons
from ._modes import ModeName, dressed
from ._names import Names, Unique, owner
from ._records import Bad, EdgeRecord, FirstBad, Group, Kind, Live, NodeRecord, Record, Recording
from ._stalls import Stalls
from ._stats import ABSENT, RELEASED, Collector, State, Statistics, summarized, whole

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


Looker = Callable[[ad.Node, Any], None]


@dataclass(frozen=True, slots=True)
class Observed:
    """What one backward pass showed, and what is known of the values."""

    gradients: dict[ad.Node, Statistics]
    pulled: dict[ad.Node, tuple[Statistics, ...]]
    walked: tuple[ad.Node, ...]  # in this order
    released: bool


def observe(
    loss: Any, nodes: Sequence[ad.Node], collector: Collector, lookers: Sequence[Looker] = ()
) -> Callable[[Sequence[Statistics]], Observed]:
    """Show the collector every node's gradient and those it sends back.

    Of a released graph only the gradients that leaves hold are known.

    Returns
    -------
    callable
        Given the collector's results, says what was seen.
    """
    released = any(node.released for node in nodes)
    at: dict[ad.Node, int] = {}
    pulled_at: dict[ad.Node, list[int]] = {}

    def look(node: ad.Node, g: Any, pulled: tuple[Any, ...]) -> None:
        at[node] = collector.take(summarized(g, bins=True))
        if pulled:
            pulled_at[node] = [collector.add(d) for d in pulled]
        for see in lookers:
            see(node, g)

    if not released:
        ad.gradients(loss, observe=look)
    else:
        for node in nodes:
            grad = getattr(tensor_of(node), "grad", None)
            if grad is not None:
                look(node, grad.data, ())

    def seen(found: Sequence[Statistics]) -> Observed:
        unknown = RELEASED if released else ABSENT
        gradients = {n: found[at[n]] if n in at else unknown for n in nodes}
        pulled = {
            n: tuple(found[i] for i in pulled_at[n])
            if n in pulled_at
            else (unknown,) * len(n.parents)
            for n in nodes
        }
        return Observed(gradients, pulled, tuple(at), released)

    return seen


def record(
    loss: Any,
    model: Any = None,
    reference: Reference = "median",
    ghosts: bool = True,
    *,
    mode: ModeName = "gradient",
    optimizer: Any = None,
    by: Any = None,
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
    watched = any(_forward.note_of(node) is not None for node in order)
    if mode == "value" and not watched and any(node.op for node in order):
        raise ValueError(
            'mode "value" needs the sizes of the values, which nothing noted: run the forward '
            "pass inside `with viz.record():`"
        )
    if by is not None and any(node.released for node in order):
        raise ValueError(
            "by= needs the gradients of activations, and backward() has released this graph; call "
            "viz.graph(loss, by=...) before backward, or backward(retain_graph=True)"
        )

    collector = Collector()
    value_at = {
        node: collector.take(value)
        for node in order
        if (value := _forward.value_of(node)) is not None
    }
    stalls = Stalls(optimizer, order, collector) if mode == "stall" else None
    examples = Examples(by) if by is not None else None
    seen = observe(loss, order, collector, [x.see for x in (stalls, examples) if x is not None])
    if stalls is not None and not any(node.released for node in order):
        stalls.rerun(loss)
    found = collector.results()
    observed = seen(found)
    values = {node: found[i] for node, i in value_at.items()}

    ids = {node: f"n{i}" for i, node in enumerate(order)}
    unique = Unique()
    by_id: dict[str, NodeRecord] = {}
    for node in order:
        made = _node(node, ids[node], names, unique, observed.gradients[node])
        again = made.op and (node.op.traits.view or node.op.name in COPIES)
        if again and by_id[ids[node.parents[0]]].group == "parameters":
            made = replace(made, group="parameters")
        note = _forward.note_of(node)
        use = _forward.use_of(node) if node.op is None else None
        line = note.line if note else f"read at {use.line}" if use else ""
        by_id[made.id] = replace(
            made, value=values.get(node), line=line, gain=_gain(observed, node)
        )
    edges = [e for node in order for e in _edges(node, ids, by_id, observed)]
    _share(edges)
    nodes = list(by_id.values())
    called = {node: by_id[ids[node]].name for node in order}

    if stalls is not None:
        share = {ids[n]: found[i].mean_abs for n, i in stalls.lost.items()}
        flushed = {ids[n]: found[i].mean_abs for n, i in stalls.flushed.items()}
        nodes = [
            replace(n, stalled=share.get(n.id, math.nan), flushed=flushed.get(n.id, math.nan))
            for n in nodes
        ]
    facets = None
    if examples is not None:
        of_activations = {
            n: name for n, name in called.items() if by_id[ids[n]].group == "activations"
        }
        facets = examples.facets(of_activations)
        rows = {row.node: row for row in facets.rows}
        nodes = [
            replace(n, lines=_facets.lines(rows[n.name])) if n.name in rows else n for n in nodes
        ]

    lines = {node: by_id[ids[node]].line for node in order if node.op}
    forward = _bad.first_forward(order, values, called, ids, lines) if watched else None
    backward = None
    if not observed.released:
        backward = _bad.first_backward(
            observed.walked, observed.gradients, observed.pulled, called, ids, lines
        )
    nodes, edges = _poisoned(nodes, edges, forward, backward)

    if ghosts:
        nodes.extend(_ghosts_of(names, order, len(nodes), unique))
    recording = Recording(
        nodes=tuple(nodes), edges=tuple(edges), kinds=names.kinds, references={}, root=ids[root],
        loss=_value(loss), released=observed.released, mode=mode,
        live=Live({ids[node]: node for node in order}),
        bad=FirstBad(forward, backward, watched), watched=watched, facets=facets,
    )  # fmt: skip
    return finished(recording, reference)


def finished(recording: Recording, reference: Reference = "median") -> Recording:
    """The recording with references, decades, labels and colours of its mode."""
    nodes, edges = recording.nodes, recording.edges
    if recording.mode == "value":
        values = {n.id: n.value or ABSENT for n in nodes}
        nodes = tuple(replace(n, **_value_fields(values[n.id])) for n in nodes)
        edges = tuple(replace(e, **_value_fields(values[e.source])) for e in edges)
    at = {n.id: n for n in nodes}
    groups: tuple[Group, ...] = ("activations", "parameters")
    references: dict[str, float] = {
        group: _reference([n for n in nodes if n.group == group], reference, at[recording.root].rms)
        for group in groups
    }

    def decades_of(r: Record, group: Group) -> float:
        if recording.mode == "gain":
            return decades(r.gain, 1.0)
        return decades(r.rms, references[group])

    return dressed(
        replace(
            recording,
            nodes=tuple(replace(n, decades=decades_of(n, n.group)) for n in nodes),
            edges=tuple(replace(e, decades=decades_of(e, at[e.source].group)) for e in edges),
            references=references,
        )
    )


def of_class(recording: Recording, label: Any) -> Recording:
    """The recording with the gradients of one class's examples at the activations."""
    nodes = []
    for node in recording.nodes:
        row = recording.facets.get(node.name)
        if row is not None:
            rms = row.rms[label]
            reference = recording.references[node.group]
            node = replace(node, rms=rms, decades=decades(rms, reference), state=_state(rms))
        nodes.append(node)
    return dressed(replace(recording, nodes=tuple(nodes)))


def _state(rms: float) -> State:
    return "zero" if rms == 0 else "ok" if math.isfinite(rms) else "nonfinite"


def _gain(observed: Observed, node: ad.Node) -> float:
    """RMS of all that a node sends back over the RMS that it received."""
    sent = [s for s in observed.pulled[node] if s.state not in ("absent", "released")]
    size = sum(s.size for s in sent)
    if not size or any(math.isnan(s.rms) for s in sent):
        return math.nan
    together = math.hypot(*(s.rms * math.sqrt(s.size / size) for s in sent))
    return ratio(together, observed.gradients[node].rms)


def ratio(sent: float, received: float) -> float:
    """NaN where nothing was received: 0 of 0 is no gain."""
    if not received > 0 or math.isinf(received):
        return math.nan
    return sent / received


def _share(edges: list[EdgeRecord]) -> None:
    """Fill in which part of a tensor's gradient each of its uses sends."""
    total: dict[str, float] = {}
    for e in edges:
        total[e.source] = total.get(e.source, 0.0) + e.rms
    for i, e in enumerate(edges):
        edges[i] = replace(e, share=ratio(e.rms, total[e.source]))


def _poisoned(
    nodes: list[NodeRecord], edges: list[EdgeRecord], forward: Bad | None, backward: Bad | None
) -> tuple[list[NodeRecord], list[EdgeRecord]]:
    """Mark the ways of the first non-finite numbers, and say where they begin."""
    for bad, what in ((forward, "first value"), (backward, "first gradient")):
        if bad is None:
            continue
        path = set(bad.path)
        nodes = [replace(n, poisoned=True) if n.id in path else n for n in nodes]
        nodes = [
            replace(n, note=f"{what} that is not finite") if n.name == bad.node else n
            for n in nodes
        ]
        edges = [
            replace(e, poisoned=True) if e.source in path and e.target in path else e for e in edges
        ]
    return nodes, edges


def _value_fields(stats: Statistics) -> dict[str, Any]:
    """Small values are nothing to warn of, so no value is "tiny"."""
    fields = _fields(stats)
    return fields | {"state": "ok"} if stats.state == "tiny" else fields


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
    names = "rms l2 mean_abs max_abs zero_fraction nonfinite state size bins".split()
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
    observed: Observed,
) -> list[EdgeRecord]:
    target = by_id[ids[node]]
    uses = Counter(node.parents)
    made = []
    for i, (parent, stats) in enumerate(zip(node.parents, observed.pulled[node], strict=True)):
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
                gain=ratio(stats.rms, target.rms),
                **_fields(stats),
            )  # fmt: skip
        )
    return made


def _ghosts_of(
    names: Names, order: Sequence[ad.Node], start: int, unique: Callable[[str], str]
) -> list[NodeRecord]:
    """The model's parameters that the loss does not depend on, with the reason."""
    reached = {id(tensor_of(node)) for node in order if node.op is None}
    reasons = Reasons(names, order)
    made: list[NodeRecord] = []
    for key, (parameter, name) in names.parameters.items():
        if key in reached:
            continue
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
                note=reasons.why(name, parameter),
                **_fields(ABSENT),
            )  # fmt: skip
        )
    return made


def _dtype(dtype: Any) -> str | tuple[str, ...]:
    return tuple(str(d) for d in dtype) if isinstance(dtype, tuple) else str(dtype)


def _value(loss: Any) -> float | None:
    several = math.prod(loss.shape) != 1 or whole(loss.data) is not loss.data  # inside vmap
    return None if several else float(loss.item())
