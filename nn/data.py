"""Datasets and batches of them."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

import autodiff as ad

Array = Any


class Dataset:
    """What has a length and items; a subclass defines ``__len__`` and ``__getitem__``.

    One that can fetch many items at once, faster than one by one, overrides `batch`.
    """

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} defines no __len__()")

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no __getitem__(index)")

    def batch(self, indices: np.ndarray) -> Any:
        """The items at several positions, stacked: a tensor, or a tuple of them."""
        return collate([self[int(i)] for i in indices])


class TensorDataset(Dataset):
    """Items are tuples of rows, one of each tensor.

    Parameters
    ----------
    *tensors : Tensor or array
        Of equal length along their first axis.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> data = nn.data.TensorDataset(ad.ones((4, 2)), ad.arange(4))
    >>> x, y = data[3]
    >>> x, y
    (tensor([1., 1.]), tensor(3))
    """

    def __init__(self, *tensors: Any) -> None:
        self.tensors = tuple([ad.asarray(t).detach() for t in tensors])
        if not tensors or any(not t.shape for t in self.tensors):
            raise ValueError("TensorDataset needs tensors with at least one axis")
        lengths = {t.shape[0] for t in self.tensors}
        if len(lengths) > 1:
            raise ValueError(
                "TensorDataset: the tensors must be equally long, not of shapes "
                f"{', '.join(str(t.shape) for t in self.tensors)}"
            )

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, index: int) -> tuple[ad.Tensor, ...]:
        return tuple([t[index] for t in self.tensors])

    def batch(self, indices: np.ndarray) -> tuple[ad.Tensor, ...]:
        """The rows at ``indices`` of each tensor."""
        return tuple([ad.asarray(rows(t.data, indices)) for t in self.tensors])


class Subset(Dataset):
    """Some items of another dataset."""

    def __init__(self, dataset: Dataset, indices: Sequence[int] | np.ndarray) -> None:
        self.dataset = dataset
        self.indices = np.asarray(indices, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]

    def batch(self, indices: np.ndarray) -> Any:
        """The items at several positions, stacked."""
        return batch_of(self.dataset, self.indices[indices])


def random_split(
    dataset: Dataset,
    lengths: Sequence[float],
    generator: ad.random.Generator | None = None,
) -> list[Subset]:
    """Split a dataset at random.

    Parameters
    ----------
    dataset : Dataset
    lengths : sequence of int or of float
        The number of items of each part, or its share; shares add up to 1, and what rounding
        leaves goes to the first parts.
    generator : ad.random.Generator, optional

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> data = nn.data.TensorDataset(ad.arange(10))
    >>> [len(part) for part in nn.data.random_split(data, [0.75, 0.25])]
    [8, 2]
    """
    n = len(dataset)
    if all(isinstance(length, float) for length in lengths) and abs(sum(lengths) - 1) < 1e-6:
        sizes = [int(n * share) for share in lengths]
        for i in range(n - sum(sizes)):
            sizes[i % len(sizes)] += 1
    else:
        sizes = [int(length) for length in lengths]
        if sizes != list(lengths):
            sizes = []
    if any(size < 0 for size in sizes) or sum(sizes) != n:
        raise ValueError(
            f"random_split: lengths {list(lengths)} must add up to the {n} items, or be shares "
            "that add up to 1.0"
        )
    order = ad.random.permutation(n, device="cpu", generator=generator).numpy()
    ends = np.cumsum(sizes)
    return [Subset(dataset, part) for part in np.split(order, ends[:-1])]


class DataLoader:
    """Batches of a dataset, in the same order again for the same seed and epoch.

    Parameters
    ----------
    dataset : Dataset, or anything with a length and items
    batch_size : int
    shuffle : bool
        A fresh order for each epoch.
    drop_last : bool
        Leave out the last batch if it is smaller.
    seed : int, optional
        Of the orders; drawn from the default generator if not given.
    device : str, optional
        Where the batches go; they stay where the data is if not given.

    Attributes
    ----------
    epoch : int
        How many times iteration was begun; set it to continue where another loader stopped.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> data = nn.data.TensorDataset(ad.arange(5), ad.arange(5) * 10)
    >>> for x, y in nn.data.DataLoader(data, batch_size=2):
    ...     print(x, y)
    tensor([0, 1]) tensor([ 0, 10])
    tensor([2, 3]) tensor([20, 30])
    tensor([4]) tensor([40])
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        seed: int | None = None,
        device: str | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"DataLoader: batch_size={batch_size} must be at least 1")
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        if seed is None and shuffle:
            seed = ad.random.integers(2**63 - 1, device="cpu").item()
        self.seed = seed
        self.device = device
        self.epoch = 0

    def __len__(self) -> int:
        n = len(self.dataset)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def order(self, epoch: int) -> np.ndarray:
        """The order of the items in an epoch, counted from 0."""
        n = len(self.dataset)
        if not self.shuffle:
            return np.arange(n)
        generator = ad.random.Generator(self.seed)
        generator.state = (generator.state[0], epoch << 64)  # no epoch draws so many numbers
        order: np.ndarray = generator.permutation(n, device="cpu")
        return order

    def __iter__(self) -> Iterator[Any]:
        order = self.order(self.epoch)
        self.epoch += 1
        for i in range(len(self)):
            batch = batch_of(self.dataset, order[i * self.batch_size : (i + 1) * self.batch_size])
            yield batch if self.device is None else _to(batch, self.device)


def batch_of(dataset: Any, indices: np.ndarray) -> Any:
    """A batch of any dataset, the fast way if it has one."""
    batch = getattr(dataset, "batch", None)
    return collate([dataset[int(i)] for i in indices]) if batch is None else batch(indices)


def rows(array: Array, indices: np.ndarray) -> Array:
    """A copy of some rows of an array of any kind."""
    if type(array) is np.ndarray:
        return array.take(indices, axis=0)
    device = ad.backend.device_of(array)
    xp = ad.backend.namespace(array)
    return xp.take(array, ad.backend.to_device(indices, device), axis=0)


def collate(items: Sequence[Any]) -> Any:
    """Stack items into a batch: numbers and arrays become tensors, tuples and dicts of them too."""
    first = items[0]
    if isinstance(first, dict):
        return {key: collate([item[key] for item in items]) for key in first}
    if isinstance(first, (tuple, list)):
        return tuple([collate(column) for column in zip(*items, strict=True)])
    if isinstance(first, str):
        return list(items)
    raw = [ad.asarray(item).data for item in items]
    return ad.asarray(ad.backend.namespace(raw[0]).stack(raw))


def _to(batch: Any, device: str) -> Any:
    if isinstance(batch, dict):
        return {key: _to(value, device) for key, value in batch.items()}
    if isinstance(batch, (tuple, list)):
        return type(batch)([_to(part, device) for part in batch])
    return batch.to(device) if isinstance(batch, ad.Tensor) else batch
