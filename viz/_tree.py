"""The layers as a tree of modules, for a terminal that has colours."""

import math
import os
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ._layers import Layer
from ._look import fill, ink, shown, sign
from ._text import HEADS, note, numbers

STRIP = 24
"""Layers that the strip of a module shows one by one; beyond, each cell is the worst of several."""


@dataclass
class Branch:
    """A module, or a layer at the end of a path."""

    label: str = ""
    kind: str = ""
    row: Layer | None = None
    children: dict[str, "Branch"] = field(default_factory=dict)

    def leaves(self) -> list[Layer]:
        """The layers below it and its own, in order."""
        found, stack = [], [self]
        while stack:
            branch = stack.pop()
            if branch.row is not None:
                found.append(branch.row)
            stack += reversed(branch.children.values())
        return found


def wanted() -> bool:
    """Whether the standard output is a terminal that can show more than plain lines."""
    terminal = sys.stdout is not None and sys.stdout.isatty()
    return terminal and os.environ.get("TERM") != "dumb"


def tree(
    rows: Sequence[Layer],
    kinds: dict[str, str],
    heading: Sequence[str],
    width: int | None = None,
    colored: bool | None = None,
    mode: str = "gradient",
) -> str:
    """The rows nested as their modules are, no line wider than the terminal.

    Parameters
    ----------
    rows : sequence of Layer
    kinds : dict
        The class of each module path.
    heading : sequence of str
        Lines above it.
    width : int, optional
        Columns; by default the terminal's.
    colored : bool, optional
        24-bit colours; by default yes, unless ``NO_COLOR`` is set.
    mode : str
        What the numbers are, see `graph`.
    """
    width = width or shutil.get_terminal_size().columns
    if colored is None:
        colored = not os.environ.get("NO_COLOR")
    lines = list(_lines(_grown(rows, kinds)))
    texts = {id(row): numbers(row, mode) for row in rows}
    wide = [max(map(len, column)) for column in zip(HEADS[mode], *texts.values(), strict=True)]
    longest = max((columns(text) for text, _ in lines), default=0)
    left = max(12, min(longest, width - 12 - sum(wide) - 6))
    out = [part for line in heading for part in textwrap.wrap(shown(line), width)]
    out.append(_line("", "", HEADS[mode], "", left, wide, width))
    for text, branch in lines:
        if branch.row is None:
            strip = _strip(branch.leaves(), min(STRIP, max(1, width - left - 2)), colored)
            out.append(f"{_cut(text, left):<{_pad(text, left)}}  {strip}")
            continue
        paint = _paint(branch.row) if colored else ""
        cells = texts[id(branch.row)]
        out.append(_line(text, paint, cells, note(branch.row), left, wide, width))
    return "\n".join(line.rstrip() for line in out)


def _grown(rows: Sequence[Layer], kinds: dict[str, str]) -> Branch:
    """The tree; only what is a module's path is taken apart at its dots."""
    root = Branch()
    for row in rows:
        parts = row.name.split(".") if row.name in kinds else [row.name]
        at = root
        for i, part in enumerate(parts):
            path = ".".join(parts[: i + 1])
            at = at.children.setdefault(part, Branch(part, kinds.get(path, "")))
        at.row, at.kind = row, row.kind
    return root


def _lines(root: Branch) -> Iterator[tuple[str, Branch]]:
    """Each branch with the text to its left; a loop, since modules may nest deeply."""
    stack = [(child, "", "") for child in reversed(root.children.values())]
    while stack:
        branch, before, below = stack.pop()
        yield f"{before}{shown(branch.label)}  {shown(branch.kind)}".rstrip(), branch
        children = list(branch.children.values())
        for child in reversed(children):
            last = child is children[-1]
            stack.append(
                (child, f"{below}{'└ ' if last else '├ '}", f"{below}{'  ' if last else '│ '}")
            )


def _line(
    text: str, paint: str, cells: Sequence[str], mark: str, left: int, wide: list[int], width: int
) -> str:
    right = [f"{n:>{w}}" for n, w in zip(cells, wide, strict=True)]
    i = 0 if cells[0] else 1  # the number that the colour is of
    if paint and cells[i]:
        right[i] = f"{paint}{right[i]}\x1b[0m"
    # What does not fit is left out from the right: a terminal that wraps shows no table.
    room = width - left
    while right and room < sum(wide[: len(right)]) + 2 * len(right):
        right.pop()
    room -= sum(wide[: len(right)]) + 2 * len(right)
    mark = _cut(mark, room - 2) if room >= min(12, len(mark) + 2) else mark[:1] if room >= 3 else ""
    return "  ".join([f"{_cut(text, left):<{_pad(text, left)}}", *right, mark])


def _strip(rows: Sequence[Layer], length: int, colored: bool) -> str:
    """One cell for each layer of a module; where there are too many, the farthest of several."""
    count = min(len(rows), length)
    groups = [rows[i * len(rows) // count : (i + 1) * len(rows) // count] for i in range(count)]

    def distance(row: Layer) -> tuple[bool, float]:
        return row.state != "ok", 0.0 if math.isnan(row.level) else abs(row.level)

    worst = [max(group, key=distance) for group in groups]
    if colored:
        return "".join(f"{_paint(r)} \x1b[0m" for r in worst)
    return "".join(sign(r.state, r.level) for r in worst)


def _paint(row: Layer) -> str:
    """24-bit ANSI of its colour, with text that can be read on it."""
    back, front = (
        ";".join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))
        for color in (fill(row.state, row.level), ink(row.state, row.level))
    )
    return f"\x1b[48;2;{back}m\x1b[38;2;{front}m"


def columns(text: str) -> int:
    """How many columns of a terminal a text takes.

    Examples
    --------
    >>> columns("abc"), columns("層"), columns("é")
    (3, 2, 1)
    """
    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )


def _cut(text: str, width: int) -> str:
    """``text`` in at most ``width`` columns."""
    if len(text) <= 3 * width and columns(text) <= width:
        return text
    cut = text[: 3 * width]  # a long text is cut at once; marks that take no column are few
    while columns(cut) > width - 1:
        cut = cut[:-1]
    return f"{cut}…"


def _pad(text: str, width: int) -> int:
    """The width for `format` to fill, which counts characters, not columns."""
    cut = _cut(text, width)
    return max(0, width - columns(cut) + len(cut))
