"""Elementwise functions: operators, aliases, dtypes, and accuracy where formulas cancel."""

import math
import operator
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

import autodiff as ad

ALIASES = {
    "abs": "absolute", "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh",
    "atan": "arctan", "atan2": "arctan2", "atanh": "arctanh", "pow": "power",
}  # fmt: skip
FLOATS = [operator.floordiv, operator.mod]
BITS = [operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift]
INPLACE = {op: getattr(operator, f"i{op.__name__.strip('_')}") for op in FLOATS + BITS}


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_is_the_same_object(alias):
    assert getattr(ad, alias) is getattr(ad, ALIASES[alias])
    assert alias in ad.__all__


@pytest.mark.parametrize("op", FLOATS + BITS)
def test_operators_of_tensors(op, device):
    a, b = np.array([7, 5, 12]), np.array([3, 1, 2])
    x = ad.tensor(a, device=device)
    for found, expected in [
        (op(x, ad.tensor(b, device=device)), op(a, b)),
        (op(x, 2), op(a, 2)),
        (op(100, x), op(100, a)),
        (INPLACE[op](x, 3), op(a, 3)),
    ]:
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(ad.backend.to_numpy(found.data), expected)


@pytest.mark.parametrize("op", BITS[:3])
def test_bits_of_bools_are_logic(op):
    a, b = np.array([True, True, False]), np.array([True, False, False])
    np.testing.assert_array_equal(op(ad.tensor(a), ad.tensor(b)).data, op(a, b))
    np.testing.assert_array_equal(op(True, ad.tensor(b)).data, op(True, b))
    assert op(ad.tensor(a), b).dtype == bool
    np.testing.assert_array_equal((~ad.tensor(a)).data, ~a)
    with pytest.raises(TypeError, match="bitwise_"):
        op(ad.tensor(a), ad.tensor([1.0, 2.0, 3.0]))


@pytest.mark.parametrize("op", FLOATS)
@pytest.mark.parametrize("x, y", [(7.5, 2.0), (-7.5, 2.0), (7.5, -2.0), (6.0, 3.0)])
def test_operators_of_scalars(op, x, y):
    a, b = ad.Scalar(x), ad.Scalar(y)
    assert op(a, b).item() == op(a, y).item() == op(x, b).item() == op(x, y)
    result = op(a, b)
    result.backward()
    slopes = (0.0, 0.0) if op is operator.floordiv else (1.0, -(x // y))
    assert (a.grad.item(), b.grad.item()) == slopes
    with ad.no_grad():
        a = INPLACE[op](a, y)
    assert a.item() == op(x, y) and a.requires_grad


def test_integers_are_rounded_to_themselves():
    for fn in (ad.floor, ad.ceil, ad.trunc, ad.round):
        assert fn(ad.tensor([1, -2])).dtype == np.int64
        assert fn(ad.tensor([1, -2]))[1].item() == -2


def test_decimals_are_rounded_as_numpy_does():
    for decimals in (2, 1, -1):
        for x in (2.675, 1.005, 0.15, 25.0, -35.0, 1e300, np.inf):
            expected = np.round(x, decimals)
            np.testing.assert_equal(ad.round(ad.Scalar(x), decimals).item(), expected)
            np.testing.assert_equal(ad.round(np.array(x), decimals), expected)


PI = Fraction("3.14159265358979323846264338327950288419716939937510")


def exact_sinc(x, n):
    """The n-th derivative of sinc: its power series term by term, in exact arithmetic."""
    total, x = Fraction(0), Fraction(x)
    for m in range((n + 1) // 2, 60):
        falling = Fraction(math.factorial(2 * m), math.factorial(2 * m - n))
        total += (-1) ** m * PI ** (2 * m) / math.factorial(2 * m + 1) * falling * x ** (2 * m - n)
    return float(total)


# Near 0, and on both sides of 3 / pi, where the method changes.
@pytest.mark.parametrize("x", [1e-9, 1e-5, 1e-3, 0.1, 0.954, 0.956, -1e-5, -0.956, 5.3])
def test_derivatives_of_sinc_are_accurate(x):
    v = ad.tensor(x, dtype=np.float64, requires_grad=True)
    d = ad.sinc(v)
    for n in range(4):
        np.testing.assert_allclose(
            d.item(), exact_sinc(x, n), rtol=1e-13, err_msg=f"derivative {n}"
        )
        d = ad.gradients(d, v, create_graph=True)


def test_derivatives_of_sinc_at_0():
    v = ad.tensor(0.0, dtype=np.float64, requires_grad=True)
    d = ad.sinc(v)
    for expected in (1.0, 0.0, -(np.pi**2) / 3, 0.0, np.pi**4 / 5):
        np.testing.assert_allclose(d.item(), expected, rtol=1e-15)
        d = ad.gradients(d, v, create_graph=True)


@pytest.mark.parametrize("mode", ["tensor", "scalar"])
@pytest.mark.parametrize("x", [-1000.0, 0.0, 1000.0])
def test_second_derivative_of_softplus(x, mode):
    v = ad.Scalar(x) if mode == "scalar" else ad.tensor(x, requires_grad=True)
    slope = ad.gradients(ad.softplus(v), v, create_graph=True)
    assert slope.item() == ad.sigmoid(x)
    assert ad.gradients(slope, v).item() == (0.25 if x == 0 else 0.0)


def test_second_derivative_of_logaddexp_at_a_tie():
    x, y = (ad.tensor(v, dtype=np.float64, requires_grad=True) for v in (2.0, 2.0))
    slope = ad.gradients(ad.logaddexp(x, y), x, create_graph=True)
    assert [d.item() for d in ad.gradients(slope, [x, y])] == [0.25, -0.25]


@pytest.mark.parametrize("fn", [ad.erf, ad.erfc, ad.erfinv, ad.lgamma, ad.digamma])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_special_functions_keep_the_dtype(fn, dtype, device):
    x = ad.tensor(np.array([0.25, 0.5]), dtype=dtype, device=device)
    assert fn(x).dtype == dtype and fn(x).device == x.device
    assert fn(x[0]).dtype == dtype and fn(x[:0]).shape == (0,)


def test_scipy_is_imported_at_the_first_use():
    code = (
        "import sys, autodiff as ad; x = ad.tensor([0.5]); ad.sinc(x); ad.erf(ad.Scalar(0.5)); "
        "assert 'scipy' not in sys.modules; ad.erf(x); assert 'scipy.special' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
