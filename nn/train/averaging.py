"""Averages of the weights, kept up while training."""

from collections.abc import Mapping
from typing import Any

from ..optim.averages import Average
from .callback import Callback


class Averaging(Callback):
    """Updates an `nn.optim.EMA` or `nn.optim.SWA` after each step, from some epoch on.

    ``with average.averages(): trainer.evaluate(data)`` looks at the averaged weights.

    Parameters
    ----------
    average : Average
    first_epoch : int
        From 1.

    Examples
    --------
    >>> import nn
    >>> averaging = nn.train.Averaging(nn.optim.EMA(nn.Linear(2, 1), 0.999))
    """

    def __init__(self, average: Average, first_epoch: int = 1) -> None:
        self.average, self.first_epoch = average, first_epoch

    def on_step_end(self, trainer: Any, *, loss: Any, optimizer: Any) -> None:
        """Go towards the weights."""
        if trainer.epoch + 1 >= self.first_epoch:
            self.average.update()

    def state_dict(self) -> dict[str, Any]:
        """That of the average."""
        return self.average.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """That of the average."""
        self.average.load_state_dict(state)
