"""LBFGS: what it finds, its closures, its memory."""

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import optim
from nn.optim.wolfe import Point, minimum, strong_wolfe

from .optimizers import parameters

SEARCHES = [None, "strong_wolfe"]


def rosenbrock(optimizer, params):
    """Its minimum is 0 where all is 1; the first two numbers count."""

    def closure():
        optimizer.zero_grad()
        x, y = params[0][0], params[1].reshape(-1)[0]
        loss = (1 - x) ** 2 + 100 * (y - x**2) ** 2
        for p in params:
            loss = loss + (p * p).sum() * 1e-3
        loss.backward()
        return loss

    return closure


def pair(dtype=np.float64, **options):
    params = parameters((3,), (2, 2), dtype=dtype)
    return params, optim.LBFGS(params, **options)


def values(params):
    return [ad.backend.to_numpy(p.data).copy() for p in params]


def same(one, two):
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("search", SEARCHES)
def test_a_quadratic_is_solved(search):
    """As many steps as there are dimensions, and a few, reach the solution of a linear system."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((6, 6))
    a = a @ a.T + np.eye(6)
    b = rng.standard_normal(6)
    w = nn.Parameter(np.zeros(6))
    optimizer = optim.LBFGS([w], lr=1.0 if search else 0.5, max_iter=200, line_search_fn=search)

    def closure():
        optimizer.zero_grad()
        loss = 0.5 * (w @ ad.tensor(a) @ w) - (w * ad.tensor(b)).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(w.data, np.linalg.solve(a, b), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_memory_and_device_are_kept(dtype, device):
    params, optimizer = pair(dtype, line_search_fn="strong_wolfe")
    for p in params:
        p.data = ad.backend.to_device(p.data, device)
    arrays = [p.data for p in params]
    closure = rosenbrock(optimizer, params)
    before = float(closure())
    optimizer.step(closure)
    after = float(closure())
    assert after < before / 2
    assert all(p.data is a and a.dtype == dtype for p, a in zip(params, arrays, strict=True))
    (state,) = optimizer.state_dict()["state"].values()
    assert state["d"].device == params[0].device
    assert state["d"].dtype == max(np.dtype(dtype), np.dtype(np.float32))


@pytest.mark.parametrize("search", SEARCHES)
def test_devices_agree(search, device):
    found = []
    for place in ("cpu", device):
        params, optimizer = pair(lr=0.1, line_search_fn=search)
        for step in range(3):
            if step == 1:  # the memory follows
                for p in params:
                    p.data, p.grad = ad.backend.to_device(p.data, place), None
            optimizer.step(rosenbrock(optimizer, params))
        found.append(values(params))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


@pytest.mark.parametrize("search", SEARCHES)
def test_training_resumes_to_the_last_bit(search, tmp_path):
    straight, one = pair(lr=0.1, max_iter=4, line_search_fn=search)
    resumed, two = pair(lr=0.1, max_iter=4, line_search_fn=search)
    for step in range(4):
        if step == 2:
            ad.save(two.state_dict(), tmp_path / "state.safetensors")
            two = optim.LBFGS(resumed)
            two.load_state_dict(ad.load(tmp_path / "state.safetensors"))
        one.step(rosenbrock(one, straight))
        two.step(rosenbrock(two, resumed))
    same(values(straight), values(resumed))
    assert two.state_dict()["state"][0]["n_iter"] == one.state_dict()["state"][0]["n_iter"] > 8


def test_a_state_that_does_not_fit_changes_nothing():
    params, optimizer = pair(lr=0.1)
    optimizer.step(rosenbrock(optimizer, params))
    state = optimizer.state_dict()
    other = optim.LBFGS(parameters((3,)))
    with pytest.raises(ValueError, match=r"has 3 numbers .* vectors of shape \(7,\)"):
        other.load_state_dict(state)
    assert other.state_dict()["state"] == {}
    broken = {**state, "param_groups": []}
    with pytest.raises(ValueError, match="the saved groups have sizes"):
        optimizer.load_state_dict(broken)
    assert optimizer.state_dict()["state"][0]["n_iter"] == state["state"][0]["n_iter"]


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("calls", [0, 1, 3])
def test_a_closure_that_raises_changes_nothing(search, calls):
    params, optimizer = pair(lr=0.1, line_search_fn=search)
    good = rosenbrock(optimizer, params)
    optimizer.step(good)
    before, state = values(params), optimizer.state_dict()["state"][0]
    left = [calls]

    def bad():
        if not left[0]:
            raise KeyError("the data ran out")
        left[0] -= 1
        return good()

    with pytest.raises(KeyError):
        optimizer.step(bad)
    same(before, values(params))
    after = optimizer.state_dict()["state"][0]
    assert after["n_iter"] == state["n_iter"] and len(after["ro"]) == len(state["ro"])
    same([after["d"].data], [state["d"].data])


def test_gradients_are_checked():
    params, optimizer = pair()
    good = rosenbrock(optimizer, params)

    def bad():
        loss = good()
        params[1].grad = ad.zeros((2, 2), dtype=ad.float32)
        return loss

    with pytest.raises(ValueError, match="has dtype float64 and its gradient float32"):
        optimizer.step(bad)


def test_the_closure_records_and_the_steps_are_noticed():
    params, optimizer = pair(max_iter=1)
    y = (params[0] * params[0]).sum()
    with ad.no_grad():
        assert optimizer.step(rosenbrock(optimizer, params)).item() > 0
    with pytest.raises(RuntimeError, match="write"):
        y.backward()


def test_negative_curvature_is_not_remembered():
    """Near a maximum the estimate of the Hessian would point uphill."""
    w = nn.Parameter(np.array([0.1]))
    optimizer = optim.LBFGS([w], lr=0.1, max_iter=4)

    def closure():
        optimizer.zero_grad()
        loss = ad.cos(w).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert 0.1 < w.item() < 1 and optimizer.state_dict()["state"][0]["ro"] == []


def test_losses_that_are_not_finite_end_no_search():
    """The logarithm of a negative number is no reason to go there."""
    w = nn.Parameter(np.array([1.0]))
    optimizer = optim.LBFGS([w], lr=50.0, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        with np.errstate(invalid="ignore"):
            loss = (w - 2 * ad.log(w)).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(w.data, 2, rtol=1e-4)


def test_a_line_search_meets_its_conditions():
    def along(t):
        return Point(t, 0.1 * t - np.sin(t), 0.1 - np.cos(t), None)

    start = along(0.0)
    for first in (1e-3, 0.5, 3.0, 40.0):
        found, count = strong_wolfe(along, start, first, 1.0, 1e-9, 25)
        assert found.loss <= start.loss + 1e-4 * found.t * start.slope
        assert abs(found.slope) <= 0.9 * 0.9 and count <= 26


def test_the_minimum_of_a_cubic():
    def f(t):
        return Point(t, t**3 - 3 * t, 3 * t * t - 3, None)

    for a, b in ((0.5, 3.0), (3.0, 0.5)):
        assert minimum(f(a), f(b), 0.0, 5.0) == pytest.approx(1)
    assert minimum(f(0.5), f(3.0), 2.0, 5.0) == 2
    assert minimum(f(0.5), f(0.5), 1.0, 2.0) == 1.5
    assert minimum(f(0.5), f(3.0)._replace(loss=np.nan), 1.0, 2.0) == 1.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -1.0}, "LBFGS: lr=-1.0 must not be negative"),
        ({"max_iter": -1}, "must not be negative"),
        ({"line_search_fn": "armijo"}, "line_search_fn='armijo' must be \"strong_wolfe\""),
    ],
)
def test_bad_hyperparameters(options, message):
    with pytest.raises(ValueError, match=message):
        pair(**options)


def test_one_group_on_one_device_and_a_closure():
    params, optimizer = pair()
    with pytest.raises(TypeError, match=r"call step\(closure\)"):
        optimizer.step()
    with pytest.raises(ValueError, match="only one group"):
        optimizer.add_param_group({"params": parameters((2,))})
    with pytest.raises(ValueError, match="only one group"):
        optim.LBFGS([{"params": params[:1]}, {"params": params[1:]}])
    params[0].data = ad.backend.to_device(params[0].data, "strict")
    with pytest.raises(ValueError, match="on several devices: cpu, strict"):
        optimizer.step(lambda: None)
