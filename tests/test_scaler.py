"""GradScaler: scales, skipped steps, states, errors; and gradients of several batches added up."""

import numpy as np
import pytest

import autodiff as ad
import nn
from nn.optim import SGD, Adam, GradScaler

from . import strict


def parameter(value=1.0, device="cpu", size=3):
    return nn.Parameter(np.full(size, value, np.float32), device=device)


def backward(scaler, w, gradient=1.0):
    """The backward pass of a scaled loss whose gradient is ``gradient`` everywhere."""
    w.grad = None
    scaler.scale((w * gradient).sum()).backward()


def test_a_step_is_that_of_the_loss_itself(device):
    w = parameter(device=device)
    optimizer, scaler = SGD([w], lr=0.5), GradScaler()
    backward(scaler, w)
    assert w.grad.cpu().numpy()[0] == 2.0**16
    scaler.step(optimizer)
    scaler.update()
    np.testing.assert_array_equal(w.detach().cpu().numpy(), 0.5)
    assert scaler.get_scale() == 2.0**16


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_a_step_with_a_gradient_that_is_not_finite_is_left_out(bad, device):
    w, v, none = parameter(device=device), parameter(device=device), parameter(device=device)
    optimizer, scaler = Adam([w, v, none]), GradScaler()
    for p in (w, v):
        p.grad = ad.ones(3, device=device)
    raw = np.ones(3, np.float32)
    raw[1] = bad
    v.grad = ad.tensor(raw, device=device)
    assert scaler.step(optimizer) is None
    scaler.update()
    for p in (w, v):
        np.testing.assert_array_equal(p.detach().cpu().numpy(), 1.0)
    assert optimizer.state_dict()["state"] == {}
    assert scaler.get_scale() == 2.0**15


def test_large_gradients_are_finite():
    w = parameter()
    optimizer, scaler = SGD([w], lr=0.0), GradScaler(init_scale=1.0)
    w.grad = ad.tensor([3e38, -3e38, 1.0])  # neither their sum nor their squares are
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() == 1.0


def test_empty_and_missing_gradients():
    empty, none = parameter(size=0), parameter()
    optimizer, scaler = SGD([empty, none], lr=0.1), GradScaler()
    empty.grad = ad.zeros(0)
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() == 2.0**16


def test_the_scale_grows_and_backs_off():
    w = parameter()
    optimizer = SGD([w], lr=0.0)
    scaler = GradScaler(8.0, growth_factor=4.0, backoff_factor=0.25, growth_interval=3)
    scales = []
    for gradient in (1, 1, 1, 1, 1, np.inf, 1, 1, 1, 1):
        backward(scaler, w, gradient)
        scaler.step(optimizer)
        scaler.update()
        scales.append(scaler.get_scale())
    assert scales == [8, 8, 32, 32, 32, 8, 8, 8, 32, 32]
    scaler.update(5.0)
    assert scaler.get_scale() == 5.0


def test_the_scale_stays_a_float32():
    w = parameter()
    optimizer, scaler = SGD([w], lr=0.0), GradScaler(2.0**127, growth_interval=1)
    w.grad = ad.ones(3)
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() == 2.0**127


def test_clipping_between_unscale_and_step():
    w = parameter()
    optimizer, scaler = SGD([w], lr=1.0), GradScaler()
    backward(scaler, w, 5.0)
    scaler.unscale_(optimizer)
    np.testing.assert_array_equal(w.grad.numpy(), 5.0)
    norm = nn.optim.clip_grad_norm_([w], 1.0)
    assert float(norm) == pytest.approx(5 * 3**0.5)
    scaler.step(optimizer)
    scaler.update()
    np.testing.assert_allclose(w.detach().numpy(), 1 - 3**-0.5, rtol=1e-6)


def test_unscaling_is_a_write_that_graphs_notice():
    w = parameter()
    optimizer, scaler = SGD([w], lr=1.0), GradScaler()
    backward(scaler, w)
    loss = (w * w.grad).sum()
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="written in place"):
        loss.backward()


def test_what_is_called_twice_or_too_late():
    w = parameter()
    optimizer, scaler = SGD([w], lr=0.1), GradScaler()
    with pytest.raises(RuntimeError, match="no step.. or unscale_.. since the last update"):
        scaler.update()
    backward(scaler, w)
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="already called for this optimizer"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="step was already called"):
        scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="step.. was called before; call update"):
        scaler.unscale_(optimizer)
    scaler.update()
    backward(scaler, w)
    with pytest.raises(RuntimeError, match="takes no closure"):
        scaler.step(optimizer, lambda: None)
    scaler.step(optimizer)


def test_float16_gradients_are_refused():
    w = nn.Parameter(np.ones(3, np.float16))
    scaler = GradScaler()
    w.grad = ad.ones(3, dtype=np.float16)
    with pytest.raises(TypeError, match="gradients in float16; keep the parameters in float32"):
        scaler.step(SGD([w]))


@pytest.mark.parametrize(
    "options", [{"init_scale": 0.0}, {"growth_factor": 1.0}, {"backoff_factor": 1.0}]
)
def test_bad_options(options):
    with pytest.raises(ValueError, match="GradScaler: init_scale=.* growth_factor=.*"):
        GradScaler(**options)


def test_several_optimizers_and_losses():
    w, v = parameter(), parameter()
    one, two, scaler = SGD([w], lr=1.0), SGD([v], lr=1.0), GradScaler(4.0)
    losses = scaler.scale([w.sum(), (v * np.inf).sum()])
    assert isinstance(losses, list) and losses[0].item() == 12.0
    for loss in losses:
        loss.backward()
    scaler.step(one)
    scaler.step(two)
    scaler.update()
    np.testing.assert_array_equal(w.detach().numpy(), 0.0)
    np.testing.assert_array_equal(v.detach().numpy(), 1.0)  # the step of one was left out
    assert scaler.get_scale() == 2.0
    with pytest.raises(TypeError, match="a float is no tensor"):
        scaler.scale(1.0)


def test_a_loss_in_half_precision_is_scaled_in_float32():
    w = nn.Parameter(np.ones(3, np.float16))
    scaled = GradScaler().scale(w.sum() * 10)
    assert scaled.dtype == np.float32 and scaled.item() == 30 * 2.0**16


def test_disabled():
    w = parameter()
    optimizer, scaler = SGD([w], lr=1.0), GradScaler(enabled=False)
    loss = w.sum()
    assert scaler.scale(loss) is loss and not scaler.is_enabled()
    loss.backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    np.testing.assert_array_equal(w.detach().numpy(), 0.0)
    assert scaler.get_scale() == 1.0 and scaler.state_dict() == {}
    scaler.load_state_dict({})


def test_states(tmp_path):
    one, two = GradScaler(8.0, growth_interval=3), GradScaler()
    w = parameter()
    for _ in range(2):
        backward(one, w)
        one.step(SGD([w]))
        one.update()
    ad.save(one.state_dict(), tmp_path / "scaler")
    two.load_state_dict(ad.load(tmp_path / "scaler"))
    assert two.state_dict() == one.state_dict()
    backward(two, w)
    two.step(SGD([w]))
    two.update()
    assert two.get_scale() == 16.0
    with pytest.raises(ValueError, match="empty"):
        two.load_state_dict({})


def test_a_step_waits_once_for_the_device():
    ws = [parameter(device="strict") for _ in range(5)]
    optimizer, scaler = SGD(ws, lr=0.1), GradScaler()
    for _ in range(2):
        scaler.scale(sum(((w * w).sum() for w in ws[1:]), (ws[0] * 1).sum())).backward()
        strict.StrictArray.syncs = 0
        scaler.unscale_(optimizer)
        assert strict.StrictArray.syncs == 0
        scaler.step(optimizer)
        scaler.update()
        assert strict.StrictArray.syncs == 1


def test_float16_needs_it():
    """A gradient too small for float16 arrives all the same."""
    w = nn.Parameter(np.ones((2, 2), np.float32))
    x = ad.ones((2, 2))

    def gradient(scaler):
        w.grad = None
        with ad.autocast():
            loss = (x @ w).mean() * 1e-8
        scaler.scale(loss).backward()
        scaler.unscale_(SGD([w]))
        return w.grad.data

    np.testing.assert_array_equal(gradient(GradScaler(enabled=False)), 0.0)
    np.testing.assert_allclose(gradient(GradScaler()), 0.5e-8, rtol=1e-2)


# ---------------------------------------------------------------- several batches
@pytest.mark.parametrize("scaled", [False, True])
def test_accumulated_gradients_are_those_of_the_large_batch(scaled):
    rng = np.random.default_rng(0)
    x = ad.tensor(rng.normal(size=(12, 3)))
    y = ad.tensor(rng.integers(0, 2, 12))

    def train(k):
        ad.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)).double()
        optimizer = nn.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
        scaler = GradScaler(enabled=scaled)
        for step in range(4 * k):
            part = slice(step % k * 12 // k, (step % k + 1) * 12 // k)
            loss = nn.functional.cross_entropy(model(x[part]), y[part]) / k
            scaler.scale(loss).backward()
            if (step + 1) % k == 0:
                scaler.step(optimizer)
                scaler.update()
                optimizer.zero_grad()
        return [p.detach().numpy() for p in model.parameters()]

    for one, four in zip(train(1), train(4), strict=True):
        np.testing.assert_allclose(one, four, rtol=1e-12, atol=1e-14)


# ---------------------------------------------------------------- against PyTorch
@pytest.mark.parity
def test_scales_and_steps_as_in_pytorch():
    torch = pytest.importorskip("torch", reason="the extra `parity` brings PyTorch")
    options = {"init_scale": 2.0**10, "growth_factor": 2.0, "growth_interval": 4}
    ours, theirs = GradScaler(**options), torch.amp.GradScaler("cpu", **options)
    w, v = parameter(), torch.ones(3, requires_grad=True)
    one, two = SGD([w], lr=0.01, momentum=0.9), torch.optim.SGD([v], lr=0.01, momentum=0.9)
    rng = np.random.default_rng(0)
    for step in range(60):
        gradient = rng.choice([1.0, -2.0, np.inf, np.nan, 0.5], p=[0.3, 0.3, 0.05, 0.05, 0.3])
        backward(ours, w, gradient)
        v.grad = None
        theirs.scale((v * gradient).sum()).backward()
        if step % 3 == 0:
            ours.unscale_(one)
            theirs.unscale_(two)
            np.testing.assert_array_equal(w.grad.numpy(), v.grad.numpy())
        ours.step(one)
        theirs.step(two)
        ours.update()
        theirs.update()
        assert ours.get_scale() == theirs.get_scale()
        assert ours.state_dict() == theirs.state_dict()
        np.testing.assert_allclose(w.detach().numpy(), v.detach().numpy(), rtol=1e-5)
    theirs.load_state_dict(ours.state_dict())
    ours.load_state_dict(theirs.state_dict())
