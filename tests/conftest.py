"""Fixtures and guards shared by all tests."""

import numpy as np
import pytest

import autodiff as ad
from autodiff.mode import current

from . import strict


@pytest.fixture(scope="session", autouse=True)
def strict_device():
    """The stand-in for a GPU is there under the device name "strict"."""
    strict.install()


@pytest.fixture(autouse=True)
def nothing_leaks():
    """A test that changes the mode, defaults or error states must put them back."""
    before = current(), ad.get_default_dtype(), ad.default_device(), np.geterr()
    yield
    after = current(), ad.get_default_dtype(), ad.default_device(), np.geterr()
    assert before == after, "a test left the mode, a default or NumPy's error state changed"


def _no_gpu() -> str:
    try:
        import cupy

        return "" if cupy.cuda.runtime.getDeviceCount() else "no GPU"
    except ImportError:
        return "CuPy is not installed"
    except Exception as error:  # the driver's own error type, whatever it is
        return f"CuPy finds no GPU: {error}"


NO_GPU = _no_gpu()


@pytest.fixture(
    params=["cpu", "strict", pytest.param("cuda", marks=pytest.mark.gpu)],
)
def device(request):
    """Every device; the GPU is skipped with the reason where there is none."""
    if request.param == "cuda" and NO_GPU:
        pytest.skip(NO_GPU)
    return request.param
