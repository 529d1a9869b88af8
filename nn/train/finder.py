"""The learning rate range test."""

import copy
import itertools
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .finite import FiniteLosses
from .trainer import Trainer

REACH = 5
"""How many steps to either side a slope is fitted over: single batches are noisy."""


@dataclass(frozen=True)
class RangeTest:
    """What `find_lr` found.

    Attributes
    ----------
    rates, losses : list of float
        The loss of each step, at its learning rate.
    """

    rates: list[float]
    losses: list[float]

    @property
    def steepest(self) -> float:
        """The rate at which the loss falls fastest, per decade: a rate to begin with."""
        reach = max(1, min(REACH, (len(self.rates) - 1) // 2))
        slopes = np.convolve(self.losses, np.arange(reach, -reach - 1, -1), "valid")
        return self.rates[reach + int(np.argmin(slopes))]

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """The loss over the rate, on a logarithmic axis: a matplotlib ``Figure``."""
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise RuntimeError(
                "plotting needs matplotlib: pip install 'autodiff-viz[plots]'"
            ) from error
        figure = Figure(figsize=(4.2, 2.8), layout="constrained")
        axes = figure.add_subplot()
        axes.semilogx(self.rates, self.losses)
        axes.axvline(self.steepest, ls="--", label=f"steepest: {self.steepest:.1e}")
        axes.set_xlabel("learning rate")
        axes.set_ylabel("loss")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
        if path is not None:
            figure.savefig(os.fspath(path))
        return figure


def find_lr(
    trainer: Trainer,
    train: Iterable[Any],
    *,
    start: float = 1e-6,
    end: float = 10.0,
    steps: int = 100,
    diverged: float = 4.0,
) -> RangeTest:
    """Train for some steps with a rate that grows from step to step, then undo it all.

    L. N. Smith, "Cyclical learning rates for training neural networks" (2017), section 3.3. The
    trainer, its model, its optimizer, the loader and the random numbers are afterwards as they
    were, to the last bit. Callbacks are not told.

    Parameters
    ----------
    trainer : Trainer
    train : DataLoader, or iterable of batches
        Gone through more than once if need be.
    start, end : float
        The rates of the first group of parameters; others keep their ratio to it.
    steps : int
    diverged : float
        Stop where the loss is so many times that of the first step.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> ad.manual_seed(0)
    >>> x = ad.random.normal((64, 2))
    >>> data = nn.data.TensorDataset(x, x.sum(axis=1, keepdims=True))
    >>> model = nn.Linear(2, 1)
    >>> trainer = nn.train.Trainer(
    ...     model, nn.MSELoss(), nn.optim.SGD(model.parameters(), lr=0.1)
    ... )
    >>> found = nn.train.find_lr(trainer, nn.data.DataLoader(data, 16))
    >>> 1e-3 < found.steepest < 1
    True
    """
    if not 0 < start < end or steps < 3:
        raise ValueError(f"find_lr: 0 < start < end, and 3 steps; not {start}, {end}, {steps}")
    groups = trainer.optimizer.param_groups
    ratios = [group["lr"] / (groups[0]["lr"] or 1.0) for group in groups]
    parameters = list(trainer.model.parameters())
    before = copy.deepcopy(trainer.state_dict()), [p.grad for p in parameters]
    place = train.state_dict() if hasattr(train, "state_dict") else None
    for parameter in parameters:
        parameter.grad = None  # kept aside: steps would write into it
    rates: list[float] = []
    losses: list[float] = []
    training = [(module, module.training) for module in trainer.model.modules()]
    if not trainer.model.training:
        trainer.model.train()
    try:
        batches = itertools.chain.from_iterable(itertools.repeat(train))
        for i, batch in enumerate(itertools.islice(batches, steps)):
            rate = start * (end / start) ** (i / (steps - 1))
            for group, ratio in zip(groups, ratios, strict=True):
                group["lr"] = rate * ratio
            try:
                loss = float(trainer.train_step([batch]))
            except FloatingPointError:
                break
            if not math.isfinite(loss) or losses and loss > diverged * losses[0]:
                break
            rates.append(rate)
            losses.append(loss)
    finally:
        trainer.losses = FiniteLosses()
        trainer.load_state_dict(before[0])
        for parameter, gradient in zip(parameters, before[1], strict=True):
            parameter.grad = gradient
        for module, mode in training:
            module.training = mode
        if place is not None:
            train.load_state_dict(place)  # type: ignore[attr-defined]
    if len(rates) < 3:
        raise ValueError(f"find_lr: the loss diverged at once, at a rate of {start}; begin lower")
    return RangeTest(rates, losses)
