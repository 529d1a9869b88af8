"""Writes in place: recorded, seen through views, or refused; never a silently wrong gradient."""

import gc
import weakref

import numpy as np
import pytest

import autodiff as ad


def leaf(data, **how):
    return ad.tensor(np.asarray(data, dtype=np.float64), requires_grad=True, **how)


def constant(data):
    return ad.tensor(np.asarray(data, dtype=np.float64))


# ---------------------------------------------------------------- what is written
def test_augmented_assignment_writes_for_everyone_who_looks():
    x = leaf([1.0, 2.0])
    y = z = x * 1.0
    memory = y.data
    y *= 3.0
    y += x
    assert y is z and y.data is memory
    np.testing.assert_array_equal(memory, [4.0, 8.0])
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.data, [4.0, 4.0])


def test_every_operator_keeps_what_its_rule_reads():
    """``x *= y`` overwrites the x that the gradient of y needs."""
    x, y = leaf([1.5, 2.0]), leaf([0.5, 3.0])

    def fn(x, y):
        z = x * 1.0
        z *= y
        z -= y
        z /= y + 2.0
        z **= 2.0
        return z

    assert ad.gradcheck(fn, [x, y], order=2)


def test_a_constant_that_is_written_begins_to_carry_a_gradient():
    w = leaf([1.0, 2.0, 3.0])
    table = constant(np.zeros((2, 3)))
    table[1] = w * 2.0
    assert table.requires_grad and not table.is_leaf
    (table * table).sum().backward()
    np.testing.assert_array_equal(w.grad.data, 8 * w.data)


def test_setitem_takes_the_gradient_of_what_it_overwrites():
    x = leaf([1.0, 2.0, 3.0])
    y = x * 2.0
    y[1] = 7.0
    y.sum().backward()
    np.testing.assert_array_equal(y.data, [2.0, 7.0, 6.0])
    np.testing.assert_array_equal(x.grad.data, [2.0, 0.0, 2.0])


@pytest.mark.parametrize(
    "index",
    [1, -1, (slice(None), 1), (..., 0), slice(0, 2), None, (1, 2), np.array([True, False, True])],
    ids=str,
)
@pytest.mark.parametrize("scale", [1, 2], ids=["broadcast", "own"])
def test_setitem_checks_against_differences(index, scale):
    x = leaf(np.random.default_rng(0).normal(size=(3, 4)))
    region = np.asarray(x.data[index])
    v = leaf(np.asarray(1.5) if scale == 1 else np.random.default_rng(1).normal(size=region.shape))

    def fn(x, v):
        y = x * x
        y[index] = v * v
        return y

    assert ad.gradcheck(fn, [x, v], order=2)


def test_setitem_with_repeated_indices_gives_the_gradient_to_the_value_that_stays():
    v = leaf([1.0, 2.0, 3.0])
    y = constant(np.zeros(3))
    y[np.array([0, 2, 0])] = v
    np.testing.assert_array_equal(y.data, [3.0, 0.0, 2.0])
    y.sum().backward()
    np.testing.assert_array_equal(v.grad.data, [0.0, 1.0, 1.0])


def test_setitem_takes_values_with_leading_axes_of_one_and_other_dtypes():
    v = ad.tensor([[1.0, 2.0]], requires_grad=True)
    y = constant(np.zeros(2))
    y[:] = v
    assert y.dtype == np.float64
    y.sum().backward()
    assert v.grad.dtype == np.float32 and v.grad.shape == (1, 2)


# ---------------------------------------------------------------- views
def test_a_write_through_a_view_reaches_the_base_and_its_other_views():
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    y = x * 1.0
    row, column = y[0], y.T[1]
    row *= 10.0
    np.testing.assert_array_equal(y.data, [[10.0, 20.0], [3.0, 4.0]])
    np.testing.assert_array_equal(column.data, [20.0, 4.0])
    (ad.sum(column) + 5.0 * ad.sum(y)).backward()
    np.testing.assert_array_equal(x.grad.data, [[50.0, 60.0], [5.0, 6.0]])


def test_views_of_views_write_where_they_point():
    x = leaf(np.arange(24.0).reshape(2, 3, 4))

    def fn(x):
        y = x * 1.0
        v = y[1].T[1:3]
        w = v[0]
        w *= y[0, 1, 2]
        v += w.sum()
        return y * y

    assert ad.gradcheck(fn, [x], order=2)


def test_a_view_of_a_constant_sees_what_is_recorded_later():
    w = leaf([1.0, 2.0])
    base = constant(np.zeros((2, 2)))
    top, bottom = base[0], base[1]
    top += w
    assert base.requires_grad and top.requires_grad and bottom.requires_grad
    bottom[...] = top * 3.0
    base.sum().backward()
    np.testing.assert_array_equal(w.grad.data, [4.0, 4.0])


def test_a_single_element_is_a_view_too():
    x = leaf([1.0, 2.0])
    y = x * 1.0
    last, scalar = y[-1], y.sum()[()]
    last *= 3.0
    np.testing.assert_array_equal(y.data, [1.0, 6.0])
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.data, [1.0, 3.0])
    assert scalar.item() == 3.0


def test_a_view_that_is_the_very_same_array():
    """numpy.squeeze returns its argument where there is nothing to squeeze."""
    x = leaf([1.0, 2.0])
    y = x * 1.0
    z = ad.squeeze(y)
    z *= 3.0
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.data, [3.0, 3.0])


def test_views_survive_their_base():
    x = leaf([1.0, 2.0])
    y = x * 1.0
    a, b = y[:1], y[:]
    del y
    a *= 5.0
    b.sum().backward()
    np.testing.assert_array_equal(x.grad.data, [5.0, 1.0])


def test_data_that_was_replaced_is_no_longer_shared():
    x = leaf([1.0, 2.0])
    y = x * 1.0
    v = y[:]
    y.data = np.array([7.0, 8.0])
    v *= 3.0
    np.testing.assert_array_equal(y.data, [7.0, 8.0])
    (v.sum() + y.sum()).backward()
    np.testing.assert_array_equal(x.grad.data, [4.0, 4.0])


def test_copies_are_not_views():
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    y = x * 1.0
    for copy in (y.T.reshape(-1), y[[0]], y[y > 1.0], ad.broadcast_to(y, (2, 2)), y.clone()):
        before = y.data.copy()
        copy += 1.0
        np.testing.assert_array_equal(y.data, before)
        assert copy.node.op.name == "add"


# Ops that return what they were given, or slices of it, undeclared: no one else holds it.
NOT_VIEWS = {
    "move": "to where it is already, which `Tensor.to` answers with the tensor itself",
    "scale_gradient": "of rows just looked up, in F.embedding",
    "split_heads": "of a projection just made, in MultiheadAttention",
    "table_rows": "of integers, which F.embedding reads and does not return",
    "time_steps": "of inputs and states that recurrent layers read and do not return",
}


def test_every_result_that_shares_memory_is_declared_a_view():
    from .table import CASES

    for case in CASES:
        if case.op in NOT_VIEWS:
            continue
        raw = case.arrays()
        result = case.call(raw)
        for out in result if isinstance(result, tuple) else (result,):
            shared = [isinstance(x, np.ndarray) and np.may_share_memory(out, x) for x in raw]
            if any(shared) and np.size(out):
                assert case.fn.traits.view and shared[0], case


def test_views_leave_nothing_behind():
    gc.disable()
    try:
        base = constant(np.zeros(3))
        for _ in range(1000):
            base[1:]
        assert len(base._alias.refs) < 50
        kept = [base[i:] for i in range(3)]
        assert len(base._alias.alive()) == 3
        x = leaf([1.0, 2.0])
        y = x * 1.0
        v = y[:1]
        v *= 2.0
        gone = [weakref.ref(t) for t in (y, v, y.node, base)]
        del y, v, base, kept
        assert [ref() for ref in gone] == [None] * 4
    finally:
        gc.enable()


# ---------------------------------------------------------------- saved values
def test_the_own_op_of_what_is_written_keeps_a_copy():
    x = leaf([0.5, 1.0])
    y = ad.exp(x)
    v = y[:1]
    v += 1.0
    y *= 2.0
    y.sum().backward()
    np.testing.assert_allclose(x.grad.data, 2 * np.exp(x.data))


def test_what_others_saved_is_missed_at_backward():
    x = leaf([1.0, 2.0])
    y = x * 1.0
    z = y * y
    y[0] = 0.0
    with pytest.raises(RuntimeError, match=r"multiply saved 'y' of shape \(2,\).*written in place"):
        z.sum().backward()


def test_a_written_operand_that_nobody_saved_does_no_harm():
    x = leaf([1.0, 2.0])
    y = x * 1.0
    z = y + 1.0
    y[0] = 0.0
    (z + y).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [1.0, 2.0])


def test_retained_gradients_and_names_move_with_the_tensor():
    x = leaf([1.0, 2.0])
    y = x * 1.0
    y.name = "y"
    y.retain_grad()
    y *= 3.0
    assert y.node.name == "y"
    (y * 5.0).sum().backward()
    np.testing.assert_array_equal(y.grad.data, [5.0, 5.0])


# ---------------------------------------------------------------- refused
def test_leaves_and_their_views_are_refused_while_recording():
    w = leaf([1.0, 2.0], name="w")
    for write in (
        lambda: w.__setitem__(0, 1.0),
        lambda: w.__isub__(1.0),
        lambda: w[:1].__imul__(2.0),
        lambda: w.reshape(2, 1).__setitem__(0, 1.0),
    ):
        with pytest.raises(RuntimeError, match="a leaf 'w' that requires a gradient.*no_grad"):
            write()
    np.testing.assert_array_equal(w.data, [1.0, 2.0])
    with ad.no_grad():
        w[0] = 5.0
        part = w[1:]
        part += 1.0
    np.testing.assert_array_equal(w.data, [5.0, 3.0])
    assert w.is_leaf and w.requires_grad


def test_a_view_made_under_no_grad_is_refused_while_recording():
    x = leaf([1.0, 2.0])
    y = x * 1.0
    with ad.no_grad():
        v = y[:1]
        u = v[:]
    for hidden in (v, u):
        with pytest.raises(RuntimeError, match="made under no_grad"):
            hidden *= 2.0
        with pytest.raises(RuntimeError, match="made under no_grad"):
            hidden[0] = x[1]
    np.testing.assert_array_equal(y.data, [1.0, 2.0])
    with ad.no_grad():
        v *= 2.0
    np.testing.assert_array_equal(y.data, [2.0, 2.0])


def test_results_that_do_not_fit_are_refused_and_nothing_is_written():
    n = ad.tensor([1, 2])
    with pytest.raises(TypeError, match="add: a result of dtype float32 .* int64"):
        n += 0.5
    with pytest.raises(ValueError, match=r"add: a result of shape \(3, 2\)"):
        n += ad.tensor([[1, 1]] * 3)
    with pytest.raises(TypeError, match="setitem: a value that carries a gradient .* int64"):
        n[0] = leaf(1.0)
    n += 1
    np.testing.assert_array_equal(n.data, [2, 3])
    x = ad.tensor([1.0, 2.0])
    x += constant([0.5, 0.5])
    assert x.dtype == np.float32
    y = leaf([1.0, 2.0]) * 1.0
    with pytest.raises(ValueError, match="setitem"):
        y[0] = constant([1.0, 2.0, 3.0])
    with pytest.raises(IndexError, match="setitem"):
        y[5] = 1.0
    np.testing.assert_array_equal(y.data, [1.0, 2.0])
    assert y.node.op.name == "multiply"
