"""Depth against steps: every layer's gradient through training in one picture."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _chart
from ._chart import Chart, text
from ._look import CLIP, GREY, LOOKS, PALETTE, fill, number, plain, shown, step
from ._ratios import decades
from ._stats import TINY_MEAN_ABS, State

COLUMNS = 200
"""Most columns drawn; of samples that share one, the worst is shown."""
TOOLTIPS = 6_000
"""Cells up to which each says its numbers to whoever hovers over it."""
WORST: tuple[State, ...] = ("nonfinite", "zero", "tiny", "ok", "absent")

# What a cell without a palette colour is filled with, so that no state is told by hue alone.
PATTERNS: dict[State, str] = {
    "nonfinite": '<rect width="4" height="4" fill="#fbe3f1"/>'
    '<path d="M0 0L4 4M4 0L0 4" stroke="#c2007a"/>',
    "zero": '<rect width="4" height="4" fill="#ffffff"/><path d="M0 4L4 0" stroke="#1b1e23"/>',
    "absent": '<rect width="4" height="4" fill="#ffffff"/>'
    '<circle cx="2" cy="2" r=".6" fill="#8d9299"/>',
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One layer in one column: what is worst there."""

    value: float
    decades: float
    state: State
    step: int


class Heatmap(Chart):
    """Rows are layers, the first at the top; columns are steps; colour is that of `graph`.

    Of an unrolled recurrence the columns are time steps back.

    Attributes
    ----------
    names : tuple of str
    steps : array
    values : array
        RMS of the gradients.
    decades : array
        ``log10(value / reference)``.
    states : list of list of str
        As in `Statistics`, by sample and name.
    """

    def __init__(
        self,
        title: str,
        names: Sequence[str],
        steps: np.ndarray,
        values: np.ndarray,
        states: list[list[State]],
        reference: np.ndarray,
        said: str,
        loss: np.ndarray,
        across: tuple[str, str] = ("step", "training step"),
    ) -> None:
        self.title, self.said, self.across = title, said, across
        self.names, self.steps, self.values = tuple(names), steps, values
        self.states, self.loss = states, loss
        self.decades = np.array(
            [
                [decades(float(v), float(r)) for v in row]
                for row, r in zip(values, reference, strict=True)
            ]
        ).reshape(values.shape)

    def __repr__(self) -> str:
        return f"<Heatmap of {len(self.names)} rows and {len(self.steps)} steps>"

    def cells(self) -> list[list[Cell]]:
        """The columns that are drawn, each from the first row to the last."""
        count = min(COLUMNS, len(self.steps))
        bounds = [round(i * len(self.steps) / count) for i in range(count + 1)] if count else [0]
        return [
            [self._worst(range(a, b), j) for j in range(len(self.names))]
            for a, b in zip(bounds, bounds[1:], strict=False)
        ]

    def _worst(self, samples: range, j: int) -> Cell:
        def badness(i: int) -> tuple[int, float]:
            d = self.decades[i, j]
            return -WORST.index(self.states[i][j]), 0.0 if math.isnan(d) else abs(d)

        i = max(samples, key=badness)
        return Cell(
            float(self.values[i, j]), float(self.decades[i, j]), self.states[i][j],
            int(self.steps[i]),
        )  # fmt: skip

    def svg(self, prefix: str = "", samples: Sequence[int] = ()) -> str:
        """The picture as SVG text, with ``prefix`` before every id in it.

        A page has its slider at ``samples``.
        """
        columns = self.cells()
        labels = [shown(n, 32) for n in self.names]
        left = 16 + 5.6 * max((len(n) for n in labels), default=4)
        width = max(left + 520, 660)
        plot = width - left - 20
        high = max(3.0, min(16.0, 640 / max(1, len(self.names))))
        wide = plot / max(1, len(columns))
        top = 92.0 if np.isfinite(self.loss).any() else 50.0
        bottom = top + high * len(self.names)
        body = [patterns(prefix), text(14, 20, self.title, font_size=13)]
        body.append(text(14, 36, self.said, fill=GREY))
        body += self._loss(left, plot, 44, top - 8)
        told = len(columns) * len(self.names) <= TOOLTIPS
        for j, name in enumerate(self.names):
            y, i = top + j * high, 0
            for color, cells in self._runs(columns, j, prefix, told):
                cell, x = cells[0], left + i * wide
                tip = (
                    f"<title>{_chart.escape(_tip(name, cell, self.across[0]))}</title>"
                    if told
                    else ""
                )
                body.append(_chart.rect(x, y, len(cells) * wide + 0.3, high + 0.3, color, tip))
                if cell.state == "tiny" and wide >= 6 and high >= 6:
                    x += wide / 2
                    body.append(text(x, y + high / 2 + 2, "▼", "middle", font_size=6, fill="#fff"))
                i += len(cells)
        if samples:
            places = [left + (i + 0.5) * plot / len(self.steps) for i in samples]
            body.append(_chart.when(left, 44, plot, bottom - 44, places))
        every = max(1, math.ceil(9 / high))
        for j in range(0, len(labels), every):
            y = top + (j + 0.5) * high + 3
            body.append(text(left - 6, y, labels[j], "end"))
        for i in range(0, len(columns), max(1, math.ceil(len(columns) / 8))):
            x = left + (i + 0.5) * wide
            body.append(text(x, bottom + 13, str(columns[i][0].step), "middle", fill=GREY))
        body.append(text(left + plot / 2, bottom + 26, self.across[1], "middle", fill=GREY))
        body += legend(left, bottom + 38, prefix)
        return _chart.document(width, bottom + 76, self.title, body)

    def _runs(
        self, columns: list[list[Cell]], j: int, prefix: str, told: bool
    ) -> list[tuple[str, list[Cell]]]:
        """The cells of a row: each by itself if it has a tooltip, else those of one colour."""
        row = [(_fill(cells[j], prefix), cells[j]) for cells in columns]
        if told:
            return [(color, [cell]) for color, cell in row]
        runs = itertools.groupby(row, key=lambda pair: pair[0])
        return [(color, [cell for _, cell in pairs]) for color, pairs in runs]

    def _loss(self, left: float, plot: float, top: float, bottom: float) -> list[str]:
        """The loss above the cells, each sample at the middle of its place."""
        n = len(self.steps)
        if not n or not np.isfinite(self.loss).any():
            return []
        y = _chart.Axis(self.loss.tolist(), bottom, top)
        xs = [left + (i + 0.5) * plot / n for i in range(n)]
        line = _chart.path_of(xs, [y(float(v)) for v in self.loss])
        return [
            f'<path d="{line}" fill="none" stroke="#4a5058" stroke-linecap="round"/>',
            text(left - 6, (top + bottom) / 2 + 3, "loss", "end", fill=GREY),
        ]

    def to_matplotlib(self) -> Any:
        """The picture as a matplotlib ``Figure``."""
        made = _chart.figure(8, 1.2 + 0.18 * len(self.names))
        from matplotlib.colors import to_rgb  # it is there: there is a figure

        axes = made.subplots()
        columns = self.cells()
        colors = {"nonfinite": "#c2007a", "zero": "#ffffff", "absent": "#ffffff"}
        pixels = [
            [to_rgb(colors.get(c.state) or fill(c.state, c.decades)) for c in row]
            for row in zip(*columns, strict=True)
        ]
        if pixels:
            axes.imshow(pixels, aspect="auto", interpolation="nearest")
        marks = {"nonfinite": "x", "zero": "_", "absent": "."}
        for state, mark in marks.items():
            marked = [
                (i, j)
                for i, cells in enumerate(columns)
                for j, c in enumerate(cells)
                if c.state == state
            ]
            if marked:
                ink = "white" if state == "nonfinite" else "black"
                axes.scatter(*zip(*marked, strict=True), marker=mark, s=8, c=ink, label=state)
        axes.set_yticks(range(len(self.names)), [plain(n, 32) for n in self.names], fontsize=7)
        at = list(range(0, len(columns), max(1, math.ceil(len(columns) / 8))))
        axes.set_xticks(at, [str(columns[i][0].step) for i in at] if columns else [])
        axes.set_xlabel(self.across[1])
        axes.set_title(f"{self.title}\n{self.said}", fontsize=9, loc="left")
        _colorbar(made, axes)
        return made


def scale(left: float, y: float) -> list[str]:
    """The colours and what they mean, as pieces of SVG."""
    made = []
    for k in range(-CLIP, CLIP + 1):
        x = left + (k + CLIP) * 44
        bound = "≤" if k == -CLIP else "≥" if k == CLIP else ""
        words = f"{bound}1e{k}" if k else "reference"
        made.append(_chart.rect(x, y, 44, 10, PALETTE[k + CLIP]))
        made.append(text(x + 22, y + 20, words, "middle", font_size=8, fill=GREY))
    return made


def legend(left: float, y: float, prefix: str = "") -> list[str]:
    """The colours, and below them the patterns of the states, as pieces of SVG."""
    made = scale(left, y)
    for i, state in enumerate(PATTERNS):
        x, words = left + i * 132, f"{LOOKS[state].glyph} {LOOKS[state].meaning}"
        made.append(_chart.rect(x, y + 25, 14, 9, f"url(#{prefix}{state})"))
        made.append(text(x + 18, y + 33, words, font_size=8, fill=GREY))
    return made


def patterns(prefix: str = "") -> str:
    """The definitions that `legend` and cells refer to."""
    made = (
        f'<pattern id="{prefix}{state}" width="4" height="4" patternUnits="userSpaceOnUse">'
        f"{inside}</pattern>"
        for state, inside in PATTERNS.items()
    )
    return f"<defs>{''.join(made)}</defs>"


def _colorbar(made: Any, axes: Any) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import BoundaryNorm, ListedColormap

    norm = BoundaryNorm([k - 0.5 for k in range(-CLIP, CLIP + 2)], len(PALETTE))
    mapped = ScalarMappable(norm, ListedColormap(list(PALETTE)))
    bar = made.colorbar(mapped, ax=axes, ticks=range(-CLIP, CLIP + 1), aspect=30)
    bar.set_label("decades from the reference", fontsize=8)


def _fill(cell: Cell, prefix: str) -> str:
    if cell.state in PATTERNS:
        return f"url(#{prefix}{cell.state})"
    return PALETTE[step(cell.decades) + CLIP]


def _tip(name: str, cell: Cell, across: str) -> str:
    if cell.state == "absent":
        return f"{name}, {across} {cell.step}: no gradient"
    words = f"{name}, {across} {cell.step}: RMS {number(cell.value)}"
    if cell.state == "ok" or cell.state == "tiny":
        words += f", {cell.decades:+.1f} decades"
    return words if cell.state == "ok" else f"{words}, {LOOKS[cell.state].meaning}"


def states_of(values: np.ndarray, mean_abs: np.ndarray, nonfinite: np.ndarray) -> list[list[State]]:
    """The state of each gradient, from what the record keeps of it."""

    def state(value: float, mean: float, bad: float) -> State:
        if bad > 0 or math.isinf(value):
            return "nonfinite"
        if math.isnan(value):
            return "absent"
        if value == 0:
            return "zero"
        return "tiny" if mean < TINY_MEAN_ABS else "ok"

    rows = zip(values.tolist(), mean_abs.tolist(), nonfinite.tolist(), strict=True)
    return [[state(*cell) for cell in zip(*row, strict=True)] for row in rows]
