"""Transfer: what is frozen stays, what was learned helps."""

import numpy as np

import autodiff as ad
import nn

LOSS = nn.functional.cross_entropy


def network(classes=10, seed=0):
    how = {"generator": ad.random.Generator(seed)}
    backbone = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 48, **how), nn.BatchNorm1d(48), nn.ReLU(), nn.Dropout(0.2)
    )
    return nn.Sequential({"backbone": backbone, "head": nn.Linear(48, classes, **how)})


def fit(model, parameters, data, epochs, lr=0.01):
    loader = nn.data.DataLoader(data, 25, shuffle=True, seed=0)
    nn.train.Trainer(model, LOSS, nn.optim.Adam(parameters, lr=lr)).fit(loader, epochs=epochs)


def values(module):
    return {name: value.numpy().copy() for name, value in module.state_dict().items()}


def frozen(model):
    model.train()
    model.backbone.requires_grad_(False)
    model.backbone.eval()
    return model


def test_a_frozen_backbone_keeps_every_bit():
    ad.manual_seed(0)
    data = nn.datasets.digits()[1]
    model = frozen(network())
    before, head = values(model.backbone), values(model.head)
    fit(model, model.parameters(), data, 2)  # the optimizer has all of them
    after = values(model.backbone)
    assert "2.running_mean" in after
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value)
    assert (values(model.head)["weight"] != head["weight"]).any()
    assert all(not m.training for m in model.backbone.modules()) and model.training


def test_statistics_move_where_eval_was_forgotten():
    """Why the page says to call it."""
    ad.manual_seed(0)
    data = nn.datasets.digits()[1]
    model = network()
    model.backbone.requires_grad_(False)
    before = values(model.backbone)
    fit(model, model.head.parameters(), data, 1)
    moved = {
        name for name, value in values(model.backbone).items() if (value != before[name]).any()
    }
    assert moved == {"2.running_mean", "2.running_var", "2.num_batches_tracked"}


def test_groups_have_rates_of_their_own():
    """Of Adam's first step each element moves by its rate, or not at all."""
    ad.manual_seed(0)
    data = nn.datasets.digits()[1]
    model = network()
    before = values(model)
    groups = [
        {"params": list(model.backbone.parameters()), "lr": 1e-4},
        {"params": list(model.head.parameters()), "lr": 1e-2},
    ]
    optimizer = nn.optim.Adam(groups)
    x, y = next(iter(nn.data.DataLoader(data, 100)))
    LOSS(model(x), y).backward()
    optimizer.step()
    for name, rate in (("backbone.1.weight", 1e-4), ("head.weight", 1e-2)):
        moved = abs(values(model)[name] - before[name]).max()
        assert 0.5 * rate < moved < 1.1 * rate


def test_layers_learned_on_digits_help_to_tell_odd_from_even():
    """With 20 labels, against a network that has nothing else."""
    train, test = nn.datasets.digits()
    x, y = next(iter(nn.data.DataLoader(test, len(test))))
    gains = []
    for seed in range(3):
        ad.manual_seed(seed)
        some = nn.data.Subset(train, range(20 * seed, 20 * seed + 20))
        few = [(image, digit % 2) for image, digit in some]
        fresh, model = network(10, seed), network(10, seed)
        fit(model, model.parameters(), train, 10)
        for each in (fresh, model):
            each.head = nn.Linear(48, 2, generator=ad.random.Generator(seed))
        fit(frozen(model), model.head.parameters(), few, 30)
        fit(fresh, fresh.parameters(), few, 30)
        right = [nn.train.accuracy(each.eval()(x), y % 2) for each in (model, fresh)]
        gains.append(right[0] - right[1])
    assert np.mean(gains) > 0.02
