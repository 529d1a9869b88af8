"""How a gradient looks: its colour, glyph, border and number.

Colour is log10 of the RMS over the reference, one step a decade. No state is told by hue
alone: each has a glyph and a border of its own, and its number is printed.
"""

import math
import re
from dataclasses import dataclass

from ._stats import State

CLIP = 4
"""Decades from the reference beyond which the colour no longer changes."""

# Equal steps in OKLCH, blue below the reference and orange-brown above it; neighbours keep an
# OKLab distance of at least 0.12 under simulated protanopia, deuteranopia and tritanopia.
PALETTE = (
    "#003b7c", "#2a69b4", "#6d9bd5", "#b0caeb", "#eff0f2", "#f0ba9c", "#d77e49", "#a44c06",
    "#652900",
)  # fmt: skip
# The same for lines on white, where the three lightest would be lost.
LINES = (*PALETTE[:3], "#8cb0de", "#8d9299", "#e29c76", *PALETTE[6:])
# And on dark paper, where the furthest are the brightest.
DARK = (
    "#8cc0ff", "#659fe8", "#5583bd", "#566f92", "#7c828b", "#9c7158", "#c27a4b", "#e58a42",
    "#ffa964",
)  # fmt: skip
# Lines of several runs, told apart by their dashes too.
RUNS = (
    ("#2a69b4", "none"), ("#b5530f", "7 3"), ("#7a7f87", "2 2"), ("#8a5a9e", "9 3 2 3"),
    ("#3e8a8a", "4 2"),
)  # fmt: skip
INK, PAPER, GREY, MAGENTA = "#1b1e23", "#ffffff", "#6f757d", "#c2007a"


@dataclass(frozen=True, slots=True)
class Look:
    """What sets a state apart, in Graphviz's words."""

    glyph: str
    meaning: str
    border: str = "solid"
    width: float = 1.0
    double: bool = False
    fill: str | None = None  # None: the palette's colour
    ink: str | None = None
    line: str | None = None


LOOKS: dict[State, Look] = {
    "ok": Look("", "gradient RMS"),
    "tiny": Look("▼", "tiny: mean |g| < 1e-7", width=3.0),
    "zero": Look("∅", "exactly zero", border="dashed", width=1.6, fill=PAPER, ink=INK, line=INK),
    "nonfinite": Look(
        "✖", "NaN or infinite", double=True, width=1.4, fill="#fbe3f1", ink=MAGENTA, line=MAGENTA
    ),
    "absent": Look(
        "◌", "no gradient", border="dotted", width=1.8, fill=PAPER, ink="#565c64", line="#565c64"
    ),
    "released": Look(
        "?", "released", border="dotted", fill="#f6f6f7", ink="#5f656d", line="#b9bdc3"
    ),
}


def step(decades: float) -> int:
    """The colour's step for a distance from the reference, in ``-CLIP..CLIP``; 0 if unknown.

    Examples
    --------
    >>> step(-2.6), step(0.2), step(9.0)
    (-3, 0, 4)
    """
    if math.isnan(decades):
        return 0
    return round(max(-CLIP, min(CLIP, decades)))


def fill(state: State, decades: float) -> str:
    """The colour inside a node."""
    return LOOKS[state].fill or PALETTE[step(decades) + CLIP]


def ink(state: State, decades: float) -> str:
    """The colour of the text in it: contrast with the fill is at least 5.6 to 1."""
    return LOOKS[state].ink or (PAPER if abs(step(decades)) > 2 else INK)


def line(state: State, decades: float) -> str:
    """The colour of an edge."""
    return LOOKS[state].line or LINES[step(decades) + CLIP]


def attributes(state: State, decades: float) -> dict[str, str]:
    """The look of a node as attributes of SVG, and ``ink`` for the words in it."""
    look = LOOKS[state]
    return {
        "fill": fill(state, decades),
        "ink": ink(state, decades),
        "stroke": look.line or "#4a5058",
        "stroke-width": f"{3.0 if look.double else look.width:g}",
        "stroke-dasharray": {"dashed": "5 2", "dotted": "1 3"}.get(look.border, "none"),
    }


def sign(state: State, level: float) -> str:
    """A cell of a strip without colour: the state's glyph, or on which side of neutral it is.

    Examples
    --------
    >>> "".join(sign("ok", level) for level in (-3.0, 0.2, 1.0)) + sign("zero", 0.0)
    '-·+∅'
    """
    return LOOKS[state].glyph or "-·+"[1 + (level >= 0.5) - (level <= -0.5)]


def number(value: float) -> str:
    """Three significant digits, as short as they go.

    Examples
    --------
    >>> [number(x) for x in (0.25, 3.214e-9, 1234567.0, 0.0, float("nan"))]
    ['0.25', '3.21e-9', '1.23e6', '0', 'nan']
    """
    if value == 0 or not math.isfinite(value) or 1e-2 <= abs(value) < 1e4:
        return f"{value:.3g}" if abs(value) < 1e3 or not math.isfinite(value) else f"{value:.0f}"
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def reading(state: State, rms: float) -> str:
    """The number with its state's glyph, as nodes, edges and tables print it."""
    if state == "absent":
        return "◌ none"
    if state == "released":
        return "? released"
    glyph = LOOKS[state].glyph
    return f"{glyph} {number(rms)}" if glyph else number(rms)


def shown(text: str, limit: int | None = None) -> str:
    r"""``text`` made safe to print: control characters as escapes, the middle elided.

    Examples
    --------
    >>> shown("a" + chr(10) + "b")
    'a\\nb'
    """
    if not text.isprintable():
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    if limit is not None and len(text) > limit:
        half = (limit - 1) // 2
        text = f"{text[: limit - 1 - half]}…{text[len(text) - half :]}"
    return text


def plain(text: str, limit: int | None = None) -> str:
    r"""`shown`, for a label in matplotlib: no formula, and not left out of legends.

    Examples
    --------
    >>> plain("$x$"), plain("_x")
    ('\\$x\\$', ' _x')
    """
    text = shown(text, limit).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def near(line: str) -> str:
    """A line of the program with the last two parts of its file's path.

    Examples
    --------
    >>> near("/home/me/net/model.py:7, in forward: return x")
    'net/model.py:7, in forward: return x'
    """
    return re.sub(r"^(read at )?.*?([^/\\]+[/\\][^/\\]+:\d+, in )", r"\1\2", line, count=1)
