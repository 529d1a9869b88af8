"""The whole op table: gradients, devices, dtypes, scalar mode, what is saved."""

import warnings

import numpy as np
import pytest

import autodiff as ad
from autodiff import REGISTRY, backend

from .table import CASES, SPECIAL, Case, registered

DIFFERENTIABLE = [case for case in CASES if case.differentiable()]


def is_scalar(x):
    return x == () if isinstance(x, tuple) else isinstance(x, (int, float))


SCALAR = [case for case in CASES if case.fn.traits.elementwise and all(map(is_scalar, case.inputs))]
SCALAR += [Case("where", (True, (), ())), Case("where", (False, (), 1.0))]
SCALAR += [Case("clip", ((), -1.0, 0.5)), Case("clip", ((), None, 0.5))]


def tensors(case, dtype=np.float64, device="cpu", grad=True):
    values = []
    for i, x in enumerate(case.arrays(dtype)):
        if isinstance(x, np.ndarray):
            x = ad.tensor(x, device=device)
            if grad and i in case.differentiable():
                x.requires_grad_()
        values.append(x)
    options = {
        name: backend.to_device(x, device) if isinstance(x, np.ndarray) else x
        for name, x in case.options.items()
    }
    if case.op == "move":
        options |= {"device": "cpu", "source": device}
    if "index" in options and isinstance(options["index"], tuple):
        options["index"] = tuple(
            backend.to_device(i, device) if isinstance(i, np.ndarray) else i
            for i in options["index"]
        )
    call = (
        (lambda *xs: case.fn(list(xs), **options))
        if case.sequence
        else (lambda *xs: case.fn(*xs, **options))
    )
    return call, values


def outputs(result):
    return list(result) if isinstance(result, tuple) else [result]


def test_every_op_has_a_row():
    assert registered() - {case.op for case in CASES} == set()


def test_every_row_has_an_op():
    assert {case.op for case in CASES} <= set(REGISTRY)


def test_every_differentiable_operand_is_checked():
    checked = {}
    for case in CASES:
        operands = case.fn.operands
        names = operands * len(case.inputs) if case.fn.variadic else operands
        checked.setdefault(case.op, set()).update(names[i] for i in case.differentiable())
    for name in registered():
        assert set(REGISTRY[name].rules) == checked[name], name


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=str)
def test_gradient(case):
    call, values = tensors(case)
    if case.symmetric:
        of_symmetric = call
        call = lambda x: of_symmetric(0.5 * (x + x.mT))  # noqa: E731
    assert ad.gradcheck(call, values, order=2)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_devices_agree(case, device):
    """Forward, gradients and second derivatives equal those on the CPU."""
    results = []
    for place in ("cpu", device):
        call, values = tensors(case, device=place)
        outs = outputs(call(*values))
        kept = [y for y in outs if y.requires_grad]
        sources = [x for x in values if isinstance(x, ad.Tensor) and x.requires_grad]
        first = second = ()
        if kept:
            ones = [
                ad.tensor(np.linspace(-1, 2, y.size).reshape(y.shape), device=y.device)
                for y in kept
            ]
            first = ad.gradients(kept, sources, ones, create_graph=True, allow_unused=True)
            again = [g * g for g in first if g is not None and g.requires_grad]
            if again:
                total = [ad.sum(g) for g in again]
                second = ad.gradients(total, sources, allow_unused=True)
        every = [*outs, *first, *second]
        if case.op != "move":
            assert all(t is None or t.device.startswith(place) for t in every)
        results.append([None if t is None else backend.to_numpy(t.data) for t in every])
    for here, there in zip(*results, strict=True):
        assert (here is None) == (there is None)
        if here is not None:
            assert here.dtype == there.dtype and here.shape == there.shape
            np.testing.assert_allclose(there, here, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32], ids=["float16", "float32"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_dtype_is_kept(case, dtype):
    """Forward, and what each rule returns before the engine could cast it."""
    if dtype is np.float16 and case.half:
        pytest.skip(case.half)
    call, values = tensors(case, dtype=dtype)
    nodes = []
    with ad.tap(lambda node, out: nodes.append(node)):
        outs = outputs(call(*values))
    floats = [y for y in outs if backend.is_float(y.dtype)]
    if "dtype" not in case.options:
        assert all(y.dtype == dtype for y in floats)
    for node in nodes:
        shapes = node.shape if case.fn.traits.several else [node.shape]
        dtypes = node.dtype if case.fn.traits.several else [node.dtype]
        g = [np.ones(s, d) for s, d in zip(shapes, dtypes, strict=True)]
        pulled = node.rule.pull(node, node.saved, tuple(g) if case.fn.traits.several else g[0])
        for d in pulled:
            assert d.dtype == dtype or "dtype" in case.options, f"a rule returned {d.dtype}"


@pytest.mark.parametrize("case", SCALAR, ids=str)
def test_scalar_mode_agrees(case):
    """The same op on floats gives the values and gradients of 0-d tensors."""
    call, values = tensors(case)
    scalars = [ad.Scalar(x.item()) if isinstance(x, ad.Tensor) else x for x in values]
    expected, found = call(*values), case.call(scalars)
    if not case.fn.rules:
        assert bool(found) == bool(expected)
        return
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)
    expected.backward()
    found.backward()
    for s, x in zip(scalars, values, strict=True):
        if isinstance(s, ad.Scalar) and x.requires_grad:
            assert s.grad.item() == pytest.approx(x.grad.item(), rel=1e-12)


def test_scalar_mode_has_every_elementwise_op():
    elementwise = {name for name in registered() if REGISTRY[name].traits.elementwise}
    assert elementwise == {case.op for case in SCALAR}


@pytest.mark.parametrize(
    "case", [case for case in CASES if not case.fn.traits.elementwise], ids=str
)
def test_ops_on_arrays_refuse_scalars(case):
    scalars = [ad.Scalar(1.0) for _ in case.inputs]
    with pytest.raises(TypeError, match=f"{case.op} has no scalar mode"):
        case.call(scalars)


@pytest.mark.parametrize("case", [c for c in CASES if c.fn.kernels], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_numpy_kernel_equals_body(case, dtype):
    """The body stays the reference of every kernel."""
    arrays = case.arrays(dtype)
    op = case.fn
    kernel = op.kernels.get("numpy")
    if kernel is None:
        pytest.skip("the kernel is for another library")
    xp = backend.KINDS[np.ndarray].xp
    settled = op.settle(arrays)[2]
    fast = kernel(xp, *settled, **case.options)
    slow = op.body(xp, *settled, **case.options)
    several = isinstance(fast, tuple)
    for a, b in zip(fast if several else [fast], slow if several else [slow], strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        rtol = 3e-6 if dtype is np.float32 else 1e-12
        # A sum that cancels is as exact as its terms.
        atol = np.finfo(dtype).eps * np.abs(b[np.isfinite(b)]).max(initial=0)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_raw_arrays_compute_and_record_nothing(case):
    raw = case.call(case.arrays())
    call, values = tensors(case, grad=False)
    wrapped = call(*values)
    for r, t in zip(outputs(raw), outputs(wrapped), strict=True):
        assert not isinstance(r, ad.Tensor) and isinstance(t, ad.Tensor)
        assert not t.requires_grad
        np.testing.assert_array_equal(r, t.data)


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=str)
def test_only_what_a_rule_reads_is_saved(case):
    """A node holds the arrays its rules name, and nothing else."""
    call, values = tensors(case)
    nodes = []
    with ad.tap(lambda node, out: nodes.append((node, out))):
        call(*values)
    ((node, _),) = nodes
    op = case.fn
    reads = {
        name
        for operand, carries in zip(
            op.operands * len(values) if op.variadic else op.differentiable, node.rule.carries
        )
        if carries
        for name in op.rules[operand].reads
    }
    if reads & set(op.traits.saves):  # residuals are computed anew from the operands
        reads |= {*op.operands, *op.options}
    assert set(node.rule.layout) == reads - {"g", "xp", "needs"} - (
        {"index"} if op.variadic else set()
    )


POINTS = [
    pytest.param(*point.values, mode, id=f"{point.id}-{mode}")
    for point in SPECIAL
    for mode in ("tensor", "scalar")
    if mode == "tensor" or REGISTRY[point.values[0]].traits.elementwise
]


@pytest.mark.parametrize("op, inputs, out, grads, unlike, options, mode", POINTS)
def test_special_points(op, inputs, out, grads, unlike, options, mode):
    """The published choice at kinks, and the limit at extremes, in both modes."""
    make = (
        (lambda v: ad.tensor(v, dtype=np.float64, requires_grad=True))
        if mode == "tensor"
        else ad.Scalar
    )
    values = [make(v) if isinstance(v, (float, list)) else v for v in inputs]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        y = REGISTRY[op](*values, **options)
        (y.sum() if y.shape else y).backward()
    np.testing.assert_allclose(y.data, out, rtol=1e-12)
    same_sign = np.signbit(y.data) == np.signbit(out)  # of zeros too
    assert np.all(np.isnan(out) | same_sign)
    for x, expected in zip(values, grads, strict=True):
        if expected is not None:
            np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-12)


def test_logsumexp_at_extremes():
    x = ad.tensor([1000.0, 1000.0], dtype=np.float64, requires_grad=True)
    y = ad.logsumexp(x)
    y.backward()
    assert y.item() == 1000 + np.log(2)
    np.testing.assert_allclose(x.grad.data, [0.5, 0.5])
    with np.errstate(divide="ignore"):
        assert ad.logsumexp(ad.tensor([-np.inf, -np.inf])).item() == -np.inf


def test_sigmoid_warns_nowhere():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ad.sigmoid(ad.tensor([-1000.0, 1000.0, -np.inf, np.inf]))
        ad.sigmoid(np.array([-1000.0, 1000.0]))
