"""Capture: which calls are listed, what is computed at once, and what is refused."""

import numpy as np
import pytest

import autodiff as ad
import nn


def names(program):
    return [call.name for call in program.calls]


def test_calls_say_where_their_operands_come_from():
    w = ad.tensor([[2.0], [3.0]], requires_grad=True)
    program = ad.capture(lambda x: ad.tanh(x @ w + 1.0), ad.ones((4, 2)))
    assert names(program) == ["matmul", "add", "tanh"]
    product, total, result = program.calls
    assert product.operands[0] is program.inputs[0]
    assert product.operands[1].origin is w.data and product.operands[1].number is None
    assert total.operands[0] is product.results[0]
    assert total.operands[1].inner == 1 and total.operands[1].dtype == np.float32
    assert program.outputs == [result.results[0]]
    np.testing.assert_allclose(program.outputs[0].inner, np.tanh(np.full((4, 1), 6.0)), 1e-6)


def test_what_does_not_depend_on_inputs_is_computed_at_once():
    w = ad.ones((3,), requires_grad=True)
    program = ad.capture(lambda x: x * ad.exp(w * 2), ad.ones(3))
    assert names(program) == ["multiply"]
    np.testing.assert_allclose(program.calls[0].operands[1].inner, np.exp([2.0] * 3), 1e-6)


def test_containers_go_in_and_come_out():
    def fn(pair, n, options):
        return {"sum": pair[0] + pair[1], "scaled": [options["x"] * n]}

    program = ad.capture(fn, (ad.ones(2), np.ones(2)), 3, {"x": ad.ones(1)})
    assert len(program.inputs) == 3 and len(program.outputs) == 2
    assert [x.inner.tolist() for x in program.outputs] == [[2, 2], [3]]


def test_scopes_are_noted():
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    program = ad.capture(model, ad.ones((1, 2)))
    assert [call.scope.label for call in program.calls] == ["Linear", "ReLU"]


def test_no_graph_is_made_and_the_mode_is_put_back():
    x = ad.ones(2, requires_grad=True)
    program = ad.capture(lambda x: x * 2, x)
    assert program.outputs and ad.is_grad_enabled() and x.grad is None


@pytest.mark.parametrize(
    ("fn", "made"),
    [
        (lambda x: ad.REGISTRY["silu"](x), {"multiply", "sigmoid", "divide"}),
        (lambda x: nn.functional.layer_norm(x, (3,)), {"mean", "subtract", "multiply"}),
        (lambda x: ad.rms_norm(x), {"mean", "sqrt"}),
    ],
)
def test_an_op_that_is_not_kept_is_taken_apart(fn, made):
    whole = ad.capture(fn, ad.ones((2, 3)))
    assert len(whole.calls) == 1
    parts = ad.capture(fn, ad.ones((2, 3)), keep=lambda name, *_: name != whole.calls[0].name)
    assert made & set(names(parts)) and whole.calls[0].name not in names(parts)
    np.testing.assert_allclose(parts.outputs[0].inner, whole.outputs[0].inner, 1e-6)


@pytest.mark.parametrize(
    ("op", "fn"),
    [
        ("svd", lambda x: ad.linalg.svd(x)),
        # Their bodies write into an array of their own, which must not pass as zeros.
        (
            "untake_along_axis",
            lambda x: ad.REGISTRY["untake_along_axis"](
                x, np.array([[0], [1]]), axis=1, shape=(2, 3), distinct=True
            ),
        ),
        ("unindex", lambda x: ad.REGISTRY["unindex"](x, slice(2), (4, 1))),
    ],
)
def test_an_op_that_cannot_be_taken_apart_says_so(op, fn):
    with pytest.raises(NotImplementedError, match=f"{op}: .* counterpart"):
        ad.capture(fn, ad.ones((2, 1)), keep=lambda name, *_: name != op)


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: x if x.sum() > 0 else -x,
        lambda x: x * float(x[0]),
        lambda x: ad.asarray(np.sin(x.data)),
        lambda x: ad.asarray(x.numpy() + 1),
        lambda x: x * x.data.item(),
        lambda x: x.__setitem__(0, 1.0),
        lambda x: ad.zeros(2).__setitem__(0, x[0]),
        lambda x: list(range(x.sum().astype(ad.int64))),
    ],
)
def test_values_cannot_leave_the_program(fn):
    with pytest.raises(TypeError):
        ad.capture(fn, ad.ones(2))


def test_an_index_may_be_computed():
    table = ad.tensor([[1.0], [2.0], [3.0]])
    program = ad.capture(lambda i: table[i], np.array([2, 0]))
    (call,) = program.calls
    assert call.name == "getitem" and call.reads[-1] is program.inputs[0]
    assert program.outputs[0].inner.tolist() == [[3.0], [1.0]]


def test_vmap_and_gradients_are_ops_like_others():
    w = ad.tensor([[1.0, -2.0], [0.5, 3.0]])
    fn = ad.vmap(ad.grad(lambda row: ad.tanh(row @ w).sum()))
    x = ad.tensor([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])
    program = ad.capture(fn, x)
    assert {"matmul", "tanh"} <= set(names(program))
    np.testing.assert_allclose(program.outputs[0].inner, fn(x).data, 1e-6)
    assert "batch" not in names(program)


def test_captured_is_one_call_and_nothing_outside():
    fn = lambda x: ad.captured("f", lambda x: (x + x, x * x), x, label="two")  # noqa: E731
    assert [y.item() for y in fn(ad.tensor(3.0))] == [6.0, 9.0]
    program = ad.capture(lambda x: fn(x)[1] + 1.0, ad.tensor(3.0))
    assert names(program) == ["f", "add"]
    assert program.calls[0].options == {"label": "two"} and len(program.calls[0].results) == 2
    assert program.outputs[0].inner == 10


def test_all_operators_of_python_are_ops():
    def fn(x, i):
        y = 2.0 * x - 1.0 / (x + 3.0) ** 2 // 1.0 % 5.0
        return (y @ x.T, -x, abs(x), x == 1, x != 1, x < 1, x <= 1, x > 1, x >= 1,
                i & 1, i | 1, i ^ 1, ~i, i << 1, i >> 1)  # fmt: skip

    x, i = ad.tensor([[1.0, 2.0]]), ad.tensor([3, 4])
    program = ad.capture(fn, x, i)
    for found, wanted in zip(program.outputs, fn(x, i), strict=True):
        np.testing.assert_array_equal(found.inner, wanted.data)
