"""A lesson as one page made ahead of time: frames computed here, chosen by controls there."""

import html
import itertools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import autodiff as ad

from ._look import fill, ink, number
from ._page import STYLE
from ._ratios import decades
from ._record import record
from ._render import write
from ._stats import State

WIDTH, BATCH, SEED = 32, 64, 0
DEPTHS = (2, 4, 8, 16)
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "sigmoid": ad.sigmoid, "tanh": ad.tanh, "ReLU": ad.relu,
}  # fmt: skip
SCALES = {"N(0, 1/n)": 1.0, "N(0, 2/n), He": math.sqrt(2.0), "N(0, 0.01/n)": 0.1}


@dataclass(frozen=True)
class Frame:
    """One network's gradients: the RMS of each layer's weight, first to last."""

    depth: int
    activation: str
    weights: str
    rms: tuple[float, ...]
    states: tuple[State, ...]

    @property
    def lost(self) -> float:
        """Decades between the last layer and the first."""
        return -decades(self.rms[0], self.rms[-1])

    def cells(self) -> list[tuple[str, str, str]]:
        """Fill, text colour and number of each layer; the last layer is the reference."""
        found = []
        for size, state in zip(self.rms, self.states, strict=True):
            far = decades(size, self.rms[-1])
            found.append((fill(state, far), ink(state, far), number(size)))
        return found


def frame(depth: int, activation: str, weights: str) -> Frame:
    """Run one network of ``depth`` hidden layers, forward and backward, once.

    Its inputs are normal numbers, its loss the mean square of the distance to others.
    """
    generator = ad.random.Generator(SEED)
    act, scale = ACTIVATIONS[activation], SCALES[weights] / math.sqrt(WIDTH)
    x = ad.random.normal((BATCH, WIDTH), generator=generator)
    target = ad.random.normal((BATCH, WIDTH), generator=generator)
    for i in range(depth + 1):
        values = scale * ad.random.normal((WIDTH, WIDTH), generator=generator)
        weight = ad.tensor(values.numpy(), requires_grad=True, name=f"layer {i + 1}")
        x = ad.matmul(x, weight)
        x = act(x) if i < depth else x
    seen = record(ad.mean(ad.square(x - target)))
    layers = [n for n in seen.nodes if n.kind == "parameter"]
    return Frame(
        depth, activation, weights, tuple(n.rms for n in layers), tuple(n.state for n in layers)
    )


def frames() -> list[Frame]:
    """Every combination of the controls."""
    return [frame(*choice) for choice in itertools.product(DEPTHS, ACTIVATIONS, SCALES)]


def lesson(topic: str, path: str | Path) -> Path:
    """Write an interactive lesson: one HTML file that needs no network and no program.

    Every number in it was computed by this engine when the file was made. Controls choose among
    these runs; where scripts are blocked, a table shows all of them.

    Parameters
    ----------
    topic : {"vanishing"}
        The vanishing gradient: what depth, activation and initial weights do to it.
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
    if topic != "vanishing":
        raise ValueError(f'there is no lesson on {topic!r}; there is "vanishing"')
    path = Path(path)
    write(path, _page(frames()).encode())
    return path


def _page(every: list[Frame]) -> str:
    data = {
        f"{f.depth}|{f.activation}|{f.weights}": {"cells": f.cells(), "said": _said(f)}
        for f in every
    }
    first = every[len(every) - len(ACTIVATIONS) * len(SCALES)]  # deep, and a sigmoid
    choices = zip(
        ("depth", "activation", "weights"),
        (DEPTHS, ACTIVATIONS, SCALES),
        (first.depth, first.activation, first.weights),
        strict=True,
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>The vanishing gradient</title>
<style>{STYLE}
label{{margin-right:1.5rem}}.strip span{{display:inline-block;width:3px;min-width:1.1rem;
height:1.1rem;border:1px solid #fff}}</style>
</head>
<body>
<h1>The vanishing gradient</h1>
<p>Each box is a layer of weights, from the input on the left to the loss on the right. The number
is the RMS of its gradient, its colour the distance from the last layer: blue is smaller, brown
larger, one step for each factor of ten. On its way back the gradient is multiplied, at every
layer, by the weights and by the derivative of the activation. That of a sigmoid is at most
1/4.</p>
<noscript><p>Scripts are off: the table below has every run.</p></noscript>
<form id="controls" hidden>{"".join(_select(*choice) for choice in choices)}
<label><input type="checkbox" id="quiz"> hide the numbers: guess first</label></form>
<figure><svg id="net" role="img" aria-label="gradient of each layer" width="100%"
viewBox="0 0 {54 * (max(DEPTHS) + 1)} 60" xmlns="http://www.w3.org/2000/svg">
{_boxes(first)}
</svg></figure>
<p id="said" aria-live="polite">{html.escape(_said(first))}</p>
<h2>Every run</h2>
<p>{WIDTH} units a layer, a batch of {BATCH} random examples, seed {SEED}, one backward pass.</p>
<table><thead><tr><th class="n">hidden layers</th><th>activation</th><th>weights</th>
<th>first layer to last</th><th class="n">first RMS</th><th class="n">last RMS</th>
<th class="n">decades lost</th></tr></thead><tbody>
{"".join(_row(f) for f in every)}
</tbody></table>
<script type="application/json" id="frames">{json.dumps(data).replace("<", chr(92) + "u003c")}
</script>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _said(f: Frame) -> str:
    start = f"{f.depth} hidden layers, {f.activation}, weights {f.weights}: "
    if not math.isfinite(f.lost):
        return f"{start}the gradient of the first layer is {number(f.rms[0])}."
    verb = "loses" if f.lost >= 0 else "gains"
    return f"{start}the gradient {verb} {abs(f.lost):.1f} decades on its way to the first layer."


def _select(name: str, values: Any, chosen: Any) -> str:
    options = "".join(
        f"<option{' selected' if v == chosen else ''}>{html.escape(str(v))}</option>"
        for v in values
    )
    return f'<label>{name} <select id="{name}">{options}</select></label>'


def _boxes(f: Frame) -> str:
    return "".join(
        f'<g><rect x="{54 * i + 2}" y="12" width="50" height="36" rx="4" fill="{back}" '
        f'stroke="#4a5058"/><text x="{54 * i + 27}" y="34" font-size="11" text-anchor="middle" '
        f'fill="{front}">{size}</text></g>'
        for i, (back, front, size) in enumerate(f.cells())
    )


def _row(f: Frame) -> str:
    strip = "".join(f'<span style="background:{b}" title="{n}"></span>' for b, _, n in f.cells())
    return (
        f'<tr><td class="n">{f.depth}</td><td>{html.escape(f.activation)}</td>'
        f'<td>{html.escape(f.weights)}</td><td class="strip">{strip}</td>'
        f'<td class="n">{number(f.rms[0])}</td><td class="n">{number(f.rms[-1])}</td>'
        f'<td class="n">{f.lost:.1f}</td></tr>\n'
    )


SCRIPT = """
const frames = JSON.parse(document.getElementById("frames").textContent);
const get = id => document.getElementById(id), ids = ["depth", "activation", "weights"];
function show() {
  const frame = frames[ids.map(id => get(id).value).join("|")], quiz = get("quiz").checked;
  const net = get("net"), name = "http://www.w3.org/2000/svg";
  net.replaceChildren(...frame.cells.map(([back, front, size], i) => {
    const group = document.createElementNS(name, "g");
    const add = (tag, values, text) => {
      const made = document.createElementNS(name, tag);
      for (const key in values) made.setAttribute(key, values[key]);
      made.textContent = text; group.append(made);
    };
    add("rect", {x: 54 * i + 2, y: 12, width: 50, height: 36, rx: 4,
      fill: quiz ? "#ffffff" : back, stroke: "#4a5058"}, "");
    add("text", {x: 54 * i + 27, y: 34, "font-size": 11, "text-anchor": "middle",
      fill: quiz ? "#1b1e23" : front}, quiz ? "?" : size);
    return group;
  }));
  get("said").textContent = quiz ? "How many decades are lost? Uncheck to see." : frame.said;
}
for (const id of [...ids, "quiz"]) get(id).addEventListener("input", show);
get("controls").hidden = false;
"""
