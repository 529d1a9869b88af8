"""The lesson's page: its numbers, and that it needs nothing else."""

import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import autodiff as ad
import viz
from viz import _lesson


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return viz.lesson("vanishing", tmp_path_factory.mktemp("lesson") / "a.html").read_text()


def test_a_frame_is_what_numpy_computes():
    found = _lesson.frame(4, "tanh", "N(0, 2/n), He")
    n, generator = _lesson.WIDTH, ad.random.Generator(_lesson.SEED)
    draw = lambda *shape: ad.random.normal(shape, generator=generator).numpy().astype(float)  # noqa: E731
    x, target = draw(_lesson.BATCH, n), draw(_lesson.BATCH, n)
    weights = [draw(n, n) * math.sqrt(2 / n) for _ in range(5)]
    inputs, outs = [], []
    for i, w in enumerate(weights):
        inputs.append(x)
        x = np.tanh(x @ w) if i < 4 else x @ w
        outs.append(x)
    g = 2 * (x - target) / x.size
    for i in reversed(range(5)):
        if i < 4:
            g = g * (1 - outs[i] ** 2)
        gradient = inputs[i].T @ g
        assert found.rms[i] == pytest.approx(np.sqrt(np.mean(gradient**2)), rel=1e-4)
        g = g @ weights[i].T


def test_the_lesson_is_true():
    deep = _lesson.frame(16, "sigmoid", "N(0, 1/n)")
    healthy = _lesson.frame(16, "ReLU", "N(0, 2/n), He")
    assert deep.lost > 5 > 2 > abs(healthy.lost)


def test_every_choice_of_the_controls_has_a_frame(page):
    text = re.search(r'id="frames">(.*?)</script>', page, re.S)[1]
    data = json.loads(text)
    options = {
        name: re.findall(r"<option[^>]*>(.*?)</option>", found)
        for name, found in re.findall(r'<select id="(\w+)">(.*?)</select>', page)
    }
    keys = {f"{d}|{a}|{w}" for d in options["depth"] for a in options["activation"]
            for w in options["weights"]}  # fmt: skip
    assert keys == set(data) and len(keys) == 36
    for key, frame in data.items():
        assert len(frame["cells"]) == int(key.split("|")[0]) + 1


def test_it_works_offline_and_without_scripts(page):
    assert not re.search(r"\bsrc=|\bhref=|url\(|@import|fetch\(|https?://(?!www\.w3\.org)", page)
    still = re.sub(r"<script.*?</script>", "", page, flags=re.S)
    assert still.count("<tr>") == 1 + 36  # the table of frames
    assert still.count("<rect") == max(_lesson.DEPTHS) + 1  # and one picture
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
    with pytest.raises(ValueError, match='there is "vanishing"'):
        viz.lesson("cooking", tmp_path / "a.html")
    with pytest.raises(FileNotFoundError, match="cannot write"):
        viz.lesson("vanishing", tmp_path / "none" / "a.html")
