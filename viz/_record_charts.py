"""Charts of a training record: which of its numbers go into which picture."""

from typing import Any

import numpy as np

from . import _chart
from ._curves import Curves, Panel
from ._heatmap import Heatmap, states_of
from ._look import number, plain
from ._samples import Samples

USUAL_UPDATE = 1e-3
"""The update-to-weight ratio that is usual (Stanford's CS231n, notes on learning)."""


def heatmap(record: Samples, title: str, what: str, reference: float | str) -> Heatmap:
    """Depth against steps."""
    if what not in ("parameters", "activations"):
        raise ValueError(f'what must be "parameters" or "activations", not {what!r}')
    series = record.series("rms" if what == "parameters" else "activation")
    values = series.values
    if what == "parameters":
        mean, bad = record.series("mean_abs").values, record.series("nonfinite").values
    else:  # of these the record has the RMS alone; a mean is at most that
        mean, bad = values, np.where(np.isfinite(values), 0.0, 1.0)
        bad[np.isnan(record.series("std").values)] = np.nan  # did not run
    if reference == "median":
        kept = np.where(np.isfinite(values) & (values > 0), values, np.nan)
        neutral = [np.median(r[~np.isnan(r)]) if np.any(~np.isnan(r)) else np.nan for r in kept]
        said = "gradient RMS relative to the median over layers at the same step"
    elif isinstance(reference, (int, float)) and 0 < reference < np.inf:
        neutral = [reference] * len(record)
        said = f"gradient RMS relative to {number(reference)}"
    else:
        raise ValueError(f'reference must be "median" or a positive number, not {reference!r}')
    states = states_of(values, mean, bad)
    return Heatmap(
        title, series.names, series.steps, values, states, np.array(neutral), said, record.loss
    )


def curves(record: Samples, title: str) -> Curves:
    """Every statistic in a panel of its own."""

    def panel(statistic: str, title: str, **options: Any) -> Panel:
        s = record.series(statistic)
        return Panel(title, s.names, s.steps, s.values, **options)

    share: dict[str, Any] = {"log": False, "limits": (0.0, 1.0)}
    usual: dict[str, Any] = {"mark": USUAL_UPDATE, "said": f"{USUAL_UPDATE:g} is usual"}
    panels = [
        Panel("loss", ("",), record.steps, record.loss[:, None], log=False),
        panel("rms", "gradient of parameters: RMS"),
        panel("std", "activations: standard deviation"),
        panel("update", "update / weight: RMS", **usual),
        panel("dead", "dead units: share", **share),
        panel("saturated", "saturated entries: share", **share),
    ]
    return Curves(title, [p for p in panels if p.names])


def figure(record: Samples) -> Any:
    """The gradient profile, layer by layer, at up to five steps: a matplotlib ``Figure``."""
    made = _chart.figure(6, 3.2)
    axes = made.subplots()
    series = record.series("rms")
    count = min(5, len(record))
    for k in range(count):
        i = round(k * (len(record) - 1) / max(1, count - 1))
        color = _chart.depth_color(k, count)
        axes.plot(series.values[i], "o-", ms=3, color=color, label=f"step {series.steps[i]}")
    if np.any(series.values > 0):
        axes.set_yscale("log")
    labels = [plain(name, 32) for name in series.names]
    axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=7)
    axes.set_ylabel("gradient RMS")
    axes.spines[["top", "right"]].set_visible(False)
    if count:
        axes.legend(frameon=False, fontsize=8)
    return made
