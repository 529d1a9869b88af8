"""The graph and the walk: order, accumulation, release, hooks, observers, higher orders."""

import threading

import numpy as np
import pytest

import autodiff as ad
from autodiff.nodes import Slots


def leaf(values, dtype=np.float64, **how):
    return ad.tensor(values, dtype=dtype, requires_grad=True, **how)


# ---------------------------------------------------------------- accumulation
def test_a_value_used_twice_gets_both_gradients():
    x = leaf(3.0)
    (x * x + x).backward()
    assert x.grad.item() == 7.0


def test_a_diamond_is_walked_once_per_node():
    x = leaf(2.0)
    y = x * x
    z = y * y + y
    seen = []
    z.backward(observe=lambda node, g, pulled: seen.append(node))
    assert len(seen) == len(set(seen)) == 4
    assert x.grad.item() == 4 * 8 + 4


def test_unequal_depths_wait_for_all_consumers():
    x = leaf(1.5)
    y = x
    for _ in range(10):
        y = y * 1.0
    (x * y * (x + y)).backward()
    assert x.grad.item() == pytest.approx(6 * 1.5**2)


def test_gradients_add_up_over_backward_passes():
    x = leaf([1.0, 2.0])
    (x * 2).sum().backward()
    (x * 3).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [5.0, 5.0])
    x.zero_grad()
    assert x.grad is None


def test_a_leafs_gradient_is_its_own():
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    seed = np.array([1.0, 1.0])
    (x + y).backward(seed)
    x.grad.data[0] = 99.0
    np.testing.assert_array_equal(y.grad.data, [1.0, 1.0])
    np.testing.assert_array_equal(seed, [1.0, 1.0])


def test_a_saved_value_is_not_given_away_as_a_gradient():
    w = np.array([1.0, 2.0])

    @ad.op(x=lambda g, w: w)
    def odd(xp, x, w, /):
        return xp.sum(x * w)

    x = leaf([1.0, 1.0])
    odd(x, w).backward()
    x.grad.data[...] = 0
    np.testing.assert_array_equal(w, [1.0, 2.0])


def test_gradients_of_two_inputs_do_not_share_memory():
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    a, b = ad.gradients((x + y).sum(), [x, y])
    a.data[...] = 7
    np.testing.assert_array_equal(b.data, [1.0, 1.0])


def test_the_gradient_has_the_leafs_dtype_and_shape():
    x = ad.tensor(np.ones((3, 1), np.float32), requires_grad=True)
    (x * leaf(np.ones((2, 3, 4)))).sum().backward()
    assert x.grad.dtype == np.float32 and x.grad.shape == (3, 1)
    np.testing.assert_array_equal(x.grad.data, np.full((3, 1), 8.0))


# ---------------------------------------------------------------- long chains
def test_a_million_ops_go_forward_and_backward_and_away():
    x = leaf(1.0)
    y = x
    for _ in range(1_000_000):
        y = y + 1.0
    y.backward()
    assert x.grad.item() == 1.0
    del y  # deletion must not recurse either


def test_a_million_scalars():
    x = ad.Scalar(1.0)
    y = x
    for _ in range(1_000_000):
        y = y + 1.0
    y.backward()
    assert x.grad.item() == 1.0 and y.item() == 1_000_001.0


# ---------------------------------------------------------------- release
def test_a_second_backward_says_why_not():
    x = leaf(2.0)
    y = x.exp()
    y.backward()
    with pytest.raises(RuntimeError, match="saved by exp were released.*retain_graph=True"):
        y.backward()


def test_retain_graph_allows_it():
    x = leaf(2.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 8.0


def test_release_drops_values_and_keeps_edges():
    x = leaf(2.0)
    y = (x * x).exp()
    y.backward()
    assert y.node.released and y.node.saved is None
    assert y.node.parents[0].op.name == "multiply"
    assert y.node.parents[0].parents[0].tensor is x


# ---------------------------------------------------------------- hooks and observers
def test_hooks_replace_and_observe_only_looks():
    x = leaf([1.0, 2.0])
    y = x * 2
    remove = y.register_hook(lambda g: g * 10)
    seen = {}
    y.sum().backward(observe=lambda node, g, pulled: seen.setdefault(node, (g, pulled)))
    np.testing.assert_array_equal(x.grad.data, [20.0, 20.0])
    np.testing.assert_array_equal(seen[y.node][0], [10.0, 10.0])
    np.testing.assert_array_equal(seen[y.node][1][0], [20.0, 20.0])
    assert seen[x.node][1] == ()
    remove()
    x.zero_grad()
    (y.detach() * x).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [2.0, 4.0])


def test_a_hook_with_a_wrong_shape_is_an_error():
    x = leaf([1.0, 2.0])
    x.register_hook(lambda g: g.sum())
    with pytest.raises(ValueError, match=r"shape \(\) for a tensor of shape \(2,\)"):
        x.sum().backward()


def test_retain_grad_sees_what_hooks_made():
    x = leaf([1.0, 2.0])
    y = x * 3
    y.retain_grad()
    y.register_hook(lambda g: -g)
    y.sum().backward()
    np.testing.assert_array_equal(y.grad.data, [-1.0, -1.0])


def test_post_accumulate_fires_before_the_walk_is_over():
    """A leaf is finished as soon as its last consumer was walked."""
    early, late = leaf(1.0, name="early"), leaf(1.0, name="late")
    events = []
    early.register_post_accumulate_hook(lambda t: events.append(("early", t.grad.item())))
    y = late * 2
    for _ in range(5):
        y = y * 1.0
    (y * early).backward(observe=lambda node, g, pulled: events.append(node.op))
    position = [e[0] if isinstance(e, tuple) else e for e in events].index("early")
    assert position < len(events) - 3


def test_gradients_with_observe_writes_nothing_and_retains():
    x = leaf([1.0, 2.0])
    x.grad = [5.0, 5.0]
    fired = []
    x.register_hook(fired.append)
    y = (x * x).sum()
    count = []
    assert ad.gradients(y, observe=lambda *a: count.append(a)) is None
    np.testing.assert_array_equal(x.grad.data, [5.0, 5.0])
    assert not fired and len(count) == 3
    y.backward()  # still possible


def test_observed_gradients_are_summed_down_to_the_parents():
    x, y = leaf(np.ones((3, 1))), leaf(np.ones(4))
    shapes = {}
    (x * y).sum().backward(
        observe=lambda node, g, pulled: shapes.update({node: [p.shape for p in pulled]})
    )
    assert [(3, 1), (4,)] in shapes.values()


def test_tap_sees_every_recorded_op_and_nests():
    x = leaf([1.0, 2.0])
    outer, inner = [], []
    with ad.tap(lambda node, out: outer.append(node.op.name)):
        x * 2
        with ad.tap(lambda node, out: inner.append((node.op.name, out))):
            x + 1
    x * 3
    assert outer == ["multiply", "add"]
    assert inner[0][0] == "add"
    np.testing.assert_array_equal(inner[0][1], [2.0, 3.0])


# ---------------------------------------------------------------- gradients()
def test_gradients_reach_results_along_the_way():
    x = leaf(3.0)
    y = x * x
    z = y * x
    assert ad.gradients(z, y, retain_graph=True).item() == 3.0
    assert [g.item() for g in ad.gradients(z, [x, y])] == [27.0, 3.0]
    assert x.grad is None


def test_gradients_compute_only_what_is_asked_for():
    calls = []

    def rule(name):
        def pull(g, x):
            calls.append(name)
            return g

        return pull

    @ad.op(x=rule("x"), y=lambda g, x: calls.append("y") or g)
    def both(xp, x, y, /):
        return x + y

    x, y = leaf(1.0), leaf(2.0)
    ad.gradients(both(x, y), y)
    assert calls == ["y"]


def test_unused_inputs():
    x, y = leaf(1.0), leaf(2.0)
    with pytest.raises(RuntimeError, match="allow_unused"):
        ad.gradients(x * 2, y)
    assert ad.gradients(x * 2, [x, y], allow_unused=True)[1] is None


def test_several_outputs_and_weights():
    x = leaf([1.0, 2.0])
    g = ad.gradients([x * 2, x * x], x, [np.array([1.0, 0.0]), np.array([1.0, 1.0])])
    np.testing.assert_array_equal(g.data, [4.0, 4.0])


# ---------------------------------------------------------------- higher orders
def test_third_derivative_through_backward():
    x = leaf(2.0)
    y = x**4
    for expected in (32.0, 48.0, 48.0):
        (y,) = ad.gradients([y], [x], create_graph=True)
        assert y.item() == pytest.approx(expected)


def test_backward_with_create_graph_makes_a_gradient_that_differentiates():
    x = leaf(2.0)
    (x**3).backward(create_graph=True)
    g, x.grad = x.grad, None
    g.backward()
    assert x.grad.item() == 12.0


@pytest.mark.parametrize("order", [2, 3])
def test_fused_op_with_residuals_to_third_order(order):
    rng = np.random.default_rng(0)
    x = leaf(rng.normal(size=(2, 3)))
    w, b = leaf(rng.normal(size=3)), leaf(rng.normal(size=3))
    assert ad.gradcheck(lambda x, w, b: ad.layer_norm(x, w, b), [x, w, b], order=order)


def test_residuals_saved_by_the_forward_would_be_constants():
    """The Hessian of layer_norm equals that of the same formula in plain ops."""
    rng = np.random.default_rng(0)
    data, v = rng.normal(size=(2, 4)), rng.normal(size=(2, 4))

    def plain(x):
        c = x - ad.mean(x, axis=-1, keepdims=True)
        return c / ad.sqrt(ad.mean(c * c, axis=-1, keepdims=True) + 1e-5)

    found = []
    for fn in (ad.layer_norm, plain):
        x = leaf(data)
        g = ad.gradients((fn(x) * v).sum(), x, create_graph=True)
        found.append(ad.gradients((g * g).sum(), x).data)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9)


def test_scalar_mode_differentiates_again():
    x = ad.Scalar(2.0)
    g = ad.gradients(x**3 * x.sigmoid(), x, create_graph=True)
    s = 1 / (1 + np.exp(-2.0))
    d = s * (1 - s)
    assert g.item() == pytest.approx(12 * s + 8 * d)
    assert ad.gradients(g, x).item() == pytest.approx(12 * s + 24 * d + 8 * d * (1 - 2 * s))


# ---------------------------------------------------------------- several outputs
def test_an_output_that_is_not_used_counts_as_zero():
    a = leaf([[2.0, 1.0], [0.5, 3.0]])
    sign, log = ad.linalg.slogdet(a)
    log.backward()
    np.testing.assert_allclose(a.grad.data, np.linalg.inv(a.data).T)


def test_edges_of_several_outputs():
    @ad.op(x=lambda g, x: g[0] + g[1] * 2 * x, outputs=2)
    def both(xp, x, /):
        return x + 0.0, x * x

    x = leaf([1.0, 2.0])
    first, second = both(x)
    assert (first.node.output, second.node.output) == (0, 1)
    assert first.node.parents[0] is second.node.parents[0]
    assert first.node.op.name == "both"
    (first * 3 + second).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [5.0, 7.0])
    y, z = both(x)
    (z * y + y).sum().backward()
    assert ad.gradcheck(lambda x: both(x)[0] * both(x)[1], leaf([0.5, 2.0]), order=2)


def test_as_many_outputs_as_the_operand_says():
    @ad.op(x=lambda g, xp: xp.stack(g), outputs=None)
    def slices(xp, x, /):
        return tuple([x[i] for i in range(x.shape[0])])

    a, b, c = slices(x := leaf([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    (a * c + c).sum().backward()  # c twice, b never
    np.testing.assert_array_equal(x.grad.data, [[5.0, 6.0], [0.0, 0.0], [2.0, 3.0]])
    assert (b.node.output, b.node.shape) == (1, (2,))
    assert len(slices(leaf([7.0]))) == len(slices(np.ones(1))) == 1
    assert len(slices(ad.ones(2))) == 2
    assert ad.gradcheck(lambda x: slices(x)[0] * slices(x)[1], leaf([0.5, 2.0]), order=2)
    with pytest.raises(TypeError, match="outputs=None leaves no place for residuals"):
        ad.op(outputs=None, saves=("y",))(lambda xp, x, /: (x, x))


def test_slots_add_up():
    @ad.op(x=lambda g, x: g[0] + g[1] * x, outputs=2)
    def two(xp, x, /):
        return x + 0.0, x * x

    (node,) = two(leaf([1.0]))[0].node.parents
    first, second = Slots(node, {0: 1.0}), Slots(node, {1: 5.0})
    assert tuple(first + first + second) == (2.0, 5.0) == tuple(second + (first + first))
    assert tuple(first) == (1.0, None)  # what was added to is as it was
    assert (first + second).shape is node.shape
    total = first + second
    assert total + first is total  # no copy for each of a thousand outputs


# ---------------------------------------------------------------- writes
def test_a_write_after_saving_is_noticed():
    x = leaf([1.0, 2.0])
    w = ad.tensor([3.0, 4.0], dtype=np.float64)
    y = (x * w).sum()
    w[0] = 9.0
    with pytest.raises(RuntimeError, match="multiply saved 'y' of shape .* written in place"):
        y.backward()


def test_a_write_through_a_view_is_noticed():
    x = leaf([1.0, 2.0])
    w = ad.tensor([[3.0, 4.0]], dtype=np.float64)
    y = (x * w[0]).sum()
    w[0, 1] = 9.0
    with pytest.raises(RuntimeError, match="written in place"):
        y.backward()


def test_a_write_elsewhere_is_no_matter():
    x = leaf([1.0, 2.0])
    w, other = ad.tensor([3.0, 4.0]), ad.tensor([1.0])
    y = (x * w).sum()
    other[0] = 2.0
    with ad.no_grad():
        x[0] = 5.0  # multiply kept w for x, not x itself
    y.backward()
    np.testing.assert_array_equal(x.grad.data, [3.0, 4.0])


def test_assigning_data_after_writing_into_it_is_noticed():
    x = leaf([1.0, 2.0])
    y = x.exp().sum()
    z = (x * x).sum()
    x.data *= 2.0
    y.backward()  # exp kept its own result
    with pytest.raises(RuntimeError, match="written in place"):
        z.backward()


def test_augmented_assignment_under_no_grad_writes_in_place():
    """As a training loop by hand does it."""
    w = leaf([1.0, 2.0])
    memory = w.data
    loss = (w * w).sum()
    loss.backward()
    with ad.no_grad():
        for p in [w]:
            p -= 0.5 * p.grad
    assert w.data is memory and w.is_leaf and w.requires_grad
    np.testing.assert_array_equal(memory, [0.0, 0.0])
    y = (w * w).sum()
    with ad.no_grad():
        w += 1.0
    with pytest.raises(RuntimeError, match="written in place"):
        y.backward()


# ---------------------------------------------------------------- grad mode
def test_no_grad_as_block_and_decorator():
    x = leaf(1.0)
    with ad.no_grad():
        assert not (x * 2).requires_grad
        with ad.enable_grad():
            assert (x * 2).requires_grad
        assert not ad.is_grad_enabled()

    @ad.no_grad()
    def f(x):
        return x * 2

    assert not f(x).requires_grad and (x * 2).requires_grad


def test_grad_mode_is_per_thread():
    inside, seen = threading.Event(), []

    def other():
        inside.wait(5)
        seen.append(ad.is_grad_enabled())

    thread = threading.Thread(target=other)
    thread.start()
    with ad.no_grad():
        inside.set()
        thread.join()
    assert seen == [True]


def test_threads_sharing_a_leaf_sum_their_gradients():
    w = leaf(np.zeros(1000))
    step = threading.Barrier(4)

    def work():
        step.wait()
        for _ in range(50):
            (w * 1.0).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    np.testing.assert_array_equal(w.grad.data, np.full(1000, 200.0))


def test_scopes_are_recorded_weakly():
    class Layer:
        pass

    outer, inner = Layer(), Layer()
    x = leaf(1.0)
    with ad.scope(outer), ad.scope(inner, call=3):
        y = x * 2
    scope = y.node.scope
    assert scope.module() is inner and scope.call == 3
    assert scope.outer.module() is outer and scope.outer.outer is None
    assert (x * 2).node.scope is None
    del inner
    assert scope.module() is None and scope.label == "Layer"


def test_node_is_described():
    x = leaf([[1.0, 2.0]], name="x")
    y = ad.exp(x)
    node = y.node
    assert (node.op.name, node.shape, node.dtype, node.device) == ("exp", (1, 2), np.float64, "cpu")
    assert node.index > node.parents[0].index
    assert node.parents[0].name == "x" and node.parents[0].op is None
    y.name = "y"
    assert node.name == "y"
