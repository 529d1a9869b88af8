"""The harness's statistics and tables, and that those compared compute the same thing."""

import dataclasses
import json
import math

import numpy as np
import pytest

from benchmarks import harness, problems, report, stats, workloads
from benchmarks.__main__ import main
from benchmarks.contenders import CONTENDERS, numpy_by_hand

TRAINED = [
    name for name, task in workloads.WORKLOADS.items() if task.problem and task.reference == "numpy"
]


# ---------------------------------------------------------------- statistics
def test_lower_quartile():
    assert stats.lower_quartile([5.0, 1.0, 4.0, 2.0, 3.0]) == 2.0
    assert stats.lower_quartile([7.0]) == 7.0


def test_every_contender_takes_every_place():
    orders = [stats.rotated("abc", k) for k in range(3)]
    assert [set(places) for places in zip(*orders)] == [set("abc")] * 3
    assert stats.rotated("abc", 3) == list("abc")


@pytest.mark.parametrize(
    ("ratio", "rounds", "doubtful"),
    [(1.09, 7, False), (0.91, 7, False), (1.11, 7, True), (0.89, 7, True)]
    + [(1.0, 6, True), (None, 7, True), (math.nan, 7, True)],
)
def test_when_there_is_no_verdict(ratio, rounds, doubtful):
    assert (stats.doubt(ratio, rounds) is not None) is doubtful


def test_verdicts():
    at_most = workloads.Target("ours", high=1.8, over="numpy")
    values = {"ours": 3.0, "numpy": 2.0}
    assert harness.judge(at_most, values, None) == {
        "target": "ours / numpy ≤ 1.8",
        "value": 1.5,
        "verdict": "met",
    }
    assert harness.judge(at_most, values | {"ours": 4.0}, None)["verdict"] == "missed"
    assert harness.judge(at_most, values, "too noisy")["verdict"] == "no verdict: too noisy"
    assert harness.judge(at_most, {"ours": 3.0}, None)["verdict"] == "no verdict: no numpy"
    at_least = workloads.Target("pytorch", low=3.5, over="ours")
    assert harness.judge(at_least, {"ours": 1.0, "pytorch": 3.4}, None)["verdict"] == "missed"


def test_chunks_are_timed_in_turns():
    calls = []
    steps = [lambda: calls.append("a"), lambda: calls.append("b")]
    seconds = workloads.per_step(steps, 0.02)
    assert len(seconds) == 2 and all(0 < s < 0.01 for s in seconds)
    changes = sum(one != other for one, other in zip(calls, calls[1:]))
    assert changes >= 9  # five chunks of each, at least


# ---------------------------------------------------------------- the same maths
@pytest.mark.parametrize("name", ["xor", "mnist_mlp", "scalar"])
def test_numpy_by_hand_against_finite_differences(name):
    problem = workloads.WORKLOADS[name].problem()
    layers = [(w.astype(np.float64), b + np.full(len(b), 0.01)) for w, b in problem.layers]
    x, y = (part[:5] for part in problem.batches[0])  # few, to stay clear of ReLU's kinks
    network = numpy_by_hand.Network(dataclasses.replace(problem, layers=layers))
    x = x.astype(np.float64)
    _, *gradients = network.gradients(x, y)
    rng = np.random.default_rng(1)
    for parameters, grads in zip((network.weights, network.biases), gradients):
        for p, g in zip(parameters, grads):
            direction, start, eps = rng.normal(size=p.shape), p.copy(), 1e-6
            p[...] = start + eps * direction
            above = network.gradients(x, y)[0]
            p[...] = start - eps * direction
            below = network.gradients(x, y)[0]
            p[...] = start
            np.testing.assert_allclose(
                (g * direction).sum(), (above - below) / (2 * eps), rtol=1e-4, atol=1e-8
            )


@pytest.mark.parametrize("name", TRAINED)
def test_ours_trains_as_numpy_by_hand_does(name):
    problem = workloads.WORKLOADS[name].problem()
    mine = workloads.first_steps(CONTENDERS["ours"], problem)
    reference = workloads.first_steps(CONTENDERS["numpy"], problem)
    assert workloads.disagreement(mine, reference) < harness.TOLERANCE


def test_another_optimizer_is_found_out():
    problem = problems.xor()
    reference = workloads.first_steps(CONTENDERS["numpy"], problem)
    for change in ({"lr": 0.101}, {"optimizer": "adam"}, {"activation": "relu"}):
        other = workloads.first_steps(CONTENDERS["ours"], dataclasses.replace(problem, **change))
        assert workloads.disagreement(other, reference) > harness.TOLERANCE


def test_nan_is_found_out():
    good = ([1.0, 2.0], [np.ones(3)])
    assert math.isnan(workloads.disagreement(([1.0, math.nan], [np.ones(3)]), good))
    assert math.isnan(workloads.disagreement(([1.0, 2.0], [np.full(3, np.nan)]), good))


def test_digits_without_a_data_folder(monkeypatch):
    monkeypatch.delenv("AUTODIFF_DATA", raising=False)
    problem = problems.mnist_mlp()
    assert problem.data.startswith("uniform noise")
    assert [problem.batches[0][0].shape, len(problem.batches)] == [(100, 784), 60]


# ---------------------------------------------------------------- the run
def test_who_cannot_run_is_left_out_with_the_reason(monkeypatch):
    answers = {
        "ours": {"version": "1", "disagreement": 1e-7},
        "numpy": {"missing": "numpy is not installed"},
        "jax": {"version": "1", "disagreement": math.nan},
        "mygrad": {"failed": "ValueError: no"},
    }
    monkeypatch.setattr(harness, "worker", lambda workload, name, what, env: answers[name])
    entries, skipped = harness.admit("xor", list(answers), lambda line: None)
    assert list(entries) == ["ours"]
    assert skipped["numpy"] == "numpy is not installed"
    assert skipped["jax"].startswith("failed: its first steps differ")
    assert skipped["mygrad"] == "failed: ValueError: no"


def test_a_worker_that_breaks_says_why():
    answer = harness.worker("engine", "numpy", "0.01", {})  # which has no chain()
    assert answer["failed"].startswith("AttributeError") and "chain" in answer["failed"]


def test_more_threads_must_be_worth_it(monkeypatch):
    numpy_settings = {"1 thread": {"T": "1"}, "2 threads": {"T": "2"}}
    contender = dataclasses.replace(CONTENDERS["numpy"], threads=numpy_settings)
    monkeypatch.setitem(harness.CONTENDERS, "numpy", contender)
    for two, best in ((0.995, "1 thread"), (0.9, "2 threads")):
        times = {"1": 1.0, "2": two}
        monkeypatch.setattr(
            harness, "worker", lambda w, n, what, env, times=times: {"value": times[env["T"]]}
        )
        assert harness.settle_threads("xor", "numpy", 0.1)[0] == best


def test_rounds_are_interleaved_and_the_twin_has_the_same_threads(monkeypatch):
    order = []

    def worker(workload, name, what, env):
        if what == "check":
            return {"version": "1", "disagreement": 0.0}
        order.append((name, env))
        # The trials alone would choose another setting for the twin.
        return {"value": float(len(order)) if name == "ours-again" else 100.0 - len(order)}

    monkeypatch.setattr(harness, "worker", worker)
    result = harness.measure("xor", ["ours", "ours-again", "numpy"], 7, 0.1, lambda line: None)
    names = [name for name, _ in order]
    assert "ours-again" not in names[:-21]
    assert names[-21:-12] == [
        *("ours", "ours-again", "numpy"),
        *("ours-again", "numpy", "ours"),
        *("numpy", "ours", "ours-again"),
    ]
    for name in ("ours", "ours-again"):
        chosen = CONTENDERS["ours"].threads[result["entries"]["ours"]["threads"]]
        assert all(env == chosen for n, env in order[-21:] if n == name)
    values = {name: entry["value"] for name, entry in result["entries"].items()}
    assert result["aa_ratio"] == values["ours-again"] / values["ours"]
    assert result["doubt"].startswith("A/A ratio")


@pytest.mark.parametrize("breaks_at", [1, 20])  # in a trial of the threads, in a round
def test_one_failure_costs_the_others_nothing(monkeypatch, breaks_at):
    calls = []

    def worker(workload, name, what, env):
        if what == "check":
            return {"version": "1", "disagreement": 0.0}
        calls.append(name)
        if name == "numpy" and len(calls) >= breaks_at:
            return {"failed": "MemoryError: full"}
        return {"value": 1.0}

    monkeypatch.setattr(harness, "worker", worker)
    result = harness.measure("xor", ["ours", "ours-again", "numpy"], 7, 0.1, lambda line: None)
    assert result["skipped"] == {"numpy": "failed: MemoryError: full"}
    assert [len(entry["rounds"]) for entry in result["entries"].values()] == [7, 7]
    assert result["targets"][0]["verdict"] == "no verdict: no numpy"


def test_nobody_is_installed(monkeypatch):
    monkeypatch.setattr(harness, "worker", lambda *_: {"missing": "not installed"})
    result = harness.measure("xor", ["ours", "jax"], 7, 0.1, lambda line: None)
    assert result["entries"] == {} and list(result["skipped"]) == ["ours", "jax"]
    assert result["doubt"] == "no A/A ratio"


def test_a_run_writes_its_results(tmp_path, capsys):
    assert main(["engine", "--quick", "--contender", "ours", "--out", str(tmp_path)]) == 0
    (page,) = tmp_path.glob("*-cpu.md")
    results = json.loads(page.with_suffix(".json").read_text())
    assert page.read_text().strip() == capsys.readouterr().out.strip()

    run = results["workloads"]["engine"]
    assert list(run["entries"]) == ["ours", "ours-again"]
    for entry in run["entries"].values():
        assert len(entry["rounds"]) == 2
        assert entry["value"] == stats.lower_quartile(entry["rounds"])
    assert "fewer than 7" in run["doubt"]
    assert {"cpu", "cores", "commit", "python", "date", "load"} <= set(results["machine"])


def test_the_table():
    entry = {"title": "ours", "version": "1", "threads": "1 thread", "data": "rows"}
    result = {
        "title": "XOR",
        "unit": "µs a step",
        "entries": {
            "ours": entry | {"value": 50.0, "rounds": [50.0, 60.0]},
            "numpy": entry | {"title": "by hand", "value": 25.0, "rounds": [25.0]},
        },
        "skipped": {"jax": "jax is not installed"},
        "aa_ratio": 1.2,
        "doubt": "A/A ratio 1.20",
        "targets": [],
    }
    lines = report.table("xor", result)
    assert "| ours | 1 | 50 | 50 to 60 | 1 | 1 thread |" in lines
    assert "| by hand | 1 | 25 | 25 to 25 | 0.5 | 1 thread |" in lines
    assert "| jax | | skipped: jax is not installed | | | |" in lines
    assert lines[-1] == "**No verdict**: A/A ratio 1.20."


def test_unknown_workload_is_an_error(capsys):
    with pytest.raises(SystemExit):
        main(["mnist"])
    assert "no workload 'mnist'" in capsys.readouterr().err
