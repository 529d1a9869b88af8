"""einsum and its kin against NumPy, and their gradients in random directions."""

import numpy as np
import pytest
from hypothesis import given, settings

import autodiff as ad
from autodiff import _subscripts

from . import strict
from .table.strategies import sums

DRAWS = settings(max_examples=300, deadline=None, derandomize=True, database=None)


def arrays(shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.uniform(-1, 1, shape) for shape in shapes]


def check(subscripts, shapes):
    """The value equals NumPy's; each gradient predicts the change along a random direction.

    The sum is linear in each operand, so the prediction is exact.
    """
    values, steps = arrays(shapes), arrays(shapes, 1)
    expected = np.einsum(subscripts, *values)
    xs = [ad.tensor(v, requires_grad=True) for v in values]
    y = ad.einsum(subscripts, *xs)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y.data, expected, atol=1e-12)
    g = np.random.default_rng(2).uniform(-1, 1, y.shape)
    grads = ad.gradients(y, xs, ad.tensor(g))
    for i, (v, step, grad) in enumerate(zip(values, steps, grads)):
        assert grad.shape == v.shape
        moved = [*values[:i], v + step, *values[i + 1 :]]
        change = np.sum(g * (np.einsum(subscripts, *moved) - expected))
        np.testing.assert_allclose(np.sum(grad.data * step), change, atol=1e-11)


@DRAWS
@given(sums())
def test_generated_sums(drawn):
    check(*drawn)


SAMPLES = [
    ("ij,jk,kl,lm->im", [(2, 3), (3, 4), (4, 2), (2, 3)]),
    ("a,b,c->cab", [(2,), (3,), (4,)]),
    ("iijj,kj->ki", [(2, 2, 3, 3), (4, 3)]),
    ("...ij,...j->...i", [(2, 1, 3, 2), (4, 2)]),
    ("ij,jk->ik", [(3, 1), (4, 5)]),
    ("iij,j", [(3, 3, 2), (2,)]),
    ("i,j->", [(3,), (2,)]),
]


@pytest.mark.parametrize(("subscripts", "shapes"), SAMPLES, ids=[s for s, _ in SAMPLES])
def test_second_derivatives(subscripts, shapes):
    xs = [ad.tensor(v, requires_grad=True) for v in arrays(shapes)]
    assert ad.gradcheck(lambda *xs: ad.einsum(subscripts, *xs), xs, order=2)


def test_a_repeated_operand_gets_both_gradients():
    x = ad.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    ad.einsum("ij,ij->", x, x).backward()
    np.testing.assert_array_equal(x.grad.data, 2 * x.data)


def test_lists_of_labels():
    x, y = arrays([(2, 3), (3, 4)])
    for args in ([x, [0, 1], y, [1, 2], [0, 2]], [x, [0, 1], y, [1, 2]], [x, [27, 0]], [x, [0, 0]],
                 [x, [..., 1], y, [1, 30], [..., 30]], [x, (1, 0)]):  # fmt: skip
        if args[-1] == [0, 0]:
            args = [x[:, :2], [0, 0]]
        np.testing.assert_allclose(ad.einsum(*args), np.einsum(*args))


def test_raw_arrays_lists_and_numbers():
    x = np.arange(6.0).reshape(2, 3)
    made = ad.einsum("ij->j", x)
    assert isinstance(made, np.ndarray) and made.tolist() == [3.0, 5.0, 7.0]
    assert ad.einsum("i,i", ad.tensor([1.0, 2.0]), [3.0, 4.0]).item() == 11.0
    half = ad.einsum(",i->i", 0.5, ad.tensor([1.0, 2.0]))
    assert half.dtype == np.float32 and half.data.tolist() == [0.5, 1.0]
    assert ad.einsum(",", 2.0, 3.0) == 6.0


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int32, np.float16])
def test_dtypes_are_kept(dtype):
    x = np.array([[1, 1], [0, 1]]).astype(dtype)
    for subscripts in ("ij->i", "ij,jk->ik", "ii", "i...->..."):
        args = [x] * (subscripts.count(",") + 1)
        found, expected = ad.einsum(subscripts, *args), np.einsum(subscripts, *args)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def test_results_have_memory_of_their_own():
    x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    for subscripts in ("ij->ij", "ij->ji", "ii->i"):
        assert not np.shares_memory(ad.einsum(subscripts, x).data, x.data)
    spread = ad.REGISTRY["spread"]
    assert not np.shares_memory(spread(x, "ij->ji", (2, 2)).data, x.data)


@pytest.mark.parametrize(
    ("subscripts", "shapes", "message"),
    [
        ("ij", [(2, 3), (3,)], "has 1 operands, 2 given"),
        ("ij,", [(2, 3)], "has 2 operands, 1 given"),
        ("ijk", [(2, 3)], "operand 0 has 2 axes"),
        ("i", [(2, 3)], "operand 0 has 2 axes"),
        ("ij->ik", [(2, 3)], "no operand has the label 'k'"),
        ("i->ii", [(2,)], "a label twice"),
        ("i...->i", [(2, 3)], "drops the axes"),
        ("i1", [(2, 3)], "'1' in 'i1'"),
        ("i..", [(2, 3)], "'.' in 'i..'"),
        ("...i...", [(2, 3)], "one '...' at most"),
        ("ij-ik", [(2, 3)], "'-' in"),
        ("ij,jk", [(2, 3), (4, 3)], r"'j' has lengths 3 and 4.*\(2, 3\), \(4, 3\)"),
        ("ii", [(1, 3)], "'i' is twice.*1 and 3 of operand 0"),
    ],
)
def test_errors_name_what_does_not_fit(subscripts, shapes, message):
    with pytest.raises(ValueError):
        np.einsum(subscripts, *arrays(shapes))  # NumPy refuses them too
    with pytest.raises(ValueError, match=f"einsum: .*{message}"):
        ad.einsum(subscripts, *arrays(shapes))


def test_errors_of_other_forms():
    x = np.ones((2, 3))
    with pytest.raises(ValueError, match="a label is an integer from 0 to 51"):
        ad.einsum(x, [0, 52])
    with pytest.raises(ValueError, match="there are no operands"):
        ad.einsum("ij")


@pytest.mark.parametrize(
    "subscripts", ["ij,jk->ik", "ij,kj->ki", "bij,bjk->bik", "ijk,lkj->il", "bi,bi->b"]
)
def test_two_operands_are_one_matrix_product(subscripts):
    """Each GEMM is counted on the device that counts; no other product is made."""
    calls = []
    length = dict.fromkeys("ijklb", 3)
    shapes = [tuple(length[c] for c in t) for t in subscripts.partition("->")[0].split(",")]
    xs = [ad.tensor(v, device="strict", requires_grad=True) for v in arrays(shapes)]
    matmul = strict.xp.matmul

    class Counting:
        def __getattr__(self, name):
            if name == "matmul":
                return lambda *args: calls.append(name) or matmul(*args)
            return getattr(strict.xp, name)

    op = ad.REGISTRY["contract"]
    op.body(Counting(), *[x.data for x in xs], subscripts=subscripts)
    assert calls == ["matmul"]


def test_many_operands_take_the_cheap_way():
    steps = _subscripts.path(("ij", "jk", "k"), "i", ((50, 60), (60, 70), (70,)))
    assert steps == (((1, 2), "jk,k->j"), ((0, 1), "ij,j->i"))


def test_plans_are_cached():
    x = np.ones((2, 3))
    ad.einsum("ij,ij->j", x, x)
    before = _subscripts.plan.cache_info().misses
    ad.einsum("ij,ij->j", x, x)
    assert _subscripts.plan.cache_info().misses == before


# ---------------------------------------------------------------- its kin
KIN = [
    ("dot", [(3,), (3,)], {}),
    ("dot", [(2, 3), (3,)], {}),
    ("dot", [(2, 3), (3, 2)], {}),
    ("dot", [(2, 4, 3), (3,)], {}),
    ("dot", [(2, 4, 3), (2, 3, 2)], {}),
    ("dot", [(), (2, 3)], {}),
    ("inner", [(3,), (3,)], {}),
    ("inner", [(2, 4, 3), (2, 3)], {}),
    ("inner", [(2, 3), ()], {}),
    ("outer", [(3,), (2,)], {}),
    ("outer", [(2, 3), (2,)], {}),
    ("outer", [(), (2,)], {}),
    ("tensordot", [(2, 3, 4), (3, 4, 2)], {}),
    ("tensordot", [(2, 3), (3, 2)], {"axes": 1}),
    ("tensordot", [(2, 3), (2,)], {"axes": 0}),
    ("tensordot", [(2, 3, 4), (4, 2, 2)], {"axes": ([0, -1], [1, 0])}),
    ("tensordot", [(2, 3), (4, 3)], {"axes": (1, 1)}),
    ("tensordot", [(), (2,)], {"axes": 0}),
    ("vecdot", [(2, 3), (3,)], {}),
    ("vecdot", [(2, 3, 2), (3, 2)], {"axis": -2}),
    ("vecdot", [(2, 3), (2, 3)], {"axis": 0}),
    ("kron", [(2, 3), (3, 2)], {}),
    ("kron", [(2,), (3, 2)], {}),
    ("kron", [(), (3, 2)], {}),
    ("trace", [(3, 3)], {}),
    ("trace", [(3, 4)], {"offset": 1}),
    ("trace", [(3, 4)], {"offset": -2}),
    ("trace", [(3, 4)], {"offset": 9}),
    ("trace", [(2, 3, 3)], {"axis1": 1, "axis2": 2}),
    ("trace", [(2, 3, 4)], {"axis1": -1, "axis2": 0, "offset": 1}),
]


@pytest.mark.parametrize(("name", "shapes", "options"), KIN)
def test_kin_of_einsum(name, shapes, options, device):
    values = arrays(shapes)
    expected = getattr(np, name)(*values, **options)
    found = getattr(ad, name)(*[ad.tensor(v, device=device) for v in values], **options)
    np.testing.assert_allclose(ad.backend.to_numpy(found.data), expected, atol=1e-12)
    xs = [ad.tensor(v, requires_grad=True) for v in values]
    assert ad.gradcheck(lambda *xs: getattr(ad, name)(*xs, **options), xs, order=2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, y: ad.tensordot(x, y, 1), r"axis 1 of shape \(2, 1\) and axis 0"),
        (lambda x, y: ad.tensordot(x, y, ([0, 1], [0])), "2 axes of x and 1 of y"),
        (lambda x, y: ad.tensordot(x, y, 3), "axes=3, but the operands have 2 and 2"),
        (lambda x, y: ad.tensordot(x, y, (2, 0)), "no axis 2 among 2"),
        (lambda x, y: ad.inner(x, y), r"axis -1 of shape \(2, 1\)"),
        (lambda x, y: ad.vecdot(x, y), r"vecdot: axis -1 of shape \(2, 1\)"),
        (lambda x, y: ad.vecdot(x, y, axis=-3), "do not both have the axis -3"),
    ],
)
def test_kin_refuse_what_does_not_match(call, message):
    """An axis of length 1 does not broadcast in these."""
    with pytest.raises(ValueError, match=message):
        call(np.ones((2, 1)), np.ones((3, 3)))


def test_methods():
    x = ad.tensor(arrays([(3, 3)])[0])
    np.testing.assert_allclose(x.dot(x).data, x.data @ x.data)
    np.testing.assert_allclose(x.trace(1).data, np.trace(x.data, 1))
