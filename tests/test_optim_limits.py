"""Clipping of gradients, L1 decay, and the max-norm ball."""

import math

import numpy as np
import pytest

import autodiff as ad
from nn import optim

from .optimizers import parameters


def same(one, two):
    np.testing.assert_array_equal(one, two)


# ---------------------------------------------------------------- clipping
def test_clipping_the_norm():
    params = parameters((2,), (2,), (3,))
    params[0].grad, params[1].grad = ad.tensor([3.0, 0.0]), ad.tensor([0.0, 4.0])
    gradients = [p.grad.data for p in params[:2]]
    assert optim.clip_grad_norm_(params, 10.0).item() == 5
    same([np.array([3, 0]), np.array([0, 4])], gradients)
    assert optim.clip_grad_norm_(iter(params), 1.0).item() == 5
    np.testing.assert_allclose(gradients, [[0.6, 0], [0, 0.8]], rtol=1e-6)
    assert optim.clip_grad_norm_(params[2], 1.0).item() == 0
    assert params[2].grad is None


def test_clipping_gradients_of_zero_and_of_float16():
    (p,) = parameters((3,), dtype=np.float16)
    p.grad = ad.asarray(np.zeros(3, np.float16))
    assert optim.clip_grad_norm_(p, 1.0).item() == 0 and not p.grad.data.any()
    p.grad = ad.asarray(np.full(3, 3e4, np.float16))  # their squares overflow float16
    optim.clip_grad_norm_(p, 1.0)
    np.testing.assert_allclose(p.grad.data, 3**-0.5, rtol=1e-3)
    assert p.grad.dtype == np.float16


def test_clipping_gradients_that_are_not_finite():
    (p,) = parameters((2,))
    p.grad = ad.tensor([1.0, math.nan])
    with pytest.raises(ValueError, match="norm of the gradients is nan"):
        optim.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    assert p.grad.data[0] == 1
    assert math.isnan(optim.clip_grad_norm_(p, 1.0).item())
    with pytest.raises(ValueError, match="max_norm=0"):
        optim.clip_grad_norm_(p, 0)


def test_clipping_values():
    (p,) = parameters((3,))
    p.grad = ad.tensor([-5.0, 0.5, 5.0])
    memory = p.grad.data
    optim.clip_grad_value_(p, 1.0)
    assert p.grad.data is memory and memory.tolist() == [-1, 0.5, 1]
    with pytest.raises(ValueError, match="must not be negative"):
        optim.clip_grad_value_(p, -1.0)


# ---------------------------------------------------------------- L1 decay
def test_l1_decay_is_the_gradient_of_the_penalty(device):
    params = parameters((3, 4), (2,), (2,))
    params[0].data[1, 2] = 0
    rng = np.random.default_rng(1)
    for p in params[:2]:
        g = rng.standard_normal(p.shape).astype(np.float32)
        p.data = ad.backend.to_device(p.data, device)
        p.grad = ad.asarray(ad.backend.to_device(g, device))
    w = params[0]
    (expected,) = ad.gradients((w * w.grad).sum() + 0.3 * ad.abs(w).sum(), [w])
    memory = w.grad.data
    optim.l1_decay_(params, 0.3)
    assert w.grad.data is memory and params[2].grad is None
    memory, expected = ad.backend.to_numpy(memory), ad.backend.to_numpy(expected.data)
    np.testing.assert_allclose(memory, expected, rtol=1e-6)
    with pytest.raises(ValueError, match="strength=-1 must not be negative"):
        optim.l1_decay_(params, -1)


def test_l1_decay_makes_weights_sparse():
    """The minimum of (w - a)**2 + s * |w| is a shrunk by s / 2, or 0."""
    (p,) = params = parameters((2,), dtype=np.float64)
    optimizer = optim.SGD(params, lr=0.01)
    for _ in range(500):
        optimizer.zero_grad()
        ((p - ad.tensor([1.0, 0.1], dtype=ad.float64)) ** 2).sum().backward()
        optim.l1_decay_(params, 0.5)
        optimizer.step()
    np.testing.assert_allclose(p.data, [0.75, 0.0], atol=0.01)


# ---------------------------------------------------------------- max-norm
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "axis", "along"),
    [
        ((4, 6), None, (1,)),
        ((4, 3, 2, 2), None, (1, 2, 3)),
        ((4, 6), 0, (0,)),
        ((5,), 0, (0,)),
        ((4, 3, 2), (0, 2), (0, 2)),
        ((4, 6), (0, 1), (0, 1)),
    ],
)
def test_max_norm_projects_onto_the_ball(shape, axis, along, dtype, device):
    (p,) = parameters(shape, dtype=dtype)
    p.data[:2] *= 0.01
    before = p.data.copy()
    exact = before.astype(np.float64)
    norms = np.sqrt((exact**2).sum(along, keepdims=True))
    p.data = memory = ad.backend.to_device(p.data, device)
    optim.max_norm_(p, 1.0, axis)
    assert p.data is memory
    after = ad.backend.to_numpy(memory)
    np.testing.assert_allclose(after, exact / np.maximum(norms, 1), rtol=4 * np.finfo(dtype).eps)
    short = np.broadcast_to(norms <= 1, shape)
    same(after[short], before[short])


def test_max_norm_of_squares_that_overflow():
    (p,) = parameters((2, 3), dtype=np.float16)
    p.data[...] = 3e4
    optim.max_norm_(p, 1.0)
    np.testing.assert_allclose(p.data, 3**-0.5, rtol=1e-3)


def test_max_norm_is_a_write_that_backward_notices_and_records_nothing():
    p, q = params = parameters((3, 3), (3, 3))
    y = (p * q).sum()
    optim.max_norm_(params, 0.1)
    assert p.is_leaf and q.is_leaf
    with pytest.raises(RuntimeError, match="write"):
        y.backward()


def test_max_norm_refuses():
    params = parameters((30, 30), (3,))
    before = params[0].data.copy()
    with pytest.raises(ValueError, match=r"shape \(3,\) has no axis of incoming weights"):
        optim.max_norm_(params, 0.1)
    same(params[0].data, before)
    for bad in (0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="must be positive and finite"):
            optim.max_norm_(params[0], bad)
