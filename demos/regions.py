"""What a network of two inputs answers over the plane: as text, and as a picture."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import autodiff as ad


class Regions(NamedTuple):
    """The network's answers on a grid, with the points it was trained on."""

    xs: list[float]
    ys: list[float]
    scores: list[list[float]]  # a row for every y
    points: list[list[float]]
    sides: list[int]

    def text(self) -> str:
        """A map for a terminal: ``+`` and ``.`` for the two regions, ``O`` and ``x`` for points."""
        rows = [["+" if s > 0 else "." for s in row] for row in self.scores]
        for (x, y), side in zip(self.points, self.sides):
            rows[_nearest(self.ys, y)][_nearest(self.xs, x)] = "O" if side > 0 else "x"
        return "\n".join("   " + "".join(row) for row in reversed(rows))

    def plot(self, path: Path) -> bool:
        """Draw it into a file; whether Matplotlib is there to do so."""
        try:
            from matplotlib.figure import Figure
        except ImportError:
            return False
        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.subplots()
        axes.contourf(
            self.xs, self.ys, self.scores, [-math.inf, 0, math.inf], colors=["#b0caeb", "#f0ba9c"]
        )
        axes.contour(self.xs, self.ys, self.scores, [0], colors="#1b1e23", linewidths=1)
        for side, marker, color in ((-1, "x", "#003b7c"), (1, "o", "#652900")):
            own = [p for p, s in zip(self.points, self.sides) if s == side]
            axes.scatter(*zip(*own), marker=marker, color=color, s=25)
        axes.set(xlabel="x1", ylabel="x2", aspect="equal")
        axes.set_title("Two moons: where the network says which", fontsize=11)
        figure.savefig(path, dpi=150)
        return True


def _nearest(values: list[float], x: float) -> int:
    return min(range(len(values)), key=lambda i: abs(values[i] - x))


def regions(
    net: Callable[[Any], ad.Scalar], points: list[list[float]], sides: list[int]
) -> Regions:
    """Ask the network about a grid of places around its points."""
    axes = []
    for i, n in ((0, 60), (1, 21)):  # characters of a terminal are twice as high as wide
        low, high = min(p[i] for p in points) - 0.3, max(p[i] for p in points) + 0.3
        axes.append([low + (high - low) * k / (n - 1) for k in range(n)])
    xs, ys = axes
    with ad.no_grad():
        scores = [[net([x, y]).data for x in xs] for y in ys]
    return Regions(xs, ys, scores, points, sides)
