"""What a graph says of itself in sentences, and the way that the gradient takes."""

import math
import re

import numpy as np
import pytest

import autodiff as ad
import nn
import viz
from viz import _way


def chain(depth=8, activation=nn.Sigmoid):
    """A deep network and its graph; weights of RMS 1 / sqrt(n), so that they pass what arrives."""
    random = ad.random.Generator(0)
    layers = []
    for _ in range(depth):
        layers += [nn.Linear(16, 16, weight_init="lecun_normal", generator=random), activation()]
    net = nn.Sequential(*layers, nn.Linear(16, 1, generator=random))
    x, y = (ad.random.normal((32, n), generator=random) for n in (16, 1))
    return net, viz.graph(nn.functional.mse_loss(net(x), y), model=net)


def named(graph):
    return {n.name: n for n in graph.nodes}


def test_the_tolls_add_up_to_what_is_lost_and_the_sentence_says_so():
    _, graph = chain()
    nodes = named(graph)
    walked, tolls = _way.tolls(graph._recording)
    assert [n.name for n in walked] == [n.name for n in graph.nodes if n.op][:-1][::-1]
    lost = math.log10(nodes["16.linear"].rms / nodes["0.linear"].rms)
    assert sum(t.decades for t in tolls) == pytest.approx(lost)
    sigmoids = sum(
        math.log10(nodes[f"{i}.sigmoid"].rms / nodes[f"{i - 1}.linear"].rms)
        for i in range(1, 16, 2)
    )
    assert tolls[0].op == "sigmoid" and len(tolls[0].nodes) == 8
    assert tolls[0].decades == pytest.approx(sigmoids)
    said = next(v for v in graph.verdicts if v.startswith("from "))
    assert said in " ".join(graph.title)
    assert (
        f"loses {lost:.1f} decades: 8 sigmoid (15.sigmoid … 1.sigmoid) take {sigmoids:.1f}" in said
    )


def test_the_way_takes_the_skip_of_a_residual_block():
    x = ad.tensor(np.full((4, 4), 0.1), requires_grad=True, name="x")
    h = x * 1.0
    for _ in range(3):
        h = h + ad.tanh(h) * 1e-3
    graph = viz.graph((h * 2.0).sum())
    ops = [n.op for n in _way.way(graph._recording)]
    assert ops == ["sum", "multiply", "add", "add", "add", "multiply"]
    assert not any(v.startswith("from") for v in graph.verdicts)  # nothing is lost there


def test_the_way_goes_back_through_time_and_stops_where_the_least_is_left():
    cell = nn.LSTM(4, 8, generator=ad.random.Generator(0))
    out, _ = cell(ad.random.normal((20, 2, 4), generator=ad.random.Generator(1)))
    graph = viz.graph((out[-1] ** 2).mean(), model=cell)
    said = next(v for v in graph.verdicts if v.startswith("from "))
    assert "20 lstm_step" in said and "loses" in said
    assert not any("parameters' gradient" in v for v in graph.verdicts)  # of one module: no layers


def test_growth_is_told_too():
    x = ad.tensor(np.ones(4), requires_grad=True, name="x")
    graph = viz.graph((x * 1.0 * 100.0 * 10.0).sum())
    assert any(re.search(r"gains 3\.0 decades: 2 multiply .* add 3\.0", v) for v in graph.verdicts)


def test_uniformly_tiny_gradients_are_told_whatever_the_colours_say():
    x = ad.tensor(np.ones(4), requires_grad=True, name="x")
    graph = viz.graph((x * 1e-9).sum() * 1.0)
    assert any("are tiny: mean |g| < 1e-7, such as that of x" in v for v in graph.verdicts)


def test_parameters_without_a_gradient_are_told_with_the_reason():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    net[0].bias.requires_grad = False
    graph = viz.graph(net(ad.ones((3, 2))).sum(), model=net)
    assert "no gradient: 0.bias (frozen: requires_grad=False)" in graph.verdicts


def test_what_is_not_finite_comes_first():
    x = ad.tensor(np.array([0.0, 1.0]), requires_grad=True, name="x")
    with viz.record(), np.errstate(divide="ignore"):
        loss = ad.log(x).sum()
        graph = viz.graph(loss)
    assert graph.verdicts[0].startswith("not finite: log ") and graph.title[1] == graph.verdicts[0]


def test_the_class_that_falls_behind_is_named_with_the_place():
    labels = np.array([0, 1, 2, 0, 1, 2])
    x = ad.tensor(np.ones((6, 3)), requires_grad=True, name="x")
    mask = np.where(labels == 1, 1e-3, 1.0)[:, None]
    near = (x * 2.0) * ad.tensor(mask)
    graph = viz.graph(ad.tanh(near).sum(), by=labels)
    said = next(v for v in graph.verdicts if v.startswith("class"))
    assert said.startswith("class 1 sends ×0.0142 of") and said.endswith("falls behind at multiply")
    even = viz.graph(ad.tanh(x * 2.0).sum(), by=labels)
    assert not any(v.startswith("class") for v in even.verdicts)


def test_a_bottleneck_is_one_readable_line():
    _, graph = chain()
    for edge in graph.bottlenecks(3):
        assert re.fullmatch(r"\S+ -> \S+: ×0\.2\d*, 0\.\d decades lost", str(edge))
    both = viz.graph(
        nn.functional.mse_loss(x := ad.tensor([1.0, 2.0], requires_grad=True), x * 3.0)
    )
    assert any("of what the tensor receives" in str(e) for e in both.edges)
    assert all(e.share >= 0.01 for e in graph.bottlenecks(3))


@pytest.mark.parametrize("rankdir", ["TB", "LR"])
def test_the_legend_never_pushes_the_picture_aside(rankdir):
    """Below the loss it is centred; beside a picture from left to right it needs no arrow."""
    x = ad.tensor(np.ones(4), requires_grad=True, name="x")
    dot = viz.graph(ad.tanh(x).sum(), rankdir=rankdir).dot()
    assert ("n2 -> color4 [style=invis]" in dot) == (rankdir == "TB")


def test_ghosts_stand_in_columns_and_frozen_parameters_beside_their_op():
    net = nn.ModuleList([nn.Linear(2, 2) for _ in range(6)])
    for p in net[0].parameters():
        p.requires_grad = False
    x = ad.tensor(np.ones((2, 2)), requires_grad=True, name="x")
    graph = viz.graph(net[0](x).sum(), model=net)
    dot, ids = graph.dot(), {n.name: n.id for n in graph.nodes}
    row = re.search(r"rank=same\n(.*?)}", dot, re.S)[1]
    for name in ("0.linear", "0.weight", "0.bias"):
        assert ids[name] in row
    assert f"{ids['1.weight']} -> {ids['1.bias']} [style=invis]" in dot
    assert f"{ids['1.bias']} -> {ids['3.weight']} [style=invis]" in dot
