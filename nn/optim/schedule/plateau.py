"""The schedule that watches how training goes, and so is no function of the step number."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from ..optimizer import Optimizer
from .base import Rates, of_each_group


class ReduceLROnPlateau:
    """Times ``factor`` when a metric has stopped getting better.

    Parameters
    ----------
    optimizer : Optimizer
    mode : {"min", "max"}
        Whether a smaller metric is better, or a larger.
    factor : float
        Below 1.
    patience : int
        How many steps without progress are let pass.
    threshold : float
        What counts as progress.
    threshold_mode : {"rel", "abs"}
        Whether ``threshold`` is a part of the best metric or a difference.
    cooldown : int
        How many steps after a reduction are not counted.
    min_lr : float or list of float
        The smallest rate, for all groups or for each.
    eps : float
        A change of the rate by no more than this is left out.

    Attributes
    ----------
    best : float
        The best metric so far.
    num_bad_epochs : int
        The number of steps without progress.
    cooldown_counter : int
        How many steps are still not counted.
    last_epoch : int
        The number of steps.

    Examples
    --------
    >>> import nn
    >>> optimizer = nn.optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = nn.optim.schedule.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     schedule.step(loss)
    >>> schedule.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"ReduceLROnPlateau: {type(optimizer).__name__} is not an nn.optim.Optimizer"
            )
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(
                f'ReduceLROnPlateau: mode={mode!r} must be "min" or "max", and threshold_mode='
                f'{threshold_mode!r} "rel" or "abs"'
            )
        if not factor < 1:
            raise ValueError(f"ReduceLROnPlateau: factor={factor} must be below 1")
        self.optimizer = optimizer
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.min_lrs = of_each_group("ReduceLROnPlateau", optimizer, "min_lr", min_lr)
        self.eps = eps
        self.best = inf if mode == "min" else -inf
        self.num_bad_epochs = 0
        self.cooldown_counter = 0
        self.last_epoch = 0

    def _is_better(self, metric: float) -> bool:
        sign = 1 if self.mode == "max" else -1
        if self.threshold_mode == "rel":
            return sign * metric > sign * self.best * (1 + sign * self.threshold)
        return sign * metric > sign * self.best + self.threshold

    def step(self, metrics: Any) -> None:
        """Note a metric, a number or a tensor of one value, and reduce the rates if it is time."""
        metric = float(metrics)
        self.last_epoch += 1
        if self._is_better(metric):
            self.best, self.num_bad_epochs = metric, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def _reduce(self) -> None:
        for group, least in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
            rate = max(group["lr"] * self.factor, least)
            if group["lr"] - rate > self.eps:
                group["lr"] = rate

    def get_last_lr(self) -> Rates:
        """The rates now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Options and counters; the rates are in the optimizer's state."""
        return {name: value for name, value in vars(self).items() if name != "optimizer"}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        if state.keys() != self.state_dict().keys():
            raise KeyError(
                f"ReduceLROnPlateau: a saved state has {', '.join(state)}; this one is made of "
                f"{', '.join(self.state_dict())}"
            )
        vars(self).update(state)
