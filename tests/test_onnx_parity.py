"""ONNX files compute what the networks do: in ONNX's own reference and in onnxruntime."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad
import nn
from demos import zoo
from nn.onnx.exporting import model_proto

from .table import CASES
from .table.exported import NOT_IN_ONNX
from .test_onnx import TABLE, Forward, Row, inputs, rows_of

pytestmark = pytest.mark.parity
pytest.importorskip("onnx", reason="the extra `parity` brings onnx")
ort = pytest.importorskip("onnxruntime", reason="the extra `parity` brings onnxruntime")

# Where ONNX's reference, written for clearness, is not what ONNX says (onnx 1.23).
NO_REFERENCE = {
    "transposed_convolution": "several groups are computed wrongly or refused",
    "fold": "made of a transposed convolution of several groups",
    "softsign": "a value of shape () is refused",
}


def in_reference(proto, feed):
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(proto).run(None, feed)


def in_runtime(proto, feed):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return ort.InferenceSession(proto.SerializeToString(), options).run(None, feed)


def compare(proto, model, arrays, runners, rtol=1e-5, atol=2e-6):
    """The same values, shapes and dtypes, up to the rounding of float32."""
    result = model(*[ad.tensor(x) for x in arrays])
    expected = [x.detach().data for x in flat(result)]
    feed = dict(zip([x.name for x in proto.graph.input], arrays, strict=True))
    for run in runners:
        for found, wanted in zip(run(proto, feed), expected, strict=True):
            found = np.asarray(found)
            assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype), run.__name__
            scale = np.abs(wanted[np.isfinite(wanted)]).max(initial=1) if wanted.size else 1
            np.testing.assert_allclose(found, wanted, rtol, atol * float(scale), run.__name__)


def flat(x):
    if isinstance(x, (tuple, list)):
        return [part for each in x for part in flat(each)]
    return [x]


BOTH = (in_reference, in_runtime)


# ---------------------------------------------------------------- the op table
@pytest.mark.parametrize("op", sorted({case.op for case in TABLE} - set(NOT_IN_ONNX)))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of the reference, at poles
def test_an_op(op):
    """The forward values of every row. onnxruntime is not asked about empty arrays."""
    for row in rows_of(op):
        proto = model_proto(row, row.arrays, batch_axis=None)
        empty = any(x.size == 0 for x in row.arrays)
        runners = [in_reference] if op not in NO_REFERENCE else []
        runners += [] if empty else [in_runtime]
        compare(proto, row, row.arrays, runners, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("op", ["add", "matmul", "tanh", "layer_norm", "convolution", "max"])
def test_float64(op):
    for case in CASES:
        if case.op == op:
            row = Row(case, np.float64)
            if not any(x.size == 0 for x in row.arrays):
                proto = model_proto(row, row.arrays, batch_axis=None)
                compare(proto, row, row.arrays, [in_reference], 1e-12, 1e-13)


# ---------------------------------------------------------------- networks
@pytest.mark.parametrize("opset", [21, None], ids=["opset 21", "newest"])
@pytest.mark.parametrize("name", zoo.NETWORKS)
def test_the_zoo(name, opset):
    """After two steps of training, so that running statistics are their own."""
    import onnx

    # The newest that onnxruntime guarantees; onnx may know newer ones.
    newest = min(onnx.defs.onnx_opset_version(), 26)
    network = zoo.NETWORKS[name]
    ad.manual_seed(0)
    model = network.build(nn, ad.concatenate)
    for _ in range(2):
        model(ad.tensor(inputs(network, 4)))
    proto = model_proto(model, inputs(network, 1), opset or newest)
    model.eval()
    for n in (1, 7):
        compare(proto, model, [inputs(network, n)], BOTH)


@pytest.mark.parametrize("name", zoo.NETWORKS)
def test_the_zoo_in_half_precision(name):
    network = zoo.NETWORKS[name]
    model = network.build(nn, ad.concatenate).half().eval()
    x = inputs(network, 3)
    x = x if network.tokens else x.astype(np.float16)
    compare(model_proto(model, x), model, [x], BOTH, 1e-2, 2e-3)


def rows(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


IMAGE, SEQUENCE = (4, 9, 8), (7, 3)
LAYERS = {
    "bilinear": (nn.Bilinear(6, 6, 3), [(6,), (6,)]),
    "strided, dilated, in groups": (nn.Conv1d(4, 6, 3, 2, 1, dilation=2, groups=2), [(4, 11)]),
    "uneven padding": (nn.Conv2d(4, 6, (2, 4), padding="same"), [IMAGE]),
    "conv3d": (nn.Conv3d(4, 2, 2), [(4, 5, 6, 7)]),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, 2, 1, 1), [IMAGE]),
    "transposed, longer": (nn.ConvTranspose2d(4, 6, 2, 2, 0, 1), [IMAGE]),
    "max pooling": (nn.MaxPool2d(3, 2, 1, ceil_mode=True), [IMAGE]),
    "mean pooling": (nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False), [IMAGE]),
    "adaptive": (nn.AdaptiveAvgPool2d((3, 2)), [IMAGE]),
    "adaptive max": (nn.AdaptiveMaxPool2d((4, 3)), [IMAGE]),
    "group norm": (nn.GroupNorm(2, 4), [IMAGE]),
    "instance norm": (nn.InstanceNorm2d(4), [IMAGE]),
    "rms norm": (nn.RMSNorm(6), [(6,)]),
    "alpha dropout": (nn.AlphaDropout(0.5), [(6,)]),
    "lstm cell": (nn.LSTMCell(6, 5), [(6,)]),
    "gru cell": (nn.GRUCell(6, 5), [(6,), (5,)]),
    "nearest": (nn.Upsample(scale_factor=2), [IMAGE]),
    "bilinear upsampling": (nn.Upsample(scale_factor=1.5, mode="bilinear"), [IMAGE]),
    "cropping": (nn.ZeroPad2d((1, 2, 0, -1)), [IMAGE]),
    "pixel shuffle": (Forward(lambda s, x: nn.functional.pixel_shuffle(x, 2)), [IMAGE]),
    "unfold": (Forward(lambda s, x: nn.functional.unfold(x, 3, padding=1)), [IMAGE]),
    "causal attention": (
        Forward(lambda s, x: nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True)),
        [(5, 8)],
    ),
    "attention": (
        Forward(lambda s, x: s.part(x, x, x), part=nn.MultiheadAttention(8, 2, batch_first=True)),
        [(5, 8)],
    ),
    "encoder layer": (
        nn.TransformerEncoderLayer(
            8, 2, 16, batch_first=True, norm_first=True, activation="gelu", dropout=0.0
        ),
        [(5, 8)],
    ),
    "class token": (
        Forward(
            lambda s, x: ad.concatenate([ad.broadcast_to(s.part, (len(x), 1, 4)), x], axis=1),
            part=nn.Parameter(rows(1, 1, 4)),
        ),
        [(3, 4)],
    ),
    "vmap": (
        Forward(
            lambda s, x: ad.vmap(lambda row: ad.outer(row, row) @ s.part)(x),
            part=nn.Parameter(rows(6, 3)),
        ),
        [(6,)],
    ),
    "a gradient": (
        Forward(lambda s, x: ad.grad(lambda x: ad.tanh(s.part(x)).sum())(x), part=nn.Linear(6, 3)),
        [(6,)],
    ),
    "top three": (Forward(lambda s, x: ad.topk(x, 3)), [(6,)]),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer(name):
    model, shapes = LAYERS[name]
    proto = model_proto(model, tuple(rows(1, *shape) for shape in shapes))
    model.eval()
    for n in (1, 5):
        arrays = [rows(n, *shape, seed=n) for shape in shapes]
        runners = [in_runtime] if name == "adaptive max" else BOTH  # ArgMax of a window of one
        compare(proto, model, arrays, runners, 2e-5, 2e-6)


@pytest.mark.parametrize("cls", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize(
    "options",
    [{}, {"num_layers": 2, "bidirectional": True}, {"bias": False}, {"batch_first": True}],
    ids=str,
)
def test_recurrent_layers(cls, options):
    layer = cls(3, 4, **options)
    for p in layer.parameters():  # biases of their own, so that their order counts
        nn.init.normal_(p)
    axis = 0 if options.get("batch_first") else 1
    proto = model_proto(layer, rows(2, 2, 3), batch_axis=axis)
    for n in (1, 5):
        x = rows(n, 2, 3, seed=n) if axis == 0 else rows(2, n, 3, seed=n)
        compare(proto, layer, [x], BOTH)


@pytest.mark.parametrize("cls", [nn.LSTM, nn.GRU, nn.RNN])
def test_states_and_lengths_of_recurrent_layers(cls):
    """The reference leaves lengths out of account; onnxruntime does not."""
    layer = cls(3, 4, bidirectional=True, batch_first=True)
    model = Forward(lambda s, x, n, h: s.part(x, s.state(h), lengths=n), part=layer)
    model.state = (lambda h: (h, h * 0.5)) if cls is nn.LSTM else (lambda h: h)
    proto = model_proto(
        model, (rows(1, *SEQUENCE), np.array([3]), rows(2, 1, 4)), batch_axis=(0, 0, 1)
    )
    arrays = [rows(4, *SEQUENCE), np.array([7, 1, 3, 5]), rows(2, 4, 4)]
    compare(proto, model, arrays, [in_runtime])


def test_relu_and_projected_recurrence():
    x = rows(*SEQUENCE)[:, None]
    for layer in (nn.RNN(3, 4, nonlinearity="relu"), nn.LSTM(3, 4, proj_size=2)):
        compare(model_proto(layer, x, batch_axis=1), layer, [x.repeat(3, 1)], [in_runtime])


ACTIVATIONS = [nn.ReLU, nn.Tanh, nn.GELU, nn.SiLU, nn.ELU, nn.Softplus, nn.Hardswish, nn.SELU]


@st.composite
def networks(draw):
    """A CNN and an MLP after it, and the shape of an example."""
    size, channels = draw(st.integers(6, 10)), draw(st.integers(1, 3))
    shape, parts = (channels, size, size), []
    for _ in range(draw(st.integers(0, 2))):
        width = 2 * draw(st.integers(1, 3))
        options = {"stride": draw(st.integers(1, 2)), "padding": draw(st.integers(0, 2))}
        parts += [nn.Conv2d(channels, width, draw(st.integers(1, 3)), **options)]
        channels = width
        norm = draw(st.sampled_from([None, nn.BatchNorm2d(width), nn.GroupNorm(2, width)]))
        parts += [norm] if norm else []
        parts += [draw(st.sampled_from(ACTIVATIONS))()]
        pool = draw(st.sampled_from([None, nn.MaxPool2d(2, 1), nn.AvgPool2d(2, 1, 1)]))
        parts += [pool] if pool else []
    parts.append(nn.Flatten())
    features = nn.Sequential(*parts)(ad.zeros((2, *shape))).shape[1]
    for width in draw(st.lists(st.integers(1, 8), max_size=3)):
        parts += [nn.Linear(features, width), draw(st.sampled_from(ACTIVATIONS))(), nn.Dropout(0.2)]
        features = width
    return nn.Sequential(*parts, nn.Linear(features, 3)), shape


@settings(max_examples=40, deadline=None)
@given(networks(), st.integers(1, 6))
def test_random_networks(drawn, n):
    model, shape = drawn
    proto = model_proto(model, rows(1, *shape))
    model.eval()
    compare(proto, model, [rows(n, *shape)], BOTH, 1e-4, 5e-6)
