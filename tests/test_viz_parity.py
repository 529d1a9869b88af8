"""The labels against PyTorch's hooks: the same network, the same batch, in float64."""

import numpy as np
import pytest

import autodiff as ad
import viz
from tests.test_viz import SIZES, by_name, inputs, loss_of, network

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity


def torch_rms(net):
    """RMS of the gradient of each parameter and of each activation, by tensor hooks."""
    found = {}

    def watch(name, t):
        t.register_hook(lambda g: found.__setitem__(name, g.square().mean().sqrt().item()))
        return t

    p = {
        name: watch(name, torch.tensor(t.data, requires_grad=True))
        for name, t in net.named_parameters()
    }
    x = torch.tensor(inputs())
    for i in range(len(SIZES) - 1):
        z = watch(f"fc{i}.matmul", x @ p[f"fc{i}.weight"])
        z = watch(f"fc{i}.add", z + p[f"fc{i}.bias"])
        x = watch(f"act{i}.sigmoid", torch.sigmoid(z))
    watch("mean", watch("multiply", x * x).mean()).backward()
    return found


@pytest.mark.parity
def test_every_node_has_the_rms_that_hooks_see():
    net = network()
    found = {n.name: n.rms for n in viz.graph(loss_of(net), model=net).nodes}
    assert found == pytest.approx(torch_rms(net), rel=1e-10)


@pytest.mark.parity
def test_a_deep_float32_network_agrees():
    rng = np.random.default_rng(0)
    weights = [(rng.normal(size=(32, 32)) / 32**0.5).astype("float32") for _ in range(10)]
    batch = rng.normal(size=(16, 32)).astype("float32")
    ours = [ad.tensor(w, requires_grad=True, name=f"w{i}") for i, w in enumerate(weights)]
    theirs = [torch.tensor(w, requires_grad=True) for w in weights]
    x, y = ad.tensor(batch), torch.tensor(batch)
    for w, v in zip(ours, theirs, strict=True):
        x, y = ad.sigmoid(ad.matmul(x, w)), torch.sigmoid(y @ v)
    nodes = by_name(viz.graph((x * x).mean()).nodes)
    (y * y).mean().backward()
    for i, v in enumerate(theirs):
        assert nodes[f"w{i}"].rms == pytest.approx(v.grad.square().mean().sqrt().item(), rel=1e-3)
