"""The stand-in for CuPy refuses what CuPy refuses, and computes what NumPy computes."""

import gc
import weakref

import numpy as np
import pytest

import autodiff as ad
from tests import strict
from tests.strict import StrictArray, xp

HOST = np.arange(3.0)


@pytest.fixture
def a():
    return xp.asarray([1.0, 2.0, 3.0])


@pytest.mark.parametrize("other", [HOST, [1, 2, 3], (1, 2, 3), np.array(2.0), "1", None])
def test_operators_refuse_what_is_not_on_the_device(a, other):
    for compute in (lambda: a + other, lambda: other * a, lambda: a < other):
        with pytest.raises(TypeError, match="Unsupported type"):
            compute()
    with pytest.raises(TypeError, match="Unsupported type"):
        a += other


@pytest.mark.parametrize("number", [2, 2.0, True, np.float32(2), np.int64(2), 2 + 1j])
def test_operators_take_numbers(a, number):
    for result in (a + number, number + a, a * number, number - a):
        assert type(result) is StrictArray
    assert (a + number).dtype == (np.arange(3.0) + number).dtype


def test_a_float_keeps_float32(a):
    assert (a.astype("float32") * 2.0).dtype == np.float32
    assert (a.astype("float32") * np.float64(2)).dtype == np.float64  # as in NumPy 2 and CuPy 14


REFUSED = {
    "a list to a ufunc": lambda a: xp.maximum(a, [1, 2, 3]),
    "a list to a reduction": lambda a: xp.sum([1.0, 2.0]),
    "a number to a reduction": lambda a: xp.sum(1.0),
    "a host array to a ufunc": lambda a: xp.exp(HOST),
    "a host array as second operand": lambda a: xp.dot(a, HOST),
    "a host array to matmul": lambda a: xp.matmul(a, HOST),
    "a list to matmul": lambda a: xp.matmul(a, [1, 2, 3]),
    "a host array to einsum": lambda a: xp.einsum("i,i->", a, HOST),
    "a host array in a list": lambda a: xp.concatenate([a, HOST]),
    "a list in a list": lambda a: xp.stack([a, [1, 2, 3]]),
    "a host array as an index": lambda a: a[np.array([0])],
    "a host array to fill with": lambda a: xp.full((3,), HOST),
    "a number to be like": lambda a: xp.zeros_like(1.0),
    "a number to broadcast": lambda a: xp.broadcast_to(1.0, (3,)),
    "a bool as condition": lambda a: xp.where(True, a, a),
    "a host array as out": lambda a: xp.exp(a, out=np.empty(3)),
    "where= of a ufunc": lambda a: xp.exp(a, where=a > 1),
    "where= of a reduction": lambda a: xp.sum(a, where=a > 1),
    "initial= of a reduction": lambda a: xp.max(a, initial=0.0),
    "initial= of a method": lambda a: a.max(initial=0.0),
    "too many arguments": lambda a: xp.clip(a, 0, 1, None, None),
    "conversion by NumPy": lambda a: np.asarray(a),
    "a NumPy ufunc": lambda a: np.exp(a),
    "a NumPy function": lambda a: np.sum(a),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(a, case):
    with pytest.raises(TypeError):
        REFUSED[case](a)


@pytest.mark.parametrize("name", ["vecdot", "matvec", "unstack", "insert", "nosuch"])
def test_names_that_cupy_lacks(name):
    with pytest.raises(AttributeError, match=f"CuPy has no {name}"):
        getattr(xp, name)


def test_names_that_only_one_has(a):
    with pytest.raises(AttributeError, match="NumPy has not"):
        getattr(xp, "in1d")  # noqa: B009 - gone from NumPy 2
    with pytest.raises(AttributeError, match=r"linalg\.vector_norm"):
        getattr(xp.linalg, "vector_norm")  # noqa: B009
    with pytest.raises(AttributeError, match="no attribute 'to_device'"):
        a.to_device("cpu")


def test_the_list_is_whole():
    names = {name for name in strict.NAMES if "." not in name}
    assert len(names) == 484
    assert {"add", "sum", "matmul", "einsum", "where", "logaddexp", "linalg"} <= names
    assert not {"vecdot", "block", "geomspace"} & names
    assert "linalg.svd" in strict.NAMES and "ndarray.sum" in strict.NAMES


@pytest.mark.parametrize(
    "compute",
    [
        lambda xp, a: xp.sum(a),
        lambda xp, a: xp.mean(a, axis=0, keepdims=True),
        lambda xp, a: xp.max(a),
        lambda xp, a: a[1],
        lambda xp, a: a @ a,
        lambda xp, a: xp.all(a > 0),
        lambda xp, a: xp.allclose(a, a),
        lambda xp, a: xp.where(a > 1, a, 0.0),
        lambda xp, a: xp.concatenate([a, a]),
        lambda xp, a: xp.clip(a, 1.5, None),
        lambda xp, a: xp.einsum("i,j->ij", a, a),
        lambda xp, a: xp.linalg.norm(a),
        lambda xp, a: xp.take(a, xp.asarray([2, 0])),
        lambda xp, a: xp.log(a - 1),
        lambda xp, a: -a // 2 % 3,
        lambda xp, a: a.reshape(3, 1).sum(axis=1),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_results_are_numpys_and_stay_on_the_device(a, compute):
    expected = np.asarray(compute(np, a.get()))
    result = compute(xp, a)
    assert type(result) is StrictArray
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(result.get(), expected)


def test_several_results_come_as_plain_lists_and_tuples():
    u, s, vh = result = xp.linalg.svd(xp.eye(2))
    assert type(result) is tuple and {type(x) for x in (u, s, vh)} == {StrictArray}
    assert [type(x) for x in xp.split(xp.arange(4), 2)] == [StrictArray] * 2


def test_syncs_are_counted(a):
    before = StrictArray.syncs
    loss = xp.sum(a * a)
    assert loss.shape == () and StrictArray.syncs == before
    assert (float(loss), int(loss), bool(loss), loss.item()) == (14.0, 14, True, 14.0)
    loss.get()
    assert StrictArray.syncs == before + 5
    a[a > 1]  # how many elements are true must be known
    assert StrictArray.syncs == before + 6
    with pytest.raises(ValueError):
        bool(a)


def test_views_name_their_owner(a):
    assert a.base is None and (a + 1).base is None
    for view in (a[1:], a.reshape(3, 1), xp.broadcast_to(a, (2, 3)), a[1:][1:], a.T):
        assert view.base is a
    assert xp.asarray(a) is a
    assert a.astype("float64", copy=False) is a
    a[0] = 5.0
    assert float(a.reshape(3, 1)[0, 0]) == 5.0


def test_out_and_operators_write_in_place(a):
    view = a[:2]
    assert xp.add(view, 1.0, out=view) is view
    same = a
    a *= 2.0
    assert a is same
    np.testing.assert_array_equal(a.get(), [4.0, 6.0, 6.0])


def test_conversion_copies():
    data = np.ones(2)
    device = xp.asarray(data)
    data[:] = 0
    assert device.get().sum() == 2
    device.get()[:] = 0
    assert device.get().sum() == 2


def test_freed_at_once():
    gc.disable()
    try:
        a = xp.ones(3)
        alive = weakref.ref(a)
        b = a[1:] + a[:-1]
        del a
        assert alive() is None and b.shape == (2,)
    finally:
        gc.enable()


def test_a_tensor_on_the_device_refuses_host_arrays():
    strict.install()
    strict.install()
    x = ad.tensor([1.0, 2.0], device="strict", requires_grad=True)
    assert x.device == "strict" and type(x.data) is StrictArray
    (x * x).sum().backward()
    assert x.grad.device == "strict"
    np.testing.assert_array_equal(x.grad.data.get(), [2.0, 4.0])
    with pytest.raises(ValueError, match="multiply.*strict.*cpu"):
        x * np.ones(2)
