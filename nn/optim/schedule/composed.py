"""Schedules made of others: one after the other, all at once, or after a warm-up."""

from bisect import bisect_right
from collections.abc import Sequence

from ..optimizer import Optimizer
from .base import Rates, Schedule, belonging


class SequentialLR(Schedule):
    """One schedule after the other, each beginning with its step 0.

    Parameters
    ----------
    optimizer : Optimizer
    schedulers : list of Schedule
    milestones : list of int
        The steps at which the second begins, the third, and so on.
    last_epoch : int

    Examples
    --------
    >>> import nn
    >>> from nn.optim.schedule import ConstantLR, ExponentialLR, SequentialLR
    >>> optimizer = nn.optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> parts = [ConstantLR(optimizer, 0.1, total_iters=9), ExponentialLR(optimizer, 0.5)]
    >>> schedule = SequentialLR(optimizer, parts, milestones=[2])
    >>> [schedule.at(t)[0]["lr"] for t in range(5)]
    [0.1, 0.1, 1.0, 0.5, 0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[Schedule],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        self.schedulers = belonging("SequentialLR", optimizer, schedulers)
        self.milestones = list(milestones)
        if len(self.milestones) != len(self.schedulers) - 1:
            raise ValueError(
                f"SequentialLR: {len(self.schedulers)} schedules need {len(self.schedulers) - 1} "
                f"milestones, and there are {len(self.milestones)}"
            )
        if self.milestones != sorted(self.milestones):
            raise ValueError(f"SequentialLR: milestones={self.milestones} must not go down")
        super().__init__(optimizer, last_epoch)

    def _current(self, t: float) -> tuple[Schedule, float]:
        """The schedule that step ``t`` belongs to, and the number of the step there."""
        i = bisect_right(self.milestones, t)
        return self.schedulers[i], t - self.milestones[i - 1] if i else t

    def rates(self, t: float, bases: Rates) -> Rates:
        """The rate of each group at step ``t``."""
        schedule, step = self._current(t)
        return schedule.rates(step, bases)

    def momenta(self, t: float) -> Rates | None:
        """The momentum of each group at step ``t``."""
        schedule, step = self._current(t)
        return schedule.momenta(step)


class ChainedScheduler(Schedule):
    """Several schedules at once: the rates of one are the initial rates of the next.

    So factors are multiplied.

    Parameters
    ----------
    schedulers : list of Schedule
    optimizer : Optimizer, optional
        That of the schedules.
    """

    def __init__(self, schedulers: Sequence[Schedule], optimizer: Optimizer | None = None) -> None:
        if optimizer is None and schedulers:
            optimizer = schedulers[0].optimizer
        self.schedulers = belonging("ChainedScheduler", optimizer, schedulers)  # type: ignore[arg-type]
        super().__init__(self.schedulers[0].optimizer)

    def rates(self, t: float, bases: Rates) -> Rates:
        """The rate of each group at step ``t``."""
        for schedule in self.schedulers:
            bases = schedule.rates(t, bases)
        return bases

    def momenta(self, t: float) -> Rates | None:
        """The momentum of each group at step ``t``: by the last schedule that has one."""
        found = [schedule.momenta(t) for schedule in self.schedulers]
        return next((momenta for momenta in reversed(found) if momenta is not None), None)


class Warmup(Schedule):
    """On a straight line up to the first rate of another schedule, and then that schedule.

    At step ``t`` of the first ``steps`` the rate is ``start + (1 - start) * t / steps`` times that
    of the other schedule's step 0.

    Parameters
    ----------
    optimizer : Optimizer
    steps : int
        The length of the line.
    start : float
        Where it begins, as a part of the rate that it leads to.
    then : Schedule, optional
        What follows, beginning with its step 0; the initial rate unless said otherwise.
    last_epoch : int

    Examples
    --------
    >>> import nn
    >>> from nn.optim.schedule import CosineAnnealingLR, Warmup
    >>> optimizer = nn.optim.Adam([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = Warmup(optimizer, 2, then=CosineAnnealingLR(optimizer, T_max=4))
    >>> [round(schedule.at(t)[0]["lr"], 3) for t in range(7)]
    [0.0, 0.5, 1.0, 0.854, 0.5, 0.146, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        steps: int,
        start: float = 0.0,
        then: Schedule | None = None,
        last_epoch: int = -1,
    ) -> None:
        if steps < 1 or start < 0:
            raise ValueError(
                f"Warmup: steps={steps} must be at least 1 and start={start} not negative"
            )
        self.steps = steps
        self.start = start
        self.then = then if then is None else belonging("Warmup", optimizer, [then])[0]
        super().__init__(optimizer, last_epoch)

    def rates(self, t: float, bases: Rates) -> Rates:
        """The rate of each group at step ``t``."""
        if self.then is not None:
            bases = self.then.rates(max(0, t - self.steps), bases)
        factor = self.start + (1 - self.start) * min(1.0, t / self.steps)
        return [base * factor for base in bases]

    def momenta(self, t: float) -> Rates | None:
        """The momentum of each group at step ``t``."""
        return None if self.then is None else self.then.momenta(max(0, t - self.steps))
