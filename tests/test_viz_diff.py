"""Graphs in files, and two graphs compared."""

import json
import math

import numpy as np
import pytest

import autodiff as ad
import nn
import viz


def graph(seed=0, factor=1.0, act=nn.Tanh):
    ad.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 4), act(), nn.Linear(4, 1))
    x = ad.random.normal((5, 3), dtype="float64")
    loss = (model.double()(x) ** 2).mean()
    return viz.graph(loss * factor if factor != 1 else loss, model=model)


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_a_graph_comes_back_from_its_file(tmp_path, suffix):
    before = graph()
    path = before.save(tmp_path / f"flow{suffix}")
    after = viz.GradientGraph.load(path)
    assert after.dot() == before.dot()
    assert str(after) == str(before)
    for a, b in zip(before.nodes + before.edges, after.nodes + after.edges, strict=True):
        for name in type(a).__dataclass_fields__:
            x, y = getattr(a, name), getattr(b, name)
            if isinstance(x, (str, int, tuple)):
                assert x == y, name
            elif isinstance(x, float):
                assert x == y or (math.isnan(x) and math.isnan(y)), name


def test_infinities_survive_json_which_has_none(tmp_path):
    w = ad.tensor([0.0, 1.0], requires_grad=True, name="w")
    with np.errstate(divide="ignore"):
        g = viz.graph(ad.log(w).sum())
    path = g.save(tmp_path / "g.json")
    json.loads(path.read_text(), parse_constant=pytest.fail)
    assert viz.GradientGraph.load(path).nodes[0].rms == math.inf


def test_other_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"saved as \.json or \.safetensors"):
        graph().save(tmp_path / "g.pkl")
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(ValueError, match="no graph that this version can read"):
        viz.GradientGraph.load(tmp_path / "x.json")
    with pytest.raises(TypeError, match="not a int"):
        viz.diff(1, 2)


def test_equal_graphs_do_not_differ(tmp_path):
    found = viz.diff(graph().save(tmp_path / "a.json"), graph())
    assert found.same and found.first is None
    assert all(c.decades == 0 for c in found.changes)
    assert "no node differs" in str(found)


def test_the_first_node_to_differ_is_the_nearest_to_the_loss():
    """One weight was changed: what lies between it and the loss has its old gradient."""
    ad.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Identity(), nn.Linear(4, 4), nn.Linear(4, 1))
    x = ad.random.normal((5, 3))
    a = viz.graph(model(x).mean(), model=model)
    model[2].weight.data = model[2].weight.data * 100
    b = viz.graph(model(x).mean(), model=model)
    found = viz.diff(a, b)
    changes = {c.name: c.decades for c in found.changes}
    assert changes["2.linear"] == 0 and changes["3.bias"] == 0
    assert changes["0.linear"] == pytest.approx(2, abs=1e-5)
    assert changes["0.weight"] == pytest.approx(2, abs=1e-5)
    assert changes["3.weight"] > 1
    assert found.first.name == "3.weight"
    after = {n.name: n.decades for n in found.nodes}
    assert after["0.weight"] == changes["0.weight"]
    assert "3.weight" in found.title[1]
    assert "#d77e49" in found.dot()


def test_nodes_that_one_graph_lacks_are_named():
    found = viz.diff(graph(), graph(act=nn.Sigmoid))
    assert found.only_before == ("1.tanh",) and found.only_after == ("1.sigmoid",)
    assert not found.same


@pytest.mark.parametrize("suffix", ["json", "safetensors"])
def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch, suffix):
    w = ad.tensor([1.0, 2.0], requires_grad=True)
    path = viz.graph((w * w).sum()).save(tmp_path / f"a.{suffix}")
    before = path.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        viz.graph((w + w).sum()).save(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
