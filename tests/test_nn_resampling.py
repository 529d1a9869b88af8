"""Resampling: what modules do not reach, properties, bad input. The layers are in tests/parts."""

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import functional as F

BLEND = ["bilinear", "bicubic"]


def image(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parity
@pytest.mark.parametrize("mode", BLEND)
@pytest.mark.parametrize("align", [None, False, True])
@pytest.mark.parametrize("how", [{"size": (3, 5)}, {"size": 12}, {"scale_factor": (0.4, 0.7)}])
def test_antialias_is_pytorchs(mode, align, how):
    torch = pytest.importorskip("torch")
    x = image(2, 3, 9, 8)
    options = {"mode": mode, "align_corners": align, "antialias": True, **how}
    mine, other = ad.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = F.interpolate(mine, **options), torch.nn.functional.interpolate(other, **options)
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-9, atol=1e-12)
    g = image(*y.shape, seed=1)
    y.backward(g)
    z.backward(torch.tensor(g))
    np.testing.assert_allclose(mine.grad.data, other.grad.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("mode", [*BLEND, "nearest", "nearest-exact", "area"])
@pytest.mark.parametrize("size", [(3, 5), (11, 8), (7, 6), (1, 1)])
def test_constants_stay_and_gradients_are_right(mode, size):
    x = ad.tensor(np.ones((1, 2, 7, 6)))
    np.testing.assert_allclose(F.interpolate(x, size, mode=mode).data, 1.0, rtol=1e-12)
    x = ad.tensor(image(1, 2, 7, 6), requires_grad=True)
    assert ad.gradcheck(lambda x: F.interpolate(x, size, mode=mode) ** 2, x, order=2)


def test_ramps_stay_ramps_with_corners_aligned():
    x = ad.tensor(np.linspace(0.0, 1.0, 5).reshape(1, 1, 5))
    y = F.interpolate(x, 17, mode="linear", align_corners=True)
    np.testing.assert_allclose(y.data[0, 0], np.linspace(0, 1, 17), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("mode", [*BLEND, "nearest", "area"])
def test_dtypes(mode, dtype, device):
    x = ad.tensor(image(1, 2, 5, 4).astype(dtype), device=device, requires_grad=True)
    y = F.interpolate(x, (7, 2), mode=mode)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == dtype and y.device == x.device


def test_the_same_size_returns_the_input():
    x = ad.tensor(image(1, 2, 5, 4))
    for mode in [*BLEND, "nearest"]:
        assert F.interpolate(x, (5, 4), mode=mode) is x


def test_shuffling_there_and_back():
    x = image(2, 12, 3, 5)
    y = F.pixel_shuffle(ad.tensor(x), 2)
    assert y.shape == (2, 3, 6, 10)
    np.testing.assert_array_equal(y.data[:, :, ::2, ::2], x[:, ::4])
    np.testing.assert_array_equal(F.pixel_unshuffle(y, 2).data, x)


ONES = ad.ones((1, 2, 4, 4))
BAD = {
    "mode": (lambda: F.interpolate(ONES, 2, mode="cubic"), "unknown mode 'cubic'"),
    "axes": (lambda: F.interpolate(ONES, 2, mode="linear"), "needs 3 axes"),
    "no axes": (lambda: F.interpolate(ONES[0, 0], 2), "3 to 5 axes"),
    "neither": (lambda: F.interpolate(ONES), "size or scale_factor"),
    "both": (lambda: F.interpolate(ONES, 2, 2.0), "not both"),
    "numbers": (lambda: F.interpolate(ONES, (2, 2, 2)), r"size=\(2, 2, 2\) for 2 axes"),
    "corners": (lambda: F.interpolate(ONES, 2, align_corners=True), "align_corners has no"),
    "antialias": (lambda: F.interpolate(ONES, 2, antialias=True), "antialias is for"),
    "recompute": (
        lambda: F.interpolate(ONES, 2, recompute_scale_factor=True),
        "goes with scale_factor only",
    ),
    "nothing": (lambda: F.interpolate(ONES, scale_factor=0.1), "none may be 0"),
    "shuffle": (lambda: F.pixel_shuffle(ONES, 2), "channels that divide"),
    "unshuffle": (lambda: F.pixel_unshuffle(ONES, 3), "h and w that divide"),
    "unflatten": (lambda: nn.Unflatten(1, (3, -1))(ONES), "axis 1 .* does not divide"),
    "unflatten twice": (lambda: nn.Unflatten(1, (-1, -1))(ONES), "does not divide"),
    "unflatten where": (lambda: nn.Unflatten(4, (2,))(ONES), "no axis 4"),
}


@pytest.mark.parametrize("call, message", BAD.values(), ids=BAD)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
