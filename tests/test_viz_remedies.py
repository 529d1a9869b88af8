"""Every remedy in a case in which it is the right one; the original stays as it was to the bit."""

import math
import warnings

import numpy as np
import pytest

import autodiff as ad
import nn
import viz
from viz._remedies import REMEDIES

from . import sick
from .test_viz_diagnose import bits, network

SEED = sick.TUNED[0]
RIGHT = {
    "reinitialize": "all_zero", "swap_activations": "sigmoid_deep", "normalize": "tanh_large",
    "add_skips": "relu_small", "scale_inputs": "inputs_unscaled", "group_norm": "batch_of_two",
    "train_mode": "evaluation_by_mistake", "unfreeze": "all_frozen", "drop_unused": "unused_head",
    "float32": "half_precision", "lower_lr": "sgd_wild", "raise_lr": "adam_timid",
    "orthogonal": "linear_unrolled", "forget_bias": "lstm_forgets", "gated_cell": "rnn_small",
}  # fmt: skip


def diagnosed(name):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        case = network(name)
        given = sick.made(case, SEED)
        return given, next(f for f in viz.diagnose(*given) if f.rule == case.cause)


def everything(model, optimizer):
    """Arrays, states and the very objects that modules hold, hooks among them."""
    held = [(p, k, id(v)) for p, m in model.named_modules() for k, v in vars(m).items()]
    asks = [p.requires_grad for _, p in model.named_parameters()]
    return bits(model, optimizer), held, asks


@pytest.mark.parametrize("remedy", RIGHT)
def test_each_remedy_cures_what_it_is_for_and_touches_a_copy(remedy):
    (_, model, optimizer), finding = diagnosed(RIGHT[remedy])
    for p in model.parameters():
        p.grad = ad.ones_like(p)
    model.register_forward_hook(lambda module, args, out: None)
    before = everything(model, optimizer)
    assert remedy in finding.remedies
    with np.errstate(all="ignore"):
        trial = finding.try_fix(remedy=remedy, steps=5)
    assert trial.remedy == remedy and trial.cured
    assert everything(model, optimizer) == before


def test_all_remedies_have_a_case():
    assert {*RIGHT, "clip"} == set(REMEDIES)


def test_clipping_keeps_a_training_from_diverging():
    """It cures no statistic: the gradient is as large as ever, and the step is not."""
    _, finding = diagnosed("identity_large")
    with np.errstate(all="ignore"):
        trial = finding.try_fix(remedy="clip")
    assert not math.isfinite(trial.untreated)
    assert trial.after.loss < trial.before.loss


def test_a_network_that_diverged_is_not_cured(monkeypatch):
    """Of NaN nothing can be measured, which must not pass for healthy."""

    def wild(plan):
        plan.lr_factor = 1e30
        return True

    _, finding = diagnosed("relu_large")
    monkeypatch.setitem(REMEDIES, "reinitialize", wild)
    with np.errstate(all="ignore"):
        trial = finding.try_fix(remedy="reinitialize")
    assert math.isnan(trial.after.loss)
    assert not trial.improved and not trial.cured


def test_no_remedy_is_told_of_when_there_is_none():
    _, finding = diagnosed("detached_body")
    assert finding.remedies == ()
    (advice,) = finding.advice
    assert "detach()" in advice and "body.weight" in advice
    with pytest.raises(ValueError, match="no remedy for unreached: there is none"):
        finding.try_fix()


def test_the_line_that_read_an_unreached_parameter_is_named():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 1))
    x = ad.ones((8, 4))

    def loss_of(m):
        return m[1](m[0](x).detach()).sum()

    (finding,) = [f for f in viz.diagnose(loss_of, model) if f.rule == "unreached"]
    assert finding.nodes == ("0.weight", "0.bias")
    assert "m[1](m[0](x).detach()).sum()" in finding.advice[0]


def test_lbfgs_is_tried_with_its_closure():
    ad.manual_seed(0)
    x = ad.random.normal((32, 8))
    model = nn.Sequential(*[nn.Sequential(nn.Linear(8, 8), nn.Sigmoid()) for _ in range(10)])
    optimizer = nn.optim.LBFGS(model.parameters(), max_iter=3)
    found = viz.diagnose(lambda m: ((m(x) - x) ** 2).mean(), model, optimizer)
    assert {"vanishing", "spread"} == {f.rule for f in found}  # none about the next step
    trial = found[0].try_fix(steps=2)
    assert trial.cured and trial.after.loss < trial.before.loss
    assert trial.untreated < trial.before.loss


@pytest.mark.parametrize(
    "layer, remedy", [(nn.LSTM, "forget_bias"), (nn.GRU, "forget_bias"), (nn.RNN, "gated_cell")]
)
def test_the_gate_that_keeps_gets_a_bias_of_one(layer, remedy):
    model, x, seen = sick.parts.Last(layer(3, 4), 2), ad.random.normal((12, 16, 3)), []

    def loss_of(m):
        seen.append((type(m.layer).__name__, m.layer.bias_ih_l0.data.copy()))
        return (m(x) ** 2).mean()

    found = viz.diagnose(loss_of, model, recurrent_vanishing=1e30)
    next(f for f in found if f.rule == "recurrent_vanishing").try_fix(remedy=remedy, steps=0)
    expected = np.repeat([0.0, 1.0, 0.0, 0.0], 4)
    treated = [name for name, b in seen if b.any() and np.array_equal(b, expected[: b.size])]
    assert treated == ["GRU" if remedy == "gated_cell" else layer.__name__]
    assert not model.layer.bias_ih_l0.data.any()
