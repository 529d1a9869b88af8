"""The training problems: sizes, initial weights and batches, from one seeded source.

Every contender gets the same numbers, as NumPy arrays, and turns them into its own.
"""

import gzip
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Layer = tuple[np.ndarray, np.ndarray]  # weight (in, out), bias (out,)
Batch = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Problem:
    """One network, its loss, its optimizer and its data."""

    sizes: tuple[int, ...]
    activation: str  # after each layer but the last: "sigmoid" or "relu"
    loss: str  # "bce" and "softmax", mean over the batch; "hinge", plus L2
    optimizer: str  # "sgd" or "adam"
    lr: float
    layers: list[Layer]
    batches: list[Batch]
    data: str  # what the batches are


L2 = 1e-4  # of the hinge loss


def xor() -> Problem:
    """2-5x8-1, all sigmoid, full batch of 4: so small that only overhead is measured."""
    rng = np.random.default_rng(0)
    sizes = (2, *[5] * 8, 1)
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    y = np.array([[0], [1], [1], [0]], np.float32)
    layers = [_uniform(rng, n, m, np.float32) for n, m in zip(sizes, sizes[1:])]
    return Problem(sizes, "sigmoid", "bce", "sgd", 0.1, layers, [(x, y)], "all four inputs")


def mnist_mlp() -> Problem:
    """784-256-256-10."""
    return _classifier((784, 256, 256, 10))


def deep_mlp() -> Problem:
    """784-512x4-10."""
    return _classifier((784, 512, 512, 512, 512, 10))


def moons() -> Problem:
    """micrograd's demo: two moons, 100 samples, 2-16-16-1, hinge loss and L2, in float64."""
    rng = np.random.default_rng(0)
    sizes = (2, 16, 16, 1)
    t = rng.uniform(0, np.pi, 50)
    upper = np.stack([np.cos(t), np.sin(t)], axis=1)
    x = np.concatenate([upper, [1.0, 0.5] - upper]) + rng.normal(0, 0.1, (100, 2))
    y = np.repeat([1.0, -1.0], 50)
    layers = [_uniform(rng, n, m, np.float64) for n, m in zip(sizes, sizes[1:])]
    return Problem(sizes, "relu", "hinge", "sgd", 0.1, layers, [(x, y)], "made by formula")


def _uniform(rng: np.random.Generator, n: int, m: int, dtype: type) -> Layer:
    return rng.uniform(-1, 1, (n, m)).astype(dtype), np.zeros(m, dtype)


def _classifier(sizes: tuple[int, ...]) -> Problem:
    rng = np.random.default_rng(0)
    layers = [
        (rng.normal(0, (2 / n) ** 0.5, (n, m)).astype(np.float32), np.zeros(m, np.float32))
        for n, m in zip(sizes, sizes[1:])
    ]
    x, y, data = _digits(rng, 6000)
    batches = [(x[i : i + 100], y[i : i + 100]) for i in range(0, len(x), 100)]
    return Problem(sizes, "relu", "softmax", "adam", 1e-3, layers, batches, data)


def _digits(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, str]:
    """The first digits of MNIST if AUTODIFF_DATA has them, else noise of the same shape."""
    root = os.environ.get("AUTODIFF_DATA")
    folder = Path(root or ".") / "mnist"
    images = folder / "train-images-idx3-ubyte.gz"
    if root and images.exists():
        with gzip.open(images) as file:
            pixels = np.frombuffer(file.read(16 + n * 784)[16:], np.uint8)
        with gzip.open(folder / "train-labels-idx1-ubyte.gz") as file:
            labels = np.frombuffer(file.read(8 + n)[8:], np.uint8)
        return pixels.reshape(n, 784).astype(np.float32) / 255, labels.astype(np.int64), "MNIST"
    x = rng.uniform(0, 1, (n, 784)).astype(np.float32)
    return x, rng.integers(0, 10, n), "uniform noise in MNIST's shape"
