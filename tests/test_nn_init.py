"""Initial values: exact variances, bounds, fans, reproducibility."""

import math
from functools import partial

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import init

OUT, IN = 500, 300


@pytest.fixture(autouse=True)
def seeded():
    ad.manual_seed(0)


def near(values, variance):
    """Mean 0 and this variance, to five standard errors of a sample of this kurtosis."""
    n = values.size
    kurtosis = ((values - values.mean()) ** 4).mean() / values.var() ** 2
    error = 5 * math.sqrt((kurtosis - 1) / n)
    assert error < 0.025
    assert values.var() == pytest.approx(variance, rel=error)
    assert abs(values.mean()) < 5 * math.sqrt(variance / n)


@pytest.mark.parametrize("distribution", ["normal", "uniform", "truncated_normal"])
@pytest.mark.parametrize(
    ("mode", "n"), [("fan_in", IN), ("fan_out", OUT), ("fan_avg", (IN + OUT) / 2)]
)
def test_variance_scaling_has_its_variance(mode, n, distribution):
    w = init.variance_scaling_(ad.zeros((OUT, IN)), 3.0, mode, distribution)
    near(w.data, 3.0 / n)


# The variance that each name stands for, in its paper, and the options it was asked with.
A, B = -0.5, 2.0  # where a normal distribution of mean 0 and deviation 1 is cut off
PDF = [math.exp(-z * z / 2) / math.sqrt(2 * math.pi) for z in (A, B)]
MASS = (math.erf(B / math.sqrt(2)) - math.erf(A / math.sqrt(2))) / 2
CUT_MEAN = (PDF[0] - PDF[1]) / MASS
CUT = 1 + (A * PDF[0] - B * PDF[1]) / MASS - CUT_MEAN**2
VARIANCES = {
    "xavier_uniform_": (2 / (IN + OUT), {}),
    "xavier_normal_": (2 / (IN + OUT), {}),
    "glorot_uniform_": (2 / (IN + OUT), {}),
    "glorot_normal_": (2 / (IN + OUT), {}),
    "kaiming_uniform_": (2 / IN, {}),
    "kaiming_normal_": (2 / IN, {}),
    "he_uniform_": (2 / IN, {}),
    "he_normal_": (2 / IN, {}),
    "lecun_uniform_": (1 / IN, {}),
    "lecun_normal_": (1 / IN, {}),
    "variance_scaling_": (5 / OUT, {"scale": 5.0, "mode": "fan_out"}),
    "uniform_": (3**2 / 12, {"a": -1.5, "b": 1.5}),
    "normal_": (0.3**2, {"std": 0.3}),
    "trunc_normal_": (CUT, {"a": A, "b": B}),
    "orthogonal_": (4 / OUT, {"gain": 2.0}),
    "sparse_": (0.5**2 * (1 - 151 / OUT), {"sparsity": 0.301, "std": 0.5}),
}
# They draw nothing; `lsuv_` takes a model.
DRAW_NOTHING = {"constant_", "dirac_", "eye_", "ones_", "zeros_"}
BOUNDED = {name for name in VARIANCES if "uniform" in name}
DRAWN = [pytest.param(name, options, id=name) for name, (_, options) in VARIANCES.items()]


def test_every_initializer_is_here():
    found = {name for name in vars(init) if name.endswith("_") and name[0] != "_"}
    assert found == {*VARIANCES, *DRAW_NOTHING, "lsuv_"}


@pytest.mark.parametrize("name", VARIANCES)
def test_exact_variances(name):
    variance, options = VARIANCES[name]
    w = ad.zeros((OUT, IN))
    assert getattr(init, name)(w, **options) is w
    values = w.data.astype(np.float64)
    if name == "trunc_normal_":
        values -= CUT_MEAN
    near(values, variance)
    assert (np.abs(w.data).max() <= math.sqrt(3 * variance)) == (name in BOUNDED)


def test_gains():
    near(init.xavier_normal_(ad.zeros((OUT, IN)), gain=3.0).data, 9 * 2 / (IN + OUT))
    how = {"a": 0.5, "mode": "fan_out"}
    near(init.kaiming_normal_(ad.zeros((OUT, IN)), **how).data, 2 / 1.25 / OUT)
    tanh = init.kaiming_uniform_(ad.zeros((OUT, IN)), nonlinearity="tanh")
    near(tanh.data, (5 / 3) ** 2 / IN)
    assert init.calculate_gain("relu") == init.calculate_gain("leaky_relu", 0) == math.sqrt(2)
    assert init.calculate_gain("leaky_relu") == math.sqrt(2 / 1.0001)
    assert init.calculate_gain("linear") == init.calculate_gain("sigmoid") == 1
    with pytest.raises(ValueError, match="no gain is known for 'gelu'; known: linear"):
        init.calculate_gain("gelu")


def test_fans():
    assert init.calculate_fan(ad.zeros((8, 3))) == (3, 8)
    assert init.calculate_fan(ad.zeros((8, 3, 5, 2))) == (30, 80)
    with pytest.raises(ValueError, match=r"shape \(8,\) has no fan"):
        init.xavier_uniform_(ad.zeros(8))


def test_plain_fills():
    w = ad.zeros((3, 4))
    assert (init.ones_(w).data == 1).all() and (init.constant_(w, 2.5).data == 2.5).all()
    assert (init.zeros_(w).data == 0).all()
    np.testing.assert_array_equal(init.eye_(w).data, np.eye(3, 4))
    big = init.uniform_(ad.zeros(100_000), -1, 3).data
    assert big.min() >= -1 and big.max() < 3 and abs(big.mean() - 1) < 0.02
    big = init.normal_(ad.zeros(100_000), 2, 0.5).data
    assert abs(big.mean() - 2) < 0.01 and abs(big.std() - 0.5) < 0.01
    big = init.trunc_normal_(ad.zeros(100_000), 1.0, 2.0, a=0.0, b=2.0).data
    assert big.min() >= 0 and big.max() <= 2 and abs(big.mean() - 1) < 0.01
    with pytest.raises(ValueError, match="eye_ needs a matrix"):
        init.eye_(ad.zeros(3))
    with pytest.raises(TypeError, match="float dtype, not int64"):
        init.ones_(ad.tensor([1, 2]))


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (5, 5), (4, 2, 3)])
def test_orthogonal(shape):
    w = init.orthogonal_(ad.zeros(shape, dtype=ad.float64), gain=2.0).data.reshape(shape[0], -1)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, 4 * np.eye(min(w.shape)), atol=1e-12)


def test_orthogonal_is_uniform_over_all_such_matrices():
    """Of an orthogonal 2 by 2 matrix, uniformly drawn, half are reflections."""
    draws = [init.orthogonal_(ad.zeros((2, 2), dtype=ad.float64)).data.copy() for _ in range(400)]
    assert 140 < sum(np.linalg.det(q) < 0 for q in draws) < 260
    assert abs(np.mean([q[0, 0] for q in draws])) < 0.2


@pytest.mark.parametrize(("name", "options"), DRAWN)
def test_draws_come_from_the_generator(name, options):
    fill = partial(getattr(init, name), **options)
    one = fill(ad.zeros((3, 4)), generator=ad.random.Generator(1)).data.copy()
    two = fill(ad.zeros((3, 4)), generator=ad.random.Generator(1)).data
    three = fill(ad.zeros((3, 4)), generator=ad.random.Generator(2)).data
    np.testing.assert_array_equal(one, two)
    assert (one != three).any()


def test_initializing_is_a_write_that_backward_notices():
    w = nn.Parameter([[1.0, 2.0]])
    y = (w * w).sum()
    init.zeros_(w)
    with pytest.raises(RuntimeError, match="written in place"):
        y.backward()
    assert w.requires_grad and w.is_leaf


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_initializing_keeps_dtype_and_device(dtype, device):
    drawn = [partial(getattr(init, name), **how) for name, (_, how) in VARIANCES.items()]
    for fill in (*drawn, init.eye_, init.ones_):
        w = ad.zeros((3, 4), dtype=dtype, device=device)
        memory = w.data
        fill(w)
        assert w.data is memory and w.dtype == dtype and w.device.startswith(device)
        assert ad.backend.to_numpy(w.data).any()


def test_bad_options():
    w = ad.zeros((3, 4))
    with pytest.raises(ValueError, match="mode must be one of fan_in"):
        init.variance_scaling_(w, 1.0, "fan")
    with pytest.raises(ValueError, match="scale must be positive and finite, not -1"):
        init.variance_scaling_(w, -1.0)
    with pytest.raises(ValueError, match="distribution must be normal"):
        init.variance_scaling_(w, 1.0, "fan_in", "cauchy")
    assert init.he_normal_(ad.zeros((0, 4))).size == 0


# ---------------------------------------------------------------- structure
def test_dirac_passes_channels_on():
    w = init.dirac_(ad.ones((6, 2, 3, 3)), groups=3).data
    assert w.sum() == 6 and all(w[2 * g + i, i, 1, 1] == 1 for g in range(3) for i in range(2))
    with pytest.raises(ValueError, match=r"3 to 5 axes, not shape \(2, 2\)"):
        init.dirac_(ad.zeros((2, 2)))
    with pytest.raises(ValueError, match="6 outputs are not a multiple of groups=4"):
        init.dirac_(ad.zeros((6, 2, 3)), groups=4)


def test_sparse_columns(device):
    w = init.sparse_(ad.zeros((10, 40), device=device), 0.25)
    zeros = (ad.backend.to_numpy(w.data) == 0).sum(axis=0)
    assert (zeros == 3).all()
    with pytest.raises(ValueError, match="sparsity=2 is not within"):
        init.sparse_(w, 2)
    with pytest.raises(ValueError, match="sparse_ needs a matrix"):
        init.sparse_(ad.zeros(3), 0.5)


# ---------------------------------------------------------------- layouts
def test_blocks_have_fans_of_their_own(device):
    shown = []
    w = ad.zeros((6, 2, 3), device=device)
    out = init.initialize(lambda t: shown.append(init.calculate_fan(t)), w, blocks=3)
    assert out is w and shown == [(6, 6)] * 3
    init.initialize("ones", w, blocks=3)
    assert ad.backend.to_numpy(w.data).all()


def test_a_transposed_layout_is_shown_the_other_way():
    shown = []

    def fill(t):
        shown.append(t.shape)
        init.eye_(t)

    w = init.initialize(fill, ad.zeros((4, 3)), blocks=2, transposed=True)
    assert shown == [(3, 2)] * 2
    np.testing.assert_array_equal(w.data, np.concatenate([np.eye(2, 3)] * 2))


def test_blocks_draw_one_after_another():
    generator = ad.random.Generator(3)
    w = init.initialize("normal", ad.zeros((4, 2)), generator, blocks=2).data
    assert (w[:2] != w[2:]).all()


def test_writes_to_blocks_are_noticed():
    w = nn.Parameter(ad.ones((2, 2)))
    y = (w * w).sum()
    init.initialize("zeros", w, blocks=2)
    with pytest.raises(RuntimeError, match="written in place"):
        y.backward()


# ---------------------------------------------------------------- by data
def deep(depth=12, width=64):
    layers = [part for _ in range(depth) for part in (nn.Linear(width, width), nn.Tanh())]
    return nn.Sequential(nn.Flatten(), *layers)


def variances(model, x):
    found = []
    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.register_forward_hook(lambda m, a, out: found.append(out.var().item()))
    model(x)
    return found


@pytest.mark.parametrize("tol", [0.1, 1e-3])
def test_lsuv_gives_every_layer_unit_variance(tol):
    x = 30 * ad.random.normal((256, 64))
    plain, scaled = deep(), deep()
    scaled.train()
    assert init.lsuv_(scaled, x, tol=tol) is scaled
    assert all(m.training for m in scaled.modules())
    assert max(abs(v - 1) for v in variances(scaled, x)) <= tol + 1e-5
    assert max(abs(v - 1) for v in variances(plain, x)) > 1
    w = scaled[1].weight.data  # orthogonal, up to its scale
    product = w @ w.T
    np.testing.assert_allclose(product, np.eye(64) * product[0, 0], atol=1e-4 * product[0, 0])


def test_lsuv_may_begin_with_the_weights_as_they_are():
    model = deep(2)
    before = model[1].weight.data.copy()
    init.lsuv_(model, ad.random.normal((64, 64)), tol=1e-4, orthogonal=False)
    ratio = model[1].weight.data / before
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-4)


def test_lsuv_scales_a_shared_layer_once():
    layer = nn.Linear(8, 8)
    model = nn.Sequential(layer, nn.ReLU(), layer)
    init.lsuv_(model, ad.random.normal((64, 8)))
    assert abs(variances(model, ad.random.normal((512, 8)))[0] - 1) < 0.3


def test_lsuv_names_a_dead_layer():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    model[0].bias.data[...] = -1000.0
    ad.backend.stamp(model[0].bias.data)
    with pytest.raises(ValueError, match=r"output of 2 has variance 0\.0 on this batch"):
        init.lsuv_(model, ad.random.normal((16, 4)))
    assert not model[0]._hooks


# ---------------------------------------------------------------- the fans of layers
LAYERS = [
    (nn.Linear, (6, 4), {}, (6,)),
    (nn.Conv1d, (4, 6, 3), {}, (4, 9)),
    (nn.Conv1d, (4, 6, 3), {"groups": 2}, (4, 9)),
    (nn.Conv2d, (4, 8, (3, 2)), {"groups": 4}, (4, 7, 6)),
    (nn.Conv2d, (4, 4, 3), {"groups": 4}, (4, 7, 7)),  # depthwise
    (nn.Conv2d, (3, 5, 3), {"dilation": 2}, (3, 9, 9)),
    (nn.Conv3d, (2, 3, 2), {}, (2, 5, 5, 5)),
    (nn.ConvTranspose1d, (4, 6, 3), {}, (4, 9)),
    (nn.ConvTranspose1d, (4, 6, 3), {"groups": 2}, (4, 9)),
    (nn.ConvTranspose2d, (4, 2, (3, 2)), {"groups": 2}, (4, 7, 6)),
    (nn.RNNCell, (6, 4), {}, (1, 6)),
    (nn.LSTMCell, (6, 4), {}, (1, 6)),
    (nn.GRUCell, (6, 4), {}, (1, 6)),
    (nn.Maxout, (6, 4), {"pieces": 3}, (6,)),
]


@pytest.mark.parametrize(("kind", "args", "options", "shape"), LAYERS, ids=str)
def test_fans_are_the_connections_of_the_layer(kind, args, options, shape):
    """An initializer is shown as many inputs and outputs as the layer's own function connects."""
    shown = []

    def fill(w):
        shown.append(init.calculate_fan(w))
        init.ones_(w)

    layer = kind(*args, weight_init=fill, **options)
    if isinstance(layer, nn.LSTMCell | nn.GRUCell | nn.RNNCell):
        gates = layer.weight_ih.shape[0] // layer.hidden_size
        ones = ad.ones((layer.hidden_size, 6))
        assert shown == [init.calculate_fan(ones)] * gates  # each gate by itself
        return
    if isinstance(layer, nn.Maxout):
        assert shown == [(6, 4)] * 3  # each piece by itself
        return
    connected = ad.jacobian(layer)(ad.ones(shape)).data != 0
    outputs = connected.reshape(-1, math.prod(shape))
    assert set(shown) == {(outputs.sum(axis=1).max(), outputs.sum(axis=0).max())}


@pytest.mark.parametrize(
    "fill",
    [
        init.zeros_,
        init.kaiming_normal_,
        init.orthogonal_,
        init.eye_,
        partial(init.sparse_, sparsity=0.5),
        partial(init.constant_, value=2.0),
        partial(init.trunc_normal_, std=0.02),
    ],
)
def test_raw_arrays_are_filled_too(fill):
    """Programs write ``init.normal_(module.weight.data)``."""
    tensor, weight = nn.Parameter(np.full((4, 3), 9.0)), nn.Parameter(np.full((4, 3), 9.0))
    ad.manual_seed(0)
    fill(tensor)
    ad.manual_seed(0)
    assert fill(weight.data) is weight.data
    np.testing.assert_array_equal(weight.data, tensor.data)
    assert (weight.data != 9).all()


def test_what_is_no_array_is_refused():
    with pytest.raises(TypeError):
        init.zeros_([1.0])
