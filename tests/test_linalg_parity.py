"""einsum and ad.linalg against PyTorch: what is made of ops. The ops are in the op table."""

import numpy as np
import pytest
from hypothesis import given

import autodiff as ad

from .test_einsum import DRAWS, KIN, arrays, sums
from .test_linalg import ORDERS, draw, leaf, positive

torch = pytest.importorskip("torch", reason="the extra `parity` brings PyTorch")
pytestmark = pytest.mark.parity

LIMIT = 1e-10  # relative to the largest value


def close(mine, other, what):
    other = other.numpy(force=True)
    assert mine.shape == other.shape, f"{what}: {mine.shape}, PyTorch {other.shape}"
    error = np.abs(mine.data - other).max(initial=0) / max(1.0, np.abs(other).max(initial=0))
    assert error <= LIMIT, f"{what}: off by {error:.1e}"


def compare(ours, theirs, values):
    """Values, gradients along random cotangents, and the gradient of those gradients."""
    xs, ts = [leaf(v) for v in values], [torch.tensor(v, requires_grad=True) for v in values]
    y, z = ours(*xs), theirs(*ts)
    close(y, z, "value")
    g = np.random.default_rng(1).uniform(0.5, 1.5, y.shape)
    a = ad.gradients(y, xs, ad.tensor(g), create_graph=True)
    b = torch.autograd.grad(z, ts, torch.tensor(g), create_graph=True)
    for mine, other in zip(a, b, strict=True):
        close(mine, other, "gradient")
    if not any(t.requires_grad for t in b):
        return
    total = sum((t * t).sum() for t in b)
    second = torch.autograd.grad(total, ts, allow_unused=True)
    mine = ad.gradients(sum(ad.sum(t * t) for t in a), xs, allow_unused=True)
    for p, q, v in zip(mine, second, values, strict=True):
        zero = np.zeros(v.shape)
        close(ad.tensor(zero) if p is None else p, torch.tensor(zero) if q is None else q, "second")


@DRAWS
@given(sums())
def test_einsum(drawn):
    subscripts, shapes = drawn

    def call(module):
        return lambda *xs: module.einsum(subscripts, *xs)

    compare(call(ad), call(torch), arrays(shapes))


def tensordot(x, y, axes=2):
    if not isinstance(axes, int):
        axes = [[a] if isinstance(a, int) else a for a in axes]
    return torch.tensordot(x, y, axes)


def trace(x, offset=0, axis1=0, axis2=1):
    return torch.diagonal(x, offset, axis1, axis2).sum(-1)


THEIRS = {
    "dot": lambda x, y: torch.tensordot(x, y, ([-1], [-2])) if y.ndim > 2 else x @ y,
    "inner": torch.inner,
    "outer": lambda x, y: torch.outer(x.flatten(), y.flatten()),
    "tensordot": tensordot,
    "vecdot": lambda x, y, axis=-1: torch.linalg.vecdot(x, y, dim=axis),
    "kron": torch.kron,
    "trace": trace,
}


@pytest.mark.parametrize(("name", "shapes", "options"), KIN)
def test_kin_of_einsum(name, shapes, options):
    if name == "dot" and () in shapes:
        pytest.skip("PyTorch's products take no numbers")
    compare(
        lambda *xs: getattr(ad, name)(*xs, **options),
        lambda *xs: THEIRS[name](*xs, **options),
        arrays(shapes),
    )


@pytest.mark.parametrize(
    ("name", "x", "options"),
    [
        ("matrix_power", draw(3, 3), {"n": 3}),
        ("matrix_power", draw(2, 3, 3), {"n": -2}),
        ("cholesky", positive(draw(3, 3)), {"upper": True}),
        ("diagonal", draw(2, 3, 4), {"offset": 1}),
        ("svdvals", draw(3, 4), {}),
        *[("matrix_norm", draw(2, 3, 4), {"ord": ord}) for ord in ORDERS[1:]],
        ("vector_norm", draw(2, 3), {"ord": 3}),
    ],
)
def test_linalg(name, x, options):
    def symmetric(fn):
        return (lambda x: fn(0.5 * (x + x.mT))) if name == "cholesky" else fn

    compare(
        symmetric(lambda x: getattr(ad.linalg, name)(x, **options)),
        symmetric(lambda x: getattr(torch.linalg, name)(x, **options)),
        [x],
    )
