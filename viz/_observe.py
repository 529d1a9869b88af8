"""One backward pass, watched: every gradient, and what else a mode asks for, as numbers."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import autodiff as ad

from . import _forward
from ._facets import Examples
from ._stalls import Stalls
from ._stats import ABSENT, RELEASED, Collector, Statistics


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


@dataclass(frozen=True, slots=True)
class Observed:
    """What one backward pass showed, and what is known of the values."""

    order: list[ad.Node]  # parents first
    walked: tuple[ad.Node, ...]  # those that a gradient reached, from the loss back
    gradients: dict[ad.Node, Statistics]
    pulled: dict[ad.Node, tuple[Statistics, ...]]  # one for each parent
    values: dict[ad.Node, Statistics]
    stalled: dict[ad.Node, float]
    flushed: dict[ad.Node, float]
    examples: Examples | None
    released: bool
    watched: bool  # whether `record` saw the forward pass


def observe(loss: Any, order: list[ad.Node], *, optimizer: Any = None, by: Any = None) -> Observed:
    """Walk back from ``loss`` and measure what passes; all numbers are fetched together.

    Of a released graph only the gradients that leaves hold are known.

    Parameters
    ----------
    loss : Tensor or Scalar
    order : list of Node
        Its `ancestors`.
    optimizer : Optimizer, optional
        Count the updates of its that will be lost.
    by : array_like, optional
        Labels of the examples, which are to be told apart.
    """
    released = any(node.released for node in order)
    collector = Collector()
    values: dict[ad.Node, int] = {}
    for node in order:
        if (tensor := tensor_of(node)) is not None:
            values[node] = collector.add(tensor.data, moments=True, bins=True)
        elif (noted := _forward.value_of(node)) is not None:
            values[node] = collector.take(noted)
    stalls = Stalls(optimizer, order, collector) if optimizer is not None else None
    examples = Examples(by) if by is not None else None
    passing = _Passing(order, collector, [x.see for x in (stalls, examples) if x is not None])
    if not released:
        ad.gradients(loss, observe=passing.look)
    else:
        for node in order:
            grad = getattr(tensor_of(node), "grad", None)
            if grad is not None:
                passing.look(node, grad.data, ())
    if stalls is not None and not released:
        stalls.rerun(loss)

    found = collector.results()
    unknown = RELEASED if released else ABSENT
    at, pulled = passing.at, passing.pulled
    return Observed(
        order=order,
        walked=tuple(at),
        gradients={n: found[at[n]] if n in at else unknown for n in order},
        pulled={
            n: tuple([found[i] for i in pulled[n]]) if n in pulled else (unknown,) * len(n.parents)
            for n in order
        },
        values={n: found[i] for n, i in values.items()},
        stalled={n: found[i].mean_abs for n, i in stalls.lost.items()} if stalls else {},
        flushed={n: found[i].mean_abs for n, i in stalls.flushed.items()} if stalls else {},
        examples=examples,
        released=released,
        watched=any(_forward.note_of(node) is not None for node in order),
    )


class _Passing:
    """Sees each gradient pass, and knows the place of its numbers in a collector.

    What an op sends to a tensor that nothing else reads is that tensor's whole gradient: the same
    array comes by twice, and is measured once.
    """

    def __init__(
        self,
        order: Sequence[ad.Node],
        collector: Collector,
        lookers: Sequence[Callable[[ad.Node, Any], None]],
    ) -> None:
        self.collector, self.lookers = collector, lookers
        self.uses = Counter(parent for node in order for parent in node.parents)
        self.at: dict[ad.Node, int] = {}
        self.pulled: dict[ad.Node, list[int]] = {}
        self.sent: dict[ad.Node, tuple[Any, int]] = {}  # to nodes with one use, not yet walked

    def look(self, node: ad.Node, g: Any, pulled: tuple[Any, ...]) -> None:
        """Measure the gradient at a node and those that it sends to its parents."""
        before, place = self.sent.pop(node, (None, 0))
        self.at[node] = place if before is g else self.collector.add(g, bins=True)
        if node.output is not None:  # it puts its gradient into a slot of the op's
            self.pulled[node] = [self.at[node]]
        elif pulled:
            self.pulled[node] = [self._send(p, d) for p, d in zip(node.parents, pulled)]
        for see in self.lookers:
            see(node, g)

    def _send(self, parent: ad.Node, d: Any) -> int:
        alone = self.uses[parent] == 1
        place = self.collector.add(d, bins=alone)
        if alone:
            self.sent[parent] = d, place
        return place
