"""A training loop by hand."""

import math
from collections.abc import Callable
from typing import Any

import autodiff as ad
import nn

from .progress import Report


def finite(loss: ad.Tensor, where: str) -> float:
    """The loss as a number; ``FloatingPointError`` if it is none."""
    value = float(loss)
    if not math.isfinite(value):
        raise FloatingPointError(
            f"the loss is {value} at {where}, so nothing can be learned from it: lower the "
            "learning rate, or draw viz.graph(loss, model=model) to see where it began"
        )
    return value


def rms(gradient: ad.Tensor | None) -> float:
    """The root of the mean square of a gradient."""
    return 0.0 if gradient is None else float(ad.sqrt(ad.mean(gradient * gradient)))


def accuracy(model: Callable[[Any], Any], data: Any) -> float:
    """The share of a dataset that is classified rightly."""
    right = total = 0
    with ad.no_grad():
        for x, y in nn.data.DataLoader(data, batch_size=500, device=ad.default_device()):
            right += int((ad.argmax(model(x), axis=1) == y).sum())
            total += len(y)
    return right / total


def fit(
    name: str,
    model: nn.Module,
    train: Any,
    test: Any,
    *,
    epochs: int,
    lr: float,
    batch_size: int,
    seed: int,
    report: Report,
) -> float:
    """Train with plain gradient descent; the accuracy on ``test`` at the end."""
    loader = nn.data.DataLoader(
        train, batch_size, shuffle=True, drop_last=True, seed=seed, device=ad.default_device()
    )
    weights = [p for p in model.parameters() if p.ndim == 2]
    optimizer = nn.optim.SGD(model.parameters(), lr=lr)
    report.begin(name, epochs, "epoch")
    right = accuracy(model, test)
    for epoch in range(epochs):
        for step, (x, y) in enumerate(loader, 1):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            last = step == len(loader)
            if last or step % 20 == 1:  # reading a number waits for the device: not at every step
                value = finite(loss, f"step {step} of epoch {epoch + 1} of {name!r}")
                if last:
                    right = accuracy(model, test)
                report.at(
                    epoch + step / len(loader),
                    f"loss {value:<#7.3g} accuracy {right:.2f}  "
                    f"grad first {rms(weights[0].grad):.0e} last {rms(weights[-1].grad):.0e}",
                )
    return right
