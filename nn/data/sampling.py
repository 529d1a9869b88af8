"""The order in which the items of a dataset are visited: functions of a seed and an epoch.

So an epoch can be gone back to, and what does not depend on the order does not change it.
"""

from collections.abc import Sequence, Sized

import numpy as np

import autodiff as ad


class Sampler:
    """What says how many items there are in an epoch, and in which order.

    A subclass defines ``__len__`` and `order`, which must depend on its arguments alone.
    """

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} defines no __len__()")

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """The positions of the items of an epoch, counted from 0."""
        raise NotImplementedError(f"{type(self).__name__} defines no order(seed, epoch)")


def _generator(seed: int, epoch: int) -> ad.random.Generator:
    generator = ad.random.Generator()
    generator.state = (seed, epoch << 64)  # no epoch draws so many numbers
    return generator


class SequentialSampler(Sampler):
    """All items, one after another."""

    def __init__(self, dataset: Sized) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """The positions of the items of an epoch."""
        return np.arange(len(self))


class RandomSampler(Sampler):
    """Items in random order.

    Parameters
    ----------
    dataset : sized
    replacement : bool
        Draw each item from all of them, so that it may come twice.
    num_samples : int, optional
        How many; as many as there are if not given.

    Examples
    --------
    >>> from nn.data import RandomSampler
    >>> sampler = RandomSampler(range(10))
    >>> sorted(sampler.order(seed=0, epoch=3).tolist()) == list(range(10))
    True
    """

    def __init__(
        self, dataset: Sized, replacement: bool = False, num_samples: int | None = None
    ) -> None:
        n = len(dataset)
        if num_samples is not None and (num_samples < 0 or num_samples > n and not replacement):
            raise ValueError(
                f"RandomSampler: cannot draw num_samples={num_samples} of {n} items"
                + ("" if replacement else " without replacement")
            )
        self.dataset = dataset
        self.replacement = replacement
        self.num_samples = num_samples

    def __len__(self) -> int:
        return len(self.dataset) if self.num_samples is None else self.num_samples

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """The positions of the items of an epoch."""
        generator = _generator(seed, epoch)
        n = len(self.dataset)
        drawn: np.ndarray
        if self.replacement:
            drawn = generator.integers(0, n, len(self), device="cpu")
        else:
            drawn = generator.permutation(n, device="cpu")[: len(self)]
        return drawn


class SubsetRandomSampler(Sampler):
    """Some of the items, in random order."""

    def __init__(self, indices: Sequence[int] | np.ndarray) -> None:
        self.indices = np.asarray(indices, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.indices)

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """The positions of the items of an epoch."""
        order: np.ndarray
        order = self.indices[_generator(seed, epoch).permutation(len(self), device="cpu")]
        return order


class WeightedRandomSampler(Sampler):
    """Items drawn with probabilities in proportion to their weights, for classes of unequal size.

    Without replacement by the keys of Efraimidis & Spirakis (2006): the items with the largest
    ``log(u) / weight`` are those that drawing one after another would give.

    Parameters
    ----------
    weights : sequence of float
        One for each item, not negative.
    num_samples : int
    replacement : bool

    Examples
    --------
    >>> from nn.data import WeightedRandomSampler
    >>> WeightedRandomSampler([0.0, 1.0], 4).order(seed=0, epoch=0).tolist()
    [1, 1, 1, 1]
    """

    def __init__(
        self, weights: Sequence[float] | np.ndarray, num_samples: int, replacement: bool = True
    ) -> None:
        self.weights = np.asarray(weights, np.float64)
        if self.weights.ndim != 1 or not (
            np.isfinite(self.weights).all() and (self.weights >= 0).all() and self.weights.any()
        ):
            raise ValueError(
                "WeightedRandomSampler: weights must be one finite number for each item, none "
                "negative and not all 0"
            )
        possible = int(np.count_nonzero(self.weights))
        if num_samples < 0 or (num_samples > possible and not replacement):
            raise ValueError(
                f"WeightedRandomSampler: cannot draw num_samples={num_samples} of {possible} "
                "items that have a weight" + ("" if replacement else " without replacement")
            )
        self.num_samples = num_samples
        self.replacement = replacement

    def __len__(self) -> int:
        return self.num_samples

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """The positions of the items of an epoch."""
        count = len(self) if self.replacement else len(self.weights)
        drawn = _generator(seed, epoch).uniform(count, dtype=np.float64, device="cpu")
        order: np.ndarray
        if self.replacement:
            ends = np.cumsum(self.weights)
            found = np.searchsorted(ends, drawn * ends[-1], side="right")
            order = np.minimum(found, np.flatnonzero(self.weights)[-1])  # where rounding reached 1
        else:
            some = np.flatnonzero(self.weights)
            keys = np.log1p(-drawn[some]) / self.weights[some]
            order = some[np.argsort(-keys, kind="stable")[: len(self)]]
        return order


class DistributedSampler(Sampler):
    """The share of one of several processes that train together, each with a loader of its own.

    All loaders must have the same ``seed``: they cut one order into shares of equal length.

    Parameters
    ----------
    dataset : sized
    num_replicas, rank : int
        How many processes there are, and which of them this is.
    shuffle : bool
    drop_last : bool
        Leave out what cannot be shared equally; otherwise some items come twice.

    Examples
    --------
    >>> from nn.data import DistributedSampler
    >>> [DistributedSampler(range(5), 2, r, shuffle=False).order(0, 0).tolist() for r in (0, 1)]
    [[0, 2, 4], [1, 3, 0]]
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int,
        rank: int,
        shuffle: bool = True,
        drop_last: bool = False,
    ) -> None:
        if not 0 <= rank < num_replicas:
            raise ValueError(f"DistributedSampler: rank={rank} is not below {num_replicas}")
        self.all = RandomSampler(dataset) if shuffle else SequentialSampler(dataset)
        self.num_replicas, self.rank, self.drop_last = num_replicas, rank, drop_last

    def __len__(self) -> int:
        n = len(self.all)
        return n // self.num_replicas if self.drop_last else -(-n // self.num_replicas)

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """The positions of the items of this process in an epoch."""
        order = np.resize(self.all.order(seed, epoch), len(self) * self.num_replicas)
        return order[self.rank :: self.num_replicas]
