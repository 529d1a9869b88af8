"""The gradient of each example, and of each class of examples.

The gradient of an activation still has the batch axis: entry ``i`` along it is what example ``i``
sends back. So no second pass and no gradients per example of the parameters are needed. The batch
axis is the first one, of as many entries as there are labels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import autodiff as ad

from ._look import number, shown
from ._notebook import Notable, grid
from ._stats import whole

STRIP = "▁▂▃▄▅▆▇█"
"""The strip of a node: one sign for each class, a step for each half decade below the largest."""
STRIP_LIMIT = 40
ALIKE = 3.0
"""Classes whose gradients differ by less than this factor are said to be alike, without a strip."""


@dataclass(frozen=True, slots=True)
class FacetRow:
    """The examples' gradients at one node.

    Attributes
    ----------
    node : str
        Its name.
    p5, median, p95 : float
        Percentiles, over the examples, of the RMS of each one's gradient.
    rms : dict
        The RMS over all entries of the examples of each class.
    """

    node: str
    p5: float
    median: float
    p95: float
    rms: dict[Any, float]


@dataclass(frozen=True, slots=True)
class Facets(Notable):
    """What ``graph.by`` is: one row for every node that has the batch axis.

    Attributes
    ----------
    classes : tuple
        The labels, sorted.
    counts : dict
        How many examples each has.
    rows : tuple of FacetRow
        In the order of the graph's nodes.
    """

    classes: tuple[Any, ...]
    counts: dict[Any, int]
    rows: tuple[FacetRow, ...]

    def get(self, node: str) -> FacetRow | None:
        """The row of the node of this name; None if it has no batch axis."""
        return next((row for row in self.rows if row.node == node), None)

    def __getitem__(self, node: str) -> FacetRow:
        row = self.get(node)
        if row is None:
            raise KeyError(f"{node!r} has no batch axis, or is no node of this graph")
        return row

    def _cells(self) -> list[list[str]]:
        heads = ["node", "p5", "median", "p95", *(shown(str(c), 12) for c in self.classes)]
        return [heads] + [
            [shown(r.node, 40), *map(number, (r.p5, r.median, r.p95, *r.rms.values()))]
            for r in self.rows
        ]

    def _html(self) -> str:
        heads, *rows = self._cells()
        return grid(heads, rows)

    def __str__(self) -> str:
        cells = self._cells()
        heads = cells[0]
        widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
        lines = []
        for name, *numbers in cells:
            right = (f"{c:>{w}}" for c, w in zip(numbers, widths[1:], strict=True))
            lines.append("  ".join([f"{name:<{widths[0]}}", *right]))
        return "\n".join(lines)


def strip(row: FacetRow) -> str:
    """One sign for each class, as high as its gradient is large, two steps a decade."""
    sizes = list(row.rms.values())
    top = max((s for s in sizes if math.isfinite(s)), default=0.0)
    signs = []
    for s in sizes:
        if s == 0 or not math.isfinite(s):
            signs.append("∅" if s == 0 else "✖")
        else:
            signs.append(STRIP[max(0, len(STRIP) - 1 + round(2 * math.log10(s / top)))])
    return "".join(signs)


class Examples:
    """Measures every example's gradient while a backward pass shows the activations."""

    def __init__(self, labels: Any) -> None:
        raw = getattr(labels, "data", labels) if isinstance(labels, ad.Tensor) else labels
        self.labels = ad.backend.to_numpy(raw) if ad.backend.is_array(raw) else np.asarray(raw)
        if self.labels.ndim != 1 or not self.labels.size:
            raise ValueError(
                f"by= takes one label for each example, in one axis; these have shape "
                f"{self.labels.shape}"
            )
        self.pending: dict[str, list[tuple[ad.Node, Any]]] = {}

    def see(self, node: ad.Node, g: Any) -> None:
        """Look at one gradient."""
        g = whole(g)
        if isinstance(g, tuple) or not getattr(g, "shape", ()) or g.shape[0] != self.labels.size:
            return
        if math.prod(g.shape) == 0:
            return
        xp = ad.backend.namespace(g)
        size = xp.abs(xp.reshape(xp.asarray(g, dtype=xp.float64), (g.shape[0], -1)))
        peak = xp.max(size, axis=1, keepdims=True)
        share = size / xp.where(peak > 0, peak, 1.0)
        rms = peak[:, 0] * xp.sqrt(xp.mean(share * share, axis=1))
        self.pending.setdefault(ad.backend.device_of(g), []).append((node, rms))

    def facets(self, names: dict[ad.Node, str]) -> Facets:
        """The table, of the nodes that have names here."""
        found: dict[ad.Node, Any] = {}
        for pairs in self.pending.values():
            xp = ad.backend.namespace(pairs[0][1])
            rows = ad.backend.to_numpy(xp.stack([rms for _, rms in pairs]))
            found |= {node: row for (node, _), row in zip(pairs, rows, strict=True)}
        kept = [(name, found[node]) for node, name in names.items() if node in found]
        if not kept:
            raise ValueError(
                f"by=: there are {self.labels.size} labels, and no activation of this graph has a "
                "first axis of that length"
            )
        classes, place = np.unique(self.labels, return_inverse=True)
        masks = [(label, place == k) for k, label in enumerate(classes.tolist())]
        return Facets(
            classes=tuple(label for label, _ in masks),
            counts={label: int(mask.sum()) for label, mask in masks},
            rows=tuple(_row(name, sizes, masks) for name, sizes in kept),
        )


def _row(name: str, sizes: Any, masks: Sequence[tuple[Any, Any]]) -> FacetRow:
    p5, median, p95 = (float(p) for p in np.percentile(sizes, (5, 50, 95)))
    return FacetRow(name, p5, median, p95, {label: _rms(sizes[mask]) for label, mask in masks})


def _rms(sizes: Any) -> float:
    return math.hypot(*sizes.tolist()) / math.sqrt(len(sizes))


def lines(row: FacetRow) -> tuple[str, ...]:
    """What is printed on the node."""
    spread = f"examples {number(row.p5)} – {number(row.p95)}"
    sizes = row.rms.values()
    if len(sizes) > STRIP_LIMIT:
        return (spread,)
    if 0 < max(sizes) < ALIKE * min(sizes) < math.inf:
        return (spread, f"classes within ×{number(max(sizes) / min(sizes))}")
    least = min(row.rms, key=row.rms.__getitem__)
    return (spread, strip(row), f"least: {shown(str(least), 12)}")
