"""Datasets and batches of them."""

import numpy as np
import pytest

import autodiff as ad
from nn import data


def numbers(n=10):
    return data.TensorDataset(np.arange(n * 2, dtype=np.float32).reshape(n, 2), np.arange(n))


def seen(loader):
    return [y.data.tolist() for _, y in loader]


class Squares(data.Dataset):
    """Items of every kind, and no batches of its own."""

    def __len__(self):
        return 5

    def __getitem__(self, i):
        return {"x": np.full(2, i, np.float32), "y": i * i, "parts": (ad.tensor(float(i)), str(i))}


# ---------------------------------------------------------------- datasets
def test_tensor_dataset():
    x = ad.tensor([[1.0], [2.0]], requires_grad=True)
    dataset = data.TensorDataset(x, np.array([3, 4]))
    assert len(dataset) == 2
    row, label = dataset[1]
    assert (row.data.tolist(), label.item(), row.requires_grad) == ([2.0], 4, False)
    with pytest.raises(ValueError, match=r"equally long, not of shapes \(2, 1\), \(3,\)"):
        data.TensorDataset(x, np.zeros(3))
    with pytest.raises(ValueError, match="at least one axis"):
        data.TensorDataset(ad.tensor(1.0))


def test_subset():
    subset = data.Subset(numbers(), [7, 2, 5])
    assert len(subset) == 3 and subset[1][1].item() == 2
    assert seen(data.DataLoader(subset, batch_size=2)) == [[7, 2], [5]]
    assert seen(data.DataLoader(data.Subset(subset, [2, 0]), batch_size=2)) == [[5, 7]]


def test_random_split():
    parts = data.random_split(numbers(), [7, 3], ad.random.Generator(1))
    again = data.random_split(numbers(), [0.7, 0.3], ad.random.Generator(1))
    assert [len(part) for part in parts] == [7, 3]
    assert sorted([*parts[0].indices, *parts[1].indices]) == list(range(10))
    assert [part.indices.tolist() for part in parts] == [part.indices.tolist() for part in again]
    assert parts[0].indices.tolist() != list(range(7))
    assert [len(p) for p in data.random_split(numbers(), [1 / 3] * 3)] == [4, 3, 3]
    for lengths in ([7, 4], [0.5, 0.4], [11, -1], [5.5, 4.5]):
        with pytest.raises(ValueError, match="must add up to the 10 items"):
            data.random_split(numbers(), lengths)


def test_a_dataset_must_be_one():
    with pytest.raises(NotImplementedError, match="Dataset defines no __len__"):
        len(data.Dataset())


# ---------------------------------------------------------------- batches
def test_batches_in_order():
    loader = data.DataLoader(numbers(), batch_size=4)
    assert len(loader) == 3 and seen(loader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    loader = data.DataLoader(numbers(), batch_size=4, drop_last=True)
    assert len(loader) == 2 and seen(loader) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    x, _ = next(iter(loader))
    assert isinstance(x, ad.Tensor) and x.shape == (4, 2) and x.dtype == np.float32
    with pytest.raises(ValueError, match="batch_size=0"):
        data.DataLoader(numbers(), batch_size=0)


def test_batches_are_copies():
    dataset = numbers()
    for shuffle in (False, True):
        x, _ = next(iter(data.DataLoader(dataset, 4, shuffle)))
        assert not np.shares_memory(x.data, dataset.tensors[0].data)


def test_shuffling_is_a_fresh_order_of_everything_each_epoch():
    loader = data.DataLoader(numbers(100), batch_size=7, shuffle=True, seed=3)
    first, second = (sum(seen(loader), []) for _ in range(2))
    assert first != second and sorted(first) == sorted(second) == list(range(100))
    assert loader.epoch == 2


def test_orders_depend_on_seed_and_epoch_alone():
    one = data.DataLoader(numbers(100), batch_size=7, shuffle=True, seed=3)
    two = data.DataLoader(numbers(100), batch_size=50, shuffle=True, seed=3)
    other = data.DataLoader(numbers(100), batch_size=7, shuffle=True, seed=4)
    epochs = [sum(seen(one), []) for _ in range(3)]
    ad.random.normal(5)  # other draws make no difference
    two.epoch = 2  # nor do epochs that were left out, nor the batch size
    assert sum(seen(two), []) == epochs[2]
    assert sum(seen(other), []) != epochs[0]


def test_without_a_seed_the_default_generator_decides():
    orders = []
    for seed in (1, 1, 2):
        ad.manual_seed(seed)
        orders.append(seen(data.DataLoader(numbers(100), 10, shuffle=True)))
    assert orders[0] == orders[1] != orders[2]


def test_two_iterations_at_once_do_not_disturb_each_other():
    loader = data.DataLoader(numbers(), batch_size=5)
    assert [(a[1].data[0], b[1].data[0]) for a, b in zip(loader, loader, strict=True)] == [
        (0, 0),
        (5, 5),
    ]


def test_items_of_any_kind_are_collated():
    batch = next(iter(data.DataLoader(Squares(), batch_size=3)))
    assert batch["x"].data.tolist() == [[0, 0], [1, 1], [2, 2]] and batch["x"].dtype == np.float32
    assert batch["y"].data.tolist() == [0, 1, 4]
    assert batch["parts"][0].data.tolist() == [0, 1, 2] and batch["parts"][1] == ["0", "1", "2"]


def test_anything_with_length_and_items_is_a_dataset():
    pairs = [(float(i), i) for i in range(3)]
    (x, y), *_ = data.DataLoader(pairs, batch_size=2)
    assert x.data.tolist() == [0, 1] and x.dtype == np.float32 and y.dtype == np.int64


def test_batches_go_to_a_device(device):
    x, y = next(iter(data.DataLoader(numbers(), 4, shuffle=True, seed=1, device=device)))
    assert x.device == y.device and x.device.startswith(device)
    batch = next(iter(data.DataLoader(Squares(), batch_size=3, device=device)))
    assert batch["parts"][0].device.startswith(device) and batch["parts"][1] == ["0", "1", "2"]
    there = data.TensorDataset(*[t.to(device) for t in numbers().tensors])
    x, y = next(iter(data.DataLoader(there, 4, shuffle=True, seed=1)))
    assert x.device.startswith(device)
    expected = next(iter(data.DataLoader(numbers(), 4, shuffle=True, seed=1)))[1]
    assert ad.backend.to_numpy(y.data).tolist() == expected.data.tolist()


def test_a_batch_is_looked_up_at_once(monkeypatch):
    """Item by item it would take a hundred times longer."""
    dataset = data.TensorDataset(np.zeros((20, 3), np.float32), np.zeros(20, np.int64))

    def one_by_one(self, index):
        raise AssertionError("the loader asked for a single item")

    monkeypatch.setattr(data.TensorDataset, "__getitem__", one_by_one)
    assert len(list(data.DataLoader(dataset, batch_size=5, shuffle=True, seed=0))) == 4
