"""A training loop by hand, with a progress bar."""

import math
from collections.abc import Callable
from typing import Any

import autodiff as ad
import nn

try:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
except ImportError as error:
    raise ImportError(
        f"the demos show progress with rich, which does not import ({error}); install it with "
        "pip install 'autodiff-viz[demos]'"
    ) from error


def bar() -> Progress:
    """A progress bar that ends with a line of measurements."""
    return Progress(
        TextColumn("{task.description:<22}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[seen]}"),
    )


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
    progress: Progress,
) -> float:
    """Train with plain gradient descent; the accuracy on ``test`` at the end."""
    loader = nn.data.DataLoader(
        train, batch_size, shuffle=True, drop_last=True, seed=seed, device=ad.default_device()
    )
    weights = [p for p in model.parameters() if p.ndim == 2]
    optimizer = nn.optim.SGD(model.parameters(), lr=lr)
    task = progress.add_task(name, total=epochs, seen="")
    right = accuracy(model, test)
    for epoch in range(epochs):
        for step, (x, y) in enumerate(loader):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            if step % 20 == 0:  # reading a number waits for the device, so not at every step
                value = finite(loss, f"step {step} of epoch {epoch + 1} of {name!r}")
                progress.update(
                    task,
                    completed=epoch + step / len(loader),
                    seen=f"loss {value:.3f}  accuracy {right:.2f}  gradient first "
                    f"{rms(weights[0].grad):.0e}, last {rms(weights[-1].grad):.0e}",
                )
        right = accuracy(model, test)
        progress.update(task, completed=epoch + 1)
    return right
