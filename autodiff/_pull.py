"""Derivative rules, and how they are put together for one set of operands."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ._pullers import puller


@dataclass(frozen=True)
class Rule:
    """A derivative rule: the function, the operands it serves and the names it reads."""

    fn: Callable[..., Any]
    operands: tuple[str, ...]
    reads: tuple[str, ...]

    @property
    def joint(self) -> bool:
        """Whether it gives several gradients at once; one of ``*xs`` does if it reads ``needs``."""
        return len(self.operands) > 1 or "needs" in self.reads and "index" not in self.reads


class Pull:
    """How gradients pass one op when certain operands carry one: what a node's rule is.

    Attributes
    ----------
    layout : tuple of str
        The names of the values that a node saves, in order.
    pull : callable
        ``pull(node, saved, g)`` gives one raw gradient for each parent.
    """

    __slots__ = ("_graph", "_partial", "carries", "joint", "layout", "op", "pull")

    def __init__(self, op: Any, carries: tuple[bool, ...]) -> None:
        self.op = op
        self.carries = carries
        self.layout = self._layout()
        self.joint = any(rule.joint for rule in op.rules.values())
        self.pull = puller(self, carries, differentiable=False)
        self._graph: Callable[..., Any] | None = None
        self._partial: dict[Any, Callable[..., Any]] = {}

    def _layout(self) -> tuple[str, ...]:
        op = self.op
        served = op.differentiable
        if not op.variadic:
            served = tuple(name for name, c in zip(served, self.carries, strict=True) if c)
        reads = dict.fromkeys(name for operand in served for name in op.rules[operand].reads)
        if any(name in op.traits.saves for name in reads):
            # Under create_graph residuals are computed anew, from what the body takes.
            reads = dict.fromkeys((*op.operands, *op.options, *reads))
        given = {"g", "xp", "needs"} | ({"index"} if op.variadic else set())
        return tuple(name for name in reads if name not in given)

    def differentiable(self) -> Callable[..., Any]:
        """As ``pull``, on tensors: its results can be differentiated again."""
        if self._graph is None:
            self._graph = puller(self, self.carries, differentiable=True)
        return self._graph

    def partial(self, wanted: tuple[bool, ...], differentiable: bool) -> Callable[..., Any]:
        """As ``pull``, computing only the gradients of the parents that are wanted."""
        if all(wanted):
            return self.differentiable() if differentiable else self.pull
        key = wanted, differentiable
        if key not in self._partial:
            left = iter(wanted)
            asked = tuple(c and next(left) for c in self.carries)
            self._partial[key] = puller(self, asked, differentiable)
        return self._partial[key]
