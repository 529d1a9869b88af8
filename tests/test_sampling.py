"""The orders of samplers: whole, in proportion, and functions of seed and epoch alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad
from nn import data

SAMPLERS = {
    "sequential": data.SequentialSampler(range(20)),
    "random": data.RandomSampler(range(20)),
    "random, some": data.RandomSampler(range(20), num_samples=7),
    "with replacement": data.RandomSampler(range(20), replacement=True, num_samples=50),
    "subset": data.SubsetRandomSampler([3, 1, 19]),
    "weighted": data.WeightedRandomSampler(np.arange(20.0), 30),
    "weighted, once each": data.WeightedRandomSampler(np.arange(20.0), 19, replacement=False),
    "distributed": data.DistributedSampler(range(20), 3, 1),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_orders_depend_on_seed_and_epoch_alone(name):
    sampler = SAMPLERS[name]
    first = sampler.order(1, 2)
    ad.random.normal(3)
    assert first.tolist() == sampler.order(1, 2).tolist()
    assert len(first) == len(sampler) and set(first.tolist()) <= set(range(20))
    if name != "sequential":
        others = [sampler.order(1, epoch).tolist() for epoch in range(3, 9)]
        assert first.tolist() not in others or name == "subset"
        assert len({tuple(order) for order in others}) > 1
        assert any(sampler.order(seed, 2).tolist() != first.tolist() for seed in range(2, 6))


def test_what_samplers_visit():
    assert SAMPLERS["sequential"].order(0, 0).tolist() == list(range(20))
    assert sorted(SAMPLERS["random"].order(0, 0)) == list(range(20))
    assert len(set(SAMPLERS["random, some"].order(0, 0))) == 7
    assert len(set(SAMPLERS["with replacement"].order(0, 0))) < 20
    assert sorted(SAMPLERS["subset"].order(0, 0)) == [1, 3, 19]
    assert sorted(SAMPLERS["weighted, once each"].order(0, 0)) == list(range(1, 20))


def test_weights_are_probabilities():
    weights = np.array([0.0, 1.0, 2.0, 5.0])
    drawn = data.WeightedRandomSampler(weights, 20_000).order(0, 0)
    np.testing.assert_allclose(np.bincount(drawn) / 20_000, weights / 8, atol=0.015)
    once = data.WeightedRandomSampler(weights, 1, replacement=False)
    drawn = [once.order(seed, 0)[0] for seed in range(2000)]
    np.testing.assert_allclose(np.bincount(drawn) / 2000, weights / 8, atol=0.05)


@given(n=st.integers(0, 40), shares=st.integers(1, 7), shuffle=st.booleans(), drop=st.booleans())
def test_shares_are_equal_and_make_a_whole(n, shares, shuffle, drop):
    if n == 0 and shuffle is False:
        return
    parts = [
        data.DistributedSampler(range(n), shares, rank, shuffle, drop).order(5, 1).tolist()
        for rank in range(shares)
    ]
    assert len({len(part) for part in parts}) == 1
    every = sum(parts, [])
    assert set(every) == set(range(n)) or drop
    assert max(np.bincount(every, minlength=1)) <= (1 if drop else -(-shares // max(n, 1)) + 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: data.RandomSampler(range(3), num_samples=4), "num_samples=4 of 3 items without"),
        (lambda: data.RandomSampler(range(3), num_samples=-1), "num_samples=-1"),
        (lambda: data.WeightedRandomSampler([1, -1], 1), "none negative"),
        (lambda: data.WeightedRandomSampler([0, 0], 1), "not all 0"),
        (lambda: data.WeightedRandomSampler([1, np.nan], 1), "finite"),
        (lambda: data.WeightedRandomSampler([1, 0], 2, False), "2 of 1 items"),
        (lambda: data.DistributedSampler(range(3), 2, 2), "rank=2 is not below 2"),
        (lambda: data.DataLoader(range(3), shuffle=True, sampler=SAMPLERS["random"]), "shuffle"),
    ],
)
def test_what_cannot_be_drawn_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_sampler_of_ones_own():
    class Backwards(data.Sampler):
        def __len__(self):
            return 4

        def order(self, seed, epoch):
            return np.array([9, 8, 7, 6])

    loader = data.DataLoader(range(10), 3, sampler=Backwards())
    assert len(loader) == 2
    assert [batch.data.tolist() for batch in loader] == [[9, 8, 7], [6]]
    with pytest.raises(NotImplementedError, match=r"Sampler defines no order"):
        data.Sampler().order(0, 0)
