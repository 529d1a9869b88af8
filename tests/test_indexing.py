"""Indexing, gathering, scattering, sorting: as NumPy's and PyTorch's, with right gradients."""

import numpy as np
import pytest

import autodiff as ad

X = np.arange(24.0).reshape(2, 3, 4) % 7
K, J = np.array([0, 1, 1, -1]), np.array([[2], [0]])
MASK = X > 2


def put(index, device):
    """An index with its arrays on a device."""
    if isinstance(index, np.ndarray):
        return ad.tensor(index, device=device)
    return tuple(put(i, device) for i in index) if isinstance(index, tuple) else index


INDICES = [
    1, -1, (0, 2), (1, 2, 3), (..., 0), (..., None), (0, ..., -1), slice(None, None, -1),
    (slice(1, 2), slice(3, 0, -2)), (None, 1, None), (), ..., True, False, (0, True),
    K, J - 1, (slice(None), K[:3]), (K, J), (K[:2], slice(None), J), (0, K[:2], None, 1),
    (slice(None), 1, K), (K, ..., K), np.array(1), np.array([], int), np.int64(1),
    MASK, (1, MASK[0]), (slice(None), MASK[0]), MASK[:, 0, 0], (MASK[:, :, 0], 2),
    (MASK[:, 0, 0], 0, K[:1]), np.array(True),
    [0, 1, 1], (slice(None), [2, 0, 2]), [[0, 1], [1, 1]], [True, False], ([0, 1], [2, 2]), [],
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_getitem(index, device):
    """Values as NumPy's; the gradient counts how often each element was picked."""
    x = ad.tensor(X, device=device, requires_grad=True)
    y = x[put(index, device)]
    expected = X[index]
    assert y.shape == expected.shape
    np.testing.assert_array_equal(y.cpu().detach().numpy(), expected)
    y.backward(ad.tensor(np.arange(1.0, y.size + 1).reshape(y.shape), device=device))
    counts = np.zeros(X.shape)
    np.add.at(counts, index, np.arange(1.0, y.size + 1).reshape(expected.shape))
    np.testing.assert_array_equal(x.grad.cpu().data, counts)
    if device == "cpu":
        assert ad.gradcheck(lambda x: x[index], [ad.tensor(X, requires_grad=True)], order=2)


def test_lists_of_tensors_and_tensors_in_tuples(device):
    x = ad.tensor(X, device=device)
    one, two = ad.tensor(1, device=device), ad.tensor(0, device=device)
    np.testing.assert_array_equal(x[[one, two]].cpu().data, X[[1, 0]])
    np.testing.assert_array_equal(x[:, [one, two]].cpu().data, X[:, [1, 0]])


def test_an_index_out_of_range():
    x = ad.tensor(X)
    for call in (lambda: x[2], lambda: x[:, 3], lambda: x[[0, 2]], lambda: x[0, 0, 0, 0],
                 lambda: ad.take(x, [7], axis=1), lambda: ad.take(x, 24),
                 lambda: ad.take_along_axis(x, np.full((2, 3, 1), 4)),
                 lambda: ad.index_add(x, 0, [2], 1.0)):  # fmt: skip
        with pytest.raises(IndexError, match=r"(getitem|take|take_along_axis|index_add): .*\(2, 3"):
            call()
    with pytest.raises(IndexError, match="getitem"):
        x[1.0]


def test_the_transpose_refuses_what_indexing_refuses():
    with pytest.raises(IndexError, match="unindex: .*out of bounds for axis 0 with size 2"):
        ad.REGISTRY["unindex"](np.ones((1, 3)), np.array([-3]), (2, 3))


@pytest.mark.parametrize("width", [4, 600])
def test_rows_of_a_table_with_many_repetitions(width):
    """The fast ways of embeddings: in float32 and float16 too, with negative indices."""
    rng = np.random.default_rng(0)
    index = rng.integers(-5, 5, (20, 3))
    for dtype in (np.float64, np.float32, np.float16):
        x = ad.tensor(rng.normal(size=(5, width)).astype(dtype), requires_grad=True)
        g = rng.integers(-3, 4, (20, 3, width)).astype(dtype)
        x[index].backward(g)
        expected = np.zeros((5, width), dtype)
        np.add.at(expected, index, g)
        assert x.grad.dtype == dtype
        np.testing.assert_array_equal(x.grad.data, expected)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather_and_scatter_add(axis, device):
    """By the definition, element by element; the index may be smaller, and repeats."""
    rng = np.random.default_rng(1)
    shape = [2, 2, 3]
    shape[axis] = 5
    index = rng.integers(0, X.shape[axis], shape)
    src = rng.normal(size=np.add(shape, 1))
    gathered, scattered = np.zeros(shape), X.copy()
    for place in np.ndindex(*shape):
        there = list(place)
        there[axis] = index[place]
        gathered[place] = X[tuple(there)]
        scattered[tuple(there)] += src[place]
    x, i, s = (ad.tensor(v, device=device) for v in (X, index, src))
    np.testing.assert_array_equal(ad.gather(x, axis, i).cpu().data, gathered)
    np.testing.assert_allclose(ad.scatter_add(x, axis, i, s).cpu().data, scattered, rtol=1e-15)
    assert x.cpu().data is not X and (x.cpu().data == X).all()
    x, s = (ad.tensor(v, requires_grad=True) for v in (X, src))
    assert ad.gradcheck(lambda x: ad.gather(x, axis, index), [x], order=2)
    assert ad.gradcheck(lambda x, s: ad.scatter_add(x, axis, index, s), [x, s], order=2)


def test_gather_and_scatter_say_what_does_not_fit():
    for index in (np.zeros((2, 3), int), np.zeros((2, 4, 4), int)):
        with pytest.raises(ValueError, match=r"gather: an index of shape .* \(2, 3, 4\)"):
            ad.gather(X, 2, index)
        with pytest.raises(ValueError, match="scatter_add: an index of shape"):
            ad.scatter_add(X, 2, index, 1.0)
    with pytest.raises(ValueError, match=r"scatter_add: an index of shape \(2, 3, 4\)"):
        ad.scatter_add(X, 2, np.zeros((2, 3, 4), int), X[:, :2])  # src is too small


def test_index_add(device):
    x = ad.tensor(X, device=device, requires_grad=True)
    src = ad.tensor(np.ones((2, 4, 4)), device=device, requires_grad=True)
    index = ad.tensor([2, 0, 2, 2], device=device)
    y = ad.index_add(x, 1, index, src)
    np.testing.assert_array_equal((y - x).cpu().detach().data[0, :, 0], [1, 0, 3])
    (y * y).sum().backward()
    np.testing.assert_array_equal(src.grad.cpu().data, 2 * y.cpu().detach().data[:, [2, 0, 2, 2]])


def test_put_along_axis_gives_the_gradient_to_what_stays(device):
    x = ad.tensor(np.zeros(3), device=device, requires_grad=True)
    values = ad.tensor(np.array([1.0, 2.0, 3.0]), device=device, requires_grad=True)
    y = ad.put_along_axis(x, ad.tensor([0, 2, 0], device=device), values)
    y.backward(ad.tensor(np.array([10.0, 20.0, 30.0]), device=device))
    if device != "cuda":  # where any of those that repeat may stay
        np.testing.assert_array_equal(y.cpu().detach().data, [3, 0, 2])
        np.testing.assert_array_equal(values.grad.cpu().data, [0, 30, 10])
    np.testing.assert_array_equal(x.grad.cpu().data, [0, 20, 0])


def test_take_along_axis_undoes_argsort(device):
    x = ad.tensor(X, device=device)
    for axis in (0, 1, 2):
        order = ad.argsort(x, axis=axis)
        assert (ad.take_along_axis(x, order, axis) == ad.sort(x, axis)).all()


# ---------------------------------------------------------------- sorting
def test_sort_sends_gradients_back_where_values_came_from(device):
    x = ad.tensor(np.array([2.0, 1.0, 2.0, 0.0]), device=device, requires_grad=True)
    g = ad.tensor(np.array([1.0, 2.0, 3.0, 4.0]), device=device)
    ad.sort(x).backward(g)
    np.testing.assert_array_equal(x.grad.cpu().data, [3, 2, 4, 1])  # the first 2 stays the first
    x.zero_grad()
    ad.sort(x, descending=True).backward(g)
    np.testing.assert_array_equal(x.grad.cpu().data, [1, 3, 2, 4])


def test_argsort_is_stable_both_ways(device):
    x = ad.tensor(np.array([1, 0, 1, 0, 2], np.uint8), device=device)
    np.testing.assert_array_equal(ad.argsort(x).cpu().data, [1, 3, 0, 2, 4])
    np.testing.assert_array_equal(ad.argsort(x, descending=True).cpu().data, [4, 0, 2, 1, 3])


def test_nan_counts_as_the_largest():
    x = np.array([1.0, np.nan, -np.inf, np.inf])
    np.testing.assert_array_equal(ad.sort(x), [-np.inf, 1, np.inf, np.nan])
    np.testing.assert_array_equal(ad.sort(x, descending=True), [np.nan, np.inf, 1, -np.inf])
    np.testing.assert_array_equal(ad.argsort(x, descending=True), [1, 3, 0, 2])


@pytest.mark.parametrize("largest", [True, False])
def test_topk(largest, device):
    x = ad.tensor(X[:, :, 0], device=device, requires_grad=True)
    values, indices = ad.topk(x, 2, axis=1, largest=largest)
    expected = np.sort(X[:, :, 0], axis=1)
    expected = expected[:, ::-1][:, :2] if largest else expected[:, :2]
    np.testing.assert_array_equal(values.cpu().detach().data, expected)
    np.testing.assert_array_equal(np.take_along_axis(X[:, :, 0], indices.cpu().data, 1), expected)
    values.sum().backward()
    assert (x.grad.cpu().data.sum(axis=1) == 2).all() and not indices.requires_grad


def test_topk_of_equal_values_takes_the_first():
    x = ad.tensor([1.0, 1.0, 1.0], requires_grad=True)
    values, indices = ad.topk(x, 2)
    values.sum().backward()
    assert indices.data.tolist() == [0, 1] and x.grad.data.tolist() == [1, 1, 0]
    assert ad.topk(x, 0)[0].shape == (0,)
    with pytest.raises(ValueError, match=r"topk: k=4 of axis -1 of an array of shape \(3,\)"):
        ad.topk(x, 4)


def test_searchsorted(device):
    x = ad.tensor([1.0, 2.0, 2.0], device=device)
    v = ad.tensor([[2.0], [9.0]], device=device)
    assert ad.searchsorted(x, v).cpu().data.tolist() == [[1], [3]]
    assert ad.searchsorted(x, v, side="right").cpu().data.tolist() == [[3], [3]]
    assert ad.searchsorted(x, 1.5).item() == 1
    order = ad.tensor([2, 0, 1], device=device)
    shuffled = ad.tensor([2.0, 2.0, 1.0], device=device)
    assert ad.searchsorted(shuffled, v, "left", order).cpu().data.tolist() == [[1], [3]]


# ---------------------------------------------------------------- masks and classes
def test_masked_fill(device):
    x = ad.tensor(np.array([[1.0, 2.0], [3.0, 4.0]], np.float32), device=device, requires_grad=True)
    mask = ad.tensor([True, False], device=device)
    y = ad.masked_fill(x, mask, -np.inf)
    assert y.dtype == np.float32 and y.cpu().data.tolist() == [[-np.inf, 2], [-np.inf, 4]]
    y.backward(ad.ones_like(y))
    assert x.grad.cpu().data.tolist() == [[0, 1], [0, 1]]
    with pytest.raises(ValueError, match=r"masked_fill: a mask of shape \(2, 2\) .*\(2,\)"):
        ad.masked_fill(x[0], x > 0, 0.0)


def test_nonzero(device):
    for values in (X, X > 2, np.zeros((2, 0))):
        found = ad.nonzero(ad.tensor(values, device=device))
        assert isinstance(found, tuple)
        for a, b in zip(found, np.nonzero(values), strict=True):
            np.testing.assert_array_equal(a.cpu().data, b)
    assert all(type(i) is np.ndarray for i in ad.nonzero(X))


def test_one_hot(device):
    i = ad.tensor([[0, 2], [1, 0]], device=device)
    made = ad.one_hot(i)
    assert made.dtype == np.int64 and made.shape == (2, 2, 3)
    np.testing.assert_array_equal(made.cpu().data, np.eye(3, dtype=int)[i.cpu().data])
    assert ad.one_hot(i, 5, dtype=ad.float16).dtype == np.float16
    for bad, classes in ((ad.tensor([3]), 3), (ad.tensor([-1]), 3), (ad.tensor([1.0]), 3)):
        with pytest.raises(ValueError, match="one_hot: .* integers from 0 to 2"):
            ad.one_hot(bad, classes)
