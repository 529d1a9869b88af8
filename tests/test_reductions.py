"""Reductions at their kinks and limits, and of integers and bools."""

import warnings

import numpy as np
import pytest

import autodiff as ad

inf, nan = np.inf, np.nan


def leaf(values, device="cpu"):
    return ad.tensor(np.asarray(values, float), device=device, requires_grad=True)


def grad(fn, values, device="cpu"):
    """The value at a point, and the gradient of its sum."""
    x = leaf(values, device)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = fn(x)
        y.sum().backward()
    return y.cpu().data, x.grad.cpu().data


def hessian(fn, values):
    x = leaf(values)
    with np.errstate(all="ignore"):
        (g,) = ad.gradients(fn(x), [x], create_graph=True)
        if not g.requires_grad:
            return np.zeros((x.size, x.size))
        rows = [ad.gradients(g[i], x, retain_graph=True, allow_unused=True) for i in range(x.size)]
    return np.array([np.zeros(x.size) if r is None else r.data for r in rows])


# ---------------------------------------------------------------- kinks and limits
@pytest.mark.parametrize(
    "values", [[0.1] * 3, [1e8 + 0.3] * 7, [0.0, 0.0], [5.0], [[0.7] * 3, [0.1] * 3]], ids=str
)
def test_std_of_equal_values(values, device):
    """0, with gradient 0: no rounding error of the mean is left to be divided by."""
    for name in ("std", "var"):
        y, g = grad(lambda x, name=name: getattr(ad, name)(x, axis=-1), values, device)
        assert not y.any() and not g.any()


def test_std_at_equal_values_has_no_curvature_either():
    assert not hessian(ad.std, [0.1, 0.1, 0.1]).any()


def test_var_without_degrees_of_freedom_is_numpys():
    for values, correction in (([1.0], 1), ([1.0, 2.0], 2), ([1.0, 2.0], 5)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = np.var(values, ddof=correction)
        y, g = grad(lambda x, c=correction: ad.var(x, correction=c), values)
        np.testing.assert_array_equal(y, expected)
        assert not np.isfinite(g).any()


def test_var_of_values_far_from_zero():
    values = 1e9 + np.arange(4.0)
    y, g = grad(ad.var, values)
    assert y == 1.25
    np.testing.assert_array_equal(g, (np.arange(4.0) - 1.5) / 2)


@pytest.mark.parametrize("ord", [0, 1, 2, 3, 2.5, 1.5, 0.5, inf, -inf])
def test_norm_at_zero(ord, device):
    y, g = grad(lambda x: ad.norm(x, ord), [0.0, 0.0, 0.0], device)
    assert y == 0 and not g.any()


@pytest.mark.parametrize("ord", [1, 2, 3, 1.5, inf])
def test_norm_at_zero_has_no_curvature(ord):
    assert not hessian(lambda x: ad.norm(x, ord), [0.0, 0.0]).any()


@pytest.mark.parametrize("ord", [3, 1.5, 0.5, -1])
def test_norm_with_single_zeros_has_finite_derivatives(ord):
    _, g = grad(lambda x: ad.norm(x, ord), [0.0, 3.0, -4.0])
    assert np.isfinite(g).all() and g[0] == 0 and g.any() == (ord > 0)
    assert np.isfinite(hessian(lambda x: ad.norm(x, ord), [0.0, 3.0, -4.0])).all()


def test_norm_by_hand():
    y, g = grad(ad.norm, [3.0, -4.0])
    assert y == 5
    np.testing.assert_allclose(g, [0.6, -0.8], rtol=1e-15)
    np.testing.assert_allclose(
        hessian(ad.norm, [3.0, -4.0]), np.array([[16, 12], [12, 9]]) / 125, rtol=1e-14
    )
    y, g = grad(lambda x: ad.norm(x, inf), [3.0, -4.0, 4.0])
    assert y == 4
    np.testing.assert_array_equal(g, [0, -0.5, 0.5])


def test_norm_of_a_row_of_zeros_among_others(device):
    values = np.array([[0.0, 0.0], [3.0, 4.0]])
    y, g = grad(lambda x: ad.norm(x, axis=1), values, device)
    np.testing.assert_allclose(y, [0, 5])
    np.testing.assert_allclose(g, [[0, 0], [0.6, 0.8]])


@pytest.mark.parametrize(
    ("values", "slope"),
    [
        ([2.0, 3.0, 4.0], [12.0, 8.0, 6.0]),
        ([2.0, 0.0, 4.0], [0.0, 8.0, 0.0]),
        ([0.0, 0.0, 4.0], [0.0, 0.0, 0.0]),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
        ([0.0], [1.0]),
    ],
    ids=str,
)
def test_prod_with_zeros(values, slope, device):
    y, g = grad(ad.prod, values, device)
    assert y == np.prod(values)
    np.testing.assert_array_equal(g, slope)


def test_second_derivative_of_prod_with_two_zeros():
    expected = np.zeros((4, 4))
    expected[0, 2] = expected[2, 0] = 5.0 * 7.0  # the product of the others
    np.testing.assert_array_equal(hessian(ad.prod, [0.0, 5.0, 0.0, 7.0]), expected)


def test_cumprod_with_zeros():
    x = np.array([2.0, 0.0, 3.0, 0.0, 5.0])
    y, g = grad(ad.cumprod, x)
    np.testing.assert_array_equal(y, np.cumprod(x))
    expected = np.zeros(5)
    for k in range(5):  # the definition: each product without one of its factors
        for i in range(k + 1):
            expected[i] += np.prod(np.delete(x[: k + 1], i))
    np.testing.assert_array_equal(g, expected)


def test_logsumexp_at_infinities(device):
    cases = [
        ([-inf, -inf], -inf, [0, 0]),
        ([-inf, 1.0], 1.0, [0, 1]),
        ([inf, 1.0, -inf], inf, [1, 0, 0]),
        ([inf, inf, 0.0], inf, [0.5, 0.5, 0]),
        ([-inf], -inf, [0]),
        ([1000.0, 1000.0], 1000 + np.log(2), [0.5, 0.5]),
    ]
    for values, value, slope in cases:
        y, g = grad(ad.logsumexp, values, device)
        assert y == value
        np.testing.assert_allclose(g, slope, rtol=1e-12)  # the spacing of floats at 1000
        if device == "cpu":
            assert np.isfinite(hessian(ad.logsumexp, values)).all()
    y, g = grad(ad.logsumexp, [nan, 1.0], device)
    assert np.isnan(y) and np.isnan(g).all()


def test_logsumexp_of_a_masked_row_leaves_the_others_alone():
    _, g = grad(lambda x: ad.logsumexp(x, axis=1), [[-inf, -inf], [0.0, 0.0]])
    np.testing.assert_array_equal(g, [[0, 0], [0.5, 0.5]])


@pytest.mark.parametrize(
    ("values", "median", "slope"),
    [
        ([3.0, 1.0, 2.0], 2.0, [0, 0, 1]),
        ([4.0, 1.0, 2.0, 3.0], 2.5, [0, 0, 0.5, 0.5]),
        ([2.0, 2.0, 1.0], 2.0, [0.5, 0.5, 0]),
        ([2.0, 2.0, 2.0, 5.0], 2.0, [1 / 3, 1 / 3, 1 / 3, 0]),
        ([1.0, 2.0, 2.0, 3.0], 2.0, [0, 0.5, 0.5, 0]),
        ([-inf, 1.0, inf], 1.0, [0, 1, 0]),
    ],
    ids=str,
)
def test_median(values, median, slope, device):
    y, g = grad(ad.median, values, device)
    assert y == median
    np.testing.assert_allclose(g, slope)


def test_median_with_nan_is_nan():
    y, g = grad(lambda x: ad.median(x, axis=1), [[1.0, nan, 2.0], [1.0, 3.0, 2.0]])
    np.testing.assert_array_equal(y, [nan, 2.0])
    np.testing.assert_array_equal(g[1], [0, 0, 1])
    assert np.isnan(g[0]).all()


# ---------------------------------------------------------------- integers, bools, dtypes
REDUCTIONS = "sum prod mean var std median max min cumsum cumprod count_nonzero any all".split()


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "bool"])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_integers_and_bools_as_in_numpy(name, dtype, device):
    """Values as NumPy's, and its dtypes, but that floats are of the default dtype."""
    values = np.array([[1, 2, 0], [1, 3, 2]]).astype(dtype)
    axis = {} if name in ("count_nonzero",) else {"axis": 1}
    made = getattr(ad, name)(ad.tensor(values, device=device), **axis)
    expected = np.asarray(getattr(np, name)(values, **axis))
    if expected.dtype.kind == "f":
        assert made.dtype == np.float32
        np.testing.assert_allclose(made.cpu().data, expected, rtol=1e-6)
    else:
        assert made.dtype == expected.dtype
        np.testing.assert_array_equal(made.cpu().data, expected)


@pytest.mark.parametrize("name", ["sum", "prod", "cumsum", "cumprod"])
def test_dtype_of_the_result(name, device):
    x = ad.tensor(np.array([1, 2, 3], np.int32), device=device)
    assert getattr(ad, name)(x, dtype=ad.float64).dtype == np.float64
    assert getattr(ad, name)(x, dtype=np.int32).dtype == np.int32
    y = ad.tensor(np.array([1.0, 2.0], np.float16), device=device, requires_grad=True)
    wide = getattr(ad, name)(y, dtype="float64")
    wide.sum().backward()
    assert wide.dtype == np.float64 and y.grad.dtype == np.float16


def test_float16_means_are_accumulated_in_float32():
    x = np.full(100_000, 0.1, np.float16)
    assert ad.mean(ad.tensor(x)).item() == np.mean(x)
    assert abs(ad.var(ad.tensor(x)).item()) == 0


@pytest.mark.parametrize("name", ["sum", "prod", "count_nonzero", "any", "all", "norm"])
def test_empty_reductions_have_a_value(name):
    of_numpy = np.linalg.norm if name == "norm" else getattr(np, name)
    empty = np.zeros((0, 3))
    made = getattr(ad, name)(ad.tensor(empty), axis=0)
    np.testing.assert_array_equal(made.data, of_numpy(empty, axis=0))


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin", "amax", "amin"])
def test_empty_reductions_without_one_say_so(name):
    with pytest.raises(ValueError, match=rf"{name.replace('a', '', name[:2] == 'am')}: .*\(0, 3\)"):
        getattr(ad, name)(ad.tensor(np.zeros((0, 3))), axis=0)


def test_methods_are_the_functions():
    x = ad.tensor(np.array([[3.0, 1.0, 2.0], [0.0, 5.0, 4.0]]))
    assert (x.var(1, 1) == ad.var(x, axis=1, correction=1)).all()
    assert (x.std(axis=0) == ad.std(x, axis=0)).all()
    assert x.prod().item() == 0 and x.cumsum(axis=1)[1, 2].item() == 9
    assert (x.sort(descending=True) == ad.sort(x, descending=True)).all()
    assert (x.argsort(0) == ad.argsort(x, 0)).all()
    assert (x.take(ad.tensor([0, 0]), axis=1) == x[:, [0, 0]]).all()
    assert x.flatten().shape == x.ravel().shape == (6,)
    assert x.repeat(2, axis=1).shape == (2, 6) and x.swapaxes(0, 1).shape == (3, 2)
    assert (x.diagonal() == ad.tensor(np.array([3.0, 5.0]))).all()
    assert [i.tolist() for i in np.nonzero(x.data)] == [i.data.tolist() for i in x.nonzero()]
