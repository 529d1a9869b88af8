"""`compare`: the records of several runs side by side."""

import html
import math
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from . import _files, _frames, _page, _record_charts, _report
from ._findings import Finding
from ._heatmap import Heatmap
from ._look import number, shown
from ._notebook import Notable, fresh
from ._profiles import Profiles
from ._ratios import decades
from ._recorder import Recorder
from ._rules_record import findings
from ._timeline import timeline

HEADS = ("run", "samples", "steps", "first loss", "last loss", "decades lost", "findings")


class Comparison(Notable):
    """The records of several runs, layers matched by name; made by `compare`.

    ``print`` gives a table, a notebook shows the charts.

    Attributes
    ----------
    runs : dict
        The records by name.
    layers : tuple of str
        Of all runs: those of the first, then what others have besides.
    only : dict
        By run, the layers that no other run has.
    findings : dict
        By run, what `diagnose` says of it.
    reference : float
        The RMS that is drawn neutral in every heatmap: the median over all runs.
    """

    def __init__(self, runs: Mapping[str, Recorder]) -> None:
        self.runs = dict(runs)
        of = {name: run.series().names for name, run in self.runs.items()}
        self.layers = tuple(dict.fromkeys(layer for names in of.values() for layer in names))
        others = {
            name: {layer for k, names in of.items() if k != name for layer in names} for name in of
        }
        self.only = {
            name: tuple(layer for layer in names if len(of) > 1 and layer not in others[name])
            for name, names in of.items()
        }
        self.findings: dict[str, list[Finding]] = {k: findings(run) for k, run in self.runs.items()}
        every = np.concatenate([run.series().values.ravel() for run in self.runs.values()])
        known = every[np.isfinite(every) & (every > 0)]
        self.reference = float(np.median(known)) if known.size else 1.0

    # ------------------------------------------------------------ one time for all
    @cached_property
    def steps(self) -> list[int]:
        """The steps at which runs are put side by side: all that were sampled, or some evenly."""
        union = sorted({int(s) for run in self.runs.values() for s in run.steps})
        return [union[i] for i in _frames.evenly(len(union))]

    def _samples(self, run: Recorder) -> list[int]:
        """The latest sample of a run at each step; before the first one, the first."""
        found = np.searchsorted(run.steps, self.steps, side="right") - 1
        return [int(i) for i in np.maximum(found, 0)]

    # ------------------------------------------------------------ charts
    def profiles(self) -> Profiles:
        """The last gradient of every layer, a line a run."""
        last = {}
        for name, run in self.runs.items():
            series = run.series()
            at = dict(zip(series.names, series.values[-1].tolist(), strict=True))
            last[name] = [at.get(layer, math.nan) for layer in self.layers]
        return Profiles("Gradients of the last sample, layer by layer", self.layers, last)

    def heatmaps(self) -> dict[str, Heatmap]:
        """One for each run: the same rows, columns and colours in all."""
        said = f"gradient RMS relative to {number(self.reference)}, the median over all runs"
        made = {}
        for name, run in self.runs.items():
            own = run.heatmap(reference=self.reference)
            rows, ended = self._samples(run), np.array(self.steps) >= run.step_count
            values = np.full((len(rows), len(self.layers)), np.nan)
            states: Any = [["absent"] * len(self.layers) for _ in rows]
            for j, layer in enumerate(self.layers):
                if layer in own.names:
                    column = own.names.index(layer)
                    values[:, j] = np.where(ended, np.nan, own.values[rows, column])
                    for k, i in enumerate(rows):
                        states[k][j] = "absent" if ended[k] else own.states[i][column]
            loss = np.where(ended, np.nan, run.loss[rows])
            made[name] = Heatmap(
                f"{shown(name, 48)}: gradients of parameters", self.layers, np.array(self.steps),
                values, states, np.full(len(rows), self.reference), said, loss,
            )  # fmt: skip
        return made

    def _losses(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        return {name: (run.steps, run.loss) for name, run in self.runs.items()}

    # ------------------------------------------------------------ numbers
    def rows(self) -> list[tuple[str, ...]]:
        """The table: one row for each run, in words."""
        made = []
        for name, run in self.runs.items():
            known = run.loss[~np.isnan(run.loss)]
            ends = [number(float(known[i])) if known.size else "" for i in (0, -1)]
            rules = dict.fromkeys(f.rule for f in self.findings[name])
            made.append(
                (shown(name), str(len(run)), str(run.step_count), *ends, self._lost(run),
                 ", ".join(rules) or "none")
            )  # fmt: skip
        return made

    def _lost(self, run: Recorder) -> str:
        """Decades between the last layer's gradient and the first's, in the last sample."""
        known = [v for v in run.series().values[-1].tolist() if math.isfinite(v)]
        lost = -decades(known[0], known[-1]) if len(known) > 1 else math.nan
        return "" if math.isnan(lost) else f"{lost:.1f}"

    def _apart(self) -> list[str]:
        return [
            f"only in {shown(name)}: {', '.join(shown(layer, 48) for layer in layers)}"
            for name, layers in self.only.items()
            if layers
        ]

    def __str__(self) -> str:
        cells = [HEADS, *self.rows()]
        widths = [max(len(row[i]) for row in cells) for i in range(len(HEADS))]
        lines = []
        for name, *numbers, rules in cells:
            middle = "  ".join(f"{c:>{w}}" for c, w in zip(numbers, widths[1:-1], strict=True))
            lines.append(f"{name:<{widths[0]}}  {middle}  {rules}")
        return "\n".join([*lines, *self._apart()])

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(shown(name) for name in self.runs)}>"

    # ------------------------------------------------------------ files and notebooks
    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write one HTML file with the runs side by side; like that of `Recorder.report`."""
        _files.write(Path(path), self._page().encode())
        return Path(path)

    def render(self, path: str | os.PathLike[str], format: str | None = None) -> Path:
        """Write html, the whole report; or the profiles alone as svg, png or pdf."""
        path = Path(path)
        chosen = (format or path.suffix.lstrip(".")).lower()
        return self.report(path) if chosen == "html" else self.profiles().render(path, format)

    def _page(self) -> str:
        figures: list[str] = []
        graphs: list[Any] = []
        legend = ""
        for i, (name, run) in enumerate(self.runs.items()):
            of_step = self._samples(run)
            samples = sorted(set(of_step))
            frames = [samples.index(s) for s in of_step]
            figure, words, data = _report.graph_of(run, samples, frames, f"r{i}-")
            legend = legend or words
            graphs.append(data)
            figures.append(
                f"<section><h2>{html.escape(shown(name))}</h2>\n"
                f"<p>{html.escape(_report.summary(run))}</p>\n{figure}"
                f"{_report.listed(self.findings[name])}</section>\n"
            )
        curves = "".join(
            _page.chart(
                _record_charts.curves(run, shown(name, 48)).svg("", self._samples(run)), "lines"
            )
            for name, run in self.runs.items()
        )
        body = (
            _report.track(self._losses(), self.steps)
            + f"{self._table()}\n"
            + f'<div class="columns">\n{"".join(figures)}</div>\n{legend}'
            + "<h2>Every layer, run by run</h2>\n" + _page.chart(self.profiles().svg())
            + self._maps("heat", range(len(self.steps)))
            + f'<h2>Curves</h2>\n<div class="columns">\n{curves}</div>\n'
        )  # fmt: skip
        title = (f"{len(self.runs)} runs: {', '.join(self.runs)}", *self._apart())
        return _page.page(title, body, _report.page_data(self.steps, self._said(), *graphs))

    def _table(self) -> str:
        """The table as HTML."""
        made = []
        for name, *numbers, rules in self.rows():
            cells = "".join(f'<td class="n">{cell}</td>' for cell in numbers)
            made.append(
                f"<tr><td>{html.escape(name)}</td>{cells}<td>{html.escape(rules)}</td></tr>"
            )
        return _page.table(HEADS, made, 1)

    def _maps(self, prefix: str, samples: Sequence[int]) -> str:
        maps = enumerate(self.heatmaps().values())
        return "".join(_page.chart(m.svg(f"{prefix}{i}-", samples)) for i, m in maps)

    def _said(self) -> list[str]:
        """The losses at each step."""
        each = [
            [f"{shown(name, 16)} {words.removeprefix('loss ')}" for words in
             _report.losses_said(run, self._samples(run))]
            for name, run in self.runs.items()
        ]  # fmt: skip
        return ["loss " + ", ".join(words) for words in zip(*each, strict=True)]

    def _html(self) -> str:
        charts = self.profiles().svg() + self._maps(fresh(), ())
        return timeline(self._losses(), self.steps) + self._table() + charts


def compare(runs: Mapping[str, Recorder]) -> Comparison:
    """Put the records of several runs side by side.

    Layers are matched by name; runs may have different layers, and steps. At every step each run
    shows its latest sample.

    Parameters
    ----------
    runs : mapping
        The records that `watch` made, by the names they are to have.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        There is no run, or one has no samples.

    Examples
    --------
    >>> import autodiff as ad, nn, viz
    >>> def trained(activation):
    ...     ad.manual_seed(0)
    ...     model = nn.Sequential(nn.Linear(2, 8), activation, nn.Linear(8, 1))
    ...     optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    ...     with viz.watch(model, every=5) as recorder:
    ...         for _ in range(20):
    ...             optimizer.zero_grad()
    ...             (model(ad.ones((16, 2))) ** 2).mean().backward()
    ...             optimizer.step()
    ...     return recorder
    >>> runs = viz.compare({"sigmoid": trained(nn.Sigmoid()), "tanh": trained(nn.Tanh())})
    >>> runs
    <Comparison of sigmoid, tanh>
    >>> runs.layers
    ('0', '2')
    """
    if not runs:
        raise ValueError("compare: give at least one record, {name: recorder}")
    for name, run in runs.items():
        if not isinstance(run, Recorder):
            raise TypeError(
                f"compare: {name!r} is a {type(run).__name__}; give records that viz.watch made"
            )
        if not len(run):
            raise ValueError(f"compare: {name!r} has no samples: no step was sampled yet")
    return Comparison(runs)
