"""Functions on shapes that are made of other ops: as NumPy's, differentiable, and views."""

import numpy as np
import pytest

import autodiff as ad
from autodiff import backend

X = np.arange(24.0).reshape(2, 3, 4)
LINE = np.arange(5.0)


def check(fn, of_numpy, values, device):
    """Values and shapes are NumPy's, on tensors and on raw arrays, and gradients are right."""
    expected = of_numpy(values)
    several = isinstance(expected, (list, tuple))
    expected = list(expected) if several else [expected]
    x = ad.tensor(values, device=device, requires_grad=True)
    for made in (fn(x), fn(values)):
        made = list(made) if several else [made]
        assert len(made) == len(expected)
        for a, b in zip(made, expected, strict=True):
            a = backend.to_numpy(getattr(a, "data", a)) if isinstance(a, ad.Tensor) else a
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
    if device == "cpu":
        assert ad.gradcheck(lambda x: tuple(fn(x)) if several else fn(x), [x], order=2)


CHECKS = {
    "moveaxis": (lambda f, x: f(x, 0, -1), X),
    "moveaxis several": (lambda f, x: f(x, (0, 1), (-1, 0)), X),
    "moveaxis to descending places": (lambda f, x: f(x, (0, 1), (1, 0)), X),
    "permute_dims": (lambda f, x: f(x, (2, 0, 1)), X),
    "ravel": (lambda f, x: f(x), X),
    "ravel empty": (lambda f, x: f(x), X[:0]),
    "split": (lambda f, x: f(x, 2, axis=2), X),
    "split places": (lambda f, x: f(x, [1, 1, 3], axis=-1), X),
    "split beyond": (lambda f, x: f(x, [2, 9], axis=0), LINE),
    "array_split": (lambda f, x: f(x, 3), LINE),
    "array_split empty parts": (lambda f, x: f(x, 7), LINE),
    "unstack": (lambda f, x: f(x, axis=1), X),
    "unstack last": (lambda f, x: f(x, axis=-1), X),
    "repeat each": (lambda f, x: f(x, [2, 0, 1], axis=1), X),
    "repeat flat": (lambda f, x: f(x, np.array([0, 1, 2, 3, 1])), LINE),
    "repeat one for all": (lambda f, x: f(x, [2], axis=0), X),
    "pad number": (lambda f, x: f(x, 2), X),
    "pad pair": (lambda f, x: f(x, (1, 2)), LINE),
    "pad constant": (lambda f, x: f(x, ((1, 0), (0, 2), (0, 0)), constant_values=7), X),
    "pad constants": (lambda f, x: f(x, (2, 1), constant_values=(7, 8)), LINE),
    "pad edge": (lambda f, x: f(x, ((1, 2), (0, 0), (0, 3)), mode="edge"), X),
    "pad reflect": (lambda f, x: f(x, ((0, 1), (2, 1), (9, 7)), mode="reflect"), X),
    "pad reflect one": (lambda f, x: f(x, 3, mode="reflect"), LINE[:1]),
    "pad symmetric": (lambda f, x: f(x, (3, 12), mode="symmetric"), LINE),
    "pad wrap": (lambda f, x: f(x, ((1, 1), (0, 0), (6, 5)), mode="wrap"), X),
    "diag of a line": (lambda f, x: f(x), LINE),
    "diag of a line, below": (lambda f, x: f(x, -2), LINE),
    "diag": (lambda f, x: f(x, 1), X[0]),
}


@pytest.mark.parametrize("name", CHECKS)
def test_as_in_numpy(name, device):
    call, values = CHECKS[name]
    name = name.partition(" ")[0]
    check(
        lambda x: call(getattr(ad, name), x),
        lambda x: call(getattr(np, name), x),
        values,
        device,
    )


@pytest.mark.parametrize("start, end, shape", [(0, -1, (24,)), (1, 2, (2, 12)), (0, 1, (6, 4)),
                                               (1, 1, (2, 3, 4))])  # fmt: skip
def test_flatten(start, end, shape, device):
    check(lambda x: ad.flatten(x, start, end), lambda x: x.reshape(shape), X, device)
    assert ad.flatten(ad.tensor(1.0)).shape == (1,)
    assert ad.flatten(ad.zeros((2, 0, 3)), 1).shape == (2, 0)


def test_broadcast_arrays(device):
    xs = [np.ones((3, 1)), np.ones(4), np.float64(2.0)]
    made = ad.broadcast_arrays(*[ad.tensor(x, device=device) for x in xs])
    assert [y.shape for y in made] == [(3, 4)] * 3
    assert ad.gradcheck(lambda *xs: tuple(ad.broadcast_arrays(*xs)),
                        [ad.tensor(x, requires_grad=True) for x in xs], order=2)  # fmt: skip


def test_concat_is_concatenate():
    assert ad.concat is ad.concatenate and ad.permute_dims is ad.transpose
    assert ad.amax is ad.max and ad.amin is ad.min


@pytest.mark.parametrize(
    "view",
    [
        lambda x: ad.split(x, 3)[1],
        lambda x: ad.array_split(x, 2, axis=1)[0],
        lambda x: ad.unstack(x)[2],
        lambda x: ad.moveaxis(x, 0, 1),
        lambda x: ad.ravel(x),
        lambda x: ad.flip(x, axis=0),
        lambda x: ad.diagonal(x, 1),
        lambda x: ad.diag(x),
        lambda x: x[2, 1],
    ],
)
def test_views_share_memory_and_can_be_written(view):
    x = ad.tensor(np.arange(12.0).reshape(3, 4))
    seen = view(x)
    assert np.shares_memory(seen.data, x.data)
    seen[...] = -1.0
    assert (view(x.data) == -1).all() and (x.data == -1).sum() == seen.size


@pytest.mark.parametrize("name, call", [
    ("roll", lambda x: ad.roll(x, 1)), ("tile", lambda x: ad.tile(x, 1)),
    ("repeat", lambda x: ad.repeat(x, 1, axis=0)), ("pad", lambda x: ad.pad(x, 0)),
    ("tril", lambda x: ad.tril(x, 9)), ("broadcast_to", lambda x: ad.broadcast_to(x, (3, 4))),
    ("sort", lambda x: ad.sort(x)), ("cumsum", lambda x: ad.cumsum(x, axis=0)),
])  # fmt: skip
def test_what_is_no_view_is_a_copy(name, call):
    x = ad.zeros((3, 4))
    assert not np.shares_memory(call(x).data, x.data)


def test_a_write_through_a_view_of_a_result_is_recorded():
    x = ad.tensor(np.arange(4.0).reshape(2, 2), requires_grad=True)
    y = x * 2
    ad.diagonal(y)[...] = ad.tensor(np.array([5.0, 6.0]))
    (y * y).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [[0, 8], [16, 0]])


def test_errors_name_what_is_at_fault():
    x = ad.zeros((2, 3))
    for call, match in [
        (lambda: ad.split(x, 2, axis=1), "split: axis 1 of length 3 .*array_split"),
        (lambda: ad.array_split(x, 0), "array_split: 0 parts"),
        (lambda: ad.unstack(ad.tensor(1.0)), "unstack: .*no axis"),
        (lambda: ad.moveaxis(x, 2, 0), "axis 2 is out of bounds"),
        (lambda: ad.moveaxis(x, (0, 0), (0, 1)), "moveaxis: an axis is there twice"),
        (lambda: ad.moveaxis(x, (0, 1), 0), "moveaxis: 2 axes and 1 places"),
        (lambda: ad.flatten(x, 1, 0), "flatten: from axis 1 to 0"),
        (lambda: ad.stack([x, x[:1]]), r"stack: .*\(1, 3\)"),
        (lambda: ad.pad(x, 1, mode="mean"), "pad: unknown mode 'mean'; use one of"),
        (lambda: ad.pad(x, -1), "pad: pad_width=-1; .*none negative"),
        (lambda: ad.pad(x, 1.5), "pad: pad_width=1.5; widths are integers"),
        (lambda: ad.repeat(x, [1, 2]), r"repeat: repeats of shape \(2,\) for 6 values"),
        (lambda: ad.diag(ad.zeros((1, 1, 1))), r"diag: an array of shape \(1, 1, 1\)"),
        (lambda: ad.diagonal(ad.zeros(3)), r"diagonal: .*\(3,\)"),
        (lambda: ad.reshape(x, (4, -1)), r"reshape: .*\(2, 3\)"),
    ]:
        with pytest.raises(ValueError, match=match):
            call()
