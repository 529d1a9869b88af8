"""What an optimizer says of its next step: the very bits that the step writes, and nothing else."""

import copy

import numpy as np
import pytest

import autodiff as ad
import nn
from tests.optimizers import VARIANTS


def stepped(variant, dtype, steps):
    """An optimizer after some steps, with gradients for the next one."""
    parameters = variant.parameters((3, 4), (5,), dtype=dtype)
    optimizer, rng = variant(parameters), np.random.default_rng(1)
    for i in range(steps + 1):
        for p in parameters:
            p.grad = ad.tensor(rng.standard_normal(p.shape).astype(dtype))
        if i < steps:
            optimizer.step()
    return parameters, optimizer


@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_preview_is_the_step(variant, dtype, steps):
    parameters, optimizer = stepped(variant, dtype, steps)
    before = [p.data.copy() for p in parameters]
    state = copy.deepcopy(optimizer.state_dict())
    found = [optimizer.preview(p, p.grad) for p in parameters]
    for p, old in zip(parameters, before, strict=True):
        assert np.array_equal(p.data, old)
    assert repr(optimizer.state_dict()) == repr(state)
    optimizer.step()
    for p, new in zip(parameters, found, strict=True):
        assert new.dtype == p.dtype and np.array_equal(p.data, new), variant


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_preview_in_float64_is_not_rounded(variant):
    parameters, optimizer = stepped(variant, "float32", 2)
    for p in parameters:
        exact = optimizer.preview(p, p.grad, dtype=np.float64)
        assert exact.dtype == np.float64
        np.testing.assert_allclose(exact, optimizer.preview(p, p.grad), rtol=1e-3, atol=1e-4)


def test_a_stranger_has_no_preview():
    optimizer = nn.optim.SGD([nn.Parameter([1.0])], lr=0.1)
    with pytest.raises(ValueError, match="not one of its parameters"):
        optimizer.preview(nn.Parameter([1.0]), ad.tensor([1.0]))


def test_lbfgs_refuses():
    """Its step is no function of one gradient; an empty answer would pass for one."""
    w = nn.Parameter([1.0, 2.0])
    optimizer = nn.optim.LBFGS([w])
    with pytest.raises(NotImplementedError, match="evaluates the loss several times"):
        optimizer.preview(w, ad.tensor([1.0, 1.0]))
