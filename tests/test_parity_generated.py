"""Ops on inputs that hypothesis makes, against PyTorch: shapes, special values, ties."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import autodiff as ad
from autodiff import REGISTRY

from .table import GENERATED, LIMITS, counterparts, registered

torch = pytest.importorskip("torch", reason="the extra `parity` brings PyTorch")
pytestmark = pytest.mark.parity

TORCH = counterparts(torch)
LIMIT = 1e-10  # of the relative error; of values below SMALL, relative to that
SMALL = 1e-4
EXAMPLES = 60


def test_every_elementwise_op_is_here():
    elementwise = {name for name in registered() if REGISTRY[name].traits.elementwise}
    assert elementwise & set(TORCH) - {each.op for each in GENERATED} == set()


@pytest.fixture(scope="module")
def worst(request):
    """For each op how many cases were compared, and the worst relative error."""
    found = {}
    yield found
    cases = sum(count for count, _ in found.values())
    at_limit = {op: error for op, (_, error) in found.items() if op not in LIMITS}
    with request.config.pluginmanager.get_plugin("capturemanager").global_and_fixture_disabled():
        op = max(at_limit, key=at_limit.get, default=None)
        if op is not None:
            print(
                f"\n{len(found)} ops, {cases} generated cases: values and gradients equal "
                f"PyTorch's within {at_limit[op]:.1e} (worst: {op})", end="",
            )  # fmt: skip


def error(mine, other):
    """The worst relative error, infinite where NaNs or infinities are not the same."""
    a, b = np.asarray(mine), np.asarray(other)
    assert a.shape == b.shape and a.dtype == b.dtype, (a.shape, a.dtype, b.shape, b.dtype)
    if a.dtype.kind != "f":
        return 0.0 if np.array_equal(a, b) else np.inf
    alike = (a == b) | (np.isnan(a) & np.isnan(b))
    e = np.where(alike, 0.0, np.abs(a - b) / np.maximum(np.abs(b), SMALL))
    return float(np.where(np.isnan(e), np.inf, e).max(initial=0.0))


@np.errstate(all="ignore")
def compare(op, inputs, options):
    """The worst error of the values, and of the gradients of a random projection."""
    ours = [ad.tensor(x) if isinstance(x, np.ndarray) else x for x in inputs]
    theirs = [torch.tensor(x) if isinstance(x, np.ndarray) else x for x in inputs]
    wrt = [i for i, x in enumerate(inputs) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
    for i in wrt:
        ours[i].requires_grad_()
        theirs[i].requires_grad_()
    y, z = REGISTRY[op](*ours, **options), TORCH[op](*theirs, **options)
    worst = error(y.data, z.numpy(force=True))
    if not REGISTRY[op].rules or not wrt:
        return worst
    assert y.requires_grad and z.requires_grad, "one of them has no gradient"
    g = np.random.default_rng(0).uniform(0.5, 1.5, y.shape)
    mine = ad.gradients(y, [ours[i] for i in wrt], ad.tensor(g), allow_unused=True)
    other = torch.autograd.grad(z, [theirs[i] for i in wrt], torch.tensor(g), allow_unused=True)
    for i, a, b in zip(wrt, mine, other, strict=True):
        zeros = np.zeros(inputs[i].shape)
        a = zeros if a is None else a.data
        worst = max(worst, error(a, zeros if b is None else b.numpy(force=True)))
    return worst


@pytest.mark.parametrize("case", GENERATED, ids=str)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_value_and_gradient(case, worst, data):
    inputs, options = data.draw(case.inputs), data.draw(case.options)
    if case.apart is not None:
        assume(not np.any(case.apart(*inputs)))
    found = compare(case.op, inputs, options)
    limit = LIMITS.get(case.op, (LIMIT,))[0]
    assert found <= limit, f"{case}: relative error {found:.1e}"
    count, most = worst.get(case.op, (0, 0.0))
    worst[case.op] = count + 1, max(most, found)
