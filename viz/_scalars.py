"""Scalar mode as a teacher draws it: every number with its value and its gradient."""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import autodiff as ad

from . import _dot, _page
from ._look import GREY, LOOKS, number, shown
from ._names import Unique
from ._observe import ancestors, node_of, tensor_of
from ._picture import Picture, wrapped
from ._ratios import decades
from ._stats import State, measure

SYMBOLS = {
    "add": "+", "subtract": "−", "multiply": "×", "divide": "÷", "power": "^", "negative": "−",
}  # fmt: skip

MEANING = "grad: how fast the result changes with this number"
RELEASED = (
    "after backward(): grad is what it left, summed over calls where the graph begins; before it, "
    "or after backward(retain_graph=True), grad is that of this result alone"
)


@dataclass(frozen=True, slots=True)
class ScalarRecord:
    """One number of the expression.

    Attributes
    ----------
    id : str
        Its name in the DOT text.
    name : str
        What the user called it; "" if nothing.
    op : str
        The op that made it; "" for a leaf.
    value, gradient : float or None
        None where it is not known.
    state : str
        As in `NodeRecord`.
    parents : tuple of str
        The ``id`` of each operand that carries a gradient; the same twice for ``x * x``.
    """

    id: str
    name: str
    op: str
    value: float | None
    gradient: float | None
    state: State
    parents: tuple[str, ...]


class ScalarGraph(Picture):
    """An expression in scalar mode, each number with its gradient; made by `scalar_graph`.

    Attributes
    ----------
    nodes : tuple of ScalarRecord
        Operands before results.
    released : bool
        Whether ``backward`` had released the graph: gradients are then what it left.
    """

    def __init__(self, nodes: Sequence[ScalarRecord], released: bool) -> None:
        self.nodes = tuple(nodes)
        self.released = released
        root = self.nodes[-1]
        heading = f"{shown(root.name) or 'result'} = {_known(root.value)}"
        self.title = (heading, *wrapped(RELEASED if released else MEANING))

    def dot(self) -> str:
        """The picture as DOT text; the same graph gives the same text."""
        g = _dot.canvas(self.title, "LR")
        for n in self.nodes:
            lines = [n.name] if n.name else []
            glyph = LOOKS[n.state].glyph
            words = ["grad", *([glyph] if glyph else []), _known(n.gradient)]
            lines += [f"value {_known(n.value)}", " ".join(words)]
            g.node(n.id, label=_dot.text(*lines), shape="box", tooltip=" ", **_box(n))
            if n.op:
                symbol = SYMBOLS.get(n.op, n.op)
                g.node(
                    f"{n.id}op", label=_dot.text(symbol), shape="ellipse", tooltip=_dot.tip(n.op)
                )
                g.edge(f"{n.id}op", n.id, color=GREY)
            for parent in n.parents:
                g.edge(parent, f"{n.id}op", color=GREY)
        states = {n.state for n in self.nodes}
        _dot.legend(
            g,
            self.nodes[-1].id,
            states,
            ("size of the gradient; that of the result is 1",),
            rankdir="LR",
        )
        return str(g.source)

    def _table(self) -> str:
        rows = [
            f"<tr><td>{html.escape(shown(n.name))}</td><td>{html.escape(n.op)}</td>"
            f'<td class="n">{_known(n.value)}</td><td class="n">{_known(n.gradient)}</td></tr>'
            for n in self.nodes
        ]
        return _page.table(("name", "op", "value", "gradient"), rows, 2)

    def __str__(self) -> str:
        cells = [("name", "op", "value", "gradient")]
        for n in self.nodes:
            cells.append((shown(n.name, 40), n.op, _known(n.value), _known(n.gradient)))
        w = [max(len(row[i]) for row in cells) for i in range(4)]
        return "\n".join(
            f"{a:<{w[0]}}  {b:<{w[1]}}  {c:>{w[2]}}  {d:>{w[3]}}".rstrip() for a, b, c, d in cells
        )

    def __repr__(self) -> str:
        return f"<ScalarGraph of {len(self.nodes)} numbers>"


def _known(value: float | None) -> str:
    return "?" if value is None else number(value)


def _box(n: ScalarRecord) -> dict[str, str]:
    return _dot.box(n.state, math.nan if n.gradient is None else decades(abs(n.gradient), 1.0))


def scalar_graph(value: Any) -> ScalarGraph:
    """Draw an expression in scalar mode, with the value and gradient of every number.

    Nothing is changed: before ``backward`` one pass is observed, afterwards the gradients
    that it left are shown.

    Parameters
    ----------
    value : Scalar
        The result of the expression.

    Returns
    -------
    ScalarGraph

    Examples
    --------
    >>> import autodiff as ad
    >>> a, b = ad.Scalar(2.0, name="a"), ad.Scalar(-3.0, name="b")
    >>> print(scalar_graph(a * b))
    name  op        value  gradient
    a                   2        -3
    b                  -3         2
          multiply     -6         1
    """
    if not isinstance(value, ad.Scalar):
        raise TypeError(
            f"scalar_graph draws a Scalar, not a {type(value).__name__}; for tensors use viz.graph"
        )
    root = node_of(value)
    order = ancestors(root)
    released = any(node.released for node in order)
    gradients: dict[ad.Node, float] = {}
    if not released:

        def look(node: ad.Node, g: float, pulled: tuple[Any, ...]) -> None:
            gradients[node] = g

        ad.gradients(value, observe=look)
    ids = {node: f"n{i}" for i, node in enumerate(order)}
    unique = Unique()
    records = []
    for node in order:
        scalar: Any = value if node is root else tensor_of(node)
        known = gradients.get(node)
        if released:
            kept = getattr(scalar, "grad", None)
            known = kept.data if kept is not None else getattr(node, "gradient", None)
        state: State = "released" if released and node.op else "absent"
        name = node.name or getattr(scalar, "name", None)
        records.append(
            ScalarRecord(
                id=ids[node],
                name=unique(name) if name else "",
                op=node.op.name if node.op else "",
                value=scalar.data if scalar is not None else getattr(node, "value", None),
                gradient=known,
                state=state if known is None else measure(known).state,
                parents=tuple(ids[p] for p in node.parents),
            )  # fmt: skip
        )
    return ScalarGraph(records, released)
