"""What every picture can do with its DOT text: be written, shown and put in a notebook."""

import tempfile
import textwrap
import webbrowser
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from . import _files, _page, _render, _svg, _viewer
from ._notebook import bundle, fresh


class Picture(ABC):
    """A drawing that Graphviz lays out. Subclasses say its DOT text, title and numbers."""

    title: tuple[str, ...]

    @abstractmethod
    def dot(self) -> str:
        """The picture as DOT text; the same graph gives the same text."""

    @abstractmethod
    def _table(self) -> str:
        """The numbers as an HTML table."""

    def _figure(self) -> tuple[str, dict[str, Any]]:
        """The figure of the page, and what the program there needs."""
        levels = [_viewer.Level("", self.svg())]
        return _viewer.figure(levels, self.title[0]), _viewer.data(levels, {})

    def _page(self) -> str:
        figure, graph = self._figure()
        body = figure + _page.hidden("Every number", self._table())
        return _page.page(self.title, body, {**_page.NOTHING, "graphs": [graph]})

    def svg(self, prefix: str = "") -> str:
        """The picture as SVG text, with ``prefix`` before every id in it."""
        return _svg.polish(_render.layout(self.dot()).decode(), self.title[0], prefix)

    def render(self, path: str | Path, format: str | None = None) -> Path:
        """Write the picture to a file: svg, png, pdf, html or dot.

        Parameters
        ----------
        path : str or Path
            The file; it appears whole or not at all.
        format : str, optional
            By default what the path's suffix says.

        Returns
        -------
        Path

        Raises
        ------
        ValueError
            Unknown format.
        OSError
            The path cannot be written.
        RuntimeError
            Nothing on this machine can draw the format; the message says what to install.
        TimeoutError
            The layout takes too long.
        """
        path = Path(path)
        chosen = _render.format_of(path, format)
        if chosen == "svg":
            data = self.svg().encode()
        elif chosen == "html":
            data = self._page().encode()
        elif chosen == "dot":
            data = self.dot().encode()
        else:
            data = _render.layout(self.dot(), chosen)
        _files.write(path, data)
        return path

    def show(self) -> Path:
        """Write the picture as HTML to a temporary file and open it in the browser.

        Where there is no browser, the file's path is printed.
        """
        path = self.render(Path(tempfile.mkdtemp(prefix="gradients-")) / "graph.html")
        if not webbrowser.open(path.as_uri()):
            print(f"no browser was found here; the picture is in {path}")
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: inline SVG, which keeps its tooltips, or the text."""
        problem = ""

        @cache
        def drawn() -> str:
            nonlocal problem
            try:
                return self.svg(prefix=fresh())
            except (RuntimeError, TimeoutError) as error:
                problem = f"\n(no picture: {error})"
                return ""

        make: dict[str, Callable[[], str]] = {  # the text last: it says why there is no picture
            "image/svg+xml": drawn,
            "text/html": lambda: f"<div>{_svg.inline(drawn())}</div>" if drawn() else "",
            "text/plain": lambda: f"{self}{problem}",
        }
        return bundle(make, include, exclude)


def wrapped(text: str, width: int = 88) -> list[str]:
    """``text`` in lines short enough for a picture's title."""
    return textwrap.wrap(text, width)
