"""Convolutions: what rows of the tables cannot say."""

import threading
from functools import cache
from itertools import product

import numpy as np
import pytest

import autodiff as ad
import nn
from nn.costs import multiply_adds
from nn.functional import correlation
from nn.functional.lowering import Window, Workspace

F = nn.functional


def normal(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def by_definition(x, w, stride, padding, dilation, groups):
    """Sums over windows, one place of the output after the other."""
    axes = x.ndim - 2
    x = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)))
    size = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(x.shape[2:], w.shape[2:], stride, dilation)
    ]
    out = np.zeros((len(x), len(w), *size))
    inner, each = w.shape[1], len(w) // groups
    for place in product(*map(range, size)):
        window = tuple(
            slice(i * s, i * s + d * (k - 1) + 1, d)
            for i, s, d, k in zip(place, stride, dilation, w.shape[2:])
        )
        for o in range(len(w)):
            part = x[(slice(None), slice(o // each * inner, (o // each + 1) * inner), *window)]
            out[(slice(None), o, *place)] = (part * w[o]).sum(tuple(range(1, axes + 2)))
    return out


# x, w, and the window
GEOMETRIES = [
    ((3, 4, 9), (6, 2, 3), Window((2,), (2,), (2,), 2)),
    ((5, 4, 9, 7), (6, 4, 3, 2), Window((1, 1), (1, 2), (1, 1), 1)),
    ((2, 4, 9, 7), (6, 2, 3, 3), Window((2, 1), (2, 0), (1, 2), 2)),
    ((3, 4, 16, 9), (6, 2, 1, 1), Window((1, 1), (0, 0), (1, 1), 2)),
    ((3, 32, 11, 5), (4, 32, 3, 3), Window((1, 1), (2, 1), (2, 1), 1)),
    ((3, 32, 11, 5), (32, 1, 3, 3), Window((1, 2), (1, 1), (1, 1), 32)),
    ((2, 16, 6, 5, 4), (4, 8, 3, 2, 2), Window((1, 2, 1), (1, 0, 1), (2, 1, 1), 2)),
]


@cache
def defined(geometry):
    x_shape, w_shape, window = geometry
    x, w = normal(*x_shape), normal(*w_shape, seed=1)
    return x, w, by_definition(x, w, *window)


def results(limit, blocks, monkeypatch):
    """All three ops at all geometries, with tiles of a certain size."""
    monkeypatch.setattr(
        correlation, "_cpu_space", lambda x: Workspace(x.dtype, limit, blocks=blocks)
    )
    made = []
    for geometry in GEOMETRIES:
        x_shape, w_shape, window = geometry
        x, w, y = defined(geometry)
        size = y.shape[2:]
        made.append((correlation.convolution(x, w, None, size=size, window=window), y))
        again = correlation.transposed_convolution(y, w, None, size=x_shape[2:], window=window)
        made.append((again, (x_shape, (again * x).sum(), (y * y).sum())))
        kernel = correlation.kernel_gradient(x, y, size=w_shape[2:], window=window)
        made.append((kernel, (w_shape, (kernel * w).sum(), (y * y).sum())))
    return made


@pytest.mark.parametrize("blocks", [True, False])
@pytest.mark.parametrize("limit", [1, 300, 2000, 1 << 19])
def test_tiles_of_any_size_give_the_definition(limit, blocks, monkeypatch):
    """Some images at a time, some lines, or one; transposes by ``<Tx, y> = <x, T'y>``."""
    whole = results(1 << 30, False, monkeypatch)
    for (found, expected), (same, _) in zip(results(limit, blocks, monkeypatch), whole):
        np.testing.assert_allclose(found, same, rtol=1e-10, atol=1e-10)
        if isinstance(expected, tuple):
            shape, one, other = expected
            assert found.shape == shape
            np.testing.assert_allclose(one, other, rtol=1e-10)
        else:
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


def test_half_precision_is_summed_in_single():
    x, w = normal(2, 64, 9, 9, dtype=np.float16), normal(8, 64, 3, 3, seed=1, dtype=np.float16)
    found = F.conv2d(ad.tensor(x), ad.tensor(w))
    expected = F.conv2d(ad.tensor(x.astype(float)), ad.tensor(w.astype(float)))
    assert found.dtype == np.float16
    np.testing.assert_allclose(found.data, expected.data, rtol=2e-3, atol=2e-3)


def test_threads_do_not_share_memory():
    layers = [nn.Conv2d(8, 8, 3, padding=1, dtype="float64") for _ in range(4)]
    x = ad.tensor(normal(4, 8, 20, 20))
    expected = [layer(x).data for layer in layers]
    wrong = []

    def work(layer, y):
        for _ in range(10):
            if not np.array_equal(layer(x).data, y):
                wrong.append(layer)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(layers, expected)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_plain_arrays_give_plain_arrays():
    y = F.conv2d(np.ones((1, 3, 3)), np.ones((2, 1, 3, 3)), np.zeros(2))
    assert type(y) is np.ndarray and y.shape == (2, 1, 1)


def test_a_constant_keeps_nothing_else():
    free, fixed = ad.ones((1, 1, 3, 3)).requires_grad_(), ad.ones((1, 1, 3, 3))
    assert F.conv2d(fixed, free).node.rule.layout == ("x", "w_shape", "window")
    assert F.conv2d(free, fixed).node.rule.layout == ("w", "x_shape", "window")


def test_autocast_lowers_it():
    layer = nn.Conv2d(2, 3, 3)
    with ad.autocast(np.float16):
        y = layer(ad.ones((1, 2, 4, 4)))
    assert y.dtype == np.float16
    y.sum().backward()
    assert layer.weight.grad.dtype == np.float32


X, W = (2, 4, 6, 5), (8, 4, 3, 3)
BAD = [
    (X, (8, 3, 3, 3), {}, "has 4 channels, and a weight .* takes 3"),
    ((2, 6, 5, 4), W, {}, r"channels last\? use ad.moveaxis\(x, -1, -3\)"),
    (X[2:], W, {}, r"conv2d: an input of shape \(6, 5\) has 2 axes; it needs 4, \(N, C, H, W\)"),
    (X, W[1:], {}, "weight of shape .* has 3 axes; it needs 4: .out, in / groups"),
    (X, W, {"groups": 3}, "groups=3 and a weight"),
    (X, W, {"groups": 0}, "groups=0"),
    (X, W, {"groups": 2}, "groups=2 takes 8"),
    (X, W, {"bias": (4,)}, r"bias of shape \(4,\); it needs \(8,\)"),
    (X, W, {"stride": 0}, "stride=0; it is an integer of at least 1"),
    (X, W, {"stride": (1, 2, 3)}, "stride=.1, 2, 3.; it is .* or 2 of them"),
    (X, W, {"padding": -1}, "padding=-1"),
    (X, W, {"padding": "full"}, "padding='full'; use 'same', 'valid' or integers"),
    (X, W, {"padding": "same", "stride": 2}, "padding='same' with stride"),
    (X, W, {"dilation": 1.5}, "dilation=1.5"),
    (X, W, {"dilation": 3}, r"spatial size \(6, 5\).* smaller than a kernel of \(3, 3\) with dil"),
]


@pytest.mark.parametrize("x, w, options, message", BAD)
def test_bad_arguments(x, w, options, message):
    options = {k: np.ones(v) if k == "bias" else v for k, v in options.items()}
    with pytest.raises(ValueError, match=message):
        F.conv2d(ad.ones(x), ad.ones(w), **options)


BAD_TRANSPOSED = [
    ((2, 3, 4, 4), {}, "has 3 channels, and a weight .* takes 8"),
    ((2, 8, 4, 4), {"padding": "same"}, "padding='same'; here it is integers"),
    ((2, 8, 4, 4), {"output_padding": 1}, "output_padding=1 must be smaller"),
    ((2, 8, 1, 1), {"padding": 2}, "use less padding"),
]


@pytest.mark.parametrize("x, options, message", BAD_TRANSPOSED)
def test_bad_arguments_of_the_transpose(x, options, message):
    with pytest.raises(ValueError, match=message):
        F.conv_transpose2d(ad.ones(x), ad.ones(W), **options)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: nn.Conv2d(4, 6, 3, groups=4), r"Conv2d\(4, 6, groups=4\)"),
        (lambda: nn.Conv2d(4, 0, 3), "must be positive"),
        (lambda: nn.Conv2d(4, 6, 0), "kernel_size=0"),
        (lambda: nn.Conv2d(4, 6, 3, padding_mode="mirror"), "padding_mode='mirror'"),
        (lambda: nn.Conv2d(4, 6, 3, padding="same", stride=2), "Conv2d: padding='same'"),
        (lambda: nn.ConvTranspose2d(4, 6, 3, padding_mode="reflect"), "there is only zeros"),
        (lambda: nn.ConvTranspose1d(4, 6, 3, padding="same"), "here it is integers"),
        (
            lambda: nn.ConvTranspose1d(1, 1, 3, stride=2)(ad.ones((1, 1, 4)), output_size=[11]),
            r"output_size=\(11,\) .* from \(9,\) to \(10,\)",
        ),
    ],
)
def test_bad_layers(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: F.unfold(ad.ones((3, 3)), 2), r"shape \(3, 3\); it needs \(N, C, H, W\)"),
        (lambda: F.unfold(ad.ones((1, 3, 3)), 4), "unfold: .* smaller than a kernel"),
        (lambda: F.fold(ad.ones((1, 1, 4, 4)), 3, 2), "fold: an input of shape"),
        (lambda: F.fold(ad.ones((3, 4)), 3, 2), "must be a multiple of 4, and 4"),
        (lambda: F.fold(ad.ones((4, 5)), 3, 2), r"at \(2, 2\) places"),
        (lambda: F.fold(ad.ones((4, 4)), 3, (2, 2, 2)), "fold: kernel_size="),
    ],
)
def test_bad_columns(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_convolution_is_a_product_with_the_columns():
    x, w = ad.tensor(normal(2, 3, 6, 5)), ad.tensor(normal(4, 3, 3, 2, seed=1))
    columns = F.unfold(x, (3, 2), padding=1, stride=2)
    product = ad.reshape(w, (4, 18)) @ columns
    expected = F.conv2d(x, w, padding=1, stride=2)
    np.testing.assert_allclose(product.data, expected.data.reshape(2, 4, -1), rtol=1e-10)


def test_products_are_counted():
    def work(layer, *shape):
        return layer.summary(shape).splitlines()[-1]

    assert work(nn.Conv2d(4, 6, 3, padding=1, groups=2), 5, 4, 7, 7).startswith(
        f"{5 * 6 * 49 * 2 * 9:,} "
    )
    assert work(nn.ConvTranspose1d(4, 6, 3, stride=2), 5, 4, 7).startswith("2,520 ")
    x, w = ad.ones((2, 3, 8)).requires_grad_(), ad.ones((4, 3, 3)).requires_grad_()
    g = ad.gradients(F.conv1d(x, w), w, ad.ones((2, 4, 6)), create_graph=True)
    assert multiply_adds(g.node) == 2 * 4 * 6 * 3 * 3


@pytest.mark.parametrize("layer", [nn.Conv2d, nn.ConvTranspose2d])
def test_initial_values_count_the_inputs_of_a_group(layer):
    ad.manual_seed(0)
    w = layer(64, 128, 3, groups=4, weight_init="he_normal").weight.data
    assert np.var(w) * 64 / 4 * 9 == pytest.approx(2, rel=0.05)
