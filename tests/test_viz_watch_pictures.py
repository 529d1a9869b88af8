"""Pictures of the training record: what they show, and that names stay text."""

import math
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import autodiff as ad
import nn
import viz
from viz import _chart, _dot, _film, _heatmap, _look, _render, _tensorboard

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '<script>"&]]> \u202e🙂'


def trained(steps=12, every=2, bad_from=8, **options):
    generator = ad.random.Generator(0)
    model = nn.Sequential(
        nn.Linear(4, 6, generator=generator), nn.Sigmoid(), nn.Linear(6, 6, generator=generator),
        nn.ReLU(), nn.Linear(6, 2, generator=generator),
    )  # fmt: skip
    model[2].requires_grad_(False)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    x = ad.random.normal((16, 4), generator=generator)
    with viz.watch(model, every=every, optimizer=optimizer, **options) as recorder:
        for i in range(steps):
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean() * (math.nan if i >= bad_from else 1.0)
            loss.backward()
            if i < bad_from - 1:
                optimizer.step()
            else:
                for p in model.parameters():
                    p.data = p.data.copy()  # an update by nothing
    return recorder


@pytest.fixture(scope="module")
def record():
    return trained()


def texts(svg):
    return ["".join(e.itertext()) for e in ET.fromstring(svg).iter(f"{SVG}text")]


def test_heatmap(record):
    heat = record.heatmap()
    assert heat.names == ("0", "2", "4") and list(heat.steps) == [0, 2, 4, 6, 8, 10]
    rms = record.series("rms").values
    np.testing.assert_allclose(heat.values, rms)
    neutral = np.nanmedian(rms[0])
    assert heat.decades[0, 0] == pytest.approx(math.log10(rms[0, 0] / neutral))
    assert heat.states[0] == ["ok", "absent", "ok"]
    assert heat.states[-1] == ["nonfinite", "absent", "nonfinite"]
    fixed = record.heatmap(reference=1e-3)
    assert fixed.decades[0, 2] == pytest.approx(math.log10(rms[0, 2] / 1e-3))
    svg = heat.svg("p-")
    cells = [e for e in ET.fromstring(svg).iter(f"{SVG}rect") if e.find(f"{SVG}title") is not None]
    assert len(cells) == 18
    assert [c.get("fill") for c in cells][6:12] == ["url(#p-absent)"] * 6
    step = _look.step(heat.decades[0, 0])
    assert cells[0].get("fill") == _look.PALETTE[step + _look.CLIP]
    assert "0, step 0: RMS" in "".join(cells[0].itertext())
    flows = record.heatmap("activations")
    assert flows.names == tuple(record.activations) and flows.states[0] == ["ok"] * 5
    assert flows.states[-1] == ["nonfinite"] * 5


def test_pooled_columns_show_the_worst(monkeypatch):
    monkeypatch.setattr(_heatmap, "COLUMNS", 2)
    values = np.array([[1.0], [1e-9], [1.0], [np.nan], [1.0], [1e2]])
    states = [["ok"], ["tiny"], ["ok"], ["nonfinite"], ["ok"], ["ok"]]
    ones = np.ones(6)
    heat = _heatmap.Heatmap("t", ["a"], np.arange(6), values, states, ones, "", ones)
    assert [[c.step for c in column] for column in heat.cells()] == [[1], [3]]


def test_states_of_what_was_recorded():
    values = np.array([[1.0, 0.0, np.nan, np.nan, 1e-9]])
    mean, bad = np.abs(values), np.array([[0.0, 0.0, np.nan, 0.5, 0.0]])
    found = _heatmap.states_of(values, mean, bad)
    assert found == [["ok", "zero", "absent", "nonfinite", "tiny"]]


def test_curves(record):
    curves = record.curves()
    assert [p.title.split(":")[0] for p in curves.panels] == [
        "loss", "gradient of parameters", "activations", "update / weight", "dead units",
        "saturated entries",
    ]  # fmt: skip
    np.testing.assert_array_equal(curves.panels[1].values, record.series("rms").values)
    svg = curves.svg()
    lines = [e for e in ET.fromstring(svg).iter(f"{SVG}path") if e.find(f"{SVG}title") is not None]
    assert len(lines) == sum(len(p.names) for p in curves.panels)
    assert "0.001 is usual" in texts(svg)


def test_an_axis_places_values_and_breaks_lines():
    axis = _chart.Axis([1e-3, 10.0, 0.0, math.nan], 0.0, 100.0, log=True)
    assert axis(1e-3) == 0.0 and axis(10.0) == 100.0 and axis(0.1) == 50.0
    assert axis(0.0) is None and axis(math.nan) is None
    assert [v for v, _ in axis.ticks()] == [1e-3, 1e-2, 0.1, 1.0, 10.0]
    line = _chart.path_of([0.0, 1.0, 2.0, 3.0], [5.0, None, 6.0, 7.0])
    assert line == "M0.0 5.0h0M2.0 6.0h0L3.0 7.0"
    linear = _chart.Axis([0.0, 9.0], 0.0, 90.0)
    assert linear(3.0) == 30.0 and linear.ticks()[1] == (2.0, "2")
    assert _chart.Axis([4.0], 0.0, 1.0)(4.0) == 0.5


def test_histograms(record):
    made = record.histograms("0")
    assert made.name == "0.weight" and made.shares.shape == (6, 64)
    cells = list(ET.fromstring(made.svg()).iter(f"{SVG}title"))[1:]
    assert len(cells) == np.count_nonzero(made.shares)
    with pytest.raises(ValueError, match="histograms=False"):
        trained(2, histograms=False).histograms("0")


def test_every_chart_in_every_format(record, tmp_path):
    charts = record.heatmap(), record.curves(), record.histograms("4.bias")
    for i, chart in enumerate(charts):
        starts = {"svg": b"<svg", "html": b"<!DOCTYPE"}
        if not i:  # the slow ones
            starts |= {"png": b"\x89PNG", "pdf": b"%PDF"}
        for suffix, start in starts.items():
            path = chart.render(tmp_path / f"{i}.{suffix}")
            assert path.read_bytes().startswith(start) and path.stat().st_size > 1000
        assert "<script" not in chart.svg()
        bundle = chart._repr_mimebundle_()
        assert set(bundle) == {"text/plain", "text/html", "image/svg+xml"}
        assert set(chart._repr_mimebundle_(include=["text/plain"])) == {"text/plain"}
        assert chart.to_matplotlib().axes
        with pytest.raises(ValueError, match="svg, html, png or pdf"):
            chart.render(tmp_path / "x.gif")
    assert len(record.figure().axes[0].lines) == 5


def test_charts_of_an_empty_record():
    empty = viz.watch(nn.Linear(2, 2))
    for chart in (empty.heatmap(), empty.curves()):
        ET.fromstring(chart.svg())
        chart.to_matplotlib()
    with pytest.raises(ValueError, match="no step was sampled"):
        empty.animate("film.svg")


def test_without_matplotlib(record, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(RuntimeError, match="plots"):
        record.curves().render(tmp_path / "x.pdf")
    record.curves().render(tmp_path / "x.svg")
    monkeypatch.setitem(sys.modules, "PIL", None)
    if viz.backends()["svg"]:
        with pytest.raises(RuntimeError, match="Pillow"):
            record.animate(tmp_path / "x.gif")


def test_names_stay_text(tmp_path):
    model = nn.Sequential(nn.Linear(2, 2))
    model.add_module(HOSTILE + "x" * 10_000, nn.Linear(2, 2))
    with viz.watch(model, every=1) as recorder:
        model(ad.ones((3, 2))).sum().backward()
    for chart in (recorder.heatmap(), recorder.curves()):
        svg = chart.svg()
        root = ET.fromstring(svg)
        assert not [e for e in root.iter() if e.tag.endswith("script")]
        assert any("<scri" in t for t in texts(svg))
        assert len(svg) < 200_000
    if viz.backends()["svg"]:
        root = ET.fromstring(recorder.animate(tmp_path / "f.svg").read_text(encoding="utf-8"))
        assert not [e for e in root.iter() if e.tag.endswith("script")]


def test_what_a_film_draws(record):
    reel = _film.Reel(record)
    named = {nodes[0].name: nodes for nodes in reel.nodes.values()}
    assert set(named) == {*record.parameters, *record.activations} - {"2.weight", "2.bias"}
    at = {node.id: node.name for node in reel.graphs[0].nodes}
    edges = {(at[e.source], at[e.target]) for e in reel.graphs[0].edges}
    assert {a for a, b in edges if b == "4.linear"} == {"3.relu", "4.weight", "4.bias"}
    assert [n.state for n in named["0.weight"]] == ["ok"] * 4 + ["nonfinite"] * 2
    rms = record.series("rms", by="parameter")["0.weight"]
    assert [n.rms for n in named["0.weight"][:4]] == pytest.approx(rms[:4].tolist())


@pytest.mark.skipif(not viz.backends()["svg"], reason="nothing here lays graphs out")
def test_a_film(record, tmp_path):
    root = ET.fromstring(record.animate(tmp_path / "film.svg").read_text(encoding="utf-8"))
    moving = list(root.iter(f"{SVG}animate"))
    assert {a.get("dur") for a in moving} == {"1.5s"}
    assert not [e for e in root.iter() if e.tag.endswith("script")]
    shapes = {
        group.find(f"{SVG}title").text: next(
            e for e in group if e.find(f"{SVG}animate") is not None
        )
        for group in root.iter(f"{SVG}g")
        if group.get("class") == "node"
    }
    shape = shapes["0.weight"]
    fills = next(a for a in shape.iter(f"{SVG}animate") if a.get("attributeName") == "fill")
    rms = record.series("rms", by="parameter")
    neutral = np.nanmedian(rms.values[0])
    first = _look.fill("ok", math.log10(rms["0.weight"][0] / neutral))
    assert fills.get("values").split(";")[0] == first and fills.get("keyTimes").startswith("0;")
    last = _look.fill("nonfinite", math.nan)
    assert fills.get("values").split(";")[-1] == shape.get("fill") == last  # without SMIL: the last
    # Who wants no motion gets the last frame too: the style sheet wins over the animation.
    assert f"--fill:{last};" in shape.get("style") and "fill" in shape.get("class").split()
    assert "prefers-reduced-motion" in root.find(f"{SVG}style").text
    # Each frame has its own numbers, seen in that frame alone.
    moments = [
        group
        for group in root.iter(f"{SVG}g")
        if [a.get("attributeName") for a in group.findall(f"{SVG}animate")] == ["visibility"]
    ]
    assert [g.get("visibility") for g in moments] == (["hidden"] * 5 + ["visible"]) * 2
    read = [{t.text for t in g.iter(f"{SVG}text")} for g in moments[:6]]
    for k in range(4):
        assert {_look.number(v) for v in rms.values[k] if v == v} <= read[k]
    assert any(t.startswith("✖ nan") for t in read[5])
    cursors = [float(g.find(f"{SVG}line").get("x1")) for g in moments[6:]]
    assert cursors == sorted(cursors) and len(set(cursors)) == 6
    said = [t for t in texts(ET.tostring(root)) if t.startswith("step ")]
    assert len(said) == 6 and said[0].startswith("step 0   loss ")
    assert record.animate(tmp_path / "film.html").read_text().startswith("<!DOCTYPE")
    with pytest.raises(ValueError, match="svg, html or gif"):
        record.animate(tmp_path / "film.mp4")


@pytest.mark.skipif(not viz.backends()["png"], reason="nothing here draws PNGs")
def test_a_gif(record, monkeypatch, tmp_path):
    from PIL import Image

    monkeypatch.setattr(_film, "FRAMES", 2)
    still = ET.fromstring(_film.Reel(record).frame(0))
    assert not list(still.iter(f"{SVG}animate"))
    with Image.open(record.animate(tmp_path / "film.gif")) as image:
        assert image.format == "GIF" and image.n_frames == 2


def test_a_film_of_a_large_network_is_folded(tmp_path):
    layers = []
    for _ in range(150):
        layers += [nn.Linear(4, 4), nn.Tanh()]
    model = nn.Sequential(*layers)
    with viz.watch(model, every=1) as recorder:
        for i in range(3):
            (model(ad.ones((2, 4))).sum() * 10.0**-i).backward()
            for p in model.parameters():
                p.data, p.grad = p.data.copy(), None
    reel = _film.Reel(recorder)
    assert sum(len(getattr(n[0], "members", (n[0],))) for n in reel.nodes.values()) == 600
    assert len(reel.nodes) <= _film.NODES
    boxes = [nodes for nodes in reel.nodes.values() if hasattr(nodes[0], "members")]
    path = recorder.animate(tmp_path / "film.svg")
    root = ET.fromstring(path.read_text(encoding="utf-8"))
    assert path.stat().st_size < 1_000_000
    said = texts(ET.tostring(root))
    for nodes in boxes:
        for node in nodes:
            assert _dot.reading(node)[0] in said
    cells = [
        shape
        for group in root.iter(f"{SVG}g")
        if group.get("class") == "node" and group.get("data-id") == boxes[0][0].id
        for shape in group
        if shape.get("fill", "none") != "none"
    ]
    assert [c.get("fill") for c in cells] == [
        _look.fill(c.state, c.level) for c in boxes[0][-1].cells
    ]


def test_a_film_without_graphviz(record, monkeypatch, tmp_path):
    monkeypatch.setattr(_render, "dot_executable", lambda: None)
    monkeypatch.setattr(_render, "has_wasm", lambda: False)
    root = ET.fromstring(record.animate(tmp_path / "film.svg").read_text(encoding="utf-8"))
    assert list(root.iter(f"{SVG}animate"))


def test_a_film_of_a_loaded_record(record, tmp_path):
    record.save(tmp_path / "r.safetensors")
    assert viz.Recorder.load(tmp_path / "r.safetensors").sketch == record.sketch


class Events:
    """What a ``SummaryWriter`` is given."""

    def __init__(self):
        self.scalars, self.histograms, self.closed = {}, {}, False

    def add_scalar(self, tag, value, step):
        self.scalars.setdefault(tag, []).append((step, value))

    def add_histogram_raw(self, tag, **given):
        assert len(given["bucket_limits"]) == len(given["bucket_counts"])
        self.histograms.setdefault(tag, []).append((given["global_step"], given["num"]))

    def close(self):
        self.closed = True


def test_tensorboard(record, monkeypatch, tmp_path):
    events = Events()
    monkeypatch.setattr(_tensorboard, "writer", lambda folder: events)
    record.to_tensorboard(tmp_path)
    assert events.closed
    found = events.scalars["rms/4.weight"]
    assert [s for s, _ in found] == [0, 2, 4, 6]  # NaN is left out
    assert found[0][1] == pytest.approx(record.series("rms", by="parameter")["4.weight"][0])
    assert len(events.scalars["learning_rate"]) == 6 and "dead/3.relu" in events.scalars
    assert "rms/2.weight" not in events.scalars
    assert events.histograms["gradient/4.weight"][0] == (0, pytest.approx(12))


def test_tensorboard_without_a_writer(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(RuntimeError, match="tensorboardX"):
        trained(2).to_tensorboard(tmp_path)


@pytest.mark.parametrize("library", ["tensorboardX", "torch.utils.tensorboard"])
def test_tensorboard_files(library, record, monkeypatch, tmp_path):
    """As TensorBoard itself reads them."""
    reader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="needs tensorboard"
    )
    found = pytest.importorskip(library, reason=f"needs {library}")
    monkeypatch.setattr(_tensorboard, "writer", lambda folder: found.SummaryWriter(folder))
    record.to_tensorboard(tmp_path)
    events = reader.EventAccumulator(str(tmp_path), {"scalars": 0, "histograms": 0}).Reload()
    scalars = events.Scalars("rms/0.weight")
    rms = record.series("rms", by="parameter")["0.weight"]
    assert [e.step for e in scalars] == [0, 2, 4, 6]
    assert [e.value for e in scalars] == pytest.approx(rms[:4].tolist(), rel=1e-6)
    losses = [e.value for e in events.Scalars("loss")]
    assert losses == pytest.approx(record.loss[:4].tolist(), rel=1e-6)
    seen = events.Histograms("gradient/0.weight")
    assert [h.step for h in seen] == [0, 2, 4, 6]
    assert seen[0].histogram_value.num == pytest.approx(24)
    nodes = {node.name: node for node in events.Graph().node}
    assert nodes["0/weight"].op == "parameter" and nodes["1/sigmoid"].input == ["0/linear"]
    assert set(nodes["0/linear"].input) >= {"0/weight", "0/bias"}
    (shape,) = nodes["0/weight"].attr["_output_shapes"].list.shape
    assert [d.size for d in shape.dim] == [6, 4]
    assert {name for node in nodes.values() for name in node.input} <= set(nodes)
