"""What is kept and for how long: everything is freed by reference counting alone."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

import autodiff as ad
import nn


@pytest.fixture
def no_gc():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def step(w, x):
    h = ad.tanh(x @ w)
    h = ad.layer_norm(h, w[0], w[1])
    loss = (h * h).mean()
    loss.backward()
    return loss


def test_a_thousand_steps_leave_nothing_behind(no_gc):
    w = ad.tensor(np.ones((8, 8)), requires_grad=True)
    x = ad.tensor(np.ones((4, 8)))

    def run(steps):
        for _ in range(steps):
            w.zero_grad()
            step(w, x)

    run(20)
    tracemalloc.start()
    run(10)
    before, objects = tracemalloc.get_traced_memory()[0], len(gc.get_objects())
    run(1000)
    after, later = tracemalloc.get_traced_memory()[0], len(gc.get_objects())
    tracemalloc.stop()
    assert after - before < 10_000, f"{after - before} bytes grew over 1,000 steps"
    assert later - objects < 20
    assert gc.collect() == 0


@pytest.mark.parametrize("order", [1, 2, 3])
def test_higher_orders_leave_no_cycle(no_gc, order):
    x = ad.tensor(np.linspace(0.5, 1.0, 6).reshape(2, 3), requires_grad=True)
    for _ in range(3):
        y = ad.layer_norm(ad.exp(x)).sum() + ad.linalg.slogdet(x @ x.T + ad.eye(2))[1]
        for _ in range(order):
            y = (ad.gradients(y, x, create_graph=True) ** 2).sum()
        del y
    assert gc.collect() == 0


def test_backward_with_create_graph_leaves_no_cycle(no_gc):
    x = ad.tensor([1.0, 2.0], requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    x.grad.sum().backward()
    x.zero_grad()
    assert gc.collect() == 0


def test_scalars_leave_no_cycle(no_gc):
    x = ad.Scalar(0.5)
    y = (x * x).tanh() * x
    y.backward()
    del y
    assert gc.collect() == 0


def test_intermediate_values_are_freed_as_the_walk_passes(no_gc):
    x = ad.tensor(np.ones(10), requires_grad=True)
    kept = []
    y = x
    for _ in range(5):
        y = ad.exp(y * 0.1)
        kept.append(weakref.ref(y.data))
    loss = y.sum()
    del y
    alive = []
    loss.backward(observe=lambda node, g, pulled: alive.append(sum(r() is not None for r in kept)))
    assert alive[-1] <= 1 < alive[0]


def test_a_value_no_rule_reads_is_freed_at_once(no_gc):
    x = ad.tensor(np.ones(10), requires_grad=True)
    y = x + 1.0
    freed = weakref.ref(y.data)
    z = y + 1.0
    del y
    assert freed() is None
    z.sum().backward()
    np.testing.assert_array_equal(x.grad.data, np.ones(10))


def test_constants_keep_nothing():
    x, c = ad.tensor(np.ones(3), requires_grad=True), ad.tensor(np.ones(3))
    assert (x * c).node.rule.layout == ("y",)
    assert (c * x).node.rule.layout == ("x",)
    assert (x + c).node.saved == ()


def test_a_leaf_is_held_weakly():
    x = ad.tensor([1.0], requires_grad=True)
    y = x * 2
    gone = weakref.ref(x)
    leaf = y.node.parents[0]
    del x
    assert gone() is None and leaf.tensor is None
    y.sum().backward()  # its gradient goes nowhere, and nothing fails


def peak_of_a_step(layer, x):
    for _ in range(2):  # the first time plans are made
        layer.zero_grad()
        x.grad = None
        tracemalloc.start()
        layer(x).sum().backward()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("cls", [nn.Conv2d, nn.ConvTranspose2d])
def test_a_convolution_makes_no_columns_of_the_whole_batch(cls, stride):
    layer = cls(32, 32, 3, padding=1, stride=stride)
    x = ad.tensor(np.ones((64, 32, 32, 32), np.float32), requires_grad=True)
    y = layer(x)
    arrays = x.data.nbytes + 2 * y.data.nbytes  # its gradient; a result and its gradient
    columns = 9 * min(x.data.nbytes, y.data.nbytes)
    tile = 4 * (1 << 19)
    del y
    assert peak_of_a_step(layer, x) < arrays + 3 * tile < arrays + columns / 2
