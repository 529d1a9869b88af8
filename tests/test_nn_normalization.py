"""Normalization: running statistics, kernels that save memory, what is saved, bad input."""

import copy
import tracemalloc

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import functional as F


def normal(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def test_running_statistics_follow_the_batches():
    layer = nn.BatchNorm1d(3, momentum=0.25).double()
    mean, var = np.zeros(3), np.ones(3)
    for step in range(4):
        x = normal(6, 3, seed=step) * 3 + 1
        layer(ad.tensor(x))
        mean = 0.75 * mean + 0.25 * x.mean(0)
        var = 0.75 * var + 0.25 * x.var(0, ddof=1)  # unbiased
    np.testing.assert_allclose(layer.running_mean.data, mean, rtol=1e-12)
    np.testing.assert_allclose(layer.running_var.data, var, rtol=1e-12)
    assert layer.num_batches_tracked.item() == 4


def test_momentum_none_is_the_mean_of_all_batches():
    layer = nn.BatchNorm1d(3, momentum=None).double()
    batches = [normal(6, 3, seed=step) for step in range(5)]
    for x in batches:
        layer(ad.tensor(x))
    expected = np.mean([x.mean(0) for x in batches], axis=0)
    np.testing.assert_allclose(layer.running_mean.data, expected, rtol=1e-12)
    expected = np.mean([x.var(0, ddof=1) for x in batches], axis=0)
    np.testing.assert_allclose(layer.running_var.data, expected, rtol=1e-12)


def test_evaluation_leaves_the_statistics_alone_and_is_affine():
    layer = nn.BatchNorm2d(3).double()
    layer(ad.tensor(normal(4, 3, 2, 2)))
    before = {k: v.data.copy() for k, v in layer.state_dict().items()}
    layer.eval()
    x, y = ad.tensor(normal(2, 3, 4, 4)), ad.tensor(normal(2, 3, 4, 4, seed=1))
    np.testing.assert_allclose(
        layer(0.5 * x + 0.5 * y).data, (0.5 * layer(x) + 0.5 * layer(y)).data, rtol=1e-12
    )
    assert layer(x[:0]).shape == (0, 3, 4, 4)
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(value.data, before[name])


def test_reset_running_stats():
    layer = nn.BatchNorm1d(2)
    fresh = copy.deepcopy(layer).state_dict()
    layer(ad.tensor(normal(4, 2, dtype=np.float32)))
    layer.reset_running_stats()
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(value.data, fresh[name].data)


def test_functional_call_updates_the_tensors_it_is_given():
    layer = nn.BatchNorm1d(2).double()
    mean, var = ad.zeros(2, dtype=np.float64), ad.ones(2, dtype=np.float64)
    x = normal(6, 2) + 5
    nn.functional_call(layer, {"running_mean": mean, "running_var": var}, ad.tensor(x))
    np.testing.assert_allclose(mean.data, 0.1 * x.mean(0))
    np.testing.assert_array_equal(layer.running_mean.data, 0)


def test_statistics_written_after_they_were_used_are_noticed():
    """A training step between an evaluation and its backward pass changes what that needs."""
    layer = nn.BatchNorm1d(2)
    x = ad.tensor(normal(4, 2, dtype=np.float32), requires_grad=True)
    y = layer.eval()(x).sum()
    layer.train()(x)
    y.backward()  # folded constants are arrays of their own, so this one is safe
    z = (layer.running_mean * x).sum()
    layer(x)
    with pytest.raises(RuntimeError, match="written in place"):
        z.backward()


def test_nothing_is_recorded_for_running_statistics():
    layer = nn.BatchNorm1d(2)
    x = ad.tensor(normal(4, 2, dtype=np.float32), requires_grad=True)
    names = []
    with ad.tap(lambda node, out: names.append(node.op.name)):
        layer(x)
    assert names == ["channel_norm"]
    assert not layer.running_mean.requires_grad


def peak(fn):
    tracemalloc.start()
    fn()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


@pytest.mark.parametrize("groups", [None, 4])
def test_large_arrays_are_few(groups):
    """Forward: the result. Backward: the gradient, and x minus its mean."""
    forward, backward = ad.REGISTRY["channel_norm"], ad.REGISTRY["channel_norm_pull"]
    x, scale = normal(8, 16, 64, 64, dtype=np.float32), np.ones(16, np.float32)
    assert peak(lambda: forward(x, scale, scale, groups=groups)) < 1.2 * x.nbytes
    _, mean, _ = forward(x, scale, scale, groups=groups)
    kept = mean.reshape((1, 16, 1, 1) if groups is None else (8, groups, 1, 1))
    given = (x, mean, mean, x, kept, kept, scale)
    assert peak(lambda: backward(*given, groups=groups)) < 2.2 * x.nbytes


def test_only_the_input_and_small_values_are_saved():
    x = ad.tensor(normal(8, 16, 8, 8, dtype=np.float32), requires_grad=True)
    nodes = []
    with ad.tap(lambda node, out: nodes.append((node, out))):
        nn.BatchNorm2d(16)(x)
    ((node, _),) = nodes
    large = [v for v in node.saved if getattr(v, "size", 0) > 1000]
    assert len(large) == 1 and large[0] is x.data


@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_float32_is_exact_enough_far_from_zero(offset):
    """Sums of squares would lose everything at a mean of 1000 deviations."""
    x = (normal(16, 4, 32) + offset).astype(np.float32)
    y = F.batch_norm(ad.tensor(x), None, None, training=True)
    wide = x.astype(np.float64)
    mean, var = wide.mean((0, 2), keepdims=True), wide.var((0, 2), keepdims=True)
    error = abs(y.data - (wide - mean) / np.sqrt(var + 1e-5)).max()
    assert error < (2e-6 if not offset else 2e-4)


def test_means_and_variances_have_derivatives():
    """The results of the op besides the first: nothing of ours uses their gradients."""
    op = ad.REGISTRY["channel_norm"]
    x = ad.tensor(normal(3, 4, 2), requires_grad=True)
    assert ad.gradcheck(lambda x: op(x, groups=2)[1:], x, order=2)
    assert ad.gradcheck(lambda x: op(x)[1:], x, order=2)


def test_layer_norm_is_group_norm_with_one_group():
    x = ad.tensor(normal(3, 4, 5))
    np.testing.assert_allclose(
        F.group_norm(x, 1).data, F.layer_norm(x, (4, 5)).data, rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(
        F.group_norm(x, 4).data, F.instance_norm(x).data, rtol=1e-10, atol=1e-12
    )


def test_initializers_reach_weight_and_bias():
    for layer in (
        nn.BatchNorm1d(4, weight_init="zeros", bias_init="ones"),
        nn.GroupNorm(2, 4, weight_init="zeros", bias_init="ones"),
        nn.InstanceNorm1d(4, affine=True, weight_init="zeros", bias_init="ones"),
        nn.LayerNorm(4, weight_init="zeros", bias_init="ones"),
    ):
        assert not layer.weight.data.any() and layer.bias.data.all()
    assert not nn.RMSNorm(4, weight_init="zeros").weight.data.any()


# ---------------------------------------------------------------- bad input
ONES = ad.ones((2, 3, 4))
BAD = {
    "one value": (lambda: nn.BatchNorm1d(3)(ONES[:1, :, 0]), "1 value for each channel"),
    "one value 2d": (lambda: nn.BatchNorm2d(3)(ad.ones((1, 3, 1, 1))), "module.eval"),
    "no example": (lambda: nn.BatchNorm1d(3)(ONES[:0]), "0 value"),
    "channels": (lambda: nn.BatchNorm1d(4)(ONES), "running_mean has shape .4,.*of 3 channels"),
    "weights": (lambda: F.batch_norm(ONES, None, None, ad.ones(4), training=True), "weight has"),
    "axes": (lambda: nn.BatchNorm2d(3)(ONES), r"BatchNorm2d: .* must have 4 axes"),
    "axes 1d": (lambda: nn.BatchNorm1d(3)(ad.ones(3)), r"BatchNorm1d: .* must have 2 or 3 axes"),
    "no axes": (lambda: F.batch_norm(ad.ones(3), None, None, training=True), "batch, channels"),
    "no statistics": (lambda: F.batch_norm(ONES, None, None), "needs running_mean"),
    "none to use": (lambda: F.instance_norm(ONES, use_input_stats=False), "needs running_mean"),
    "one position": (lambda: F.instance_norm(ONES[:, :, :1]), "1 value for each channel of an"),
    "groups": (lambda: F.group_norm(ONES, 2), "3 channels .* do not divide into 2 groups"),
    "groups of one": (lambda: F.group_norm(ONES[:1, :, :1], 3), "one value for each of 3 groups"),
    "layer groups": (lambda: nn.GroupNorm(2, 3), "GroupNorm: 3 channels do not divide"),
    "layer norm": (lambda: F.layer_norm(ONES, (3,)), r"layer_norm: normalized_shape=\(3,\)"),
    "rms norm": (lambda: F.rms_norm(ONES, (2, 4)), r"rms_norm: normalized_shape=\(2, 4\)"),
    "no shape": (lambda: F.layer_norm(ONES, ()), r"normalized_shape=\(\)"),
    "response": (lambda: F.local_response_norm(ONES, 0), "size=0; it must be at least 1"),
    "features": (lambda: nn.BatchNorm1d(-1), "num_features=-1 is negative"),
}


@pytest.mark.parametrize("call, message", BAD.values(), ids=BAD)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---------------------------------------------------------------- over the last axes
LAST = ["layer_norm", "rms_norm"]


@pytest.mark.parametrize("name", LAST)
def test_large_arrays_are_few_over_the_last_axes(name):
    """Forward: the result. Backward: the gradient, and the incoming one times the weight."""
    forward, backward = ad.REGISTRY[name], ad.REGISTRY["layer_norm_pull"]
    x, weight = normal(256, 512, dtype=np.float32), np.ones(512, np.float32)
    given = (x, weight, weight) if name == "layer_norm" else (x, weight)
    assert peak(lambda: forward(*given)) < 1.2 * x.nbytes
    rows = np.ones((256, 1), np.float32)
    mean = rows if name == "layer_norm" else None
    assert peak(lambda: backward(x, x, rows, weight, mean)) < 2.2 * x.nbytes
    assert peak(lambda: backward(x, x, rows, None, mean)) < 1.2 * x.nbytes


@pytest.mark.parametrize("name", LAST)
@pytest.mark.parametrize("differentiable", [False, True])
def test_squares_that_float16_cannot_hold(name, differentiable):
    """Deviations of 300 have squares beyond 65504."""
    function = getattr(ad, name)
    found = {}
    for dtype in (np.float16, np.float32):
        x = ad.tensor((300 * normal(4, 64)).astype(np.float16), dtype=dtype, requires_grad=True)
        w = ad.tensor(normal(64, seed=1).astype(np.float16), dtype=dtype, requires_grad=True)
        g = ad.tensor(normal(4, 64, seed=2).astype(np.float16), dtype=dtype)
        y = function(x, w)
        found[dtype] = y, *ad.gradients(y, [x, w], g, create_graph=differentiable)
    for half, single in zip(found[np.float16], found[np.float32], strict=True):
        assert half.dtype == np.float16 and abs(single).max().item() > 1e-3
        # What is below 6e-8 is 0 in float16.
        np.testing.assert_allclose(half.detach().data, single.detach().data, rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize("groups", [None, 2])
@pytest.mark.parametrize("differentiable", [False, True])
def test_channels_whose_squares_float16_cannot_hold(groups, differentiable):
    channel_norm, found = ad.REGISTRY["channel_norm"], {}
    for dtype in (np.float16, np.float32):
        x = ad.tensor((300 * normal(4, 4, 32)).astype(np.float16), dtype=dtype, requires_grad=True)
        w = ad.tensor(normal(4, seed=1).astype(np.float16), dtype=dtype, requires_grad=True)
        g = ad.tensor(normal(4, 4, 32, seed=2).astype(np.float16), dtype=dtype)
        y = channel_norm(x, w, groups=groups)[0]
        found[dtype] = y, *ad.gradients(y, [x, w], g, create_graph=differentiable)
    for half, single in zip(found[np.float16], found[np.float32], strict=True):
        assert half.dtype == np.float16 and abs(single).max().item() > 1e-3
        np.testing.assert_allclose(half.detach().data, single.detach().data, rtol=2e-3, atol=1e-6)
