"""Single optimizers: against their papers' algorithms, and at their hard points."""

import numpy as np
import pytest

import autodiff as ad
from nn import optim

from .optimizers import parameters


def by_lion(w, gradients, lr, b1, b2, decay):
    """Chen et al. (2023), algorithm 2, line by line."""
    m = np.zeros_like(w)
    for g in gradients:
        c = b1 * m + (1 - b1) * g
        w = w - lr * (np.sign(c) + decay * w)
        m = b2 * m + (1 - b2) * g
    return w


def by_lamb(w, gradients, lr, b1, b2, eps, decay):
    """You et al. (2020), algorithm 2, with phi the identity, line by line."""
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        r = m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + eps)
        update = r + decay * w
        w = w - lr * np.linalg.norm(w) / np.linalg.norm(update) * update
    return w


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize(
    ("cls", "reference", "options"),
    [
        (optim.Lion, by_lion, {"lr": 0.01, "b1": 0.9, "b2": 0.99}),
        (optim.Lion, by_lion, {"lr": 0.1, "b1": 0.3, "b2": 0.6}),
        (optim.LAMB, by_lamb, {"lr": 0.01, "b1": 0.9, "b2": 0.999, "eps": 1e-6}),
        (optim.LAMB, by_lamb, {"lr": 0.1, "b1": 0.3, "b2": 0.6, "eps": 0.1}),
    ],
)
def test_lion_and_lamb_are_the_papers(cls, reference, options, decay, up):
    rng = np.random.default_rng(0)
    (p,) = params = parameters((40, 30), dtype=np.float64)
    gradients = rng.standard_normal((50, 40, 30))
    expected = reference(p.data.copy(), gradients, decay=decay, **options)
    named = {k: v for k, v in options.items() if k not in ("b1", "b2")}
    betas = options["b1"], options["b2"]
    optimizer = cls(params, betas=betas, weight_decay=decay, maximize=up, **named)
    for g in gradients:
        p.grad = ad.tensor(-g if up else g)
        optimizer.step()
    np.testing.assert_allclose(p.data, expected, rtol=1e-11, atol=1e-13)


def test_lamb_where_norms_are_zero():
    """A parameter of zeros can leave its place, and one whose step is zero stays."""
    params = parameters((3,), (3,))
    params[0].data[...] = 0
    params[0].grad, params[1].grad = ad.ones(3), ad.zeros(3)
    before = params[1].data.copy()
    optim.LAMB(params, lr=0.1, weight_decay=0.0).step()
    np.testing.assert_allclose(params[0].data, -0.1, rtol=1e-5)
    np.testing.assert_array_equal(params[1].data, before)


@pytest.mark.parametrize("shape", [(5, 8), (8, 5), (1, 6), (6, 6), (0, 3), (3, 0)])
def test_muon_makes_singular_values_alike(shape):
    """And keeps the singular vectors."""
    (p,) = params = parameters(shape, dtype=np.float64)
    optimizer = optim.Muon(params, lr=1.0, weight_decay=0.0, momentum=0.0, ns_steps=10)
    before, g = p.data.copy(), np.random.default_rng(1).standard_normal(shape)
    p.grad = ad.tensor(g)
    optimizer.step()
    step = (before - p.data) / max(1, shape[0] / max(shape[1], 1)) ** 0.5
    u, _, vt = np.linalg.svd(g, full_matrices=False)
    inner = u.T @ step @ vt.T
    assert np.all((np.diag(inner) > 0.6) & (np.diag(inner) < 1.3))
    np.testing.assert_allclose(inner, np.diag(np.diag(inner)), atol=1e-9)


def test_muon_wants_matrices_alone():
    optimizer = optim.Muon(parameters((2, 3)))
    with pytest.raises(ValueError, match=r"parameter 1 of shape \(3,\) is no matrix"):
        optimizer.add_param_group({"params": parameters((3,))})
    assert len(optimizer.param_groups) == 1


def test_rmsprop_is_finite_where_the_variance_is_zero(device):
    """Equal gradients have none, and rounding takes it below zero."""
    (p,) = params = parameters((100,))
    p.data = ad.backend.to_device(p.data, device)
    optimizer = optim.RMSprop(params, centered=True, alpha=0.5)
    p.grad = ad.tensor(np.linspace(0.1, 1, 100, dtype=np.float32), device=device)
    for _ in range(60):
        optimizer.step()
    assert np.isfinite(ad.backend.to_numpy(p.data)).all()


def test_rprop_sees_the_signs_of_tiny_gradients(device):
    """Their products would be zero."""
    (p,) = params = parameters((1,))
    before = p.data.copy()
    p.data = ad.backend.to_device(p.data, device)
    optimizer = optim.Rprop(params, lr=0.1)
    for _ in range(2):
        p.grad = ad.tensor(np.full(1, 1e-30, np.float32), device=device)
        optimizer.step()
    np.testing.assert_allclose(before - ad.backend.to_numpy(p.data), 0.1 + 0.12, rtol=1e-6)


def test_asgd_averages_the_parameters():
    (p,) = params = parameters((3,), dtype=np.float64)
    optimizer = optim.ASGD(params, t0=4)
    passed = []
    for step in range(10):
        p.grad = ad.tensor(np.random.default_rng(step).standard_normal(3))
        optimizer.step()
        passed.append(p.data.copy())
    mean = optimizer.state_dict()["state"][0]["ax"].data
    np.testing.assert_allclose(mean, np.mean(passed[5:], axis=0), rtol=1e-12)


def test_options_can_be_switched_on_later():
    """The new arrays of state begin; the others go on, or wait."""
    (p,) = params = parameters((3,))
    optimizer = optim.RMSprop(params, lr=0.0)
    for options in ({}, {"centered": True}, {"momentum": 0.9}, {"centered": False}, {}):
        optimizer.param_groups[0].update(options)
        p.grad = ad.ones(3)
        optimizer.step()
    (state,) = optimizer.state_dict()["state"].values()
    assert list(state) == ["step", "square_avg", "momentum_buffer"]
    np.testing.assert_allclose(state["square_avg"].data, 1 - 0.99**5, rtol=1e-5)


@pytest.mark.parametrize(
    ("cls", "options", "message"),
    [
        (optim.ASGD, {"lambd": -1.0}, "ASGD: lambd=-1.0 must not be negative"),
        (optim.Adagrad, {"lr_decay": -1.0}, "must not be negative"),
        (optim.Adagrad, {"initial_accumulator_value": -1.0}, "must not be negative"),
        (optim.Adadelta, {"rho": 1.5}, "Adadelta: rho=1.5 must be from 0 to 1"),
        (optim.RMSprop, {"alpha": -0.5}, "RMSprop: alpha=-0.5 must be from 0 to 1"),
        (optim.RMSprop, {"momentum": -0.5}, "must not be negative"),
        (optim.NAdam, {"momentum_decay": -0.5}, "must not be negative"),
        (optim.RAdam, {"betas": (0.9, 1.0)}, "from 0, below 1"),
        (optim.Lion, {"betas": (0.9, 1.0)}, "from 0, below 1"),
        (optim.Lion, {"weight_decay": -1.0}, "must not be negative"),
        (optim.Rprop, {"etas": (1.5, 2.0)}, "Rprop: etas=.* must be below and above 1"),
        (optim.Rprop, {"step_sizes": (1.0, 0.5)}, "Rprop: step_sizes=.* must rise"),
        (optim.Muon, {"ns_coefficients": (1.0, 2.0)}, "must be three numbers"),
        (optim.Muon, {"adjust_lr_fn": "other"}, "adjust_lr_fn='other' must be \"original\""),
        (optim.Muon, {"momentum": -1.0}, "Muon: momentum=-1.0 must not be negative"),
    ],
)
def test_bad_hyperparameters(cls, options, message):
    with pytest.raises(ValueError, match=message):
        cls(parameters((3, 3)), **options)
