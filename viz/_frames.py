"""A training record as graphs: one recording a sample, which differ in their numbers alone.

So everything that draws a graph draws a record: the same folding, boxes and colours.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _dot
from ._heatmap import states_of
from ._look import CLIP, attributes, reading, step
from ._ratios import decades
from ._records import BoxRecord, EdgeRecord, Group, NodeRecord, Recording
from ._samples import Samples
from ._sketch import Place, Sketch, measured
from ._stats import State

FRAMES = 200
"""Most samples that are drawn; of more they are taken evenly."""


def evenly(count: int, most: int = FRAMES) -> list[int]:
    """At most so many of the numbers up to ``count``, the first and the last among them.

    Examples
    --------
    >>> evenly(9, 3)
    [0, 4, 8]
    """
    chosen = min(most, count)
    return sorted({round(i * (count - 1) / max(1, chosen - 1)) for i in range(chosen)})


@dataclass(frozen=True)
class _Row:
    """What is known of one parameter or activation at each chosen sample."""

    rms: list[float]
    mean_abs: list[float]
    max_abs: list[float]
    zero_fraction: list[float]
    nonfinite: list[float]  # the share of entries
    states: Sequence[State]


class Frames:
    """The graphs of a record at some of its samples.

    Parameters
    ----------
    record : Samples
    sketch : Sketch
    samples : sequence of int
        Which samples.
    """

    def __init__(self, record: Samples, sketch: Sketch, samples: Sequence[int]) -> None:
        self.samples = list(samples)
        self.losses = [float(x) for x in record.loss[self.samples]]
        self.kinds = sketch.kinds
        sizes = dict(zip(record.parameters, record.sizes, strict=True))
        self._parameters, self._activations = self._rows(record)
        self._places = measured(sketch, {*self._parameters, *self._activations})
        self._sizes = {i: sizes.get(p.row) or _size(p.shape) for i, (p, _) in self._places.items()}
        self._edges = tuple(
            _edge(self._places[j][0], j, place, i, self._sizes[j])
            for i, (place, before) in self._places.items()
            for j in before
        )

    def __len__(self) -> int:
        return len(self.samples)

    def _rows(self, record: Samples) -> tuple[dict[str, _Row], dict[str, _Row]]:
        def chosen(statistic: str) -> np.ndarray:
            values: np.ndarray = record.series(statistic, by="parameter").values[self.samples]
            return values

        names = ("rms", "mean_abs", "max_abs", "zero_fraction", "nonfinite")
        parameters = _rows(record.parameters, [chosen(name) for name in names])
        flow = chosen("activation")  # of these the record has the RMS alone
        unknown = np.full(flow.shape, np.nan)
        bad = np.where(np.isfinite(flow), 0.0, 1.0)
        bad[np.isnan(chosen("std"))] = np.nan  # did not run
        activations = _rows(record.activations, [flow, flow, unknown, unknown, bad])
        return parameters, activations

    def recording(self, k: int) -> Recording:
        """The graph at the frame ``k``."""
        references = {
            "activations": _median(row.rms[k] for row in self._activations.values()),
            "parameters": _median(row.rms[k] for row in self._parameters.values()),
        }
        nodes = tuple(self._node(i, p, k, references) for i, (p, _) in self._places.items())
        root = nodes[-1].id if nodes else ""
        return Recording(nodes, self._edges, self.kinds, references, root, self.losses[k], False)

    def _node(self, i: int, place: Place, k: int, references: dict[str, float]) -> NodeRecord:
        group: Group = "parameters" if place.kind == "parameter" else "activations"
        row = (self._parameters if group == "parameters" else self._activations)[place.row]
        size = self._sizes[i]
        bad, distance = row.nonfinite[k], decades(row.rms[k], references[group])
        return NodeRecord(
            name=place.name, op=place.op, shape=place.shape, dtype="", scope=place.scope,
            rms=row.rms[k], l2=row.rms[k] * math.sqrt(size), mean_abs=row.mean_abs[k],
            max_abs=row.max_abs[k], zero_fraction=row.zero_fraction[k],
            nonfinite=0 if math.isnan(bad) else round(bad * size), state=row.states[k],
            decades=distance, size=size, label=reading(row.states[k], row.rms[k]), level=distance,
            id=f"n{i}", kind="parameter" if group == "parameters" else "op", group=group,
        )  # fmt: skip


def _rows(names: Sequence[str], tables: Sequence[np.ndarray]) -> dict[str, _Row]:
    states = states_of(tables[0], tables[1], tables[-1])
    columns = [table.T.tolist() for table in tables]
    rows = zip(names, *columns, zip(*states, strict=True), strict=False)
    return {name: _Row(*numbers) for name, *numbers in rows}


def _edge(source: Place, j: int, target: Place, i: int, size: int) -> EdgeRecord:
    """A use, of which the record has no number."""
    unknown: dict[str, Any] = dict.fromkeys(
        ("rms", "l2", "mean_abs", "max_abs", "zero_fraction", "decades"), math.nan
    )
    return EdgeRecord(
        name=f"{source.name} -> {target.name}", op=target.op, shape=source.shape, dtype="",
        scope=target.scope, nonfinite=0, state="ok", size=size, source=f"n{j}", target=f"n{i}",
        **unknown,
    )  # fmt: skip


def _median(values: Any) -> float:
    known = [v for v in values if math.isfinite(v) and v > 0]
    return float(np.median(known)) if known else math.nan


def _size(shape: Any) -> int:
    return math.prod(shape) if all(isinstance(n, int) for n in shape) else 0


LETTERS: dict[State, str] = {
    "ok": "012345678", "tiny": "abcdefghi", "zero": "z", "nonfinite": "x", "absent": "-",
    "released": "?",
}  # fmt: skip


def looks() -> dict[str, dict[str, str]]:
    """By letter, what nodes of that state and distance look like."""
    return {
        found: attributes(state, k - CLIP)
        for state, letters in LETTERS.items()
        for k, found in enumerate(letters)
    }


def _letter(state: State, level: float) -> str:
    found = LETTERS[state]
    return found[step(level) + CLIP] if len(found) > 1 else found


def rows(graphs: Sequence[Recording]) -> dict[str, dict[str, Any]]:
    """By the id of a node: what it says in each graph, and its look as a letter each."""
    through = zip(*(graph.nodes for graph in graphs), strict=True)
    return {
        nodes[0].id: {
            "text": [_said(n) for n in nodes],
            "look": "".join(_letter(n.state, n.level) for n in nodes),
        }
        for nodes in through
    }


def strips(graphs: Sequence[Recording]) -> dict[str, dict[str, Any]]:
    """By the id of a box: what it says in each graph, and the letters of each of its cells."""
    found = {}
    for nodes in zip(*(graph.nodes for graph in graphs), strict=True):
        if isinstance(nodes[0], BoxRecord):
            cells = [[_letter(c.state, c.level) for c in getattr(n, "cells", ())] for n in nodes]
            most = max(map(len, cells))
            padded = [row + row[-1:] * (most - len(row)) for row in cells]
            found[nodes[0].id] = {
                "text": [_said(n) for n in nodes],
                "cells": ["".join(column) for column in zip(*padded, strict=True)],
            }
    return found


def _said(node: NodeRecord) -> str:
    return "\n".join(filter(None, _dot.reading(node)))
