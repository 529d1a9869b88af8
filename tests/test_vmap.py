"""`vmap`: axes, containers, nesting, gradients across its border, and what it refuses."""

import gc
import weakref

import numpy as np
import pytest

import autodiff as ad
from autodiff import REGISTRY, _batched

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (3, 4))
W = RNG.uniform(-1, 1, (4,))


def close(found, expected):
    found = found.numpy() if isinstance(found, ad.Tensor) else found
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def test_axes_in_and_out(device):
    x = ad.tensor(RNG.uniform(size=(2, 3, 4)), device=device)
    for axis in (0, 1, 2, -1):
        for out in (0, 1, -1):
            y = ad.vmap(lambda v: v * v.sum(), in_axes=axis, out_axes=out)(x)
            moved = np.moveaxis(x.cpu().numpy(), axis, 0)
            expected = np.stack([v * v.sum() for v in moved])
            assert y.device.startswith(device)
            close(y.cpu(), np.moveaxis(expected, 0, out))


def test_inside_a_value_looks_like_one_example():
    def look(x):
        assert (x.shape, x.ndim, x.size, len(x), x.dtype) == ((4,), 1, 4, 4, np.float64)
        assert x.device == "cpu" and "3 examples" in repr(x)
        assert [v.shape for v in x] == [()] * 4
        return x

    close(ad.vmap(look)(X), X)


def test_containers_numbers_and_keywords():
    def fn(p, x, *, scale):
        return {"y": (p["w"] * x).sum() * scale, "k": [p["n"], 2.0]}

    out = ad.vmap(fn, in_axes=({"w": None, "n": None}, 0))(
        {"w": W, "n": 3}, X, scale=np.arange(3.0)
    )
    close(out["y"], (X @ W) * np.arange(3))
    close(out["k"][0], [3, 3, 3])
    close(out["k"][1], [2, 2, 2])


def test_out_axes_none_is_for_what_all_share():
    close(ad.vmap(lambda x, w: (x, w * 2), in_axes=(0, None), out_axes=(0, None))(X, W)[1], W * 2)
    with pytest.raises(ValueError, match=r"out_axes=None for a result of shape \(4,\)"):
        ad.vmap(lambda x: x, out_axes=None)(X)


def test_nested():
    y = np.arange(5.0)
    outer = ad.vmap(lambda a: ad.vmap(lambda b: a * b.sum() + W[0])(y[:, None]))(X)
    close(outer, X[:, None, :] * y[None, :, None] + W[0])
    both = ad.vmap(ad.vmap(lambda a, b: ad.matmul(a, b), in_axes=(0, None)), in_axes=(None, 0))
    close(both(X, X), X @ X.T)


def test_gradients_across_the_border():
    """What all share gets the sum; what has a batch gets its own; also mixed with other uses."""
    w, x = ad.tensor(W, requires_grad=True), ad.tensor(X, requires_grad=True)
    (ad.vmap(lambda r: ad.exp(w * r).sum())(x).sum() + (w * w).sum()).backward()
    close(w.grad, (X * np.exp(W * X)).sum(0) + 2 * W)
    close(x.grad, W * np.exp(W * X))


def test_gradient_to_a_shared_leaf_through_unbatched_ops():
    w = ad.tensor(W, requires_grad=True)
    u = ad.exp(w)
    (ad.vmap(lambda r: (u * r).sum() * u.sum())(X).sum() + u.sum()).backward()
    e = np.exp(W)
    close(w.grad, e * ((X * e.sum()).sum(0) + (X @ e).sum() + 1))


def test_backward_inside():
    w = ad.tensor(W, requires_grad=True)

    def fn(r):
        (w * r).sum().backward()
        return r

    ad.vmap(fn)(X)
    close(w.grad, X.sum(0))


def test_per_example_gradients_of_shared_and_nested():
    loss = lambda w, r: ad.tanh(w @ r) ** 2  # noqa: E731
    found = ad.vmap(ad.grad(loss), in_axes=(None, 0))(W, X)
    t = np.tanh(X @ W)
    close(found, (2 * t * (1 - t**2))[:, None] * X)
    twice = ad.vmap(
        lambda a: ad.vmap(ad.grad(lambda w, r: (w * r * a).sum()), in_axes=(None, 0))(W, X)
    )(np.arange(2.0))
    close(twice, np.arange(2.0)[:, None, None] * X)


def test_grad_of_vmap_of_grad():
    f = lambda w, r: ad.exp(w @ r)  # noqa: E731
    outer = ad.grad(lambda w: (ad.vmap(ad.grad(f), in_axes=(None, 0))(w, X) ** 2).sum())
    assert ad.gradcheck(lambda w: outer(w), ad.tensor(W, requires_grad=True))


def test_gradient_walked_after_the_call_and_twice():
    x = ad.tensor(X, requires_grad=True)
    y = ad.vmap(lambda r: (r**3).sum())(x).sum()
    g = ad.gradients(y, x, create_graph=True)
    close(ad.gradients(g.sum(), x), 6 * X)


INDICES = [
    np.array([0, 2, 1]),
    np.array([1, -1, 1]),
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_batched_index(index):
    close(ad.vmap(lambda r, i: r[i])(X, index), X[np.arange(3), index])
    close(ad.vmap(lambda i: ad.tensor(W)[i])(index), W[index])
    w = ad.tensor(W, requires_grad=True)
    ad.vmap(lambda i: w[i] * 2)(index).sum().backward()
    expected = np.zeros(4)
    np.add.at(expected, index, 2.0)
    close(w.grad, expected)


INDEX_KINDS = {
    "first": lambda i: (i,),
    "middle": lambda i: (slice(None), i),
    "apart": lambda i: (i, slice(None), i),
    "integer": lambda i: (0, slice(1, 3), i),
    "integer beside": lambda i: (slice(1, 3), 1, i),
    "new axis": lambda i: (None, slice(None), i, ...),
    "matrix": lambda i: (..., i[None], slice(1, 3)),
    "fixed beside": lambda i: (slice(None), i, np.array([0, 1])),
    "only fixed": lambda i: (slice(None), np.array([0, 1]), slice(None)),
    "mask": lambda i: (slice(None), np.array([True, False, True, False])),
    "truth": lambda i: (True, i),
    "list": lambda i: (slice(None), [0, 2]),
}


@pytest.mark.parametrize("kind", INDEX_KINDS)
def test_batched_indices_of_every_form(kind, device):
    x = RNG.uniform(size=(3, 4, 4, 4))
    i = RNG.integers(0, 4, (3, 2))
    make = INDEX_KINDS[kind]

    def on(index):
        if device == "strict":
            return tuple(
                ad.tensor(p, device=device) if isinstance(p, np.ndarray) else p for p in index
            )
        return index

    expected = np.stack([a[make(k)] for a, k in zip(x, i, strict=True)])
    pick = lambda a, k: a[on(make(k))]  # noqa: E731
    where = ad.tensor(x, device=device), ad.tensor(i, device=device)
    close(ad.vmap(pick)(*where).cpu(), expected)

    def write(a, k):
        a = a * 1
        a[on(make(k))] = pick(a, k) * 2
        return a

    written = x.copy()
    for a, k in zip(written, i, strict=True):
        a[make(k)] = a[make(k)] * 2
    close(ad.vmap(write)(*where).cpu(), written)


def test_writes_in_place_are_recorded():
    x = ad.tensor(X, requires_grad=True)

    def fn(r):
        r = r * 1
        r[1:3] = ad.exp(r[:2])
        r[0] = r[3] * 3
        r += r[1]
        return (r * r).sum()

    loop = ad.grad(lambda x: sum(fn(x[k]) for k in range(3)))(X)
    ad.vmap(fn)(x).sum().backward()
    close(x.grad, loop.numpy())


def test_a_view_written_inside_is_seen_by_its_base():
    def fn(r):
        a = r * 1
        a.reshape(2, 2)[0] = 7.0
        return a

    g = ad.grad(lambda x: ad.vmap(fn)(x).sum())(X)
    close(g, np.tile([0.0, 0, 1, 1], (3, 1)))


def test_a_write_after_saving_is_found():
    w = ad.tensor(W, requires_grad=True)
    shared = ad.tensor(np.ones(4))
    y = ad.vmap(lambda r: (w * shared * r).sum())(X).sum()
    shared[0] = 5.0
    with pytest.raises(RuntimeError, match="written in place"):
        y.backward()


REFUSED = {
    "if": lambda r: 1.0 if r.sum() > 0 else 2.0,
    "float": lambda r: float(r[0]),
    "int": lambda r: int(r[0]),
    "item": lambda r: r[0].item(),
    "numpy": lambda r: r.numpy(),
    "asarray": lambda r: np.asarray(r),
    "mask": lambda r: r[r > 0],
    "write": lambda r: ad.zeros(4, dtype=np.float64).__setitem__(0, r[0]),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_needs_the_value_of_one_example_is_refused(what):
    with pytest.raises(TypeError, match="vmap: "):
        ad.vmap(REFUSED[what])(X)


def test_wrong_arguments_are_named():
    with pytest.raises(
        ValueError,
        match=r"3 in argument 0 \(shape \(3, 4\), axis 0\); 4 in argument 1\['w'\]",
    ):
        ad.vmap(lambda x, p: x)(X, {"w": W})
    with pytest.raises(ValueError, match="argument 1 is of float 2.0 and has no axis 0"):
        ad.vmap(lambda x, y: x)(X, 2.0)
    with pytest.raises(ValueError, match="nothing to map over"):
        ad.vmap(lambda x: x, in_axes=None)(X)
    with pytest.raises(ValueError, match=r"in_axes=\(0,\) does not fit"):
        ad.vmap(lambda x, y: x, in_axes=(0,))(X, X)
    with pytest.raises(ValueError, match="argument 'k'"):
        ad.vmap(lambda x, k: x)(X, k=W)


def test_a_missing_function_is_named():
    space = ad.backend.namespace(_batched.Batched(X, _batched.Level(3)))
    with pytest.raises(NotImplementedError, match=r"xp\.hanning has no form for batched arrays"):
        space.hanning  # noqa: B018


def test_random_draws_are_the_same_for_every_example():
    y = ad.vmap(lambda r: ad.random.normal((2,)) + 0 * r[0])(X).numpy()
    assert (y == y[0]).all()


def test_what_is_shared_is_not_repeated():
    """A weight that all examples share meets them in one product, of which it is one operand."""
    shapes = []

    @ad.op(y=lambda g: g)
    def look(xp, x, y, /):
        shapes.append(y.inner.shape)
        return x * y

    try:
        ad.vmap(lambda w, r: look(r, w), in_axes=(None, 0))(W, X)
        ad.vmap(ad.grad(lambda w, r: look(r, w).sum()), in_axes=(None, 0))(W, X)
    finally:
        del REGISTRY["look"]
    assert shapes == [(1, 4), (1, 4)]


def test_nothing_is_left_behind():
    gc.disable()
    try:
        x = ad.tensor(X, requires_grad=True)
        y = ad.vmap(lambda r: ad.exp(r).sum())(x)
        node = weakref.ref(y.node)
        y.sum().backward()
        del y
        assert node() is None
    finally:
        gc.enable()


def test_border_ops():
    level = _batched.Level(3)
    batch, unbatch = REGISTRY["batch"], REGISTRY["unbatch"]
    x = ad.tensor(X, requires_grad=True)
    for axis in (0, None):
        inside = batch(x if axis == 0 else x[0], level, axis)
        out = unbatch(ad.sum(inside * inside), level, 0)
        assert out.shape == (3,)
    assert ad.gradcheck(lambda x: unbatch(batch(x, level, 0), level, 1), x, order=2)
    assert ad.gradcheck(lambda x: unbatch(batch(x, level, 0), level, None), x, order=2)
    assert ad.gradcheck(lambda x: unbatch(batch(x, level, None), level, 1), x, order=2)
    assert ad.gradcheck(lambda x: unbatch(batch(x, level, None), level, None), x, order=2)
