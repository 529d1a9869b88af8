"""Datasets for `test_workers`, in a module that a worker process imports quickly.

``python -m tests.loading`` is a program with workers, for tests that kill it.
"""

import faulthandler
import multiprocessing
import os
import random
import signal
import sys
import time

import numpy as np

import autodiff as ad
from nn import data


class Noisy(data.Dataset):
    """Items that draw from all three generators."""

    def __init__(self, n=12):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return i, ad.random.normal((3,)), np.random.rand(), random.random(), f"item {i}"


class Where(Noisy):
    """Items say which process made them."""

    def __getitem__(self, i):
        return os.getpid(), i


class Growing(Noisy):
    """Item i has 1000 * i numbers."""

    def __getitem__(self, i):
        return np.full(1000 * i, i, np.float32), np.zeros((0, 3)), np.arange(i)[::-1]


class Odd(ValueError):
    """Pickled, and not unpickled."""

    def __init__(self, one, two):
        super().__init__(one)


class Trouble(Noisy):
    """Items from the fifth on do something worse than to be made."""

    def __init__(self, what):
        super().__init__()
        self.what = what

    def __getitem__(self, i):
        if i >= 5:
            getattr(self, self.what)(i)
        return i

    def raises(self, i):
        raise LookupError(f"no item {i}")

    def odd(self, i):
        raise Odd("odd", i)

    def exits(self, i):
        sys.exit(3)

    def dies(self, i):
        os.kill(os.getpid(), signal.SIGKILL)

    def leaves(self, i):
        os._exit(7)

    def hangs(self, i):
        time.sleep(60)

    def clings(self, i):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return self.hangs(i)


class Unloadable(Noisy):
    """What a worker cannot unpickle."""

    def __setstate__(self, state):
        raise AttributeError("no such class here")


class Writes(data.Dataset):
    """The last items write into the dataset."""

    def __init__(self):
        self.table = np.arange(1000.0)

    def __len__(self):
        return 4

    def __getitem__(self, i):
        if i > 1:
            self.table[i] = 1
        return self.table.sum()


def say_number(number):
    """As ``worker_init``."""
    os.environ["WORKER"] = str(number)


class Numbered(Noisy):
    """Items say what ``worker_init`` left."""

    def __getitem__(self, i):
        return os.environ["WORKER"]


def refuse(number):
    """As ``worker_init``."""
    raise OSError(f"worker {number} has no licence")


def table(batch):
    """The columns of a batch as lists."""
    if isinstance(batch, ad.Tensor):
        return batch.data.tolist()
    return [part.data.tolist() if isinstance(part, ad.Tensor) else part for part in batch]


def flat(batch):
    """The numbers in a batch of single numbers."""
    return batch[0].data if isinstance(batch, tuple) else batch.data


if __name__ == "__main__":
    faulthandler.dump_traceback_later(15)  # if it does not end, the test says where it was
    rows = data.TensorDataset(np.zeros((500, 20_000), np.float32))
    batches = iter(data.DataLoader(rows, 10, num_workers=2, start_method=sys.argv[1]))
    for _ in range(10):
        next(batches)
    try:
        print(*[process.pid for process in multiprocessing.active_children()], flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        sys.exit(5)
