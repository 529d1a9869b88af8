"""Local derivatives read from the graph, against finite differences."""

import numpy as np
import pytest

import autodiff as ad
import nn
from viz._local import LOCAL, derivative, low_share

F = nn.functional
FUNCTIONS = {
    "relu": ad.relu, "sigmoid": ad.sigmoid, "tanh": ad.tanh, "arctan": ad.arctan, "erf": ad.erf,
    "threshold": lambda x: F.threshold(x, 0.5, 0.1),
    "softplus": F.softplus,
    **{
        name: getattr(F, name)
        for name in (
            "leaky_relu hardswish elu celu selu gelu silu mish softsign hardtanh hardsigmoid"
        ).split()
    },
}  # fmt: skip
POINTS = np.linspace(-6.1, 6.2, 4000)


def test_every_activation_of_the_table_is_tried():
    assert FUNCTIONS.keys() == LOCAL.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_derivative_is_that_of_finite_differences_and_its_bound_holds(name, device):
    f = FUNCTIONS[name]
    x = ad.tensor(POINTS, requires_grad=True, device=device)
    node = f(x).node
    assert node.op.name == name
    found = ad.backend.to_numpy(derivative(node))
    eps = 1e-6
    above, below = (f(ad.tensor(POINTS + d)).numpy() for d in (eps, -eps))
    np.testing.assert_allclose(found, (above - below) / (2 * eps), atol=1e-7)
    assert np.abs(found).max() == pytest.approx(LOCAL[name].largest, rel=0.02)
    assert np.abs(found).max() <= LOCAL[name].largest * (1 + 1e-3)


def test_the_share_of_low_slopes():
    x = ad.tensor([-5.0, 0.0, 1.0, 5.0], requires_grad=True)
    assert low_share(ad.tanh(x).node) == 0.5
    assert low_share(ad.relu(x).node) == 0.5
    assert low_share(F.relu6(x).node) == 0.5


def test_nothing_is_known_of_other_ops_and_released_graphs():
    x = ad.tensor([1.0, 2.0], requires_grad=True)
    assert derivative((x * x).node) is None
    assert derivative(x.node) is None
    assert derivative((ad.Scalar(1.0, requires_grad=True) * 2).node) is None
    y = ad.tanh(x)
    y.sum().backward()
    assert derivative(y.node) is None
