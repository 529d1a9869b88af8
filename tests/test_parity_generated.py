"""Every op on inputs that hypothesis makes, against PyTorch: shapes, special values, ties."""

import warnings
from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import autodiff as ad
from autodiff import REGISTRY

from .table import GENERATED, LIMITS, composites, counterparts

torch = pytest.importorskip("torch", reason="the extra `parity` brings PyTorch")
pytestmark = pytest.mark.parity

OPS = counterparts(torch)
TORCH = OPS | composites.counterparts(torch)
EVERY = [*GENERATED, *composites.GENERATED]
LIMIT = 1e-10  # of the relative error; of values below SMALL, relative to that
SMALL = 1e-4
EXAMPLES = 40


def test_every_op_is_here():
    """All that PyTorch has too; why it has not the others is in NOT_IN_TORCH."""
    assert set(TORCH) - {each.op for each in EVERY} == set()


FOUND = {}  # for each op how many cases were compared, and the worst relative error


@pytest.fixture(scope="module", autouse=True)
def report(request):
    yield
    cases = sum(count for count, _ in FOUND.values())
    at_limit = {op: error for op, (_, error) in FOUND.items() if op not in LIMITS}
    with request.config.pluginmanager.get_plugin("capturemanager").global_and_fixture_disabled():
        op = max(at_limit, key=at_limit.get, default=None)
        if op is not None:
            print(
                f"\n{len(FOUND)} ops, {cases} generated cases: values and gradients equal "
                f"PyTorch's within {at_limit[op]:.1e} (worst: {op})", end="",
            )  # fmt: skip


def error(mine, other, whole):
    """The worst relative error, infinite where NaNs or infinities are not the same."""
    a, b = np.asarray(mine), np.asarray(other)
    assert a.shape == b.shape and a.dtype == b.dtype, (a.shape, a.dtype, b.shape, b.dtype)
    if a.dtype.kind != "f":
        return 0.0 if np.array_equal(a, b) else np.inf
    alike = (a == b) | (np.isnan(a) & np.isnan(b))
    size = np.maximum(np.abs(b).max(initial=0.0) if whole else np.abs(b), SMALL)
    e = np.where(alike, 0.0, np.abs(a - b) / size)
    return float(np.where(np.isnan(e), np.inf, e).max(initial=0.0))


def differ(mine, other, whole):
    pairs = zip(mine, other, strict=True)
    return max([error(a.data, b.numpy(force=True), whole) for a, b in pairs], default=0.0)


def listed(result):
    return list(result) if isinstance(result, (list, tuple)) else [result]


def call_ours(case, inputs, options):
    fn = REGISTRY[case.op] if case.op in OPS else composites.find(case.op)
    operands = [inputs] if getattr(fn, "variadic", False) else inputs
    result = listed(fn(*operands, **options))
    return listed(case.compared(*result)) if case.compared else result


def call_torch(case, inputs, options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = listed(TORCH[case.op](*inputs, **options))
    return listed(case.compared(*result)) if case.compared else result


def differentiable(case, inputs):
    """The places of the inputs that both differentiate by."""
    floats = [i for i, x in enumerate(inputs) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
    op = REGISTRY.get(case.op)
    if op is None or op.variadic:
        return floats
    return [i for i in floats if op.operands[i] in op.rules]


def pulled(results, g, wrt, gradients, zeros_like):
    """The gradients of a projection of the results; zeros where there are none."""
    kept = [i for i, y in enumerate(results) if y.requires_grad]
    found = [None] * len(wrt)
    if kept:
        found = gradients([results[i] for i in kept], wrt, [g[i] for i in kept])
    return [zeros_like(x) if d is None else d for x, d in zip(wrt, found, strict=True)]


@np.errstate(all="ignore")
def compare(case, inputs, options):
    """The worst error of the values, and of the gradients of a random projection."""
    ours = [ad.tensor(x) if isinstance(x, np.ndarray) else x for x in inputs]
    theirs = [torch.tensor(x) if isinstance(x, np.ndarray) else x for x in inputs]
    wrt = differentiable(case, inputs)
    for i in wrt:
        ours[i].requires_grad_()
        theirs[i].requires_grad_()
    a, b = call_ours(case, ours, options), call_torch(case, theirs, options)
    worst = differ(a, b, case.whole)
    if not wrt:
        return worst
    mine, other = [ours[i] for i in wrt], [theirs[i] for i in wrt]
    graph = {"create_graph": case.order > 1, "allow_unused": True}
    for _ in range(case.order):
        rng = np.random.default_rng(0)
        g = [rng.uniform(0.5, 1.5, y.shape).astype(y.dtype) for y in a]
        our_g, their_g = [ad.tensor(v) for v in g], [torch.tensor(v) for v in g]
        a = pulled(a, our_g, mine, partial(ad.gradients, **graph), ad.zeros_like)
        b = pulled(b, their_g, other, partial(torch.autograd.grad, **graph), torch.zeros_like)
        worst = max(worst, differ(a, b, case.whole))
    return worst


@pytest.mark.parametrize("case", EVERY, ids=str)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
)
@given(data=st.data())
def test_value_and_gradient(case, data):
    inputs, options = case.draw(data)
    if case.apart is not None:
        assume(not np.any(case.apart(*inputs)))
    found = compare(case, inputs, options)
    limit = LIMITS.get(case.op, (LIMIT,))[0]
    assert found <= limit, f"{case}: relative error {found:.1e}"
    count, most = FOUND.get(case.op, (0, 0.0))
    FOUND[case.op] = count + 1, max(most, found)
