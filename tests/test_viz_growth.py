"""Drawing takes time in proportion to the graph, whatever its shape.

Calls are counted, which a busy machine does not change; what a call of C searches through is seen
by the time alone, with a limit that only a square can reach.
"""

import cProfile
import random
import time
from itertools import pairwise

import pytest

import autodiff as ad
import nn
import viz
from viz import _drawing, _svg


def chain(n):
    x = ad.tensor([1.0, 2.0], requires_grad=True)
    for i in range(n):
        x = (ad.sin, ad.cos, ad.tanh, ad.sigmoid)[i % 4](x)
    return x.sum(), None


def two_like_halves(n):
    """The same long row of ops twice, nothing in it repeated."""
    choice = random.Random(0)
    ops = [choice.choice((ad.sin, ad.cos, ad.tanh, ad.sigmoid)) for _ in range(n // 2)]
    x = ad.tensor([1.0, 2.0], requires_grad=True)
    for op in ops + ops:
        x = op(x)
    return x.sum(), None


def a_leaf_each(n):
    x = ad.tensor([1.0, 2.0])
    for i in range(n // 2):
        x = ad.add(x, ad.tensor([1.0, 1.0], requires_grad=True, name=f"p{i}"))
    return x.sum(), None


def fan_out(n):
    x = ad.exp(ad.tensor([1.0, 2.0], requires_grad=True))
    total = x
    for branch in [ad.sin(x) for _ in range(n // 2)]:
        total = total + branch
    return total.sum(), None


def many_outputs(n):
    x = ad.tensor([float(i) for i in range(n // 2)], requires_grad=True)
    total = ad.tensor(0.0)
    for part in ad.unstack(x * 1.0):
        total = total + part
    return total, None


def read_at_every_step(n):
    x = y = ad.exp(ad.tensor([1.0, 2.0], requires_grad=True))
    for _ in range(n):
        y = y + x
    return y.sum(), None


def blocks(n):
    block = [
        nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 4), nn.Tanh()) for _ in range(max(1, n // 6))
    ]
    model = nn.Sequential(*block)
    return (model(ad.random.normal((2, 4))) ** 2).mean(), model


def unlike_layers(n):
    model = nn.Sequential(*[nn.Linear(3 + i % 5, 3 + (i + 1) % 5) for i in range(n // 3)])
    return (model(ad.random.normal((2, 3))) ** 2).mean(), model


def unreached(n):
    model = nn.Sequential(*[nn.Linear(2, 2) for _ in range(n // 2)])
    return (model[0](ad.random.normal((2, 2))) ** 2).mean(), model


def gradient_of_a_gradient(n):
    x = ad.tensor([0.5, 0.25], requires_grad=True, name="x")
    y = x
    for _ in range(n // 6):
        y = ad.tanh(y)
    (g,) = ad.gradients((y * y).sum(), [x], create_graph=True)
    return (g * g).sum(), None


SHAPES = [
    chain, two_like_halves, a_leaf_each, fan_out, many_outputs, read_at_every_step, blocks,
    unlike_layers, unreached, gradient_of_a_gradient,
]  # fmt: skip


def draw(loss, model, collapse):
    graph = viz.graph(loss, model=model, collapse=collapse)
    return _svg.polish(_drawing.svg(graph.dot()).decode(), "title")


def cost(build, n, collapse):
    """Calls that drawing a graph makes, seconds that it takes, characters of the picture."""
    ad.manual_seed(0)  # what is unhealthy by chance is drawn by itself
    given = build(n)
    start = time.process_time()
    svg = draw(*given, collapse)
    seconds = time.process_time() - start
    profile = cProfile.Profile()
    profile.runcall(draw, *given, collapse)
    return sum(entry.callcount for entry in profile.getstats()), seconds, len(svg)


def check(build, sizes, collapse):
    costs = [cost(build, n, collapse) for n in sizes]
    for (calls, _, text), (more_calls, _, more_text) in pairwise(costs):
        assert more_calls < 2.4 * calls, costs
        assert more_text < 2.4 * text, costs
    growth = sizes[-1] / sizes[0]
    assert costs[-1][1] < 2.5 * growth * max(costs[0][1], 0.02), costs


@pytest.mark.parametrize(("collapse", "sizes"), [("auto", [200, 400]), (None, [120, 240])])
def test_a_network_twice_as_deep_takes_twice_the_calls(collapse, sizes):
    check(blocks, sizes, collapse)


@pytest.mark.slow
@pytest.mark.parametrize("build", SHAPES, ids=lambda build: build.__name__)
def test_folded_drawing_is_linear(build):
    check(build, [1000, 2000, 4000], "auto")


@pytest.mark.slow
@pytest.mark.parametrize("build", SHAPES, ids=lambda build: build.__name__)
def test_full_drawing_is_linear(build):
    check(build, [500, 1000, 2000], None)
