"""``python -m viz``: its commands and exit statuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import autodiff as ad
import nn
import viz
from viz import __main__ as command

ROOT = Path(__file__).parent.parent


def network(factor=1.0):
    ad.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    model[0].weight.data = model[0].weight.data * factor
    return model


def graph(factor=1.0, mode="gradient"):
    model = network(factor)
    with viz.record():
        loss = (model(ad.ones((5, 3))) ** 2.0).mean()
    return viz.graph(loss, model=model, mode=mode)


@pytest.fixture
def saved(tmp_path):
    """Two graphs of one network, whose first weights differ."""
    return [
        str(graph().save(tmp_path / "a.json")),
        str(graph(3.0).save(tmp_path / "b.safetensors")),
    ]


def run(capsys, *arguments):
    """Exit status, standard output and standard error."""
    status = command.main([str(a) for a in arguments])
    return (status, *capsys.readouterr())


# ---------------------------------------------------------------- backends
def test_backends_says_what_the_function_says(capsys):
    status, out, _ = run(capsys, "backends")
    lines = dict(line.split(None, 1) for line in out.splitlines())
    found = viz.backends()
    assert {f: lines[f] for f in found if found[f]} == {f: r for f, r in found.items() if r}
    assert status == (0 if found["svg"] else 1)


def test_backends_without_any_renderer(capsys, monkeypatch):
    none = dict.fromkeys(("svg", "png", "pdf", "html"))
    monkeypatch.setattr(command, "backends", lambda: none | {"dot": "built in"})
    monkeypatch.setattr(command, "font_file", lambda: None)
    status, out, _ = run(capsys, "backends")
    assert status == 1
    assert out.count("apt install graphviz") == 4 and "pip install matplotlib" in out


# ---------------------------------------------------------------- saved graphs
@pytest.mark.parametrize("suffix", ["svg", "html", "dot"])
def test_a_saved_graph_is_drawn(saved, capsys, tmp_path, suffix):
    out = tmp_path / f"flow.{suffix}"
    assert run(capsys, "graph", saved[0], out) == (0, "", "")
    assert out.read_bytes() == graph().render(tmp_path / f"other.{suffix}").read_bytes()


def test_a_saved_graph_is_drawn_as_asked(saved, capsys, tmp_path):
    out = tmp_path / "flow.dot"
    run(capsys, "graph", saved[0], out, "--collapse", "0", "--rankdir", "LR")
    folded = viz.GradientGraph(graph()._recording, "LR", 0).dot()
    assert out.read_text() == folded
    run(capsys, "graph", saved[0], out, "--collapse", "none")
    assert out.read_text() == graph().dot() != folded
    run(capsys, "graph", saved[0], out, "--max-nodes", "3")
    assert out.read_text() != graph().dot()


def test_a_saved_graph_is_printed(saved, capsys):
    status, out, _ = run(capsys, "graph", saved[0])
    assert status == 0 and out == f"{graph()}\n"


def test_a_node_is_explained(saved, capsys):
    status, out, _ = run(capsys, "explain", saved[0], "1.tanh")
    assert status == 0 and out.startswith("1.tanh (tanh)\n  forward ") and "arrives" in out
    status, out, err = run(capsys, "explain", saved[0], "1.tanhh")
    assert (status, out) == (2, "") and "no node is called '1.tanhh'" in err


# ---------------------------------------------------------------- diff
def test_equal_graphs_are_status_0(saved, capsys):
    status, out, err = run(capsys, "diff", saved[0], saved[0])
    assert (status, err) == (0, "") and "no node differs" in out


def test_graphs_that_differ_are_status_1_and_the_first_node_is_named(saved, capsys):
    status, out, err = run(capsys, "diff", *saved)
    first = viz.diff(*saved).first
    assert (status, err) == (1, "")
    assert f"first to differ, from the loss back: {first.name}, " in out.splitlines()[1]


def test_the_limit_is_in_decades(saved, capsys):
    worst = max(abs(c.decades) for c in viz.diff(*saved).changes)
    assert run(capsys, "diff", *saved, "--max-decades", worst)[0] == 0
    assert run(capsys, "diff", *saved, "--max-decades", worst * 0.99)[0] == 1
    assert run(capsys, "diff", *saved, "--max-decades", "-1")[0] == 2
    assert run(capsys, "diff", *saved, "--max-decades", "nan")[0] == 2


@pytest.mark.parametrize("suffix", ["svg", "html"])
def test_diff_draws(saved, capsys, tmp_path, suffix):
    out = tmp_path / f"change.{suffix}"
    assert run(capsys, "diff", *saved, "--out", out)[0] == 1
    assert "second against first" in out.read_text()


def test_diff_speaks_json(saved, capsys):
    status, out, _ = run(capsys, "diff", *saved, "--json")
    said, found = json.loads(out, parse_constant=pytest.fail), viz.diff(*saved)
    assert status == 1 and said["same"] is False and said["max_decades"] == 0.01
    assert said["first"]["name"] == found.first.name == said["changes"][0]["name"]
    assert [c["decades"] for c in said["changes"]] == [c.decades for c in found.beyond]
    status, out, _ = run(capsys, "diff", saved[0], saved[0], "--json")
    assert status == 0 and json.loads(out)["first"] is None


def test_json_of_gradients_that_are_not_finite_or_not_there(capsys, tmp_path):
    w = ad.tensor([1.0], requires_grad=True, name="w")
    one = viz.graph((w * 0.0).sum()).save(tmp_path / "a.json")
    two = viz.graph((w * float("inf")).sum()).save(tmp_path / "b.json")
    status, out, _ = run(capsys, "diff", one, two, "--json")
    said = json.loads(out, parse_constant=pytest.fail)
    assert status == 1 and said["changes"][-1]["after"] in ("inf", "nan")


def test_a_node_that_one_graph_lacks_is_a_difference(saved, capsys, tmp_path):
    model = network()
    loss = (model(ad.ones((5, 3))) ** 2.0).mean() * 1.0
    other = viz.graph(loss, model=model).save(tmp_path / "c.json")
    status, out, _ = run(capsys, "diff", saved[0], other, "--max-decades", "9")
    assert status == 1 and "only in the second: multiply" in out


def test_values_are_not_compared_with_gradients(saved, capsys, tmp_path):
    values = graph(mode="value").save(tmp_path / "v.json")
    status, _, err = run(capsys, "diff", saved[0], values)
    assert status == 2 and "the other 'value'" in err
    status, out, _ = run(capsys, "diff", values, values)
    assert status == 0 and out.startswith("Value, second against first")


# ---------------------------------------------------------------- records and lessons
def test_report_writes_what_the_record_writes(capsys, tmp_path):
    model = network()
    with viz.watch(model, every=1) as recorder:
        (model(ad.ones((5, 3))) ** 2.0).mean().backward()
        recorder.step()
    recorder.save(tmp_path / "run.rec")
    recorder.report(tmp_path / "same.html")
    assert run(capsys, "report", tmp_path / "run.rec", tmp_path / "run.html") == (0, "", "")
    assert (tmp_path / "run.html").read_bytes() == (tmp_path / "same.html").read_bytes()
    status, _, err = run(capsys, "report", tmp_path / "run.rec", tmp_path / "gone" / "run.html")
    assert status == 2 and "gone" in err


def test_lesson(capsys, tmp_path):
    out = tmp_path / "lesson.html"
    assert run(capsys, "lesson", "vanishing", out) == (0, "", "")
    assert out.read_text().startswith("<!DOCTYPE html>")
    status, _, err = run(capsys, "lesson", "knitting", out)
    assert status == 2 and "vanishing" in err


# ---------------------------------------------------------------- what goes wrong
def broken(folder):
    """Files of the wrong kind."""
    (folder / "empty.json").write_text("")
    (folder / "list.json").write_text("[1]")
    (folder / "bytes.json").write_bytes(b"\xff\xfe\x00")
    (folder / "deep.json").write_text("[" * 100_000)
    (folder / "half.json").write_text('{"version": 1, "nodes": [{"name": 1}]}')
    (folder / "later.json").write_text('{"version": 99}')
    (folder / "junk.safetensors").write_bytes(b"junk")
    ad.save({"weight": ad.ones((2,))}, folder / "model.safetensors")
    return sorted(p for p in folder.iterdir() if p.name[0] not in "ab" or p.name == "bytes.json")


def test_files_of_the_wrong_kind_are_status_2_without_a_traceback(saved, capsys, tmp_path):
    files = broken(tmp_path)
    assert len(files) == 8
    for path in files:
        for arguments in (("graph", path), ("diff", saved[0], path), ("report", path, "x.html")):
            status, out, err = run(capsys, *arguments)
            assert (status, out) == (2, "") and path.name in err, (arguments, err)
            assert err.startswith("python -m viz: ") and err.count("\n") == 1


def test_missing_files_and_places_that_cannot_be_written(saved, capsys, tmp_path):
    gone = tmp_path / "gone"
    for arguments in (
        ("graph", f"{gone}.json"), ("graph", f"{gone}.safetensors"),
        ("diff", saved[0], f"{gone}.json"), ("report", gone, "x.html"),
        ("graph", saved[0], gone / "x.svg"), ("diff", *saved, "--out", gone / "x.svg"),
        ("lesson", "vanishing", gone / "x.html"),
    ):  # fmt: skip
        status, out, err = run(capsys, *arguments)
        assert (status, out) == (2, "") and "gone" in err and "No such file" in err, arguments
    assert run(capsys, "graph", tmp_path)[0] == 2
    assert run(capsys, "graph", saved[0], tmp_path / "x.bmp")[0] == 2


def test_no_name_writes_to_the_terminal(capsys):
    status, _, err = run(capsys, "graph", "\x1b[2J\n.json")
    assert status == 2 and "\x1b" not in err and err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [[], ["nonsense"], ["backends", "extra"], ["diff", "a.json"], ["graph"], ["report", "x.rec"],
     ["graph", "a.json", "--collapse", "-1"], ["diff", "a", "b", "--max-decades", "few"]],
)  # fmt: skip
def test_a_wrong_command_line_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m viz" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["backends", "graph", "diff", "explain", "report", "lesson"])
def test_every_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as caught:
        command.main([name, "--help"])
    assert caught.value.code == 0
    assert f"usage: python -m viz {name}" in capsys.readouterr().out


def test_it_runs_as_a_module_even_where_the_console_has_few_letters(saved):
    done = subprocess.run(
        [sys.executable, "-m", "viz", "diff", *saved], cwd=ROOT, capture_output=True,
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 1 and b"first to differ" in done.stdout
    assert b"Traceback" not in done.stderr
