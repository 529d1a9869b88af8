"""Positions and random numbers of a loader."""

import dataclasses
import random

import numpy as np
import pytest

import autodiff as ad
from nn import data


def numbers(n=10):
    return data.TensorDataset(np.arange(n))


def seen(loader):
    return [x.data.tolist() for (x,) in loader]


class Noisy(data.Dataset):
    """Items that draw from all three generators."""

    def __len__(self):
        return 12

    def __getitem__(self, i):
        return i, ad.random.normal(), np.random.rand(), random.random()


def rows(loader):
    return [tuple(row) for batch in loader for row in zip(*[p.data.tolist() for p in batch])]


# ---------------------------------------------------------------- state
def full(shuffle, **options):
    return data.DataLoader(numbers(), 3, shuffle, seed=5, **options)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("taken", range(12))
def test_a_loader_goes_on_where_another_stopped(shuffle, taken):
    whole = full(shuffle)
    expected = sum([seen(whole) for _ in range(3)], [])

    def run(loader):
        while True:
            yield from loader

    loader = full(shuffle)
    stopped = run(loader)
    before = [next(stopped) for _ in range(taken)]
    again = data.DataLoader(numbers(), 3, shuffle)
    again.load_state_dict(loader.state_dict())
    assert again.state_dict() == loader.state_dict()
    going_on = run(again)
    after = [next(going_on) for _ in range(12 - taken)]
    assert [x.data.tolist() for (x,) in before + after] == expected


def test_the_position_is_that_of_what_was_taken():
    loader = full(False)
    position = [(loader.state_dict()["epoch"], loader.state_dict()["batch"])]
    for _ in loader:
        state = loader.state_dict()
        position.append((state["epoch"], state["batch"]))
    state = loader.state_dict()
    assert position == [(0, i) for i in range(5)]
    assert (state["epoch"], state["batch"]) == (1, 0)
    loader.epoch = 7
    assert loader.state_dict()["epoch"] == 7


def test_the_last_batch_taken_is_the_end_of_its_epoch_not_the_next():
    """A run that stopped before it could act on the end of the epoch acts on it then."""
    loader = full(True)
    batches = iter(loader)
    for _ in range(4):
        next(batches)
    again = full(True)
    again.load_state_dict(loader.state_dict())
    assert seen(again) == [] and len(seen(again)) == 4


def test_a_state_is_that_of_the_iteration_begun_last():
    loader = full(False)
    first, second = iter(loader), iter(loader)
    next(first), next(second), next(second)
    assert (loader.state_dict()["epoch"], loader.state_dict()["batch"]) == (1, 2)
    list(first)  # its end is not that of the other
    assert (loader.state_dict()["epoch"], loader.state_dict()["batch"]) == (1, 2)


def test_a_state_can_be_saved(tmp_path):
    loader = full(True)
    next(iter(loader))
    ad.save(loader.state_dict(), tmp_path / "state")
    assert ad.load(tmp_path / "state") == loader.state_dict()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch": 1, "batch_size": 4}, "batch_size=4 in the middle.*this one has 3"),
        ({"batch": 1, "items": 11}, "items=11"),
        ({"batch": 5}, "no batch 5 in epoch 0"),
        ({"epoch": -1}, "no batch 0 in epoch -1"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(change, message):
    loader = full(True)
    with pytest.raises(ValueError, match=message):
        loader.load_state_dict(loader.state_dict() | change)
    with pytest.raises(ValueError, match="the state has no batch, epoch"):
        loader.load_state_dict({"seed": 1, "batch_size": 3, "items": 10})
    assert len(seen(loader)) == 4


def test_at_the_beginning_of_an_epoch_batches_may_be_of_another_size():
    one, other = full(True), data.DataLoader(numbers(), 4, shuffle=True, seed=2)
    seen(one)
    other.load_state_dict(one.state_dict())
    order = [i for batch in seen(one) for i in batch]
    assert [i for batch in seen(other) for i in batch] == order and other.epoch == 2


# ---------------------------------------------------------------- random numbers of items
def test_items_draw_the_same_whatever_the_batches():
    expected = sorted(rows(data.DataLoader(Noisy(), 4, seed=1)))
    assert sorted(rows(data.DataLoader(Noisy(), 5, shuffle=True, seed=1))) == expected
    backwards = data.Subset(Noisy(), range(11, -1, -1))
    assert rows(data.DataLoader(backwards, 4, seed=1))[0][1:] == expected[0][1:]  # by position
    for column in list(zip(*expected, strict=True))[1:]:
        assert len(set(column)) == 12


def test_items_draw_anew_in_every_epoch_and_for_every_seed():
    loader = data.DataLoader(Noisy(), 4, seed=1)
    first, second, other = rows(loader), rows(loader), rows(data.DataLoader(Noisy(), 4, seed=2))
    for a, b, c in zip(first, second, other, strict=True):
        assert a[0] == b[0] == c[0]
        assert all(x != y != z != x for x, y, z in zip(a[1:], b[1:], c[1:], strict=True))


def test_a_loader_leaves_the_generators_alone():
    ad.manual_seed(3), np.random.seed(3), random.seed(3)
    expected = ad.random.normal().item(), np.random.rand(), random.random()
    ad.manual_seed(3), np.random.seed(3), random.seed(3)
    loader = data.DataLoader(Noisy(), 4)  # no seed, no shuffling: nothing is drawn for it
    for _ in loader:
        break
    assert (ad.random.normal().item(), np.random.rand(), random.random()) == expected


def test_an_item_that_raises_leaves_the_generators_alone():
    class Broken(Noisy):
        def __getitem__(self, i):
            super().__getitem__(i)
            raise KeyError(i)

    before = ad.random.default_generator.state, random.getstate()
    with pytest.raises(KeyError):
        list(data.DataLoader(Broken(), 4))
    assert (ad.random.default_generator.state, random.getstate()) == before


def test_a_dataset_with_batches_of_its_own_may_draw_too():
    class Noise(Noisy):
        def batch(self, indices):
            return ad.asarray(indices), ad.random.normal(len(indices))

    loader = data.DataLoader(Noise(), 4, seed=1)
    assert rows(loader) == rows(data.DataLoader(Noise(), 4, seed=1)) != rows(loader)


# ---------------------------------------------------------------- batches
def test_single_items():
    loader = data.DataLoader(data.TensorDataset(np.arange(3.0), np.arange(3)), None)
    assert len(loader) == 3
    assert [(x.shape, y.item()) for x, y in loader] == [((), 0), ((), 1), ((), 2)]
    pairs = [({"x": 1.5, "s": "a"}, np.ones(2))]
    ((item, ones),) = data.DataLoader(pairs, None)
    assert isinstance(item["x"], ad.Tensor) and item["s"] == "a" and ones.shape == (2,)


def test_one_batch_of_everything():
    assert seen(data.DataLoader(numbers(), batch_size=10)) == [list(range(10))]


def test_a_collate_of_ones_own_gets_items():
    loader = data.DataLoader(numbers(4), 3, collate=lambda items: [x.item() for (x,) in items])
    assert list(loader) == [[0, 1, 2], [3]]


def test_items_of_unequal_shapes():
    ragged = [np.zeros(2), np.zeros(3)]
    with pytest.raises(ValueError, match=r"shapes \(2,\), \(3,\) make no batch.*collate="):
        list(data.DataLoader(ragged, 2))


def test_names_of_tuples_stay():
    from collections import namedtuple

    pair = namedtuple("pair", "x y")
    (batch,) = data.DataLoader([pair(1, 2.0), pair(3, 4.0)], 2, device="cpu")
    assert batch.x.data.tolist() == [1, 3] and batch.y.data.tolist() == [2, 4]


def test_numbers_are_batched_on_the_host(device, monkeypatch):
    """One by one they would be copied to a GPU that is the default."""
    put = []
    kind = ad.backend.device_kind(device)
    with ad.device(device), monkeypatch.context() as patch:
        patch.setitem(
            ad.backend._DEVICES,
            device,
            lambda: dataclasses.replace(kind, put=lambda *a: put.append(a) or kind.put(*a)),
        )
        (batch,) = data.DataLoader([1.0, 2.0], 2)
    assert batch.device.startswith(device) and len(put) == (device != "cpu")


# ---------------------------------------------------------------- datasets made of others
def test_concatenated_datasets():
    both = data.ConcatDataset([numbers(3), numbers(2)])
    assert seen(data.DataLoader(both, 5)) == [[0, 1, 2, 0, 1]] and both[-1][0].item() == 1
    with pytest.raises(IndexError, match="no item 5"):
        both[5]
    with pytest.raises(ValueError, match="at least one"):
        data.ConcatDataset([])


def test_transformed_datasets():
    pairs = data.TensorDataset(np.arange(4.0), np.arange(4))
    twice = data.TransformDataset(pairs, lambda x: 2 * x)
    x, y = next(iter(data.DataLoader(twice, 4)))
    assert x.data.tolist() == [0, 2, 4, 6] and y.data.tolist() == [0, 1, 2, 3]
    whole = data.TransformDataset(pairs, lambda item: item[1], part=None)
    assert next(iter(data.DataLoader(whole, 4))).data.tolist() == [0, 1, 2, 3]
