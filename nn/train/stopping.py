"""Stopping early, and learning rates that follow training."""

import math
from collections.abc import Mapping
from typing import Any

from ..optim.schedule import ReduceLROnPlateau
from .callback import Callback


def monitored(name: str, callback: str, trainer: Any) -> float:
    """A number of the last epoch, as one that can be compared."""
    if name not in trainer.logs:
        hint = "; fit was given no val=" if name.startswith("val_") else ""
        raise KeyError(f"{callback}: there is no {name!r} among {', '.join(trainer.logs)}{hint}")
    return float(trainer.logs[name])


class Best:
    """The best value of a number so far.

    Parameters
    ----------
    mode : {"min", "max"}
    min_delta : float
        What is better by less is not better.
    """

    def __init__(self, mode: str, min_delta: float = 0.0) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"mode={mode!r} must be 'min' or 'max'")
        self.sign = 1 if mode == "max" else -1
        self.min_delta = min_delta
        self.forget()

    def forget(self) -> None:
        """Begin afresh: any number is better than none."""
        self.value = -self.sign * math.inf

    def improved(self, value: float) -> bool:
        """Whether a value is better; NaN never is. If it is, it is the best."""
        better = self.sign * (value - self.value) > self.min_delta
        if better:
            self.value = value
        return better


class EarlyStopping(Callback):
    """Stops when a number has not become better for some epochs, and puts the best weights back.

    Prechelt, "Early stopping: but when?" (1998). The weights of the best epoch are put back at
    the end of training, also where it ended by itself. With another trainer it begins afresh.

    Parameters
    ----------
    monitor : str
        What is watched, of ``trainer.logs``.
    patience : int
        How many epochs may pass without its becoming better.
    min_delta : float
        What is better by less is not better.
    mode : {"min", "max"}
    restore_best : bool
        Whether the best weights are kept, which takes their memory again.

    Attributes
    ----------
    best_epoch : int
        Whose weights are kept; 0 before the first.

    Examples
    --------
    >>> import nn
    >>> stopping = nn.train.EarlyStopping("val_loss", patience=3)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 5,
        min_delta: float = 0.0,
        mode: str = "min",
        restore_best: bool = True,
    ) -> None:
        if patience < 0 or min_delta < 0:
            raise ValueError(
                f"EarlyStopping: patience={patience} and min_delta={min_delta} must not be negative"
            )
        self.monitor, self.patience, self.restore_best = monitor, patience, restore_best
        self.best = Best(mode, min_delta)
        self.best_epoch = 0
        self._weights: dict[str, Any] | None = None

    def on_train_begin(self, trainer: Any) -> None:
        """Forget another run; one that goes on has its best epoch."""
        if not trainer.step:
            self.best.forget()
            self.best_epoch, self._weights = 0, None

    def on_epoch_end(self, trainer: Any) -> None:
        """Keep the weights, or count, or stop."""
        if self.best.improved(monitored(self.monitor, "EarlyStopping", trainer)):
            self.best_epoch = trainer.epoch
            if self.restore_best:
                state = trainer.model.state_dict()
                self._weights = {name: value.clone() for name, value in state.items()}
        elif trainer.epoch - self.best_epoch > self.patience:
            trainer.stop(
                f"{self.monitor} was best in epoch {self.best_epoch}, {self.best.value:.4g}"
            )

    def on_train_end(self, trainer: Any) -> None:
        """Put the best weights back, unless training is to be gone on with."""
        if self._weights is not None and not trainer.unfinished:
            trainer.model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """The best number, and the weights of its epoch."""
        return {"best": self.best.value, "epoch": self.best_epoch, "weights": self._weights}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.best.value, self.best_epoch = state["best"], state["epoch"]
        self._weights = state["weights"]


class LRScheduler(Callback):
    """Steps a schedule of `nn.optim.schedule`, after each epoch or each step.

    Parameters
    ----------
    schedule : Schedule or ReduceLROnPlateau
        Of the trainer's optimizer.
    every : {"epoch", "step"}
    monitor : str
        What `ReduceLROnPlateau` watches, of ``trainer.logs``.

    Examples
    --------
    >>> import nn
    >>> optimizer = nn.optim.SGD([nn.Parameter([1.0])], lr=0.1)
    >>> halving = nn.optim.schedule.StepLR(optimizer, step_size=10, gamma=0.5)
    >>> callback = nn.train.LRScheduler(halving)
    """

    def __init__(self, schedule: Any, every: str = "epoch", monitor: str = "val_loss") -> None:
        if every not in ("epoch", "step"):
            raise ValueError(f"LRScheduler: every={every!r} must be 'epoch' or 'step'")
        self._plateau = isinstance(schedule, ReduceLROnPlateau)
        if self._plateau and every == "step":
            raise ValueError("LRScheduler: ReduceLROnPlateau is for epochs, every='epoch'")
        self.schedule, self.every, self.monitor = schedule, every, monitor

    def on_train_begin(self, trainer: Any) -> None:
        """Refuse a schedule that would change nothing here."""
        if self.schedule.optimizer is not trainer.optimizer:
            raise ValueError(
                f"LRScheduler: the {type(self.schedule).__name__} is that of another optimizer, "
                "and would not change the rates of this training"
            )

    def on_step_end(self, trainer: Any, *, loss: Any, optimizer: Any) -> None:
        """Step, if it is for steps."""
        if self.every == "step":
            self.schedule.step()

    def on_epoch_end(self, trainer: Any) -> None:
        """Step, if it is for epochs."""
        if self._plateau:
            self.schedule.step(monitored(self.monitor, "LRScheduler", trainer))
        elif self.every == "epoch":
            self.schedule.step()

    def state_dict(self) -> dict[str, Any]:
        """That of the schedule."""
        state: dict[str, Any] = self.schedule.state_dict()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """That of the schedule."""
        self.schedule.load_state_dict(state)
