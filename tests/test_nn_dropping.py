"""Dropout: what is random about it, and what is not."""

import copy
from math import sqrt

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import functional as F

PLAIN = {"dropout": (400, 500), "dropout1d": (4000, 50, 2), "dropout2d": (4000, 50, 2, 1)}
PLAIN["dropout3d"] = (4000, 50, 2, 1, 1)
ALPHA = {"alpha_dropout": (400, 500), "feature_alpha_dropout": (4000, 50, 2)}
EVERY = PLAIN | ALPHA
LAYERS = {
    "Dropout": "dropout",
    "Dropout1d": "dropout1d",
    "Dropout2d": "dropout2d",
    "Dropout3d": "dropout3d",
    "AlphaDropout": "alpha_dropout",
    "FeatureAlphaDropout": "feature_alpha_dropout",
}


@pytest.fixture(autouse=True)
def seeded():
    ad.manual_seed(3)


def normal(shape, seed=0):
    return ad.random.normal(shape, generator=ad.random.Generator(seed))


def small(name):
    return (6, 8, 2, 1, 1)[: len(EVERY[name])]


def call(name, x, p=0.5, **options):
    return getattr(F, name)(x, p, True, **options)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("name", PLAIN)
def test_share_of_zeros_and_scale(name, p):
    y = call(name, ad.ones(PLAIN[name]), p).data
    masks = y if name == "dropout" else y.reshape(200_000, 2)[:, 0]
    error = sqrt(p * (1 - p) / masks.size)
    assert abs((masks == 0).mean() - p) < 4 * error
    np.testing.assert_allclose(y[y != 0], 1 / (1 - p), rtol=1e-6)
    assert abs(masks.mean() - 1) < 4 * error / (1 - p)


@pytest.mark.parametrize("name", ["dropout1d", "dropout2d", "dropout3d"])
def test_whole_channels_are_dropped(name):
    x = normal(PLAIN[name])
    y = call(name, x).data
    kept = (y != 0).reshape(4000, 50, -1)
    assert (kept.all(axis=-1) | ~kept.any(axis=-1)).all()
    alone = call(name, x[0])  # without a batch
    assert alone.shape == x.shape[1:]
    kept = (alone.data != 0).reshape(50, -1)
    assert (kept.all(axis=-1) | ~kept.any(axis=-1)).all() and 0 < kept.sum() < kept.size


@pytest.mark.parametrize("p", [0.1, 0.5])
@pytest.mark.parametrize("name", ALPHA)
def test_alpha_dropout_keeps_mean_and_variance(name, p):
    x = normal(ALPHA[name])
    y = call(name, x, p).data
    assert abs(y.mean()) < 0.02
    assert abs(y.std() - 1) < 0.02
    low, counts = np.unique(y.round(5), return_counts=True)  # the dropped share one value
    assert counts.max() / y.size == pytest.approx(p, abs=0.01)
    scale = ((1 - p) * (1 + p * F.dropping.SATURATED**2)) ** -0.5
    expected = scale * F.dropping.SATURATED * (1 - p)
    assert low[counts.argmax()] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", EVERY)
def test_gradient_passes_where_values_do(name):
    x = normal(small(name)).requires_grad_()
    y = call(name, x)
    y.backward(np.ones(y.shape, np.float32))
    dropped = x.grad.data == 0
    values = y.data[dropped]
    assert 0 < dropped.sum() < dropped.size and (values == values[0]).all()
    slopes = np.unique(x.grad.data[~dropped])
    assert len(slopes) == 1 and slopes[0] > 0.8


@pytest.mark.parametrize("name", EVERY)
def test_seeds_and_generators(name):
    x = normal(small(name))
    first, second = call(name, x), call(name, x)
    assert (first.data != second.data).any()
    ad.manual_seed(3)
    np.testing.assert_array_equal(call(name, x).data, first.data)
    made = [call(name, x, generator=ad.random.Generator(7)).data for _ in range(2)]
    np.testing.assert_array_equal(*made)


@pytest.mark.parametrize("name", EVERY)
def test_same_mask_on_every_device(name, device):
    x = normal(small(name))
    g = [ad.random.Generator(1), ad.random.Generator(1)]
    here, there = call(name, x, generator=g[0]), call(name, x.to(device), generator=g[1])
    assert there.device.startswith(device)
    np.testing.assert_allclose(there.cpu().data, here.data, rtol=1e-6)


@pytest.mark.parametrize("name", EVERY)
def test_nothing_or_everything_is_dropped(name):
    x = normal(small(name)).requires_grad_()
    assert call(name, x, 0.0) is x
    assert getattr(F, name)(x, 0.5, False) is x
    state = ad.random.default_generator.state
    call(name, x, 0.0)
    assert ad.random.default_generator.state == state  # nothing is drawn for nothing
    y = call(name, x, 1.0)
    y.sum().backward()
    assert not y.data.any() and not x.grad.data.any()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", EVERY)
def test_dtypes(name, dtype):
    x = ad.ones(small(name), dtype=dtype, requires_grad=True)
    y = call(name, x)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == dtype


def test_the_mask_is_kept_as_bools():
    nodes = []
    with ad.tap(lambda node, out: nodes.append(node)):
        F.dropout(ad.ones((10, 10), requires_grad=True))
        F.alpha_dropout(ad.ones((10, 10), requires_grad=True), training=True)
    for node in nodes:
        assert [x.dtype for x in node.saved if hasattr(x, "dtype")] == [np.dtype(bool)]


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_act_in_training_mode(layer):
    x = normal(small(LAYERS[layer]))
    module = getattr(nn, layer)(0.3)
    assert module.eval()(x) is x
    ad.manual_seed(5)
    y = module.train()(x)
    ad.manual_seed(5)
    np.testing.assert_array_equal(y.data, call(LAYERS[layer], x, 0.3).data)


def test_a_layer_may_have_a_generator_of_its_own():
    x = normal((6, 8))
    module = nn.Dropout(0.3, generator=ad.random.Generator(1))
    twin = copy.deepcopy(module)
    state = ad.random.default_generator.state
    np.testing.assert_array_equal(module(x).data, twin(x).data)
    assert ad.random.default_generator.state == state


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_bad_probabilities(p):
    for name in EVERY:
        with pytest.raises(ValueError, match=f"{name}: p={p}"):
            getattr(F, name)(ad.ones((2,) * len(EVERY[name])), p)
    for name in LAYERS:
        with pytest.raises(ValueError, match=f"{name}: p={p}"):
            getattr(nn, name)(p)


@pytest.mark.parametrize(
    "name, shape",
    [("dropout1d", (3,)), ("dropout2d", (3, 4)), ("dropout3d", (2, 2)), ("dropout1d", (1,) * 4)],
)
def test_bad_shapes(name, shape):
    with pytest.raises(ValueError, match=f"{name}: input has shape .*it must have . axes"):
        call(name, ad.ones(shape))


def test_features_need_channels():
    with pytest.raises(ValueError, match="has no channels"):
        call("feature_alpha_dropout", ad.ones(3))
