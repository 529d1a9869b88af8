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

from .parts import PARTS
from .table import CASES, registered
from .test_parts import run

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


def rows(trait):
    """Rows of the op table whose op says so, and that are given some array of floats."""
    cases = [case for case in CASES if case.fn.traits.autocast == trait]
    cases = [case for case in cases if any(is_float(x) for x in case.arrays())]
    assert {case.op for case in cases} == {
        name for name in registered() if REGISTRY[name].traits.autocast == trait
    }
    return pytest.mark.parametrize("case", cases, ids=str)


def is_float(x):
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def given(case, *dtypes):
    """The inputs as tensors, cast to one dtype after the other."""
    values = case.arrays()
    for dtype in dtypes:
        values = [x.astype(dtype) if is_float(x) else x for x in values]
    return [of(x, x.dtype) if is_float(x) else x for x in values]


def outputs(result):
    return [y for y in (result if isinstance(result, tuple) else (result,)) if y.dtype.kind == "f"]


@rows("high")
def test_high_ops_compute_in_single_precision(case):
    half = given(case, np.float16)
    with ad.autocast():
        found = outputs(case.call(half))
    expected = outputs(case.call(given(case, np.float16, np.float32)))
    for f, e in zip(found, expected, strict=True):
        assert f.dtype == e.dtype
        np.testing.assert_array_equal(f.data, e.data)
    gradients_have_the_dtype(np.float16, found, half)


@rows("low")
def test_low_ops_compute_in_half_precision(case):
    single = given(case, np.float32)
    with ad.autocast():
        found = outputs(case.call(single))
    expected = outputs(case.call(given(case, np.float32, np.float16)))
    for f, e in zip(found, expected, strict=True):
        assert f.dtype == e.dtype
        np.testing.assert_array_equal(f.data, e.data)
    gradients_have_the_dtype(np.float32, found, single)


def gradients_have_the_dtype(dtype, results, inputs):
    roots = [y for y in results if y.requires_grad]
    wrt = [x for x in inputs if isinstance(x, ad.Tensor) and x.dtype.kind == "f"]
    if roots:
        for g in ad.gradients(roots, wrt, [ad.ones_like(y) for y in roots], allow_unused=True):
            assert g is None or g.dtype == dtype


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


@pytest.mark.parametrize("part", [p for p in PARTS if not p.only_compared], ids=str)
def test_every_module(part):
    """In single precision: near what it does without, and parameters get their own dtype."""
    found, expected = [], []
    for results, options in ((found, {}), (expected, {"enabled": False})):
        ad.manual_seed(0)
        module = part.make().float()
        with ad.autocast(**options):
            outputs, gradients = run(module, part, np.float32)
        results += [*outputs, *(g for g in gradients if g is not None), *module.buffers()]
        for p, g in zip([*module.parameters()][::-1], gradients[::-1], strict=False):
            assert g is None or g.dtype == p.dtype == np.float32
    for f, e in zip(found, expected, strict=True):
        f, e = f.data.astype(np.float64), e.data.astype(np.float64)
        # Rounding to 11 bits, amplified by the layers of an encoder.
        assert np.linalg.norm(f - e) <= 0.05 * np.linalg.norm(e) + 1e-2, (f, e)


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
