"""NumPy's functions, called on tensors: they record, and lose no gradient."""

import itertools

import numpy as np
import pytest
import scipy.special

import autodiff as ad
from autodiff import _numpy


def leaf(data, **options):
    return ad.tensor(data, requires_grad=True, **options)


A = np.array([[1.0, 2.0], [3.0, 6.0]], "float32")

# What is called, and what it must equal in our words.
CALLS = [
    (lambda t: np.exp(t), lambda t: ad.exp(t)),
    (lambda t: np.add(t, A), lambda t: t + A),
    (lambda t: np.subtract(A, t), lambda t: ad.subtract(A, t)),
    (lambda t: np.true_divide(A, t), lambda t: ad.divide(A, t)),
    (lambda t: np.matmul(t, A), lambda t: ad.matmul(t, A)),
    (lambda t: A @ t, lambda t: ad.matmul(A, t)),
    (lambda t: A * t, lambda t: ad.multiply(A, t)),
    (lambda t: A**t, lambda t: ad.power(A, t)),
    (lambda t: np.sum(t), lambda t: ad.sum(t)),
    (lambda t: np.sum(t, axis=0), lambda t: ad.sum(t, 0)),
    (lambda t: np.sum(t, 1, None, None, True), lambda t: ad.sum(t, 1, keepdims=True)),
    (lambda t: np.mean(a=t, axis=(0, 1)), lambda t: ad.mean(t)),
    (lambda t: np.max(t, axis=1), lambda t: ad.max(t, 1)),
    (lambda t: np.amin(t), lambda t: ad.min(t)),
    (lambda t: np.concatenate([t, A], axis=1), lambda t: ad.concatenate([t, A], axis=1)),
    (lambda t: np.where(t > 2, t, A), lambda t: ad.where(t > 2, t, A)),
    (lambda t: np.linalg.inv(t), lambda t: ad.linalg.inv(t)),
    (lambda t: np.einsum("ij,kj->ik", t, A), lambda t: ad.matmul(t, A.T)),
    (lambda t: np.einsum("ij->j", t, optimize=True), lambda t: ad.sum(t, 0)),
    (lambda t: np.reshape(t, (4, 1)), lambda t: ad.reshape(t, (4, 1))),
    (lambda t: np.transpose(t, axes=(1, 0)), lambda t: t.T),
    (lambda t: np.swapaxes(t, 0, 1), lambda t: t.T),
    (lambda t: np.expand_dims(t, 1), lambda t: ad.expand_dims(t, 1)),
    (lambda t: np.squeeze(np.expand_dims(t, 0)), lambda t: t * 1),
    (lambda t: np.broadcast_to(t, (3, 2, 2)), lambda t: ad.broadcast_to(t, (3, 2, 2))),
    (lambda t: np.clip(t, 1.5, None), lambda t: ad.maximum(t, 1.5)),
    (lambda t: np.clip(t, a_min=None, a_max=2.5), lambda t: ad.minimum(t, 2.5)),
    (lambda t: np.copy(t), lambda t: t.clone()),
    (lambda t: np.tensordot(t, A, axes=1), lambda t: t @ A),
    (lambda t: np.dot(t, A), lambda t: t @ A),
    (lambda t: np.trace(t), lambda t: t[0, 0] + t[1, 1]),
    (lambda t: np.outer(t, A), lambda t: ad.outer(t, A)),
    (lambda t: np.add.reduce(t), lambda t: ad.sum(t, 0)),
    (lambda t: np.add.reduce(t, axis=None), lambda t: ad.sum(t)),
    (lambda t: np.maximum.reduce(t, axis=1, keepdims=True), lambda t: ad.max(t, 1, keepdims=True)),
    (lambda t: np.multiply.outer(t, A), lambda t: ad.reshape(t, (2, 2, 1, 1)) * ad.asarray(A)),
    (lambda t: np.subtract.outer(A, t), lambda t: ad.subtract(A[:, :, None, None], t)),
    (lambda t: scipy.special.expit(t), lambda t: ad.sigmoid(t)),
    (lambda t: np.float64(2) * t, lambda t: 2 * t),
    (lambda t: np.float64(2) ** t, lambda t: 2**t),
    (lambda t: np.int64(3) - t, lambda t: 3 - t),
    (lambda t: A.sum() / t, lambda t: 12 / t),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(CALLS)))
def test_a_function_of_numpy_records(case):
    theirs, ours = CALLS[case]
    found = []
    for f in (theirs, ours):
        t = leaf(A + 1)
        y = f(t)
        assert type(y) is ad.Tensor and y.dtype == np.float32
        (y * y).sum().backward()
        found.append((y.data, t.grad.data))
    assert np.array_equal(found[0][0], found[1][0]), found
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-6)


OPERATORS = ["__add__", "__sub__", "__mul__", "__truediv__", "__pow__", "__matmul__", "__eq__",
             "__ne__", "__lt__", "__le__", "__gt__", "__ge__"]  # fmt: skip


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize(
    "left", [A, A[0], np.float64(2), np.float32(2), np.int64(2), np.array(2.0)]
)
def test_operators_of_arrays_leave_it_to_the_tensor(name, left):
    import operator

    if name == "__matmul__" and np.ndim(left) == 0:
        return
    f = getattr(operator, name)
    t = leaf(A + 1)
    y = f(left, t)
    weak = isinstance(left, np.generic)
    assert type(y) is ad.Tensor
    assert np.array_equal(y.data, f(np.asarray(left, "float32") if weak else left, t.data))
    if y.dtype.kind == "f":
        assert y.requires_grad and y.dtype == (
            np.float32 if weak else np.result_type(left, t.dtype)
        )


def test_the_other_ufuncs_by_name():
    """Every ufunc of NumPy that has our name gives our result."""
    names = [n for n in dir(np) if isinstance(getattr(np, n), np.ufunc)]
    ours = 0
    for name in names:
        ufunc = getattr(np, name)
        if _numpy.find(ufunc.__name__) is None or ufunc.signature:
            continue
        args = [np.array([1, 2]), np.array([1, 3])][: ufunc.nin]
        if any(t.startswith("d") for t in ufunc.types):
            args = [a * 0.25 for a in args]
        y = ufunc(*[ad.asarray(a) for a in args])
        np.testing.assert_allclose(y.numpy(), ufunc(*args), rtol=1e-6)
        assert type(y) is ad.Tensor
        ours += 1
    assert ours > 60


S = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]])
AFTER = {  # what a function takes besides a matrix; most take nothing
    "take": ([0, 2],), "repeat": (2,), "tile": (2,), "roll": (1,), "reshape": ((9,),),
    "swapaxes": (0, 1), "moveaxis": (0, 1), "expand_dims": (0,), "broadcast_to": ((2, 3, 3),),
    "split": (3,), "array_split": (2,), "tensordot": (S,), "kron": (S,), "outer": (S,),
    "inner": (S,), "dot": (S,), "pad": (1,), "full_like": (2.0,), "cross": (S,), "solve": (S,),
    "take_along_axis": (np.array([[0, 1, 2]]), 0), "matrix_power": (2,), "clip": (1, 2),
    "astype": ("f4",),
}  # fmt: skip
# Arguments of another form; they are above, or say nothing about values.
APART = {"can_cast", "cumulative_prod", "cumulative_sum", "einsum", "empty_like", "linspace",
         "meshgrid", "result_type", "searchsorted", "where"}  # fmt: skip
APART |= {"linalg.matmul", "linalg.outer", "linalg.vecdot"}


def test_every_function_of_numpy_that_we_have_means_the_same():
    compared = 0
    for space, prefix in ((np, ""), (np.linalg, "linalg.")):
        for name in sorted(set(dir(space))):
            f = getattr(space, name)
            if not hasattr(f, "_implementation") or prefix + name in APART:
                continue
            if _numpy.find(f.__name__, f.__module__) is None:
                continue
            rest = AFTER.get(f.__name__, ())
            joined = f.__name__ in ("concatenate", "stack")
            x = [S, S] if joined else S
            t = [ad.asarray(S), S] if joined else ad.asarray(S)
            got, want = f(t, *rest), f(x, *rest)
            pairs = zip(got, want, strict=True) if type(want) is not np.ndarray and isinstance(
                want, (list, tuple)) else [(got, want)]  # fmt: skip
            for g, w in pairs:
                assert np.shape(g) == np.shape(w), prefix + name
                np.testing.assert_allclose(np.asarray(g), w, rtol=1e-9, err_msg=prefix + name)
            compared += 1
    assert compared > 75


# ---------------------------------------------------------------- out and where
def test_out_into_a_tensor_is_recorded():
    t, out = leaf([1.0, 2.0]), ad.zeros(2)
    assert np.multiply(t, t, out=out) is out
    assert np.sum(t, axis=0, keepdims=True, out=out[:1]).shape == (1,)
    out.sum().backward()
    assert t.grad.numpy().tolist() == [1, 5]


def test_out_into_an_array():
    a = np.array([1.0, 2.0])
    b = a
    b += ad.asarray([1.0, 1.0])
    assert b is a and a.tolist() == [2, 3]
    t = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match="a = a \\+ t"):
        a += t
    with ad.no_grad():
        a += t
    assert a.tolist() == [3, 5]
    with pytest.raises(RuntimeError, match="gradient"):
        np.sum(t, out=np.zeros(()))


def test_a_write_through_out_is_noticed():
    a = np.array([1.0, 2.0], "float32")
    t = leaf([1.0, 2.0])
    y = (t * a).sum()
    a += ad.ones(2)
    with pytest.raises(RuntimeError, match="written in place"):
        y.backward()


def test_out_that_does_not_fit():
    t = ad.ones((2, 2))
    with pytest.raises(ValueError, match=r"shape \(2, 2\)"):
        np.exp(t, out=ad.zeros(2))
    with pytest.raises(TypeError, match="int64"):
        np.exp(t, out=np.zeros((2, 2), int))
    with pytest.raises(ValueError, match="another device"):
        np.exp(t.to("strict"), out=np.zeros((2, 2)))


def test_where():
    t, out = leaf([1.0, 2.0]), ad.full(2, 7.0)
    np.multiply(t, 3, out=out, where=np.array([True, False]))
    assert out.tolist() == [3, 7]
    out.sum().backward()
    assert t.grad.numpy().tolist() == [3, 0]
    with pytest.raises(TypeError, match=r"ad\.where"):
        np.multiply(t, 3, where=np.array([True, False]))


# ---------------------------------------------------------------- what we have not
@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda t: np.histogram(t), r"np\.histogram has no counterpart"),
        (lambda t: np.spacing(t), r"np\.spacing has no counterpart"),
        (lambda t: np.fft.fft(t), r"np\.fft"),
        (lambda t: np.add.reduceat(t, [0]), r"np\.add\.reduceat has no counterpart"),
        (lambda t: np.save("x", t), r"np\.save has no counterpart"),
        (lambda t: np.add.at(t, [0], 1.0), r"np\.add\.at writes.*index_add"),
        (lambda t: np.copyto(t, 1.0), r"np\.copyto writes"),
        (lambda t: np.put_along_axis(t, np.array([0]), 1.0, 0), "writes"),
        (lambda t: np.fill_diagonal(t, 1.0), "writes"),
        (lambda t: np.sum(t, initial=3.0), r"np\.sum: initial is not taken"),
        (lambda t: np.add(t, 1, dtype="float64"), r"np\.add: dtype= is not taken"),
        (lambda t: np.add.reduce(t, initial=3.0), r"np\.add\.reduce: initial= is not taken"),
        (lambda t: np.frompyfunc(lambda x: x, 1, 1)(t), "no counterpart"),
    ],
)
def test_what_we_have_not_raises_by_its_name(call, said):
    with pytest.raises(TypeError, match=said):
        call(leaf([1.0, 2.0]))


def test_a_ufunc_of_somebody_else_is_not_ours(monkeypatch):
    theirs = np.frompyfunc(lambda x: -x, 1, 1)
    assert theirs(ad.ones(1)).tolist() == [-1]
    monkeypatch.setattr(_numpy, "find", lambda name, module="": ad.exp)  # as if it were named exp
    assert _numpy._of_method(theirs, "__call__", {}) is None


def test_without_a_gradient_numpy_computes_and_the_results_are_tensors():
    t = ad.tensor([3.0, 1.0, 2.0])
    counts, edges = np.histogram(t, bins=2)
    assert type(counts) is type(edges) is ad.Tensor and counts.numpy().tolist() == [1, 2]
    assert type(np.spacing(t)) is ad.Tensor
    assert type(np.median(t)) is ad.Tensor
    assert np.unique_counts(t).counts.numpy().tolist() == [1, 1, 1]
    assert np.fft.fft(t).dtype.kind == "c"  # no tensor holds it


def test_descriptions_lose_nothing():
    t = leaf([1.0, 2.0])
    assert np.shape(t) == (2,) and np.ndim(t) == 1 and np.size(t) == 2
    assert np.allclose(t, [1, 2]) and np.array_equal(t, t)
    assert np.isclose(t, 1).numpy().tolist() == [True, False]
    assert np.result_type(t, np.float64) == np.float64


def test_nothing_is_copied_from_a_device():
    t = ad.ones(3, device="strict", requires_grad=True)
    assert np.exp(t).device == "strict" and np.sum(t).device == "strict"
    assert type(t).__array_ufunc__ is not None and t.__array_ufunc__ is None  # as CuPy asks
    assert (t.detach().data * t).requires_grad and (t.data + t).device == "strict"
    with pytest.raises(TypeError):
        np.histogram(t.detach())
    with pytest.raises(ValueError, match="different devices"):
        np.add(t, np.ones(3, "float32"))
    with pytest.raises(TypeError, match="GPU|strict"):
        np.asarray(t.detach())


def test_asarray_still_raises():
    with pytest.raises(RuntimeError, match="detach"):
        np.asarray(leaf([1.0]))
    t = ad.ones(2)
    assert np.shares_memory(np.asarray(t), t.data)


def test_operators_of_subclasses_and_scalars():
    import nn

    p = nn.Parameter([1.0, 2.0])
    assert type(A * p) is ad.Tensor and (np.float64(2) * p).requires_grad
    with pytest.raises(TypeError):
        np.exp(ad.Scalar(1.0))


def test_combinations_of_array_and_tensor_have_one_result():
    """``np.add`` of any mixture gives a tensor, as the operator does."""
    kinds = [A, ad.asarray(A), A.tolist(), 2.0, np.float32(2)]
    for x, y in itertools.product(kinds, kinds):
        if not any(isinstance(v, ad.Tensor) for v in (x, y)):
            continue
        assert type(np.add(x, y)) is ad.Tensor
