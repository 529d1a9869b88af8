"""One HTML file that needs nothing else: no network, no server, and to be read no scripts.

Style and program are files in ``page/``. They go into the page as they are, and a policy in the
page forbids it to load anything or to run any other program.
"""

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from ._look import DARK, LINES, shown

SCRIPTS = ("data.js", "drawing.js", "viewer.js", "slider.js", "page.js")


def _read(name: str) -> str:
    return (files(__package__) / "page" / name).read_text(encoding="utf-8")


def _lines() -> str:
    """Arrows of a drawing on dark paper."""
    pairs = zip(LINES, DARK, strict=True)
    return "".join(
        f'.edge [{what}="{a}"]{{{what}:light-dark({a},{b})}}\n'
        for a, b in pairs
        for what in ("fill", "stroke")
    )


STYLE = _read("viewer.css") + _lines()
NOTHING: dict[str, Any] = {"steps": [], "losses": [], "looks": {}, "graphs": []}


def page(
    title: Sequence[str],
    body: str,
    data: dict[str, Any] = NOTHING,
    scripts: Sequence[str] = SCRIPTS,
) -> str:
    """A whole page: heading, body, and what its program needs."""
    script = "\n".join(map(_read, scripts))
    heading, *lines = (html.escape(shown(line)) for line in title)
    known = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{heading}</title>
<style>{STYLE}</style>
</head>
<body>
<header><div>
<h1>{heading}</h1>
{"".join(f"<p>{line}</p>" for line in lines)}
</div></header>
{body}
<script type="application/json">{known}</script>
<script>{script}</script>
</body>
</html>
"""


def chart(svg: str, kind: str = "map") -> str:
    """A chart in its place; ``kind`` is "lines" where colours may change with the paper."""
    return f'<figure class="chart {kind}">\n{svg}</figure>\n'


def hidden(words: str, inside: str) -> str:
    """What is shown when it is asked for."""
    return f"<details>\n<summary>{html.escape(words)}</summary>\n{inside}\n</details>\n"


def table(heads: Sequence[str], rows: Sequence[str], numbers_from: int) -> str:
    """An HTML table of finished rows; its heads from ``numbers_from`` on stand to the right."""
    right = ' class="n"'
    cells = (f"<th{right if i >= numbers_from else ''}>{h}</th>" for i, h in enumerate(heads))
    head = f"<thead><tr>{''.join(cells)}</tr></thead>"
    body = "\n".join(rows)
    return f'<div class="wide"><table>\n{head}\n<tbody>\n{body}\n</tbody>\n</table></div>'
