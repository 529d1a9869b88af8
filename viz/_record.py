"""From a loss to records: one observed backward pass that changes nothing.

Nodes are numbered in the order in which they were made, so the same program gives the same
records. Each begins as a draft that one function after another fills in: who it is, what passed
there, how it compares. Drafts become records, which nobody can change, at the end.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import autodiff as ad

from . import _bad, _facets, _forward
from ._compare import Reference, check_reference, compare
from ._ghosts import Reasons
from ._modes import ModeName
from ._names import Names, Unique, owner
from ._observe import Observed, ancestors, node_of, observe, tensor_of
from ._ratios import ratio
from ._records import Bad, EdgeRecord, FirstBad, Kind, Live, NodeRecord, Recording
from ._stats import ABSENT, Statistics, whole

COPIES = ("astype", "clone")
"""Ops that make the same numbers anew, as `autocast` does for every parameter that it casts."""

Draft = SimpleNamespace


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
    check_reference(reference)
    root = node_of(loss)
    order = ancestors(root)
    _check_mode(mode, by, order)
    names, unique = Names(order, model), Unique()
    seen = observe(loss, order, optimizer=optimizer if mode == "stall" else None, by=by)

    sizes, uses = _sizes(seen, mode)
    drafts: dict[ad.Node, Draft] = {}
    for i, node in enumerate(order):
        drafts[node] = _node(node, f"n{i}", drafts, names, unique, seen, sizes[node])
    edges = _edges(drafts, seen, uses)
    facets = _facets_of(seen.examples, drafts) if seen.examples is not None else None
    bad = _first_bad(seen, drafts, edges)
    nodes = list(drafts.values())
    if ghosts:
        nodes += _ghosts(names, order, len(nodes), unique)
    references = compare(nodes, edges, drafts[root], mode, reference)
    return Recording(
        nodes=tuple([NodeRecord(**vars(draft)) for draft in nodes]),
        edges=tuple([EdgeRecord(**vars(draft)) for draft in edges]),
        kinds=names.kinds, references=references, root=drafts[root].id, loss=_value(loss),
        released=seen.released, mode=mode, bad=bad, watched=seen.watched, facets=facets,
        live=Live({draft.id: node for node, draft in drafts.items()}),
    )  # fmt: skip


def blank(loss: Any, model: Any) -> Recording:
    """The recording of a loss without a graph: it alone, and the parameters it does not reach."""
    names, unique = Names([], model), Unique()
    ghosts = list(_ghosts(names, [], 1, unique))
    alone = Draft(
        id="n0", kind="input", group="activations", name=unique("loss"), op="", scope="",
        shape=tuple(loss.shape), dtype=_dtype(loss.dtype), note="it has no graph",
    )  # fmt: skip
    nodes = [_sized(alone, ABSENT), *ghosts]
    references = compare(nodes, [], alone, "gradient", "median")
    return Recording(
        nodes=tuple([NodeRecord(**vars(draft)) for draft in nodes]), edges=(), kinds=names.kinds,
        references=references, root=alone.id, loss=_value(loss), released=False,
    )  # fmt: skip


def _check_mode(mode: ModeName, by: Any, order: Sequence[ad.Node]) -> None:
    ops = [node for node in order if node.op]
    if mode == "value" and ops and not any(_forward.note_of(node) for node in ops):
        raise ValueError(
            'mode "value" needs the sizes of the values, which nothing noted: run the forward '
            "pass inside `with viz.record():`"
        )
    if by is not None and any(node.released for node in order):
        raise ValueError(
            "by= needs the gradients of activations, and backward() has released this graph; call "
            "viz.graph(loss, by=...) before backward, or backward(retain_graph=True)"
        )


def _sizes(
    seen: Observed, mode: ModeName
) -> tuple[Mapping[ad.Node, Statistics], Mapping[ad.Node, Sequence[Statistics]]]:
    """What the mode is about: the statistics of each node, and of each use of its parents."""
    if mode != "value":
        return seen.gradients, seen.pulled
    values = {node: seen.values.get(node, ABSENT) for node in seen.order}
    for node, stats in values.items():
        if stats.state == "tiny":  # small values are nothing to warn of
            values[node] = replace(stats, state="ok")
    return values, {node: [values[p] for p in node.parents] for node in seen.order}


# ------------------------------------------------------------ nodes
def _node(
    node: ad.Node,
    id: str,
    drafts: Mapping[ad.Node, Draft],
    names: Names,
    unique: Callable[[str], str],
    seen: Observed,
    stats: Statistics,
) -> Draft:
    received = seen.gradients[node]
    if node.op is None:
        draft = _leaf(node, names, received.state == "absent")
    else:
        draft = _result(node, names, drafts)
    draft.id, draft.name = id, unique(draft.name)
    draft.shape, draft.dtype = node.shape, _dtype(node.dtype)
    draft.value = seen.values.get(node)
    draft.gain = _gain(seen.pulled[node], received.rms)
    draft.stalled = seen.stalled.get(node, math.nan)
    draft.flushed = seen.flushed.get(node, math.nan)
    draft.bins = stats.bins
    return _sized(draft, stats)


def _leaf(node: ad.Node, names: Names, absent: bool) -> Draft:
    tensor = tensor_of(node)
    parameter = names.parameter(tensor)
    # Without a model every leaf that asks for a gradient may be a parameter.
    kind: Kind = "parameter" if parameter or not names.parameters else "input"
    use = _forward.use_of(node)
    return Draft(
        kind=kind,
        group="parameters" if kind == "parameter" else "activations",
        name=parameter or node.name or getattr(tensor, "name", None) or "leaf",
        op="",
        scope=owner(parameter) if parameter else "",
        note="no gradient reached it" if absent else "",
        line=f"read at {use.line}" if use else "",
    )


def _result(node: ad.Node, names: Names, drafts: Mapping[ad.Node, Draft]) -> Draft:
    op = node.op.name if node.output is None else f"{node.op.name}[{node.output}]"
    scope = names.path(node.scope)
    again = node.op.traits.view or node.op.name in COPIES
    note = _forward.note_of(node)
    return Draft(
        kind="op",
        group=drafts[node.parents[0]].group if again else "activations",
        name=node.name or (f"{scope}.{op}" if scope else op),
        op=op,
        scope=scope,
        note="",
        line=note.line if note else "",
    )


def _ghosts(
    names: Names, order: Sequence[ad.Node], start: int, unique: Callable[[str], str]
) -> Iterable[Draft]:
    """The model's parameters that the loss does not depend on, with the reason."""
    reached = {id(tensor_of(node)) for node in order if node.op is None}
    missing = [found for key, found in names.parameters.items() if key not in reached]
    reasons = Reasons(names, order) if missing else None
    for i, (parameter, name) in enumerate(missing, start):
        draft = Draft(
            id=f"n{i}", kind="parameter", group="parameters", name=unique(name), op="",
            scope=owner(name), shape=tuple(parameter.shape), dtype=_dtype(parameter.dtype),
            note=reasons.why(name, parameter) if reasons else "",
            gain=math.nan, stalled=math.nan, flushed=math.nan,
        )  # fmt: skip
        yield _sized(draft, ABSENT)


def _sized(draft: Draft, stats: Statistics) -> Draft:
    """Fill in what was measured."""
    draft.rms, draft.l2 = stats.rms, stats.l2
    draft.mean_abs, draft.max_abs = stats.mean_abs, stats.max_abs
    draft.zero_fraction, draft.nonfinite = stats.zero_fraction, stats.nonfinite
    draft.state, draft.size = stats.state, stats.size
    return draft


def _gain(pulled: Sequence[Statistics], received: float) -> float:
    """RMS of all that a node sends back over the RMS that it received."""
    sent = [s for s in pulled if s.state not in ("absent", "released")]
    size = sum(s.size for s in sent)
    if not size or any(math.isnan(s.rms) for s in sent):
        return math.nan
    together = math.hypot(*[s.rms * math.sqrt(s.size / size) for s in sent])
    return ratio(together, received)


@cache
def _dtype(dtype: Any) -> str | tuple[str, ...]:
    return tuple(str(d) for d in dtype) if isinstance(dtype, tuple) else str(dtype)


def _value(loss: Any) -> float | None:
    several = math.prod(loss.shape) != 1 or whole(loss.data) is not loss.data  # inside vmap
    return None if several else float(loss.item())


# ------------------------------------------------------------ edges
def _edges(
    drafts: Mapping[ad.Node, Draft],
    seen: Observed,
    sizes: Mapping[ad.Node, Sequence[Statistics]],
) -> list[Draft]:
    total: dict[ad.Node, float] = {}  # what the uses of each tensor send it
    for node in seen.order:
        for parent, sent in zip(node.parents, seen.pulled[node], strict=True):
            total[parent] = total.get(parent, 0.0) + sent.rms
    edges = []
    for node in seen.order:
        target, received = drafts[node], seen.gradients[node].rms
        uses = Counter(node.parents)
        pairs = zip(node.parents, seen.pulled[node], sizes[node], strict=True)
        for i, (parent, sent, stats) in enumerate(pairs):
            source = drafts[parent]
            which = f" [{i}]" if uses[parent] > 1 else ""  # x * x: the same tensor twice
            draft = Draft(
                source=source.id, target=target.id, name=f"{source.name} -> {target.name}{which}",
                op=target.op, scope=target.scope, shape=source.shape, dtype=source.dtype,
                gain=ratio(sent.rms, received), share=ratio(sent.rms, total[parent]),
            )  # fmt: skip
            edges.append(_sized(draft, stats))
    return edges


# ------------------------------------------------------------ what stands out
def _facets_of(examples: _facets.Examples, drafts: Mapping[ad.Node, Draft]) -> _facets.Facets:
    """Put the spread over examples on the activations; the table of it all."""
    activations = {n: d.name for n, d in drafts.items() if d.group == "activations"}
    facets = examples.facets(activations)
    rows = {row.node: row for row in facets.rows}
    for draft in drafts.values():
        if draft.name in rows:
            draft.lines = _facets.lines(rows[draft.name])
    return facets


def _first_bad(seen: Observed, drafts: Mapping[ad.Node, Draft], edges: Sequence[Draft]) -> FirstBad:
    """Find the first non-finite numbers, and mark their ways and where they begin."""
    forward = _bad.first_forward(seen, drafts) if seen.watched else None
    backward = _bad.first_backward(seen, drafts) if not seen.released else None
    for bad, what in ((forward, "first value"), (backward, "first gradient")):
        if bad is not None:
            _poison(bad, f"{what} that is not finite", drafts.values(), edges)
    return FirstBad(forward, backward, seen.watched)


def _poison(bad: Bad, note: str, nodes: Iterable[Draft], edges: Iterable[Draft]) -> None:
    path = set(bad.path)
    for node in nodes:
        if node.id in path:
            node.poisoned = True
        if node.name == bad.node:
            node.note = note
    for edge in edges:
        if edge.source in path and edge.target in path:
            edge.poisoned = True
