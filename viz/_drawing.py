"""SVG of a DOT text, laid out by `_layout`: shapes, arrows, title and legend as Graphviz draws.

Elements are nested and named as in Graphviz's SVG, so that what reads one reads the other.
"""

import html
import math

from . import _layout, _reader
from ._extent import size, text_width
from ._layout import Places
from ._reader import Attributes, Cluster, Scene, expanded, words

Rectangle = tuple[float, float, float, float]
Point = tuple[float, float]

PAD = 14.4
CLEAR = 12.0
ROOM = 400
"""Nodes up to which an edge between boxes is kept clear of what stands in its way."""
DASHES = {"dashed": "5,2", "dotted": "1,5"}
FAMILY = "DejaVu Sans"
SPACES = "\u00a0 "  # SVG draws two plain ones as one


def svg(dot: str) -> bytes:
    """Lay DOT text out and draw it."""
    scene = _reader.read(dot)
    return _Drawing(scene, _layout.place(scene)).svg().encode()


class _Drawing:
    def __init__(self, scene: Scene, places: Places) -> None:
        self.scene = scene
        self.places = places
        self.flat = scene.root.attributes.get("rankdir", "TB") in ("LR", "RL")
        self.out: list[str] = []
        self.serial = 0

    def svg(self) -> str:
        scene, root = self.scene, self.scene.root
        title = words(root.attributes.get("label", ""))
        font = float(root.attributes.get("fontsize", 13))
        top = len(title) * font * 1.2
        _, _, width, height = self.places.rectangles[""]
        legend = next((c for c in root.clusters if c.name == "cluster_legend"), None)
        legend_width = self._legend(legend, height + 10) if legend else 0.0
        if legend:
            height += 10 + self.legend_height
        shapes, self.out = self.out, []
        for cluster in root.clusters:
            if cluster is not legend:
                self._cluster(cluster)
        for number, (source, target, attributes) in enumerate(scene.edges):
            if "invis" not in attributes.get("style", "") and source in self.places.rectangles:
                self._edge(number, source, target, attributes)
        for name, attributes in scene.nodes.items():
            if name in self.places.rectangles:
                self._node(name, attributes, self.places.rectangles[name])
        width = max(width, legend_width, *(text_width(line, font) for line in title), 1.0)
        w, h = math.ceil(width + 2 * PAD), math.ceil(height + top + 2 * PAD)
        heading = "".join(
            _text(0, (i + 0.8) * font * 1.2, line, font, root.attributes.get("fontcolor", ""))
            for i, line in enumerate(title)
        )
        body = "\n".join((*self.out, *shapes))
        paper = root.attributes.get("bgcolor", "#ffffff")
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'width="{w}pt" height="{h}pt" viewBox="0 0 {w} {h}">\n'
            f'<g id="graph0" class="graph" transform="translate({PAD} {PAD})">\n'
            f'<rect x="{-PAD}" y="{-PAD}" width="{w}" height="{h}" fill="{paper}"/>\n{heading}\n'
            f'<g transform="translate(0 {top:.1f})">\n{body}\n</g>\n</g>\n</svg>\n'
        )

    def _group(self, kind: str, name: str, tooltip: str, shapes: str) -> None:
        self.serial += 1
        id = f"{kind}{self.serial}"
        tip = "\n".join(words("\\n".join(expanded(tooltip))))  # as Graphviz: escapes twice
        if tip.strip():
            tip = html.escape(tip).replace("\n", "&#10;")
            link = f'<a xlink:title="{tip}">{shapes}</a>'
            shapes = f'<g id="a_{id}">{link}</g>'
        self.out.append(
            f'<g id="{id}" class="{kind}"><title>{html.escape(name)}</title>{shapes}</g>'
        )

    # ------------------------------------------------------------ boxes and nodes
    def _cluster(self, cluster: Cluster) -> None:
        x, y, width, height = self.places.rectangles[cluster.name]
        attributes = cluster.attributes
        font = float(attributes.get("fontsize", 10))
        shapes = _rect((x, y, width, height), attributes, attributes.get("bgcolor", "none"), 8)
        for i, line in enumerate(words(attributes.get("label", ""))):
            shapes += _text(
                x + 8, y + 6 + (i + 0.8) * font * 1.2, line, font, attributes.get("fontcolor", "")
            )
        self._group("cluster", cluster.name, attributes.get("tooltip", ""), shapes)
        for inner in cluster.clusters:
            self._cluster(inner)

    def _node(self, name: str, attributes: Attributes, place: Rectangle) -> None:
        font = float(attributes.get("fontsize", 11))
        shape, style = attributes.get("shape", "box"), attributes.get("style", "")
        fill = attributes.get("fillcolor", "#ffffff")
        x, y, width, height = place
        shapes = ""
        if "striped" in style:
            colors = fill.split(":")
            step = width / len(colors)
            for i, color in enumerate(colors):
                shapes += f'<rect x="{x + i * step:.1f}" y="{y:.1f}" width="{step:.1f}" '
                shapes += f'height="{height:.1f}" fill="{color}" stroke="#4a5058" '
                shapes += 'stroke-width="0.4"/>'
            shapes += _rect(place, attributes, "none", 0)
        else:
            for ring in range(int(attributes.get("peripheries", 1)))[::-1]:
                grown = x - 4 * ring, y - 4 * ring, width + 8 * ring, height + 8 * ring
                inner = "none" if ring else fill
                if shape == "ellipse":
                    shapes += _ellipse(grown, attributes, inner)
                elif shape == "hexagon":
                    shapes += _hexagon(grown, attributes, inner)
                else:
                    shapes += _rect(grown, attributes, inner, 8 if "rounded" in style else 0)
        lines = words(attributes.get("label", ""))
        for i, line in enumerate(lines):
            middle = y + height / 2 + (i - (len(lines) - 1) / 2) * font * 1.2 + font * 0.35
            color = attributes.get("fontcolor", "")
            shapes += _text(x + width / 2, middle, line, font, color, "middle")
        self._group("node", name, attributes.get("tooltip", ""), shapes)

    def _legend(self, legend: Cluster, top: float) -> float:
        """Draw the legend below ``top``, row by row; its width."""
        y, widest = top + 10, 0.0
        for row in legend.rows:
            x, high = 10.0, 0.0
            for name in row:
                width, height = size(self.scene.nodes[name])
                self._node(name, self.scene.nodes[name], (x, y, width, height))
                x, high = x + width + 14, max(high, height)
            widest, y = max(widest, x), y + high + 14
        attributes = legend.attributes
        font = float(attributes.get("fontsize", 9))
        lines = words(attributes.get("label", ""))
        widest = max(widest, *(text_width(line, font) + 20 for line in lines))
        said = ""
        for line in lines:
            said += _text(
                widest / 2, y + font, line, font, attributes.get("fontcolor", ""), "middle"
            )
            y += font * 1.25
        self.legend_height = y + 8 - top
        frame = _rect((0, top, widest, self.legend_height), attributes, "none", 8)
        self._group("cluster", legend.name, "", frame + said)
        return widest

    # ------------------------------------------------------------ edges
    def _edge(self, number: int, source: str, target: str, attributes: Attributes) -> None:
        boxes = self.places.rectangles
        start = boxes[attributes.get("ltail", source)]
        end = boxes[attributes.get("lhead", target)]
        bends = self.places.bends.get(number, [])
        along = _sides(start, end, bool(bends), self.flat)
        points = [_side(start, along[0]), *bends, _side(end, along[1])]
        if not bends and along in (("b", "t"), ("t", "b")) and len(self.scene.nodes) <= ROOM:
            nodes = [boxes[n] for n in self.scene.nodes if n in boxes and n not in (source, target)]
            points[1:1] = _detour(points[0], points[1], nodes)
        curve, label = _curve(points, along)
        if not bends and len(points) == 4:
            label = (points[1][0], (points[1][1] + points[2][1]) / 2)
        x, y = points[-1]
        across, down = {"l": (-1, 0), "r": (1, 0), "t": (0, -1), "b": (0, 1)}[along[1]]
        arrow = [(x, y), (x + across * 6 + down * 2.4, y + down * 6 + across * 2.4),
                 (x + across * 6 - down * 2.4, y + down * 6 - across * 2.4)]  # fmt: skip
        color, *others = attributes.get("color", "#3c4148").split(":")
        pen = float(attributes.get("penwidth", 1))
        dash = DASHES.get(attributes.get("style", ""), "")
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        width = pen * 3 if others else pen
        shapes = f'<path d="{curve}" fill="none" stroke="{color}" stroke-width="{width}"{dashed}/>'
        if others:  # two lines beside each other
            shapes += f'<path d="{curve}" fill="none" stroke="#ffffff" stroke-width="{pen}"/>'
        corners = " ".join(f"{px:.1f},{py:.1f}" for px, py in arrow)
        shapes += f'<polygon points="{corners}" fill="{color}" stroke="{color}"/>'
        said = words(attributes.get("label", ""))
        if said:
            font = float(attributes.get("fontsize", 9))
            beside = along[0] in "lr"
            shapes += _text(
                label[0] + (0 if beside else 3), label[1] + (-3 if beside else 3), said[0].strip(),
                font, attributes.get("fontcolor", ""), "middle" if beside else "start",
            )  # fmt: skip
        self._group("edge", f"{source}->{target}", attributes.get("tooltip", ""), shapes)


def _sides(start: Rectangle, end: Rectangle, bent: bool, flat: bool) -> tuple[str, str]:
    """Which sides of two rectangles an edge joins: l, r, t or b."""
    x, y, w, h = start
    u, v, p, q = end
    right, left = u >= x + w, u + p <= x
    below, above = v >= y + h, v + q <= y
    if flat and not (bent and (right or left)):
        right, below, left, above = below, right, above, left
        beside = ("b", "t") if right else ("t", "b")
        return ("r", "l") if below else ("l", "r") if above else beside
    if flat:
        return ("r", "l") if right else ("l", "r")
    if below:
        return "b", "t"
    if above:
        return "t", "b"
    return ("r", "l") if right or u > x else ("l", "r")


def _side(rectangle: Rectangle, side: str) -> Point:
    x, y, width, height = rectangle
    if side in "tb":
        return x + width / 2, y + (height if side == "b" else 0)
    return x + (width if side == "r" else 0), y + height / 2


def _detour(start: Point, end: Point, others: list[Rectangle]) -> list[Point]:
    """The bends by which a way down or up passes beside the rectangles that it would run behind."""
    (x, y), (u, v) = start, end
    top, bottom = min(y, v), max(y, v)
    passed = [r for r in others if r[1] > top and r[1] + r[3] < bottom]
    met = [r for r in passed if r[0] < max(x, u) and r[0] + r[2] > min(x, u)]
    met = [r for r in met if r[0] <= x + (u - x) * (r[1] + r[3] / 2 - y) / (v - y) <= r[0] + r[2]]
    if not met:
        return []
    beside = max(r[0] + r[2] for r in met) + CLEAR
    first, last = min(r[1] for r in met), max(r[1] + r[3] for r in met)
    return [(beside, first), (beside, last)] if y < v else [(beside, last), (beside, first)]


def _curve(points: list[Point], along: tuple[str, str]) -> tuple[str, Point]:
    """A smooth way through the points, and where its label stands."""
    (x, y), *rest = points
    path, label = f"M{x:.1f},{y:.1f}", points[0]
    for i, (u, v) in enumerate(rest):
        if along[0] in "lr":
            m = (x + u) / 2
            path += f"C{m:.1f},{y:.1f} {m:.1f},{v:.1f} {u:.1f},{v:.1f}"
        else:
            m = (y + v) / 2
            path += f"C{x:.1f},{m:.1f} {u:.1f},{m:.1f} {u:.1f},{v:.1f}"
        if i == 0:
            label = ((x + u) / 2, (y + v) / 2)
        x, y = u, v
    return path, label


def _stroke(attributes: Attributes) -> str:
    dash = next((d for s, d in DASHES.items() if s in attributes.get("style", "")), "")
    return (
        f'stroke="{attributes.get("color", "#000000")}" '
        f'stroke-width="{attributes.get("penwidth", "1")}"'
        + (f' stroke-dasharray="{dash}"' if dash else "")
    )


def _rect(place: Rectangle, attributes: Attributes, fill: str, radius: int) -> str:
    x, y, width, height = place
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius}" '
        f'fill="{fill}" {_stroke(attributes)}/>'
    )


def _ellipse(place: Rectangle, attributes: Attributes, fill: str) -> str:
    x, y, width, height = place
    return (
        f'<ellipse cx="{x + width / 2:.1f}" cy="{y + height / 2:.1f}" rx="{width / 2:.1f}" '
        f'ry="{height / 2:.1f}" fill="{fill}" {_stroke(attributes)}/>'
    )


def _hexagon(place: Rectangle, attributes: Attributes, fill: str) -> str:
    x, y, w, h = place
    d = h / 4
    corners = [(x + d, y), (x + w - d, y), (x + w, y + h / 2), (x + w - d, y + h), (x + d, y + h),
               (x, y + h / 2)]  # fmt: skip
    listed = " ".join(f"{px:.1f},{py:.1f}" for px, py in corners)
    return f'<polygon points="{listed}" fill="{fill}" {_stroke(attributes)}/>'


def _text(x: float, y: float, line: str, size: float, color: str, anchor: str = "start") -> str:
    said = html.escape(line).replace("  ", SPACES)
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-family="{FAMILY}" '
        f'font-size="{size:g}" fill="{color or "#1b1e23"}">{said}</text>'
    )
