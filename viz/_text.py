"""The layers as a plain table, in every mode."""

import math
import os
import sys
from collections.abc import Sequence

from ._layers import Layer
from ._look import LOOKS, PALETTE, fill, number, shown
from ._modes import percent, times

ROWS = 60
"""Layers up to which ``print(graph)`` has a row for each; beyond, it folds as the picture does."""
HEADS = {
    "gradient": ("parameters", "activation", "decades"),
    "value": ("parameters", "activation", "decades"),
    "gain": ("gain", "received", "decades"),
    "stall": ("stalled", "flushed", "gradient"),
}
"""What is printed of a layer in each mode; the colour is that of the first that is there."""


def table(rows: Sequence[Layer], heading: Sequence[str], mode: str = "gradient") -> str:
    """The rows as aligned text; in colour on a terminal, unless ``NO_COLOR`` is set."""
    cells = [("layer", "", *HEADS[mode])]
    cells += [(shown(r.name, 40), shown(r.kind, 36), *numbers(r, mode)) for r in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    notes = ["", *(note(r) for r in rows)]
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    colored = sys.stdout.isatty() and not plain
    lines = [shown(line) for line in heading]
    for i, (row, said) in enumerate(zip(cells, notes, strict=True)):
        left = (f"{c:<{w}}" for c, w in zip(row[:2], widths[:2], strict=True))
        right = (f"{c:>{w}}" for c, w in zip(row[2:], widths[2:], strict=True))
        line = "  ".join([*left, *right, said]).rstrip()
        if colored:
            line = f"{_block(rows[i - 1]) if i else ' '} {line}"
        lines.append(line)
    return "\n".join(lines)


def numbers(r: Layer, mode: str) -> tuple[str, str, str]:
    """The cells of one row, under the heads of the mode."""
    if mode == "stall":
        stalled, flushed = ("" if math.isnan(x) else percent(x) for x in (r.stalled, r.flushed))
        return stalled, flushed, _cell(r.parameters)
    far = "" if math.isnan(r.decades) else f"{r.decades:+.1f}"
    if mode == "gain":
        return "" if math.isnan(r.gain) else times(r.gain), _cell(r.activation), far
    return _cell(r.parameters), _cell(r.activation), far


def note(r: Layer) -> str:
    """What stands behind the numbers: the state, where that is not healthy, and further lines."""
    glyph = LOOKS[r.state].glyph
    counted = any(line.startswith(f"{glyph} ") for line in r.lines)  # a box says how many
    state = "" if r.state == "ok" or counted else f"{glyph} {r.state}"
    return "  ".join(shown(part) for part in (state, *r.lines) if part)


def _cell(rms: float) -> str:
    return "" if math.isnan(rms) else number(rms)


def _block(row: Layer) -> str:
    """One coloured cell, in 24-bit ANSI."""
    color = fill(row.state, row.level)
    if color not in PALETTE:
        return " "
    r, g, b = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"\x1b[48;2;{r};{g};{b}m \x1b[0m"
