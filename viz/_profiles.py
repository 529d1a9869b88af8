"""The last gradient of every layer, a line a run."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from . import _chart
from ._chart import Chart, rect, text
from ._look import GREY, PAPER, RUNS, number, shown

ROW, PLOT, TOP = 17.0, 460.0, 60.0


class Profiles(Chart):
    """Rows are layers, the first at the top; a mark in each is the RMS of a run's gradient there.

    Attributes
    ----------
    names : tuple of str
        The layers.
    runs : dict
        By the name of a run, the RMS of each layer; NaN where it has none.
    """

    def __init__(self, title: str, names: Sequence[str], runs: Mapping[str, Sequence[float]]):
        self.title, self.names = title, tuple(names)
        self.runs = {run: tuple(values) for run, values in runs.items()}

    def __repr__(self) -> str:
        return f"<Profiles of {len(self.runs)} runs and {len(self.names)} layers>"

    def svg(self, prefix: str = "") -> str:
        """The chart as SVG text; it has no ids."""
        labels = [shown(n, 32) for n in self.names]
        left = 16 + 5.6 * max((len(n) for n in labels), default=4)
        bottom = TOP + ROW * len(labels)
        x = _chart.Axis([v for run in self.runs.values() for v in run], left, left + PLOT, log=True)
        body = [text(14, 20, self.title, font_size=13)]
        for value, words in x.ticks(8):
            tick = x(value) or left
            body.append(f'<path d="M{tick:.1f} {TOP}V{bottom:.1f}" stroke="{_chart.GRID}"/>')
            body.append(text(tick, bottom + 12, words, "middle", fill=GREY))
        body.append(text(left + PLOT / 2, bottom + 26, "gradient RMS", "middle", fill=GREY))
        for j, label in enumerate(labels):
            body.append(text(left - 8, self._row(j) + 3, label, "end"))
        for k, (run, values) in enumerate(self.runs.items()):
            color, dash = RUNS[k % len(RUNS)]
            body += self._key(left + k * 150, 44, run, color, dash, k)
            places = [x(v) for v in values]
            line = _chart.path_of(places, [self._row(j) for j in range(len(values))])
            body.append(
                f'<path d="{line}" fill="none" stroke="{color}" stroke-dasharray="{dash}"/>'
            )
            for j, at in enumerate(places):
                tip = f"{run}, {self.names[j]}: RMS {number(values[j])}"
                if at is None and not math.isnan(values[j]):  # zero or not finite: at the edge
                    at = left if values[j] == 0 else left + PLOT
                if at is not None:
                    body.append(_mark(at, self._row(j), k, color, tip))
        return _chart.document(left + PLOT + 24, bottom + 36, self.title, body)

    def _row(self, j: int) -> float:
        return TOP + (j + 0.5) * ROW

    def _key(self, x: float, y: float, run: str, color: str, dash: str, k: int) -> list[str]:
        line = f'<path d="M{x:.1f} {y}h26" stroke="{color}" stroke-dasharray="{dash}"/>'
        return [line, _mark(x + 13, y, k, color, run), text(x + 32, y + 3, shown(run, 18))]

    def to_matplotlib(self) -> Any:
        """The chart as a matplotlib ``Figure``."""
        made = _chart.figure(6, 1.2 + 0.22 * len(self.names))
        axes = made.subplots()
        for k, (run, values) in enumerate(self.runs.items()):
            mark = "osD^v"[k % 5]
            axes.plot(
                values, range(len(values)), marker=mark, ms=4, lw=1, color=RUNS[k % len(RUNS)][0],
                label=shown(run, 24),
            )  # fmt: skip
        if any(v > 0 for run in self.runs.values() for v in run):
            axes.set_xscale("log")
        axes.set_yticks(range(len(self.names)), [shown(n, 32) for n in self.names], fontsize=7)
        axes.invert_yaxis()
        axes.set_xlabel("gradient RMS")
        axes.set_title(self.title, fontsize=9, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
        return made


def _mark(x: float, y: float, k: int, color: str, tip: str) -> str:
    """A circle, a square, a diamond: runs are told apart by more than colour."""
    inside = f"<title>{_chart.escape(tip)}</title>"
    if k % 3 == 0:
        look = f'fill="{color}" stroke="{PAPER}" stroke-width=".6"'
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" {look}>{inside}</circle>'
    if k % 3 == 1:
        return rect(x - 3.5, y - 3.5, 7, 7, color, inside)
    corners = f"{x:.1f},{y - 5:.1f} {x + 5:.1f},{y:.1f} {x:.1f},{y + 5:.1f} {x - 5:.1f},{y:.1f}"
    return f'<polygon points="{corners}" fill="{color}">{inside}</polygon>'
