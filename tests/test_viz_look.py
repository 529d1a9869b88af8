"""Colours, labels and DOT text: four states with four looks, and nothing a name can break."""

import math
import re

import numpy as np
import pytest

import autodiff as ad
import viz
from viz import _dot, _look

HOSTILE = [
    "<script>alert(1)</script>",
    'say "hi"',
    "back\\slash\\",
    "two\nlines",
    "a -> b; }",
    "&lt;b&gt; &amp;",
    "<<b>html</b>>",
    r"\N \G \l",
    "{a|b}",
    "-->",
    "]]>",
    "naïve 名 ∂",
    "\x00\x1b[2J\ud800",
    "%s {0} $x",
    "",
]


def leaf(values, name=None):
    return ad.tensor(np.asarray(values, "float64"), requires_grad=True, name=name)


def node_line(dot, id):
    return re.search(rf"^\t*{id} \[.*$", dot, re.MULTILINE)[0]


def luminance(color):
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return np.dot(linear, [0.2126, 0.7152, 0.0722])


def contrast(a, b):
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("k", range(-6, 7))
def test_one_step_a_decade_clipped_at_four(k):
    assert _look.fill("ok", k + 0.3) == _look.PALETTE[max(-4, min(4, k)) + 4]
    assert _look.step(k - 0.4) == max(-4, min(4, k))


def test_extremes_and_unknowns_have_a_colour():
    assert _look.step(-math.inf) == -4 and _look.step(math.inf) == 4 and _look.step(math.nan) == 0


def test_text_stands_out_from_every_fill():
    for state in _look.LOOKS:
        for k in range(-4, 5):
            paper = _look.fill(state, k)
            floor = 5.5 if state == "ok" else 4.5
            assert contrast(paper, _look.ink(state, k)) > floor, (state, k)


def test_four_states_have_four_glyphs_and_four_borders():
    looks = [_look.LOOKS[s] for s in ("tiny", "zero", "nonfinite", "absent")]
    assert len({look.glyph for look in looks}) == 4
    borders = {(look.border, look.double, look.width > 2) for look in looks}
    assert len(borders | {("solid", False, False)}) == 5


def test_the_states_look_different_in_a_graph():
    ok, zero, tiny, bad = (leaf([1.0, 2.0], n) for n in ("ok", "zero", "tiny", "bad"))
    graph = viz.graph((ok + zero * 0.0 + tiny * 1e-12).sum() + (bad * math.nan).sum())
    dot = graph.dot()
    lines = {n.name: node_line(dot, n.id) for n in graph.nodes}
    assert "∅ 0" in lines["zero"] and "dashed" in lines["zero"]
    assert "▼" in lines["tiny"] and "penwidth=3.0" in lines["tiny"]
    assert "✖ nan  2 of 2" in lines["bad"] and "peripheries=2" in lines["bad"]
    assert "peripheries=1" in lines["ok"] and not re.search("[∅▼✖◌]", lines["ok"])
    edges = {e.source: e for e in graph.edges}
    for name, style in (("zero", "dashed"), ("tiny", "penwidth=3.2"), ("bad", ":invis:")):
        node = next(n for n in graph.nodes if n.name == name)
        line = re.search(rf"^\t*{node.id} -> {edges[node.id].target} \[label.*$", dot, re.M)[0]
        assert style in line


def test_there_is_always_a_legend():
    for loss in (leaf(1.0) * 2.0, leaf([math.nan]).sum()):
        dot = viz.graph(loss).dot()
        assert "cluster_legend" in dot
        for color in _look.PALETTE:
            assert color in dot
        for state in ("tiny", "zero", "nonfinite", "absent"):
            assert _look.LOOKS[state].meaning in dot


def test_names_are_only_ever_inside_labels():
    """Ids come from the walk; whatever a name holds, the structure stays the same."""

    def structure(name):
        x = leaf([1.0], name)
        dot = viz.graph((x * x).sum()).dot()
        return re.sub(r'"(?:[^"\\]|\\.)*"', '""', re.sub(r"=\w+(?=[ \]])", '=""', dot))

    for name in HOSTILE:
        assert structure(name) == structure("plain"), name


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_show_as_text_in_svg_and_html(name, tmp_path):
    import html
    import xml.etree.ElementTree as ET

    x = leaf([1.0], name or None)
    graph = viz.graph((x * 2.0).sum())
    shown = _look.shown(name or "leaf")
    root = ET.fromstring(graph.svg())
    texts = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
    assert shown in texts
    titles = [t.text for t in root.iter("{http://www.w3.org/2000/svg}title")]
    assert any(t.split("\n")[0] == shown for t in titles)
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
    page = graph.render(tmp_path / "x.html").read_text()
    assert f"<td>{html.escape(shown)}</td>" in page
    assert page.count("<script") == 2 and page.count("</script") == 2  # its data and its program


def test_long_names_are_elided_in_the_picture_and_whole_in_the_tooltip():
    name = "encoder." * 20 + "weight"
    x = leaf([1.0], name)
    graph = viz.graph((x * 2.0).sum())
    line = node_line(graph.dot(), "n0")
    label = re.search(r'label="([^"]*)"', line)[1].split("\\n")[0]
    assert len(label) == _dot.LABEL_LIMIT and "…" in label and label.endswith("weight")
    assert name in line


def test_tooltips_hold_every_statistic():
    x = leaf([3.0, 0.0], "x")
    dot = viz.graph((x * x).sum()).dot()
    tooltip = re.search(r'tooltip="([^"]*)"', node_line(dot, "n0"))[1]
    for part in ("(2,)", "float64", "RMS 4.24264", "L2 6", "mean magnitude 3",
                 "largest magnitude 6", "exactly zero 50.0%", "non-finite 0"):  # fmt: skip
        assert part in tooltip


def test_clusters_nest_as_modules_do():
    from tests.test_viz import Affine, Chain, Sigmoid

    inner = Chain(fc=Affine(weight=leaf(np.eye(2)), bias=leaf([0.0, 0.0])), act=Sigmoid())
    net = Chain(block=inner, head=Affine(weight=leaf(np.eye(2)), bias=leaf([0.0, 0.0])))
    dot = viz.graph(net(ad.tensor(np.ones((1, 2)))).sum(), model=net).dot()
    opened = [m[1] for m in re.finditer(r'label="([^"]*)"', "\n".join(
        line for line in dot.splitlines() if "margin=8" in line))]  # fmt: skip
    assert opened == ["block  Chain", "block.fc  Affine", "head  Affine"]
    start = dot.index('label="block  Chain"')
    assert start < dot.index('label="block.fc  Affine"') < dot.index("block.act.sigmoid", start)


def test_directions():
    x = leaf([1.0])
    assert "rankdir=LR" in viz.graph(x.sum(), rankdir="LR").dot()
    assert "rankdir=TB" in viz.graph(x.sum()).dot()
