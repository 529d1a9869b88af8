"""Optimizers: what a step computes, what it refuses, what it leaves alone."""

import inspect
import math
import tracemalloc

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import optim
from nn.optim import units

from .optimizers import CLASSES, VARIANTS, WITH_CLOSURE, Plain, parameters


@pytest.fixture(params=VARIANTS, ids=str)
def make(request):
    return request.param


def give_gradients(params, step=0):
    rng = np.random.default_rng(100 + step)
    for p in params:
        p.grad = ad.tensor(rng.standard_normal(p.shape).astype(p.dtype), device=p.device)


def values(params):
    return [ad.backend.to_numpy(p.data).copy() for p in params]


def train(make, params, steps=5):
    optimizer = make(params)
    for step in range(steps):
        give_gradients(params, step)
        optimizer.step()
    return optimizer


def assert_same(one, two):
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


# ---------------------------------------------------------------- what a step computes
def test_every_optimizer_is_tried():
    found = [value for value in vars(optim).values() if isinstance(value, type)]
    ours = {cls for cls in found if issubclass(cls, optim.Optimizer)}
    assert ours - {optim.Optimizer} == CLASSES - {Plain} | WITH_CLOSURE


def test_elementwise_updates_have_a_kernel(make):
    assert not make.cls.elementwise or make.cls.update_numpy or make.cls is Plain


def test_sgd_by_hand():
    (p,) = params = parameters(())
    p.data[...] = 1
    optimizer = optim.SGD(params, lr=0.5, momentum=0.5)
    for g, expected in ((1.0, 0.5), (1.0, -0.25), (0.0, -0.625)):
        p.grad = ad.tensor(g)
        optimizer.step()
        assert p.item() == expected


def test_adam_by_hand():
    (p,) = params = parameters((), dtype=np.float64)
    p.data[...] = 1
    optimizer = optim.Adam(params, lr=0.1, betas=(0.5, 0.5), eps=0.0)
    p.grad = ad.tensor(np.float64(3.0))
    optimizer.step()  # m = v = half of g and g*g; corrected they are g and g*g
    assert p.item() == pytest.approx(0.9, rel=1e-15)
    p.grad = ad.tensor(np.float64(-1.0))
    optimizer.step()  # m = .25 / .75, v = 2.75 / .75
    assert p.item() == pytest.approx(0.9 - 0.1 * (1 / 3) / math.sqrt(11 / 3), rel=1e-14)


def test_every_optimizer_descends(make):
    target = np.linspace(-1, 1, 5)
    (p,) = params = make.parameters((5,), dtype=np.float64)
    optimizer = make(params)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = ((p.reshape(-1) - target) ** 2).sum()
        (make.sign * loss).backward()
        losses.append(loss.item())
        optimizer.step()
    assert min(losses[-10:]) < losses[0] / 2


SHAPES = [(5,), (), (3, 4), (0,), (2000,), (100, 400), (7,)]  # packed, whole, in two pieces


def test_the_numpy_kernel_is_the_pure_update(make, monkeypatch):
    one, two = make.parameters(*SHAPES), make.parameters(*SHAPES)
    fast = train(make, one)
    monkeypatch.setattr(type(fast), "update_numpy", None)
    slow = train(make, two)
    assert_same(values(one), values(two))
    for a, b in zip(fast._slots[0], slow._slots[0], strict=True):
        assert_same(a.state.values(), b.state.values())


def test_packs_and_pieces_change_nothing(make, monkeypatch):
    one, two = make.parameters(*SHAPES), make.parameters(*SHAPES)
    train(make, one)
    monkeypatch.setattr(units, "SMALL", -1)
    monkeypatch.setattr(units, "PIECE", 10**9)
    monkeypatch.setattr(
        units.Scratch,
        "like",
        lambda self, a: (
            (np.empty_like(a),) * 0 + tuple(np.empty_like(a) for _ in range(self.count))
        ),
    )
    train(make, two)
    assert_same(values(one), values(two))


def test_the_units_are_what_they_should_be():
    optimizer = train(optim.Adam, parameters(*SHAPES, dtype=np.float32), steps=1)
    kinds = sorted(type(unit).__name__ for unit in optimizer._plans[0].units)
    assert kinds == ["Pack", "Pieces", "Whole"]
    pack = next(u for u in optimizer._plans[0].units if isinstance(u, units.Pack))
    assert pack.indices == [0, 1, 2, 3, 6]


def test_layouts_that_are_no_single_block(make):
    """Transposed parameters and gradients are updated like any others."""
    shape = (300, 200)
    (plain,), (odd,) = make.parameters(shape), make.parameters(shape)
    odd.data = np.asfortranarray(odd.data)
    assert not odd.data.flags.c_contiguous
    tolerance = 0 if make.cls.elementwise else 1e-4  # sums go another way through the memory
    one, two = make([plain]), make([odd])
    for step in range(3):
        give_gradients([plain], step)
        odd.grad = ad.asarray(np.asfortranarray(plain.grad.data))
        one.step()
        two.step()
        plain.grad = ad.asarray(np.asfortranarray(plain.grad.data))
    np.testing.assert_allclose(plain.data, odd.data, rtol=tolerance, atol=tolerance * 1e-2)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_and_memory_are_kept(make, dtype):
    params = make.parameters((3, 4), (50000,), dtype=dtype)
    arrays = [p.data for p in params]
    optimizer = train(make, params)
    assert all(p.data is a and a.dtype == dtype for p, a in zip(params, arrays, strict=True))
    working = np.float32 if dtype is np.float16 else dtype
    assert all(s.dtype == working for slot in optimizer._slots[0] for s in slot.state.values())


def test_half_precision_is_computed_in_single(make):
    """Rounded once a step; in float16, Adam's eps would be 0 and so would small squares."""
    (half,), (single,) = make.parameters((3000,), dtype=np.float16), make.parameters((3000,))
    single.data[...] = half.data
    one, two = make([half]), make([single])
    for step in range(3):
        give_gradients([half], step)
        half.grad = half.grad * 1e-4
        single.grad = half.grad.astype(np.float32)
        one.step()
        two.step()
        single.data = single.data.astype(np.float16).astype(np.float32)
        assert_same([half.data], [single.data])


def test_devices_agree(make, device):
    shapes = [(3, 4), (5,), (100, 400)]
    here, there = (
        make.parameters(*shapes, dtype=np.float64),
        make.parameters(*shapes, dtype=np.float64),
    )
    for p in there:
        p.data = ad.backend.to_device(p.data, device)
    train(make, here)
    train(make, there)
    for a, b in zip(values(here), values(there), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_gradients_are_not_written(make):
    params = make.parameters(*SHAPES)
    optimizer = make(params)
    give_gradients(params)
    before = [p.grad.data.copy() for p in params]
    optimizer.step()
    assert_same(before, [p.grad.data for p in params])


def test_a_step_needs_no_memory_of_the_parameters_size(make):
    if make.cls.update_numpy is None:
        pytest.skip("about kernels: a pure update makes temporaries, of one piece each")
    params = make.parameters((250, 1000))
    optimizer = train(make, params, steps=2)
    tracemalloc.start()
    optimizer.step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60_000  # of a megabyte


# ---------------------------------------------------------------- closures and switches
def test_a_closure_computes_the_gradients_and_its_loss_is_returned(make):
    (one,), (two,) = make.parameters((5,)), make.parameters((5,))
    by_hand, optimizer = make([one]), make([two])

    def closure():
        optimizer.zero_grad()
        loss = (two * two).sum()
        loss.backward()
        return loss

    for _ in range(3):
        by_hand.zero_grad()
        loss = (one * one).sum()
        loss.backward()
        assert by_hand.step() is None
        with ad.no_grad():
            assert optimizer.step(closure).item() == loss.item()
    assert_same([one.data], [two.data])


def test_pytorchs_switches_are_taken(make):
    if "switches" not in inspect.signature(make.cls).parameters:
        pytest.skip("PyTorch's class has none either")
    params = make.parameters((3,))
    switched = make.cls(params, foreach=True, fused=None, capturable=True, differentiable=False)
    assert switched.defaults == make.cls(params).defaults
    with pytest.raises(ValueError, match="a step is never recorded"):
        make.cls(params, differentiable=True)
    with pytest.raises(TypeError, match="has no argument fast"):
        make.cls(params, fast=True)


def test_maximizing_is_minimizing_the_negative(make):
    """Weight decay is not turned round."""
    if "maximize" not in make(make.parameters((3,))).defaults:
        pytest.skip("PyTorch's class has no such option either")
    one, two = make.parameters(*SHAPES), make.parameters(*SHAPES)
    down = make.cls(one, **make.options | {"maximize": False})
    up = make.cls(two, **make.options | {"maximize": True})
    for step in range(4):
        give_gradients(one, step)
        for p, q in zip(one, two, strict=True):
            q.grad = -p.grad
        down.step()
        up.step()
    assert_same(values(one), values(two))


# ---------------------------------------------------------------- missing gradients, groups
def test_parameters_without_gradient_are_skipped_and_count_their_own_steps(make):
    both, alone = make.parameters((3,), (4,)), make.parameters((3,), (4,))
    optimizer, single = make(both), make(alone[:1])
    for step in range(4):
        give_gradients(both, step)
        alone[0].grad = ad.tensor(both[0].grad.data)
        if step in (1, 2):
            both[1].grad = None
        optimizer.step()
        single.step()
    assert_same([both[0].data], [alone[0].data])
    assert [slot.t for slot in optimizer._slots[0]] == [4, 2]


def test_a_step_without_gradients_does_nothing(make):
    params = make.parameters((3,))
    before = values(params)
    make(params).step()
    assert_same(before, values(params))


def test_groups_have_hyperparameters_of_their_own():
    a, b, c = params = parameters((), (), ())
    for p in params:
        p.data[...] = 0
    optimizer = optim.SGD([{"params": [a]}, {"params": b, "lr": 0.5}], lr=0.25)
    optimizer.add_param_group({"params": (c,), "lr": 2.0, "momentum": 0.9})
    for _ in range(2):
        for p in params:
            p.grad = ad.tensor(1.0)
        optimizer.step()
        optimizer.param_groups[0]["lr"] = 1.0
    assert [p.item() for p in params] == pytest.approx([-1.25, -1.0, -2 - 2 * 1.9])
    assert [len(group["params"]) for group in optimizer.param_groups] == [1, 1, 1]


def test_a_group_of_mixed_dtypes(make):
    mixed = make.parameters((3,), (4,), dtype=np.float64) + make.parameters((2,), (5,))
    train(make, mixed)
    assert [p.dtype.name for p in mixed] == ["float64", "float64", "float32", "float32"]


def test_numpy_scalars_as_hyperparameters_do_not_widen():
    params = parameters((3,), (50000,))
    optimizer = Plain(params, lr=np.float64(0.1))
    give_gradients(params)
    optimizer.step()
    assert all(s.dtype == np.float32 for slot in optimizer._slots[0] for s in slot.state.values())


def test_zero_grad():
    params = parameters((3,), (2,))
    give_gradients(params[:1])
    optimizer = optim.SGD(params)
    optimizer.zero_grad(set_to_none=False)
    assert not params[0].grad.data.any() and params[1].grad is None
    optimizer.zero_grad()
    assert params[0].grad is None


# ---------------------------------------------------------------- refusals
def break_shape(p):
    p._grad = ad.zeros(7)


def break_dtype(p):
    p.grad = ad.asarray(np.zeros(p.shape))


def break_device(p):
    p.grad = ad.zeros(p.shape, device="strict")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            break_shape,
            r"parameter 2 'last' of shape \(5.*\) has shape \(5.*\) and its gradient \(7,",
        ),
        (break_dtype, "has dtype float32 and its gradient float64; nothing was updated"),
        (break_device, "has device cpu and its gradient strict"),
    ],
)
def test_a_bad_gradient_changes_nothing(make, spoil, message):
    params = make.parameters((3, 4), (50000,), (5,))
    params[-1].name = "last"
    optimizer = train(make, params, steps=2)
    give_gradients(params, 9)
    before = values(params)
    state = [[s.copy() for s in slot.state.values()] for slot in optimizer._slots[0]]
    spoil(params[-1])
    with pytest.raises(ValueError, match=message):
        optimizer.step()
    assert_same(before, values(params))
    for slot, old in zip(optimizer._slots[0], state, strict=True):
        assert slot.t == 2
        assert_same(slot.state.values(), old)
    give_gradients(params, 9)
    optimizer.step()


@pytest.mark.parametrize("value", [math.nan, math.inf, np.float64("nan"), -1.0])
def test_a_bad_learning_rate_changes_nothing(value):
    params = parameters((3,), (4,))
    optimizer = optim.SGD([{"params": params[:1]}, {"params": params[1:]}], lr=0.1)
    give_gradients(params)
    before = values(params)
    optimizer.param_groups[1]["lr"] = value
    with pytest.raises(ValueError, match="SGD: lr"):
        optimizer.step()
    assert_same(before, values(params))


def test_a_parameter_that_changed_its_shape():
    params = parameters((3,))
    optimizer = train(optim.Adam, params)
    params[0].data = np.zeros(4, np.float32)
    params[0].grad = ad.zeros(4)
    with pytest.raises(ValueError, match=r"had shape \(3,\) and now has \(4,\)"):
        optimizer.step()


def test_a_read_only_parameter(make):
    params = make.parameters((3,), (4,))
    params[1].data.flags.writeable = False
    give_gradients(params)
    before = values(params)
    with pytest.raises(ValueError, match=r"parameter 1 of shape \(4,.*\) is read-only"):
        make(params).step()
    assert_same(before, values(params))


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ([], ValueError, "was given no parameters"),
        (nn.Parameter([1.0]), TypeError, "must be an iterable, not a single Parameter"),
        ([3], TypeError, "parameter 0 is a int, not a Tensor"),
        ([nn.Parameter([1.0]) * 2], ValueError, "result of an op; an optimizer trains leaves"),
        ([nn.Parameter([1.0])] * 2, ValueError, r"parameter 1 of shape \(1,\) is given twice"),
        ([{"lr": 1.0}], ValueError, 'needs "params"'),
        ([{"params": [], "rate": 1}], ValueError, "no hyperparameter rate; it has: lr"),
    ],
)
def test_bad_parameters(params, error, message):
    with pytest.raises(error, match=message):
        optim.SGD(params, lr=0.1)


def test_names_beside_parameters_are_passed_over():
    model = nn.Linear(2, 3)
    optimizer = optim.SGD(model.named_parameters())
    assert optimizer.param_groups[0]["params"] == [model.weight, model.bias]
    state = optimizer.state_dict()
    state["param_groups"][0]["param_names"] = ["weight", "bias"]  # as PyTorch saves
    optimizer.load_state_dict(state)
    assert "param_names" not in optimizer.param_groups[0]


def test_a_generator_of_parameters_is_read_once():
    model = nn.Linear(2, 3)
    assert len(optim.SGD(p for p in model.parameters()).param_groups[0]["params"]) == 2


@pytest.mark.parametrize(
    ("cls", "options", "message"),
    [
        (optim.SGD, {"lr": -1.0}, "must not be negative"),
        (optim.SGD, {"momentum": -0.1}, "must not be negative"),
        (optim.SGD, {"nesterov": True}, "needs a momentum"),
        (optim.SGD, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "no dampening"),
        (optim.Adam, {"eps": -1.0}, "must not be negative"),
        (optim.Adam, {"betas": (0.9, 1.0)}, "from 0, below 1"),
        (optim.Adam, {"betas": (0.9,)}, "two numbers"),
        (optim.AdamW, {"lr": math.inf}, "AdamW: lr is inf"),
    ],
)
def test_bad_hyperparameters(cls, options, message):
    with pytest.raises(ValueError, match=message):
        cls(parameters((3,)), **options)


def test_momentum_can_be_switched_on_and_off():
    (p,) = params = parameters(())
    p.data[...] = 0
    optimizer = optim.SGD(params, lr=1.0)
    found = []
    for momentum in (0.0, 0.5, 0.5, 0.0, 0.5):
        optimizer.param_groups[0]["momentum"] = momentum
        p.grad = ad.tensor(1.0)
        before = p.item()
        optimizer.step()
        found.append(before - p.item())
    assert found == [1, 1, 1.5, 1, 1.75]  # the buffer waits while there is no momentum


def test_a_step_is_a_write_that_backward_notices(make):
    p, q = params = make.parameters((3,), (3,))
    optimizer = make(params)
    y = (p * q).sum()
    give_gradients(params)
    optimizer.step()
    with pytest.raises(RuntimeError, match="optimizer step is a write"):
        y.backward()


# ---------------------------------------------------------------- moves
def test_state_follows_its_parameter(make, device):
    here, there = make.parameters((3, 4), (5,)), make.parameters((3, 4), (5,))
    plain, moved = make(here), make(there)
    for step in range(4):
        if step == 2:
            for p in there:
                p.data, p.grad = ad.backend.to_device(p.data, device), None
        give_gradients(here, step)
        give_gradients(there, step)
        plain.step()
        moved.step()
    for a, b in zip(values(here), values(there), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_casting_a_model_casts_its_state():
    model = nn.Linear(2, 2)
    optimizer = train(optim.Adam, list(model.parameters()))
    model.double()
    give_gradients(model.parameters())
    optimizer.step()
    assert all(s.dtype == np.float64 for slot in optimizer._slots[0] for s in slot.state.values())


def test_loading_parameters_keeps_the_state(make):
    model, twin = nn.Linear(4, 3, bias=False), nn.Linear(4, 3, bias=False)
    twin.load_state_dict(model.state_dict())
    one, two = make(model.parameters()), make(twin.parameters())
    for step in range(3):
        for network, optimizer in ((model, one), (twin, two)):
            give_gradients(network.parameters(), step)
            optimizer.step()
        twin.load_state_dict(model.state_dict())  # new arrays, equal values
    assert_same(values(model.parameters()), values(twin.parameters()))


# ---------------------------------------------------------------- saving and loading
def test_training_resumes_to_the_last_bit(make):
    straight, resumed = make.parameters(*SHAPES), make.parameters(*SHAPES)
    train(make, straight, steps=6)
    first = train(make, resumed, steps=3)
    state = first.state_dict()
    second = make(resumed)
    second.load_state_dict(state)
    for step in range(3, 6):
        give_gradients(resumed, step)
        second.step()
    assert_same(values(straight), values(resumed))
    assert all(slot.t == 6 for slot in second._slots[0])


def test_a_state_goes_through_a_file(make, tmp_path):
    straight, resumed = make.parameters(*SHAPES), make.parameters(*SHAPES)
    train(make, straight, steps=6)
    first = train(make, resumed, steps=3)
    ad.save(first.state_dict(), tmp_path / "state.safetensors")
    second = make(resumed)
    second.load_state_dict(ad.load(tmp_path / "state.safetensors"))
    for step in range(3, 6):
        give_gradients(resumed, step)
        second.step()
    assert_same(values(straight), values(resumed))


def test_a_loaded_state_is_a_copy(make):
    params = make.parameters((3,), (4,))
    first = train(make, params)
    second = make(params)
    second.load_state_dict(first.state_dict())
    before = [[s.copy() for s in slot.state.values()] for slot in first._slots[0]]
    give_gradients(params)
    second.step()
    for slot, old in zip(first._slots[0], before, strict=True):
        assert_same(slot.state.values(), old)


def test_state_has_pytorchs_layout():
    params = parameters((3,), (4,))
    optimizer = optim.Adam([{"params": params[:1]}, {"params": params[1:], "lr": 0.5}], lr=0.1)
    params[1].grad = ad.ones(4)
    optimizer.step()
    state = optimizer.state_dict()
    assert list(state) == ["state", "param_groups"] and list(state["state"]) == [1]
    assert list(state["state"][1]) == ["step", "exp_avg", "exp_avg_sq"]
    assert state["state"][1]["step"] == 1
    assert isinstance(state["state"][1]["exp_avg"], ad.Tensor)
    assert [group["params"] for group in state["param_groups"]] == [[0], [1]]
    assert state["param_groups"][1]["lr"] == 0.5


def test_loading_restores_hyperparameters_and_forgets_the_old_state():
    params = parameters((3,))
    fresh = optim.SGD(params, lr=0.5, momentum=0.5).state_dict()
    optimizer = train(lambda p: optim.SGD(p, lr=0.1, momentum=0.9), params)
    optimizer.load_state_dict(fresh)
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert optimizer.param_groups[0]["params"] == params
    assert optimizer._slots[0][0].state is None and optimizer._slots[0][0].t == 0


def test_a_state_that_does_not_fit_changes_nothing():
    params = parameters((3,), (4,))
    optimizer = train(optim.Adam, params)
    good = optimizer.state_dict()

    def refused(state, message):
        with pytest.raises(ValueError, match=message):
            optimizer.load_state_dict(state)
        assert [slot.t for slot in optimizer._slots[0]] == [5, 5]
        assert optimizer.param_groups[0]["lr"] == 1e-3

    (group,) = good["param_groups"]
    refused({**good, "param_groups": [group, group]}, r"groups have sizes \[2, 2\], these \[2\]")
    refused({**good, "param_groups": [group | {"nesterov": True}]}, "no hyperparameter nesterov")
    refused({**good, "param_groups": [group | {"differentiable": True}]}, "is never recorded")
    refused({**good, "param_groups": [group | {"amsgrad": True}]}, "max_exp_avg_sq is missing")
    refused({**good, "param_groups": [group | {"lr": math.nan}]}, "lr is nan")
    swapped = {0: good["state"][1], 1: good["state"][0]}
    refused({**good, "state": swapped}, r"parameter 0 of shape \(3,\) has shape \(3,\)")
    partial = {0: {"step": 5, "exp_avg": np.zeros(3)}}
    refused({**good, "state": partial}, "exp_avg_sq is missing")
    fine = {"nesterov": False, "fused": True, "differentiable": False, "initial_lr": 0.1}
    optimizer.load_state_dict({**good, "param_groups": [group | fine]})
    assert optimizer.param_groups[0] == group | {"params": params, "initial_lr": 0.1}
