"""Gradient profiles by matplotlib: what is in them, and what is said without it."""

import builtins
import math

import numpy as np
import pytest

import autodiff as ad
import nn
import viz

matplotlib = pytest.importorskip("matplotlib")


def graph(activation=nn.Sigmoid, depth=3, factor=1.0):
    ad.manual_seed(1)
    layers = [part for _ in range(depth) for part in (nn.Linear(4, 4), activation())]
    net = nn.Sequential(*layers, nn.Linear(4, 1))
    return viz.graph((net(ad.random.normal((8, 4))) * factor).mean(), model=net)


def curves(axes):
    """The lines of data, without marks and references."""
    return [
        line for line in axes.lines if len(line.get_xdata()) > 1 and line.get_marker() != "None"
    ]


def test_the_points_are_the_profile():
    g = graph()
    parameters, activations = g.figure().axes
    for axes, what in ((parameters, "parameters"), (activations, "activation")):
        sizes = [(i, getattr(r, what)) for i, r in enumerate(g.profile())]
        known = [(i, y) for i, y in sizes if y > 0]
        (line,) = curves(axes)
        np.testing.assert_allclose(np.transpose(line.get_data()), known)
        assert axes.get_yscale() == "log"
    labels = [t.get_text() for t in activations.get_xticklabels()]
    assert labels == [r.name for r in g.profile()]


def test_references_are_drawn_for_one_graph():
    g = graph()
    for axes, group in zip(g.figure().axes, ("parameters", "activations"), strict=True):
        heights = [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == ":"]
        assert g.references[group] in heights


def test_several_graphs_differ_by_colour_marker_and_dash():
    figure = viz.profile_figure({"deep $x_1$": graph(), "shallow": graph(depth=2)})
    first, second = curves(figure.axes[0])
    for aspect in ("get_color", "get_marker", "get_linestyle"):
        assert getattr(first, aspect)() != getattr(second, aspect)()
    assert "depth" in figure.axes[1].get_xlabel()
    assert [t.get_text() for t in figure.legends[0].get_texts()] == [r"deep \$x_1\$", "shallow"]


def marks(axes):
    legend = axes.get_legend()
    return [] if legend is None else [t.get_text() for t in legend.get_texts()]


def test_draws_are_a_median_in_a_band():
    leaf = ad.tensor(np.ones(4), requires_grad=True, name="x")
    draws = [viz.graph((leaf * size * 2.0).sum()) for size in (1.0, 3.0, 100.0)]
    axes = viz.profile_figure({"three": draws, "one": draws[0]}).axes[1]
    sizes = np.array([[row.activation for row in g.profile()] for g in draws])
    sizes = sizes[:, ~np.isnan(sizes[0])]
    line, single = axes.get_lines()
    assert line.get_ydata() == pytest.approx(np.median(sizes, axis=0))
    assert single.get_ydata() == pytest.approx(sizes[0])
    (band,) = axes.collections
    edges = {tuple(np.float32(v)) for v in band.get_paths()[0].vertices}
    for x, column in enumerate(sizes.T, start=int(line.get_xdata()[0])):
        assert {(x, np.float32(min(column))), (x, np.float32(max(column)))} <= edges
    with pytest.raises(ValueError, match="different layers"):
        viz.profile_figure([draws[0], viz.graph(ad.tanh(leaf).sum())])


def test_a_serif_font_is_not_left_behind():
    x = ad.tensor(np.ones(2), requires_grad=True, name="a_1 & 50%")
    figure = viz.profile_figure(viz.graph((x * 2.0).sum()), serif=True)
    assert figure.axes[0].yaxis.label.get_fontfamily() == ["serif"]
    figure = viz.profile_figure(viz.graph((x * 2.0).sum()))
    assert figure.axes[0].yaxis.label.get_fontfamily() == ["sans-serif"]


def test_states_are_marked():
    assert marks(graph().figure().axes[0]) == []
    assert marks(graph(factor=1e-9).figure().axes[0]) == ["tiny: RMS < 1e-07"]
    assert marks(graph(factor=0.0).figure().axes[0]) == ["exactly zero"]
    assert marks(graph(factor=math.nan).figure().axes[0]) == ["NaN or infinite"]
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    g = viz.graph(net[0](ad.ones((1, 2))).sum(), model=net)
    assert marks(g.figure().axes[0]) == ["no gradient"] and marks(g.figure().axes[1]) == []


@pytest.mark.parametrize(("name", "magic"), [("a.pdf", b"%PDF"), ("a.svg", b"<?xml")])
def test_files_are_vectors_with_text(tmp_path, name, magic):
    graph().figure(tmp_path / name)
    data = (tmp_path / name).read_bytes()
    assert data.startswith(magic)
    assert b"/Subtype /Type3" not in data  # fonts that journals refuse
    assert (b"TrueType" in data or b"CIDFontType2" in data) if name == "a.pdf" else b"<text" in data


def test_a_figure_leaves_matplotlib_as_it_was():
    before = dict(matplotlib.rcParams)
    graph().figure()
    assert dict(matplotlib.rcParams) == before


def test_without_matplotlib_the_message_names_the_extra(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] == "matplotlib":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    g = graph()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(RuntimeError, match=r"autodiff-viz\[plots\].*print\(graph\)"):
        g.figure()


def test_no_graph_at_all():
    with pytest.raises(ValueError, match="no graph"):
        viz.profile_figure({})
