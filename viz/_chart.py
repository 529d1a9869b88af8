"""Charts of our own: SVG without any renderer, and the same in matplotlib."""

import html
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import _files, _page, _render
from ._look import GREY, INK, PAPER, number, shown
from ._notebook import bundle, fresh
from ._svg import FAMILY

CIVIDIS = ("#00224e", "#2a3f6d", "#575d6d", "#7d7c78", "#a69d75", "#c9b561")
"""Depth, first layer to last: colours of cividis (Nuñez, Anderton & Renslow, 2018), without the
lightest, which is lost on white."""

GRID = "#e3e6ea"


class Chart(ABC):
    """A drawing that says its own SVG. Subclasses have a title."""

    title: str
    kind = "map"  # of chart, for a page

    @abstractmethod
    def svg(self, prefix: str = "") -> str:
        """The chart as SVG text, with ``prefix`` before every id in it."""

    @abstractmethod
    def to_matplotlib(self) -> Any:
        """The chart as a matplotlib ``Figure``."""

    def render(self, path: str | Path, format: str | None = None) -> Path:
        """Write the chart to a file: svg, html, png, or pdf (through matplotlib).

        Raises
        ------
        ValueError
            Unknown format.
        RuntimeError
            What the format needs is not installed; the message says what to install.
        OSError
            The path cannot be written.
        """
        path = Path(path)
        chosen = (format or path.suffix.lstrip(".")).lower()
        if chosen not in ("svg", "html", "png", "pdf"):
            raise ValueError(f"a chart is written as svg, html, png or pdf, not {chosen!r}")
        if chosen == "svg":
            data = self.svg().encode()
        elif chosen == "html":
            data = _page.page((self.title,), _page.chart(self.svg(), self.kind)).encode()
        elif chosen == "png":
            data = _render.rasterize(self.svg().encode())
        else:
            data = _pdf(self.to_matplotlib())
        _files.write(path, data)
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows."""
        make = {
            "text/plain": self.__repr__,
            "text/html": lambda: f"<div>{self.svg(prefix=fresh())}</div>",
            "image/svg+xml": self.svg,
        }
        return bundle(make, include, exclude)


def figure(width: float, height: float) -> Any:
    """An empty matplotlib ``Figure`` that no window shows, with text as text in vector files."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise RuntimeError(
            "this needs matplotlib: pip install 'autodiff-viz[plots]'; .svg and .html do without"
        ) from error
    return Figure(figsize=(width, height), layout="constrained")


def _pdf(made: Any) -> bytes:
    import io

    import matplotlib

    out = io.BytesIO()
    with matplotlib.rc_context({"pdf.fonttype": 42}):  # text stays text
        made.savefig(out, format="pdf")
    return out.getvalue()


# ---------------------------------------------------------------- pieces of SVG
def document(width: float, height: float, title: str, body: Sequence[str]) -> str:
    """A whole SVG document."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}pt" height="{height:.0f}pt" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" style="max-width:100%;height:auto" '
        f'font-family="{FAMILY}" font-size="9" fill="{INK}">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="100%" height="100%" fill="{PAPER}"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


def escape(words: str) -> str:
    """Words as text of XML, whatever they hold."""
    return html.escape(shown(words))


def text(x: float, y: float, words: str, anchor: str = "start", **attributes: Any) -> str:
    """A line of text; attributes such as ``font_size``."""
    more = "".join(f' {k.replace("_", "-")}="{v}"' for k, v in attributes.items())
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(words)}</text>'


def rect(x: float, y: float, w: float, h: float, fill: str, inside: str = "") -> str:
    """A filled rectangle."""
    tag = f'<rect x="{x:.2f}" y="{y:.2f}" width="{w:.2f}" height="{h:.2f}" fill="{fill}"'
    return f"{tag}>{inside}</rect>" if inside else f"{tag}/>"


def depth_color(i: int, n: int) -> str:
    """The colour of layer ``i`` of ``n``."""
    at = i / max(1, n - 1) * (len(CIVIDIS) - 1)
    low = min(int(at), len(CIVIDIS) - 2)
    a, b = (_rgb(CIVIDIS[low + k]) for k in (0, 1))
    mixed = (round(p + (q - p) * (at - low)) for p, q in zip(a, b, strict=True))
    return "#" + "".join(f"{v:02x}" for v in mixed)


def _rgb(color: str) -> tuple[int, ...]:
    return tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))


class Axis:
    """From numbers to places: linear, or by decades.

    Parameters
    ----------
    values : sequence of float
        What is to be shown; what is not finite, or not positive on a log axis, is left out.
    start, end : float
        Where the axis lies.
    log : bool
    limits : tuple of float, optional
        Instead of those of the values.
    """

    def __init__(
        self,
        values: Sequence[float],
        start: float,
        end: float,
        log: bool = False,
        limits: tuple[float, float] | None = None,
    ) -> None:
        self.log, self.start, self.end = log, start, end
        known = [v for v in values if math.isfinite(v) and (v > 0 or not log)]
        low, high = limits or (min(known, default=0.1 if log else 0.0), max(known, default=1.0))
        if log:
            low, high = math.floor(math.log10(low)), math.ceil(math.log10(high))
        if low == high:
            low, high = low - 1, high + 1
        self.low, self.high = low, high

    def __call__(self, value: float) -> float | None:
        """The place of a value; None if it has none."""
        if not math.isfinite(value) or (self.log and value <= 0):
            return None
        at = math.log10(value) if self.log else value
        return self.start + (at - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, most: int = 5) -> list[tuple[float, str]]:
        """Round values on the axis, with their words."""
        if self.log:
            every = max(1, math.ceil((self.high - self.low) / most))
            powers = range(int(self.low), int(self.high) + 1, every)
            return [(10.0**p, f"1e{p}") for p in powers]
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        size = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
        first = math.ceil(self.low / size - 1e-9)
        last = math.floor(self.high / size + 1e-9)
        values = [round(k * size, 12) for k in range(first, last + 1)]
        words = [number(v) for v in values]
        if len(set(words)) < len(words):  # close together, far from zero
            words = [f"{v:.8g}" for v in values]
        return list(zip(values, words, strict=True))


def when(x: float, y: float, w: float, h: float, places: Sequence[float | None]) -> str:
    """Where a page puts its cursor: the place of each step of its slider, in this rectangle."""
    at = " ".join(f"{p:.1f}" for p in places if p is not None)
    return (
        f'<rect class="when" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" '
        f'fill="none" data-at="{at}"/>'
    )


def path_of(xs: Sequence[float | None], ys: Sequence[float | None]) -> str:
    """A line through places, broken where one is missing; a lone place is a dot of it."""
    words: list[str] = []
    pen = False
    for x, y in zip(xs, ys, strict=True):
        if x is None or y is None:
            pen = False
            continue
        words.append(f"{'L' if pen else 'M'}{x:.1f} {y:.1f}" + ("" if pen else "h0"))
        pen = True
    return "".join(words)


def step_axis(axis: Axis, top: float, bottom: float) -> list[str]:
    """The axis of training steps."""
    made = []
    for value, words in axis.ticks(8):
        x = axis(value)
        if x is not None and value == int(value):
            made.append(f'<path d="M{x:.1f} {top:.1f}V{bottom:.1f}" stroke="{GRID}"/>')
            made.append(text(x, bottom + 12, words, "middle", fill=GREY))
    return made
