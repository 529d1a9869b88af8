"""Datasets, batches, and files that are missing or damaged."""

import gzip
import hashlib
import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

import autodiff as ad
from nn import data, datasets


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


# ---------------------------------------------------------------- made up and bundled
def test_xor():
    x, y = datasets.xor().tensors
    assert x.dtype == y.dtype == np.float32 and y.shape == (4, 1)
    assert [(int(a), int(b), int(c)) for (a, b), (c,) in zip(x.data, y.data, strict=True)] == [
        (0, 0, 0),
        (0, 1, 1),
        (1, 0, 1),
        (1, 1, 0),
    ]


def test_moons():
    points, classes = datasets.moons(201, noise=0.0, seed=4).tensors
    assert points.dtype == np.float32 and classes.data.sum() == 100
    upper, lower = points.data[classes.data == 0], points.data[classes.data == 1]
    np.testing.assert_allclose((upper**2).sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(((lower - [1, 0.5]) ** 2).sum(1), 1, rtol=1e-5)
    assert (upper[:, 1] > -1e-6).all() and (lower[:, 1] < 0.5 + 1e-6).all()
    assert 0 < classes.data[:100].sum() < 100  # in random order
    noisy, again = (datasets.moons(200, 0.1, seed=4).tensors[0].data for _ in "ab")
    np.testing.assert_array_equal(noisy, again)
    assert (noisy != datasets.moons(200, 0.1, seed=5).tensors[0].data).any()
    with pytest.raises(ValueError, match="n=1"):
        datasets.moons(1)


def test_digits():
    pytest.importorskip("sklearn", reason="scikit-learn brings the digits")
    train, test = datasets.digits()
    assert (len(train), len(test)) == (1437, 360)
    image, label = train[0]
    assert image.shape == (1, 8, 8) and image.dtype == np.float32 and label == 0
    x, y = test.batch(np.arange(360))
    assert x.data.min() == 0 and x.data.max() == 1
    assert (np.bincount(y.data) > 25).all() and len(np.bincount(y.data)) == 10


def test_digits_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"pip install 'autodiff-viz\[demos\]'"):
        datasets.digits()


# ---------------------------------------------------------------- mnist: made-up files
def idx(array):
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + shape + array.tobytes(), mtime=0)


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A tiny MNIST: its files' contents, with mirrors and places that are all empty."""
    rng = np.random.default_rng(0)
    contents = {}
    for part, n in (("MNIST_TRAIN", 6), ("MNIST_TEST", 4)):
        files = []
        for (name, _), array in zip(
            getattr(datasets, part),
            (rng.integers(0, 256, (n, 28, 28), np.uint8), np.arange(n, dtype=np.uint8)),
            strict=True,
        ):
            contents[name] = idx(array)
            files.append((name, hashlib.sha256(contents[name]).hexdigest()))
        monkeypatch.setattr(datasets, part, tuple(files))
    monkeypatch.delenv("AUTODIFF_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    mirrors = tuple((tmp_path / name).as_uri() + "/" for name in ("one", "two"))
    monkeypatch.setattr(datasets, "MNIST_MIRRORS", mirrors)
    return contents


def put(directory, contents):
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (directory / name).write_bytes(content)
    return directory


def files_below(directory):
    return sorted(path.name for path in directory.rglob("*") if path.is_file())


def test_mnist_items_and_batches(small, tmp_path):
    train, test = datasets.mnist(put(tmp_path / "here", small))
    assert (len(train), len(test)) == (6, 4)
    image, label = train[3]
    assert image.shape == (1, 28, 28) and image.dtype == np.float32
    assert type(label) is int and label == 3
    assert 0 <= image.data.min() and image.data.max() <= 1
    raw = np.frombuffer(gzip.decompress(small["train-images-idx3-ubyte.gz"])[16:], np.uint8)
    np.testing.assert_array_equal(image.data[0], raw.reshape(6, 28, 28)[3] / np.float32(255))
    x, y = train.batch(np.array([5, 3]))
    assert x.shape == (2, 1, 28, 28) and y.data.tolist() == [5, 3] and y.dtype == np.int64
    np.testing.assert_array_equal(x.data[1], image.data)
    x, y = next(iter(data.DataLoader(train, batch_size=4)))
    assert x.shape == (4, 1, 28, 28) and x.dtype == np.float32


def test_mnist_looks_in_all_places_in_order(small, tmp_path, monkeypatch):
    cache = tmp_path / "cache" / "autodiff" / "mnist"
    bad = dict.fromkeys(small, b"bad")
    places = [tmp_path / "given", tmp_path / "data" / "mnist", tmp_path / "data", cache]
    monkeypatch.setenv("AUTODIFF_DATA", str(tmp_path / "data"))
    for place in reversed(places):  # what is found earlier hides what is damaged later
        put(place, small)
        assert len(datasets.mnist(places[0])[0]) == 6
        put(place, bad)
        with pytest.raises(ValueError):
            datasets.mnist(places[0])


def test_mnist_is_downloaded_once_from_the_first_mirror_that_has_it(small, tmp_path):
    put(tmp_path / "two", small)
    assert len(datasets.mnist()[1]) == 4
    cache = tmp_path / "cache" / "autodiff" / "mnist"
    assert files_below(tmp_path / "cache") == sorted(small)  # nothing half-written beside them
    for name, content in small.items():
        assert (cache / name).read_bytes() == content
        (tmp_path / "two" / name).unlink()
    assert len(datasets.mnist()[0]) == 6


def test_mnist_is_downloaded_to_the_directory_given(small, tmp_path):
    put(tmp_path / "one", small)
    datasets.mnist(tmp_path / "new" / "place")
    assert files_below(tmp_path / "new" / "place") == sorted(small)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"])
@pytest.mark.parametrize("damage", [lambda c: c[:-5], lambda c: b"", lambda c: b"<html>" + c])
def test_a_damaged_file_is_named(small, tmp_path, name, damage):
    place = put(tmp_path / "here", small)
    (place / name).write_bytes(damage(small[name]))
    with pytest.raises(ValueError, match=rf"{place / name} is damaged or incomplete.*delete it"):
        datasets.mnist(place)


def test_a_damaged_download_is_refused_and_not_kept(small, tmp_path):
    put(tmp_path / "one", dict.fromkeys(small, b"<html>captive portal</html>"))
    put(tmp_path / "two", {name: content[:100] for name, content in small.items()})
    with pytest.raises(OSError, match="sent 100 bytes that are not the official file"):
        datasets.mnist()
    assert files_below(tmp_path / "cache") == []


def test_no_network(small, tmp_path):
    with pytest.raises(OSError, match=r"could not be downloaded.*AUTODIFF_DATA") as caught:
        datasets.mnist(tmp_path / "nowhere")
    for place in ("nowhere", "cache", "one", "two"):
        assert str(tmp_path / place) in str(caught.value)
    assert not (tmp_path / "nowhere").exists()


def test_a_cache_that_cannot_be_written(small, tmp_path):
    put(tmp_path / "one", small)
    (tmp_path / "cache").write_text("a file where the directory should be")
    with pytest.raises(OSError, match=r"cannot keep train-images.*dir=, or set XDG_CACHE_HOME"):
        datasets.mnist()


def test_a_disk_that_fills_up_leaves_nothing(small, tmp_path, monkeypatch):
    put(tmp_path / "one", small)

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        datasets.mnist()
    assert files_below(tmp_path / "cache") == []


# ---------------------------------------------------------------- mnist: the real files
@pytest.mark.skipif(
    not (Path(os.environ.get("AUTODIFF_DATA", "")) / "mnist").is_dir(),
    reason="set AUTODIFF_DATA to a directory with mnist/*.gz",
)
def test_the_real_mnist():
    train, test = datasets.mnist()
    assert (len(train), len(test)) == (60000, 10000)
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(train.labels).tolist() == counts
    assert train.images.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert train[0][1] == 5 and test[0][1] == 7
