"""`grad`, `vjp`, `jvp`, `hvp`, `jacobian`, `hessian`: containers, nesting, outer graphs, errors."""

from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest

import autodiff as ad

RNG = np.random.default_rng(0)
X = RNG.uniform(0.5, 1.5, (3, 4))
V = RNG.uniform(-1, 1, (3, 4))
Pair = namedtuple("Pair", "a b")


@dataclass
class Net:
    w: object
    b: object


def close(found, expected, rtol=1e-10):
    if not isinstance(expected, np.ndarray | float | list):
        expected = expected.cpu().numpy()
    np.testing.assert_allclose(found.detach().cpu().numpy(), expected, rtol=rtol, atol=1e-12)


def smooth(x):
    return (ad.tanh(x) * ad.exp(x @ ad.tensor(V.T, device=x.device))[:, :1]).sum(axis=0)


# ---------------------------------------------------------------- grad
def test_containers():
    def fn(p, x):
        return (p["n"].w * x + p["n"].b).sum() + p["l"][0].a * p["l"][1]

    p = {"n": Net(X, 2.0), "l": [Pair(3.0, None), 4.0]}
    g = ad.grad(fn)(p, V)
    assert type(g) is dict and type(g["n"]) is Net and type(g["l"][0]) is Pair
    close(g["n"].w, V)
    assert [g["n"].b.item(), g["l"][0].a.item(), g["l"][1].item()] == [12.0, 4.0, 3.0]
    assert g["l"][0].b is None


def test_argnums_and_keywords():
    fn = lambda x, y, *, k: (x * y * k).sum()  # noqa: E731
    close(ad.grad(fn, 1)(X, V, k=2.0), 2 * X)
    gx, gy = ad.grad(fn, (0, -1))(X, V, k=2.0)
    close(gx, 2 * V)
    close(gy, 2 * X)
    with pytest.raises(TypeError, match="argnums=2, but there are 2 arguments"):
        ad.grad(fn, 2)(X, V, k=1)


def test_results_are_tensors_of_the_argument_device_and_dtype(device):
    x = ad.tensor(X.astype(np.float32), device=device)
    for arg in (x, x.data):
        g = ad.grad(lambda x: (x * x).sum())(arg)
        assert type(g) is ad.Tensor and g.dtype == np.float32 and g.device.startswith(device)
        assert not g.requires_grad and x.grad is None


def test_value_and_aux():
    (value, aux), g = ad.value_and_grad(lambda x: ((x * x).sum(), {"twice": 2 * x}), has_aux=True)(
        X
    )
    close(value, (X * X).sum())
    close(aux["twice"], 2 * X)
    assert not value.requires_grad and not aux["twice"].requires_grad
    g2, aux = ad.grad(lambda x: ((x * x).sum(), 7), has_aux=True)(X)
    close(g2, 2 * X)
    assert aux == 7


def test_independent_arguments_give_zeros():
    close(ad.grad(lambda x, y: y.sum())(X, V), np.zeros((3, 4)))
    close(ad.grad(lambda x: 3.0)(X), np.zeros((3, 4)))
    close(ad.jacobian(lambda x: ad.tensor([1.0, 2.0]))(X), np.zeros((2, 3, 4)))


def test_errors():
    with pytest.raises(TypeError, match=r"single number, not shape \(3, 4\)"):
        ad.grad(lambda x: x * 2)(X)
    with pytest.raises(TypeError, match="dtype int64 has no derivative"):
        ad.grad(lambda x: x.sum())(np.arange(3))
    with pytest.raises(TypeError, match="dtype int64"):
        ad.grad(lambda x: x * 2)(3)
    with pytest.raises(TypeError, match="str is not something"):
        ad.grad(lambda p: p["x"])({"x": 1.0, "s": "text"})
    with pytest.raises(TypeError, match="not dict"):
        ad.grad(lambda x: {"a": x})(1.0)


def test_any_order():
    f = ad.exp
    for _ in range(5):
        f = ad.grad(f)
    assert f(0.5).item() == pytest.approx(np.exp(0.5), rel=1e-6)


def test_scalars():
    s = ad.Scalar(2.0)
    g = ad.grad(lambda s: s**3)(s)
    assert type(g) is ad.Scalar and g.item() == 12.0 and s.grad is None
    assert ad.grad(ad.grad(lambda s: s**3))(s).item() == 12.0
    assert ad.jacobian(lambda s: s * s)(s).item() == 4.0
    assert ad.hvp(lambda s: s**3, s, ad.Scalar(2.0)).item() == 24.0


def test_outer_graph_is_kept():
    w = ad.tensor(X, requires_grad=True)
    g = ad.grad(lambda v: (w * w * v).sum())(V)  # closes over w
    g.sum().backward()
    close(w.grad, 2 * X)
    g = ad.grad(lambda x: (x**3).sum())(w)  # w itself
    close(ad.gradients(g.sum(), w), 6 * X)
    with ad.no_grad():
        assert not ad.grad(lambda x: (x**3).sum())(w).requires_grad
    assert w.grad is not None


def test_arguments_are_not_written():
    with pytest.raises(RuntimeError, match="leaf"):
        ad.grad(lambda x: x.__setitem__(0, 1.0) or x.sum())(ad.tensor(X))


# ---------------------------------------------------------------- products
def test_vjp(device):
    x = ad.tensor(X, device=device)
    (y, twice), pullback = ad.vjp(lambda x: (smooth(x), x * 2), x)
    assert not y.requires_grad
    u = ad.tensor(RNG.uniform(size=4), device=device)
    (g,) = pullback((u, x))
    (again,) = pullback((u, x))
    close(g, again)
    j = ad.jacobian(smooth)(x)
    close(g, np.tensordot(u.cpu().numpy(), j.cpu().numpy(), 1) + 2 * X)
    with pytest.raises(ValueError, match=r"cotangent is \[.*\], the result \("):
        pullback([u, x])
    with pytest.raises(ValueError, match=r"cotangent of shape \(3, 4\) for a result of shape \(4,"):
        pullback((x, x))


def test_vjp_with_aux_and_gradient_of_a_pullback():
    y, pullback, aux = ad.vjp(lambda x: (x * x, "more"), X, has_aux=True)
    assert aux == "more"
    u = ad.tensor(V, requires_grad=True)
    (g,) = pullback(u)
    g.sum().backward()
    close(u.grad, 2 * X)


def test_hvp_equals_the_hessian():
    f = lambda x: (smooth(x) ** 2).sum()  # noqa: E731
    h = ad.hessian(f)(X).numpy().reshape(12, 12)
    close(ad.hvp(f, X, V), (h @ V.ravel()).reshape(3, 4))
    np.testing.assert_allclose(h, h.T, rtol=1e-9)


def test_hvp_in_containers_and_differentiable():
    f = lambda p: (p["a"] ** 3).sum() * p["b"]  # noqa: E731
    p = {"a": ad.tensor(X, requires_grad=True), "b": ad.tensor(2.0, dtype=np.float64)}
    r = ad.hvp(f, p, {"a": V, "b": 0.0})
    close(r["a"], 12 * X * V)
    assert ad.gradients(r["a"].sum(), p["a"]).shape == (3, 4)


# ---------------------------------------------------------------- matrices
@pytest.mark.parametrize("chunk_size", [None, 1, 3])
def test_jacobian(chunk_size, device):
    x = ad.tensor(X, device=device)
    j = ad.jacobian(smooth, chunk_size=chunk_size)(x).cpu().numpy()
    assert j.shape == (4, 3, 4)
    eps = 1e-6
    for k in np.ndindex(3, 4):
        step = np.zeros((3, 4))
        step[k] = eps
        high, low = (smooth(ad.tensor(X + s)).numpy() for s in (step, -step))
        np.testing.assert_allclose(j[(..., *k)], (high - low) / (2 * eps), rtol=1e-6, atol=1e-8)


def test_jacobian_structure():
    fn = lambda p, y: {"s": p["a"].sum() * y, "t": [p["a"] * 2]}  # noqa: E731
    j = ad.jacobian(fn, (0, 1))({"a": X}, ad.tensor([1.0, 2.0], dtype=np.float64))
    (by_p, by_y), (t_p, t_y) = j["s"], j["t"][0]
    assert by_p["a"].shape == (2, 3, 4) and by_y.shape == (2, 2)
    assert t_p["a"].shape == (3, 4, 3, 4) and t_y.shape == (3, 4, 2)
    close(by_y, X.sum() * np.eye(2))


def test_jacobian_is_one_walk():
    rows = []

    @ad.op(x=lambda g: (rows.append(g), g)[1])
    def look(xp, x, /):
        return x * 1

    try:
        ad.jacobian(lambda x: look(x) * 2)(X)
        assert len(rows) == 1
        rows.clear()
        ad.jacobian(lambda x: look(x) * 2, chunk_size=5)(X)
        assert len(rows) == 3
    finally:
        del ad.REGISTRY["look"]


def test_jacobian_falls_back_with_a_warning():
    @ad.op(x=lambda g, xp: g * xp.hanning(1)[0])
    def odd(xp, x, /):
        return x * 1

    try:
        with pytest.warns(UserWarning, match=r"row by row, since vmap: xp\.hanning"):
            close(ad.jacobian(odd)(X[0]), np.eye(4))
    finally:
        del ad.REGISTRY["odd"]


def test_jacobian_of_jacobian_and_per_example():
    f = lambda x: (x**3)[:2] * x.sum()  # noqa: E731
    x = X[0]
    found = ad.jacobian(ad.jacobian(f))(x)
    each = np.stack([ad.hessian(lambda x, k=k: f(x)[k])(x).numpy() for k in range(2)])
    close(found, each)
    close(ad.vmap(ad.jacobian(f))(X), np.stack([ad.jacobian(f)(r).numpy() for r in X]))
    close(ad.vmap(ad.hessian(lambda x: f(x).sum()))(X),
          np.stack([ad.hessian(lambda x: f(x).sum())(r).numpy() for r in X]))  # fmt: skip


def test_jacobian_of_vmap():
    g = lambda x: ad.vmap(lambda r: (r**2).sum())(x)  # noqa: E731
    expected = np.zeros((3, 3, 4))
    expected[range(3), range(3)] = 2 * X
    close(ad.jacobian(g)(X), expected)


def test_module_parameters():
    import nn

    net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))
    params = dict(net.named_parameters())
    x = X.astype(np.float32)
    loss = lambda p, r: (nn.functional_call(net, p, r) ** 2).sum()  # noqa: E731
    each = ad.vmap(ad.grad(loss), in_axes=(None, 0))(params, x)
    whole = ad.grad(loss)(params, x)
    for name, g in whole.items():
        close(each[name].detach().sum(axis=0), g.detach().numpy(), rtol=1e-4)


# ---------------------------------------------------------------- jvp
@pytest.mark.parametrize(
    "fn",
    [
        lambda x: smooth(x),
        lambda x: ad.linalg.slogdet(x @ x.T)[1],
        lambda x: ad.concatenate([x[1:], x.T.reshape(4, 3)[:2, :1] * x[:2]], axis=0),
        lambda x: ad.layer_norm(x, x[0], x[1]),
        lambda x: ad.vmap(lambda r: (r * x[0]).sum() ** 2)(x),
        lambda x: (x + ad.tensor([[1.0]], device=x.device)).max(axis=1) * x[0, 0],
    ],
    ids=["smooth", "slogdet", "shapes", "layer_norm", "vmap", "broadcast"],
)
def test_jvp_equals_the_jacobian(fn, device):
    x, v = ad.tensor(X, device=device), ad.tensor(V, device=device)
    y, t = ad.jvp(fn, (x,), (v,))
    close(y, fn(x))
    assert not t.requires_grad and t.dtype == y.dtype
    close(t, np.tensordot(ad.jacobian(fn)(x).cpu().numpy(), V, 2), rtol=1e-8)


def test_jvp_of_containers_constants_and_scalars():
    out, t = ad.jvp(lambda p, k: {"a": p["x"] * k, "c": [3.0]}, ({"x": X}, 2.0), ({"x": V}, 1.0))
    close(t["a"], 2 * V + X)
    assert t["c"] == [0.0] and out["c"] == [3.0]
    y, t = ad.jvp(lambda s: s**3, (ad.Scalar(2.0),), (ad.Scalar(1.0),))
    assert type(t) is ad.Scalar and t.item() == 12.0
    with pytest.raises(ValueError, match=r"tangent of shape \(4, 3\) for an argument of shape"):
        ad.jvp(lambda x: x, (X,), (V.T,))
    with pytest.raises(ValueError, match="the tangents are"):
        ad.jvp(lambda x: x, (X,), (V, V))


def test_jvp_nests():
    f = lambda x: smooth(x).sum()  # noqa: E731
    h = np.tensordot(ad.hessian(f)(X).numpy(), V, 2)
    close(ad.jvp(ad.grad(f), (X,), (V,))[1], h, rtol=1e-8)
    close(ad.grad(lambda x: ad.jvp(f, (x,), (V,))[1])(X), h, rtol=1e-8)
    pulled = lambda x: ad.vjp(f, x)[1](1.0)[0]  # noqa: E731
    close(ad.jvp(pulled, (X,), (V,))[1], h, rtol=1e-8)
    twice = ad.jvp(lambda x: ad.jvp(f, (x,), (V,))[1], (X,), (V,))[1]
    close(twice, (h * V).sum(), rtol=1e-8)
    rows = ad.vmap(lambda r, v: ad.jvp(lambda r: (r**3).sum(), (r,), (v,))[1])(X, V)
    close(rows, (3 * X**2 * V).sum(1))
    w = ad.tensor(X, requires_grad=True)
    ad.jvp(lambda v: (w * w * v).sum(), (V,), (V,))[1].backward()
    close(w.grad, 2 * X * V)


# ---------------------------------------------------------------- checkpoint
def block(w, x):
    for _ in range(3):
        x = ad.tanh(x @ w)
    return x


def test_checkpoint_keeps_inputs_and_gives_the_same_gradients():
    rng = np.random.default_rng(1)
    w = ad.tensor(rng.normal(size=(4, 4)), requires_grad=True)  # closed over
    x = ad.tensor(X, requires_grad=True)
    calls = []

    def layer(x):
        calls.append(1)
        return block(w, x)

    kept = []
    with ad.tap(lambda node, out: kept.append(node)):
        y = ad.checkpoint(layer, ad.checkpoint(layer, x))
    assert len(kept) == 12 and len(calls) == 2
    assert not any(isinstance(v, np.ndarray) for n in kept for v in _flat(n.saved))
    loss = (y * y).sum()
    loss.backward()
    assert len(calls) == 4  # each once more
    gx, gw = ad.gradients((block(w, block(w, x)) ** 2).sum(), [x, w])
    close(x.grad, gx)
    close(w.grad, gw)


def _flat(saved):
    return list(getattr(saved, "packed", saved))


def test_checkpoint_nested_and_to_second_order():
    w = ad.tensor(np.eye(4) * 0.5, requires_grad=True)

    def outer(x):
        return ad.checkpoint(lambda x: block(w, x), ad.exp(x)) * x

    plain = lambda x: (block(w, ad.exp(x)) * x).sum()  # noqa: E731
    saved = lambda x: ad.checkpoint(outer, x).sum()  # noqa: E731
    close(ad.grad(saved)(X), ad.grad(plain)(X).detach())
    close(ad.hvp(saved, X, V), ad.hvp(plain, X, V).detach())
    assert ad.gradcheck(saved, ad.tensor(X, requires_grad=True), order=2)
    each = ad.vmap(ad.grad(lambda r: ad.checkpoint(lambda r: ad.exp(r).sum() ** 2, r)))(X)
    close(each, 2 * np.exp(X).sum(1, keepdims=True) * np.exp(X))


def test_checkpoint_draws_the_same_numbers():
    x = ad.tensor(X, requires_grad=True)
    ad.manual_seed(3)
    masks = []

    def dropout(x):
        masks.append(ad.random.bernoulli(0.5, (3, 4), dtype=np.float64))
        return x * masks[-1]

    y = ad.checkpoint(dropout, x)
    after = ad.random.normal((2,)).numpy()
    state = ad.random.default_generator.state
    y.sum().backward()
    close(masks[0], masks[1].numpy())
    close(x.grad, masks[0].numpy())
    assert ad.random.default_generator.state == state and after.shape == (2,)


def test_checkpoint_complains():
    x = ad.tensor(X, requires_grad=True)
    h = x * 1
    y = ad.checkpoint(lambda h: ad.exp(h), h)
    h.data += 1
    with pytest.raises(RuntimeError, match="written in place after"):
        y.sum().backward()
    again = []
    y = ad.checkpoint(lambda x: (again.append(1), ad.exp(x) if len(again) == 1 else x)[1], x)
    with pytest.raises(RuntimeError, match="saved 0 values, the first time 1"):
        y.sum().backward()
    with ad.no_grad():
        assert not ad.checkpoint(ad.exp, x).requires_grad
