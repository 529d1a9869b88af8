"""Runs side by side: one time, one scale, layers by name."""

import math

import numpy as np
import pytest

import nn
import viz
from tests.pages import Page, trained
from viz import _look

MARKUP = "<b>'&</b>"


@pytest.fixture(scope="module")
def runs():
    return viz.compare({"a": trained(depth=2), MARKUP: trained(nn.ReLU, depth=3, steps=9, every=3)})


@pytest.fixture(scope="module")
def page(runs, tmp_path_factory):
    path = runs.report(tmp_path_factory.mktemp("runs") / "a.html")
    return Page(path.read_text("utf-8"))


def test_layers_are_matched_by_name(runs):
    assert runs.layers == ("0.0", "1.0", "2", "2.0", "3")
    assert runs.only == {"a": ("2",), MARKUP: ("2.0", "3")}
    assert "only in a: 2" in str(runs) and f"only in {MARKUP}: 2.0, 3" in str(runs)


def test_one_time_for_all(runs, page):
    assert runs.steps == [0, 2, 3, 4, 6, 8, 10] == page.data["steps"]
    a, b = page.data["graphs"]
    assert a["frames"] == [0, 1, 1, 2, 3, 4, 5]
    assert b["frames"] == [0, 0, 1, 1, 2, 2, 2]
    assert len(b["rows"][next(iter(b["rows"]))]["text"]) == 3


def test_heatmaps_have_one_scale(runs):
    a, b = runs.heatmaps().values()
    assert a.names == b.names == runs.layers and list(a.steps) == list(b.steps) == runs.steps
    every = np.concatenate([r.series().values.ravel() for r in runs.runs.values()])
    assert runs.reference == pytest.approx(np.median(every[every > 0]))
    rms = runs.runs["a"].series()["0.0"]
    assert a.decades[2, 0] == pytest.approx(math.log10(rms[1] / runs.reference))
    assert {row[3] for row in a.states} == {"absent"}  # a layer of the other run
    assert [row[0] for row in b.states][-1] == "absent"  # that run was over at step 9
    assert b.states[-2][0] != "absent"


def test_profiles_and_the_table(runs):
    profiles = runs.profiles().runs
    last = runs.runs["a"].series()
    assert profiles["a"][:3] == tuple(last.values[-1]) and math.isnan(profiles["a"][3])
    (row, _) = runs.rows()
    loss = runs.runs["a"].loss
    assert row[:5] == ("a", "6", "12", _look.number(loss[0]), _look.number(loss[-1]))
    assert row[5] == f"{math.log10(last['2'][-1] / last['0.0'][-1]):.1f}"
    assert str(runs).splitlines()[1].startswith("a  ")


def test_the_page_is_complete_and_names_stay_text(runs, page):
    assert not [t for t, _ in page.tags if t == "b"]
    figures = [tag for tag, _ in page.of_class("graph") if tag == "figure"]
    assert MARKUP in page.text and len(figures) == 2
    for found in runs.findings.values():
        for finding in found:
            assert finding.cause in page.text
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert page.data["losses"][0].startswith("loss a ")


def test_files_and_notebooks(runs, tmp_path):
    assert runs.render(tmp_path / "a.html").read_text().startswith("<!DOCTYPE")
    assert runs.render(tmp_path / "a.svg").read_text().startswith("<svg")
    with pytest.raises(ValueError, match="svg, html, png or pdf"):
        runs.render(tmp_path / "a.txt")
    bundle = runs._repr_mimebundle_()
    assert bundle["text/plain"] == str(runs) and "<script" not in bundle["text/html"]
    assert set(runs._repr_mimebundle_(exclude={"text/html"})) == {"text/plain"}
    runs.profiles().to_matplotlib()


def test_what_cannot_be_compared():
    with pytest.raises(ValueError, match="at least one record"):
        viz.compare({})
    with pytest.raises(TypeError, match="'a' is a Linear"):
        viz.compare({"a": nn.Linear(1, 1)})
    with pytest.raises(ValueError, match="'a' has no samples"):
        viz.compare({"a": viz.watch(nn.Linear(1, 1))})


def test_one_run_and_one_that_died():
    with np.errstate(all="ignore"):
        runs = viz.compare({"died": trained(nn.ReLU, lr=1e30, steps=6, every=1)})
    assert runs.only == {"died": ()} and "nonfinite" in str(runs)
    assert Page(runs._page()).data["steps"] == [0, 1, 2, 3, 4, 5]
