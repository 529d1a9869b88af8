"""Initial values: exact variances, bounds, fans, reproducibility."""

import math

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
    assert error < 0.02
    assert values.var() == pytest.approx(variance, rel=error)
    assert abs(values.mean()) < 5 * math.sqrt(variance / n)


@pytest.mark.parametrize("distribution", ["normal", "uniform", "truncated_normal"])
@pytest.mark.parametrize(
    ("mode", "n"), [("fan_in", IN), ("fan_out", OUT), ("fan_avg", (IN + OUT) / 2)]
)
def test_variance_scaling_has_its_variance(mode, n, distribution):
    w = init.variance_scaling_(ad.zeros((OUT, IN)), 3.0, mode, distribution)
    near(w.data, 3.0 / n)


# The variance that each name stands for, in its paper.
PAPERS = {
    "xavier_uniform_": 2 / (IN + OUT),
    "xavier_normal_": 2 / (IN + OUT),
    "glorot_uniform_": 2 / (IN + OUT),
    "glorot_normal_": 2 / (IN + OUT),
    "kaiming_uniform_": 2 / IN,
    "kaiming_normal_": 2 / IN,
    "he_uniform_": 2 / IN,
    "he_normal_": 2 / IN,
    "lecun_uniform_": 1 / IN,
    "lecun_normal_": 1 / IN,
}


@pytest.mark.parametrize("name", PAPERS)
def test_named_initializers_have_their_variance(name):
    w = ad.zeros((OUT, IN))
    assert getattr(init, name)(w) is w
    near(w.data, PAPERS[name])
    bounded = np.abs(w.data).max() <= math.sqrt(3 * PAPERS[name])
    assert bounded == ("uniform" in name)


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


@pytest.mark.parametrize("name", [*PAPERS, "orthogonal_", "uniform_", "normal_", "trunc_normal_"])
def test_draws_come_from_the_generator(name):
    fill = getattr(init, name)
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
    for fill in (init.he_normal_, init.xavier_uniform_, init.orthogonal_, init.eye_, init.ones_):
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
