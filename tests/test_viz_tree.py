"""The tree that a terminal shows."""

import math
import re

import pytest

import autodiff as ad
import nn
import viz
from viz import _tree
from viz._layers import Layer
from viz._look import PALETTE

ANSI = re.compile(r"\x1b\[[\d;]*m")


@pytest.fixture
def graph():
    ad.manual_seed(0)
    inner = nn.Sequential(nn.Linear(4, 4), nn.Sigmoid(), nn.Linear(4, 4))
    net = nn.Sequential(nn.Linear(4, 4), inner, nn.Sequential(nn.Linear(4, 2)))
    return viz.graph((net(ad.random.normal((8, 4))) ** 2.0).mean(), model=net)


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "90")


def test_layers_are_nested_as_modules_are(graph, terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    lines = [line.split("  ")[0] for line in str(graph).splitlines()]
    at = lines.index("1")
    assert lines[at : at + 6] == ["1", "├ 0", "├ 1", "└ 2", "2", "└ 0"]


def test_the_numbers_are_those_of_the_table(graph):
    tree = _tree.tree(graph.profile(), {}, graph.title, 100, False)
    table = str(graph)
    for number in re.findall(r"\d\.\d+e?-?\d*", table):
        assert number in tree


def test_colours_are_those_of_the_picture(graph, terminal):
    text = str(graph)
    used = {
        "#" + "".join(f"{int(n):02x}" for n in m)
        for m in re.findall(r"\x1b\[48;2;(\d+);(\d+);(\d+)m", text)
    }
    assert used <= {*PALETTE, "#ffffff"} and len(used) > 1
    assert text.count("\x1b[0m") == text.count("\x1b[48")
    row = next(r for r in graph.profile() if r.name == "0")
    line = next(line for line in text.splitlines() if line.startswith("0  Linear"))
    color = PALETTE[_tree_step(row) + 4]
    assert f"48;2;{int(color[1:3], 16)};" in line


def _tree_step(row):
    return max(-4, min(4, round(row.decades)))


@pytest.mark.parametrize(("env", "value"), [("TERM", "dumb"), ("NO_COLOR", "1"), ("NO_COLOR", "")])
def test_the_environment_is_respected(graph, terminal, monkeypatch, env, value):
    monkeypatch.setenv(env, value)
    assert ("\x1b" in str(graph)) == (not value)
    assert ("├" in str(graph)) == (value != "dumb")


def test_a_file_gets_the_plain_table(graph):
    assert "├" not in str(graph) and "\x1b" not in str(graph)


@pytest.mark.parametrize("width", [20, 34, 50, 72, 100, 300])
@pytest.mark.parametrize("colored", [False, True])
def test_no_line_is_wider_than_the_terminal(graph, width, colored):
    kinds = graph._recording.kinds
    lines = _tree.tree(graph.profile(), kinds, graph.title, width, colored).splitlines()
    assert max(_tree.columns(ANSI.sub("", line)) for line in lines) <= width
    assert len({ANSI.sub("", line) for line in lines}) > 3


def row(name, **options):
    options = {"kind": "K", "parameters": 1.0, "activation": math.nan, "decades": 0.0,
               "state": "ok"} | options  # fmt: skip
    options |= {"level": options["decades"]}
    return Layer(name, **options)


def test_hostile_names_stay_text_in_their_column():
    names = ["\x1b[2J", "層" * 30, "é" * 10, "a" * 10_000, "\u202eabc", "x\ny", "🙂"]
    lines = _tree.tree([row(n) for n in names], {}, ["t"], 60, False).splitlines()
    assert len(lines) == 2 + len(names)
    assert "\x1b" not in "".join(lines)
    ends = {_tree.columns(line) for line in lines[2:]}
    assert ends == {_tree.columns(lines[2])} and ends.pop() <= 60


def test_a_strip_shows_the_worst_of_several_layers():
    rows = [row(f"m.{i}", decades=-3.0 if i == 77 else 0.0) for i in range(100)]
    rows[20] = row("m.20", state="zero", parameters=0.0, decades=-math.inf)
    rows[50] = row("m.50", decades=math.nan)
    kinds = {"m": "M", **{r.name: "K" for r in rows}}
    strip = _tree.tree(rows, kinds, ["t"], 80, False).splitlines()[2].split()[-1]
    assert len(strip) == _tree.STRIP
    assert strip.count("∅") == 1 and strip.count("-") == 1 and strip.count("·") == 22


def test_a_deep_nest_of_modules_is_no_deep_recursion():
    path = ".".join(["m"] * 1100)
    assert _tree.tree([row(path)], {path: "K"}, ["t"], 40, False).count("m") >= 1
