"""What a notebook shows: HTML that is whole without scripts, and text where that is not taken."""

import html
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import uuid4

from ._look import shown


def bundle(
    make: dict[str, Callable[[], str]], include: Iterable[str] | None, exclude: Iterable[str] | None
) -> dict[str, str]:
    """Of each kind of output that is wanted what makes it; an empty text stands for none."""
    wanted = set(make if include is None else include) - set(exclude or ())
    made = {mime: of() for mime, of in make.items() if mime in wanted}
    return {mime: data for mime, data in made.items() if data}


def fresh() -> str:
    """What to put before every id of one output, so that it can stand in a page many times."""
    return f"g{uuid4().hex[:12]}-"


class Notable:
    """What prints as text and has a form of its own in a notebook."""

    __slots__ = ()

    @abstractmethod
    def _html(self) -> str:
        """The same in HTML."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows."""
        make = {"text/plain": self.__str__, "text/html": lambda: f"<div>{self._html()}</div>"}
        return bundle(make, include, exclude)


# ---------------------------------------------------------------- pieces
def words(text: str) -> str:
    """Text as HTML."""
    return html.escape(shown(text))


def terms(pairs: Sequence[tuple[str, str]]) -> str:
    """Words and what is said of each."""
    rows = "".join(
        f'<dt>{words(k)}</dt><dd style="margin:0">{words(v)}</dd>' for k, v in pairs if v
    )
    columns = "display:grid;grid-template-columns:max-content 1fr;gap:0 1rem;margin:.3rem 0 .8rem"
    return f'<dl style="{columns}">{rows}</dl>'


def grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column has words and whose others have numbers."""

    def cells(tag: str, row: Sequence[str]) -> str:
        sides = ("left" if i == 0 else "right" for i in range(len(row)))
        return "".join(
            f'<{tag} style="text-align:{side};padding:0 .6rem">{words(cell)}</{tag}>'
            for side, cell in zip(sides, row, strict=True)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table><thead><tr>{cells('th', heads)}</tr></thead><tbody>{body}</tbody></table>"
