"""Pooling: ties, NaN, integers, what is kept, bad input. The layers are in tests/parts."""

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import functional as F
from nn.functional.windows import Axis, one_by_one, overlap, places


def image(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def leaf(array):
    return ad.tensor(array, requires_grad=True)


def windows_of(x, kernel, stride, padding, dilation=1, fill=-np.inf):
    """Every window of an image by loops: (..., windows, windows, places)."""
    wide = np.pad(x, ((0, 0),) * (x.ndim - 2) + ((padding, padding),) * 2, constant_values=fill)
    span = dilation * (kernel - 1) + 1
    rows = [range(0, n - span + 1, stride) for n in wide.shape[-2:]]
    made = [
        [wide[..., i : i + span : dilation, j : j + span : dilation] for j in rows[1]]
        for i in rows[0]
    ]
    array = np.array(made)  # (i, j, ..., k, k)
    return np.moveaxis(array.reshape(*array.shape[:-2], -1), (0, 1), (-3, -2))


@pytest.mark.parametrize(
    "kernel, stride, padding, dilation", [(2, 2, 0, 1), (3, 2, 1, 1), (2, 1, 1, 2)]
)
def test_by_loops(kernel, stride, padding, dilation):
    x = image(2, 3, 7, 6)
    found = F.max_pool2d(ad.tensor(x), kernel, stride, padding, dilation)
    windows = windows_of(x, kernel, stride, padding, dilation)
    np.testing.assert_array_equal(found.data, windows.max(-1))
    if dilation == 1:
        found = F.avg_pool2d(ad.tensor(x), kernel, stride, padding)
        windows = windows_of(x, kernel, stride, padding, fill=0.0)
        np.testing.assert_allclose(found.data, windows.mean(-1), rtol=1e-12, atol=1e-15)


def test_of_equal_values_the_first_gets_the_gradient():
    x = leaf(np.ones((1, 4, 4)))
    y, index = F.max_pool2d(x, 2, return_indices=True)
    y.backward(np.ones(y.shape))
    expected = np.zeros((1, 4, 4))
    expected[:, ::2, ::2] = 1
    np.testing.assert_array_equal(x.grad.data, expected)
    assert index.data.tolist() == [[[0, 2], [8, 10]]] and index.dtype == np.int64
    for out in (1, 3):
        _, index = F.adaptive_max_pool2d(x, out, return_indices=True)
        assert index.data[0, 0, 0] == 0


@pytest.mark.parametrize("pool", [F.max_pool2d, F.avg_pool2d, F.adaptive_max_pool2d])
def test_nan_passes(pool):
    data = image(1, 4, 4)
    data[0, 1, 0] = np.nan
    y = pool(leaf(data), 2)
    assert np.isnan(y.data[0, 0, 0]) and np.isnan(y.data).sum() == 1


def test_the_gradient_of_nan_goes_to_nan():
    data = image(1, 2, 2)
    data[0, 0, 1] = np.nan
    x = leaf(data)
    F.max_pool2d(x, 2).backward(np.ones((1, 1, 1)))
    assert x.grad.data.tolist() == [[[0, 1], [0, 0]]]


def test_nothing_is_larger_than_padding_but_values():
    x = leaf(np.full((1, 2, 2), -np.inf))
    y, index = F.max_pool2d(x, 2, 1, 1, return_indices=True)
    assert (y.data == -np.inf).all()
    assert index.data.tolist() == [[[0, 0, 1], [0, 0, 1], [2, 2, 3]]]
    y.backward(np.ones(y.shape))
    assert x.grad.data.sum() == 9


def test_integers():
    x = ad.tensor(np.array([[[-5, -7, -6, -2]]]))
    y = F.max_pool1d(x, 2, padding=1)
    assert y.dtype == x.dtype and y.data.tolist() == [[[-5, -6, -2]]]
    with pytest.raises(TypeError, match="avg_pool1d: an input of int64"):
        F.avg_pool1d(x, 2)


def test_only_the_places_are_kept():
    """Neither the input nor a number of 64 bits for each window."""
    x = leaf(image(4, 3, 8, 8))
    nodes = []
    with ad.tap(lambda node, out: nodes.append(node)):
        y = F.max_pool2d(x, 2)
        F.avg_pool2d(x, 2)
    saved = [v for v in nodes[0].saved if isinstance(v, tuple) and hasattr(v[0], "dtype")]
    ((values, number),) = saved
    assert values is y.data and number.dtype == np.uint8
    assert not [v for v in nodes[1].saved if hasattr(v, "dtype")]


def test_large_windows_need_larger_numbers():
    x = leaf(image(1, 40, 40))
    y = F.max_pool2d(x, 20, stride=5)
    y.backward(np.ones(y.shape))
    np.testing.assert_array_equal(y.data, windows_of(x.data, 20, 5, 0).max(-1))
    assert x.grad.data.sum() == y.size


def test_windows():
    assert not overlap((Axis(4, 2, 2, 0, 1, 2),))
    assert overlap((Axis(4, 2, 1, 0, 1, 3),))
    assert overlap((Axis(6, 2, 2, 0, 2, 2),))
    assert len(places((Axis(4, 2, 2, 0, 1, 2), Axis(4, 3, 1, 1, 1, 4)))) == 6
    assert one_by_one((Axis(4, 1, 1, 0, 1, 4), Axis(4, 1, 1, 0, 1, 4))) == []


@pytest.mark.parametrize("shape, out", [((5, 7), (3, 4)), ((3, 2), (5, 4)), ((6, 6), (4, 3))])
def test_adaptive_by_loops(shape, out):
    x = image(2, 3, *shape)
    average, largest = np.empty((2, 3, *out)), np.empty((2, 3, *out))
    for i in range(out[0]):
        rows = slice(i * shape[0] // out[0], -(-(i + 1) * shape[0] // out[0]))
        for j in range(out[1]):
            columns = slice(j * shape[1] // out[1], -(-(j + 1) * shape[1] // out[1]))
            average[..., i, j] = x[..., rows, columns].mean((-2, -1))
            largest[..., i, j] = x[..., rows, columns].max((-2, -1))
    np.testing.assert_allclose(F.adaptive_avg_pool2d(ad.tensor(x), out).data, average, rtol=1e-12)
    np.testing.assert_array_equal(F.adaptive_max_pool2d(ad.tensor(x), out).data, largest)
    assert ad.gradcheck(lambda x: F.adaptive_avg_pool2d(x, out), leaf(x), order=2)
    assert ad.gradcheck(lambda x: F.adaptive_max_pool2d(x, out), leaf(x), order=2)


ONES = ad.ones((2, 3, 5, 5))
BAD = {
    "axes": (lambda: F.max_pool2d(ONES[0, 0], 2), "max_pool2d: .* it must have 4 axes"),
    "size": (lambda: F.max_pool2d(ONES, 6), "a window of 6 does not fit"),
    "dilated": (lambda: F.max_pool2d(ONES, 3, dilation=3), "a window of 7 does not fit"),
    "padding": (lambda: F.avg_pool2d(ONES, 3, padding=2), "padding=2 is more than half"),
    "kernel": (lambda: F.max_pool2d(ONES, 0), "kernel_size=0; it must be one number or 2"),
    "numbers": (lambda: F.max_pool2d(ONES, (1, 2, 3)), "one number or 2"),
    "stride": (lambda: F.avg_pool2d(ONES, 2, stride=0), "stride=0"),
    "divisor": (lambda: F.avg_pool2d(ONES, 2, divisor_override=0), "divisor_override"),
    "adaptive": (lambda: F.adaptive_avg_pool2d(ONES, (1, 2, 3)), "output_size=.1, 2, 3.; it"),
    "adaptive 0": (lambda: F.adaptive_max_pool2d(ONES, 0), "output_size=0"),
    "adaptive axes": (lambda: F.adaptive_max_pool1d(ONES, 1), "must have 3 axes"),
    "nothing": (lambda: F.adaptive_avg_pool2d(ONES[..., :0], 1), "nothing to pool"),
}


@pytest.mark.parametrize("call, message", BAD.values(), ids=BAD)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_lengths_of_a_chain():
    """As a network for 28 x 28 images has them."""
    model = nn.Sequential(nn.MaxPool2d(2), nn.AvgPool2d(3, 2, 1), nn.AdaptiveAvgPool2d((3, None)))
    assert model(ad.ones((2, 1, 28, 28))).shape == (2, 1, 3, 7)
