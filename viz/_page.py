"""One HTML file that needs nothing else, not even scripts."""

import html
from collections.abc import Sequence

from ._look import LOOKS, fill, ink, number, reading, shown
from ._records import Record, Recording

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;
color:#1b1e23;background:#fff}
h1{font-size:1.3rem}figure{margin:1rem 0;overflow:auto}p{max-width:48rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:1rem 0}
th,td{padding:.2rem .7rem;text-align:left;border-bottom:1px solid #dde1e6}
td.n,th.n{text-align:right}summary{cursor:pointer}
"""

HEADS = (
    "tensor, or use of it", "shape", "dtype", "state", "RMS", "L2", "mean |g|", "max |g|",
    "exactly zero", "non-finite",
)  # fmt: skip


def page(title: Sequence[str], svg: str, table: str) -> str:
    """The picture, and below it the same numbers as a table."""
    heading, *lines = (html.escape(shown(line)) for line in title)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{heading}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{heading}</h1>
{"".join(f"<p>{line}</p>" for line in lines)}
<figure>
{svg}
</figure>
<details>
<summary>Every number</summary>
{table}
</details>
</body>
</html>
"""


def table(heads: Sequence[str], rows: Sequence[str], numbers_from: int) -> str:
    """An HTML table of finished rows; its heads from ``numbers_from`` on stand to the right."""
    right = ' class="n"'
    cells = (f"<th{right if i >= numbers_from else ''}>{h}</th>" for i, h in enumerate(heads))
    head = f"<thead><tr>{''.join(cells)}</tr></thead>"
    body = "\n".join(rows)
    return f"<table>\n{head}\n<tbody>\n{body}\n</tbody>\n</table>"


def gradients(recording: Recording) -> str:
    """Every number of a recording."""
    return table(HEADS, [_row(r) for r in (*recording.nodes, *recording.edges)], 4)


def _row(r: Record) -> str:
    words = [shown(r.name), str(r.shape), str(r.dtype), LOOKS[r.state].meaning]
    numbers = [number(x) for x in (r.l2, r.mean_abs, r.max_abs)]
    if r.state in ("absent", "released"):
        numbers = ["", "", "", "", ""]
    else:
        numbers += [f"{r.zero_fraction:.1%}", str(r.nonfinite)]
    color = f"background:{fill(r.state, r.level)};color:{ink(r.state, r.level)}"
    cells = [f"<td>{html.escape(w)}</td>" for w in words]
    cells.append(f'<td class="n" style="{color}">{reading(r.state, r.rms)}</td>')
    cells += [f'<td class="n">{n}</td>' for n in numbers]
    return f"<tr>{''.join(cells)}</tr>"
