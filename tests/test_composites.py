"""Functions made of ops have the modes of the ops: derivatives, devices, dtypes."""

import numpy as np
import pytest

import autodiff as ad
from autodiff import backend

from . import catalogue
from .table.composites import COMPOSITES, counterparts
from .test_ops import tensors

SMOOTH = [case for case in COMPOSITES if case.differentiable()]


def results(case, dtype=np.float64, device="cpu"):
    """What a function returns, always as a list, and the tensors to differentiate by."""
    call, values = tensors(case, dtype=dtype, device=device)
    made = call(*values)
    made = list(made) if isinstance(made, (list, tuple)) else [made]
    return made, [values[i] for i in case.differentiable()]


def test_every_function_made_of_ops_has_a_row():
    assert {case.op for case in COMPOSITES} == catalogue.composites()


@pytest.mark.parametrize("case", SMOOTH, ids=str)
def test_gradient(case):
    call, values = tensors(case)
    assert ad.gradcheck(call, values, order=2)


@pytest.mark.parametrize("case", COMPOSITES, ids=str)
def test_devices_agree(case, device):
    found = []
    for place in ("cpu", device):
        made, sources = results(case, device=place)
        assert all(t.device.startswith(place) for t in made)
        floats = [t for t in made if t.requires_grad]
        grads = ad.gradients([(t * t).sum() for t in floats], sources) if floats else ()
        found.append([backend.to_numpy(t.data) for t in [*made, *grads]])
    for here, there in zip(*found, strict=True):
        assert here.dtype == there.dtype
        np.testing.assert_allclose(there, here, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32], ids=["float16", "float32"])
@pytest.mark.parametrize("case", SMOOTH, ids=str)
def test_dtype_is_kept(case, dtype):
    if dtype is np.float16 and case.half:
        pytest.skip(case.half)
    made, sources = results(case, dtype)
    floats = [t for t in made if t.requires_grad]
    grads = ad.gradients([t.sum() for t in floats], sources)
    assert {t.dtype for t in [*floats, *grads]} == {np.dtype(dtype)}


@pytest.mark.parity
@pytest.mark.parametrize("case", COMPOSITES, ids=str)
def test_pytorch_agrees(case):
    torch = pytest.importorskip("torch", reason="the extra `parity` brings PyTorch")
    made, sources = results(case)
    values = [torch.tensor(x) if isinstance(x, np.ndarray) else x for x in case.arrays()]
    theirs = [values[i].requires_grad_() for i in case.differentiable()]
    other = counterparts(torch)[case.op](*values, **case.options)
    other = list(other) if isinstance(other, (list, tuple)) else [other]
    for mine, its in zip(made, other, strict=True):
        np.testing.assert_allclose(mine.data, its.numpy(force=True), rtol=1e-12, atol=1e-12)
    floats = [(t, its) for t, its in zip(made, other) if t.requires_grad]
    if floats:
        grads = ad.gradients([(t * t).sum() for t, _ in floats], sources)
        expected = torch.autograd.grad([(its * its).sum() for _, its in floats], theirs)
        for g, e in zip(grads, expected, strict=True):
            np.testing.assert_allclose(g.data, e.numpy(), rtol=1e-10, atol=1e-12)
