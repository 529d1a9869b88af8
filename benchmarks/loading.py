"""Images a second from the data loader, beside PyTorch's; ``python -m benchmarks.loading``.

Three sets: `augmented`, whose images take long to make; `large`, whose batches are large and
quickly made, so that their way from a worker counts; and `rows`, which needs no workers. Loaders
run in turns, an epoch each, with workers that stay; figures are medians over the rounds. Both
libraries are given the same arrays and the same functions. Left to themselves BLAS and PyTorch
would use all cores in every process: set OMP_NUM_THREADS=1.
"""

import argparse
import statistics
import time

import numpy as np

import autodiff as ad
import nn
from benchmarks.machine import facts
from nn.data import transforms

try:
    import torch
except ImportError:
    torch = None

BATCH = 64
CHANGE = transforms.Compose(
    [transforms.RandomAffine(15, 0.1, (0.9, 1.1)), transforms.ElasticTransform()]
)


class Augmented:
    """Images of 28 by 28, turned and distorted anew each time."""

    def __init__(self, n):
        self.images = np.random.default_rng(0).random((n, 1, 28, 28), np.float32)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return CHANGE(self.images[i]), i % 10


class Large(Augmented):
    """Images of 3 by 96 by 96, which are copied: a batch has 7 MB."""

    draws = False

    def __init__(self, n):
        self.images = np.random.default_rng(0).random((n, 3, 96, 96), np.float32)

    def __getitem__(self, i):
        return 2 * self.images[i], i % 10


def sets(n):
    """The datasets by name, and how many images of each."""
    rows = np.random.default_rng(0).random((20 * n, 784), np.float32)
    return {
        "augmented": Augmented(n),
        "large": Large(n),
        "rows": nn.data.TensorDataset(rows, np.arange(20 * n) % 10),
    }


def loaders(dataset, workers, method):
    """Each library's loader of a dataset."""
    found = {
        "ours": nn.data.DataLoader(
            dataset, BATCH, shuffle=True, seed=0, num_workers=workers, start_method=method
        )
    }
    if torch is not None:
        if isinstance(dataset, nn.data.TensorDataset):
            tensors = [torch.from_numpy(t.data) for t in dataset.tensors]
            dataset = torch.utils.data.TensorDataset(*tensors)
        options = {"persistent_workers": True, "multiprocessing_context": method} if workers else {}
        found["torch"] = torch.utils.data.DataLoader(
            dataset, BATCH, shuffle=True, num_workers=workers, **options
        )
    return found


def epoch(loader):
    """Images a second, over one epoch."""
    start, images = time.perf_counter(), 0
    for x, _ in loader:
        images += len(x)
    return images / (time.perf_counter() - start)


def measure(dataset, workers, rounds, method="spawn"):
    """Medians of images a second, by library and number of workers."""
    made = {
        (library, count): loader
        for count in workers
        for library, loader in loaders(dataset, count, method).items()
    }
    for loader in made.values():  # workers start, pools of memory fill
        epoch(loader)
    found = {key: [] for key in made}
    for _ in range(rounds):
        for key, loader in made.items():
            found[key].append(epoch(loader))
    return {key: statistics.median(rates) for key, rates in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=4096)
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--start-method", default="spawn")
    given = parser.parse_args()
    print(", ".join(f"{k}: {v}" for k, v in facts().items()))
    print("set        workers  ours, images/s  over ours alone  torch, images/s  ours/torch")
    ad.manual_seed(0)
    for name, dataset in sets(given.images).items():
        rates = measure(dataset, given.workers, given.rounds, given.start_method)
        for count in given.workers:
            ours, theirs = rates["ours", count], rates.get(("torch", count))
            alone = ours / rates["ours", given.workers[0]]
            beside = "" if theirs is None else f"{theirs:>17.0f}  {ours / theirs:>10.2f}"
            print(f"{name:<9}  {count:>7}  {ours:>14.0f}  {alone:>15.2f}{beside}")


if __name__ == "__main__":
    main()
