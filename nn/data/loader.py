"""`DataLoader`: batches of a dataset, epoch after epoch."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

import autodiff as ad

from .collating import moved
from .fetching import Fetcher
from .pinning import pinned
from .pool import Pool
from .sampling import RandomSampler, Sampler, SequentialSampler


class DataLoader:
    """Batches of a dataset, the same again for the same seed and epoch.

    Parameters
    ----------
    dataset : Dataset, or anything with a length and items
    batch_size : int or None
        ``len(dataset)`` gives one batch of everything, ``None`` the items themselves, with no
        axis for a batch.
    shuffle : bool
        A fresh order for each epoch.
    drop_last : bool
        Leave out the last batch if it is smaller.
    seed : int, optional
        Of the orders, and of what items draw at random. If not given it is drawn from the default
        generator where the order is random, and 0 where it is not.
    device : str, optional
        Where the batches go; they stay where the data is if not given.
    sampler : Sampler, optional
        Another order, in the place of ``shuffle``.
    collate : callable, optional
        What makes a batch of a list of items, in the place of `nn.data.collate`.
    num_workers : int
        Processes that make batches in advance, and nothing else; 0 makes them when they are asked
        for. Batches are the same. They are started at the first iteration, each with a copy of
        the dataset whose arrays cannot be written, and stay until the loader is gone.
    prefetch : int
        How many batches each worker makes in advance.
    timeout : float
        Seconds to wait for a worker's batch; 0 to wait forever.
    worker_init : callable, optional
        Called in each worker with its number, before its first batch.
    start_method : str
        "spawn" is safe with threads and GPUs. "fork" starts at once and takes any dataset along,
        but may hang in libraries that have threads, and cannot use CUDA; "forkserver" is between
        the two.
    pin : bool
        Copy batches to a GPU from page-locked memory, while the one before is worked with. On the
        CPU it does nothing but warn.

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
        batch_size: int | None = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        seed: int | None = None,
        device: str | None = None,
        *,
        sampler: Sampler | None = None,
        collate: Callable[[Sequence[Any]], Any] | None = None,
        num_workers: int = 0,
        prefetch: int = 2,
        timeout: float = 0.0,
        worker_init: Callable[[int], None] | None = None,
        start_method: str = "spawn",
        pin: bool = False,
    ) -> None:
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"DataLoader: batch_size={batch_size} must be at least 1, or None")
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: a sampler is an order; it goes without shuffle=True")
        if sampler is None:
            sampler = RandomSampler(dataset) if shuffle else SequentialSampler(dataset)
        if seed is None:
            random = not isinstance(sampler, SequentialSampler)
            seed = int(ad.random.integers(2**63 - 1, device="cpu").item()) if random else 0
        if num_workers < 0 or prefetch < 1 or timeout < 0:
            raise ValueError(
                f"DataLoader: num_workers={num_workers} and timeout={timeout} must not be "
                f"negative, prefetch={prefetch} at least 1"
            )
        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.drop_last = drop_last
        self.collate = collate
        self.seed = seed
        self.device = device
        self.num_workers = num_workers
        self.prefetch = prefetch
        self.timeout = timeout
        self.worker_init = worker_init
        self.start_method = start_method
        self.pin = pin
        self._pool: Pool | None = None  # of workers that wait for the next epoch
        self._epoch = 0
        self._first = 0  # the batch that the next iteration begins with
        self._position: list[int] | None = None  # epoch and batches taken, of the last one begun

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_pool": None}  # a copy starts workers of its own

    def __len__(self) -> int:
        n, size = len(self.sampler), self.batch_size or 1
        return n // size if self.drop_last else -(-n // size)

    @property
    def epoch(self) -> int:
        """How many times iteration was begun; set it to begin there."""
        return self._epoch

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self._epoch, self._first, self._position = epoch, 0, None

    def order(self, epoch: int) -> np.ndarray:
        """The order of the items in an epoch, counted from 0."""
        return self.sampler.order(self.seed, epoch)

    def __iter__(self) -> Iterator[Any]:
        epoch, first = self._epoch, self._first
        self._epoch, self._first = epoch + 1, 0
        position = self._position = [epoch, first]
        for batch in self._placed(self._batches(epoch, first)):
            position[1] += 1
            yield batch
        if self._position is position:
            self._position = None

    def _placed(self, batches: Iterator[Any]) -> Iterator[Any]:
        device = self.device
        if device is None and (self.num_workers or self.pin):
            device = ad.default_device()  # where other loaders' batches are made
        if device is None:
            return batches
        if self.pin and device.startswith("cuda"):
            return pinned(batches, device)
        if self.pin:
            warnings.warn(
                f"DataLoader: pin=True does nothing for batches on {device!r}; it is for GPUs",
                stacklevel=3,
            )
        return (moved(batch, device) for batch in batches)

    def _batches(self, epoch: int, first: int) -> Iterator[Any]:
        order, size = self.order(epoch), self.batch_size or 1

        def chunk(number: int) -> np.ndarray:
            return order[number * size : (number + 1) * size]

        fetcher = Fetcher(self.dataset, self.batch_size is None, self.collate)
        if self.num_workers == 0:
            for number in range(first, len(self)):
                yield fetcher.fetch(self.seed, epoch, number, chunk(number))
            return
        pool, self._pool = self._pool or self._started(fetcher), None
        try:
            yield from pool.batches(self.seed, epoch, first, len(self), chunk)
        finally:  # kept for the next epoch, unless something went wrong
            if pool.close.alive and self._pool is None:
                self._pool = pool
            else:
                pool.close()

    def _started(self, fetcher: Fetcher) -> Pool:
        return Pool(
            fetcher,
            self.num_workers,
            self.prefetch,
            self.timeout,
            self.start_method,
            self.worker_init,
        )

    def close(self) -> None:
        """End the worker processes; the next iteration starts others.

        They end by themselves with the loader. Call this after the dataset was changed: workers
        have copies of it as it was.
        """
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def state_dict(self) -> dict[str, int | None]:
        """Where the loader is: the epoch, and how many of its batches were taken.

        Those that workers made in advance do not count. Once an epoch has ended it is the
        beginning of the next.
        """
        epoch, batch = self._position or (self._epoch, self._first)
        return {
            "seed": self.seed,
            "epoch": epoch,
            "batch": batch,
            "batch_size": self.batch_size,
            "items": len(self.sampler),
        }

    def load_state_dict(self, state: dict[str, int | None]) -> None:
        """Go on from a `state_dict`: the next iteration gives the batches that were not taken.

        Raises
        ------
        ValueError
            If it is in the middle of an epoch, and the other loader's batches were of another
            size, or of more or fewer items.

        Examples
        --------
        >>> import autodiff as ad, nn
        >>> loader = nn.data.DataLoader(nn.data.TensorDataset(ad.arange(5)), batch_size=2)
        >>> for batch in loader:
        ...     break
        >>> again = nn.data.DataLoader(loader.dataset, batch_size=2)
        >>> again.load_state_dict(loader.state_dict())
        >>> list(again)
        [(tensor([2, 3]),), (tensor([4]),)]
        """
        mine = self.state_dict()
        if missing := mine.keys() - state.keys():
            raise ValueError(f"DataLoader: the state has no {', '.join(sorted(missing))}")
        for key in ("batch_size", "items"):
            if state["batch"] and state[key] != mine[key]:
                raise ValueError(
                    f"DataLoader: the state is that of a loader with {key}={state[key]} in the "
                    f"middle of an epoch, and this one has {mine[key]}: their batches are not the "
                    "same. Finish the epoch as it was begun"
                )
        seed, epoch, batch = (int(state[key] or 0) for key in ("seed", "epoch", "batch"))
        if not 0 <= batch <= len(self) or epoch < 0:
            raise ValueError(f"DataLoader: there is no batch {batch} in epoch {epoch}")
        self.seed, self._epoch, self._first, self._position = seed, epoch, batch, None
