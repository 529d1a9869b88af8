"""Schedules that multiply the initial rates by a factor, and those that end at a given rate."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from math import cos, pi

from ..optimizer import Optimizer
from .base import Function, Rates, Schedule, of_each_group


class LambdaLR(Schedule):
    """A function of the step number times the initial rate.

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : callable or list of callable
        One function for all groups, or one for each.
    last_epoch : int

    Examples
    --------
    >>> import nn
    >>> optimizer = nn.optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = nn.optim.schedule.LambdaLR(optimizer, lambda t: 1 / (1 + t))
    >>> [schedule.at(t)[0]["lr"] for t in range(4)]
    [1.0, 0.5, 0.3333333333333333, 0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Function | Sequence[Function],
        last_epoch: int = -1,
    ) -> None:
        self.lr_lambdas = of_each_group(type(self).__name__, optimizer, "lr_lambda", lr_lambda)
        super().__init__(optimizer, last_epoch)

    def rates(self, t: float, bases: Rates) -> Rates:
        """The rate of each group at step ``t``."""
        return [base * f(t) for base, f in zip(bases, self.lr_lambdas, strict=True)]


class MultiplicativeLR(LambdaLR):
    """At each step, the rate times a function of the step number.

    The product of ``lr_lambda(1)`` to ``lr_lambda(t)``, times the initial rate; prefer `LambdaLR`
    where it has a formula.

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : callable or list of callable
        One function for all groups, or one for each.
    last_epoch : int
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Function | Sequence[Function],
        last_epoch: int = -1,
    ) -> None:
        self._products = 0, [1.0] * len(optimizer.param_groups)
        super().__init__(optimizer, lr_lambda, last_epoch)

    def rates(self, t: float, bases: Rates) -> Rates:
        """The rate of each group at step ``t``."""
        done, products = self._products
        if t < done:
            done, products = 0, [1.0] * len(products)
        for s in range(done + 1, int(t) + 1):
            products = [product * f(s) for product, f in zip(products, self.lr_lambdas)]
        self._products = max(done, int(t)), products  # to go on from there
        return [base * product for base, product in zip(bases, products, strict=True)]


class StepLR(Schedule):
    """Times ``gamma`` every ``step_size`` steps.

    Parameters
    ----------
    optimizer : Optimizer
    step_size : int
    gamma : float
    last_epoch : int

    Examples
    --------
    >>> import nn
    >>> optimizer = nn.optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = nn.optim.schedule.StepLR(optimizer, step_size=2, gamma=0.5)
    >>> [schedule.at(t)[0]["lr"] for t in range(6)]
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        if step_size < 1:
            raise ValueError(f"StepLR: step_size={step_size} must be at least 1")
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: float) -> float:
        """``gamma ** (t // step_size)``."""
        return float(self.gamma ** (t // self.step_size))


class MultiStepLR(Schedule):
    """Times ``gamma`` at each of the milestones.

    Parameters
    ----------
    optimizer : Optimizer
    milestones : iterable of int
        Step numbers; one that is given twice counts twice.
    gamma : float
    last_epoch : int
    """

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones = sorted(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: float) -> float:
        """``gamma`` to the number of milestones that were reached."""
        return float(self.gamma ** bisect_right(self.milestones, t))


class ConstantLR(Schedule):
    """Times ``factor`` during the first ``total_iters`` steps.

    Parameters
    ----------
    optimizer : Optimizer
    factor : float
        From 0 to 1.
    total_iters : int
    last_epoch : int
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 <= factor <= 1:
            raise ValueError(f"ConstantLR: factor={factor} must be from 0 to 1")
        self.start_factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, t: float) -> float:
        """``factor`` at first, 1 afterwards."""
        return self.start_factor if t < self.total_iters else 1.0


class LinearLR(Schedule):
    """On a straight line from ``start_factor`` to ``end_factor``, in ``total_iters`` steps.

    Parameters
    ----------
    optimizer : Optimizer
    start_factor : float
        Above 0, at most 1; `Warmup` begins at 0.
    end_factor : float
        From 0 to 1.
    total_iters : int
    last_epoch : int
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1 or not 0 <= end_factor <= 1:
            raise ValueError(
                f"LinearLR: start_factor={start_factor} must be above 0 and at most 1, and "
                f"end_factor={end_factor} from 0 to 1"
            )
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, t: float) -> float:
        """On the line."""
        done = min(1.0, t / self.total_iters) if self.total_iters else 1.0
        return self.start_factor + (self.end_factor - self.start_factor) * done


class ExponentialLR(Schedule):
    """Times ``gamma`` at each step.

    Parameters
    ----------
    optimizer : Optimizer
    gamma : float
    last_epoch : int
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: float) -> float:
        """``gamma ** t``."""
        return float(self.gamma**t)


class PolynomialLR(Schedule):
    """Down to 0 in ``total_iters`` steps, as ``(1 - t / total_iters) ** power``.

    Parameters
    ----------
    optimizer : Optimizer
    total_iters : int
    power : float
        1 is a straight line.
    last_epoch : int
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        power: float = 1.0,
        last_epoch: int = -1,
    ) -> None:
        if total_iters < 1:
            raise ValueError(f"PolynomialLR: total_iters={total_iters} must be at least 1")
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def factor(self, t: float) -> float:
        """A power of what is left."""
        return float((1 - min(t, self.total_iters) / self.total_iters) ** self.power)


def _half_cosine(part: float) -> float:
    """From 1 at 0 to 0 at 1, as a cosine."""
    return (1 + cos(pi * part)) / 2


class CosineAnnealingLR(Schedule):
    """Down to ``eta_min`` in ``T_max`` steps as a cosine, and up again.

    Loshchilov and Hutter (2017), equation 5, without restarts.

    Parameters
    ----------
    optimizer : Optimizer
    T_max : int
        Half a period: the number of steps to the minimum.
    eta_min : float
        The smallest rate.
    last_epoch : int

    Examples
    --------
    >>> import nn
    >>> optimizer = nn.optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = nn.optim.schedule.CosineAnnealingLR(optimizer, T_max=4)
    >>> [round(schedule.at(t)[0]["lr"], 3) for t in range(5)]
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        if T_max < 1:
            raise ValueError(f"CosineAnnealingLR: T_max={T_max} must be at least 1")
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def rates(self, t: float, bases: Rates) -> Rates:
        """The rate of each group at step ``t``."""
        left = _half_cosine(t / self.T_max)
        return [self.eta_min + (base - self.eta_min) * left for base in bases]


class CosineAnnealingWarmRestarts(Schedule):
    """Cosines from the initial rate to ``eta_min``, each followed by the next: SGDR.

    Loshchilov and Hutter (2017), equation 5. To set the rate in every batch, give the epoch as a
    fraction: ``schedule.step(epoch + i / batches)``.

    Parameters
    ----------
    optimizer : Optimizer
    T_0 : int
        The length of the first cosine.
    T_mult : int
        Each is so many times as long as the one before.
    eta_min : float
        The smallest rate.
    last_epoch : int
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        if T_0 != int(T_0) or T_mult != int(T_mult) or min(T_0, T_mult) < 1:
            raise ValueError(
                f"CosineAnnealingWarmRestarts: T_0={T_0} and T_mult={T_mult} must be integers of "
                "at least 1"
            )
        self.T_0 = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def rates(self, t: float, bases: Rates) -> Rates:
        """The rate of each group at step ``t``."""
        length = self.T_0
        if self.T_mult == 1:
            t %= length
        while t >= length:
            t -= length
            length *= self.T_mult
        left = _half_cosine(t / length)
        return [self.eta_min + (base - self.eta_min) * left for base in bases]


class SWALR(Schedule):
    """From the rate that another schedule came to, to a constant one, for averaging by `SWA`.

    Step it in the place of the other schedule, from the epoch in which averaging begins.

    Parameters
    ----------
    optimizer : Optimizer
    swa_lr : float or list of float
        The constant rate, one for all groups or one for each.
    anneal_epochs : int
        In how many steps it is reached.
    anneal_strategy : {"cos", "linear"}
    last_epoch : int
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | Sequence[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f'SWALR: anneal_strategy={anneal_strategy!r} must be "cos" or "linear"'
            )
        if anneal_epochs < 0:
            raise ValueError(f"SWALR: anneal_epochs={anneal_epochs} must not be negative")
        self.swa_lrs = of_each_group("SWALR", optimizer, "swa_lr", swa_lr)
        self.anneal_epochs = anneal_epochs
        self.anneal_strategy = anneal_strategy
        super().__init__(optimizer, last_epoch)

    def step(self, epoch: float | None = None) -> None:
        """Go to the next step; the first begins at the rates that the groups then have."""
        if self.last_epoch < 1:
            self.base_lrs = [group["lr"] for group in self.optimizer.param_groups]
        super().step(epoch)

    def rates(self, t: float, bases: Rates) -> Rates:
        """The rate of each group at step ``t``."""
        done = min(1.0, t / self.anneal_epochs) if self.anneal_epochs else 1.0
        left = _half_cosine(done) if self.anneal_strategy == "cos" else 1 - done
        return [end + (base - end) * left for base, end in zip(bases, self.swa_lrs, strict=True)]
