"""Lines through training: one panel a statistic, one line a layer, coloured by depth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _chart
from ._chart import Chart, text
from ._look import GREY, plain, shown

WIDE, HIGH, GAP, ACROSS = 300.0, 150.0, 66.0, 2
LISTED = 14
"""Layers up to which the legend names every one; of more it names some."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One statistic of several layers.

    Attributes
    ----------
    title : str
    names : tuple of str
    steps, values : array
    log : bool
        Whether it is read by decades.
    limits : tuple of float, optional
        Of the axis.
    mark : float, optional
        A value with a dashed line, and ``said``, what it is.
    """

    title: str
    names: tuple[str, ...]
    steps: np.ndarray
    values: np.ndarray
    log: bool = True
    limits: tuple[float, float] | None = None
    mark: float | None = None
    said: str = ""


class Curves(Chart):
    """Panels of lines; made by ``Recorder.curves``.

    Attributes
    ----------
    panels : tuple of Panel
    """

    kind = "lines"

    def __init__(self, title: str, panels: Sequence[Panel]) -> None:
        self.title, self.panels = title, tuple(panels)

    def __repr__(self) -> str:
        return f"<Curves: {', '.join(p.title for p in self.panels)}>"

    def svg(self, prefix: str = "", samples: Sequence[int] = ()) -> str:
        """The chart as SVG text; it has no ids. A page has its slider at ``samples``."""
        body = [text(14, 20, self.title, font_size=13)]
        top = 50.0
        for i in range(0, len(self.panels), ACROSS):
            row = self.panels[i : i + ACROSS]
            for k, panel in enumerate(row):
                body += _panel(panel, 52 + k * (WIDE + GAP), top, samples)
            top += HIGH + 48 + 11 * max(_legend_rows(p) for p in row)
        width = 52 + min(ACROSS, max(1, len(self.panels))) * (WIDE + GAP)
        return _chart.document(width, top - 10, self.title, body)

    def to_matplotlib(self) -> Any:
        """The chart as a matplotlib ``Figure``."""
        count = len(self.panels) or 1
        across = min(ACROSS, count)
        down = math.ceil(count / across)
        made = _chart.figure(4.2 * across, 2.6 * down)
        grid = made.subplots(down, across, squeeze=False)
        for axes, panel in zip(grid.flat, self.panels, strict=False):
            named = set(_named(len(panel.names)))
            for j, name in enumerate(panel.names):
                color = _chart.depth_color(j, len(panel.names))
                label = plain(name, 24) if j in named else None
                axes.plot(panel.steps, panel.values[:, j], color=color, lw=1, label=label)
            if panel.mark is not None:
                axes.axhline(panel.mark, color=GREY, lw=0.8, ls="--")
            if panel.log and np.any(panel.values > 0):
                axes.set_yscale("log")
            if panel.limits:
                axes.set_ylim(*panel.limits)
            axes.set_title(panel.title, fontsize=9, loc="left")
            axes.set_xlabel("training step", fontsize=8)
            axes.tick_params(labelsize=7)
            axes.spines[["top", "right"]].set_visible(False)
            if panel.names and panel.names != ("",):
                axes.legend(fontsize=6, frameon=False)
        for axes in list(grid.flat)[len(self.panels) :]:
            axes.set_axis_off()
        return made


def _named(count: int) -> list[int]:
    """Which of the lines the legend names."""
    if count <= LISTED:
        return list(range(count))
    return sorted({round(i * (count - 1) / (LISTED - 1)) for i in range(LISTED)})


def _legend_rows(panel: Panel) -> int:
    return math.ceil(len(_named(len(panel.names))) / 3) if panel.names != ("",) else 0


def _panel(panel: Panel, left: float, top: float, samples: Sequence[int]) -> list[str]:
    bottom, right = top + HIGH, left + WIDE
    x = _chart.Axis(panel.steps.tolist(), left, right)
    values = [*panel.values.ravel().tolist(), *([] if panel.mark is None else [panel.mark])]
    y = _chart.Axis(values, bottom, top, panel.log, panel.limits)
    made = [text(left, top - 6, panel.title, font_size=10)]
    made += _chart.step_axis(x, top, bottom)
    for value, words in y.ticks():
        at = y(value)
        made.append(f'<path d="M{left:.1f} {at:.1f}H{right:.1f}" stroke="{_chart.GRID}"/>')
        made.append(text(left - 4, (at or 0) + 3, words, "end", fill=GREY))
    if panel.mark is not None:
        at = y(panel.mark)
        made.append(
            f'<path d="M{left:.1f} {at:.1f}H{right:.1f}" stroke="{GREY}" stroke-dasharray="4 3"/>'
        )
        made.append(text(right, (at or 0) - 3, panel.said, "end", font_size=8, fill=GREY))
    places = [x(float(s)) for s in panel.steps]
    for j, name in enumerate(panel.names):
        line = _chart.path_of(places, [y(float(v)) for v in panel.values[:, j]])
        color = _chart.depth_color(j, len(panel.names))
        tip = f"<title>{_chart.escape(name)}</title>"
        made.append(
            f'<path d="{line}" fill="none" stroke="{color}" stroke-width="1.3" '
            f'stroke-linecap="round" stroke-linejoin="round">{tip}</path>'
        )
    if samples:
        made.append(_chart.when(left, top, WIDE, HIGH, [places[i] for i in samples]))
    if panel.names != ("",):
        for k, j in enumerate(_named(len(panel.names))):
            at, row = left + (k % 3) * WIDE / 3, bottom + 26 + 11 * (k // 3)
            color = _chart.depth_color(j, len(panel.names))
            made.append(f'<path d="M{at:.1f} {row:.1f}h12" stroke="{color}" stroke-width="2.5"/>')
            made.append(text(at + 16, row + 3, shown(panel.names[j], 15), font_size=8))
    return made
