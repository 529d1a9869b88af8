"""The lessons' pages: their numbers, and that they need nothing else."""

import itertools
import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import autodiff as ad
import viz
from viz import _lesson, _runs, _topics
from viz._runs import Choice


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return viz.lesson("vanishing", tmp_path_factory.mktemp("lesson") / "a.html").read_text()


def said_of(page):
    return json.loads(re.search(r'json">(.*?)</script>', page, re.S)[1])


@pytest.mark.parametrize("skip", [False, True])
def test_a_run_is_what_numpy_computes(skip):
    found = _runs.run(Choice(4, "tanh", "N(0, 2/n), He", skip))
    n, generator = _runs.WIDTH, ad.random.Generator(_runs.SEED)
    draw = lambda *shape: ad.random.normal(shape, generator=generator).numpy().astype(float)  # noqa: E731
    x, target = draw(_runs.BATCH, n), draw(_runs.BATCH, n)
    weights = [draw(n, n) * math.sqrt(2 / n) for _ in range(5)]
    inputs, slopes = [], []
    for i, w in enumerate(weights):
        inputs.append(x)
        out = np.tanh(x @ w)
        slopes.append(1 - out**2)
        x = (out + skip * x) if i < 4 else x @ w
    g = 2 * (x - target) / x.size
    for i in reversed(range(5)):
        if i < 4:
            assert found.activations[i] == pytest.approx(np.sqrt(np.mean(g**2)), rel=1e-4)
            assert found.flat[i] == pytest.approx(np.mean(slopes[i] < 0.06), abs=1e-3)
        past = skip * g if i < 4 else 0.0
        g = g * slopes[i] if i < 4 else g
        gradient = inputs[i].T @ g
        assert found.weights[i] == pytest.approx(np.sqrt(np.mean(gradient**2)), rel=1e-4)
        g = g @ weights[i].T + past


def test_the_lessons_are_true():
    at = {r.choice: r for r in _runs.runs()}
    deep = at[Choice(16, "sigmoid", "N(0, 1/n)")]
    assert deep.lost > 9 and deep.activations[0] < 4.0**-15 * deep.activations[-1] * 10
    assert abs(at[Choice(16, "ReLU", "N(0, 2/n), He")].lost) < 1
    assert abs(at[Choice(16, "sigmoid", "N(0, 1/n)", skip=True)].lost) < 1
    assert at[Choice(16, "ReLU", "N(0, 9/n), large")].lost < -5
    assert abs(at[Choice(16, "ReLU", "N(0, 9/n), large", norm=True)].lost) < 1
    relu = at[Choice(16, "ReLU", "N(0, 2/n), He")]
    assert relu.dead[-1] > relu.dead[0] == 0
    assert max(at[Choice(16, "ELU", "N(0, 2/n), He")].dead) == 0
    large = [at[Choice(8, "tanh", "N(0, 9/n), large", norm=norm)].flat[0] for norm in (False, True)]
    assert large[0] > 0.3 > 0.1 > large[1]


def test_every_choice_of_the_controls_has_a_run_and_a_drawing(page):
    data = said_of(page)
    options = {
        name: re.findall(r"<option[^>]*>(.*?)</option>", found)
        for name, found in re.findall(r'<select id="(\w+)">(.*?)</select>', page)
    }
    shapes = ["".join(s) for s in itertools.product(options["depth"], ("", "s"), ("", "n"))]
    keys = {"|".join(key) for key in itertools.product(
        shapes, options["activation"], options["weights"])}  # fmt: skip
    assert keys == set(data["runs"]) and len(keys) == 576
    for key, run in data["runs"].items():
        depth = int(re.match(r"\d+", key)[0])
        assert len(run["looks"]) == len(run["words"]) == 2 * depth + 1
        assert set(run["looks"]) <= set(data["looks"])
    drawings = dict(re.findall(r'<svg data-shape="(\w+)"(.*?)</svg>', page, re.S))
    assert sorted(drawings) == sorted(shapes)
    for shape, drawing in drawings.items():
        assert drawing.count('class="cell"') == 2 * int(re.match(r"\d+", shape)[0]) + 1


def test_the_drawing_in_sight_has_the_numbers_of_its_run(page):
    run = said_of(page)["runs"]["16|sigmoid|N(0, 1/n)"]
    drawings = re.findall(r"<svg data-shape=.*?</svg>", page, re.S)
    (drawing,) = [d for d in drawings if " hidden>" not in d.partition("\n")[0][:200]]
    words = re.findall(r'class="cell"><\w+ [^>]*/><text[^>]*>(.*?)</text>', drawing)
    assert words[::2] == run["words"][:17] and words[1::2] == run["words"][17:]


@pytest.mark.parametrize("topic", _topics.TOPICS)
def test_it_works_offline_and_without_scripts(topic, tmp_path):
    page = viz.lesson(topic, tmp_path / "a.html").read_text()
    assert not re.search(r"\bsrc=|\bhref=|@import|fetch\(|https?://(?!www\.w3\.org)", page)
    still = re.sub(r"<script.*?</script>", "", page, flags=re.S)
    assert still.count("<tr>") == 4 * (1 + 36) and still.count('<div class="strip">') == 576
    assert len(re.findall(r"<svg data-shape=[^>]*[^n]>", still)) == 1  # one drawing in sight
    assert 'id="controls" hidden' in still  # no dead controls

    class Strict(HTMLParser):
        def __init__(self):
            super().__init__()
            self.open = []

        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "input"):
                self.open.append(tag)

        def handle_startendtag(self, tag, attrs):
            pass

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    parser = Strict()
    parser.feed(page)
    assert parser.open == []


def test_bad_topics_and_paths(tmp_path):
    with pytest.raises(ValueError, match="there is 'vanishing', 'exploding', 'dead', 'saturation'"):
        viz.lesson("cooking", tmp_path / "a.html")
    with pytest.raises(FileNotFoundError, match="cannot write"):
        viz.lesson("vanishing", tmp_path / "none" / "a.html")


def test_the_page_of_a_lesson_is_small():
    assert len(_lesson._page(_topics.TOPICS["vanishing"], _runs.runs())) < 600_000
