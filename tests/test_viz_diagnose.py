"""The diagnosis: what it finds, that it disturbs nothing, and that remedies help."""

import copy
import warnings
from importlib.metadata import entry_points

import numpy as np
import pytest

import autodiff as ad
import nn
import viz
from viz._case import measured
from viz._evidence import Evidence
from viz._limits import limits
from viz._remedies import REMEDIES

from . import sick

pytest_plugins = "pytester"
SEED = sick.HELD_OUT[0]


def examined(network, seed=SEED):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        given = sick.made(network, seed)
        return given, viz.diagnose(*given)


def network(name):
    return next(n for n in sick.CASES if n.name == name)


def sigmoid_net():
    ad.manual_seed(3)
    parts = [nn.Sequential(nn.Linear(12, 12), nn.Sigmoid()) for _ in range(10)]
    model = nn.Sequential(*parts, nn.Dropout(0.2), nn.BatchNorm1d(12))
    x = ad.random.normal((16, 12))
    optimizer = nn.optim.Adam(model.parameters(), lr=1e-3)
    return (lambda m: (m(x) ** 2).mean()), model, optimizer


@pytest.mark.parametrize("case", sick.CASES, ids=lambda n: n.name)
def test_each_sickness_is_found_and_healthy_networks_raise_no_alarm(case):
    _, found = examined(case)
    rules = {f.rule for f in found}
    if case.sickness:
        assert case.sickness in rules
        assert rules <= {case.sickness, *case.besides}
    else:
        assert not found, "\n".join(map(str, found))


def test_there_are_enough_networks_and_every_rule_has_some():
    assert len(sick.CASES) >= 40
    assert sum(not n.sickness for n in sick.CASES) >= 12
    rules = {n.sickness for n in sick.CASES} - {""}
    (loss_of, model, optimizer), _ = examined(network("relu_he"))
    e = Evidence(loss_of(model), model, optimizer)
    assert {f.rule for f in measured(e, limits({}))} - rules == set()
    for rule in rules:
        assert sum(n.sickness == rule for n in sick.CASES) >= 2, rule


def bits(model, optimizer):
    """Everything that a trial could have changed."""
    state = [ad.random.default_generator.state]
    for name, p in (*model.named_parameters(), *model.named_buffers()):
        g = p.grad
        state += [name, id(p), p.data.tobytes(), None if g is None else (id(g), g.data.tobytes())]
    saved = optimizer.state_dict()
    for i, entry in saved["state"].items():
        state += [i, *((k, np.asarray(v).tobytes()) for k, v in entry.items())]
    state += [str(saved["param_groups"])]
    state += [(path, type(m), m.training, m._calls) for path, m in model.named_modules()]
    return state


def test_diagnosis_and_trial_leave_everything_as_it_was_to_the_bit():
    loss_of, model, optimizer = sigmoid_net()
    for _ in range(2):
        loss_of(model).backward()
        optimizer.step()
    before = bits(model, optimizer)
    found = viz.diagnose(loss_of, model, optimizer)
    for finding in found:
        for remedy in finding.remedies:
            finding.try_fix(remedy=remedy, steps=2)
    assert {"vanishing", "spread"} <= {f.rule for f in found}
    assert bits(model, optimizer) == before


def test_a_loss_is_left_usable_and_a_trial_takes_the_function():
    loss_of, model, optimizer = sigmoid_net()
    loss = loss_of(model)
    before = bits(model, optimizer)
    finding = viz.diagnose(loss, model, optimizer)[0]
    assert finding.rule == "vanishing"
    with pytest.raises(ValueError, match=r"try_fix\(lambda model"):
        finding.try_fix()
    trial = finding.try_fix(loss_of)
    assert bits(model, optimizer) == before
    assert trial.cured and trial.remedy == finding.remedies[0]
    assert trial.before.statistic < finding.threshold < trial.after.statistic
    assert (
        trial.after.graph.profile()[0].parameters > 10 * trial.before.graph.profile()[0].parameters
    )
    loss.backward()


def test_the_same_batch_and_random_numbers_are_used():
    """With dropout the loss of the copy is the loss of the model from the same random state."""
    loss_of, model, optimizer = sigmoid_net()
    ad.manual_seed(5)
    finding = viz.diagnose(loss_of, model, optimizer)[0]
    expected = copy.deepcopy(model)
    ad.random.normal((7,))  # the trial goes back to the numbers of the diagnosis
    trial = finding.try_fix(steps=0)
    ad.manual_seed(5)
    assert trial.before.loss == loss_of(expected).item()
    assert trial.untreated == trial.before.loss


def test_a_remedy_that_changes_nothing_is_called_no_better(monkeypatch):
    loss_of, model, optimizer = sigmoid_net()
    finding = viz.diagnose(loss_of, model, optimizer)[0]
    monkeypatch.setitem(REMEDIES, finding.remedies[0], lambda plan: True)
    trial = finding.try_fix(steps=0)
    assert not trial.improved and not trial.cured
    assert "no better" in str(trial)


def test_findings_have_their_numbers():
    loss_of, model, _ = sigmoid_net()
    loss = loss_of(model)
    found = viz.diagnose(loss, model)
    graph = {n.name: n for n in viz.graph(loss, model=model).nodes}
    for finding, size, first, last in (
        (found[0], "l2", "0.0.linear", "9.0.linear"),
        (found[1], "rms", "0.0.weight", "9.0.weight"),
    ):
        assert finding.rule == "vanishing" and finding.nodes[0] == first
        ratio = getattr(graph[first], size) / getattr(graph[last], size)
        assert finding.statistic == pytest.approx(ratio)
        assert finding.excess == pytest.approx(np.log10(1e-3 / ratio))
        assert finding.citation.startswith("AutoTrainer")
        assert "decades lost" in finding.cause
        assert str(finding).count("\n") == 3


def test_dead_units_are_counted_exactly():
    x = ad.tensor(np.ones((16, 4), "float32"))
    model = nn.Sequential(nn.Linear(4, 10), nn.ReLU(), nn.Linear(10, 1))
    model[0].weight.data = np.ones((10, 4), "float32")
    model[0].bias.data = np.array([-9.0] * 7 + [1.0] * 3, "float32")
    found = {f.rule: f for f in viz.diagnose(model(x).sum(), model)}
    assert found["dead"].statistic == 0.7
    assert not [f for f in viz.diagnose(model(x).sum(), model, dead_max=0.71) if f.rule == "dead"]
    assert not [f for f in viz.diagnose(model(x[:7]).sum(), model) if f.rule == "dead"]


def test_lost_updates_are_those_that_the_next_step_does_not_make():
    w = nn.Parameter(np.array([[1.0, 4096.0], [1.0, 0.5]], "float16"))

    class One(nn.Module):
        def __init__(self):
            self.weight = w

        def forward(self, x):
            return ad.matmul(x, self.weight)

    model = One()
    optimizer = nn.optim.SGD(model.parameters(), lr=1e-3)
    loss = model(ad.tensor(np.array([[1.0, 0.1]], "float16"))).sum()
    e = Evidence(loss, model, optimizer)
    found = {f.rule: f for f in measured(e, limits({}))}
    # 1e-3 is half the spacing below 1 and far below that at 4096; 1e-4 is lost at 1, not at 0.5.
    with ad.no_grad():
        loss.backward()
        before = w.data.copy()
        optimizer.step()
    assert found["lost_updates"].statistic == np.mean(w.data == before)
    assert 0 < found["lost_updates"].statistic < 1


def test_errors_say_what_to_do():
    loss_of, model, _ = sigmoid_net()
    with pytest.raises(TypeError, match="no threshold is called dead_min; there are: "):
        viz.diagnose(loss_of(model), model, dead_min=1)
    with pytest.raises(ValueError, match="needs the model"):
        viz.diagnose(loss_of)
    with pytest.raises(ValueError, match="depends on no parameter of the model that the function"):
        viz.diagnose(lambda m: loss_of(model), model)
    with pytest.raises(ValueError, match="needs the model"):
        viz.diagnose(loss_of(model))[0].try_fix(loss_of)
    finding = viz.diagnose(loss_of, model)[0]
    with pytest.raises(ValueError, match="the remedies of this finding are: swap_activations"):
        finding.try_fix(remedy="prayer")


def test_scalars_and_leaves_without_a_model_can_be_diagnosed():
    x = ad.Scalar(2.0, requires_grad=True)
    assert viz.diagnose(x * x + 1.0) == []
    w = ad.tensor([[0.0, 1.0]], requires_grad=True)
    with np.errstate(divide="ignore"):
        found = viz.diagnose(ad.log(w).sum())
    assert [f.rule for f in found][0] == "nonfinite"


def test_a_released_graph_still_has_its_leaves():
    loss_of, model, _ = sigmoid_net()
    loss = loss_of(model)
    loss.backward()
    assert "vanishing" in {f.rule for f in viz.diagnose(loss, model)}


def test_assert_healthy_raises_with_the_findings():
    (loss_of, model, _), _ = examined(network("relu_he"))
    viz.assert_healthy(loss_of(model), model)
    loss_of, model, _ = sigmoid_net()
    with pytest.raises(AssertionError, match="vanishing: the gradient at"):
        viz.assert_healthy(loss_of(model), model)
    viz.assert_healthy(loss_of(model), model, max_decades=30, spread_decades=30, sensitivity_min=0)


def test_notes_do_not_fail_unless_asked():
    (loss_of, model, _), _ = examined(network("one_frozen"))
    viz.assert_healthy(loss_of(model), model)
    with pytest.raises(AssertionError, match="requires_grad=False"):
        viz.assert_healthy(loss_of(model), model, notes=True)


def test_it_works_on_every_device(device):
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2), nn.Tanh()).to(device)
    x = ad.tensor(np.random.default_rng(0).normal(size=(16, 4)).astype("float32"), device=device)
    optimizer = nn.optim.SGD(model.parameters(), lr=1e3)
    found = viz.diagnose(lambda m: (m(x) ** 2).mean(), model, optimizer)
    assert "lr_high" in {f.rule for f in found}
    assert next(f for f in found if f.rule == "lr_high").try_fix().cured


def watched(loss_of, model, optimizer, steps=3):
    recorder = viz.watch(model, every=1)
    with np.errstate(all="ignore"), recorder:
        for _ in range(steps):
            optimizer.zero_grad()
            loss_of(model).backward()
            optimizer.step()
    return recorder


@pytest.mark.parametrize(
    "name, rule",
    [
        ("sigmoid_deep", "vanishing"), ("identity_large", "exploding"),
        ("relu_negative_bias", "dead"), ("tanh_large", "saturated"), ("nan_weight", "nonfinite"),
        ("sgd_wild", "lr_high"), ("adam_timid", "lr_low"), ("not_in_the_optimizer", "frozen"),
        ("relu_he", ""), ("cnn_batch_norm", ""), ("lstm", ""), ("transformer", ""),
    ],
)  # fmt: skip
def test_a_training_record_is_diagnosed(name, rule):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = viz.diagnose(watched(*sick.made(network(name), SEED)))
    rules = {f.rule for f in found}
    assert rule in rules if rule else not rules
    for finding in found:
        with pytest.raises(ValueError, match="a training record has none"):
            finding.try_fix()


def test_an_empty_record_says_nothing():
    _, model, _ = sigmoid_net()
    assert viz.diagnose(viz.watch(model)) == []


@pytest.mark.parametrize("option, outcome", [((), "passed"), (("--grad-health",), "failed")])
def test_the_option_of_pytest(pytester, option, outcome):
    pytester.makepyfile(
        """
        import autodiff as ad, nn

        def test_step(grad_health):
            parts = [nn.Sequential(nn.Linear(8, 8), nn.Sigmoid()) for _ in range(12)]
            model = nn.Sequential(*parts)
            grad_health((model(ad.ones((4, 8))) ** 2).mean(), model)
        """
    )
    installed = [e.value for e in entry_points(group="pytest11")]
    plugin = () if "viz._pytest" in installed else ("-p", "viz._pytest")
    result = pytester.runpytest_inprocess(*plugin, "-p", "no:cacheprovider", *option)
    result.assert_outcomes(**{outcome: 1})
    if option:
        result.stdout.fnmatch_lines(["*AssertionError*finding*"])
