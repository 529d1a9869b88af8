"""The built-in layout: the same elements as Graphviz draws, nothing overlapping, boxes nested."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad
import nn
import viz
from viz import _drawing, _layout, _reader, _render

SVG = "{http://www.w3.org/2000/svg}"


def network():
    ad.random.manual_seed(0)
    net = nn.Sequential(
        nn.Sequential(nn.Linear(3, 4), nn.Sigmoid()), nn.Linear(4, 4), nn.Linear(4, 1)
    )
    x = net[0](ad.random.normal((5, 3)))
    return net, (net[2](x + net[1](x)) ** 2).mean()


def elements(svg):
    """Class, label and tooltip of every element, without ids, places and Graphviz's names."""
    found = []
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        kind = group.get("class")
        if kind in ("node", "edge", "cluster"):
            words = [" ".join((t.text or "").split()) for t in group.iter(f"{SVG}text")]
            title = group.find(f"{SVG}title")
            lines = (title.text or "").splitlines() if title is not None else []
            found.append((kind, tuple(words), [" ".join(line.split()) for line in lines]))
    return sorted(found)


@pytest.mark.parametrize("rankdir", ["TB", "LR", "BT", "RL"])
@pytest.mark.parametrize("collapse", [None, 0])
def test_the_same_elements_and_tooltips_as_graphviz(rankdir, collapse):
    net, loss = network()
    graph = viz.graph(loss, model=net, rankdir=rankdir, collapse=collapse)
    ours = viz._svg.polish(_drawing.svg(graph.dot()).decode(), "title")
    theirs = viz._svg.polish(_render.layout(graph.dot()).decode(), "title")
    assert elements(ours) == elements(theirs)


def test_names_stay_text():
    name = '<script>"]]>&amp; \\n \\ é 中'
    x = ad.tensor([1.0], requires_grad=True, name=name)
    root = ET.fromstring(_drawing.svg(viz.graph((x * x).sum()).dot()))
    assert name in [t.text for t in root.iter(f"{SVG}text")]
    assert not list(root.iter("script"))


def inside(inner, outer):
    x, y, w, h = inner
    u, v, p, q = outer
    return u <= x and v <= y and x + w <= u + p + 1e-6 and y + h <= v + q + 1e-6


def overlap(a, b):
    (x, y, w, h), (u, v, p, q) = a, b
    return x + 1e-6 < u + p and u + 1e-6 < x + w and y + 1e-6 < v + q and v + 1e-6 < y + h


def check(dot):
    scene = _reader.read(dot)
    found = _layout.place(scene).rectangles

    def look(box):
        children = [c for c in box.clusters if c.name != "cluster_legend"]
        names = [*box.nodes, *(c.name for c in children)]
        for i, a in enumerate(names):
            assert inside(found[a], found[box.name]), a
            for b in names[i + 1 :]:
                assert not overlap(found[a], found[b]), (a, b)
        for child in children:
            look(child)

    look(scene.root)
    return scene, found


@pytest.mark.parametrize("rankdir", ["TB", "LR", "BT", "RL"])
def test_nothing_overlaps_and_arrows_run_one_way(rankdir):
    net, loss = network()
    scene, found = check(viz.graph(loss, model=net, rankdir=rankdir, collapse=None).dot())
    axis, sign = {"TB": (1, 1), "BT": (1, -1), "LR": (0, 1), "RL": (0, -1)}[rankdir]
    for source, target, attributes in scene.edges:
        if "invis" not in attributes.get("style", ""):
            assert sign * (found[target][axis] - found[source][axis]) > -40, (source, target)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_graph_has_a_layout(data):
    """Cycles, loops, parts without edges, boxes in boxes: whatever the edges are."""
    n = data.draw(st.integers(1, 25))
    boxes = data.draw(st.lists(st.integers(0, 6), min_size=n, max_size=n))
    ends = st.integers(0, n - 1)
    lines = ["digraph {", f"rankdir={data.draw(st.sampled_from(['TB', 'LR', 'BT', 'RL']))}"]
    for box in range(7):
        lines.append(f'subgraph cluster_{box} {{ label="box {box}"')
        lines += [f'n{i} [label="node {i}"]' for i in range(n) if boxes[i] == box]
        if box % 2:
            lines.append("}")
    lines += ["}"] * 4
    pairs = data.draw(st.lists(st.tuples(ends, ends), max_size=40))
    lines += [f'n{a} -> n{b} [label="{i}" color=red]' for i, (a, b) in enumerate(pairs)]
    dot = "\n".join([*lines, "}"])
    check(dot)
    root = ET.fromstring(_drawing.svg(dot))
    assert sum(g.get("class") == "edge" for g in root.iter(f"{SVG}g")) == len(pairs)


def test_large_graphs_are_drawn_built_in(monkeypatch):
    x = y = ad.tensor([1.0, 2.0], requires_grad=True)
    for _ in range(200):
        y = ad.sin(y)
    graph = viz.graph(y.sum(), collapse=None)
    assert _reader.count(graph.dot()) == len(graph.nodes) == 202
    monkeypatch.setattr(_render, "_wasm", lambda *args: pytest.fail("Graphviz was called"))
    svg = graph.svg()
    assert len(re.findall('class="edge"', svg)) == 201
    assert _reader.count(viz.graph(y.sum()).dot()) <= 120 and x is not y


def test_a_skip_between_boxes_runs_beside_the_nodes_that_it_passes():
    down = _drawing._detour((50, 0), (50, 100), [(30, 40, 40, 20), (200, 40, 40, 20)])
    assert down == [(70 + _drawing.CLEAR, 40), (70 + _drawing.CLEAR, 60)]
    assert _drawing._detour((50, 100), (50, 0), [(30, 40, 40, 20)]) == down[::-1]
    assert _drawing._detour((50, 0), (50, 100), [(200, 40, 40, 20), (30, 90, 40, 20)]) == []
