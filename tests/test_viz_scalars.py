"""Scalar mode drawn: every value and gradient, by hand."""

import math
import re

import pytest

import autodiff as ad
import viz


def expression():
    a, b = ad.Scalar(2.0, name="a"), ad.Scalar(-3.0, name="b")
    c = a * b
    c.name = "c"
    d = c + a * a
    return a, b, d


def test_values_and_gradients():
    graph = viz.scalar_graph(expression()[2])
    found = [(n.name, n.op, n.value, n.gradient) for n in graph.nodes]
    assert found == [
        ("a", "", 2.0, -3.0 + 4.0), ("b", "", -3.0, 2.0), ("c", "multiply", -6.0, 1.0),
        ("", "multiply", 4.0, 1.0), ("", "add", -2.0, 1.0),
    ]  # fmt: skip
    assert [n.parents for n in graph.nodes] == [
        (), (), ("n0", "n1"), ("n0", "n0"), ("n2", "n3"),
    ]  # fmt: skip


def test_each_number_is_printed_in_its_node():
    dot = viz.scalar_graph(expression()[2]).dot()
    assert r'n1 [label="b\nvalue -3\ngrad 2"' in dot
    assert r'n2 [label="c\nvalue -6\ngrad 1"' in dot
    assert 'n3op [label="×"' in dot
    assert dot.count("n0 -> n3op") == 2  # a * a reads a twice
    assert "cluster_legend" in dot


def test_nothing_is_changed():
    a, b, d = expression()
    viz.scalar_graph(d)
    assert a.grad is None and b.grad is None
    d.backward()
    assert a.grad.data == 1.0


def test_after_backward_the_picture_is_the_same():
    a, b, d = expression()
    before = viz.scalar_graph(d)
    d.backward()
    graph = viz.scalar_graph(d)
    assert graph.released and not before.released
    assert graph.nodes == before.nodes
    assert "after backward()" in graph.title[1]


def test_what_a_pass_did_not_reach_is_not_known():
    a = ad.Scalar(2.0, name="a")
    shared = a * 3.0
    shared.backward()
    graph = viz.scalar_graph(shared * shared)
    assert [(n.gradient, n.state) for n in graph.nodes] == [
        (3.0, "ok"), (1.0, "ok"), (None, "released"),
    ]  # fmt: skip


def test_a_retained_graph_keeps_its_gradients():
    _, _, d = expression()
    d.backward(retain_graph=True)
    assert all(n.gradient is not None for n in viz.scalar_graph(d).nodes)


def test_states():
    x = ad.Scalar(1.0, name="x")
    assert viz.scalar_graph(x * 0.0).nodes[0].state == "zero"
    assert viz.scalar_graph(x * 1e-9).nodes[0].state == "tiny"
    bad = viz.scalar_graph(x * math.nan)
    assert bad.nodes[0].state == "nonfinite"
    assert re.search(r"n0 \[.*✖ nan.*peripheries=2", bad.dot())


def test_files(tmp_path):
    graph = viz.scalar_graph(expression()[2])
    assert "value -6" in graph.render(tmp_path / "s.svg").read_text()
    assert graph.render(tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")
    page = graph.render(tmp_path / "s.html").read_text()
    assert page.count("<tr>") == 6
    assert "text/html" in graph._repr_mimebundle_()


def test_hostile_names():
    x = ad.Scalar(1.0, name='<script>"x"\\')
    graph = viz.scalar_graph(x * 2.0)
    assert "<script" not in graph.svg()
    assert "<script" not in graph._table()


def test_a_long_sum():
    total = ad.Scalar(0.0)
    for _ in range(5_000):
        total = total + 1.0
    assert len(viz.scalar_graph(total).nodes) == 5_001


def test_tensors_are_refused():
    with pytest.raises(TypeError, match="use viz.graph"):
        viz.scalar_graph(ad.tensor([1.0], requires_grad=True).sum())
    with pytest.raises(ValueError, match="has no graph"):
        viz.scalar_graph(ad.Scalar(1.0, requires_grad=False))
