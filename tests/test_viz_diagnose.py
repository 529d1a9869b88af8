"""The diagnosis: what it finds, that it disturbs nothing, and that remedies help."""

import copy
import warnings
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest

import autodiff as ad
import nn
import viz
from viz._case import measured
from viz._evidence import Evidence
from viz._findings import CAUSES
from viz._limits import LIMITS, limits
from viz._remedies import REMEDIES

from . import sick

pytest_plugins = "pytester"
SEED = sick.TUNED[0]
ROOT = Path(__file__).parent.parent


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


HANDFUL = (
    "relu_he", "cnn_batch_norm", "lstm", "lstm_remembers", "tagger", "large_targets",
    "sigmoid_deep", "relu_large", "spread_shrinks", "relu_negative_bias", "lstm_output_shut",
    "tanh_large", "lstm_saturated", "all_zero", "linear_unrolled", "lstm_forgets", "one_frozen",
    "half_precision", "nan_weight", "detached_body", "all_frozen", "batch_of_two", "sgd_wild",
    "adam_timid",
)  # fmt: skip


@pytest.mark.parametrize("name", HANDFUL)
def test_each_sickness_is_found_and_healthy_networks_raise_no_alarm(name):
    case = network(name)
    _, found = examined(case)
    rules = {f.rule for f in found}
    if case.cause:
        assert found[0].rule in case.causes
        assert rules <= case.causes | set(case.besides)
    else:
        assert not found, "\n".join(map(str, found))


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [sick.TUNED, sick.HELD_OUT], ids=["tuned", "held-out"])
def test_the_whole_suite(seeds):
    rows = [(n, seed, *sick.judged(n, seed)) for n in sick.CASES for seed in seeds]
    assert not [r for r in rows if not r[0].cause and r[2]]
    total = np.sum(list(sick.table(rows).values()), axis=0)
    own, hits, first, alarms, strict, right, tried, better, cured = total
    assert min(hits, first) >= 0.95 * own
    assert right >= 0.95 * alarms and strict >= 0.6 * alarms
    assert better >= 0.9 * tried


def test_there_are_enough_networks_and_every_rule_has_some():
    names = [n.name for n in sick.CASES]
    assert len(names) == len(set(names)) >= 40
    assert sum(not n.cause for n in sick.CASES) >= 12
    rules = {n.cause for n in sick.CASES} - {""}
    assert rules == {rule for tied in CAUSES for rule in tied}
    for rule in rules:
        assert sum(n.cause == rule for n in sick.CASES) >= 2, rule
    assert {network(n).cause for n in HANDFUL} - {""} == rules


def test_every_threshold_is_on_the_page_with_its_value():
    page = (ROOT / "docs/viz-diagnosis.md").read_text(encoding="utf-8")
    for name, limit in LIMITS.items():
        assert limit.citation
        assert f"`{name}` {limit.value:g}".replace("e-0", "e-") in page, name
    for remedy in REMEDIES:
        assert f"| `{remedy}` |" in page, remedy


@pytest.mark.parametrize("name", LIMITS)
def test_every_threshold_decides_and_can_be_given(name):
    """A finding goes, or comes, as its threshold is put out of reach, or within."""
    case = {
        "vanishing_ratio": "sigmoid_deep", "vanishing_norm": "sigmoid_deep",
        "sensitivity_min": "sigmoid_deep", "exploding_ratio": "relu_large",
        "exploding_layers": "relu_large", "exploding_norm": "inputs_unscaled",
        "recurrent_ratio": "linear_unrolled", "recurrent_vanishing": "lstm_forgets",
        "dead_max": "relu_negative_bias", "dead_examples": "relu_negative_bias",
        "silent_slope": "relu_negative_bias", "gate_shut": "lstm_output_shut",
        "saturated_max": "tanh_large", "flat_slope": "tanh_large", "symmetric_max": "all_zero",
        "spread_decades": "spread_shrinks", "nonfinite_max": "nan_weight",
        "unreached_max": "detached_body", "frozen_max": "one_frozen",
        "lost_max": "half_precision", "update_high": "sgd_wild", "update_low": "adam_timid",
        "batch_values": "batch_of_two", "flat_channels": "tiny_inputs",
        "statistics_gap": "evaluation_by_mistake",
    }[name]  # fmt: skip
    given, _ = examined(network(case))
    with np.errstate(all="ignore"):
        counts = {len(viz.diagnose(*given, **{name: value})) for value in (-1.0, 1e30)}
    assert len(counts) == 2


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


def test_gates_are_counted_exactly():
    """An output gate shut for 7 units of 10; of the LSTM's other gates none is flat."""
    layer = nn.LSTM(4, 10)
    layer.bias_ih_l0.data[30:37] = -40.0
    x = ad.random.normal((3, 5, 4)) * 0.1
    e = Evidence((layer(x)[0] ** 2).sum(), layer)
    saturated = [f for f in measured(e, limits({})) if f.rule == "saturated"]
    found = {f.cause.split(" of ")[1]: f.statistic for f in saturated}
    assert found == {"the output gate": 0.7, "the forget gate": 0, "the input gate": 0,
                     "the candidate": 0}  # fmt: skip
    dead = [f for f in measured(e, limits({})) if f.rule == "dead"]
    assert [f.statistic for f in dead] == [0.0, 0.7]
    assert (
        "70% of the 10 units of weight_hh_l0 are cut off: their output gate is shut for all 15"
        in (dead[1].cause)
    )


def test_an_open_update_gate_cuts_a_unit_off_and_an_open_forget_gate_does_not():
    gru, lstm, x = nn.GRU(4, 10), nn.LSTM(4, 10, forget_bias=40.0), ad.random.normal((3, 5, 4))
    gru.bias_ih_l0.data[10:18] = 40.0
    (finding,) = [f for f in viz.diagnose(gru(x)[0].sum(), gru) if f.rule == "dead"]
    assert finding.statistic == 0.8 and "update gate is open" in finding.cause
    assert not [f for f in viz.diagnose(lstm(x)[0].sum(), lstm) if f.rule in ("dead", "saturated")]


def test_the_gradient_through_time_is_that_of_the_states():
    rnn, x = nn.RNN(3, 4), ad.random.normal((12, 8, 3))
    rnn.weight_hh_l0.data *= 0.1
    e = Evidence((rnn(x)[0][-1] ** 2).sum(), rnn)
    steps = [r.rms for r in e.recording.nodes if r.op == "rnn_step"]
    found = {f.rule: f.statistic for f in measured(e, limits({}))}
    assert found["recurrent_vanishing"] == found["recurrent"]
    assert found["recurrent"] == pytest.approx(max(steps[:3]) / np.median(steps[-3:]))
    early = Evidence((rnn(x)[0][5] ** 2).sum(), rnn)  # later steps are not read
    assert "6 steps in time" in next(
        f.cause for f in measured(early, limits({})) if f.rule == "recurrent"
    )


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
    large = viz.diagnose(lambda m: (m(x * 1e3) ** 2).mean(), model)
    assert next(f for f in large if f.rule == "saturated").try_fix(remedy="scale_inputs").improved


@pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM, nn.GRU])
def test_recurrences_on_every_device(device, layer):
    model = sick.parts.Last(layer(3, 4), 2).to(device)
    x = ad.tensor(
        np.random.default_rng(0).normal(size=(9, 8, 3)) * 40, dtype="float32", device=device
    )
    optimizer = nn.optim.Adam(model.parameters())
    anything = {"saturated_max": -1, "recurrent_vanishing": 1e30, "dead_max": -1}
    found = viz.diagnose(lambda m: (m(x) ** 2).mean(), model, optimizer, **anything)
    assert {"saturated", "recurrent_vanishing"} <= {f.rule for f in found}
    for remedy in ("orthogonal", "gated_cell" if layer is nn.RNN else "forget_bias"):
        fading = next(f for f in found if f.rule == "recurrent_vanishing")
        trial = fading.try_fix(remedy=remedy, steps=1)
        parameters = [n for n in trial.after.graph.nodes if n.kind == "parameter"]
        assert {n.dtype for n in parameters} == {"float32"} and trial.steps == 1


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


def test_without_an_optimizer_no_step_is_taken_and_none_is_claimed():
    ad.manual_seed(0)
    layers = [nn.Sequential(nn.Linear(8, 8), nn.Sigmoid()) for _ in range(12)]
    model, x = nn.Sequential(*layers), ad.random.normal((16, 8))

    def loss_of(model):
        return (model(x) ** 2).mean()

    trial = viz.diagnose(loss_of, model)[0].try_fix()
    assert trial.steps == 0 and trial.untreated == trial.before.loss
    assert "untrained, without an optimizer" in str(trial)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    trial = viz.diagnose(loss_of, model, optimizer)[0].try_fix(steps=2)
    assert trial.steps == 2 and trial.untreated < trial.before.loss and "in 2 steps" in str(trial)
