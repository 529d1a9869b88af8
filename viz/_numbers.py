"""Every number of a recording as an HTML table: those of its mode first, then the statistics."""

import html
import math
from collections.abc import Callable, Sequence

from ._card import shape
from ._facets import STRIP_LIMIT, Facets
from ._look import fill, ink, number, reading, shown
from ._modes import MODES, meaning, percent, times
from ._page import table
from ._records import EdgeRecord, NodeRecord, Record, Recording

Column = tuple[str, Callable[[Record], str]]


def every(recording: Recording) -> str:
    """The table: a row for each tensor, then one for each use of one."""
    mode = MODES[recording.mode]
    words: list[Column] = [
        ("tensor, or use of it", lambda r: shown(r.name)),
        ("shape", lambda r: shape(r.shape)),
        ("dtype", lambda r: shape(r.dtype)),
        ("state", lambda r: meaning(mode, r.state)),
    ]
    numbers = [*OWN[recording.mode], *_statistics(recording.mode), *_classes(recording.facets)]
    heads = [html.escape(head) for head, _ in (*words, *numbers)]
    rows = [_row(r, words, numbers) for r in (*recording.nodes, *recording.edges)]
    return table(heads, rows, len(words))


def _row(r: Record, words: Sequence[Column], numbers: Sequence[Column]) -> str:
    color = f' style="background:{fill(r.state, r.level)};color:{ink(r.state, r.level)}"'
    cells = [f"<td>{html.escape(of(r))}</td>" for _, of in words]
    for i, (_, of) in enumerate(numbers):  # the first is the mode's own, and has its colour
        said = of(r)
        cells.append(f'<td class="n"{color if said and not i else ""}>{html.escape(said)}</td>')
    return f"<tr>{''.join(cells)}</tr>"


# ---------------------------------------------------------------- the columns
def _share(r: Record) -> str:
    share = getattr(r, "share", math.nan)
    return percent(share) if share < 1 else ""


def _of_parameters(name: str) -> Callable[[Record], str]:
    def cell(r: Record) -> str:
        share = getattr(r, name) if isinstance(r, NodeRecord) else math.nan
        return "" if math.isnan(share) else percent(share)

    return cell


OWN: dict[str, list[Column]] = {
    "gradient": [],
    "value": [],
    "gain": [
        ("gain", lambda r: "" if math.isnan(r.gain) else times(r.gain)),
        ("share of the tensor's gradient", _share),
    ],
    "stall": [("stalled", _of_parameters("stalled")), ("flushed", _of_parameters("flushed"))],
}
"""What a mode measures beside the sizes."""


def _statistics(mode: str) -> list[Column]:
    x = "|x|" if mode == "value" else "|g|"

    def known(of: Callable[[Record], str]) -> Callable[[Record], str]:
        return lambda r: "" if r.state in ("absent", "released") else of(r)

    return [
        ("RMS", lambda r: reading(r.state, r.rms)),
        ("L2", known(lambda r: number(r.l2))),
        (f"mean {x}", known(lambda r: number(r.mean_abs))),
        (f"max {x}", known(lambda r: number(r.max_abs))),
        ("exactly zero", known(lambda r: f"{r.zero_fraction:.1%}")),
        ("non-finite", known(lambda r: str(r.nonfinite))),
    ]


def _classes(facets: Facets | None) -> list[Column]:
    """Of ``by=``: the spread over examples, and each class where there are not too many."""
    if facets is None:
        return []
    at = {row.node: row for row in facets.rows}

    def cell(of: Callable[..., float]) -> Callable[[Record], str]:
        def found(r: Record) -> str:
            row = None if isinstance(r, EdgeRecord) else at.get(r.name)
            return "" if row is None else number(of(row))

        return found

    columns = [
        ("examples: p5", cell(lambda row: row.p5)),
        ("median", cell(lambda row: row.median)),
        ("p95", cell(lambda row: row.p95)),
    ]
    for label in facets.classes if len(facets.classes) <= STRIP_LIMIT else ():
        name = f"class {shown(str(label), 24)}"
        columns.append((name, cell(lambda row, label=label: row.rms[label])))
    return columns
