"""Ensembles: what averaging guarantees, and what it is worth on digits."""

import copy

import numpy as np
import pytest

import autodiff as ad
import nn

AXES = {-1: (7, 4), 1: (7, 4), 0: (4, 7)}


class Constant(nn.Module):
    """A member that answers what it was given."""

    def __init__(self, answer):
        self.answer = nn.Parameter(answer)

    def forward(self, x):
        return self.answer


def members(shape, count=5, seed=0):
    rng = np.random.default_rng(seed)
    return [Constant(3 * rng.standard_normal(shape)) for _ in range(count)]


def test_the_cross_entropy_is_at_most_the_mean_of_the_members():
    """By Jensen, for -log; strictly, since they disagree."""
    answers = members((7, 4))
    y = ad.tensor(np.arange(7) % 4)
    for average in ("probabilities", "logits"):  # the loss is convex in both
        together = nn.functional.cross_entropy(nn.Ensemble(*answers, average=average)(y), y)
        alone = [nn.functional.cross_entropy(m.answer, y).item() for m in answers]
        assert together.item() < np.mean(alone)
    same = nn.Ensemble(*[answers[0]] * 3)
    assert nn.functional.cross_entropy(same(y), y).item() == pytest.approx(alone[0], rel=1e-12)


def test_the_squared_error_is_less_by_the_spread():
    """Krogh & Vedelsby (1995), equation 6: an identity."""
    answers = members((20, 1))
    target = np.linspace(-1, 1, 20)[:, None]
    ensemble = nn.Ensemble(*answers, average="logits")
    mean = ensemble(None).data
    each = ensemble.each(None).data
    error, ambiguity = ((each - target) ** 2).mean(), ((each - mean) ** 2).mean()
    assert ((mean - target) ** 2).mean() == pytest.approx(error - ambiguity, rel=1e-12)


@pytest.mark.parametrize("axis", AXES)
def test_votes_are_counted(axis):
    answers = members(AXES[axis])
    shares = nn.Ensemble(*answers, average="vote", axis=axis)(None)
    assert shares.shape == AXES[axis] and not shares.requires_grad
    said = np.stack([m.answer.data.argmax(axis) for m in answers])
    for i, votes in enumerate(said.T):
        np.testing.assert_allclose(
            shares.data.take(i, 1 if axis == 0 else 0), np.bincount(votes, minlength=4) / 5
        )


def test_a_tie_goes_to_the_lower_class():
    ensemble = nn.Ensemble(Constant([[0.0, 0.0, 1.0]]), Constant([[0.0, 1.0, 0.0]]), average="vote")
    assert ensemble(None).argmax(axis=1).item() == 1


def test_logits_of_any_size():
    ensemble = nn.Ensemble(Constant([[1e4, 0.0]]), Constant([[0.0, 1e4]]))
    np.testing.assert_allclose(ensemble(None).data, np.log([[0.5, 0.5]]), rtol=1e-6)


def test_members_are_modules_in_order():
    ensemble = nn.Ensemble(nn.Linear(2, 3), nn.Linear(2, 3), average="vote", axis=1)
    assert list(ensemble.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert (ensemble[:1].average, ensemble[:1].axis, len(ensemble[:1])) == ("vote", 1, 1)
    assert "average='vote', axis=1" in repr(ensemble)
    assert copy.deepcopy(ensemble).average == "vote"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nn.Ensemble(), "at least one member"),
        (lambda: nn.Ensemble(nn.Linear(2, 3), average="mean"), "not 'mean'"),
        (
            lambda: nn.Ensemble(nn.Linear(2, 3), nn.Linear(2, 4))(ad.ones((1, 2))),
            r"shapes \(1, 3\), \(1, 4\); to be averaged they must be equal",
        ),
    ],
)
def test_what_cannot_be_is_said(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# ---------------------------------------------------------------- bagging
def test_a_bootstrap_is_drawn_with_replacement():
    data = nn.data.TensorDataset(ad.arange(1000))
    sample = nn.data.bootstrap(data, ad.random.Generator(0))
    again = nn.data.bootstrap(data, ad.random.Generator(0))
    assert len(sample) == 1000 and (sample.indices == again.indices).all()
    share = len(set(sample.indices)) / 1000  # 1 - 1/e on average, with deviation 0.01
    assert abs(share - (1 - np.exp(-1))) < 0.05
    assert (nn.data.bootstrap(data, ad.random.Generator(1)).indices != sample.indices).any()


def test_five_networks_know_digits_better_than_one():
    train, test = nn.datasets.digits()
    held = next(iter(nn.data.DataLoader(test, len(test))))
    trained = []
    for seed in range(5):
        generator = ad.random.Generator(seed)
        model = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 32, generator=generator), nn.ReLU(),
            nn.Linear(32, 10, generator=generator),
        )  # fmt: skip
        sample = nn.data.bootstrap(train, generator)
        loader = nn.data.DataLoader(sample, 50, shuffle=True, seed=seed)
        optimizer = nn.optim.Adam(model.parameters(), lr=0.01)
        nn.train.Trainer(model, nn.functional.cross_entropy, optimizer).fit(loader, epochs=4)
        trained.append(model.eval())
    x, y = held
    alone = [nn.train.accuracy(model(x), y) for model in trained]
    for average in ("probabilities", "logits", "vote"):
        together = nn.train.accuracy(nn.Ensemble(*trained, average=average)(x), y)
        assert together > np.mean(alone)
