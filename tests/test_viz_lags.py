"""The heatmap of an unrolled recurrence: each op by how many time steps back it is."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

import autodiff as ad
import nn
import viz


class Cell(nn.Module):
    """``h = w h + x``: the gradient k steps back is the k-th power of w."""

    def __init__(self, w):
        self.w = nn.Parameter(np.array(w))

    def forward(self, x, h=None):
        return x if h is None else x + self.w * h


def unrolled(cell, steps):
    h = None
    for _ in range(steps):
        h = cell(ad.tensor([1.0, 2.0], dtype=ad.float64), h)
    return h


def test_columns_are_time_steps_back():
    cell = Cell(0.1)
    heat = viz.graph(unrolled(cell, 7).sum(), model=cell).heatmap()
    assert heat.names == ("multiply", "add") and list(heat.steps) == [0, 1, 2, 3, 4, 5]
    np.testing.assert_allclose(heat.values[:, 1], 0.1 ** np.arange(6.0))
    np.testing.assert_allclose(heat.values[:, 0], 0.1 ** np.arange(6.0))
    np.testing.assert_allclose(heat.decades[:, 1], -np.arange(6.0))
    assert heat.states[0] == ["ok", "ok"]
    svg = heat.svg()
    said = ["".join(e.itertext()) for e in ET.fromstring(svg).iter()]
    assert "time steps back" in said and any("add, lag 3: RMS 1.00e-3" in t for t in said)


def test_layers_of_one_module_are_rows_of_their_own():
    lstm = nn.LSTM(3, 4, num_layers=2)
    out, _ = lstm(ad.random.normal((5, 2, 3)))
    graph = viz.graph(out[-1].sum(), model=lstm)
    heat = graph.heatmap()
    assert heat.names == (
        "lstm_step[0]", "lstm_step[1]", "lstm_step[0] (2)", "lstm_step[1] (2)",
    )  # fmt: skip
    hidden = [n.rms for n in graph.nodes if n.op == "lstm_step[0]"]
    np.testing.assert_array_equal(heat.values[:, 0], hidden[4::-1])
    np.testing.assert_array_equal(heat.values[:, 2], hidden[:4:-1])
    # Nobody reads the last state of the cell: it has none at lag 0, and its first is at lag 4.
    states = [n.rms for n in graph.nodes if n.op == "lstm_step[1]"]
    assert heat.states[0] == ["ok", "absent", "ok", "absent"]
    np.testing.assert_array_equal(heat.values[1:, 1], states[3::-1])


def test_a_row_without_a_first_step_ends_with_the_others():
    class Late(nn.Module):
        """Its first step has no state to be multiplied."""

        def forward(self, x, h=None):
            return ad.tanh(x) if h is None else ad.tanh(x + ad.sigmoid(h))

    model, h = Late(), None
    for _ in range(4):
        h = model(ad.tensor([0.3], dtype=ad.float64, requires_grad=True), h)
    heat = viz.graph(h.sum(), model=model).heatmap()
    at = dict(zip(heat.names, heat.values.T, strict=True))
    assert np.isfinite(at["tanh"]).all() and len(at["tanh"]) == 4
    assert np.isfinite(at["add"][:3]).all() and np.isnan(at["add"][3])


def test_where_there_is_no_time_it_says_so():
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    loss = model(ad.ones((4, 2))).sum()
    with pytest.raises(ValueError, match="applied again to its own result"):
        viz.graph(loss, model=model).heatmap()
    with pytest.raises(ValueError, match="mode"):
        viz.graph(loss, model=model, mode="gain").heatmap()
    loss.backward()
    with pytest.raises(ValueError, match="retain_graph"), pytest.warns(UserWarning):
        viz.graph(loss, model=model).heatmap()
