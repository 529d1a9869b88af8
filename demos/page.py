"""Numbers and pictures, in a terminal and on one page that needs no scripts."""

import html
from collections.abc import Sequence
from typing import NamedTuple

import viz

Rows = list[list[str]]


class Column(NamedTuple):
    """What is shown of one network."""

    title: str
    file: str
    graph: viz.GradientGraph


def text(rows: Rows) -> str:
    """A table for a terminal: the first column to the left, numbers to the right."""
    wide = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join(
        "  ".join([row[0].ljust(wide[0]), *(c.rjust(w) for c, w in zip(row[1:], wide[1:]))])
        for row in rows
    )


def page(intro: str, rows: Rows, lines: Sequence[str], columns: Sequence[Column]) -> str:
    """The table and what it says; below, the pictures side by side."""
    head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in rows[0])
    body = "\n".join(
        f'<tr><th scope="row">{html.escape(first)}</th>'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for first, *cells in rows[1:]
    )
    said = "\n".join(f"<li>{html.escape(line)}</li>" for line in lines)
    figures = "\n".join(
        f'<figure><figcaption>{html.escape(c.title)} <a href="{html.escape(c.file)}">full size'
        f"</a></figcaption>\n{c.graph.svg(f'g{i}-')}</figure>"
        for i, c in enumerate(columns)
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>Where the gradient dies</title>
<style>
body{{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:100rem;padding:0 1rem;
color:#1b1e23;background:#fff}}
h1{{margin:0 0 .5rem}}p,ul{{max-width:46rem}}li{{margin:0 0 .6rem}}a{{color:#003b7c}}
.row{{display:flex;flex-wrap:wrap;gap:1rem 4rem;align-items:flex-start}}
.row ul{{flex:1;min-width:20rem;padding-left:1.2rem}}
.pair{{display:flex;gap:2rem;align-items:flex-start}}
figure{{margin:0;flex:1;min-width:0}}figcaption{{font-weight:600;margin:1rem 0 .3rem}}
figcaption a{{font-weight:400;margin-left:.6rem}}
table{{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:1rem 0}}
th,td{{padding:.15rem .9rem;border-bottom:1px solid #dde1e6;text-align:right}}
th[scope=row]{{text-align:left;font-weight:400;padding-left:0}}
@media(max-width:50rem){{.pair{{display:block}}}}
</style>
</head>
<body>
<h1>Where the gradient dies</h1>
<p>{html.escape(intro)}</p>
<div class="row">
<table><thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody></table>
<ul>
{said}
</ul>
</div>
<div class="pair">
{figures}
</div>
</body>
</html>
"""
