"""Gradient profiles as figures for papers and slides, drawn by matplotlib."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ._layers import WORST, Layer
from ._look import INK, LOOKS, plain, shown
from ._stats import TINY_MEAN_ABS, State

# Okabe & Ito, "Color Universal Design" (2008), without the yellow, which is lost on white. Each
# has a marker and a dash of its own, so the figure can be read in grey.
SERIES: tuple[tuple[str, str, Any], ...] = (
    ("#0072B2", "o", "-"), ("#D55E00", "s", "--"), ("#009E73", "^", "-."), ("#CC79A7", "D", ":"),
    ("#E69F00", "v", (0, (5, 1))), ("#56B4E9", "P", (0, (3, 1, 1, 1))),
    ("#000000", "X", (0, (1, 1))),
)  # fmt: skip
MARKS: dict[State, str] = {"tiny": "v", "zero": "o", "nonfinite": "x", "absent": "s"}
MEANINGS: dict[State, str] = {"tiny": f"tiny: RMS < {TINY_MEAN_ABS:.0e}"}
LABELS = 40
"""Layers whose names fit below the axis; beyond, only some are written."""
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 8,
    "axes.titlesize": 9, "axes.labelsize": 8, "legend.fontsize": 7, "xtick.labelsize": 7,
    "ytick.labelsize": 7, "axes.linewidth": 0.6, "axes.spines.top": False,
    "axes.spines.right": False, "lines.linewidth": 1.2, "lines.markersize": 4,
    "pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none", "text.usetex": False,
    "ytick.minor.size": 0,
}  # fmt: skip
SERIF: dict[Any, Any] = {
    "font.family": "serif", "font.serif": ["STIXGeneral", "DejaVu Serif"],
    "mathtext.fontset": "stix",
}  # fmt: skip


def profile_figure(
    graphs: Any,
    path: str | Path | None = None,
    *,
    width: float = 7.0,
    serif: bool = False,
) -> Any:
    """The gradient RMS of every layer on a log axis, for one network or several.

    Parameters are above, activations below. Several draws of one network are a line, their median,
    in a band from the smallest to the largest. Where there is one graph, dotted lines are the
    references of its colours. Layers that are vanished, zero, not finite or not reached are marked.

    Parameters
    ----------
    graphs : GradientGraph, list of them, or dict of either by name
        The graphs of a list are draws of one network, and have the same layers.
    path : str or Path, optional
        Where to save it; ``.pdf`` and ``.svg`` keep it sharp at any size.
    width : float
        In inches: 7 for a page, 3.4 for one column of two.
    serif : bool
        A serif font, to go with a text set by LaTeX. Names are never read as formulas.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    RuntimeError
        If matplotlib is not installed.
    ValueError
        If there is no graph, or the layers of draws differ.

    Examples
    --------
    >>> import autodiff as ad, viz
    >>> w = ad.tensor([3.0, -4.0], requires_grad=True, name="w")
    >>> figure = viz.profile_figure({"mine": viz.graph((w * w).sum())})
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['parameters', 'activations']
    """
    given = graphs if isinstance(graphs, Mapping) else {"": graphs}
    named = {name: list(g) if isinstance(g, Sequence) else [g] for name, g in given.items()}
    if not named or not all(named.values()):
        raise ValueError("profile_figure was given no graph")
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise RuntimeError(
            "a figure needs matplotlib: pip install 'autodiff-viz[plots]'; print(graph) and "
            "graph.profile() have the same numbers"
        ) from None

    profiles = {name: _draws(name, found) for name, found in named.items()}
    with matplotlib.rc_context(STYLE | (SERIF if serif else {})):
        figure = Figure(figsize=(width, 0.6 * width + 0.6), layout="constrained")
        panels = figure.subplots(2, 1, sharex=True)
        for axes, what in zip(panels, ("parameters", "activation"), strict=True):
            seen: set[State] = set()
            for i, (name, rows) in enumerate(profiles.items()):
                seen |= _curve(axes, rows, what, i, _places(profiles, rows))
                _band(axes, [g.profile() for g in named[name]], what, i, _places(profiles, rows))
            _finish(axes, what, seen)
        if len(named) == 1 and len(one := next(iter(named.values()))) == 1:
            (only,) = one
            for axes, group in zip(panels, ("parameters", "activations"), strict=True):
                reference = only.references[group]
                if reference > 0 and math.isfinite(reference):
                    axes.axhline(reference, color="#6f757d", linestyle=":", linewidth=0.8)
                    axes.annotate(
                        "reference", (1, reference), xycoords=("axes fraction", "data"),
                        color="#6f757d", fontsize=6, ha="right", va="bottom",
                    )  # fmt: skip
        _name_layers(panels[-1], profiles)
        if any(named):
            figure.legend(
                handles=[_handle(name, i) for i, name in enumerate(named)],
                loc="outside upper center", ncols=min(len(named), 4), frameon=False,
            )  # fmt: skip
        elif len(one) == 1:
            figure.suptitle(shown(only.title[min(1, len(only.title) - 1)], 100), fontsize=8)
        figure.supylabel("gradient RMS", fontsize=8)
        if path is not None:
            figure.savefig(path)
    return figure


def _draws(name: str, graphs: Sequence[Any]) -> list[Layer]:
    """The profile of one network: of several draws, the median and the worst state."""
    every = [g.profile() for g in graphs]
    if len({tuple(row.name for row in rows) for rows in every}) > 1:
        raise ValueError(f"the draws of {name or 'the network'!r} have different layers")
    return [
        replace(
            rows[0],
            parameters=statistics.median(r.parameters for r in rows),
            activation=statistics.median(r.activation for r in rows),
            state=min((r.state for r in rows), key=WORST.index),
        )
        for rows in zip(*every, strict=True)
    ]


def _band(
    axes: Any, every: Sequence[Sequence[Layer]], what: str, i: int, places: Sequence[float]
) -> None:
    """From the smallest draw to the largest; what is zero or not finite has no place in it."""
    if len(every) < 2:
        return
    columns = [[getattr(row, what) for row in rows] for rows in zip(*every, strict=True)]
    inside = [
        (x, min(sizes), max(sizes))
        for x, sizes in zip(places, columns, strict=True)
        if all(0 < size < math.inf for size in sizes)
    ]
    if inside:
        color = SERIES[i % len(SERIES)][0]
        axes.fill_between(*zip(*inside, strict=True), color=color, alpha=0.2, linewidth=0)


def _places(profiles: Mapping[str, Sequence[Layer]], rows: Sequence[Layer]) -> list[float]:
    """Where its layers stand: at the same places if all networks have the same ones."""
    if _same(profiles):
        return [float(i) for i in range(len(rows))]
    return [i / max(1, len(rows) - 1) for i in range(len(rows))]


def _same(profiles: Mapping[str, Sequence[Layer]]) -> bool:
    return len({tuple(r.name for r in rows) for rows in profiles.values()}) == 1


def _curve(
    axes: Any, rows: Sequence[Layer], what: str, i: int, places: Sequence[float]
) -> set[State]:
    """One network's line in one panel; the states that were marked."""
    color, marker, dash = SERIES[i % len(SERIES)]
    sizes = [getattr(r, what) for r in rows]
    known = [(x, y) for x, y in zip(places, sizes, strict=True) if y > 0 and math.isfinite(y)]
    if known:
        axes.plot(*zip(*known, strict=True), color=color, marker=marker, linestyle=dash)
    seen: set[State] = set()
    for x, y, row in zip(places, sizes, rows, strict=True):
        state = _mark(y, row, what)
        if state is None:
            continue
        seen.add(state)
        on_curve = state == "tiny"
        axes.plot(
            [x], [y if on_curve else 0.98 if state == "nonfinite" else 0.02],
            transform=axes.transData if on_curve else axes.get_xaxis_transform(),
            marker=MARKS[state], markersize=9 if on_curve else 6, color=color,
            markerfacecolor="none", clip_on=False, linestyle="none", zorder=5,
        )  # fmt: skip
    return seen


def _mark(size: float, row: Layer, what: str) -> State | None:
    """What sets this point apart; the state of a layer is the worst of all its tensors."""
    if math.isfinite(size):
        return "zero" if size == 0 else "tiny" if size < TINY_MEAN_ABS else None
    if math.isinf(size) or (row.state == "nonfinite" and what == "parameters"):
        return "nonfinite"
    return "absent" if row.state == "absent" and what == "parameters" else None


def _finish(axes: Any, what: str, seen: set[State]) -> None:
    axes.set_yscale("log")
    axes.set_ylabel({"activation": "activations"}.get(what, what))
    axes.grid(axis="y", color="#dde1e6", linewidth=0.5)
    axes.set_axisbelow(True)
    if seen:
        from matplotlib.lines import Line2D

        marks = [
            Line2D([], [], marker=MARKS[s], color=INK, markerfacecolor="none", linestyle="none",
                   label=MEANINGS.get(s, LOOKS[s].meaning))
            for s in MARKS if s in seen
        ]  # fmt: skip
        axes.legend(handles=marks, frameon=False, loc="best", fontsize=6)


def _handle(name: str, i: int) -> Any:
    from matplotlib.lines import Line2D

    color, marker, dash = SERIES[i % len(SERIES)]
    return Line2D([], [], color=color, marker=marker, linestyle=dash, label=plain(name, 40))


def _name_layers(axes: Any, profiles: Mapping[str, Sequence[Layer]]) -> None:
    if not _same(profiles):
        axes.set_xlabel("depth: 0 is the first layer, 1 the last")
        return
    rows = next(iter(profiles.values()))
    every = max(1, math.ceil(len(rows) / LABELS))
    places = range(0, len(rows), every)
    axes.set_xticks(places, [plain(rows[i].name, 20) for i in places], rotation=60, ha="right",
                    rotation_mode="anchor")  # fmt: skip
