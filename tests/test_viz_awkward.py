"""Healthy networks that are hard to handle: no false alarm, and no error that says nothing."""

import numpy as np
import pytest

import autodiff as ad
import nn
import viz
from demos import zoo

F = nn.functional


def adam(model):
    return nn.optim.Adam(model.parameters(), lr=1e-3)


def mlp(*widths):
    parts = []
    for n, m in zip(widths, widths[1:], strict=False):
        parts += [nn.Linear(n, m), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def labels(k, n):
    return ad.random.integers(0, k, (n,))


def classified(model, x, k):
    y = labels(k, len(x))
    return (lambda m: F.cross_entropy(m(x), y)), model, adam(model)


class Tied(nn.Module):
    """One weight for words in and words out."""

    def __init__(self):
        self.words, self.hidden = nn.Embedding(200, 16), nn.Linear(16, 16)

    def forward(self, x):
        return ad.tanh(self.hidden(self.words(x))) @ self.words.weight.T


def shared_layer():
    model = nn.Sequential(nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(),
                          nn.Linear(16, 3))  # fmt: skip
    model[2].weight = model[0].weight
    return classified(model, ad.random.normal((32, 16)), 3)


def tied_embedding():
    return classified(Tied(), ad.random.integers(0, 200, (32,)), 200)


def generator_of_a_gan():
    g, d, z = mlp(8, 32, 16), mlp(16, 32, 1), ad.random.normal((32, 8))
    ones = ad.ones((32, 1))
    return (lambda m: F.binary_cross_entropy_with_logits(d(m(z)), ones)), g, adam(g)


def discriminator_of_a_gan():
    """The loss reaches only one half of the model, and the optimizer has only that."""
    model, z = nn.ModuleDict({"g": mlp(8, 32, 16), "d": mlp(16, 32, 1)}), ad.random.normal((32, 8))
    x, bce = ad.random.normal((32, 16)), F.binary_cross_entropy_with_logits

    def loss_of(m):
        fake, real = m["d"](m["g"](z).detach()), m["d"](x)
        return bce(fake, ad.zeros((32, 1))) + bce(real, ad.ones((32, 1)))

    return loss_of, model, adam(model["d"])


def dropout():
    model = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 3))
    return classified(model, ad.random.normal((32, 16)), 3)


def batch_of_one():
    return classified(mlp(16, 32, 32, 3), ad.random.normal((1, 16)), 3)


def huge_targets():
    model, x, y = mlp(16, 32, 1), ad.random.normal((32, 16)), ad.random.normal((32, 1)) * 1e6
    return (lambda m: F.mse_loss(m(x), y)), model, adam(model)


def rare_words():
    model = nn.Sequential(nn.Embedding(5000, 32), nn.Flatten(), nn.Linear(256, 32), nn.ReLU(),
                          nn.Linear(32, 3))  # fmt: skip
    return classified(model, ad.random.integers(0, 50, (32, 8)), 3)


def transformer():
    layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.1, batch_first=True)
    model = nn.Sequential(nn.Embedding(50, 32), nn.TransformerEncoder(layer, 4), nn.Linear(32, 50))
    x, y = ad.random.integers(0, 50, (8, 12)), labels(50, 96)
    return (lambda m: F.cross_entropy(m(x).reshape((96, 50)), y)), model, adam(model)


def very_wide():
    return classified(mlp(16, 2048, 512, 3), ad.random.normal((32, 16)), 3)


def mixed_precision():
    model, x, y = mlp(16, 64, 64, 3), ad.random.normal((32, 16)), labels(3, 32)

    def loss_of(m):
        with ad.autocast(ad.float16):
            return F.cross_entropy(m(x), y)

    return loss_of, model, adam(model)


def dead_branch():
    """One of two parallel branches sends nothing back; nothing vanishes on the way."""
    model = nn.Sequential(
        nn.Linear(16, 16), nn.Parallel(nn.Linear(16, 4), nn.Linear(16, 16)), nn.ReLU(),
        nn.Linear(20, 3),
    )  # fmt: skip
    model[1][0].bias.data -= 50.0
    return classified(model, ad.random.normal((32, 16)), 3)


def solved():
    """Where the loss is 0, a step changes nothing, and no learning rate would."""
    model, x = mlp(16, 32, 1), ad.random.normal((32, 16))
    return (lambda m: F.mse_loss(m(x), m(x).detach())), model, adam(model)


CASES = [
    shared_layer, tied_embedding, generator_of_a_gan, discriminator_of_a_gan, dropout, batch_of_one,
    huge_targets, rare_words, transformer, very_wide, mixed_precision, dead_branch, solved,
]  # fmt: skip


def trained(loss_of, model, optimizer, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(model).backward()
        optimizer.step()


@pytest.mark.parametrize("made", CASES, ids=lambda f: f.__name__)
def test_no_false_alarm(made):
    ad.manual_seed(0)
    given = made()
    for steps in (0, 5):
        trained(*given, steps)
        assert [str(f) for f in viz.diagnose(*given)] == []


def backbone(frozen):
    model = nn.Sequential(mlp(16, 32, 32), nn.ReLU(), nn.Linear(32, 3))
    if frozen:
        model[0].requires_grad_(False)
    loss_of, _, _ = classified(model, ad.random.normal((32, 16)), 3)
    return loss_of, model, adam(model[2])


@pytest.mark.parametrize("frozen", [True, False])
def test_a_backbone_that_is_kept_is_noted_and_not_sick(frozen):
    ad.manual_seed(0)
    given = backbone(frozen)
    (finding,) = viz.diagnose(*given)
    assert (finding.rule, finding.severity) == ("frozen", "note")
    viz.assert_healthy(*given)


def zoo_network(name):
    ad.manual_seed(0)
    network = zoo.NETWORKS[name]
    rng, model = np.random.default_rng(0), network.build(nn, ad.concatenate)
    shape = (32, *network.shape)
    x = rng.integers(0, network.tokens, shape) if network.tokens else rng.uniform(size=shape)
    y = rng.integers(0, network.classes, 32) if network.classes else x
    x = ad.tensor(x, dtype=None if network.tokens else ad.float32)
    y = ad.tensor(y, dtype=None if network.classes else ad.float32)
    loss = F.cross_entropy if network.classes else F.mse_loss
    return (lambda m: loss(m(x), y)), model, adam(model)


@pytest.mark.parametrize("name", zoo.NETWORKS)
def test_the_zoo_is_healthy_at_first_and_after_ten_steps(name):
    given = zoo_network(name)
    for steps in (0, 10):
        trained(*given, steps)
        assert [str(f) for f in viz.diagnose(*given)] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.NETWORKS)
def test_the_zoo_is_healthy_after_fifty_steps(name):
    given = zoo_network(name)
    trained(*given, 50)
    assert [str(f) for f in viz.diagnose(*given)] == []


# ---------------------------------------------------------------- nothing to be diagnosed
def test_a_model_without_parameters_has_no_sickness():
    x = ad.random.normal((16, 4))
    assert viz.diagnose(lambda m: m(x).sum(), nn.ReLU()) == []
    x = ad.ones((16, 4), requires_grad=True)
    assert viz.diagnose(lambda m: m(x).sum(), nn.ReLU()) == []
    assert viz.diagnose(nn.ReLU()(x).sum(), nn.ReLU()) == []


def test_a_loss_without_a_graph():
    model, x = nn.Linear(2, 2), ad.ones((4, 2))
    with pytest.raises(ValueError, match="the loss has no graph"):
        viz.diagnose(ad.tensor(3.0))
    with ad.no_grad():
        loss = model(x).sum()
    (finding,) = viz.diagnose(loss, model)
    assert finding.rule == "unreached" and finding.statistic == 2
    assert "no_grad()" in finding.advice[0]


def test_a_frozen_model_can_be_thawed_in_a_trial():
    model, x = nn.Linear(2, 2).requires_grad_(False), ad.ones((4, 2))
    (finding,) = viz.diagnose(lambda m: m(x).sum(), model, nn.optim.SGD(model.parameters(), 0.01))
    assert finding.rule == "unreached" and finding.remedies == ("unfreeze",)
    trial = finding.try_fix()
    assert trial.cured and trial.after.loss < trial.before.loss == trial.untreated
    assert "loss" in trial.before.graph.dot()
    assert not model.weight.requires_grad


def test_scalars_are_diagnosed():
    w = ad.Scalar(2.0, requires_grad=True)

    class Neuron(nn.Module):
        def __init__(self):
            self.w = w

    assert viz.diagnose(w * w, Neuron()) == []
    with pytest.raises(ValueError, match="depends on no parameter of the model that the function"):
        viz.diagnose(lambda m: w * w, nn.Linear(2, 2))


def test_what_is_no_optimizer_is_said():
    model = nn.Linear(2, 1)
    with pytest.raises(TypeError, match="optimizer is a str, which has no param_groups"):
        viz.diagnose(model(ad.ones((4, 2))).sum(), model, "adam")
