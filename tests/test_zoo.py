"""The zoo: every network runs and learns, and does what its twin in PyTorch does."""

import numpy as np
import pytest

import autodiff as ad
import nn
from demos import zoo

each = pytest.mark.parametrize("name", zoo.NETWORKS)
STEPS = 20
OPTIMIZERS = {"SGD": {"lr": 0.02, "momentum": 0.9}, "Adam": {"lr": 3e-3}}


def batch(network, size=16):
    """Inputs and targets; of an autoencoder, the inputs again."""
    rng = np.random.default_rng(1)
    shape = (size, *network.shape)
    x = rng.integers(0, network.tokens, shape) if network.tokens else rng.uniform(size=shape)
    return x, rng.integers(0, network.classes, size) if network.classes else x


def loss_of(network, lib):
    return lib.functional.cross_entropy if network.classes else lib.functional.mse_loss


@each
def test_it_learns_and_has_a_summary(name):
    ad.manual_seed(0)
    network = zoo.NETWORKS[name]
    model = network.build(nn, ad.concatenate)
    values, wanted = batch(network)
    x = ad.tensor(values, dtype=None if network.tokens else ad.float32)
    y = ad.tensor(wanted, dtype=None if network.classes else ad.float32)
    optimizer = nn.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        loss = loss_of(network, nn)(model(x), y)
        loss.backward()
        assert all(p.grad is not None for p in model.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert min(losses[-3:]) < losses[0]
    count = sum(p.size for p in model.parameters())
    assert f"{count:,} parameters" in model.summary((1, *network.shape), dtype=x.dtype)


@pytest.mark.parity
@each
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_twenty_steps_with_pytorch(name, optimizer, monkeypatch):
    """One state in both; the same losses, and in the end the same parameters and buffers."""
    torch = pytest.importorskip("torch", reason="the extra `parity` brings PyTorch")
    torch.manual_seed(0)
    network, options = zoo.NETWORKS[name], OPTIMIZERS[optimizer]
    theirs = network.build(torch.nn, torch.cat).double()
    ours = network.build(nn, ad.concatenate).double()
    ours.load_state_dict(theirs.state_dict())
    with_the_same_masks(monkeypatch, torch)
    values, wanted = batch(network)
    other = getattr(torch.optim, optimizer)(theirs.parameters(), **options)
    mine = getattr(nn.optim, optimizer)(ours.parameters(), **options)
    for _ in range(STEPS):
        losses = []
        for lib, model, tensor, step in (
            (nn, ours, ad.tensor, mine),
            (torch.nn, theirs, torch.tensor, other),
        ):
            step.zero_grad()
            losses.append(loss_of(network, lib)(model(tensor(values)), tensor(wanted)))
            losses[-1].backward()
            step.step()
        assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-9)
    assert losses[0].requires_grad
    for key, value in theirs.state_dict().items():
        found = ours.state_dict()[key].data
        np.testing.assert_allclose(found, value.numpy(), rtol=1e-7, atol=1e-10, err_msg=key)


def with_the_same_masks(monkeypatch, torch):
    """PyTorch's dropout drops what ours just dropped."""
    masks, draw = [], ad.random.bernoulli

    def drawn(*args, **options):
        masks.append(draw(*args, **options))
        return masks[-1]

    def dropout(x, p=0.5, training=True, inplace=False):
        return x * torch.tensor(masks.pop(0).data) / (1 - p) if training and p else x

    monkeypatch.setattr(ad.random, "bernoulli", drawn)
    monkeypatch.setattr(torch.nn.functional, "dropout", dropout)


@pytest.mark.parity
@each
def test_weights_move_both_ways_as_files(name, tmp_path):
    torch = pytest.importorskip("torch", reason="the extra `parity` brings PyTorch")
    from safetensors.torch import load_file, save_file

    network, file = zoo.NETWORKS[name], tmp_path / "weights.safetensors"
    ours, theirs = network.build(nn, ad.concatenate), network.build(torch.nn, torch.cat)
    save_file(theirs.state_dict(), file)
    ours.load_state_dict(ad.load(file))
    compare_states(ours, theirs)
    ours = network.build(nn, ad.concatenate)
    ad.save(ours.state_dict(), file)
    theirs.load_state_dict(load_file(file))
    compare_states(ours, theirs)


def compare_states(ours, theirs):
    found, expected = ours.state_dict(), theirs.state_dict()
    assert list(found) == list(expected)
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key].data, value.numpy(), err_msg=key)
