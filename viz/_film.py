"""A film of the graph: laid out once, recoloured step by step, without scripts.

As SVG it moves by SMIL, which browsers play in ``<img>`` too; a viewer that does not shows the
last frame. Only what the record has numbers of is drawn: parameters and activations.
"""

import io
import math
import xml.etree.ElementTree as ET
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from . import _chart, _dot, _heatmap, _look, _page, _render, _svg
from ._look import GREY, number, shown
from ._ratios import decades
from ._sketch import Place, measured

SECONDS = 0.25
"""How long each frame is shown."""
FRAMES = 60
"""Most frames; of more samples they are taken evenly."""

Looks = dict[str, str]


def film(recorder: Any, path: Path, format: str | None) -> None:
    """Write the film of a record: svg, html or gif."""
    chosen = (format or path.suffix.lstrip(".")).lower()
    if chosen not in ("svg", "html", "gif"):
        raise ValueError(f"a film is written as svg, html or gif, not {chosen!r}")
    if recorder.sketch is None or not len(recorder):
        raise ValueError("there is nothing to animate: no step was sampled yet")
    reel = _Reel(recorder)
    if chosen == "gif":
        data = reel.gif()
    elif chosen == "html":
        data = _page.page((reel.title,), _page.chart(reel.svg())).encode()
    else:
        data = reel.svg().encode()
    _render.write(path, data)


class _Reel:
    """The layout, and how each node looks in each frame."""

    def __init__(self, recorder: Any) -> None:
        count = min(FRAMES, len(recorder))
        last = len(recorder) - 1
        self.samples = sorted({round(i * last / max(1, count - 1)) for i in range(count)})
        self.steps = [int(recorder.steps[i]) for i in self.samples]
        self.losses = [float(recorder.loss[i]) for i in self.samples]
        self.title = f"Gradients through {recorder.step_count} steps"
        self.looks = self._looks(recorder)
        places = measured(recorder.sketch, set(self.looks))
        self.rows = {f"p{i}": p.row for i, (p, _) in places.items()}
        dot = _layout(places, self.title)
        self.layout = _render.layout(dot).decode()

    def _looks(self, recorder: Any) -> dict[str, list[Looks]]:
        """By row of the record: fill, ink and border in each frame."""
        found: dict[str, list[Looks]] = {}
        parameters = recorder.series("rms", by="parameter")
        mean = recorder.series("mean_abs", by="parameter").values
        bad = recorder.series("nonfinite", by="parameter").values
        flows = recorder.series("activation")
        flow_bad = np.where(np.isfinite(flows.values), 0.0, 1.0)
        flow_bad[np.isnan(recorder.series("std").values)] = np.nan
        for series, m, b in ((parameters, mean, bad), (flows, flows.values, flow_bad)):
            states = _heatmap.states_of(series.values, m, b)
            for name in series.names:
                found[name] = []
            for i in self.samples:
                row = series.values[i]
                known = row[np.isfinite(row) & (row > 0)]
                neutral = float(np.median(known)) if known.size else math.nan
                for j, name in enumerate(series.names):
                    distance = decades(float(row[j]), neutral)
                    found[name].append(_look.attributes(states[i][j], distance))
        return found

    def frame(self, k: int) -> str:
        """One frame as SVG that does not move."""
        root = ET.fromstring(self.layout)
        for shape, words, row in self._nodes(root):
            look = self.looks[row][k]
            _set(shape, look)
            for line in words:
                line.set("fill", look["ink"])
        self._strip(root, [k])
        return _finished(root, self.title)

    def svg(self) -> str:
        """The film; without SMIL, its last frame."""
        root = ET.fromstring(self.layout)
        for shape, words, row in self._nodes(root):
            looks = self.looks[row]
            _set(shape, looks[-1])
            for key in ("fill", "stroke", "stroke-width", "stroke-dasharray"):
                self._animate(shape, key, [look[key] for look in looks])
            for line in words:
                line.set("fill", looks[-1]["ink"])
                self._animate(line, "fill", [look["ink"] for look in looks])
        self._strip(root, list(range(len(self.steps))))
        return _finished(root, self.title)

    def gif(self) -> bytes:
        """The film as a GIF, for places that show no SVG."""
        try:
            from PIL import Image
        except ImportError as error:
            raise RuntimeError(
                "a GIF needs Pillow, which matplotlib brings: pip install 'autodiff-viz[plots]'; "
                ".svg and .html films do without"
            ) from error
        frames = []
        for k in range(len(self.steps)):
            png = _render.rasterize(self.frame(k).encode(), zoom=1.0)
            frames.append(Image.open(io.BytesIO(png)).convert("P", palette=Image.Palette.ADAPTIVE))
        out = io.BytesIO()
        wait = round(1000 * SECONDS)
        frames[0].save(
            out, format="GIF", save_all=True, append_images=frames[1:], duration=wait, loop=0
        )
        return out.getvalue()

    def _nodes(self, root: ET.Element) -> list[tuple[ET.Element, list[ET.Element], str]]:
        """The shape, the texts and the row of each node of the layout."""
        found = []
        for group in root.iter(f"{{{_svg.SVG}}}g"):
            title = group.find(f"{{{_svg.SVG}}}title")
            row = self.rows.get((title.text or "") if title is not None else "")
            if group.get("class") == "node" and row:
                inside = list(group.iter())
                shape = next(e for e in inside if e.tag.rpartition("}")[2] in _SHAPES)
                words = [e for e in inside if e.tag == f"{{{_svg.SVG}}}text"]
                found.append((shape, words, row))
        return found

    def _animate(self, element: ET.Element, attribute: str, values: list[str]) -> None:
        if len(set(values)) > 1:
            made = ET.SubElement(element, f"{{{_svg.SVG}}}animate")
            seconds = SECONDS * len(values)
            for key, value in (
                ("attributeName", attribute), ("calcMode", "discrete"), ("dur", f"{seconds:g}s"),
                ("repeatCount", "indefinite"), ("values", ";".join(values)),
            ):  # fmt: skip
                made.set(key, value)

    def _strip(self, root: ET.Element, frames: list[int]) -> None:
        """Below the graph: step and loss, how far the film is, and the legend."""
        x, y, width, height = (float(v) for v in root.get("viewBox", "0 0 600 400").split())
        width = max(width, 420.0)
        below, height = y + height, height + 84
        root.set("viewBox", f"{x:g} {y:g} {width:g} {height:g}")
        root.set("width", f"{width:.0f}pt")
        root.set("height", f"{height:.0f}pt")
        paper = ET.Element(f"{{{_svg.SVG}}}rect")
        for key, side in (("x", x), ("y", y), ("width", width), ("height", height)):
            paper.set(key, f"{side:g}")
        paper.set("fill", _look.PAPER)
        root.insert(0, paper)
        left = x + 12
        bar = _chart.rect(left, below + 22, width - 24, 3, _chart.GRID)
        pieces = [_heatmap.patterns("film-"), bar, *_heatmap.legend(left, below + 36, "film-")]
        group = ET.fromstring(
            f'<g xmlns="{_svg.SVG}" font-family="{_svg.FAMILY}" font-size="9">{"".join(pieces)}</g>'
        )
        done = ET.fromstring(
            f'<rect xmlns="{_svg.SVG}" x="{left:g}" y="{below + 22:g}" height="3" fill="{GREY}"/>'
        )
        parts = [(width - 24) * (k + 1) / len(self.steps) for k in frames]
        done.set("width", f"{parts[-1]:.1f}")
        self._animate(done, "width", [f"{p:.1f}" for p in parts])
        group.append(done)
        for i, k in enumerate(frames):
            loss = self.losses[k]
            known = "" if math.isnan(loss) else f"   loss {number(loss)}"
            line = ET.SubElement(group, f"{{{_svg.SVG}}}text")
            line.text = f"step {self.steps[k]}{known}"
            for key, value in (("x", f"{left:g}"), ("y", f"{below + 15:g}"), ("font-size", "12")):
                line.set(key, value)
            line.set("visibility", "visible" if i == len(frames) - 1 else "hidden")
            shown_in = ["visible" if j == i else "hidden" for j in range(len(frames))]
            self._animate(line, "visibility", shown_in)
        root.append(group)


_SHAPES = {"polygon", "rect", "ellipse", "path"}


def _set(shape: ET.Element, look: Looks) -> None:
    for key, value in look.items():
        if key != "ink":
            shape.set(key, value)


def _finished(root: ET.Element, title: str) -> str:
    return _svg.polish(ET.tostring(root, encoding="unicode"), title)


def _layout(places: dict[int, tuple[Place, list[int]]], title: str) -> str:
    g = _dot.canvas((title,), "TB")
    for i, (place, _) in places.items():
        name = shown(place.name, _dot.LABEL_LIMIT)
        shape = _dot.SHAPES.get(place.kind, "box")
        g.node(f"p{i}", label=_dot.text(name), shape=shape, tooltip=_dot.tip(place.name))
    readers = Counter(k for _, before in places.values() for k in before)
    for i, (_, before) in places.items():
        alone = [k for k in before if places[k][0].kind != "op" and readers[k] == 1]
        for k in before:
            g.edge(f"p{k}", f"p{i}", color=GREY, weight="1" if k in alone else "20")
        with g.subgraph() as row:  # beside their reader, so that ops form a straight spine
            row.attr(rank="same")
            beside = [*reversed(alone[::2]), i, *alone[1::2]]
            for left, right in pairwise(beside):
                row.edge(f"p{left}", f"p{right}", style="invis")
    return str(g.source)
