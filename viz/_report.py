"""The report of a training record: one HTML file that needs no network and no server."""

import html
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from . import _files, _frames, _page, _record_charts, _viewer
from ._findings import Finding
from ._fold import folded
from ._frames import Frames
from ._look import number, shown
from ._rules_record import findings
from ._timeline import timeline

MEANING = (
    "Colour: gradient RMS relative to the median of the same step, over parameters and over "
    "activations apart. Arrows run forward. Parameters, activations and outputs of layers are "
    "drawn: what a record has numbers of."
)


def report(record: Any, path: Path) -> None:
    """Write the report of a `Recorder`."""
    if not len(record):
        raise ValueError("there is nothing to report: no step was sampled yet")
    _files.write(path, page(record).encode())


def page(record: Any) -> str:
    """The report as HTML."""
    samples = _frames.evenly(len(record))
    steps = [int(s) for s in record.steps[samples]]
    graph, legend, data = graph_of(record, samples, range(len(samples)))
    title = (f"Training record of {record.step_count} steps", summary(record))
    body = (
        track({"": (record.steps, record.loss)}, steps)
        + '<div class="beside"><section><h2>Graph</h2>\n' + graph + legend
        + '</section>\n<section><h2>Findings</h2>\n'
        + listed(findings(record)) + "</section></div>\n"
        + '<section><h2>Every layer through training</h2>\n'
        + _heatmaps(record, samples)
        + _page.chart(
            _record_charts.curves(record, "Layers through training").svg("", samples), "lines"
        )
        + '</section>\n<section><h2>Numbers of the last sample</h2>\n'
        + f'<div class="columns tables">{layers(record)}{activations(record)}</div></section>\n'
    )  # fmt: skip
    return _page.page(title, body, page_data(steps, losses_said(record, samples), data))


def page_data(steps: Sequence[int], losses: Sequence[str], *graphs: Any) -> dict[str, Any]:
    """What the program of a page with a slider needs."""
    return {
        "steps": list(steps), "losses": list(losses), "looks": _frames.looks(),
        "graphs": [graph for graph in graphs if graph],
    }  # fmt: skip


def losses_said(record: Any, samples: Sequence[int]) -> list[str]:
    """The loss at each sample, in words."""
    return [f"loss {number(x)}" if not math.isnan(x) else "" for x in record.loss[list(samples)]]


def summary(record: Any) -> str:
    """How much was seen, and what became of the loss."""
    known = record.loss[~np.isnan(record.loss)]
    words = [
        f"{len(record)} samples, "
        + (f"one in {record.every} steps" if record.every > 1 else "each step"),
        f"{len(record.parameters)} parameters with {sum(record.sizes):,} entries",
    ]
    if known.size:
        words.append(f"loss from {number(known[0])} to {number(known[-1])}")
    return "; ".join(words)


def track(losses: Any, steps: Sequence[int]) -> str:
    """The loss curve, under which the program puts the slider."""
    still = '<p class="still">Scripts are off: graphs are those of the last sample.</p>'
    return f'<div class="track map">\n{timeline(losses, steps)}</div>\n{still}\n'


def graph_of(
    record: Any, samples: Sequence[int], frames: Sequence[int], prefix: str = ""
) -> tuple[str, str, Any]:
    """The figure of a record's graph, its legend, and what the program needs of it.

    Parameters
    ----------
    record : Recorder
    samples : sequence of int
        Which samples can be shown; the drawing shows the last.
    frames : sequence of int
        For each step of the slider, which of them is.
    prefix : str
        Before the ids of the drawings.
    """
    if record.sketch is None:
        return "<p>The record has no graph: no backward pass from one loss was seen.</p>", "", None
    through = Frames(record, record.sketch, samples)
    graphs = [through.recording(k) for k in range(len(samples))]
    last = graphs[-1]
    levels = []
    for i, way in enumerate(_viewer.foldings(last)):
        tree = way.tree
        strips = _frames.strips([folded(g, tree) for g in graphs]) if tree else {}
        levels.append(_viewer.level(way, "Gradient flow", "TB", f"{prefix}l{i}-", strips))
    data = _viewer.data(levels, {n.id: n.name for n in last.nodes})
    data |= {"rows": _frames.rows(graphs), "frames": list(frames)}
    legend = _viewer.legend(last, MEANING, any(level.boxes for level in levels))
    step = int(record.steps[samples[-1]])
    return _viewer.figure(levels, f"Gradient flow at step {step}"), legend, data


def listed(found: Sequence[Finding]) -> str:
    """Findings, the worst first."""
    if not found:
        return (
            "<p>Nothing: no rule for training records found anything in the latest samples.</p>\n"
        )
    return "".join(_finding(f) for f in found)


def _finding(f: Finding) -> str:
    nodes = ", ".join(link(name) for name in f.nodes[:6])
    more = f" and {len(f.nodes) - 6} more" if len(f.nodes) > 6 else ""
    rows = [
        ("severity", f.severity), ("measured", number(f.statistic)),
        ("threshold", f"{number(f.threshold)} ({f.citation})"),
    ]  # fmt: skip
    if f.remedies:
        rows.append(("try", ", ".join(f.remedies)))
    rows += [("do", advice) for advice in f.advice]
    listed = "".join(f"<dt>{k}</dt><dd>{html.escape(v)}</dd>" for k, v in rows)
    at = f"<dt>at</dt><dd>{nodes}{more}</dd>" if f.nodes else ""
    return (
        f'<article class="finding {f.severity}"><h3>{html.escape(f.rule)}</h3>\n'
        f"<p>{html.escape(shown(f.cause))}</p><dl>{at}{listed}</dl></article>\n"
    )


def link(name: str) -> str:
    """A name that leads to its place in the graph, or to its row where scripts are blocked."""
    return f'<a href="#{quote(_anchor(name))}">{html.escape(shown(name))}</a>'


def _anchor(name: str) -> str:
    return "-".join(shown(name).split())  # an id has no spaces


def _heatmaps(record: Any, samples: Sequence[int]) -> str:
    made = [_page.chart(record.heatmap().svg("heat-", samples))]
    if record.activations:
        made.append(_page.chart(record.heatmap("activations").svg("flow-", samples)))
    return f'<div class="columns">{"".join(made)}</div>\n'


def layers(record: Any) -> str:
    """The parameters of every layer."""
    heads = ("layer", "gradient RMS, first", "last", "mean |g|", "max |g|", "exactly zero",
             "non-finite", "update / weight")  # fmt: skip
    columns = [record.series(s) for s in
               ("mean_abs", "max_abs", "zero_fraction", "nonfinite", "update")]  # fmt: skip
    rms = record.series("rms")
    rows = []
    for i, name in enumerate(rms.names):
        values = [rms.values[0, i], rms.values[-1, i], *(c.values[-1, i] for c in columns)]
        rows.append(_row(name, values, shares=(4, 5)))
    return _page.table(heads, rows, 1)


def activations(record: Any) -> str:
    """Every activation."""
    heads = ("activation", "mean", "deviation", "gradient RMS", "dead", "saturated")
    columns = [record.series(s) for s in ("mean", "std", "activation")]
    shares = [record.series(s) for s in ("dead", "saturated")]
    rows = []
    for i, name in enumerate(columns[0].names):
        values = [c.values[-1, i] for c in columns]
        values += [c[name][-1] if name in c.names else math.nan for c in shares]
        rows.append(_row(name, values, shares=(3, 4)))
    return _page.table(heads, rows, 1) if rows else ""


def _row(name: str, values: Sequence[float], shares: Sequence[int]) -> str:
    cells = "".join(
        f'<td class="n">{_cell(float(v), i in shares)}</td>' for i, v in enumerate(values)
    )
    return f'<tr id="{html.escape(_anchor(name))}"><td>{html.escape(shown(name))}</td>{cells}</tr>'


def _cell(value: float, share: bool) -> str:
    if math.isnan(value):
        return ""
    return f"{value:.1%}" if share else number(value)
