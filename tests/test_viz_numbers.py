"""Numbers of drawings where the graph is not what a network alone makes."""

import math

import numpy as np
import pytest

import autodiff as ad
import nn
import viz
from viz._stats import measure

FIELDS = ("size", "rms", "l2", "mean_abs", "max_abs", "zero_fraction", "state")


def leaf(values, name):
    return ad.tensor(np.asarray(values, "float64"), requires_grad=True, name=name)


def by_op(graph):
    return {n.name: n for n in graph.nodes}


def agree(found, expected):
    for name in FIELDS:
        value = getattr(expected, name)
        known = value if isinstance(value, str) else pytest.approx(value, rel=1e-12)
        assert getattr(found, name) == known, name


EXAMPLES = np.random.default_rng(0).normal(size=(5, 3))


def loss_of(x, w):
    return (ad.tanh(x * w) * w).sum()


def test_inside_vmap_a_node_is_measured_over_all_examples():
    w = leaf([1.0, 2.0, 3.0], "w")
    mapped = by_op(viz.graph(ad.vmap(loss_of, in_axes=(0, None))(ad.tensor(EXAMPLES), w).mean()))
    x = ad.tensor(EXAMPLES)
    plain = by_op(viz.graph((ad.tanh(x * w) * w).sum(1).mean()))
    for name in ("w", "multiply", "tanh", "multiply#2", "sum", "mean"):
        agree(mapped[name], plain[name])
    assert (mapped["tanh"].shape, mapped["tanh"].size) == ((3,), 15)


def test_a_nested_vmap_too():
    w, x = leaf([1.0, 2.0, 3.0], "w"), ad.tensor(EXAMPLES)
    inner = ad.vmap(lambda a, b: a * b, in_axes=(0, 0))
    mapped = by_op(viz.graph(ad.vmap(lambda row: inner(row, w))(x).sum()))
    assert (mapped["multiply"].shape, mapped["multiply"].size) == ((), 15)
    assert mapped["multiply"].l2 == pytest.approx(15**0.5)
    agree(mapped["w"], by_op(viz.graph((x * w).sum()))["w"])


def test_a_gradient_that_examples_share_counts_once_for_each():
    """Drawn inside vmap, the gradient of the loss is one number that stands for five."""
    w, drawn = leaf([1.0, 2.0, 3.0], "w"), []

    def one(x):
        loss = loss_of(x, w)
        drawn.append(viz.graph(loss))
        return loss

    ad.vmap(one)(ad.tensor(EXAMPLES))
    assert drawn[0].loss is None  # five losses are no number
    root = drawn[0].nodes[-1]
    assert (root.size, root.rms, root.l2) == (5, 1.0, pytest.approx(5**0.5))
    assert "sum" in drawn[0].dot()


def test_what_is_computed_again_has_the_same_numbers():
    w = leaf(np.random.default_rng(1).normal(size=(3, 3)), "w")

    def block(x, w):
        return ad.tanh(ad.tanh(ad.matmul(x, w)) * 2.0)

    x = ad.tensor(EXAMPLES)
    plain = viz.graph((block(block(x, w), w) ** 2).mean())
    again = viz.graph((ad.checkpoint(block, ad.checkpoint(block, x, w), w) ** 2).mean())
    assert again.nodes == plain.nodes and again.edges == plain.edges


def test_casts_of_parameters_are_compared_with_parameters():
    """Under autocast each layer has two; among activations they would move that reference."""
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    x = ad.tensor(EXAMPLES, dtype="float32")
    with ad.autocast():
        loss = (net(x) ** 2).mean()
    graph = viz.graph(loss, model=net)
    nodes = by_op(graph)
    assert {nodes[n].group for n in ("0.astype", "0.astype#2", "2.astype")} == {"parameters"}
    assert nodes["astype"].group == nodes["0.linear"].group == "activations"
    rest = [n.rms for n in graph.nodes if n.op and n.group == "activations"]
    assert graph.references["activations"] == pytest.approx(np.median(rest))
    loss.backward()
    for name, p in net.named_parameters():
        agree(nodes[name], measure(p.grad.data))


def test_every_label_is_what_retain_grad_and_backward_leave():
    """Views of a parameter, a write in place, an op of several outputs, a shared weight."""
    w = leaf(np.random.default_rng(2).normal(size=12), "w")
    kept = {}

    def keep(name, x):
        x.retain_grad()
        kept[name] = x
        return x

    a = keep("reshape", w.reshape(4, 3))
    y = keep("matmul", ad.matmul(ad.tensor(EXAMPLES), a.T))
    parts = ad.linalg.qr(y)
    z = keep("multiply", parts[1] * w[:4])
    loss = (z * z).sum() + ad.matmul(a, ad.tensor(EXAMPLES.T)).mean()
    nodes = by_op(viz.graph(loss))
    loss.backward()
    for name, x in kept.items():
        agree(nodes[name], measure(x.grad.data))
    agree(nodes["w"], measure(w.grad.data))


def test_after_backward_a_gradient_that_is_gone_is_unknown_and_not_absent():
    """zero_grad() has dropped it: that says nothing about what the loss sent."""
    w, v = leaf([1.0, 2.0], "w"), leaf([3.0, 4.0], "v")
    loss = (w * v).sum()
    loss.backward()
    w.grad = None
    with pytest.warns(UserWarning, match="released"):
        nodes = by_op(viz.graph(loss))
    assert (nodes["w"].state, nodes["w"].note) == ("released", "")
    assert math.isnan(nodes["w"].rms)
    assert nodes["v"].rms == pytest.approx(math.sqrt(2.5))


def test_values_inside_vmap_are_measured_over_all_examples():
    w = leaf([1.0, 2.0, 3.0], "w")
    x = ad.tensor(EXAMPLES)
    with viz.record():
        loss = ad.vmap(loss_of, in_axes=(0, None))(x, w).mean()
    mapped = by_op(viz.graph(loss, mode="value"))
    agree(mapped["tanh"], measure(np.tanh(EXAMPLES * w.data)))
    assert mapped["tanh"].value.mean == pytest.approx(np.tanh(EXAMPLES * w.data).mean())
