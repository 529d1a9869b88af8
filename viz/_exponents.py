"""Histograms through training: how large a parameter's gradients are, by powers of two."""

import math
from typing import Any

import numpy as np

from . import _chart
from ._chart import Chart, depth_color, text
from ._look import GREY, number, plain, shown
from ._samples import LOWEST

SHADES = 16


class Exponents(Chart):
    """Columns are samples, rows powers of two, and the darker a cell the more entries are in it.

    Attributes
    ----------
    name : str
        The parameter.
    steps : array
    shares : array
        Of shape ``(len(steps), 64)``: from ``2 ** -56`` on; those of a column add up to 1.
    """

    def __init__(self, name: str, steps: np.ndarray, shares: np.ndarray) -> None:
        self.name, self.steps, self.shares = name, steps, shares
        self.title = f"Sizes of the gradient of {shown(name, 48)}"

    def __repr__(self) -> str:
        return f"<Exponents of {self.name!r} at {len(self.steps)} steps>"

    def _rows(self) -> list[int]:
        """The powers that occur, the largest first."""
        if not self.shares.any():
            return []
        used = np.flatnonzero(self.shares.sum(0)).tolist()
        return list(range(max(used), min(used) - 1, -1))

    def svg(self, prefix: str = "") -> str:
        """The picture as SVG text; it has no ids."""
        rows = self._rows()
        left, top, plot, high = 62.0, 48.0, 520.0, 9.0
        wide = plot / max(1, len(self.steps))
        most = self.shares.max() if len(self.steps) else 1.0
        body = [text(14, 20, self.title, font_size=13)]
        said = f"share of entries by magnitude; darkest {most:.0%}, zeros in none"
        body.append(text(14, 36, said, fill=GREY))
        for i, step in enumerate(self.steps):
            for j, row in enumerate(rows):
                share = float(self.shares[i, row])
                if share:
                    place = left + i * wide, top + j * high, wide + 0.3, high + 0.3
                    tip = f"step {step}, from {number(2.0 ** (row + LOWEST))} on: {share:.1%}"
                    body.append(_chart.rect(*place, _shade(share / most), f"<title>{tip}</title>"))
        bottom = top + high * len(rows)
        for j, row in enumerate(rows):
            if not (row + LOWEST) % 4:
                power = row + LOWEST
                words = f"2^{power}"
                body.append(text(left - 5, top + (j + 1) * high, words, "end", fill=GREY))
        for i in range(0, len(self.steps), max(1, math.ceil(len(self.steps) / 8))):
            x = left + (i + 0.5) * wide
            body.append(text(x, bottom + 13, str(self.steps[i]), "middle", fill=GREY))
        body.append(text(left + plot / 2, bottom + 26, "training step", "middle", fill=GREY))
        return _chart.document(left + plot + 20, bottom + 36, self.title, body)

    def to_matplotlib(self) -> Any:
        """The picture as a matplotlib ``Figure``."""
        made = _chart.figure(7, 3.2)
        axes = made.subplots()
        rows = self._rows()
        if rows:
            shown_rows = self.shares[:, rows].T
            extent = (-0.5, len(self.steps) - 0.5, rows[-1] + LOWEST, rows[0] + LOWEST + 1)
            axes.imshow(shown_rows, aspect="auto", cmap="cividis_r", extent=extent)
            at = list(range(0, len(self.steps), max(1, math.ceil(len(self.steps) / 8))))
            axes.set_xticks(at, [str(self.steps[i]) for i in at])
        axes.set_xlabel("training step")
        axes.set_ylabel("log2 of the magnitude")
        axes.set_title(plain(self.title), fontsize=9, loc="left")
        return made


def _shade(share: float) -> str:
    """Light for few entries, dark for many; what is there at all can be seen."""
    return depth_color(SHADES - 1 - round(math.sqrt(share) * (SHADES - 1)), SHADES)
