"""Schedules by their formulas, their states, and what they refuse."""

import inspect
import json
import math

import pytest

import autodiff as ad
import nn
from nn.optim import schedule
from nn.optim.schedule import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    Schedule,
    SequentialLR,
    StepLR,
    Warmup,
)

RATES = (1.0, 0.25)


def sgd(momentum=0.5):
    groups = [{"params": [nn.Parameter([1.0])], "lr": lr} for lr in RATES]
    return nn.optim.SGD(groups, momentum=momentum)


def rates(made, steps):
    """The rates of the first group, by stepping; and those of the second, by asking."""
    found = []
    for t in range(steps):
        assert made.last_epoch == t
        now = [group["lr"] for group in made.optimizer.param_groups]
        assert now == made.get_last_lr() == [row["lr"] for row in made.at(t)]
        found.append(now[0])
        made.step()
    return found


def cosine(t, n):
    return (1 + math.cos(math.pi * t / n)) / 2


FORMULAS = {
    "lambda": (lambda o: LambdaLR(o, lambda t: 0.9**t), lambda t: 0.9**t),
    "multiplicative": (
        lambda o: MultiplicativeLR(o, lambda t: t / (t + 1)),
        lambda t: 1 / (t + 1),
    ),
    "step": (lambda o: StepLR(o, 3, 0.5), lambda t: 0.5 ** (t // 3)),
    "multistep": (
        lambda o: MultiStepLR(o, [7, 2, 7], 0.5),
        lambda t: 0.5 ** ((t >= 2) + 2 * (t >= 7)),
    ),
    "constant": (lambda o: ConstantLR(o, 0.5, 4), lambda t: 0.5 if t < 4 else 1.0),
    "linear": (lambda o: LinearLR(o, 0.2, 1.0, 4), lambda t: 0.2 + 0.8 * min(t, 4) / 4),
    "exponential": (lambda o: ExponentialLR(o, 0.9), lambda t: 0.9**t),
    "polynomial": (lambda o: PolynomialLR(o, 8, 2.0), lambda t: (1 - min(t, 8) / 8) ** 2),
    "cosine": (lambda o: CosineAnnealingLR(o, 5), lambda t: cosine(t, 5)),
    "restarts": (
        lambda o: CosineAnnealingWarmRestarts(o, 2, 2),
        lambda t: cosine(t, 2) if t < 2 else cosine(t - 2, 4) if t < 6 else cosine(t - 6, 8),
    ),
    "warmup": (lambda o: Warmup(o, 4), lambda t: min(t, 4) / 4),
    "warmup-then": (
        lambda o: Warmup(o, 4, 0.5, ExponentialLR(o, 0.9)),
        lambda t: 0.5 + t / 8 if t < 4 else 0.9 ** (t - 4),
    ),
    "sequential": (
        lambda o: SequentialLR(o, [ConstantLR(o, 0.5, 99), StepLR(o, 2, 0.5)], [3]),
        lambda t: 0.5 if t < 3 else 0.5 ** ((t - 3) // 2),
    ),
    "nested": (
        lambda o: SequentialLR(o, [StepLR(o, 9), Warmup(o, 2, then=ExponentialLR(o, 0.5))], [3]),
        lambda t: 1.0 if t < 3 else (t - 3) / 2 if t < 5 else 0.5 ** (t - 5),
    ),
    "chained": (
        lambda o: ChainedScheduler([LinearLR(o, 0.5, 1.0, 4), ExponentialLR(o, 0.9)]),
        lambda t: (0.5 + 0.5 * min(t, 4) / 4) * 0.9**t,
    ),
}


@pytest.mark.parametrize(("make", "formula"), FORMULAS.values(), ids=FORMULAS)
def test_formulas(make, formula):
    made = make(sgd())
    assert [group["initial_lr"] for group in made.optimizer.param_groups] == list(RATES)
    assert rates(made, 12) == pytest.approx([formula(t) for t in range(12)], rel=1e-12, abs=1e-15)
    second = [made.at(t)[1]["lr"] for t in range(12)]
    assert second == pytest.approx([formula(t) / 4 for t in range(12)], rel=1e-12, abs=1e-15)


def test_one_cycle():
    made = OneCycleLR(sgd(), 2.0, total_steps=11, pct_start=0.5, anneal_strategy="linear")
    place = [(made.at(t)[0]["lr"], made.at(t)[0]["momentum"]) for t in (0, 4.5, 10)]
    expected = [(2 / 25, 0.95), (2.0, 0.85), (2 / 25 / 1e4, 0.95)]
    for found, right in zip(place, expected, strict=True):
        assert found == pytest.approx(right)
    for _ in range(11):
        made.step()
    with pytest.raises(ValueError, match="step 12 is beyond total_steps=11"):
        made.step()
    assert made.last_epoch == 11  # nothing was changed


def test_cycles():
    made = CyclicLR(sgd(), 0.1, 0.5, 2, mode="triangular2")
    assert rates(made, 9) == pytest.approx([0.1, 0.3, 0.5, 0.3, 0.1, 0.2, 0.3, 0.2, 0.1])
    assert [made.at(t)[0]["momentum"] for t in (0, 2, 6)] == pytest.approx([0.9, 0.8, 0.85])


@pytest.mark.parametrize("make", [nn.optim.Adam, nn.optim.AdamW])
def test_momentum_is_adams_first_beta(make):
    optimizer = make([nn.Parameter([1.0])], betas=(0.9, 0.9876))
    warm = Warmup(optimizer, 2, then=CyclicLR(optimizer, 0.1, 0.5, 2, max_momentum=0.99))
    found = []
    for _ in range(5):
        found.append(optimizer.param_groups[0]["betas"])
        warm.step()
    assert [b for b, _ in found] == pytest.approx([0.99, 0.99, 0.99, 0.895, 0.8])
    assert {second for _, second in found} == {0.9876}


def test_the_loop_per_step_and_per_epoch():
    optimizer = sgd(0.0)
    (w,), (v,) = [group["params"] for group in optimizer.param_groups]
    made = StepLR(optimizer, 2, gamma=0.5)
    for _epoch in range(2):
        for _batch in range(2):
            w.grad, v.grad = ad.ones(1), ad.ones(1)
            optimizer.step()
            made.step()
    assert w.item() == 1.0 - 1 - 1 - 0.5 - 0.5 and v.item() == 1.0 - 0.75
    fraction = CosineAnnealingWarmRestarts(sgd(), 2)
    fraction.step(1 + 1 / 2)
    assert fraction.get_last_lr()[0] == pytest.approx(cosine(1.5, 2))
    with pytest.raises(ValueError, match="no step -2"):
        fraction.step(-2)


# ---------------------------------------------------------------- plateaus
def test_plateau():
    made = ReduceLROnPlateau(sgd(), factor=0.5, patience=1, cooldown=2, min_lr=[0.3, 0.0])
    found = []
    for metric in (3, 2, 2, 2, 2, 2, 2, 2, ad.tensor(1.0), 1, 1):
        made.step(metric)
        found.append(made.get_last_lr()[0])
    assert found == [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.3, 0.3, 0.3, 0.3]
    assert (made.best, made.last_epoch) == (1.0, 11)


@pytest.mark.parametrize(
    ("mode", "how", "metrics", "bad"),
    [
        ("min", "rel", (10.0, 9.5, 8.9), 0), ("min", "rel", (10.0, 9.1), 1),
        ("max", "rel", (10.0, 11.1), 0), ("max", "rel", (10.0, 10.9), 1),
        ("min", "abs", (10.0, 9.8), 0), ("min", "abs", (10.0, 9.95), 1),
        ("max", "abs", (10.0, 10.2), 0), ("max", "abs", (10.0, math.nan), 1),
    ],
)  # fmt: skip
def test_what_counts_as_progress(mode, how, metrics, bad):
    made = ReduceLROnPlateau(sgd(), mode, threshold=0.1, threshold_mode=how)
    for metric in metrics:
        made.step(metric)
    assert made.num_bad_epochs == bad


# ---------------------------------------------------------------- states
STATES = {name: make for name, (make, _) in FORMULAS.items()} | {
    "one-cycle": lambda o: OneCycleLR(o, [0.5, 0.1], 30, three_phase=True),
    "cyclic": lambda o: CyclicLR(o, 0.1, 0.5, 3),
    "scaled": lambda o: CyclicLR(o, 0.1, 0.5, 3, scale_fn=lambda x: 1 / x),
    "swa": lambda o: schedule.SWALR(o, 0.05, 7),
    "plateau": lambda o: ReduceLROnPlateau(o, factor=0.9, patience=0, cooldown=1),
}


def groups(optimizer):
    return [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]


def test_every_schedule_is_tried():
    ours = {x for x in vars(schedule).values() if inspect.isclass(x)} - {Schedule}
    assert {type(make(sgd())) for make in STATES.values()} == ours


@pytest.mark.parametrize("name", STATES)
def test_states_resume_exactly(name, tmp_path):
    def run(made, steps):
        found = []
        for t in steps:
            made.step(*((math.sin(t),) if name == "plateau" else ()))
            found.append(groups(made.optimizer))
        return found

    one, two = sgd(), sgd()
    first = STATES[name](one)
    run(first, range(10))
    json.dumps(first.state_dict())  # nothing but numbers and names
    ad.save({"schedule": first.state_dict(), "optimizer": one.state_dict()}, tmp_path / "s")
    second = STATES[name](two)
    saved = ad.load(tmp_path / "s")
    two.load_state_dict(saved["optimizer"])
    second.load_state_dict(saved["schedule"])
    assert groups(one) == groups(two)
    assert second.last_epoch == first.last_epoch
    assert run(first, range(10, 20)) == run(second, range(10, 20))


def test_options_are_part_of_the_state():
    one, two = StepLR(sgd(), 3, 0.5), StepLR(sgd(), 99)
    one.step(7)
    two.load_state_dict(one.state_dict())
    assert (two.step_size, two.get_last_lr()) == (3, [0.25, 0.0625])
    assert two.optimizer.param_groups[0]["lr"] == 0.25


@pytest.mark.parametrize("make", [lambda o: ExponentialLR(o, 0.9), ReduceLROnPlateau])
def test_the_state_of_another_kind_is_refused(make):
    with pytest.raises(KeyError, match="a saved state has .*step_size.*; this one is made of"):
        make(sgd()).load_state_dict(StepLR(sgd(), 3).state_dict())


def test_going_on_by_last_epoch():
    optimizer = sgd()
    first = ExponentialLR(optimizer, 0.5)
    first.step()
    again = ExponentialLR(optimizer, 0.5, last_epoch=1)
    assert (again.last_epoch, again.get_last_lr()[0]) == (2, 0.25)
    with pytest.raises(KeyError, match=r"group 0 has no initial_lr.*load the optimizer's state"):
        ExponentialLR(sgd(), 0.5, last_epoch=1)


def test_groups_may_be_given_their_initial_rates():
    optimizer = nn.optim.SGD([{"params": [nn.Parameter([1.0])], "lr": 9.0, "initial_lr": 1.0}])
    assert ExponentialLR(optimizer, 0.5, last_epoch=1).get_last_lr() == [0.25]


def test_subclasses_define_one_method():
    class Sqrt(Schedule):
        def factor(self, t):
            return (1 + t) ** -0.5

    made = Sqrt(sgd())
    made.step(3)
    assert made.optimizer.param_groups[0]["lr"] == 0.5
    with pytest.raises(NotImplementedError, match="Schedule defines neither factor"):
        Schedule(sgd())


# ---------------------------------------------------------------- what is refused
other = sgd()
REFUSED = [
    (lambda o: StepLR(o, 0), ValueError, "step_size=0"),
    (lambda o: StepLR("sgd", 1), TypeError, "str is not an nn.optim.Optimizer"),
    (lambda o: ReduceLROnPlateau("sgd"), TypeError, "str is not an nn.optim.Optimizer"),
    (lambda o: ConstantLR(o, 1.5), ValueError, "factor=1.5"),
    (lambda o: LinearLR(o, 0.0), ValueError, "start_factor=0.0"),
    (lambda o: LinearLR(o, 1.0, 2.0), ValueError, "end_factor=2.0"),
    (lambda o: PolynomialLR(o, 0), ValueError, "total_iters=0"),
    (lambda o: CosineAnnealingLR(o, 0), ValueError, "T_max=0"),
    (lambda o: CosineAnnealingWarmRestarts(o, 0), ValueError, "T_0=0"),
    (lambda o: CosineAnnealingWarmRestarts(o, 2, 0.5), ValueError, "T_mult=0.5"),
    (lambda o: LambdaLR(o, [abs]), ValueError, "lr_lambda has 1 entries.*2 parameter groups"),
    (lambda o: CyclicLR(o, 0.1, 0.2, mode="square"), ValueError, "mode='square'"),
    (lambda o: CyclicLR(o, 0.1, 0.2, scale_mode="epochs"), ValueError, "scale_mode='epochs'"),
    (lambda o: CyclicLR(o, 0.1, 0.2, 0), ValueError, "step_size_up=0"),
    (lambda o: OneCycleLR(o, 0.1), ValueError, "needs total_steps, or epochs"),
    (lambda o: OneCycleLR(o, 0.1, 0), ValueError, "0 steps"),
    (lambda o: OneCycleLR(o, 0.1, 9, pct_start=2), ValueError, "pct_start=2"),
    (lambda o: OneCycleLR(o, 0.1, 9, anneal_strategy="up"), ValueError, "anneal_strategy='up'"),
    (lambda o: schedule.SWALR(o, 0.1, -1), ValueError, "anneal_epochs=-1"),
    (lambda o: schedule.SWALR(o, 0.1, 1, "up"), ValueError, "anneal_strategy='up'"),
    (lambda o: ReduceLROnPlateau(o, "least"), ValueError, "mode='least'"),
    (lambda o: ReduceLROnPlateau(o, threshold_mode="x"), ValueError, "threshold_mode='x'"),
    (lambda o: ReduceLROnPlateau(o, factor=1.0), ValueError, "factor=1.0"),
    (lambda o: Warmup(o, 0), ValueError, "steps=0"),
    (lambda o: Warmup(o, 3, then=StepLR(other, 3)), ValueError, "another optimizer"),
    (lambda o: SequentialLR(o, [], []), ValueError, "there is no schedule"),
    (lambda o: SequentialLR(o, [StepLR(o, 3)], [3]), ValueError, "1 schedules need 0 milestones"),
    (lambda o: SequentialLR(o, [StepLR(o, 3)] * 3, [3, 2]), ValueError, "must not go down"),
    (lambda o: SequentialLR(o, [ReduceLROnPlateau(o)], []), TypeError, "is a ReduceLROnPlateau"),
    (lambda o: ChainedScheduler([StepLR(o, 3), StepLR(other, 3)]), ValueError, "schedule 1"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "message"), REFUSED)
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make(sgd())


def test_momentum_cannot_cycle_where_there_is_none():
    class Plain(nn.optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": 0.1})

    optimizer = Plain([nn.Parameter([1.0])])
    with pytest.raises(ValueError, match="Plain has neither momentum nor betas"):
        OneCycleLR(optimizer, 0.1, 9)
    OneCycleLR(optimizer, 0.1, 9, cycle_momentum=False)


def test_a_group_that_is_added_later():
    optimizer = sgd()
    made = StepLR(optimizer, 3)
    optimizer.add_param_group({"params": [nn.Parameter([1.0])]})
    with pytest.raises(ValueError, match="made for 2 parameter groups.*now has 3"):
        made.step()
