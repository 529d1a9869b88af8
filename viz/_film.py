"""A film of the graph: folded and laid out once, its colours and numbers changed step by step.

As SVG it moves by SMIL, without scripts, which browsers play in ``<img>`` too. A viewer that plays
nothing, or a reader who wants no motion, sees the last frame.
"""

import io
import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import _chart, _dot, _files, _heatmap, _look, _page, _render, _svg, _viewer
from ._fold import folded, folding
from ._frames import Frames, evenly
from ._look import GREY, LOOKS, number, shown
from ._records import BoxRecord, NodeRecord

SECONDS = 0.25
"""How long each frame is shown."""
FRAMES = 60
"""Most frames; of more samples they are taken evenly."""
NODES = 80
"""Nodes and boxes beyond which modules and repeats are folded."""
BELOW = 150.0
"""The height of the loss curve and the legend."""

PAINTED = ("fill", "stroke", "stroke-width", "stroke-dasharray")
STILL = "".join(f".{name}{{{name}:var(--{name})!important}}" for name in (*PAINTED, "visibility"))
"""What holds each thing that moves at its last look."""


def film(recorder: Any, path: Path, format: str | None) -> None:
    """Write the film of a record: svg, html or gif."""
    chosen = (format or path.suffix.lstrip(".")).lower()
    if chosen not in ("svg", "html", "gif"):
        raise ValueError(f"a film is written as svg, html or gif, not {chosen!r}")
    if recorder.sketch is None or not len(recorder):
        raise ValueError("there is nothing to animate: no step was sampled yet")
    reel = Reel(recorder)
    if chosen == "gif":
        data = reel.gif()
    elif chosen == "html":
        data = _page.page((reel.title,), _page.chart(reel.svg())).encode()
    else:
        data = reel.svg().encode()
    _files.write(path, data)


class Reel:
    """The drawing of a record's graph, and how each of its nodes looks in each frame."""

    def __init__(self, recorder: Any) -> None:
        samples = evenly(len(recorder), FRAMES)
        self.steps = [int(step) for step in recorder.steps[samples]]
        self.title = f"Gradients through {recorder.step_count} steps"
        through = Frames(recorder, recorder.sketch, samples)
        self.losses = through.losses
        self.graphs = [through.recording(k) for k in range(len(samples))]
        if tree := folding(self.graphs[-1], "auto", max_nodes=NODES):
            self.graphs = [folded(graph, tree) for graph in self.graphs]
        self.nodes = {
            nodes[0].id: nodes for nodes in zip(*(g.nodes for g in self.graphs), strict=True)
        }
        wide = replace(self.graphs[-1], nodes=tuple(map(_widest, self.nodes.values())))
        self.drawing = _viewer.drawing(wide, self.title, "TB", "")

    def svg(self) -> str:
        """The film."""
        return self._drawn(range(len(self.steps)))

    def frame(self, k: int) -> str:
        """One frame as SVG that does not move."""
        return self._drawn([k])

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

    # ------------------------------------------------------------ one drawing for some frames
    def _drawn(self, frames: Sequence[int]) -> str:
        root = ET.fromstring(self.drawing)
        moments = [ET.Element(_tag("g")) for _ in frames]  # what is seen in one frame alone
        parents = {child: parent for parent in root.iter() for child in parent}
        groups = [g for g in root.iter(_tag("g")) if g.get("class") in ("node", "cluster")]
        for group in groups:
            nodes = self.nodes.get(group.get("data-id", "").removeprefix("cluster_"))
            if nodes is not None:
                self._paint(group, [nodes[k] for k in frames], moments)
        if groups:
            parents[groups[0]].extend(moments)
        words = [ET.Element(_tag("g")) for _ in frames]
        self._below(root, frames, words)
        for layer in (moments, words):
            for i, moment in enumerate(layer):
                seen = ["visible" if j == i else "hidden" for j in range(len(frames))]
                self._animate(moment, "visibility", seen)
        return ET.tostring(root, encoding="unicode")

    def _paint(
        self, group: ET.Element, nodes: Sequence[NodeRecord], moments: Sequence[ET.Element]
    ) -> None:
        """The colours of a node, or of the cells of a box, and its numbers."""
        title = group.find(_tag("title"))
        if title is not None:  # the numbers of one frame would be wrong in the others
            title.text = shown(nodes[0].name)
        boxed = isinstance(nodes[0], BoxRecord)
        shapes = [e for e in group.iter() if e.tag in SHAPES and e.get("fill") != "none"]
        looks = [_look.attributes(node.state, node.level) for node in nodes]
        if not boxed:
            for shape in shapes:
                for name in PAINTED:
                    self._animate(shape, name, [look[name] for look in looks])
        elif group.get("class") == "node":
            for i, shape in enumerate(shapes):
                self._animate(shape, "fill", [_cell(node, i) for node in nodes])
        for line in list(group.iter(_tag("text"))):
            place = {"value": 0, "wrong": 1}.get(line.get("class", ""))
            inks = [_look.INK] * len(nodes) if boxed else [look["ink"] for look in looks]
            if place is None:
                if not boxed:
                    self._animate(line, "fill", inks)
                continue
            for node, ink, moment in zip(nodes, inks, moments, strict=True):
                said = ET.SubElement(moment, _tag("text"), {**line.attrib, "fill": ink})
                said.text = _dot.reading(node)[place]
            line.text = ""

    def _below(self, root: ET.Element, frames: Sequence[int], words: Sequence[ET.Element]) -> None:
        """Below the graph: step and loss, where that is on the curve, and the legend."""
        x, y, width, height = (float(v) for v in root.get("viewBox", "0 0 600 400").split())
        top, width = y + height, max(width, 470.0)
        root.set("viewBox", f"{x:g} {y:g} {width:g} {height + BELOW:g}")
        root.set("width", f"{width:.0f}pt")
        root.set("height", f"{height + BELOW:.0f}pt")
        place = {"x": f"{x:g}", "y": f"{y:g}", "width": f"{width:g}"}
        paper = {**place, "height": f"{height + BELOW:g}", "fill": _look.PAPER}
        root.insert(1, ET.Element(_tag("rect"), paper))  # behind its title alone
        style = ET.Element(_tag("style"))
        style.text = f"@media (prefers-reduced-motion:reduce){{{STILL}}}"
        root.insert(1, style)
        left, right = x + 14, x + width - 14
        across = _chart.Axis([*map(float, self.steps)], left, right)
        losses = _chart.Axis(self.losses, top + 72, top + 26)
        line = _chart.path_of(
            [across(float(s)) for s in self.steps], [losses(v) for v in self.losses]
        )
        pieces = [
            _chart.rect(left, top + 75, right - left, 1, _chart.GRID),
            f'<path d="{line}" fill="none" stroke="#4a5058" stroke-width="1.5"/>',
            *_heatmap.scale(left, top + 92),
            *_states(left, top + 119),
        ]
        below = ET.SubElement(root, _tag("g"), {"font-family": _svg.FAMILY, "font-size": "9"})
        below.extend(ET.fromstring(f'<g xmlns="{_svg.SVG}">{"".join(pieces)}</g>'))
        for k, moment in zip(frames, words, strict=True):
            at = f"{across(float(self.steps[k])):.1f}"
            ends = {"x1": at, "x2": at, "y1": f"{top + 22:g}", "y2": f"{top + 76:g}"}
            ET.SubElement(moment, _tag("line"), {**ends, "stroke": _look.PALETTE[6]})
            loss = self.losses[k]
            said = f"step {self.steps[k]}" + ("" if math.isnan(loss) else f"   loss {number(loss)}")
            where = {"x": f"{left:g}", "y": f"{top + 14:g}", "font-size": "12", "fill": _look.INK}
            ET.SubElement(moment, _tag("text"), where).text = said
            below.append(moment)
        where = {"x": f"{right:g}", "y": f"{top + 14:g}", "text-anchor": "end", "fill": GREY}
        ET.SubElement(below, _tag("text"), where).text = self.title

    def _animate(self, element: ET.Element, name: str, values: Sequence[str]) -> None:
        """Let an attribute take these values, one a frame; without SMIL, the last."""
        element.set(name, values[-1])
        if len(set(values)) == 1:
            return
        element.set("class", f"{element.get('class', '')} {name}".strip())
        element.set("style", f"{element.get('style', '')}--{name}:{values[-1]};")
        changes = [k for k, v in enumerate(values) if not k or v != values[k - 1]]
        ET.SubElement(element, _tag("animate"), {
            "attributeName": name, "calcMode": "discrete", "repeatCount": "indefinite",
            "dur": f"{SECONDS * len(values):g}s",
            "keyTimes": ";".join(f"{k / len(values):.4g}" for k in changes),
            "values": ";".join(values[k] for k in changes),
        })  # fmt: skip


def _states(left: float, y: float) -> list[str]:
    """What borders and glyphs mean."""
    made: list[str] = []
    x = left
    for state, look in LOOKS.items():
        if state not in ("ok", "released"):
            paints = _look.attributes(state, 0.0)
            paint = " ".join(f'{name}="{paints[name]}"' for name in PAINTED)
            made.append(f'<rect x="{x:g}" y="{y:g}" width="14" height="9" rx="2" {paint}/>')
            words = f"{look.glyph} {look.meaning}"
            made.append(_chart.text(x + 19, y + 8, words, font_size=8, fill=GREY))
            x += 34 + 4.6 * len(words)
    return made


def _tag(name: str) -> str:
    return f"{{{_svg.SVG}}}{name}"


SHAPES = {_tag(name) for name in ("polygon", "rect", "ellipse", "path")}


def _widest(nodes: Sequence[NodeRecord]) -> NodeRecord:
    """The node as it is laid out: with room for what it says in any frame, and one border."""
    if isinstance(nodes[0], BoxRecord):
        return max(nodes, key=lambda n: (len(_dot.reading(n)[1]), len(getattr(n, "cells", ()))))
    label = max((_dot.reading(node)[0] for node in nodes), key=len)
    return replace(nodes[-1], state="ok", label=label)


def _cell(node: NodeRecord, i: int) -> str:
    """The colour of a box's cell."""
    cells = getattr(node, "cells", ())
    cell = cells[min(i, len(cells) - 1)]
    return _look.fill(cell.state, cell.level)
