"""The report of a training record: complete without scripts, and nothing in it is fetched."""

import base64
import hashlib
import json
import math
import re

import numpy as np
import pytest

import autodiff as ad
import nn
import viz
from tests.pages import SHAPES, Page, trained
from viz import _chart, _frames, _look, _report

HOSTILE = [
    "</script><script>alert(1)//", "<img src=x onerror=alert(1)>", ']]>"\'&', "-->",
    "x" * 10_000, "\u202egnp", "🙂", "two\nlines", "\x00\x1b[2J\ud800",
]  # fmt: skip


@pytest.fixture(scope="module")
def record():
    return trained(depth=5, lr=1e-6)


@pytest.fixture(scope="module")
def text(record, tmp_path_factory):
    return record.report(tmp_path_factory.mktemp("report") / "a.html").read_text("utf-8")


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_nothing_is_fetched_and_no_other_program_runs(text, page):
    links = [v for _, a in page.tags for k, v in a.items() if k in ("src", "href", "action")]
    assert links and all(link.startswith("#") for link in links)
    assert not re.search(r"@import|url\((?!#)|fetch\(|https?://(?!www\.w3\.org)", text)
    assert not [k for _, a in page.tags for k in a if k.startswith("on")]
    program = page.scripts[1].encode()
    digest = base64.b64encode(hashlib.sha256(program).digest()).decode()
    assert page.policy.split("; ") == [
        "default-src 'none'", "style-src 'unsafe-inline'", f"script-src 'sha256-{digest}'",
        "base-uri 'none'", "form-action 'none'",
    ]  # fmt: skip


def test_it_can_be_read_without_scripts(record, page):
    still = page.text
    for layer in record.series().names:
        assert layer in still
    for part in ("Graph", "Findings", "Every layer through training", "Numbers of the last sample"):
        assert part in still
    assert [a for _, a in page.of_class("level") if "open" in a], "one drawing is open"
    rms = record.series("rms", by="parameter")
    assert _look.number(rms["0.0.weight"][-1]) in still  # in the graph
    layers = record.series("rms")
    assert _look.number(layers["0.0"][-1]) in still and _look.number(layers["0.0"][0]) in still
    assert not [t for t, _ in page.tags if t in ("button", "input", "select")], "dead controls"
    found = viz.diagnose(record)
    assert found and len(page.of_class("finding")) == len(found)
    assert found[0].citation in still


def test_the_slider_has_the_numbers_of_every_sample(record, page):
    data = page.data
    assert data["steps"] == record.steps.tolist()
    assert data["losses"][1] == f"loss {_look.number(record.loss[1])}"
    graph = data["graphs"][0]
    assert graph["frames"] == list(range(len(record)))
    ids = {name: id for id, name in graph["names"].items()}
    rms = record.series("rms", by="parameter")
    row = graph["rows"][ids["0.0.weight"]]
    assert row["text"] == [_look.number(x) for x in rms["0.0.weight"]]
    neutral = [np.median(values) for values in rms.values]
    for k, letter in enumerate(row["look"]):
        distance = math.log10(rms["0.0.weight"][k] / neutral[k])
        assert data["looks"][letter]["fill"] == _look.fill("ok", distance)
    activation = graph["rows"][ids["0.1.sigmoid"]]["text"]
    assert activation == [_look.number(x) for x in record.series("activation")["0.1.sigmoid"]]


def test_strips_follow_the_slider():
    record = trained(depth=6)
    page = Page(_report.page(record))
    ids = {name: id for id, name in page.data["graphs"][0]["names"].items()}
    (boxes,) = (level["boxes"] for level in page.data["graphs"][0]["levels"] if level["boxes"])
    box = next(b for b in boxes.values() if ids["0.0.weight"] in b["members"])
    assert len(box["cells"]) == 6 and {len(c) for c in box["cells"]} == {len(record)}
    looks = page.data["looks"]
    assert all(letter in looks for column in box["cells"] for letter in column)
    # What the strip of the drawing shows is the last frame.
    drawn = [a["fill"] for t, a in page.tags if t in SHAPES and a.get("fill", "").startswith("#")]
    last = [looks[column[-1]]["fill"] for column in box["cells"]]
    assert any(drawn[i : i + 6] == last for i in range(len(drawn)))


def test_every_chart_knows_where_the_steps_are(record, page):
    areas = page.of_class("when")
    assert len(areas) > 5
    for _, area in areas:
        places = [float(x) for x in area["data-at"].split()]
        assert len(places) == len(record) and places == sorted(places)
        left, width = float(area["x"]), float(area["width"])
        assert all(left - 0.1 <= x <= left + width + 0.1 for x in places)


def test_links_lead_to_rows(page):
    rows = {a["id"] for t, a in page.tags if t == "tr" and "id" in a}
    links = {a["href"][1:] for t, a in page.tags if t == "a"}
    assert links and links <= rows


def test_marks_of_an_axis_differ():
    words = [said for _, said in _chart.Axis([5.2001, 5.2002], 0, 1).ticks()]
    assert len(words) == len(set(words)) > 1


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_names_stay_text(name, text):
    record = trained(depth=1, steps=2, every=1, name=name)
    page = Page(_report.page(record))
    assert len(page.scripts) == 2 and "onerror" not in {k for _, a in page.tags for k in a}
    assert not [t for t, _ in page.tags if t == "img"]
    shown = _look.shown(f"{name}.weight")
    assert shown in page.data["graphs"][0]["names"].values()
    assert _look.shown(name) in page.text
    assert page.scripts[1] == Page(text).scripts[1]


def test_many_samples_are_taken_evenly(monkeypatch):
    monkeypatch.setattr(_frames, "FRAMES", 200)
    record = trained(depth=1, width=2, steps=201, every=1)
    data = Page(_report.page(record)).data
    assert len(data["steps"]) == 200 and (data["steps"][0], data["steps"][-1]) == (0, 200)


def test_nonfinite_gradients_and_missing_ones(tmp_path):
    with np.errstate(all="ignore"):
        record = trained(nn.ReLU, lr=1e30, steps=8, every=1)
    page = Page(record.report(tmp_path / "a.html").read_text("utf-8"))
    assert "nonfinite" in page.text and "x" in "".join(
        row["look"] for row in page.data["graphs"][0]["rows"].values()
    )
    json.loads(page.scripts[0], parse_constant=lambda _: pytest.fail("JSON has no NaN"))


def test_a_loaded_record_gives_the_same_page(record, text, tmp_path):
    record.save(tmp_path / "a.rec")
    assert _report.page(viz.Recorder.load(tmp_path / "a.rec")) == text


def test_a_record_without_a_graph(record, tmp_path):
    record.save(tmp_path / "a.rec")
    loaded = viz.Recorder.load(tmp_path / "a.rec")
    loaded.sketch = None
    page = Page(_report.page(loaded))
    assert "The record has no graph" in page.text and page.data["graphs"] == []


def test_nothing_to_report(tmp_path):
    with pytest.raises(ValueError, match="no step was sampled"):
        viz.watch(nn.Linear(1, 1)).report(tmp_path / "a.html")
    with pytest.raises(FileNotFoundError, match="cannot write"):
        trained(depth=1, steps=1).report(tmp_path / "none" / "a.html")


# ---------------------------------------------------------------- one graph
def test_the_page_of_a_graph_is_folded_and_unfolded(tmp_path):
    ad.manual_seed(0)
    model = nn.Sequential(*(nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(5)))
    graph = viz.graph((model(ad.ones((8, 4))) ** 2).mean(), model=model)
    page = Page(graph.render(tmp_path / "a.html").read_text("utf-8"))
    drawings = page.data["graphs"][0]["levels"]
    assert len(drawings) == len(page.of_class("level")) == 2
    boxes, nothing = (level["boxes"] for level in drawings)
    assert nothing == {} and boxes
    members = {id for box in boxes.values() for id in box["members"]}
    assert members <= {n.id for n in graph.nodes}
    assert page.data["graphs"][0]["names"] == {n.id: n.name for n in graph.nodes}
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids)), "ids of two drawings in one page"
    assert page.data["steps"] == [] and "Every number" in page.text
