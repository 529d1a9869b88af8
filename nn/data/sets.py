"""Datasets: what has a length and items."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

import autodiff as ad

from .collating import collate
from .seeding import begin

Array = Any


class Dataset:
    """What has a length and items; a subclass defines ``__len__`` and ``__getitem__``.

    One that can fetch many items at once, faster than one by one, overrides `batch`.

    Attributes
    ----------
    draws : bool
        Whether items may depend on random numbers, as they do after augmentation. A loader seeds
        the generators for each item; where a class sets this to ``False`` it saves the time.
    """

    draws: bool = True

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} defines no __len__()")

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no __getitem__(index)")

    def batch(self, indices: np.ndarray) -> Any:
        """The items at several positions, stacked: a tensor, or a tuple of them."""
        return collate(list(items(self, indices)))


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

    draws = False

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
        return tuple([ad.asarray(_rows(t.data, indices)) for t in self.tensors])


class Subset(Dataset):
    """Some items of another dataset."""

    def __init__(self, dataset: Any, indices: Sequence[int] | np.ndarray) -> None:
        self.dataset = dataset
        self.indices = np.asarray(indices, dtype=np.int64)
        self.draws = draws(dataset)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]

    def batch(self, indices: np.ndarray) -> Any:
        """The items at several positions, stacked."""
        if fetches_batches(self.dataset):
            return self.dataset.batch(self.indices[indices])
        return super().batch(indices)


class ConcatDataset(Dataset):
    """The items of several datasets, one dataset after another.

    Examples
    --------
    >>> from nn.data import ConcatDataset
    >>> both = ConcatDataset([[1, 2], [3]])
    >>> len(both), both[2]
    (3, 3)
    """

    def __init__(self, datasets: Sequence[Any]) -> None:
        if not datasets:
            raise ValueError("ConcatDataset needs at least one dataset")
        self.datasets = list(datasets)
        self.ends = np.cumsum([len(dataset) for dataset in self.datasets])
        self.draws = any(map(draws, self.datasets))

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"ConcatDataset: there is no item {index}, there are {len(self)}")
        index %= len(self)
        part = int(np.searchsorted(self.ends, index, side="right"))
        return self.datasets[part][index - int(self.ends[part - 1]) if part else index]


class TransformDataset(Dataset):
    """The items of another dataset, transformed when they are asked for.

    Parameters
    ----------
    dataset : Dataset, or anything with a length and items
    transform : callable
        See `nn.data.transforms`. What it draws from the default generators is the same in every
        loader of the same seed, whatever its batch size and the number of its workers.
    part : int, optional
        Which part of an item is transformed; ``None`` for the whole item.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> data = nn.data.TensorDataset(ad.ones((4, 2)), ad.arange(4))
    >>> nn.data.TransformDataset(data, lambda x: 3 * x)[1]
    (tensor([3., 3.]), tensor(1))
    """

    def __init__(self, dataset: Any, transform: Callable[[Any], Any], part: int | None = 0) -> None:
        self.dataset = dataset
        self.transform = transform
        self.part = part

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        item = self.dataset[index]
        if self.part is None:
            return self.transform(item)
        parts = list(item)
        parts[self.part] = self.transform(parts[self.part])
        return tuple(parts)


def random_split(
    dataset: Any,
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


def bootstrap(dataset: Any, generator: ad.random.Generator | None = None) -> Subset:
    """As many items as there are, drawn with replacement: some come twice, a third not at all.

    Members of an `Ensemble` that are each trained on one differ more (Breiman, "Bagging
    predictors", 1996).

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> data = nn.data.TensorDataset(ad.arange(100))
    >>> sample = nn.data.bootstrap(data, ad.random.Generator(0))
    >>> len(sample), len(set(sample.indices.tolist()))
    (100, 61)
    """
    n = len(dataset)
    drawn = ad.random.integers(n, shape=(n,), device="cpu", generator=generator)
    return Subset(dataset, drawn.numpy())


def items(dataset: Any, indices: np.ndarray) -> Iterator[Any]:
    """The items at several positions, one by one, each with random numbers of its own."""
    for i in indices.tolist():
        begin(i)
        try:
            item = dataset[i]
        except Exception as error:
            error.add_note(f"raised for item {i} of {type(dataset).__name__}")
            raise
        yield item


def fetches_batches(dataset: Any) -> bool:
    """Whether a dataset has a way of its own to fetch many items at once."""
    if isinstance(dataset, Subset):
        return fetches_batches(dataset.dataset)
    return getattr(type(dataset), "batch", Dataset.batch) is not Dataset.batch


def draws(dataset: Any) -> bool:
    """Whether items may depend on random numbers."""
    plain = isinstance(dataset, (list, tuple, range, np.ndarray, ad.Tensor))
    return bool(getattr(dataset, "draws", not plain))


def _rows(array: Array, indices: np.ndarray) -> Array:
    """A copy of some rows of an array of any kind."""
    if type(array) is np.ndarray:
        return array.take(indices, axis=0)
    device = ad.backend.device_of(array)
    xp = ad.backend.namespace(array)
    return xp.take(array, ad.backend.to_device(indices, device), axis=0)
