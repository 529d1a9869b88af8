"""`diff`: two graphs of one network, compared node by node."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import _snapshot
from ._graph import GradientGraph
from ._look import number, shown
from ._modes import dressed
from ._ratios import decades
from ._records import NodeRecord, Record

TOLERANCE = 0.01
"""Decades by which an RMS may differ: 2 %."""


@dataclass(frozen=True, slots=True)
class Change:
    """How the gradient at one node differs.

    Attributes
    ----------
    name : str
    before, after : float
        RMS in the one graph and in the other; NaN where there is none.
    decades : float
        ``log10(after / before)``.
    """

    name: str
    before: float
    after: float
    decades: float


class Difference(GradientGraph):
    """The second of two graphs, coloured by ``log10(b / a)``. Made by `diff`.

    Attributes
    ----------
    changes : tuple of Change
        Of the nodes that both have, in the order of the backward pass.
    first : Change or None
        The first of them, going back from the loss, that differs by more than the tolerance.
    only_before, only_after : tuple of str
        Nodes that one of the graphs lacks.
    """

    def __init__(self, a: GradientGraph, b: GradientGraph, tolerance: float) -> None:
        before = {n.name: n for n in a.nodes}
        after = {n.name: n for n in b.nodes}
        self.changes = tuple(
            Change(name, before[name].rms, n.rms, _change(before[name], n))
            for name, n in _backward(b)
            if name in before
        )
        self.only_before = tuple(name for name in before if name not in after)
        self.only_after = tuple(name for name in after if name not in before)
        self.tolerance = tolerance
        self.first = next(iter(self.beyond), None)
        self._of_values = b.mode == "value"
        edges = {e.name: e for e in a.edges}
        recording = replace(
            b._recording,
            mode="gradient",
            nodes=tuple(_colored(n, before.get(n.name)) for n in b.nodes),
            edges=tuple(_colored(e, edges.get(e.name)) for e in b.edges),
            references=dict.fromkeys(b.references, math.nan),
        )
        super().__init__(dressed(recording), b.rankdir)

    @property
    def beyond(self) -> tuple[Change, ...]:
        """The changes by more than the tolerance."""
        return tuple(c for c in self.changes if not abs(c.decades) <= self.tolerance)

    @property
    def same(self) -> bool:
        """Whether both graphs have the same nodes, with equal gradients."""
        return self.first is None and not self.only_before and not self.only_after

    def _title(self) -> tuple[str, ...]:
        what = "Value" if self._of_values else "Gradient"
        lines = [f"{what}, second against first: colour is log10(b / a)"]
        if self.first is not None:
            f = self.first
            lines.append(
                f"first to differ, from the loss back: {shown(f.name, 60)}, "
                f"{number(f.before)} -> {number(f.after)} ({f.decades:+.2f} decades)"
            )
        elif self.same:
            lines.append(f"no node differs by more than {self.tolerance:g} decades")
        for word, names in (("first", self.only_before), ("second", self.only_after)):
            if names:
                lines.append(f"only in the {word}: {shown(', '.join(names), 80)}")
        return tuple(lines)

    def __str__(self) -> str:
        rows = self.beyond
        width = max((len(shown(c.name, 40)) for c in rows), default=0)
        cells: Sequence[str] = [
            f"{shown(c.name, 40):<{width}}  {number(c.before):>9} -> {number(c.after):>9}  "
            f"{c.decades:+.2f}"
            for c in rows
        ]
        return "\n".join([*self.title, *cells])


def _backward(graph: GradientGraph) -> list[tuple[str, NodeRecord]]:
    """Nodes with their names from the loss back; a leaf stands right after its last reader."""
    place = {n.id: float(i) for i, n in enumerate(graph.nodes)}
    read: dict[str, float] = {}
    for e in graph.edges:
        read[e.source] = max(read.get(e.source, -1.0), place[e.target] - 0.5)
    place |= {n.id: read.get(n.id, -1.0) for n in graph.nodes if not n.op}
    return [(n.name, n) for n in sorted(graph.nodes, key=lambda n: -place[n.id])]


def _change(a: Record, b: Record) -> float:
    if a.state == b.state and a.state in ("absent", "released", "zero"):
        return 0.0
    if a.state == b.state == "nonfinite":
        return 0.0
    if a.rms == 0 and b.rms > 0:
        return math.inf
    return decades(b.rms, a.rms)


def _colored(b: Any, a: Any) -> Any:
    return replace(b, decades=math.nan if a is None else _change(a, b))


def diff(a: Any, b: Any, *, tolerance: float = TOLERANCE) -> Difference:
    """Compare two graphs of a network by the names of their nodes.

    Parameters
    ----------
    a, b : GradientGraph or path
        Graphs, or the files that ``graph.save`` wrote.
    tolerance : float
        How many decades a gradient may differ and still count as equal.

    Returns
    -------
    Difference
        A picture, ``changes``, and the ``first`` node that differs.

    Examples
    --------
    >>> import autodiff as ad, viz
    >>> w = ad.tensor([3.0, -4.0], requires_grad=True, name="w")
    >>> one, ten = viz.graph((w * w).sum()), viz.graph((w * w).sum() * 10)
    >>> found = viz.diff(one, ten)
    >>> found.first.name, found.only_after
    ('sum', ('multiply#2',))
    """
    if not tolerance >= 0:
        raise ValueError(f"diff: tolerance is {tolerance}; it must be a number from 0 on")
    one, other = _graph(a), _graph(b)
    if "value" in (one.mode, other.mode) and one.mode != other.mode:
        raise ValueError(
            f"diff: one graph has mode {one.mode!r} and the other {other.mode!r}: sizes of values "
            "and of gradients do not compare; draw both in one mode"
        )
    return Difference(one, other, tolerance)


def _graph(given: Any) -> GradientGraph:
    if isinstance(given, GradientGraph):
        return given
    if isinstance(given, (str, os.PathLike)):
        return GradientGraph(_snapshot.load(given))
    raise TypeError(f"diff compares graphs or files of them, not a {type(given).__name__}")
