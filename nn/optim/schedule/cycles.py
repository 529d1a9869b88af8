"""Schedules that go up before they go down, with a momentum that goes the other way."""

from collections.abc import Sequence
from math import cos, floor, pi

from ..optimizer import Optimizer
from .base import Function, Rates, Schedule, of_each_group


class _Cycle(Schedule):
    """Rates and momenta that move together."""

    max_lrs: Rates
    base_momentums: Rates
    max_momentums: Rates

    def _cycled(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        cycle_momentum: bool,
        base_momentum: float | Sequence[float],
        max_momentum: float | Sequence[float],
    ) -> None:
        name = type(self).__name__
        self.max_lrs = of_each_group(name, optimizer, "max_lr", max_lr)
        self.cycle_momentum = cycle_momentum
        if cycle_momentum and not {"momentum", "betas"} & optimizer.defaults.keys():
            raise ValueError(
                f"{name}: {type(optimizer).__name__} has neither momentum nor betas; use "
                "cycle_momentum=False"
            )
        self.base_momentums = of_each_group(name, optimizer, "base_momentum", base_momentum)
        self.max_momentums = of_each_group(name, optimizer, "max_momentum", max_momentum)


class CyclicLR(_Cycle):
    """From ``base_lr`` up to ``max_lr`` and back, again and again (Smith, 2017).

    The momentum, or Adam's first beta, goes from ``max_momentum`` to ``base_momentum`` and back.

    Parameters
    ----------
    optimizer : Optimizer
    base_lr, max_lr : float or list of float
        The limits, for all groups or for each.
    step_size_up, step_size_down : int
        Steps upward and downward; downward as many as upward unless said otherwise.
    mode : {"triangular", "triangular2", "exp_range"}
        The height of the cycles: the same, half as high each, or times ``gamma`` in each step.
    gamma : float
    scale_fn : callable, optional
        The height, in the place of ``mode``.
    scale_mode : {"cycle", "iterations"}
        Whether ``scale_fn`` is given the number of the cycle, from 1, or of the step.
    cycle_momentum : bool
    base_momentum, max_momentum : float or list of float
    last_epoch : int
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Function | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.8,
        max_momentum: float | Sequence[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        if scale_fn is None and mode not in ("triangular", "triangular2", "exp_range"):
            raise ValueError(
                f'CyclicLR: mode={mode!r} must be "triangular", "triangular2" or "exp_range"'
            )
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError(f'CyclicLR: scale_mode={scale_mode!r} must be "cycle" or "iterations"')
        down = step_size_up if step_size_down is None else step_size_down
        if step_size_up <= 0 or down <= 0:
            raise ValueError(
                f"CyclicLR: step_size_up={step_size_up} and step_size_down={down} must be positive"
            )
        self.min_lrs = of_each_group("CyclicLR", optimizer, "base_lr", base_lr)
        self._cycled(optimizer, max_lr, cycle_momentum, base_momentum, max_momentum)
        self.total_size = step_size_up + down
        self.step_ratio = step_size_up / self.total_size
        self.mode = mode
        self.gamma = gamma
        self.scale_fn = scale_fn
        self.scale_mode = scale_mode
        super().__init__(optimizer, last_epoch)

    def _height(self, t: float) -> float:
        """How far up a cycle it is, times the height of that cycle."""
        cycle = floor(1 + t / self.total_size)
        part = 1 + t / self.total_size - cycle
        ratio = self.step_ratio
        up = part / ratio if part <= ratio else (part - 1) / (ratio - 1)
        if self.scale_fn is not None:
            return up * self.scale_fn(cycle if self.scale_mode == "cycle" else t)
        if self.mode == "exp_range":
            return float(up * self.gamma**t)
        return up / 2.0 ** (cycle - 1) if self.mode == "triangular2" else up

    def rates(self, t: float, bases: Rates) -> Rates:
        """The rate of each group at step ``t``; the initial rates do not matter."""
        height = self._height(t)
        limits = zip(self.min_lrs, self.max_lrs, strict=True)
        return [low + (high - low) * height for low, high in limits]

    def momenta(self, t: float) -> Rates | None:
        """The momentum of each group at step ``t``."""
        if not self.cycle_momentum:
            return None
        height = self._height(t)
        limits = zip(self.base_momentums, self.max_momentums, strict=True)
        return [high - (high - low) * height for low, high in limits]


class OneCycleLR(_Cycle):
    """Up to ``max_lr`` and down to next to nothing, once in a training (Smith and Topin, 2019).

    From ``max_lr / div_factor`` up to ``max_lr``, then down to ``max_lr / div_factor /
    final_div_factor``. The momentum, or Adam's first beta, goes from ``max_momentum`` down to
    ``base_momentum`` and back. Step it after every batch.

    Parameters
    ----------
    optimizer : Optimizer
    max_lr : float or list of float
        The largest rate, for all groups or for each.
    total_steps : int, optional
        The length of the training, or else ``epochs`` times ``steps_per_epoch``.
    epochs, steps_per_epoch : int, optional
    pct_start : float
        The part of the steps that go up.
    anneal_strategy : {"cos", "linear"}
    cycle_momentum : bool
    base_momentum, max_momentum : float or list of float
    div_factor, final_div_factor : float
    three_phase : bool
        Go down to where it began in as many steps as up, and only then to next to nothing.
    last_epoch : int

    Raises
    ------
    ValueError
        By a step beyond the last.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR needs total_steps, or epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        if total_steps < 1:
            raise ValueError(f"OneCycleLR: {total_steps} steps; there must be at least 1")
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: pct_start={pct_start} must be from 0 to 1")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f'OneCycleLR: anneal_strategy={anneal_strategy!r} must be "cos" or "linear"'
            )
        self._cycled(optimizer, max_lr, cycle_momentum, base_momentum, max_momentum)
        self.total_steps = total_steps
        self.pct_start = pct_start
        self.anneal_strategy = anneal_strategy
        self.div_factor = div_factor
        self.final_div_factor = final_div_factor
        self.three_phase = three_phase
        super().__init__(optimizer, last_epoch)

    def _place(self, t: float) -> tuple[int, float]:
        """The phase that step ``t`` is in, and how much of it is done."""
        if t > self.total_steps:
            raise ValueError(
                f"OneCycleLR: step {t} is beyond total_steps={self.total_steps}; there is one step "
                "for each batch of the whole training"
            )
        ends = [self.pct_start * self.total_steps - 1, self.total_steps - 1]
        if self.three_phase:
            ends.insert(1, 2 * self.pct_start * self.total_steps - 2)
        starts = [0, *ends]
        phase = next((i for i, end in enumerate(ends[:-1]) if t <= end), len(ends) - 1)
        length = ends[phase] - starts[phase]
        return phase, (t - starts[phase]) / length if length else 1.0

    def _between(self, t: float, points: list[Rates]) -> Rates:
        """Between the points at which the phase begins and ends, for each group."""
        phase, done = self._place(t)
        if self.anneal_strategy == "cos":
            done = (1 - cos(pi * done)) / 2
        return [a + (b - a) * done for a, b in zip(points[phase], points[phase + 1], strict=True)]

    def rates(self, t: float, bases: Rates) -> Rates:
        """The rate of each group at step ``t``; the initial rates do not matter."""
        first = [rate / self.div_factor for rate in self.max_lrs]
        last = [rate / self.final_div_factor for rate in first]
        back = [first] if self.three_phase else []
        return self._between(t, [first, self.max_lrs, *back, last])

    def momenta(self, t: float) -> Rates | None:
        """The momentum of each group at step ``t``."""
        if not self.cycle_momentum:
            return None
        low, high = self.base_momentums, self.max_momentums
        return self._between(t, [high, low, high, high])
