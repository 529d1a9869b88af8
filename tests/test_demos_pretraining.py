"""The demos of pre-training and of cures."""

import types
import webbrowser

import numpy as np
import pytest

import autodiff as ad
import nn
from demos import cures, pretraining

QUICK = ["--depth", "6", "--width", "32", "--pre-epochs", "6", "--epochs", "4", "--rates", "0.1"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A short run: the networks, the folder, what was printed."""
    out = tmp_path_factory.mktemp("pretraining")
    printed = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webbrowser, "open", None)
        patch.setattr("builtins.print", lambda *a, **k: printed.append(" ".join(map(str, a))))
        networks = pretraining.main([*QUICK, "--out", str(out)])
    return networks, out, "\n".join(printed)


def rms(model, batch):
    """Of the gradient of each weight, first to last."""
    x, y = batch
    weights = [p for p in model.parameters() if p.ndim == 2]
    found = ad.gradients(nn.functional.cross_entropy(model(x), y), weights)
    return np.array([np.sqrt((g.data**2).mean()) for g in found])


def test_pretraining_keeps_the_gradient_alive(ran):
    batch = next(iter(nn.data.DataLoader(nn.datasets.digits()[0], 200)))
    random, pretrained = (rms(each.start, batch) for each in ran[0].values())
    assert random[0] < 1e-3 * random[-1]
    assert pretrained[0] > 5e-3 * pretrained[-1] and pretrained[0] > 20 * random[0]


def test_only_the_pretrained_network_learns(ran):
    random, pretrained = ran[0].values()
    assert random.accuracy <= 0.2 and pretrained.accuracy > 0.3  # few epochs
    weights = [model.head.weight.data for model in (pretrained.start, pretrained.end)]
    assert (weights[0] != weights[1]).any()


def test_both_networks_have_the_same_head(ran):
    random, pretrained = (each.start for each in ran[0].values())
    np.testing.assert_array_equal(random.layer7.weight.data, pretrained.head.weight.data)


def test_four_pictures_and_a_page(ran):
    _, out, printed = ran
    names = [f"{name}-{when}.svg" for when in ("start", "end") for name in ran[0]]
    for name in (*names, "pretraining.html"):
        assert (out / name).is_file() and str(out / name) in printed
    html = (out / "pretraining.html").read_text(encoding="utf-8")
    assert html.count("<svg") == 4 and "gradient RMS, layer 7" in html


def test_the_rate_is_chosen_on_images_held_out():
    """Of two rates, one of which is 0, the one that learns."""
    options = pretraining.parse(["--rates", "0.0", "0.1"])[0]
    data = pretraining.split(options)
    assert [len(part) for part in data] == [1198, 239, 360]
    start = nn.Sequential(nn.Flatten(), nn.Linear(64, 10, generator=ad.random.Generator(0)))
    found = pretraining.tuned(start, 1, options, data)
    assert found.rate == 0.1 and found.accuracy > 0.5


@pytest.mark.parametrize("accuracies", [(0.3, 0.9), (0.1, 0.6)])
def test_a_story_that_does_not_hold_is_an_error(accuracies):
    def networks(pair):
        return {name: types.SimpleNamespace(accuracy=a) for name, a in zip("ab", pair)}

    options = types.SimpleNamespace(depth=9)
    pretraining.check(networks((0.1, 0.9)), options)
    with pytest.raises(AssertionError, match=f"{accuracies[0]:.3f} and {accuracies[1]:.3f}"):
        pretraining.check(networks(accuracies), options)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_claim_for_several_seeds(seed, tmp_path):
    random, pretrained = pretraining.main(["--seed", str(seed), "--out", str(tmp_path)]).values()
    assert random.accuracy <= 0.2 and pretrained.accuracy > 0.7


# ---------------------------------------------------------------- cures
def test_a_table_of_cures(monkeypatch, capsys):
    monkeypatch.setattr(cures, "VANISHING", cures.VANISHING[:1] + cures.VANISHING[-1:])
    monkeypatch.setattr(cures, "OVERFITTING", cures.OVERFITTING[:1])
    tables = cures.main(["--epochs", "2", "--width", "16"])
    assert [len(rows) for rows in tables.values()] == [3, 2]
    (_, sick, five), (_, few) = tables.values()
    assert float(sick[1]) > 4 and float(sick[3]) <= 0.2 and float(five[3]) <= 0.2
    assert abs(float(few[1])) < 1.5 and float(few[2]) > float(sick[2])
    assert few[0] in capsys.readouterr().out


def test_what_a_cure_changes():
    made = cures.network([64, 8, 8, 8], 0, norm=True, skip=True, dropout=0.1)
    kinds = [type(part).__name__ for part in made.modules()]
    counts = {kind: kinds.count(kind) for kind in ("Linear", "BatchNorm1d", "Residual", "Dropout")}
    assert counts == {"Linear": 4, "BatchNorm1d": 3, "Residual": 2, "Dropout": 3}
    plain = cures.network([64, 8, 8, 8], 0)
    assert len(plain) == 8 and made(ad.ones((2, 1, 8, 8))).shape == (2, 10)


@pytest.mark.slow
def test_what_cures_and_what_does_not():
    vanishing, few = cures.main([]).values()
    new = {row[0]: float(row[3]) for row in vanishing[1:]}
    for name in ("ReLU, He's weights", "tanh, Xavier's weights", "batch normalization",
                 "skip connections", "Boltzmann machines, then momentum 0.9"):  # fmt: skip
        assert new[name] > 0.7, name
    for name in (cures.SICK.name, "Xavier's weights", "momentum 0.9", "dropout 0.2",
                 "weight decay 1e-4", "early stopping", "ensemble of 5"):  # fmt: skip
        assert new[name] <= 0.2, name
    assert all(float(row[2]) > 0.9 and float(row[3]) > 0.8 for row in few[1:])
