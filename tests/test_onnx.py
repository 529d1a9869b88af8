"""ONNX export: what has an operator, what follows the batch, what is refused, what is written."""

import os
import sys

import numpy as np
import pytest

import autodiff as ad
import nn
from demos import zoo
from nn.onnx.exporting import graph_of
from nn.onnx.symbols import Rows, merged

from .table import CASES
from .table.composites import COMPOSITES
from .table.exported import NOT_IN_ONNX

TABLE = [*CASES, *COMPOSITES]
# Of these, ONNX's operator gives the first result only.
FIRST = {"channel_norm", "window_max"}


class Row(nn.Module):
    """A row of the op table as a module: its arrays are the inputs."""

    def __init__(self, case, dtype=np.float32):
        self.case = case
        self.values = case.arrays(dtype)
        self.arrays = tuple(x for x in self.values if isinstance(x, np.ndarray))

    def forward(self, *arrays):
        left = iter(arrays)
        result = self.case.call(
            [next(left) if isinstance(x, np.ndarray) else x for x in self.values]
        )
        return result[0] if self.case.op in FIRST else result


def rows_of(op):
    return [Row(case) for case in TABLE if case.op == op]


class Forward(nn.Module):
    """A function as a module, with parts."""

    def __init__(self, fn, **parts):
        self.fn = fn
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *inputs):
        return self.fn(self, *inputs)


def kinds(graph):
    return [node.kind for node in graph[0].nodes]


# ---------------------------------------------------------------- the table
@pytest.mark.parametrize("op", sorted({case.op for case in TABLE}))
def test_a_function_exports_or_is_named(op):
    """Every row of it, without the package onnx."""
    failed = 0
    for row in rows_of(op):
        try:
            graph_of(row, row.arrays, batch_axis=None)
        except (NotImplementedError, TypeError) as error:
            if op not in NOT_IN_ONNX:
                raise
            assert "counterpart" in str(error) or op == "nonzero"
            failed += 1
    assert failed or op not in NOT_IN_ONNX, f"{op} exports; take it out of NOT_IN_ONNX"


def test_no_name_without_a_row():
    assert set(NOT_IN_ONNX) <= {case.op for case in TABLE}


# ---------------------------------------------------------------- the batch
def test_sizes_that_follow_the_batch():
    assert merged((2, 4, -1, 5, True, 2.0), (3, 6, -1, 5, True, 2.0)) == (
        Rows(1), Rows(2), -1, 5, True, 2.0,
    )  # fmt: skip
    assert merged({"a": slice(0, 2)}, {"a": slice(0, 3)}) == {"a": slice(0, Rows(1))}
    for a, b in ((2, 4), (4, 9), (1, 2), ((1,), (1, 1)), ("a", "b"), (True, False), (2.0, 3.0)):
        with pytest.raises(ValueError, match="batch of 2"):
            merged(a, b)


def dims(value):
    return [f"{n.count}N" if isinstance(n, Rows) else n for n in value.shape]


@pytest.mark.parametrize(
    ("fn", "shape", "wanted"),
    [
        (lambda s, x: x.reshape((-1,)), (1, 6), ["6N"]),
        (lambda s, x: x.reshape((len(x) * 2, 3)), (1, 6), ["2N", 3]),
        (lambda s, x: x + ad.zeros((len(x), 6)), (1, 6), ["1N", 6]),
        (lambda s, x: ad.broadcast_to(x[:, None], (len(x), 2, 6)), (1, 6), ["1N", 2, 6]),
        (lambda s, x: x @ x.T, (1, 6), ["1N", "1N"]),
        (lambda s, x: ad.concatenate([x, x]), (1, 6), ["2N", 6]),
        (lambda s, x: x.mean(0), (1, 6), [6]),
        (lambda s, x: x[::-1, 2:-1], (1, 6), ["1N", 3]),
    ],
)
def test_results_follow_the_batch(fn, shape, wanted):
    _, inputs, outputs = graph_of(Forward(fn), np.ones(shape, "f4"))
    assert dims(inputs[0]) == ["1N", *shape[1:]]
    assert dims(outputs[0]) == wanted


@pytest.mark.parametrize(
    ("fn", "error", "message"),
    [
        (lambda s, x: x * len(x), ValueError, "constant differs"),
        (lambda s, x: x + ad.random.normal((6,)), ValueError, "constant differs"),
        (lambda s, x: x + ad.arange(len(x))[:, None], ValueError, "between the examples"),
        (lambda s, x: x[:1] if len(x) == 2 else x, ValueError, "other ops"),
        (lambda s, x: sum(row for row in x), ValueError, "other ops"),
        (lambda s, x: ad.pad(x, ((1, 0), (0, 0))), ValueError, "shape of pad"),
        (lambda s, x: ad.roll(x, 1, 0), NotImplementedError, "roll: ONNX has no roll along"),
        (lambda s, x: ad.linalg.inv(x.T @ x), NotImplementedError, "inv: there is no counterpart"),
        (lambda s, x: x[x[:, 0] > 0].sum(), ValueError, "a mask that is computed"),
        (lambda s, x: x if x.sum() > 0 else -x, TypeError, "capture: a value"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused(fn, error, message):
    with pytest.raises(error, match=message):
        graph_of(Forward(fn), np.ones((1, 6), "f4"))


def test_a_fixed_batch_is_less_strict():
    model = Forward(lambda s, x: sum(row * len(x) for row in x))
    _, inputs, outputs = graph_of(model, np.ones((3, 6), "f4"), batch_axis=None)
    assert (dims(inputs[0]), dims(outputs[0])) == ([3, 6], [6])


# ---------------------------------------------------------------- the graph
def test_layers_are_one_node_each_and_parameters_keep_their_names():
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding="same"), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(16, 8), nn.LayerNorm(8), nn.GELU(), nn.Dropout(), nn.Softmax(-1),
    )  # fmt: skip
    graph = graph_of(model, np.ones((1, 1, 4, 4), "f4"))
    assert kinds(graph) == [
        "Conv", "BatchNormalization", "Relu", "MaxPool", "Reshape", "Gemm", "LayerNormalization",
        "Gelu", "Softmax",
    ]  # fmt: skip
    names = {name for node in graph[0].nodes for name in node.inputs}
    state = set(model.state_dict()) - {"1.num_batches_tracked"}
    assert state <= names
    assert graph[0].nodes[0].outputs == ("0/Conv",) and graph[0].nodes[0].scope == "0"
    assert model.training and all(part.training for part in model.modules())


@pytest.mark.parametrize("cls", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers_are_one_node_a_direction(cls):
    layer = cls(3, 4, num_layers=2, bidirectional=True, batch_first=True)
    graph = graph_of(layer, np.ones((1, 5, 3), "f4"))
    assert kinds(graph).count(cls.__name__) == 4
    assert "_scan" not in vars(layer)  # nothing of the export is left
    directions = [n.attributes["direction"] for n in graph[0].nodes if n.kind == cls.__name__]
    assert directions == ["forward", "reverse"] * 2


def test_what_nothing_uses_is_left_out():
    model = Forward(lambda s, x: s.part(x)[0], part=nn.LSTM(3, 4))
    graph = graph_of(model, np.ones((5, 1, 3), "f4"), batch_axis=1)
    assert kinds(graph) == ["LSTM", "Squeeze"] and len(graph[0].nodes[0].outputs) == 1
    assert set(graph[0].constants) == {"part.W_l0", "part.R_l0", "part.B_l0", "constant"}


def test_an_op_of_the_users_own_is_taken_apart():
    @ad.op(x=lambda g, x: 2 * g * x, elementwise=True)
    def onnx_test_op(xp, x, /):
        return xp.where(x > 0, xp.exp(-x), x * x)

    try:
        graph = graph_of(Forward(lambda s, x: onnx_test_op(x)), np.ones((1, 2), "f4"))
    finally:
        del ad.REGISTRY["onnx_test_op"]
    assert kinds(graph) == ["Greater", "Neg", "Exp", "Mul", "Where"]


@pytest.mark.parametrize("name", ["MLP with batch norm", "LSTM classifier", "bidirectional GRU"])
def test_a_network_on_a_gpu_exports_as_on_the_cpu(name):
    network = zoo.NETWORKS[name]
    model = network.build(nn, ad.concatenate)
    here = graph_of(model, inputs(network, 1))[0]
    model.to("strict")
    there = graph_of(model, ad.tensor(inputs(network, 1), device="strict"))[0]
    assert there.nodes == here.nodes and there.constants.keys() == here.constants.keys()
    for key, value in here.constants.items():
        np.testing.assert_array_equal(there.constants[key], value, key)
    assert all(p.device == "strict" for p in model.parameters())


def test_a_changed_recurrence_is_unrolled():
    class Half(nn.RNN):
        def _step(self, suffix):
            step = super()._step(suffix)
            return lambda x, state: tuple(h * 0.5 for h in step(x, state))

    assert "RNN" not in kinds(graph_of(Half(3, 4), np.ones((5, 1, 3), "f4"), batch_axis=1))


def test_training_modes_are_put_back_after_an_error():
    model = nn.Sequential(nn.Dropout(), nn.Linear(3, 3).eval())
    with pytest.raises(ValueError):
        graph_of(model, np.ones((1, 4), "f4"))
    assert model.training and model[0].training and not model[1].training


def test_names_of_inputs_and_results():
    class Two(nn.Module):
        def forward(self, left, pair):
            return left + pair[0], {"more": pair[1]}

    x = np.ones((1, 2), "f4")
    _, inputs, outputs = graph_of(Two(), (x, (x, x)))
    assert [v.name for v in inputs] == ["left", "pair_0", "pair_1"]
    assert [v.name for v in outputs] == ["output_0", "output_1"]
    _, inputs, outputs = graph_of(Two(), (x, (x, x)), ["a", "b", "c"], ["sum", "rest"])
    assert [v.name for v in inputs + outputs] == ["a", "b", "c", "sum", "rest"]
    with pytest.raises(ValueError, match="there are 3"):
        graph_of(Two(), (x, (x, x)), ["a", "b"])
    with pytest.raises(ValueError, match="name of a parameter"):
        graph_of(nn.Linear(2, 2), x, ["weight"])
    with pytest.raises(ValueError, match="no examples along axis 2"):
        graph_of(nn.Linear(2, 2), x, batch_axis=2)
    with pytest.raises(ValueError, match="no tensor"):
        graph_of(nn.Linear(2, 2), "x")


# ---------------------------------------------------------------- the file
def test_without_the_package_it_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"autodiff-viz\[onnx\]"):
        nn.onnx.export(nn.Linear(2, 2), np.ones((1, 2), "f4"), tmp_path / "m.onnx")
    assert os.listdir(tmp_path) == []


def test_a_file_is_whole_or_as_it_was(monkeypatch, tmp_path):
    pytest.importorskip("onnx", reason="the extra `onnx` brings it")
    path, x = tmp_path / "m.onnx", np.ones((1, 2), "f4")
    nn.onnx.export(nn.Linear(2, 2), x, path)
    before = path.read_bytes()

    def broken(*args):
        raise OSError("disk")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(OSError, match="disk"):
        nn.onnx.export(nn.Linear(2, 2), x, path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["m.onnx"]


@pytest.mark.parametrize("name", ["MLP with batch norm", "LSTM classifier", "transformer encoder"])
def test_onnx_computes_the_same(name, tmp_path):
    """In ONNX's own reference, for two batches; with the names in the file."""
    onnx = pytest.importorskip("onnx", reason="the extra `onnx` brings it")
    from onnx.reference import ReferenceEvaluator

    network, path = zoo.NETWORKS[name], tmp_path / "m.onnx"
    model = network.build(nn, ad.concatenate)
    nn.onnx.export(model, inputs(network, 1), path, input_names=["x"], output_names=["logits"])
    proto = onnx.load(path)
    assert proto.opset_import[0].version == 21 and proto.producer_name == "autodiff-viz"
    (dim,) = [d.dim_param for d in proto.graph.input[0].type.tensor_type.shape.dim][:1]
    assert dim == "batch"
    props = {p.key: p.value for p in proto.graph.node[-1].metadata_props}
    assert props["op"] == "linear"
    model.eval()
    for n in (1, 5):
        x = inputs(network, n)
        (found,) = ReferenceEvaluator(proto).run(["logits"], {"x": x})
        np.testing.assert_allclose(found, model(ad.tensor(x)).detach().data, 1e-5, 2e-6)


def inputs(network, n):
    rng = np.random.default_rng(n)
    shape = (n, *network.shape)
    if network.tokens:
        return rng.integers(0, network.tokens, shape)
    return rng.uniform(size=shape).astype(np.float32)


def test_dtypes_that_onnx_has_not_are_refused():
    pytest.importorskip("onnx", reason="the extra `onnx` brings it")
    bfloat16 = pytest.importorskip("ml_dtypes", reason="the extra `test` brings it").bfloat16
    model = nn.Conv1d(1, 1, 1, dtype=bfloat16)
    with pytest.raises(NotImplementedError, match="opset 21 does not take this graph"):
        nn.onnx.export(model, np.ones((1, 1, 2), bfloat16), "unused")


def test_operators_older_than_21_and_newer_than_the_package_are_refused():
    pytest.importorskip("onnx", reason="the extra `onnx` brings it")
    for opset in (20, 10_000):
        with pytest.raises(ValueError, match="from 21 to"):
            nn.onnx.export(nn.Linear(2, 2), np.ones((1, 2), "f4"), "unused", opset=opset)


def test_a_file_beyond_2_gib_is_refused(monkeypatch):
    pytest.importorskip("onnx", reason="the extra `onnx` brings it")
    monkeypatch.setattr("nn.onnx.exporting.LARGEST", 15)
    with pytest.raises(ValueError, match="2 GiB"):
        nn.onnx.export(nn.Linear(2, 2), np.ones((1, 2), "f4"), "unused")
