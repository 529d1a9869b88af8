"""The training record: when it looks, what it measures, what it costs and keeps."""

import gc
import math
import weakref

import numpy as np
import pytest

import autodiff as ad
import nn
import viz
from tests import strict
from viz import _activity, _columns, _samples
from viz._series import STATISTICS


def network(seed=0):
    generator = ad.random.Generator(seed)
    return nn.Sequential(
        nn.Linear(4, 8, generator=generator, dtype=ad.float64),
        nn.ReLU(),
        nn.Linear(8, 6, generator=generator, dtype=ad.float64),
        nn.Tanh(),
        nn.Linear(6, 2, generator=generator, dtype=ad.float64),
    )


X = np.random.default_rng(3).normal(size=(10, 4))
Y = np.random.default_rng(4).normal(size=(10, 2))


def loss_of(model, scale=1.0):
    return nn.functional.mse_loss(model(ad.tensor(scale * X)), ad.tensor(Y))


def train(model, steps, recorder=None, lr=0.1, passes=1, each=None):
    """A plain loop, and what one sees by looking in each of its steps."""
    optimizer = nn.optim.SGD(model.parameters(), lr=lr)
    seen = []
    for i in range(steps):
        optimizer.zero_grad()
        total = 0.0
        for _ in range(passes):
            loss = loss_of(model) / passes
            loss.backward()
            total += loss.item()
        before = {n: p.data.copy() for n, p in model.named_parameters()}
        grads = {
            n: None if p.grad is None else p.grad.data.copy() for n, p in model.named_parameters()
        }
        optimizer.step()
        after = {n: p.data.copy() for n, p in model.named_parameters()}
        seen.append((total, grads, before, after))
        if each:
            each(i)
    return seen


def rms(x):
    return float(np.sqrt(np.mean(np.square(x))))


def test_samples_are_what_one_sees_oneself():
    model = network()
    with viz.watch(model, every=3) as recorder:
        seen = train(model, 10)
    assert list(recorder.steps) == [0, 3, 6, 9] and recorder.step_count == 10
    for row, step in enumerate(recorder.steps):
        loss, grads, before, after = seen[step]
        assert recorder.loss[row] == pytest.approx(loss, rel=1e-12)
        for name, g in grads.items():
            at = {s: recorder.series(s, by="parameter")[name][row] for s in STATISTICS[:6]}
            assert at["rms"] == pytest.approx(rms(g), rel=1e-6)
            assert at["mean_abs"] == pytest.approx(np.mean(np.abs(g)), rel=4e-3)
            assert at["max_abs"] == pytest.approx(np.max(np.abs(g)), rel=4e-3)
            assert at["zero_fraction"] == pytest.approx(np.mean(g == 0), abs=4e-3)
            assert at["nonfinite"] == 0
            change = rms(after[name] - before[name])
            expected = change / rms(before[name]) if before[name].any() else math.inf
            assert at["update"] == pytest.approx(expected, rel=4e-3)


def test_layers_join_their_parameters():
    model = network()
    with viz.watch(model, every=1) as recorder:
        ((_, grads, *_),) = train(model, 1)
    layer = recorder.series("rms")
    assert layer.names == ("0", "2", "4")
    both = np.concatenate([grads["2.weight"].ravel(), grads["2.bias"]])
    assert layer["2"][0] == pytest.approx(rms(both), rel=1e-6)
    assert recorder.series("max_abs")["2"][0] == pytest.approx(np.abs(both).max(), rel=4e-3)
    assert recorder.series("mean_abs")["2"][0] == pytest.approx(np.abs(both).mean(), rel=4e-3)


def test_activations():
    model = network()
    w = model[0].weight
    w.data = np.where(np.arange(8)[:, None] < 3, 0.0, w.data)
    model[0].bias.data = np.where(np.arange(8) < 3, -1.0, 0.0)  # three dead units
    model[2].weight.data = 5.0 * model[2].weight.data
    with viz.watch(model, every=1) as recorder:
        loss = loss_of(model)
        loss.backward()
    h = np.maximum(X @ model[0].weight.data.T + model[0].bias.data, 0)
    z = h @ model[2].weight.data.T + model[2].bias.data
    t = np.tanh(z)
    assert recorder.activations == ["0.linear", "1.relu", "2.linear", "3.tanh", "4.linear"]
    assert recorder.series("mean")["1.relu"][0] == pytest.approx(h.mean(), rel=4e-3)
    assert recorder.series("std")["2.linear"][0] == pytest.approx(z.std(), rel=4e-3)
    assert recorder.series("dead").names == ("1.relu",)
    dead = np.mean(h.max(0) == 0)
    assert dead >= 3 / 8
    assert recorder.series("dead")["1.relu"][0] == pytest.approx(dead, rel=4e-3)
    assert recorder.series("saturated").names == ("3.tanh",)
    saturated = np.mean(1 - t * t < 0.06)
    assert 0 < saturated < 1
    assert recorder.series("saturated")["3.tanh"][0] == pytest.approx(saturated, rel=4e-3)
    out = ad.tensor(t, requires_grad=True)
    nn.functional.mse_loss(model[4](out), ad.tensor(Y)).backward()
    assert recorder.series("activation")["3.tanh"][0] == pytest.approx(rms(out.grad.data), rel=4e-3)


def test_shares_of_other_activations():
    x = np.linspace(-9, 9, 50)
    s = 1 / (1 + np.exp(-x))
    (share,) = _activity.resting(ad.sigmoid(ad.tensor(x, requires_grad=True)).node)
    assert share == pytest.approx(np.mean(s * (1 - s) < 0.06 * 0.25)) and 0 < share < 1
    y = nn.functional.leaky_relu(ad.tensor(x, requires_grad=True))
    assert _activity.resting(y.node) == [0.0]
    assert _activity.kind("gelu") == "dead" and _activity.kind("linear") == ""


def test_checkpoint_is_not_run_again_for_the_record():
    model, runs = network(), []

    def block(x):
        runs.append(1)
        return model(x)

    with viz.watch(model, every=1) as recorder:
        y = ad.checkpoint(block, ad.tensor(X, requires_grad=True))
        assert len(runs) == 1
        y.sum().backward()
    assert len(runs) == 2 and np.isfinite(recorder.series("std")["3.tanh"]).all()
    assert np.isnan(recorder.series("saturated")["3.tanh"]).all()


def test_nothing_is_on_between_samples():
    """No tap and no observer of nodes; only the question at the start of each pass."""
    model, calls = network(), []
    recorder = viz.watch(model, every=4)
    sampler = recorder._sampler
    begin, tap = sampler.begin, sampler.tap

    def counted(roots, deposit):
        observe = begin(roots, deposit)
        calls.append(("pass", observe is not None))
        return observe

    sampler.watch = ad.Watch(counted, lambda node, out: (calls.append("tap"), tap(node, out)))
    steps = []
    with recorder:
        train(model, 9, each=lambda i: (steps.append(list(calls)), calls.clear()))
    observed = [("pass", True) in s for s in steps]
    taps = [s.count("tap") for s in steps]
    assert observed == [True, False, False, False] * 2 + [True]
    # One more step is tapped after each sample, whose first op ends it.
    assert [i for i, n in enumerate(taps) if n] == [0, 1, 4, 5, 8]
    assert all(len(s) - n == 1 for s, n in zip(steps, taps, strict=True))


def test_training_is_the_same_to_the_bit():
    plain, watched = network(), network()
    train(plain, 7)
    with viz.watch(watched, every=2):
        train(watched, 7)
    for a, b in zip(plain.parameters(), watched.parameters(), strict=True):
        np.testing.assert_array_equal(a.data, b.data)
        np.testing.assert_array_equal(a.grad.data, b.grad.data)


def test_accumulated_passes_are_one_step():
    model = network()
    with viz.watch(model, every=2) as recorder:
        seen = train(model, 5, passes=3)
    assert list(recorder.steps) == [0, 2, 4] and recorder.step_count == 5
    loss, grads, *_ = seen[2]
    assert recorder.loss[1] == pytest.approx(loss, rel=1e-12)
    found = recorder.series("rms", by="parameter")["2.weight"][1]
    assert found == pytest.approx(rms(grads["2.weight"]), rel=1e-6)
    assert np.isfinite(recorder.series("std").values).all()


def test_other_walks_are_not_steps():
    model, losses = network(), []
    with viz.watch(model, every=1) as recorder:
        for _ in range(3):
            loss = loss_of(model)
            losses.append(loss.item())
            viz.graph(loss, model=model)
            ad.gradients(loss, list(model.parameters()), retain_graph=True)
            loss.backward()
            with ad.no_grad():
                loss_of(model)
            for p in model.parameters():
                p.data -= 0.1 * p.grad.data
            model.zero_grad()
        viz.graph(loss_of(model), model=model)
    assert recorder.step_count == 3 and len(recorder) == 3
    np.testing.assert_allclose(recorder.loss, losses)  # each counted once
    assert np.isfinite(recorder.series("update").values).all()


def test_a_step_may_be_told():
    """For loops that write parameters unseen, and losses that are not what is differentiated."""
    model = network()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.25)
    with viz.watch(model, every=2) as recorder:
        for i in range(5):
            loss = loss_of(model)
            (loss * 1024.0).backward()
            for p in model.parameters():
                p.data[...] -= 0.01 * p.grad.data / 1024
                p.grad.data[...] = 0
            recorder.step(loss if i else 7.0, optimizer)
    assert list(recorder.steps) == [0, 2, 4]
    assert recorder.loss[0] == 7.0 and 0 < recorder.loss[2] < recorder.loss[1] < 10
    assert list(recorder.learning_rate) == [0.25] * 3
    assert (recorder.series("update").values > 0).all()


def test_it_serves_as_a_callback():
    model = network()
    recorder = viz.watch(model, every=1)
    recorder.on_train_begin()
    for _ in range(2):
        loss_of(model).backward()
        recorder.on_step_end(loss=1.5)
    recorder.on_train_end()
    assert len(recorder) == recorder.step_count == 2 and list(recorder.loss) == [1.5, 1.5]
    with pytest.raises(RuntimeError, match="off"):
        recorder.step()


def test_sampling_inside_autocast_and_no_grad():
    """Where the loop switches modes, and calls backward inside them, nothing is lost or left on."""
    model = network().to(ad.float32)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.01)
    with viz.watch(model, every=2) as recorder:
        for _ in range(4):
            with ad.autocast():
                loss = nn.functional.mse_loss(
                    model(ad.tensor(X, dtype=ad.float32)), ad.tensor(Y, dtype=ad.float32)
                )
                loss.backward()
            with ad.no_grad():
                optimizer.step()
                optimizer.zero_grad()
    assert len(recorder) == 2 and np.isfinite(recorder.series("std").values).all()
    assert np.isfinite(recorder.loss).all()
    seen = []
    with ad.Watch(lambda roots, deposit: seen.append(deposit), lambda node, out: None):
        loss_of(network()).backward()
    loss_of(network()).backward()
    assert seen == [True]


def test_frozen_absent_and_bad_gradients():
    model = network()
    model[0].requires_grad_(False)
    model[2].extra = nn.Linear(3, 3)  # never called
    with viz.watch(model, every=1) as recorder:
        train(model, 2)
        model[2].weight.data = np.full((6, 8), np.nan)
        train(model, 2, lr=0.0)
    values = recorder.series("rms", by="parameter")
    bad = recorder.series("nonfinite", by="parameter")
    for name in ("0.weight", "0.bias", "2.extra.weight"):
        assert np.isnan(values[name]).all() and np.isnan(bad[name]).all()
    assert np.isnan(recorder.series("rms")["0"]).all()
    assert list(bad["2.weight"]) == [0, 0, 1, 1] and np.isnan(values["2.weight"][2:]).all()
    assert np.isfinite(values["2.weight"][:2]).all()
    assert np.isnan(recorder.series("rms")["2"][2:]).all()
    assert np.isnan(recorder.loss[2:]).all() and np.isfinite(recorder.loss[:2]).all()
    assert np.isnan(recorder.series("update", by="parameter")["0.weight"]).all()


def test_an_exception_leaves_what_was_measured():
    model = network()
    recorder = viz.watch(model, every=1)
    with pytest.raises(KeyError), recorder:
        train(model, 2)
        loss_of(model).backward()
        raise KeyError
    assert len(recorder) == 3
    assert np.isnan(recorder.series("update").values[2]).all()  # no step was taken
    with pytest.raises(RuntimeError, match="entered already"), recorder, recorder:
        pass


def test_two_recorders_and_a_tap():
    a, b = network(1), network(2)
    seen = []
    with viz.watch(a, every=1) as first, viz.watch(b, every=1) as second:
        train(a, 2)
        with ad.tap(lambda node, out: seen.append(node.op.name)):
            loss_of(b)
        train(b, 3)
    assert (len(first), len(second)) == (2, 3) and seen
    assert np.isfinite(second.series("std").values).all()
    assert np.isfinite(first.series("std").values).all()


def test_an_outer_recorder_begins_its_samples_inside_an_inner_one():
    a, b = network(1), network(2)
    first = viz.watch(a, every=3)
    with first:
        train(a, 2)
    with first, viz.watch(b, every=2):  # its tap is off as the inner block begins
        train(a, 2)
    assert list(first.steps) == [0, 3] and np.isfinite(first.series("std").values).all()


def test_nothing_of_the_run_stays_alive():
    model = network()
    recorder = viz.watch(model, every=1)
    with recorder:
        loss = loss_of(model)
        node = weakref.ref(loss.node)
        loss.backward()
        nn.optim.SGD(model.parameters(), lr=0.1).step()
        del loss
        assert node() is None
    del model
    gc.collect()


def test_a_device_is_asked_once_a_sample(monkeypatch):
    strict.install()
    model = network().to("strict")
    x, y = ad.tensor(X, device="strict"), ad.tensor(Y, device="strict")
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    fetched = []
    to_numpy = ad.backend.to_numpy
    monkeypatch.setattr(ad.backend, "to_numpy", lambda v: fetched.append(v) or to_numpy(v))
    syncs = strict.StrictArray.syncs
    with viz.watch(model, every=2) as recorder:
        for _ in range(4):
            nn.functional.mse_loss(model(x), y).backward()
            optimizer.step()
            optimizer.zero_grad()
    assert len(recorder) == 2 and len(fetched) == 2
    assert strict.StrictArray.syncs - syncs <= 2
    host = network()
    with viz.watch(host, every=2) as again:
        train(host, 4)
    for statistic in STATISTICS:
        np.testing.assert_allclose(
            recorder.series(statistic).values, again.series(statistic).values, rtol=8e-3
        )
    np.testing.assert_array_equal(recorder.counts("2")[1], again.counts("2")[1])


def test_histograms_count_powers_of_two():
    w = nn.Parameter(np.zeros(9))
    x = ad.tensor([1.0, 1.9, 2.0, -0.25, 0.0, math.nan, math.inf, 1e-30, 1e30], dtype=ad.float64)
    model = nn.Module()
    model.w = w
    with viz.watch(model, every=1) as recorder:
        (w * x).sum().backward()
    ((shares,),) = [recorder.counts("w")[1]]
    at = {p: round(6 * shares[p - _samples.LOWEST]) for p in (0, 1, -2, _samples.LOWEST, 7)}
    assert at == {0: 2, 1: 1, -2: 1, _samples.LOWEST: 1, 7: 1} and shares.sum() == pytest.approx(1)


def test_small_float32_numbers_are_not_lost_in_their_squares():
    x = np.array([3e-26, -4e-26, 0.0, 1e-25], "float32")
    w = np.array([1e-25, 2e-25, 1e-24, 3e-24], "float32")
    steps, weights = _activity.change(w + x, w)
    moved = (w + x).astype(float) - w
    assert steps == pytest.approx(moved @ moved, rel=1e-4) and steps > 0
    assert weights == pytest.approx(w.astype(float) @ w, rel=1e-6)
    assert _activity.squares(x) == pytest.approx([x.astype(float) @ x], rel=1e-6)
    assert _activity.spread(x) == pytest.approx([x.mean(), x.astype(float).std()], rel=1e-5)
    big = np.full(70_000, 300.0, "float16")
    assert _activity.squares(big) == pytest.approx([70_000 * 9e4])
    assert _activity.spread(big) == [300.0, 0.0]


def test_an_activation_of_nan_ran():
    model = network()
    with viz.watch(model, every=1) as recorder:
        train(model, 1)
        model[2].bias.data = np.full(6, np.nan)
        train(model, 1, lr=0.0)
    assert np.isnan(recorder.series("mean")["3.tanh"][1])
    assert recorder.heatmap("activations").states[1] == ["nonfinite"] * 5


def test_ops_with_several_outputs():
    model = nn.LSTMCell(4, 4, dtype=ad.float64)
    with viz.watch(model, every=1) as recorder:
        h, c = model(ad.tensor(X))
        (h * 3.0).sum().backward()
    assert recorder.activations == ["lstm_step"]
    assert recorder.series("activation")["lstm_step"][0] == pytest.approx(3.0, rel=4e-3)


def test_few_histograms_are_kept(monkeypatch):
    monkeypatch.setattr(_samples, "KEPT", 4)
    model = network()
    with viz.watch(model, every=1) as recorder:
        train(model, 30)
    steps, shares = recorder.counts("0.weight")
    assert list(steps) == [0, 8, 16, 24] and shares.shape == (4, _samples.BINS)
    np.testing.assert_allclose(shares.sum(1), 1)
    assert recorder.counts("0")[1].shape == shares.shape
    with pytest.raises(ValueError, match="0.weight"):
        recorder.counts("nothing")


def test_files_and_resumed_runs(tmp_path):
    path = tmp_path / "run.safetensors"
    whole, cut = network(), network()
    with viz.watch(whole, every=3) as reference:
        train(whole, 12)
    with viz.watch(cut, every=3) as recorder:
        train(cut, 5)
    recorder.save(path)
    again = viz.Recorder.load(path, cut)
    with again:
        train(cut, 7)
    assert again.step_count == 12
    np.testing.assert_array_equal(again.steps, reference.steps)
    for statistic in STATISTICS:
        for by in ("layer", "parameter"):
            a, b = again.series(statistic, by=by), reference.series(statistic, by=by)
            assert a.names == b.names
            np.testing.assert_array_equal(a.values, b.values)
    back = viz.Recorder.load(path, cut, step=3)
    assert back.step_count == 3 and list(back.steps) == [0]
    with pytest.raises(RuntimeError, match="without a model"), viz.Recorder.load(path):
        pass
    ad.save({"a": 1}, path)
    with pytest.raises(ValueError, match="not a training record"):
        viz.Recorder.load(path)


def test_new_parts_get_new_columns():
    model = network()
    with viz.watch(model, every=1) as recorder:
        train(model, 2)
    model.add_module("5", nn.Linear(2, 2, dtype=ad.float64))
    with recorder:
        train(model, 2)
    values = recorder.series("rms")
    assert values.names == ("0", "2", "4", "5") and values.values.shape == (4, 4)
    np.testing.assert_array_equal(np.isnan(values["5"]), [True, True, False, False])
    assert np.isfinite(values["0"]).all()


def test_tables_grow_and_come_back():
    for dtype in ("float64", "float32", "coarse"):
        table = _columns.Table(dtype)
        for i in range(600):
            table.append(np.arange(3 + i // 300) + i)
        numbers = table.numbers()
        assert numbers.shape == (600, 4) and np.isnan(numbers[:300, 3]).all()
        np.testing.assert_allclose(numbers[300:, 3], np.arange(300, 600) + 3, rtol=4e-3)
        again = _columns.Table(dtype)
        again.restore(table.raw())
        again.append(np.arange(4.0))
        np.testing.assert_array_equal(again.numbers()[:600], numbers)
        assert again.rows == 601


@pytest.mark.parametrize("count", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_thousands_of_samples_of_a_hundred_layers(tmp_path, count):
    """Each with weight and bias and an activation behind it: 10,000 in 50 MB, with histograms."""
    layers = []
    for _ in range(100):
        layers += [nn.Linear(2, 2), nn.Tanh()]
    model = nn.Sequential(*layers)
    recorder = viz.watch(model, every=1)
    samples = []
    keep = recorder.add
    recorder.add = lambda found: (samples.append(found), keep(found))
    with recorder:
        model(ad.ones((3, 2))).sum().backward()
    assert len(recorder.parameters) == len(recorder.activations) == 200
    for i in range(1, count):
        recorder.step_count = i
        found = samples[0] if recorder.wants_histogram() else samples[0] | {"histograms": False}
        keep(found)
    assert len(recorder) == count and recorder.nbytes < 5e6 + 4_500 * count
    assert len(recorder._histograms) > 60
    recorder.save(tmp_path / "run.safetensors")
    assert (tmp_path / "run.safetensors").stat().st_size < 5e6 + 4_500 * count


def test_bad_arguments():
    with pytest.raises(ValueError, match="every is 0"):
        viz.watch(network(), every=0)
    with pytest.raises(TypeError, match="named_parameters"):
        viz.watch(3)
    recorder = viz.watch(network())
    with pytest.raises(ValueError, match="no statistic 'size'"):
        recorder.series("size")
    with pytest.raises(ValueError, match="by must be"):
        recorder.series("rms", by="module")
    assert recorder.steps.shape == (0,) and recorder.series("rms").values.shape[0] == 0


@pytest.mark.parametrize("used", ["outputs", "state", "both"])
def test_a_layer_of_several_results_has_the_gradient_of_those_that_are_used(used):
    lstm = nn.LSTM(3, 4, dtype=ad.float64)
    x = np.random.default_rng(0).normal(size=(5, 2, 3))
    with viz.watch(lstm, every=1) as recorder:
        out, (h, _) = lstm(ad.tensor(x))
        parts = {"outputs": [out], "state": [h], "both": [out, h]}[used]
        sum((part * part).sum() for part in parts).backward()
    assert recorder.activations == ["stack"]
    assert recorder.series("std")["stack"][0] == pytest.approx(out.data.std(), rel=4e-3)
    sent = np.concatenate([2 * part.data.ravel() for part in parts])
    assert recorder.series("activation")["stack"][0] == pytest.approx(rms(sent), rel=4e-3)


def test_of_a_module_that_is_called_twice_the_last_call_counts():
    layer = nn.Linear(4, 4, dtype=ad.float64)
    with viz.watch(layer, every=1) as recorder:
        first = layer(ad.tensor(X[:, :4]))
        second = layer(first)
        (second * second).sum().backward()
    assert recorder.series("activation")["linear"][0] == pytest.approx(
        rms(2 * second.data), rel=4e-3
    )
