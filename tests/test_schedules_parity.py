"""Every schedule against PyTorch's: signatures, rates and momenta over 200 steps."""

import inspect
import warnings

import numpy as np
import pytest

import autodiff as ad
import nn
from nn.optim import schedule

pytestmark = pytest.mark.parity
torch = pytest.importorskip("torch", reason="the extra `parity` brings PyTorch")

STEPS = 200
RATES = (0.1, 0.003, 2.0)
ALONE = {"Schedule", "Warmup"}  # the base, and what PyTorch says with SequentialLR and LinearLR


class PyTorch:
    """PyTorch's schedules under one roof."""

    def __getattr__(self, name):
        where = torch.optim.swa_utils if name == "SWALR" else torch.optim.lr_scheduler
        return getattr(where, name)


PYTORCH = PyTorch()


def many(name, *grid):
    """Rows of one class: its arguments after the optimizer."""
    return [(name, args, options) for args, options in grid]


def row(*args, **options):
    return args, options


ROWS = [
    *many("LambdaLR", row(lambda t: 0.9**t), row([lambda t: 1 / (1 + t)] * 3),
          row(lr_lambda=(lambda t: 1.0, lambda t: t / 7, lambda t: 0.5 ** (t // 9)))),
    *many("MultiplicativeLR", row(lambda t: 0.97), row([lambda t: 1 - 1 / (t + 2)] * 3)),
    *many("StepLR", row(30), row(7, 0.5), row(step_size=1, gamma=1.01)),
    *many("MultiStepLR", row([30, 80]), row([80, 30, 30, 5], 0.5), row(milestones=(), gamma=0.3)),
    *many("ConstantLR", row(), row(0.5, 40), row(factor=1.0, total_iters=0)),
    *many("LinearLR", row(), row(0.01, 0.5, 100), row(1.0, 0.1, 199), row(0.5, total_iters=1)),
    *many("ExponentialLR", row(0.95), row(gamma=1.01)),
    *many("PolynomialLR", row(), row(100, 2.0), row(total_iters=150, power=0.5)),
    *many("CosineAnnealingLR", row(50), row(7, 0.001), row(T_max=300, eta_min=-0.5), row(1)),
    *many("CosineAnnealingWarmRestarts", row(10), row(10, 2), row(7, 3, 0.001), row(1, 2),
          row(T_0=500, eta_min=0.01)),
    *many("SWALR", row(0.05), row([0.05, 0.01, 1.0], 40, "linear"), row(0.5, anneal_epochs=0),
          row(swa_lr=0.5, anneal_strategy="cos", anneal_epochs=1)),
    *many("CyclicLR", row(0.01, 0.1, 20), row([0.01, 0.02, 0.03], [0.1, 0.2, 0.3], 10, 25),
          row(0.01, 0.1, 15, mode="triangular2"), row(0.01, 0.1, 15, mode="exp_range", gamma=0.99),
          row(0.01, 0.1, 15, scale_fn=lambda x: 1 / x**0.5),
          row(0.01, 0.1, 15, scale_fn=lambda x: 0.99**x, scale_mode="iterations"),
          row(0.01, 0.1, 15, cycle_momentum=False),
          row(0.01, 0.1, 15, base_momentum=[0.1, 0.2, 0.3], max_momentum=0.99)),
    *many("OneCycleLR", row(0.1, STEPS), row(0.1, epochs=20, steps_per_epoch=11),
          row([0.1, 0.2, 0.3], STEPS, pct_start=0.1, anneal_strategy="linear"),
          row(0.1, 300, three_phase=True), row(0.1, 300, cycle_momentum=False, pct_start=0.0),
          row(0.1, 207, three_phase=True, anneal_strategy="linear", div_factor=3.0,
              final_div_factor=10.0, base_momentum=[0.1, 0.2, 0.3], max_momentum=0.99)),
    *many("ReduceLROnPlateau", row(), row("max", 0.5, 3), row("min", 0.7, 0, cooldown=5),
          row("min", 0.5, 2, 0.1, "abs"), row("max", 0.5, 2, 0.01, "abs"),
          row("max", 0.5, 2, 0.01, min_lr=0.01), row(min_lr=[0.01, 0.001, 1.0], patience=1),
          row(factor=0.3, patience=0, eps=0.01)),
]  # fmt: skip


# Made of others: functions of the namespace that has the schedules.
COMPOSED = {
    "SequentialLR": [
        lambda m, o: (o, [m.LinearLR(o, 0.1, total_iters=10), m.CosineAnnealingLR(o, 90)], [10]),
        lambda m, o: (
            o,
            [m.ConstantLR(o, 0.1, 20), m.ExponentialLR(o, 0.9), m.StepLR(o, 30)],
            [20, 60],
        ),
        lambda m, o: (o, [m.PolynomialLR(o, 50), m.CyclicLR(o, 0.01, 0.1, 9)], [50]),
        lambda m, o: (o, [m.ExponentialLR(o, 0.9), m.CosineAnnealingWarmRestarts(o, 5, 2)], [0]),
    ],
    "ChainedScheduler": [
        lambda m, o: ([m.ConstantLR(o, 0.1, 20), m.ExponentialLR(o, 0.9)], o),
        lambda m, o: ([m.LinearLR(o, 0.2, 0.9, 30), m.StepLR(o, 30), m.MultiStepLR(o, [9, 50])],),
        lambda m, o: ([m.LinearLR(o, 0.2), m.CosineAnnealingLR(o, 250), m.PolynomialLR(o, 300)],),
    ],
}
for name, makers in COMPOSED.items():
    ROWS += [(name, maker, {}) for maker in makers]


def optimizers(adam=False):
    """Ours and PyTorch's, with the same groups."""
    ours = [{"params": [nn.Parameter([1.0])], "lr": lr} for lr in RATES]
    theirs = [{"params": [torch.ones(1, requires_grad=True)], "lr": lr} for lr in RATES]
    if adam:
        options = {"betas": (0.9, 0.99)}
        return nn.optim.Adam(ours, **options), torch.optim.Adam(theirs, **options)
    return nn.optim.SGD(ours, momentum=0.5), torch.optim.SGD(theirs, momentum=0.5)


def made(name, args, options, adam=False):
    ours, theirs = optimizers(adam)
    if callable(args):
        found = (
            getattr(schedule, name)(*args(schedule, ours)),
            getattr(PYTORCH, name)(*args(PYTORCH, theirs)),
        )
    else:
        found = (
            getattr(schedule, name)(ours, *args, **options),
            getattr(PYTORCH, name)(theirs, *args, **options),
        )
    return [(ours, found[0]), (theirs, found[1])]


def settings(optimizer):
    return np.array(
        [(g["lr"], *g.get("betas", (g.get("momentum"),))) for g in optimizer.param_groups]
    )


def assert_same(one, two):
    np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-12)


METRICS = np.random.default_rng(0).uniform(size=STEPS) + np.linspace(2, 0, STEPS)


@pytest.fixture(autouse=True)
def quiet():
    """PyTorch warns of steps of a schedule without steps of its optimizer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def name_of(x):
    return x if isinstance(x, str) else ""


@pytest.mark.parametrize("adam", [False, True], ids=["sgd", "adam"])
@pytest.mark.parametrize(("name", "args", "options"), ROWS, ids=name_of)
def test_rates_over_many_steps(name, args, options, adam):
    (ours, mine), (theirs, other) = made(name, args, options, adam)
    found, expected = [settings(ours)], [settings(theirs)]
    for t in range(1, STEPS):
        given = (METRICS[t],) if name == "ReduceLROnPlateau" else ()
        mine.step(*given)
        other.step(*given)
        found.append(settings(ours))
        expected.append(settings(theirs))
        assert mine.get_last_lr() == [g["lr"] for g in ours.param_groups]
        assert mine.last_epoch == t
    assert_same(found, expected)
    assert_same(mine.get_last_lr(), other.get_last_lr())
    if name not in ("SWALR", "CyclicLR", "OneCycleLR", "SequentialLR"):  # whose own they are
        for a, b in zip(ours.param_groups, theirs.param_groups, strict=True):
            assert a.get("initial_lr") == b.get("initial_lr")


# PyTorch's take no last_epoch, or count anew with it, or forget in which cosine they were, or
# multiply twice where a step of StepLR ends just then.
ANEW = {"SWALR", "ReduceLROnPlateau", "CosineAnnealingWarmRestarts", *COMPOSED}
GOING_ON = [r for r in ROWS if r[0] not in ANEW and r[2].get("step_size") != 1]


@pytest.mark.parametrize(("name", "args", "options"), GOING_ON, ids=name_of)
def test_going_on_by_last_epoch(name, args, options):
    """Schedules made in the middle of a training, for an optimizer whose state was loaded."""
    (ours, mine), (theirs, other) = made(name, args, options)
    for _ in range(62):
        mine.step()
        other.step()
    again = getattr(schedule, name)(ours, *args, **options, last_epoch=61)
    other = getattr(PYTORCH, name)(theirs, *args, **options, last_epoch=61)
    found, expected = [], []
    for _ in range(62, STEPS):
        found.append(settings(ours))
        expected.append(settings(theirs))
        again.step()
        other.step()
    assert_same(found, expected)


@pytest.mark.parametrize("options", [{"T_0": 10}, {"T_0": 7, "T_mult": 2, "eta_min": 0.01}])
def test_warm_restarts_between_the_steps(options):
    (ours, mine), (theirs, other) = made("CosineAnnealingWarmRestarts", (), options)
    for epoch in (*np.linspace(0, 100, 37), None):
        mine.step(epoch)
        other.step(epoch)
        assert_same(settings(ours), settings(theirs))


def test_every_schedule_has_a_row():
    ours = {name for name, x in vars(schedule).items() if inspect.isclass(x)}
    assert ours - ALONE == {name for name, *_ in ROWS}
    assert not any(hasattr(torch.optim.lr_scheduler, name) for name in ALONE)
    theirs = {
        name for name, x in vars(torch.optim.lr_scheduler).items()
        if inspect.isclass(x) and issubclass(x, torch.optim.lr_scheduler.LRScheduler)
    }  # fmt: skip
    assert {name for name in theirs if not name.startswith("_")} - {"LRScheduler"} <= ours


@pytest.mark.parametrize("name", sorted({name for name, *_ in ROWS}))
def test_signatures(name):
    def parameters(cls):
        return [(p.name, p.default, p.kind) for p in inspect.signature(cls).parameters.values()]

    assert parameters(getattr(schedule, name)) == parameters(getattr(PYTORCH, name))


def test_states_of_optimizers_with_a_schedule_move_between_the_two():
    (ours, mine), (theirs, other) = made("StepLR", (7, 0.5), {})
    for p, q in zip(ours.param_groups, theirs.param_groups, strict=True):
        p["params"][0].grad, q["params"][0].grad = ad.ones(1), torch.ones(1)
    ours.step()
    theirs.step()
    ours.load_state_dict(theirs.state_dict())
    assert [group["initial_lr"] for group in ours.param_groups] == list(RATES)
