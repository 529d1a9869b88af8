"""XOR, many seeds at once: every weight has a leading axis of seeds.

The networks do not touch each other, so that one batched computation trains them all.
"""

from typing import NamedTuple

import numpy as np

import autodiff as ad
import nn

from . import training
from .progress import Report

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
Y = np.array([[0], [1], [1], [0]], np.float32)


class Outcome(NamedTuple):
    """What training ended with, for every seed."""

    loss: np.ndarray
    """The binary cross-entropy, shape (seeds,)."""
    probability: np.ndarray
    """Of "one" for the four inputs, shape (seeds, 4)."""

    @property
    def solved(self) -> float:
        """The share of seeds that tell all four inputs rightly, with a margin."""
        right = np.abs(self.probability - Y[:, 0]) < 0.4
        return float(right.all(axis=1).mean())


def train(
    activation: str,
    weights: str,
    *,
    depth: int = 9,
    width: int = 5,
    seeds: int = 20,
    steps: int = 10_000,
    lr: float = 0.1,
    seed: int = 0,
    report: Report | None = None,
) -> Outcome:
    """Full-batch gradient descent on networks of ``depth`` hidden layers.

    Parameters
    ----------
    activation : str
        ``"sigmoid"`` or ``"relu"``, of the hidden layers.
    weights : str
        ``"uniform"`` for U(-1, 1), or ``"he"`` for N(0, 2 / n_in); the biases begin as 0.
    """
    generator = ad.random.Generator(seed)
    sizes = [2, *[width] * depth, 1]
    layers = []
    for n_in, n_out in zip(sizes, sizes[1:]):
        shape = (seeds, n_in, n_out)
        if weights == "uniform":
            w = ad.random.uniform(shape, -1.0, 1.0, generator=generator)
        else:
            w = ad.random.normal(shape, 0.0, (2 / n_in) ** 0.5, generator=generator)
        layers.append((w.requires_grad_(), ad.zeros((seeds, 1, n_out), requires_grad=True)))
    bend = {"sigmoid": ad.sigmoid, "relu": ad.relu}[activation]
    optimizer = nn.optim.SGD([p for layer in layers for p in layer], lr=lr)
    x, y = ad.tensor(X), ad.tensor(np.broadcast_to(Y, (seeds, 4, 1)))

    def logits() -> ad.Tensor:
        h = x
        for w, b in layers[:-1]:
            h = bend(h @ w + b)
        w, b = layers[-1]
        return h @ w + b

    def losses() -> ad.Tensor:
        each = nn.functional.binary_cross_entropy_with_logits(logits(), y, reduction="none")
        return each.mean(axis=(1, 2))

    name = f"XOR {activation} {weights}"
    if report is not None:
        report.begin(name, steps, "step")
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        loss = losses().sum()  # the sum keeps the seeds apart
        loss.backward()
        optimizer.step()
        if step % 100 == 0 or step == steps:
            mean = training.finite(loss, f"step {step} of {name!r}") / seeds
            if report is not None:
                report.at(step, f"mean loss {mean:.4f}")
    with ad.no_grad():
        probability = ad.sigmoid(logits()).cpu().numpy()[:, :, 0]
        return Outcome(losses().cpu().numpy(), probability)
