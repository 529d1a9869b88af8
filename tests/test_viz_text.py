"""A graph as text and as a table of numbers: every mode, every class, and beyond 60 layers."""

import html.parser
import math
import re

import numpy as np
import pytest

import autodiff as ad
import nn
import viz
from viz import _text
from viz._look import number
from viz._modes import percent, times

MODES = ("gradient", "value", "gain", "stall")
LABELS = np.arange(12) % 3


def deep(blocks, act=nn.Tanh):
    ad.manual_seed(0)
    return nn.Sequential(*[nn.Sequential(nn.Linear(4, 4), act()) for _ in range(blocks)])


class Shift(nn.Module):
    """A parameter whose gradient is zero where ``factor`` is, and no other's."""

    def __init__(self, factor):
        self.factor, self.by = factor, nn.Parameter(ad.ones((4,)))

    def forward(self, x):
        return x + self.by * self.factor


def graph(model, mode="gradient", **options):
    with viz.record():
        loss = (model(ad.random.normal((12, 4))) ** 2.0).mean()
    optimizer = nn.optim.SGD(model.parameters(), lr=1e-6)
    return viz.graph(loss, model=model, mode=mode, optimizer=optimizer, **options)


@pytest.fixture(params=[False, True], ids=["table", "tree"])
def terminal(request, monkeypatch):
    """A pipe, and a terminal without colours."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: request.param, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "150")
    return request.param


def own(row, mode):
    """What a mode says of a layer."""
    if mode == "gain":
        return times(row.gain) if not math.isnan(row.gain) else ""
    if mode == "stall":
        return percent(row.stalled) if not math.isnan(row.stalled) else ""
    size = row.activation if math.isnan(row.parameters) else row.parameters
    return number(size)


# ---------------------------------------------------------------- text
@pytest.mark.parametrize("mode", MODES)
def test_every_layer_has_the_number_of_the_mode(terminal, mode):
    g = graph(deep(3), mode)
    text = str(g)
    assert ("├" in text) == terminal
    heads = next(line for line in text.splitlines() if _text.HEADS[mode][0] in line.split())
    assert heads.split()[-3:] == list(_text.HEADS[mode])
    said = [own(row, mode) for row in g.profile()]
    assert len({s for s in said if s}) > (0 if mode == "stall" else 3)
    lines = text.splitlines()[text.splitlines().index(heads) + 1 :]
    numbers = [line for line in lines if re.search(r"[\d%]", line[12:])]
    assert all(any(s in line for line in numbers) for s in said)


def test_classes_are_in_the_text(terminal):
    g = graph(deep(2), by=LABELS)
    text = str(g)
    for name in ("0.1.tanh", "1.1.tanh"):
        row = g.by[name]
        assert f"examples {number(row.p5)} – {number(row.p95)}" in text
    assert "examples" not in str(graph(deep(2)))


def test_sixty_layers_are_not_folded(terminal):
    fits = graph(deep(29))  # 58 layers, and the loss's two
    assert len(fits.profile()) == 60
    assert "rows" not in str(fits) and "28" in str(fits)
    assert str(graph(deep(30))).splitlines()[-1].startswith("62 layers in 3 rows;")


@pytest.mark.parametrize("mode", MODES)
def test_more_are_folded_as_the_picture_is(terminal, mode):
    g = graph(deep(40), mode)
    *_, row, power, mean, last = str(g).splitlines()
    assert row.startswith("0 … 39") and "Sequential ×40 (160 tensors)" in row
    (box,) = (n for n in g.drawn.nodes if n.name == "0 … 39")
    assert box.label in row
    assert power.startswith("power") and mean.startswith("mean")
    assert last == "82 layers in 3 rows; print(graph.table()) shows every layer"
    rows = g.table().splitlines()
    assert len([line for line in rows if re.match(r"\d+\.[01] ", line)]) == 80


def test_a_folded_row_has_the_numbers_of_all_that_is_in_it():
    g = graph(deep(40))
    row = str(g).splitlines()[-4]
    known = [n for n in g.nodes if n.kind == "parameter"]
    rms = math.sqrt(sum(n.l2**2 for n in known) / sum(n.size for n in known))
    last = next(n for n in g.nodes if n.name == "39.1.tanh")
    assert row.split("tensors)")[1].split()[:2] == [number(rms), number(last.rms)]


def test_what_is_unhealthy_has_a_row_of_its_own():
    model = nn.Sequential(*[Shift(float(i != 20)) for i in range(70)])
    lines = str(graph(model)).splitlines()
    assert [line[:2] for line in lines if line.endswith("∅ zero")] == ["20"]
    assert 4 < len(lines) < 66 and "Shift ×49" in str(graph(model))


def test_a_strip_shows_where_the_gradient_goes():
    row = str(graph(deep(40, nn.Sigmoid))).splitlines()[-4]
    strip = next(part for part in row.split("  ") if len(part) == 40)
    assert strip.startswith("▼▼") and strip.endswith("++")
    assert re.search(r"▼ \d+ tiny$", row)


def test_who_asks_for_every_op_gets_every_layer():
    assert len(str(graph(deep(40), collapse=None)).splitlines()) > 80


# ---------------------------------------------------------------- the table of a page
class Cells(html.parser.HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.rows, self.on = [], False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag == "tr":
            self.rows.append([])
        self.on = tag in ("td", "th")
        if self.on:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self.on = False

    def handle_data(self, data):
        if self.on:
            self.rows[-1][-1] += data


def table(g):
    """The rows by name, each by head."""
    heads, *rows = Cells(g._table()).rows
    assert all(len(row) == len(heads) for row in rows)
    return {row[0]: dict(zip(heads, row, strict=True)) for row in rows}


@pytest.mark.parametrize("mode", MODES)
def test_every_number_is_in_the_page(mode, tmp_path):
    g = graph(deep(2), mode)
    rows = table(g)
    assert list(rows) == [r.name for r in (*g.nodes, *g.edges)]
    x = "|x|" if mode == "value" else "|g|"
    for r in (*g.nodes, *g.edges):
        row = rows[r.name]
        assert number(r.rms) in row["RMS"] and row[f"mean {x}"] == number(r.mean_abs)
        assert ("gain" in row) == (mode == "gain") and ("stalled" in row) == (mode == "stall")
        if mode == "gain":
            assert row["gain"] == ("" if math.isnan(r.gain) else times(r.gain))
    if mode == "stall":
        assert rows["0.0.weight"]["stalled"] == percent(g.nodes[0].stalled) != ""
        assert rows["0.1.tanh"]["stalled"] == ""
    assert rows[g.nodes[0].name]["dtype"] in g.render(tmp_path / "x.html").read_text()


def test_the_number_of_the_mode_has_the_colour():
    page = graph(deep(2), "gain")._table()
    cells = re.findall(r'<td class="n" style="background:#\w+[^>]*>([^<]*)', page)
    assert len(cells) > 5 and all(cell.startswith("×") for cell in cells)


def test_the_share_of_each_use_is_in_the_page():
    x = ad.tensor([1.0, 2.0], requires_grad=True, name="x")
    rows = table(viz.graph((x * 3.0 + x).sum(), mode="gain"))
    shares = [row["share of the tensor's gradient"] for row in rows.values()]
    assert sorted(filter(None, shares)) == ["25 %", "75 %"]


def test_classes_are_in_the_page():
    g = graph(deep(2), by=LABELS)
    row = table(g)["0.1.tanh"]
    found = g.by["0.1.tanh"]
    assert row["examples: p5"] == number(found.p5) and row["p95"] == number(found.p95)
    assert [row[f"class {c}"] for c in range(3)] == [number(found.rms[c]) for c in range(3)]
    assert table(g)["0.0.weight"]["class 1"] == ""
    assert "class 1" not in table(graph(deep(2)))["0.1.tanh"]
