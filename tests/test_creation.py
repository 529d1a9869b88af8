"""New tensors: values as NumPy's, dtypes by default ours, on the device asked for."""

import numpy as np
import pytest

import autodiff as ad

MADE = [
    ("zeros", ((2, 3),), {}), ("ones", (4,), {}), ("full", ((2, 2), 7), {}),
    ("full", ((2,), 1.5), {}), ("full", ((2,), True), {}), ("arange", (5,), {}),
    ("arange", (1, 6, 2), {}), ("arange", (0.0, 1.0, 0.25), {}), ("arange", (3, 0, -1), {}),
    ("linspace", (0, 1), {}), ("linspace", (-1.0, 2.0, 7), {}), ("linspace", (2, 2, 1), {}),
    ("linspace", (0, 1, 4), {"endpoint": False}), ("linspace", (0, 1, 0), {}), ("eye", (3,), {}),
    ("eye", (2, 4), {}), ("eye", (3, 4), {"k": 1}), ("eye", (3, 3, -1), {}),
]  # fmt: skip


@pytest.mark.parametrize("name, args, options", MADE, ids=str)
def test_values(name, args, options, device):
    made = getattr(ad, name)(*args, **options, device=device)
    of_numpy = dict(options)
    if name == "eye" and len(args) == 3:
        args, of_numpy = args[:2], {"k": args[2]}
    expected = getattr(np, name)(*args, **of_numpy)
    dtype = expected.dtype if expected.dtype.kind in "ib" else np.dtype(np.float32)
    assert made.device.startswith(device) and made.dtype == dtype and made.shape == expected.shape
    np.testing.assert_allclose(made.cpu().data, expected, rtol=1e-6)


@pytest.mark.parametrize("name, args, options", MADE, ids=str)
def test_dtype_and_gradient(name, args, options):
    made = getattr(ad, name)(*args, **options, dtype=ad.float64, requires_grad=True)
    assert made.dtype == np.float64 and made.requires_grad and made.is_leaf


LIKE = [("zeros_like", ()), ("ones_like", ()), ("empty_like", ()), ("full_like", (3,))]


@pytest.mark.parametrize("name, value", LIKE)
def test_like(name, value, device):
    x = ad.tensor(np.ones((2, 3), np.int16), device=device)
    made = getattr(ad, name)(x, *value)
    assert (made.shape, made.dtype, made.device) == (x.shape, x.dtype, x.device)
    if name != "empty_like":
        of_numpy = getattr(np, name)(x.cpu().data, *value)
        np.testing.assert_array_equal(made.cpu().data, of_numpy)
    other = getattr(ad, name)(x, *value, dtype=ad.float64, device="cpu", requires_grad=True)
    assert other.dtype == np.float64 and other.device == "cpu" and other.requires_grad
    assert isinstance(getattr(ad, name)(np.ones(2), *value), ad.Tensor)
    assert not getattr(ad, name)(other, *value).requires_grad


@pytest.mark.parametrize("indexing", ["xy", "ij"])
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_meshgrid(indexing, count, device):
    xs = [np.arange(float(n)) for n in (2, 3, 4)][:count]
    made = ad.meshgrid(*[ad.tensor(x, device=device) for x in xs], indexing=indexing)
    expected = np.meshgrid(*xs, indexing=indexing)
    assert len(made) == count
    for a, b in zip(made, expected, strict=True):
        np.testing.assert_array_equal(a.cpu().data, b)
    if count:
        leaves = [ad.tensor(x, requires_grad=True) for x in xs]
        assert ad.gradcheck(lambda *xs: tuple(ad.meshgrid(*xs, indexing=indexing)), leaves)


def test_meshgrid_refuses():
    with pytest.raises(ValueError, match="indexing"):
        ad.meshgrid(ad.arange(2), indexing="yx")
    with pytest.raises(ValueError, match=r"meshgrid: an array of shape \(2, 2\)"):
        ad.meshgrid(ad.ones((2, 2)))


def test_the_default_device_is_where_things_are_made():
    with ad.device("strict"):
        assert ad.linspace(0, 1).device == ad.eye(2).device == ad.zeros(1).device == "strict"
        assert ad.zeros_like(ad.tensor([1.0], device="cpu")).device == "cpu"
