"""The demos: what they promise, what they write, and how they fail."""

import errno
import gc
import math
import re
import sys
import types
import webbrowser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import autodiff as ad
import nn
import viz
from demos import command, page, progress, scalar, training, tutorial, vanishing, xor

from .conftest import NO_GPU

QUICK = ["--epochs", "3", "--xor-steps", "300"]


def refuse(*args, **kwargs):
    raise AssertionError("a demo opened a browser")


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A short run of the main job: its results, its folder, what it printed."""
    out = tmp_path_factory.mktemp("vanishing")
    printed = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webbrowser, "open", refuse)
        patch.setattr("builtins.print", lambda *a, **k: printed.append(" ".join(map(str, a))))
        results = vanishing.main([*QUICK, "--out", str(out)])
    return results, out, "\n".join(printed)


# ---------------------------------------------------------------- the main job
def test_the_sigmoid_network_stays_at_chance_and_its_gradient_dies(ran):
    stuck, _ = ran[0]
    assert stuck.accuracy <= 0.2
    assert 0 < stuck.gradients[0] < 1e-4 * stuck.gradients[-1]
    assert stuck.decades > 4


def test_the_relu_network_learns(ran):
    _, learned = ran[0]
    assert learned.accuracy > 0.3  # three epochs only
    assert abs(learned.decades) < 1


def test_the_table_has_the_numbers_of_the_pictures(ran):
    for result in ran[0]:
        drawn = {n.name: n.rms for n in result.graph.nodes}
        assert len(result.gradients) == 10
        for i, size in enumerate(result.gradients, 1):
            assert drawn[f"layer{i}.weight"] == pytest.approx(size, rel=1e-5)


def test_both_pictures_share_one_scale(ran):
    stuck, learned = ran[0]
    assert stuck.graph.references == learned.graph.references
    decades = {n.name: n.decades for n in stuck.graph.nodes}
    assert decades["layer1.weight"] < -4 < -1 < decades["layer10.weight"]


@pytest.mark.parametrize("name", ["sigmoid", "relu"])
def test_pictures_are_whole(ran, name):
    root = ElementTree.fromstring((ran[1] / f"{name}.svg").read_text())
    assert root.tag.endswith("svg")
    words = "".join(root.itertext())
    assert "layer1.weight" in words and f"{name}9" in words
    assert (ran[1] / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_holds_both_graphs_and_no_script(ran):
    html = (ran[1] / "vanishing.html").read_text(encoding="utf-8")
    svgs = re.findall(r"<svg.*?</svg>", html, re.S)
    assert len(svgs) == 2
    for svg, name in zip(svgs, ("sigmoid", "relu")):
        assert f"{name}9" in "".join(ElementTree.fromstring(svg).itertext())
    ids = re.findall(r'(?<![-\w])id="([^"]+)"', html)
    assert ids and len(ids) == len(set(ids))
    assert "<script" not in html
    assert html.count("gradient RMS, layer") == 10
    assert all((ran[1] / link).is_file() for link in re.findall(r'href="([^"#]+)"', html))


def test_what_is_printed_fits_and_says_where_the_pictures_are(ran):
    _, out, printed = ran
    assert max(len(line) for line in printed.splitlines() if str(out) not in line) <= 100
    measured = r"^sigmoid epoch .*loss .* accuracy .* first \S+ last "
    assert 5 <= len(re.findall(measured, printed, re.M)) <= 10
    for name in ("sigmoid.svg", "sigmoid.png", "relu.svg", "relu.png", "vanishing.html"):
        assert str(out / name) in printed


def test_a_shallow_network_is_not_said_to_be_stuck(tmp_path):
    arguments = ["--depth", "1", "--epochs", "5", "--xor-steps", "20", "--out", str(tmp_path)]
    shallow, _ = vanishing.main(arguments)
    assert len(shallow.gradients) == 2
    assert shallow.accuracy > 0.5 and "it has learned" in vanishing.verdict(shallow)


@pytest.mark.parametrize(
    ("accuracy", "gradients", "words"),
    [
        (0.1, [2e-8, 1e-2], ["it guesses", "500,000 times smaller"]),
        (0.9, [1e-2, 1e-2], ["it has learned", "about as large"]),
        (0.9, [1.0, 1e-2], ["100 times larger"]),
        (0.1, [0.0, 1e-2], ["no gradient arrives"]),
    ],
)
def test_a_verdict_says_what_the_numbers_say(accuracy, gradients, words):
    said = vanishing.verdict(vanishing.Result("net", accuracy, gradients, None))
    assert all(word in said for word in words)


@pytest.mark.parametrize(
    ("stuck", "learned"),
    [
        ((0.3, [1e-8, 1e-2]), (0.9, [1e-2, 1e-2])),
        ((0.1, [1e-5, 1e-2]), (0.9, [1e-2, 1e-2])),
        ((0.1, [1e-8, 1e-2]), (0.2, [1e-2, 1e-2])),
    ],
)
def test_a_story_that_does_not_hold_is_an_error(stuck, learned):
    options = types.SimpleNamespace(depth=9, epochs=10)
    good = [vanishing.Result("a", 0.1, [1e-8, 1e-2], None)]
    vanishing.check([*good, vanishing.Result("b", 0.9, [1e-2, 1e-2], None)], options)
    with pytest.raises(AssertionError, match="network"):
        results = [vanishing.Result(n, *r, None) for n, r in (("a", stuck), ("b", learned))]
        vanishing.check(results, options)


def test_the_page_escapes_what_it_is_given():
    w = ad.tensor([1.0], requires_grad=True, name="w")
    graph = viz.graph((w * w).sum())
    evil = "<script>alert(1)</script>"
    made = page.page(evil, [["", evil], [evil, "1"]], [evil], [page.Column(evil, evil, graph)])
    assert "<script" not in made and made.count("&lt;script&gt;") == 6


def test_a_table_of_text_is_aligned():
    assert page.text([["", "a"], ["row", "1.00"], ["r", "2"]]) == "        a\nrow  1.00\nr       2"


# ---------------------------------------------------------------- XOR
def test_deep_sigmoids_answer_one_half_on_xor():
    outcome = xor.train("sigmoid", "uniform", steps=300)
    assert outcome.loss.shape == (20,) and outcome.probability.shape == (20, 4)
    assert abs(outcome.loss - math.log(2)).max() < 1e-3
    assert abs(outcome.probability - 0.5).max() < 0.01
    assert outcome.solved == 0


def test_some_relu_networks_solve_xor():
    outcome = xor.train("relu", "uniform", steps=1000)
    assert 0.2 < outcome.solved < 1
    right = np.abs(outcome.probability - [0, 1, 1, 0]) < 0.4
    assert outcome.solved == right.all(axis=1).mean()


def test_the_seeds_of_a_batch_do_not_touch_each_other():
    """One step on each network alone, with the weights of the batch, ends at the same loss."""
    batch = xor.train("relu", "he", depth=2, seeds=3, steps=1)
    generator = ad.random.Generator(0)
    x, y = xor.X.astype(np.float64), xor.Y.astype(np.float64)
    sizes = [2, 5, 5, 1]
    drawn = [
        ad.random.normal((3, m, n), 0.0, (2 / m) ** 0.5, generator=generator).numpy()
        for m, n in zip(sizes, sizes[1:])
    ]
    for k in range(3):
        w = [ad.tensor(d[k], dtype=np.float64, requires_grad=True) for d in drawn]
        b = [ad.zeros(n, dtype=np.float64, requires_grad=True) for n in sizes[1:]]

        def loss(w=w, b=b):
            h = ad.tensor(x)
            for wi, bi in zip(w[:-1], b[:-1]):
                h = ad.relu(h @ wi + bi)
            z = h @ w[-1] + b[-1]
            return nn.functional.binary_cross_entropy_with_logits(z, ad.tensor(y))

        gradients = ad.gradients(loss(), [*w, *b])
        for p, g in zip([*w, *b], gradients):
            p.data = p.data - 0.1 * g.data
        assert batch.loss[k] == pytest.approx(loss().item(), rel=1e-5)


# ---------------------------------------------------------------- the tutorial
def test_the_tutorial_ends_with_the_program():
    program = Path(tutorial.__file__)
    shown = (program.parent.parent / "docs/tutorial.md").read_text(encoding="utf-8")
    assert f"```python\n# digits.py\n{program.read_text(encoding='utf-8')}```\n" in shown


def test_one_word_takes_the_tutorial_to_another_device(tmp_path, monkeypatch):
    def offline():
        raise OSError("no network")

    monkeypatch.setattr(nn.datasets, "mnist", offline)
    monkeypatch.chdir(tmp_path)
    try:
        tutorial.main("strict", epochs=2)
    finally:
        ad.set_default_device("cpu")
    saved = ad.load("digits.safetensors")
    assert saved["accuracy"] > 0.3 and saved["pixels"] == 64
    assert {"digits.onnx", "report.html"} <= {file.name for file in tmp_path.iterdir()}


# ---------------------------------------------------------------- failing
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_is_no_number_stops_the_training(tmp_path):
    with pytest.raises(FloatingPointError, match=r"the loss is \S+ at step \d+ .*learning rate"):
        vanishing.main(["--lr", "1e30", "--epochs", "1", "--out", str(tmp_path)])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_so_it_does_on_xor():
    with pytest.raises(FloatingPointError, match="'XOR relu uniform'"):
        xor.train("relu", "uniform", steps=100, lr=1e30)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_only_finite_losses_pass(bad):
    assert training.finite(ad.tensor(2.5), "here") == 2.5
    with pytest.raises(FloatingPointError, match=f"the loss is {bad} at here"):
        training.finite(ad.tensor(bad), "here")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (FloatingPointError("no number"), "FloatingPointError: no number"),
        (AssertionError("not so"), "AssertionError: not so"),
        (KeyboardInterrupt(), "stopped"),
    ],
)
def test_a_program_ends_with_one_line(error, line):
    def main():
        raise error

    with pytest.raises(SystemExit) as end:
        command.run(main)
    assert end.value.code == line


def test_a_mistake_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        command.run(lambda: 1 / 0)


def said(main, arguments, capsys):
    """The line with which a program refuses its arguments."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""  # no work was begun
    return captured.err.splitlines()[-1]


@pytest.mark.parametrize("main", [vanishing.main, scalar.main])
def test_a_folder_that_cannot_be_written(main, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        line = said(main, ["--out", str(out)], capsys)
        assert "--out" in line and f"cannot write into '{out}'" in line


@pytest.mark.parametrize("main", [vanishing.main, scalar.main])
def test_a_folder_that_is_there_but_read_only(main, tmp_path, capsys, monkeypatch):
    def denied(dir):  # whoever runs the tests as root may write anywhere
        assert dir == tmp_path
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(command.tempfile, "TemporaryFile", denied)
    line = said(main, ["--out", str(tmp_path)], capsys)
    assert f"cannot write into '{tmp_path}' (Permission denied)" in line


def test_an_unknown_device(tmp_path, capsys):
    line = said(vanishing.main, ["--out", str(tmp_path), "--device", "tpu"], capsys)
    assert "unknown device 'tpu'" in line and '"cuda"' in line


@pytest.mark.skipif(not NO_GPU, reason="there is a GPU")
def test_a_missing_gpu(tmp_path, capsys):
    line = said(vanishing.main, ["--out", str(tmp_path), "--device", "cuda"], capsys)
    assert "--device" in line and "cuda" in line


@pytest.mark.parametrize("option", ["--depth", "--epochs", "--width", "--batch-size"])
@pytest.mark.parametrize("value", ["0", "-1", "2.5", "many"])
def test_counts_are_whole_and_positive(option, value, tmp_path, capsys):
    line = said(vanishing.main, ["--out", str(tmp_path), f"{option}={value}"], capsys)
    assert option in line and f"'{value}' is not a whole number above zero" in line


def test_a_batch_larger_than_the_data(tmp_path, capsys):
    line = said(vanishing.main, ["--out", str(tmp_path), "--batch-size", "5000"], capsys)
    assert "5000 is more than 1437" in line


@pytest.mark.parametrize("main", [vanishing.main, scalar.main])
def test_no_renderer(main, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(viz, "backends", lambda: {"svg": "dot", "png": None})
    line = said(main, ["--out", str(tmp_path)], capsys)
    assert "draws png" in line and "pip install" in line and "Graphviz" in line


@pytest.mark.parametrize("error", [ImportError("needs scikit-learn"), OSError("no such file")])
def test_data_that_cannot_be_read(error, tmp_path, capsys, monkeypatch):
    def missing():
        raise error

    monkeypatch.setattr(nn.datasets, "digits", missing)
    assert str(error) in said(vanishing.main, ["--out", str(tmp_path)], capsys)


# ---------------------------------------------------------------- progress
SEEN = "loss 0.00123 accuracy 0.10  grad first 3e-08 last 1e-02"


def reported(steps, total, lines=10):
    with progress.Report(lines) as report:
        report.begin("sigmoid", total, "epoch")
        for i in range(1, steps + 1):
            report.at(i * total / steps, SEEN)


@pytest.mark.parametrize(("steps", "total", "count"), [(300, 30, 10), (7, 7, 7), (50, 1, 10)])
def test_lines_where_there_is_no_terminal(steps, total, count, capsys):
    reported(steps, total)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == count
    assert all(line.startswith("sigmoid epoch ") and line.endswith(SEEN) for line in lines)
    assert f"{total}/{total}" in lines[-1] or f"{total}.0/{total}" in lines[-1]
    assert len({line[: line.index(SEEN)] for line in lines}) == count


def as_terminal(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")


def test_a_bar_shows_everything_in_80_columns(capsys, monkeypatch):
    as_terminal(monkeypatch)
    reported(300, 30)
    out = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().out)
    assert "━" in out and SEEN in out and "…" not in out


def test_lines_where_rich_is_not_installed(capsys, monkeypatch):
    as_terminal(monkeypatch)
    monkeypatch.setattr(progress, "Progress", None)
    reported(300, 30)
    assert len(capsys.readouterr().out.splitlines()) == 10


# ---------------------------------------------------------------- scalar mode
def neuron_value(x1, x2, w1, w2, b):
    return math.tanh(w1 * x1 + w2 * x2 + b)


def test_the_neuron_by_hand(capsys):
    picture = scalar.neuron()
    drawn = {n.name: n for n in picture.nodes if n.name}
    assert {"p1", "p2", "s", "z", "y"} < set(drawn)
    at = {name: drawn[name].value for name in ("x1", "x2", "w1", "w2", "b")}
    assert drawn["y"].value == pytest.approx(neuron_value(**at), rel=1e-14)
    out = capsys.readouterr().out
    for name, value in at.items():
        up, down = (neuron_value(**at | {name: value + e}) for e in (1e-6, -1e-6))
        slope = (up - down) / 2e-6
        assert drawn[name].gradient == pytest.approx(slope, abs=1e-9)
        (line,) = (text for text in out.splitlines() if f"dy/d{name} " in text)
        assert [float(x) for x in line.split()[-2:]] == pytest.approx([slope] * 2, abs=1e-6)


def test_a_wrong_derivative_by_hand_is_noticed(monkeypatch):
    monkeypatch.setattr(
        scalar, "math", types.SimpleNamespace(tanh=lambda x: 0.5, isclose=math.isclose)
    )
    with pytest.raises(AssertionError, match="dy/dz"):
        scalar.neuron()


def test_a_small_network_learns_two_moons(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", refuse)
    out = tmp_path / "new" / "folder"
    arguments = ["--points", "40", "--width", "6", "--steps", "25", "--out", str(out)]
    result = scalar.main(arguments)
    assert gc.isenabled()
    assert len(result.accuracy) == 25
    assert result.accuracy[-1] > 0.8 > result.accuracy[0]
    printed = capsys.readouterr().out
    assert len(re.findall(r"^moons .*loss .*accuracy", printed, re.M)) == 10
    assert "of 67 numbers" in printed  # (2 + 1) * 6 + (6 + 1) * 6 + 7
    for name in ("neuron.svg", "neuron.png", "moons.png"):
        assert str(out / name) in printed and (out / name).is_file()
    ElementTree.fromstring((out / "neuron.svg").read_text())


def test_the_network_is_the_one_that_numpy_computes():
    net = scalar.Network([2, 5, 4, 1], seed=3)
    h = np.array([0.3, -0.7])
    for layer in net.layers:
        h = np.array([[v.data for v in w] for w, _ in layer]) @ h + [b.data for _, b in layer]
        if layer is not net.layers[-1]:
            h = np.maximum(h, 0)
    assert net([0.3, -0.7]).data == pytest.approx(h.item(), rel=1e-12)
    assert len(net.parameters) == len(set(map(id, net.parameters))) == 15 + 24 + 5


def test_the_map_shows_both_regions_and_every_side(monkeypatch, tmp_path):
    def left(x):  # positive to the left of 1
        return ad.Scalar(1.0 - x[0])

    seen = scalar.regions(left, [[0.0, 0.0], [2.0, 1.0]], [1, -1])
    rows = [row.strip() for row in seen.text().splitlines()]
    assert len(rows) == 21 and {len(row) for row in rows} == {60}
    assert all(re.fullmatch(r"[+Ox]{30}[.Ox]{30}", row) for row in rows)
    (high,) = (i for i, row in enumerate(rows) if "x" in row)
    (low,) = (i for i, row in enumerate(rows) if "O" in row)
    assert high < low  # the second coordinate grows upward
    assert seen.plot(tmp_path / "moons.png")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert not seen.plot(tmp_path / "other.png") and not (tmp_path / "other.png").exists()


def test_a_network_that_explodes_says_so():
    net = scalar.Network([2, 2, 1], seed=0)
    with pytest.raises(FloatingPointError, match="the loss is nan at step 0"):
        scalar.train(net, [[math.nan, 0.0]], [1], 1, progress.Report())


# ---------------------------------------------------------------- whole runs
@pytest.mark.slow
def test_the_main_job_in_full(tmp_path):
    stuck, learned = vanishing.main(["--out", str(tmp_path)])
    assert stuck.accuracy <= 0.2 and stuck.gradients[0] < 1e-4 * stuck.gradients[-1]
    assert learned.accuracy > 0.5


@pytest.mark.slow
def test_xor_in_full():
    outcome = xor.train("sigmoid", "uniform")
    assert abs(outcome.loss - math.log(2)).max() < 1e-3
    assert abs(outcome.probability - 0.5).max() < 0.01


@pytest.mark.slow
def test_the_scalar_walk_in_full(tmp_path):
    assert scalar.main(["--out", str(tmp_path)]).accuracy[-1] > 0.9
