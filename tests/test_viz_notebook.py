"""What notebooks get of every public object: HTML that is whole without scripts, text, SVG."""

import copy
import html.parser
import re
from functools import cache

import pytest

import autodiff as ad
import nn
import viz
from viz import _render

VOID = {"br", "meta"}


@cache
def things():
    """One of each."""
    ad.manual_seed(0)
    layers = [nn.Sequential(nn.Linear(6, 6), nn.Sigmoid()) for _ in range(10)]
    model, x = nn.Sequential(*layers), ad.random.normal((12, 6))
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)

    def loss_of(m):
        return (m(x) ** 2.0).mean()

    with viz.record():
        loss = loss_of(model)
    graph = viz.graph(loss, model=model, by=[i % 3 for i in range(12)])
    with viz.watch(copy.deepcopy(model), every=1) as recorder:
        loss_of(recorder._sampler.model).backward()
        recorder.step()
    found = viz.diagnose(loss_of, model, optimizer)
    a = ad.Scalar(2.0, name="a")
    return {
        "graph": graph,
        "facet": graph.facet(1),
        "stall": viz.graph(loss, model=model, mode="stall", optimizer=optimizer),
        "facets": graph.by,
        "difference": viz.diff(graph, viz.graph(loss * 10.0, model=model)),
        "explanation": viz.explain("3.1.sigmoid", graph),
        "first bad": graph.first_bad(),
        "scalars": viz.scalar_graph(a * a),
        "findings": found,
        "finding": found[0],
        "trial": found[0].try_fix(steps=1),
        "recorder": recorder,
        "comparison": viz.compare({"one": recorder, "two": recorder}),
        "heatmap": recorder.heatmap(),
        "curves": recorder.curves(),
        "histograms": recorder.histograms("0.0.weight"),
    }


NAMES = (
    "graph", "facet", "stall", "facets", "difference", "explanation", "first bad", "scalars",
    "findings", "finding", "trial", "recorder", "comparison", "heatmap", "curves", "histograms",
)  # fmt: skip
DRAWN = {"graph", "facet", "stall", "difference", "scalars", "heatmap", "curves", "histograms"}


class Page(html.parser.HTMLParser):
    """Whether elements are closed, and which there are."""

    def __init__(self, page):
        super().__init__()
        self.open, self.seen, self.text = [], set(), ""
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.seen.add(tag)
        assert not any(key.startswith("on") for key, _ in attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(autouse=True)
def built_in(monkeypatch):
    monkeypatch.setattr(_render, "dot_executable", lambda: None)
    monkeypatch.setattr(_render, "has_wasm", lambda: False)


def test_nothing_is_left_out():
    assert tuple(things()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_html_is_whole_without_scripts(name):
    bundle = things()[name]._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"} | ({"image/svg+xml"} & set(bundle))
    assert ("image/svg+xml" in bundle) == (name in DRAWN)
    page = Page(bundle["text/html"])
    assert "script" not in page.seen and "http:" not in bundle["text/html"].replace(
        "http://www.w3.org/", ""
    )
    if name in DRAWN | {"trial", "recorder", "comparison"}:
        assert "svg" in page.seen
    assert bundle["text/plain"].strip() and page.text.strip()


@pytest.mark.parametrize("name", NAMES)
def test_include_and_exclude(name):
    show = things()[name]._repr_mimebundle_
    assert set(show(include=["text/plain"])) == {"text/plain"}
    assert set(show(include={"text/html", "application/json"})) == {"text/html"}
    assert "text/html" not in show(exclude=["text/html"])
    assert "text/plain" in show(exclude=["text/html"])
    assert show(include=[]) == {} == show(include=["text/plain"], exclude=["text/plain"])


@pytest.mark.parametrize("name", NAMES)
def test_two_outputs_in_one_page_do_not_clash(name):
    one, two = (things()[name]._repr_mimebundle_()["text/html"] for _ in range(2))
    ids = [re.findall(r'(?<![-\w])id="([^"]*)"', page) for page in (one, two)]
    assert len({*ids[0], *ids[1]}) == len(ids[0]) + len(ids[1])
    for page, own in zip((one, two), ids, strict=True):
        used = re.findall(r"url\(#([^)]*)\)", page) + re.findall(r'href="#([^"]*)"', page)
        assert set(used) <= set(own)


def test_the_numbers_are_in_the_html():
    made = things()
    for name in ("facets", "explanation", "finding", "findings", "trial", "first bad"):
        bundle = made[name]._repr_mimebundle_()
        text = Page(bundle["text/html"]).text
        for number in re.findall(r"\d\.\d+e-\d+|\d+\.\d{2,}", bundle["text/plain"]):
            assert number in text, (name, number)


def test_findings_are_a_list_that_prints():
    found = things()["findings"]
    assert isinstance(found, list) and found[0].rule in str(found)
    assert str(found).splitlines()[0] == str(found[0]).splitlines()[0]
    w = ad.tensor([1.0], requires_grad=True, name="w")
    none = viz.diagnose((w * w).sum())
    assert none == [] and str(none) == "nothing was found"
    assert "nothing was found" in none._repr_mimebundle_()["text/html"]


def test_a_record_without_samples():
    empty = viz.watch(nn.Linear(2, 2))
    assert set(empty._repr_mimebundle_()) == {"text/plain", "text/html"}


def test_show_without_a_browser_says_where_the_file_is(monkeypatch, capsys):
    monkeypatch.setattr("webbrowser.open", lambda uri: False)
    path = things()["scalars"].show()
    assert path.exists() and str(path) in capsys.readouterr().out
    monkeypatch.setattr("webbrowser.open", lambda uri: True)
    things()["scalars"].show()
    assert capsys.readouterr().out == ""
