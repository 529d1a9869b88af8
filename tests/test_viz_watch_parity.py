"""The training record against PyTorch: the same network, the same steps, hooks and copies."""

import numpy as np
import pytest

import autodiff as ad
import nn
import viz
from demos import zoo
from tests import test_zoo

torch = pytest.importorskip("torch", reason="the extra `parity` brings PyTorch")
pytestmark = pytest.mark.parity
STEPS = 4
KEPT, COARSE = 2e-6, 2.0**-8  # gradient RMS in float32; the other columns are bfloat16


def rms(x):
    return x.detach().square().mean().sqrt().item()


@pytest.mark.parametrize("name", ["MLP", "LeNet-5", "autoencoder"])
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_every_sample(name, optimizer):
    torch.manual_seed(0)
    network = zoo.NETWORKS[name]
    theirs = network.build(torch.nn, torch.cat).double()
    ours = network.build(nn, ad.concatenate).double()
    ours.load_state_dict(theirs.state_dict())
    x, wanted = test_zoo.batch(network)
    options = test_zoo.OPTIMIZERS[optimizer]
    mine = getattr(nn.optim, optimizer)(ours.parameters(), **options)
    with viz.watch(ours, every=1) as record:
        for _ in range(STEPS):
            mine.zero_grad()
            loss = test_zoo.loss_of(network, nn)(ours(ad.tensor(x)), ad.tensor(wanted))
            loss.backward()
            mine.step()
            record.step(loss, mine)

    other = getattr(torch.optim, optimizer)(theirs.parameters(), **options)
    expected = {
        key: [] for key in ("loss", "rms", "mean_abs", "update", "mean", "std", "activation")
    }
    seen = {}

    def keep(path):
        def hook(module, inputs, out):
            if out.requires_grad:
                out.retain_grad()
                seen[path] = out

        return hook

    watched = {path: m for path, m in theirs.named_modules() if path}
    for path, module in watched.items():
        module.register_forward_hook(keep(path))
    for _ in range(STEPS):
        other.zero_grad()
        loss = test_zoo.loss_of(network, torch.nn)(theirs(torch.tensor(x)), torch.tensor(wanted))
        loss.backward()
        parameters = dict(theirs.named_parameters())
        before = {key: p.detach().clone() for key, p in parameters.items()}
        other.step()
        expected["loss"].append(loss.item())
        expected["rms"].append({k: rms(p.grad) for k, p in parameters.items()})
        expected["mean_abs"].append({k: p.grad.abs().mean().item() for k, p in parameters.items()})
        moved = {k: rms(p - before[k]) / rms(before[k]) for k, p in parameters.items()}
        expected["update"].append(moved)
        expected["mean"].append({k: t.mean().item() for k, t in seen.items()})
        expected["std"].append({k: t.std(correction=0).item() for k, t in seen.items()})
        expected["activation"].append({k: rms(t.grad) for k, t in seen.items()})

    np.testing.assert_allclose(record.loss, expected["loss"], rtol=KEPT)
    compared = 0
    for statistic in ("rms", "mean_abs", "update", "mean", "std", "activation"):
        found = record.series(statistic, by="parameter")
        for series in found.names:
            path = series if series in expected[statistic][0] else series.rpartition(".")[0]
            if path not in expected[statistic][0]:
                continue  # an op outside any module
            for step, value in enumerate(found[series]):
                digits = KEPT if statistic == "rms" else COARSE
                known = pytest.approx(expected[statistic][step][path], rel=digits, abs=1e-15)
                assert value == known, (statistic, series, step)
                compared += 1
    print(f"\n{name}, {optimizer}: {compared} numbers")
    assert compared == STEPS * 3 * (len(before) + len(record.activations))
