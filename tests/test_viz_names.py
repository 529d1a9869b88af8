"""The public names: how each is called, and what its result can be asked for."""

import inspect

import pytest

import autodiff as ad
import nn
import viz

CALLS = {
    "graph": "loss, *, model=None, optimizer=None, mode='gradient', by=None, reference='median', "
    "collapse='auto', keep='anomalies', ghosts=True, max_nodes=120, rankdir='TB'",
    "draw": "loss, path, *, format=None, **options",
    "record": "",
    "scalar_graph": "value",
    "watch": "model, *, every=50, histograms=True, optimizer=None",
    "diagnose": "loss, model=None, optimizer=None",
    "assert_healthy": "loss",
    "diff": "a, b",
    "compare": "runs",
    "explain": "node",
    "lesson": "topic, path",
    "backends": "",
    "GradientGraph.render": "self, path, format=None",
    "GradientGraph.bottlenecks": "self, n=3",
    "Recorder.histograms": "self, layer",
    "Recorder.report": "self, path",
    "Recorder.animate": "self, path",
    "Recorder.to_tensorboard": "self, folder",
}
PLACE = "name op shape dtype scope rms l2 mean_abs max_abs zero_fraction nonfinite decades state"


def written(function):
    """A signature without annotations, as somebody calls it."""
    signature = inspect.signature(function)
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=signature.empty))[1:-1]


@pytest.mark.parametrize("name", CALLS)
def test_signatures(name):
    function = viz
    for part in name.split("."):
        function = getattr(function, part)
    found = written(function)
    assert found == CALLS[name] or found.startswith(CALLS[name] + ", "), found


def trained():
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    with viz.watch(model, every=1) as recorder:
        for _ in range(2):
            (model(ad.ones((4, 2))) ** 2).mean().backward()
            recorder.step()
    return model, recorder


def test_what_a_graph_can_be_asked(tmp_path):
    model, _ = trained()
    graph = viz.graph((model(ad.ones((4, 2))) ** 2).mean(), model=model)
    for place in (*graph.nodes, *graph.edges):
        assert all(hasattr(place, name) for name in PLACE.split())
    assert graph.dot().startswith("digraph") and str(graph)
    assert len(graph.bottlenecks(2)) == 2 and graph.profile() and not graph.first_bad()
    assert isinstance(graph.verdicts, tuple) and "text/html" in graph._repr_mimebundle_()
    for mode in ("gradient", "gain"):
        viz.graph(model(ad.ones((4, 2))).sum(), mode=mode)
    for format in ("svg", "html", "dot"):
        assert graph.render(tmp_path / "a", format).stat().st_size
    assert callable(graph.show)


def test_what_a_recorder_can_be_asked(tmp_path):
    _, recorder = trained()
    assert recorder.heatmap().svg() and recorder.curves().svg() and recorder.histograms("0").svg()
    for name, write in {"a.html": recorder.report, "a.svg": recorder.animate,
                        "a.safetensors": recorder.save}.items():  # fmt: skip
        write(tmp_path / name)
        assert (tmp_path / name).stat().st_size
    assert len(viz.Recorder.load(tmp_path / "a.safetensors")) == 2
    assert viz.compare({"a": recorder, "b": recorder})


def test_what_a_finding_can_be_asked():
    model = nn.Sequential(*[m for _ in range(12) for m in (nn.Linear(8, 8), nn.Sigmoid())])
    found = viz.diagnose((model(ad.ones((4, 8))) ** 2).mean(), model)
    names = "rule nodes statistic threshold citation remedies try_fix".split()
    assert found and all(hasattr(finding, name) for finding in found for name in names)
