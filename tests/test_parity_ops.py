"""Every row of the op table against PyTorch: values, gradients, second derivatives."""

import numpy as np
import pytest

import autodiff as ad

from .table import CASES, LIMITS, NOT_IN_TORCH, SPECIAL, counterparts, registered
from .test_ops import DIFFERENTIABLE, outputs, tensors

torch = pytest.importorskip("torch", reason="the extra `parity` brings PyTorch")
pytestmark = pytest.mark.parity

LIMIT = 1e-10


TORCH = counterparts(torch)
SHARED = [case for case in CASES if case.op in TORCH]
SMOOTH = [case for case in DIFFERENTIABLE if case.op in TORCH]


def test_every_op_is_placed():
    """A new op needs its PyTorch name here, or the reason why it has none."""
    assert set(TORCH) | set(NOT_IN_TORCH) == registered()
    assert not set(TORCH) & set(NOT_IN_TORCH)


# ---------------------------------------------------------------- the comparison
def call_torch(case):
    """PyTorch's result, and the tensors by which it is differentiated."""
    values = [
        torch.tensor(x) if isinstance(x, np.ndarray)
        else torch.tensor(float(x), dtype=torch.float64) if isinstance(x, (int, float))
        else x
        for x in case.arrays(np.float64)
    ]  # fmt: skip
    sources = [values[i].requires_grad_() for i in case.differentiable()]
    return outputs(TORCH[case.op](*values, **case.options)), sources


def call_ours(case):
    call, values = tensors(case)
    return outputs(call(*values)), [values[i] for i in case.differentiable()]


class Comparison:
    """Assert that pairs of arrays agree, and remember the worst error."""

    def __init__(self):
        self.worst = {}  # value, gradient, second derivative -> (relative error, case)
        self.cases = {}

    def __call__(self, kind, case, mine, other):
        a = np.asarray(mine.data)
        b = other.numpy(force=True)
        assert a.shape == b.shape, f"{kind} of {case}: {a.shape}, PyTorch {b.shape}"
        self.cases.setdefault(kind, set()).add(id(case))
        if a.dtype.kind != "f" or not b.size:
            np.testing.assert_array_equal(a, b)
            return
        error = (np.abs(a - b) / np.where(b == 0, 1.0, np.abs(b))).max()
        limit = LIMITS.get(case.op, (LIMIT,))[0]
        if limit == LIMIT:
            self.worst[kind] = max(self.worst.get(kind, (0.0, "")), (error, str(case)))
        assert error <= limit, f"{kind} of {case}: relative error {error:.1e}\n{a}\nPyTorch:\n{b}"


@pytest.fixture(scope="module")
def compare(request):
    comparison = Comparison()
    yield comparison
    with request.config.pluginmanager.get_plugin("capturemanager").global_and_fixture_disabled():
        for kind, cases in comparison.cases.items():
            error, case = comparison.worst.get(kind, (0.0, "all"))
            print(
                f"\n{len(cases)} {kind}s equal PyTorch's within {error:.1e} (worst: {case})", end=""
            )


@pytest.mark.parametrize("case", SHARED, ids=str)
def test_value(case, compare):
    mine, other = call_ours(case)[0], call_torch(case)[0]
    for y, z in zip(mine, other, strict=True):
        compare("value", case, y, z)


def seeds(shapes, seed):
    """Random numbers of the given shapes: ones would hide errors that cancel."""
    rng = np.random.default_rng(seed)
    return [rng.uniform(0.5, 1.5, shape) * rng.choice([-1, 1], shape) for shape in shapes]


def first(case, create_graph=False):
    """Our gradients and PyTorch's, with what they were taken of."""
    (mine, ours), (other, sources) = call_ours(case), call_torch(case)
    g = seeds([y.shape for y in mine], 1)
    kept = [i for i, z in enumerate(other) if z.requires_grad]  # all but the sign of slogdet
    own = [i for i, y in enumerate(mine) if y.requires_grad]  # indices do not
    a = ad.gradients(
        [mine[i] for i in own], ours, [ad.tensor(g[i]) for i in own], create_graph=create_graph
    )
    b = torch.autograd.grad(
        [other[i] for i in kept], sources, [torch.tensor(g[i]) for i in kept],
        create_graph=create_graph,
    )  # fmt: skip
    return a, ours, b, sources


@pytest.mark.parametrize("case", SMOOTH, ids=str)
def test_gradient(case, compare):
    a, _, b, _ = first(case)
    for mine, other in zip(a, b, strict=True):
        compare("gradient", case, mine, other)


@pytest.mark.parametrize("case", SMOOTH, ids=str)
def test_second_derivative(case, compare):
    """The gradient of a random projection of the gradients; no graph there means zeros."""
    a, ours, b, sources = first(case, create_graph=True)
    directions = seeds([s.shape for s in ours], 2)
    curved = [g.requires_grad for g in a], [g.requires_grad for g in b]
    mine = other = [None] * len(ours)
    if any(curved[0]):
        total = sum(ad.sum(g * v) for g, v, c in zip(a, directions, curved[0]) if c)
        mine = ad.gradients(total, ours, allow_unused=True)
    if any(curved[1]):
        total = sum((g * torch.tensor(v)).sum() for g, v, c in zip(b, directions, curved[1]) if c)
        other = torch.autograd.grad(total, sources, allow_unused=True)
    for x, y, s in zip(mine, other, sources, strict=True):
        zeros = np.zeros(s.shape)
        x = ad.tensor(zeros) if x is None else x
        compare("second derivative", case, x, torch.tensor(zeros) if y is None else y)


@pytest.mark.parametrize("op, inputs, out, grads, unlike, options", SPECIAL)
def test_special_point(op, inputs, out, grads, unlike, options):
    """PyTorch's value and gradient at kinks, poles and extremes are ours, unless we say so."""
    if op not in TORCH:
        pytest.skip(NOT_IN_TORCH[op])
    values = [
        torch.tensor(x, dtype=torch.float64, requires_grad=True)
        if isinstance(x, (float, list))
        else torch.tensor(x) if isinstance(x, bool) else x
        for x in inputs
    ]  # fmt: skip
    y = TORCH[op](*values, **options)
    y.sum().backward()
    found = [y.detach()] + [x.grad for x, d in zip(values, grads, strict=True) if d is not None]
    expected = [out, *(d for d in grads if d is not None)]
    rtol = LIMITS.get(op, (LIMIT,))[0] if not unlike else 1e-12
    same = all(np.allclose(a, b, rtol, 0, equal_nan=True) for a, b in zip(found, expected))
    assert same != bool(unlike), f"PyTorch: {found}"
