"""Mixed precision: which ops go low, which stay high, and that nothing pays for it when off."""

import dis
import threading

import ml_dtypes
import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff import REGISTRY, backend
from autodiff._op import Op
from autodiff._recorders import source_of_recorder
from autodiff.mode import current

RNG = np.random.default_rng(0)
X = RNG.uniform(0.5, 1, (4, 4))
A = X + 4 * np.eye(4)  # a matrix that every decomposition takes


def of(values, dtype=np.float32, requires_grad=True, **options):
    return ad.tensor(values.astype(dtype), requires_grad=requires_grad, **options)


# ---------------------------------------------------------------- what it does
def products_go_low(dtype, device):
    x, w, b = of(X, device=device), of(X, device=device), of(X[0], device=device)
    stack = ad.stack([w, w])
    with ad.autocast(dtype):
        results = [x @ w, ad.einsum("ij,jk->ik", x, w), nn.functional.linear(x, w, b), x @ stack]
        for y in results:
            assert y.dtype == dtype and y.device == x.device
            y.sum().backward()
    for t in (x, w, b):
        assert t.grad.dtype == np.float32 and t.grad.device == x.device
    expected = 4 * (np.ones((4, 4)) @ X.T) + np.ones((4, 4)) @ X
    np.testing.assert_allclose(x.grad.cpu().numpy(), expected, rtol=0.03)


def test_products_go_low_and_parameters_get_float32_gradients(device):
    products_go_low(np.float16, device)


def test_bfloat16():
    products_go_low(ml_dtypes.bfloat16, "cpu")


def test_a_low_product_is_that_of_cast_operands():
    x, w = of(X), of(X)
    with ad.autocast():
        y = x @ w
    np.testing.assert_array_equal(y.data, X.astype(np.float16) @ X.astype(np.float16))
    parent = y._node.parents[0]
    assert (parent.op.name, parent.parents[0]) == ("astype", x._node)  # recorded


HIGH = sorted(name for name, op in REGISTRY.items() if op.traits.autocast == "high")


@pytest.mark.parametrize("name", [name for name in HIGH if name.islower() and "." not in name])
def test_high_ops_cast_half_precision_up(name):
    operands = {
        "logistic_loss": (X, X), "mass_cross_entropy": (X, X), "squared_error": (X, X),
        "softmax_cross_entropy": (X, np.array([0, 1, 2, 3])), "logaddexp": (X, X),
        "solve": (A, X), "layer_norm": (X, X[0], X[0]),
    }.get(name, (A,))  # fmt: skip
    op, options = REGISTRY[name], {}
    if "reduction" in op.options:
        options["reduction"] = "mean"
    if name == "softmax_cross_entropy":
        options |= {"ignore_index": -100, "label_smoothing": 0.0}
    given = [of(v, np.float16) if v.dtype.kind == "f" else ad.tensor(v) for v in operands]
    single = [x.astype(np.float32) if x.dtype == np.float16 else x for x in given]
    with ad.autocast():
        found = op(*given, **options)
    expected = op(*single, **options)
    for f, e in zip(*[r if isinstance(r, tuple) else (r,) for r in (found, expected)], strict=True):
        assert f.dtype == np.float32
        np.testing.assert_array_equal(f.data, e.data)
    some = found[-1] if isinstance(found, tuple) else found
    some.sum().backward()
    assert given[0].grad.dtype == np.float16


def test_the_others_follow_promotion():
    half, single = of(X, np.float16), of(X)
    with ad.autocast():
        assert (half + half).dtype == np.float16
        assert (half + single).dtype == np.float32
        assert ad.tanh(single).dtype == np.float32
        assert ad.concatenate([half, single]).dtype == np.float32


def test_what_is_untouched():
    double, single = of(X, np.float64), of(X)
    with ad.autocast():
        assert (double @ double).dtype == np.float64
        assert (double @ single).dtype == np.float64
        np.testing.assert_array_equal(  # float32 beside float64 does not lose digits first
            (double @ single).data, X @ X.astype(np.float32).astype(np.float64)
        )
        assert ad.exp(double).dtype == np.float64
        assert (ad.tensor([[1, 2], [3, 4]]) @ ad.tensor([[1, 2], [3, 4]])).dtype == np.int64
        assert ad.sum(ad.tensor([1, 2])).dtype == np.int64
        assert isinstance(ad.exp(ad.Scalar(1.0)), ad.Scalar)
        assert ad.exp(1.0) == np.exp(1.0)
        assert isinstance(ad.matmul(X, X), np.ndarray) and ad.matmul(X, X).dtype == np.float64
        raw = ad.matmul(X.astype(np.float32), X.astype(np.float32))  # raw arrays too
        assert type(raw) is np.ndarray and raw.dtype == np.float16


def test_numbers_and_absent_operands_stay():
    x = of(X)
    with ad.autocast():
        assert nn.functional.linear(x, x, None).dtype == np.float16
        assert ad.logaddexp(of(X, np.float16), 1.0).dtype == np.float32


# ---------------------------------------------------------------- where it holds
def test_it_nests_restores_and_decorates():
    x = of(X)

    @ad.autocast(ml_dtypes.bfloat16)
    def product():
        return (x @ x).dtype

    assert (x @ x).dtype == np.float32
    with ad.autocast():
        assert (x @ x).dtype == np.float16
        assert product() == ml_dtypes.bfloat16
        with ad.autocast(enabled=False):
            assert (x @ x).dtype == np.float32
            with ad.autocast():
                assert (x @ x).dtype == np.float16
        assert (x @ x).dtype == np.float16
        with pytest.raises(KeyError), ad.autocast(ml_dtypes.bfloat16):
            raise KeyError
        assert (x @ x).dtype == np.float16
    assert (x @ x).dtype == np.float32 and current().autocast is None
    assert nn.optim.autocast is ad.autocast


def test_it_holds_for_one_thread():
    x, found = of(X), []
    with ad.autocast():
        thread = threading.Thread(target=lambda: found.append((x @ x).dtype))
        thread.start()
        thread.join()
    assert found == [np.float32]


def test_other_modes_keep_it():
    x = of(X)
    with ad.autocast():
        with ad.no_grad():
            assert (x @ x).dtype == np.float16 and not (x @ x).requires_grad
            with ad.enable_grad():
                assert (x @ x).dtype == np.float16
        with ad.tap(lambda node, out: None):
            assert (x @ x).dtype == np.float16
        with ad.saved_tensors_hooks(lambda t: t, lambda t: t):
            assert (x @ x).dtype == np.float16
        with ad.detect_anomaly():
            assert (x @ x).dtype == np.float16
        with ad.no_grad(), ad.autocast(enabled=False):
            assert not (x @ x).requires_grad


@pytest.mark.parametrize("dtype", [np.float32, "float64", "cuda", int])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(ValueError, match=r"autocast: dtype is .*; it must be float16 or bfloat16"):
        ad.autocast(dtype)


# ---------------------------------------------------------------- with the rest
def gradients_of(loss, *inputs):
    return [g.numpy() for g in ad.gradients(loss, inputs, retain_graph=True)]


def forward(x, w):
    h = ad.tanh(x @ w)
    return ad.mean(ad.exp(h @ w))


def test_backward_inside_the_block_is_backward_outside():
    x, w = of(X), of(X)
    with ad.autocast():
        loss = forward(x, w) + ad.linalg.inv(ad.linalg.inv(of(A) @ w)).sum()
        inside = gradients_of(loss, x, w)
    for a, b in zip(inside, gradients_of(loss, x, w), strict=True):
        np.testing.assert_array_equal(a, b)


def test_rules_do_not_cast():
    """A rule of an op that stays high stays high, and what is recorded of it too."""
    x = of(A)
    y = ad.linalg.inv(x).sum()
    (expected,) = ad.gradients(y, [x], retain_graph=True)
    _, tangent = ad.jvp(ad.linalg.inv, (x.detach(),), (x.detach(),))
    with ad.autocast():
        (found,) = ad.gradients(y, [x], create_graph=True)
        _, found_tangent = ad.jvp(ad.linalg.inv, (x.detach(),), (x.detach(),))
    np.testing.assert_array_equal(found.data, expected.data)
    np.testing.assert_array_equal(found_tangent.data, tangent.data)


def test_checkpoint_computes_again_under_the_same_autocast():
    x, w = of(X), of(X)
    with ad.autocast():
        plain = forward(x, w)
        kept = ad.checkpoint(forward, x, w)
        with ad.autocast(enabled=False):
            off = ad.checkpoint(forward, x, w)
            off_plain = forward(x, w)
    for one, two in ((plain, kept), (off_plain, off)):
        for a, b in zip(gradients_of(one, x, w), gradients_of(two, x, w), strict=True):
            np.testing.assert_array_equal(a, b)
    with ad.autocast():  # and not under the one of the backward pass
        kept = ad.checkpoint(forward, x, w)
        off_again = gradients_of(off, x, w)
    for a, b in zip(off_again, gradients_of(off_plain, x, w), strict=True):
        np.testing.assert_array_equal(a, b)


def test_higher_orders():
    x, w = of(X), of(X)
    with ad.autocast():
        loss = forward(x, w)
    (g,) = ad.gradients(loss, [x], create_graph=True)
    assert g.dtype == np.float32
    (h,) = ad.gradients((g * g).sum(), [w])
    reference = [of(X, np.float64), of(X, np.float64)]
    (g2,) = ad.gradients(forward(*reference), [reference[0]], create_graph=True)
    (h2,) = ad.gradients((g2 * g2).sum(), [reference[1]])
    assert h.dtype == np.float32
    np.testing.assert_allclose(h.numpy(), h2.numpy(), rtol=0.05, atol=0.02)


def test_transforms():
    x, w = of(X, requires_grad=False), of(X, requires_grad=False)
    with ad.autocast():
        each = ad.vmap(lambda row: ad.exp(row @ w).sum())(x)
        jacobian = ad.jacobian(lambda v: ad.tanh(v @ w))(x[0])
        value, tangent = ad.jvp(lambda v: ad.exp(v @ w), (x,), (x,))
        gradient = ad.vmap(ad.grad(lambda v: ad.exp(v @ w).sum()))(x)
    assert each.dtype == np.float32 and gradient.dtype == np.float32
    x64, w64 = X, X
    np.testing.assert_allclose(each.data, np.exp(x64 @ w64).sum(1), rtol=1e-2)
    expected = (1 - np.tanh(x64[0] @ w64) ** 2)[:, None] * w64.T
    np.testing.assert_allclose(jacobian.data, expected, rtol=0.05, atol=2e-3)
    np.testing.assert_allclose(value.data, np.exp(x64 @ w64), rtol=1e-2)
    np.testing.assert_allclose(tangent.data, np.exp(x64 @ w64) * (x64 @ w64), rtol=1e-2)
    np.testing.assert_allclose(gradient.data, np.exp(x64 @ w64) @ w64.T, rtol=1e-2)


def test_writes_in_place_keep_the_dtype_of_the_memory():
    x = ad.tensor(X.astype(np.float32))
    with ad.autocast():
        x @= x
    assert x.dtype == np.float32


def test_a_network_trains():
    ad.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
    optimizer = nn.optim.Adam(model.parameters(), lr=0.05)
    x = ad.tensor(RNG.uniform(-1, 1, (64, 2)).astype(np.float32))
    y = ad.tensor((x.numpy()[:, 0] * x.numpy()[:, 1] > 0).astype(np.int64))
    losses = []
    for _ in range(80):
        optimizer.zero_grad()
        with ad.autocast(ad.bfloat16):
            loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 3 and loss.dtype == np.float32
    assert all(p.dtype == np.float32 for p in model.parameters())


# ---------------------------------------------------------------- what it costs when off
def fast_path(op):
    """The instructions of a call on NumPy tensors that need no settling."""
    source = source_of_recorder(op, False).split("\n")
    start = next(i for i, line in enumerate(source) if line.strip().startswith("if xp is None"))
    depth = len(source[start]) - len(source[start].lstrip())
    end = next(
        i for i in range(start + 1, len(source))
        if len(source[i]) - len(source[i].lstrip()) <= depth
    )  # fmt: skip
    space = {}
    exec("\n".join(source[:start] + source[end:]), space)
    code = next(c for c in space["make"].__code__.co_consts if hasattr(c, "co_code"))
    return list(dis.get_instructions(code))


def like(op, autocast):
    """The same op with another trait."""
    from dataclasses import replace

    made = type(op.name, (Op,), {})(op.body, {}, replace(op.traits, autocast=autocast))
    for rule in {id(r): r for r in op.rules.values()}.values():
        made.vjp(*rule.operands)(rule.fn)
    for kind, kernel in op.kernels.items():
        made.kernel(kind)(kernel)
    return made


@pytest.mark.parametrize("name", ["matmul", "exp", "sum", "contract", "linear"])
def test_when_off_a_call_looks_where_it_looked_before(name):
    """One load of a slot in the place of one load of a global, and nothing else."""
    op = REGISTRY[name]
    having, lacking = fast_path(op), fast_path(like(op, None))
    assert len(having) == len(lacking) + 1
    changed = [i.argrepr for i in having if i.argval in ("trusted", "autocast")]
    assert changed == ["trusted"]
    assert current().trusted is backend.TRUSTED


def test_ops_that_autocast_does_not_name_have_no_line_of_it():
    for op in REGISTRY.values():
        source = source_of_recorder(op, False)
        if op.traits.autocast is None:
            assert "mode.trusted" not in source and "autocast" not in source
