"""What one op does to the gradient, in words and with the numbers of this very graph."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import autodiff as ad

from ._formulas import FORMULAS, Formula, formula
from ._graph import GradientGraph
from ._local import local_derivatives
from ._look import number, shown
from ._notebook import Notable, terms, words
from ._observe import node_of
from ._ratios import decades
from ._records import EdgeRecord, NodeRecord
from ._stats import Statistics, measure

FAR_IN = 5.0
"""A sigmoid is called saturated where its input exceeds this in size: its derivative is then below
0.0067, 2.7 % of the largest."""
FAR_OUT = 0.97
"""A tanh is called saturated where its output exceeds this in size, which is what makemore part 3
(Karpathy, 2022) counts: its derivative is then below 6 % of the largest."""

RELEASED = (
    "its values are gone: backward() released them, or the loss is no longer held; for the local "
    "derivative call explain before backward(), or backward(retain_graph=True)"
)
NO_GRAPH = "give the graph too, explain(node, viz.graph(loss)), for the gradients that pass here"


@dataclass(frozen=True)
class Explanation(Notable):
    """What one node of the graph does to the gradient; ``print`` it.

    Attributes
    ----------
    name, op : str
        As in `NodeRecord`.
    forward, backward : str
        The op's formula, and what it sends back for a gradient ``g`` that arrives.
    facts : tuple of str
        Sentences with the numbers of this graph.
    source : str
        The line of the program that made it, where ``viz.record()`` was on; else "".
    """

    name: str
    op: str
    forward: str
    backward: str
    facts: tuple[str, ...]
    source: str = ""

    @property
    def _head(self) -> str:
        return f"{self.name} ({self.op})" if self.op and self.op != self.name else self.name

    def _html(self) -> str:
        pairs = [("forward", self.forward), ("backward", self.backward), ("made at", self.source)]
        facts = "".join(f"<li>{words(fact)}</li>" for fact in self.facts)
        said = terms(pairs) if self.op else ""
        return f"<b>{words(self._head)}</b>{said}<ul>{facts}</ul>"

    def __str__(self) -> str:
        lines = [shown(self._head)]
        if self.op:
            lines += [f"  forward   {self.forward}", f"  backward  {self.backward}"]
        lines += [f"  - {shown(fact)}" for fact in self.facts]
        if self.source:
            lines.append(f"  made at {shown(self.source)}")
        return "\n".join(lines)


def explain(node: Any, graph: GradientGraph | None = None) -> Explanation:
    """Say what one op does to the gradient, with the actual numbers.

    Parameters
    ----------
    node : str, NodeRecord, Tensor, Scalar or Node
        The name of a node of ``graph``, one of its records, or what the program holds.
    graph : GradientGraph, optional
        Needed for a name; for the rest it adds the gradients that pass here. Local derivatives are
        read from the values that the loss still keeps, so hold on to it.

    Returns
    -------
    Explanation

    Raises
    ------
    KeyError
        If the graph has no node of that name.

    Examples
    --------
    >>> import autodiff as ad, viz
    >>> x = ad.tensor([-9.0, -7.0, 0.0, 8.0], requires_grad=True, name="x")
    >>> loss = ad.sigmoid(x).sum()
    >>> print(viz.explain("sigmoid", viz.graph(loss)))
    sigmoid
      forward   s = 1 / (1 + exp(-x))
      backward  g * s * (1 - s): s' is at most 0.25
      - here the mean of s' is 0.0628, because 75 % of the inputs exceed 5 in size
      - gradient RMS: 1 arrives, 0.125 is sent on to x (×0.125, 0.9 decades lost)
    """
    record, live = _find(node, graph)
    facts: list[str] = []
    if live is not None:
        op = live.op
    else:
        assert record is not None
        op = ad.REGISTRY.get(record.op.partition("[")[0]) if record.op else None
    made = record.op if record is not None else ""
    row = formula(op) if op is not None else _unloaded(made) if made else None
    if row is not None:
        if live is None or live.released:
            facts.append(RELEASED)
        elif live.output is None:
            facts += _here(live)
    if record is not None and graph is not None:
        facts += _passing(record, graph)
    else:
        facts.append(NO_GRAPH)
    name = record.name if record is not None else (live and live.name) or "this tensor"
    shape = record.shape if record is not None else getattr(live, "shape", ())
    if row is None:
        facts.insert(0, f"a leaf of shape {shape}: its gradient is the sum over all its uses")
    return Explanation(
        name=str(name),
        op=record.op if record is not None else op.name if op is not None else "",
        forward=row.forward if row else "",
        backward=row.backward if row else "",
        facts=tuple(facts),
        source=str(getattr(record, "line", "")),
    )


def _find(node: Any, graph: GradientGraph | None) -> tuple[NodeRecord | None, ad.Node | None]:
    """The record and the living node that are meant, as far as they are known."""
    if isinstance(node, str):
        if graph is None:
            raise TypeError(
                f"explain({node!r}) needs the graph: explain({node!r}, viz.graph(loss))"
            )
        found = [n for n in graph.nodes if n.name == node]
        if not found:
            raise KeyError(_unknown(node, graph))
        node = found[0]
    if isinstance(node, NodeRecord):
        return node, graph.live.get(node.id) if graph is not None else None
    live = node if isinstance(node, ad.Node) else node_of(node)
    if graph is None:
        return None, live
    for record in graph.nodes:
        if graph.live.get(record.id) is live:
            return record, live
    raise KeyError(f"this {type(node).__name__} is not in the graph; draw the loss it leads to")


def _unloaded(op: str) -> Formula:
    """The formula of an op of a saved graph, whose declaration was not imported here."""
    name = op.partition("[")[0]
    return FORMULAS.get(name, Formula(name, "by rules of its own, which are not loaded here"))


def _unknown(name: str, graph: GradientGraph) -> str:
    last = name.rpartition(".")[2]
    close = [n.name for n in graph.nodes if last and last in n.name][:5]
    hint = f"; there is {', '.join(map(shown, close))}" if close else "; print(graph) lists them"
    return f"no node is called {shown(name)!r}{hint}"


# ---------------------------------------------------------------- what happens in the op
def _here(node: ad.Node) -> list[str]:
    """Facts about the values that the op's rules will read."""
    found = local_derivatives(node)
    if found:
        return [_local(node, operand, value) for operand, value in found.items()]
    return [
        f"{name} has RMS {number(stats.rms)}" + (f" and {stats.nonfinite} non-finite entries"
                                               if stats.nonfinite else "")
        for name, stats in _kept(node).items()
    ] + _expected(node)  # fmt: skip


def _local(node: ad.Node, operand: str, value: Any) -> str:
    stats = measure(value)
    symbol = SYMBOLS.get(node.op.name, f"d out / d {operand}")
    mean = f"here the mean of {symbol} is" if _positive(value) else f"here |{symbol}| is on average"
    sentence = f"{mean} {number(stats.mean_abs)}"
    if stats.nonfinite:
        return f"here {symbol} is not finite at {stats.nonfinite} of {stats.size} entries"
    because = BECAUSE.get(node.op.name)
    if because is not None:
        share, words = because(node.kept)
        cause = "because" if share >= CAUSE else "and"
        return f"{sentence}, {cause} {percent(share) if share else 'none'} of the {words}"
    if stats.size > 1:
        sentence += f", at most {number(stats.max_abs)}"
        if stats.zero_fraction:
            sentence += f", and 0 at {percent(stats.zero_fraction)}"
    return sentence


def _kept(node: ad.Node) -> dict[str, Statistics]:
    return {
        name: measure(value)
        for name, value in node.kept.items()
        if name in (*node.op.operands, "out")  # and no residuals
        and hasattr(value, "dtype")
        and math.prod(value.shape)
        and value.dtype.kind == "f"
    }


def _expected(node: ad.Node) -> list[str]:
    """What a product does to the size of a gradient whose entries are independent."""
    if node.op.name != "linear" or "weight" not in node.kept:
        return []
    weight = node.kept["weight"]
    gain = measure(weight).rms * math.sqrt(weight.shape[0])
    return [
        f"to x: a gradient of independent entries is multiplied by about sqrt({weight.shape[0]}) "
        f"* RMS(weight) = {number(gain)}"
    ]


def percent(share: float) -> str:
    """A share as people write it.

    Examples
    --------
    >>> percent(0.914), percent(0.004), percent(1.0)
    ('91 %', '0.4 %', '100 %')
    """
    hundred = 100 * share
    if hundred in (0, 100) or 1 <= hundred <= 99:
        return f"{hundred:.0f} %"
    return f"{hundred:.2g} %" if hundred < 1 else f"{min(hundred, 99.9):.1f} %"


def _share(mask: Any) -> float:
    if isinstance(mask, bool):
        return float(mask)
    xp = ad.backend.namespace(mask)
    return float(xp.mean(xp.asarray(mask, dtype=xp.float64)))


def _positive(value: Any) -> bool:
    return _share(value >= 0) == 1.0


def _sigmoid(kept: dict[str, Any]) -> tuple[float, str]:
    low = 1 / (1 + math.exp(FAR_IN))
    out = kept["out"]
    return _share((out < low) | (out > 1 - low)), f"inputs exceed {FAR_IN:g} in size"


def _tanh(kept: dict[str, Any]) -> tuple[float, str]:
    return _share(abs(kept["out"]) > FAR_OUT), f"outputs exceed {FAR_OUT:g} in size"


def _relu(kept: dict[str, Any]) -> tuple[float, str]:
    return _share(kept["out"] <= 0), "inputs are not above 0"


SYMBOLS = {"sigmoid": "s'", "tanh": "t'"}
BECAUSE: dict[str, Callable[[dict[str, Any]], tuple[float, str]]] = {
    "sigmoid": _sigmoid, "tanh": _tanh, "relu": _relu,
}  # fmt: skip
"""Why a local derivative is as small as it is, for ops whose inputs say so at a glance: for which
share of them, and in words."""
CAUSE = 0.05
"""The share from which that is called the cause."""


# ---------------------------------------------------------------- what passes through it
def _passing(record: NodeRecord, graph: GradientGraph) -> list[str]:
    """Facts about the gradients that arrive at a node and leave it."""
    if record.state == "absent":
        return [f"no gradient arrives: {record.note or 'the loss does not depend on it'}"]
    if record.state == "released":
        return []
    names = {n.id: n.name for n in graph.nodes}
    uses = [e for e in graph.edges if e.source == record.id]
    facts = []
    if len(uses) > 1:
        facts.append(_sum(record, uses, names))
    if not record.op:
        facts.append(f"gradient RMS {number(record.rms)}{_where(record)}")
        return facts
    sent = [_sent(record, e, names[e.source]) for e in graph.edges if e.target == record.id]
    facts.append(f"gradient RMS: {number(record.rms)} arrives, {'; '.join(sent)}")
    return facts


def _where(record: NodeRecord) -> str:
    if not math.isfinite(record.decades):
        return ""
    return f", {record.decades:+.1f} decades from the reference"


def _sum(record: NodeRecord, uses: Sequence[EdgeRecord], names: dict[str, str]) -> str:
    parts = " + ".join(f"{number(e.rms)} ({names[e.target]})" for e in uses[:6])
    more = f" + {len(uses) - 6} more" if len(uses) > 6 else ""
    return (
        f"it is used {len(uses)} times and the gradients add up: RMS {parts}{more} "
        f"gives {number(record.rms)}"
    )


def _sent(record: NodeRecord, e: EdgeRecord, name: str) -> str:
    words = f"{number(e.rms)} is sent on to {name}"
    lost = -decades(e.rms, record.rms)
    if not math.isfinite(lost) or e.size < record.size:  # a sum over many: another unit
        return words
    factor = f"×{number(10**-lost)}"
    if abs(lost) < 0.05:
        return f"{words} ({factor})"
    return f"{words} ({factor}, {abs(lost):.1f} decades {'lost' if lost > 0 else 'gained'})"
