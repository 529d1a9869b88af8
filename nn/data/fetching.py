"""One batch of a dataset, wherever it is made: in this process or in a worker."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from .collating import collate, converted
from .seeding import BATCHES, begin, drawing
from .sets import draws, fetches_batches, items


@dataclass(frozen=True)
class Fetcher:
    """What makes the batches of a loader, and all that a worker has to know."""

    dataset: Any
    single: bool
    """Items themselves are wanted, no batches."""
    collate: Callable[[Sequence[Any]], Any] | None

    def fetch(self, seed: int, epoch: int, number: int, indices: np.ndarray) -> Any:
        """Batch ``number`` of an epoch, which has the items at ``indices``."""
        with drawing(seed, epoch) if draws(self.dataset) else nullcontext():
            if self.single:
                (item,) = items(self.dataset, indices)
                return (self.collate or converted)(item)
            if self.collate is None and fetches_batches(self.dataset):
                begin(BATCHES + number)
                return self.dataset.batch(indices)
            return (self.collate or collate)(list(items(self.dataset, indices)))
