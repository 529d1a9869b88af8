"""A lesson as one page made ahead of time: runs computed here, chosen by controls there."""

import html
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ._files import write
from ._look import CLIP, LOOKS, PALETTE, fill, ink, reading, step
from ._page import NOTHING, page
from ._ratios import decades
from ._runs import ACTIVATIONS, BATCH, DEPTHS, SEED, WEIGHTS, WIDTH, Choice, Run, runs
from ._stats import State
from ._topics import TOPICS, Topic

SCRIPTS = ("data.js", "lesson.js", "page.js")
COLUMN, LEFT = 70, 14
KINDS = {"plain": (False, False), "skip": (True, False), "norm": (False, True),
         "skip and norm": (True, True)}  # fmt: skip


def lesson(topic: str, path: str | Path) -> Path:
    """Write an interactive lesson: one HTML file that needs no network and no program.

    Every number in it was computed by this engine when the file was made. Controls choose among
    these runs: depth, activation, initial weights, skip connections and normalization. Where
    scripts are blocked, one network is drawn and tables show all the others.

    Parameters
    ----------
    topic : {"vanishing", "exploding", "dead", "saturation"}
    path : str or Path
        The file, which appears whole or not at all.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        Unknown topic.
    OSError
        The path cannot be written.

    Examples
    --------
    >>> import tempfile, viz
    >>> viz.lesson("vanishing", tempfile.mkdtemp() + "/lesson.html").name
    'lesson.html'
    """
    if topic not in TOPICS:
        raise ValueError(
            f"there is no lesson on {topic!r}; there is {', '.join(map(repr, TOPICS))}"
        )
    path = Path(path)
    write(path, _page(TOPICS[topic], runs()).encode())
    return path


def _page(topic: Topic, every: Sequence[Run]) -> str:
    first = next(r for r in every if r.choice == topic.start)
    drawings = "".join(_network(choice, topic, first) for choice in _shapes())
    tables = "".join(_table(depth, topic, every) for depth in DEPTHS)
    body = f"""<p>{html.escape(topic.text)}</p>
<noscript><p>Scripts are off: the tables below have every run.</p></noscript>
<form id="controls" hidden>
{_select("depth", "hidden layers", DEPTHS, topic.start.depth)}
{_select("activation", "activation", ACTIVATIONS, topic.start.activation)}
{_select("weights", "initial weights", WEIGHTS, topic.start.weights)}
{_check("skip", "skip connections", topic.start.skip)}
{_check("norm", "normalization", topic.start.norm)}
{_check("quiz", "quiz: hide the numbers", False)}
</form>
<figure class="lesson" tabindex="0" aria-label="the network, first layer to the left">
{drawings}</figure>
<p id="said" aria-live="polite"><strong>{html.escape(_said(topic, first))}</strong></p>
<p class="soft">Ovals are weights, with the RMS of their gradient. Boxes are activations:
{html.escape(topic.shown)}. Arrows run forward, the gradient comes back.</p>
{_legend(topic)}
<section id="every"><h2>Every run</h2>
<p>{WIDTH} units a layer, a batch of {BATCH} random examples, seed {SEED}, one backward pass. A
strip is the boxes, first layer to the left.</p>
{tables}</section>"""
    data = {**NOTHING, "question": topic.question, "looks": _looks(),
            "runs": {r.choice.key: _frame(topic, r) for r in every}}  # fmt: skip
    return page((topic.title,), body, data, SCRIPTS)


def _said(topic: Topic, run: Run) -> str:
    choice = run.choice
    more = [word for word, on in (("skips", choice.skip), ("normalization", choice.norm)) if on]
    network = f"{choice.depth} hidden layers, {choice.activation}, weights {choice.weights}"
    return f"{', '.join([network, *more])}: {topic.verdict(run)}."


# ---------------------------------------------------------------- cells: a letter and words each
def _letter(state: State, level: float) -> str:
    """Which look a cell has: a digit for a colour, else the state's first letter."""
    if state in ("zero", "nonfinite"):
        return state[0]
    return str(step(level) + CLIP)


def _looks() -> dict[str, tuple[str, str]]:
    """Fill and text colour by letter."""
    found = {str(k + CLIP): (fill("ok", k), ink("ok", k)) for k in range(-CLIP, CLIP + 1)}
    states: tuple[State, ...] = ("zero", "nonfinite")
    return found | {s[0]: (fill(s, 0), ink(s, 0)) for s in states}


def _cells(topic: Topic, run: Run) -> list[tuple[str, str]]:
    """Letter and words of every cell: the weights, then the activations."""
    last = run.weights[-1]
    weights = [
        (_letter(state, decades(size, last)), reading(state, size))
        for size, state in zip(run.weights, run.states, strict=True)
    ]
    return [*weights, *_boxes(topic, run)]


def _boxes(topic: Topic, run: Run) -> list[tuple[str, str]]:
    return [(_letter("ok", level), words) for level, words in topic.boxes(run)]


def _frame(topic: Topic, run: Run) -> dict[str, Any]:
    cells = _cells(topic, run)
    return {"looks": "".join(letter for letter, _ in cells), "words": [w for _, w in cells],
            "said": _said(topic, run)}  # fmt: skip


# ---------------------------------------------------------------- the network
def _shapes() -> Iterator[Choice]:
    for depth in DEPTHS:
        for skip, norm in KINDS.values():
            yield Choice(depth, "", "", skip, norm)


def _network(choice: Choice, topic: Topic, first: Run) -> str:
    """The drawing of all networks of one shape; one is in sight, with the numbers of ``first``."""
    mine = choice.shape == first.choice.shape
    cells = _cells(topic, first) if mine else [("4", "")] * (2 * choice.depth + 1)
    parts = ['<text x="7" y="96" class="word">x</text>']
    for i in range(choice.depth + 1):
        x = LEFT + COLUMN * i + COLUMN / 2
        last = i == choice.depth
        parts.append(f'<text x="{x}" y="10" class="word">{i + 1}</text>')
        parts.append(f'<path class="way" d="M{x} 46V76"/><path class="way" d="M{x - 40} 92h10"/>')
        parts.append(_cell(cells[i], f'<ellipse cx="{x}" cy="30" rx="33" ry="15"', x, 34))
        if choice.norm and not last:
            parts.append(f'<rect class="tag" x="{x - 16}" y="54" width="32" height="14" rx="4"/>')
            parts.append(f'<text x="{x}" y="64.5" class="word">norm</text>')
        if choice.skip and not last:
            before, here = max(9, x - COLUMN + 6), x - 6
            around = f"M{before} 107C{before} 130 {here} 130 {here} 109"
            parts.append(f'<path class="way" d="{around}"/>')
        box = f'<rect x="{x - 29}" y="77" width="58" height="30" rx="6"'
        if last:
            parts.append(f'<rect class="tag" x="{x - 29}" y="77" width="58" height="30" rx="6"/>')
            parts.append(f'<text x="{x}" y="96" class="word">loss</text>')
        else:
            parts.append(_cell(cells[choice.depth + 1 + i], box, x, 96))
    width = 2 * LEFT + COLUMN * (choice.depth + 1)
    return (
        f'<svg data-shape="{choice.shape}" width="{width}" height="128" viewBox="0 0 {width} 128" '
        f'xmlns="http://www.w3.org/2000/svg"{"" if mine else " hidden"}>'
        '<defs><marker id="tip-%s" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="6" '
        'markerHeight="6" orient="auto"><path d="M0 0 6 3 0 6z"/></marker></defs>'
        '<style>[data-shape="%s"] .way{marker-end:url(#tip-%s)}</style>%s</svg>\n'
    ) % (*[choice.shape] * 3, "".join(parts))


def _cell(cell: tuple[str, str], shape: str, x: float, y: float) -> str:
    letter, words = cell
    back, front = _looks()[letter]
    return (
        f'<g class="cell">{shape} fill="{back}"/><text x="{x}" y="{y}" fill="{front}">'
        f"{words}</text></g>"
    )


# ---------------------------------------------------------------- controls, legend, tables
def _select(name: str, label: str, values: Any, chosen: Any) -> str:
    options = "".join(
        f"<option{' selected' if v == chosen else ''}>{html.escape(str(v))}</option>"
        for v in values
    )
    return f'<label>{label} <select id="{name}">{options}</select></label>'


def _check(name: str, label: str, on: bool) -> str:
    return f'<label><input type="checkbox" id="{name}"{" checked" if on else ""}> {label}</label>'


def _legend(topic: Topic) -> str:
    said = "×1e-4 or less|×1e-3|×1e-2|×0.1|last layer|×10|×100|×1e3|×1e4 or more".split("|")
    samples = "".join(
        f'<span style="background:{color};color:{ink("ok", k - CLIP)}">{words}</span>'
        for k, (color, words) in enumerate(zip(PALETTE, said, strict=True))
    )
    shares = "blue boxes: from 0 % (light) over 1, 10 and 50 % (dark)"
    also = f"<li>{shares}</li>" if "share" in topic.shown else ""
    states = f"<li>{LOOKS['tiny'].glyph} {LOOKS['tiny'].meaning}</li>"
    return f'<ul class="legend"><li class="scale">{samples}</li>{also}{states}</ul>'


def _table(depth: int, topic: Topic, every: Sequence[Run]) -> str:
    """All runs of one depth: a row for activation and weights, a column for skips and norms."""
    at = {r.choice: r for r in every if r.choice.depth == depth}
    rows = []
    for activation in ACTIVATIONS:
        for weights in WEIGHTS:
            cells = "".join(
                f"<td>{_strip(topic, at[Choice(depth, activation, weights, *kind)])}</td>"
                for kind in KINDS.values()
            )
            rows.append(
                f"<tr><td>{html.escape(activation)}</td><td>{html.escape(weights)}</td>{cells}</tr>"
            )
    heads = "".join(f"<th>{h}</th>" for h in ("activation", "weights", *KINDS))
    return (
        f"<details{' open' if depth == topic.start.depth else ''}><summary>{depth} hidden layers"
        f'</summary><div class="wide"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></details>\n"
    )


def _strip(topic: Topic, run: Run) -> str:
    looks = _looks()
    cells = _boxes(topic, run)
    strip = "".join(f'<i style="background:{looks[letter][0]}"></i>' for letter, _ in cells)
    return f'<div class="strip">{strip}</div>{cells[0][1]} … {cells[-1][1]}'
