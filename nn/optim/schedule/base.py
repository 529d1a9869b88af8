"""What a schedule is: hyperparameters of an optimizer as a function of the step number."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from ..optimizer import Optimizer

Rates = list[float]
Function = Callable[[float], float]
T = TypeVar("T")


class Schedule:
    """Learning rates as a function of the step number. A subclass defines `factor` or `rates`.

    It has PyTorch's interface: made from an optimizer, it sets the rates of step 0, and each `step`
    sets those of the next. But nothing is computed from the rate before, so any step can be asked
    for (`at`) or gone to (``step(epoch)``), and rounding does not add up.

    Parameters
    ----------
    optimizer : Optimizer
        Its groups note the rate that they have now as ``initial_lr``, unless they have one.
    last_epoch : int
        The step after which to go on; -1 begins.

    Attributes
    ----------
    base_lrs : list of float
        The ``initial_lr`` of each group.
    last_epoch : int
        The number of the step whose rates are set, from 0.

    Examples
    --------
    >>> import nn
    >>> from nn.optim import schedule
    >>> class Halving(schedule.Schedule):
    ...     def factor(self, t):
    ...         return 0.5**t
    >>> optimizer = nn.optim.SGD([nn.Parameter([1.0])], lr=0.8)
    >>> halving = Halving(optimizer)
    >>> halving.step()
    >>> optimizer.param_groups[0]["lr"]
    0.4
    >>> halving.at(3)
    [{'lr': 0.1}]
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"{type(self).__name__}: {type(optimizer).__name__} is not an nn.optim.Optimizer"
            )
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"{type(self).__name__}: group {i} has no initial_lr, so last_epoch="
                    f"{last_epoch} cannot go on from there; load the optimizer's state first"
                )
        self.base_lrs: Rates = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch: float = last_epoch
        self.step()

    # ------------------------------------------------------------ what subclasses define
    def factor(self, t: float) -> float:
        """What the initial rates are multiplied by at step ``t``."""
        raise NotImplementedError(f"{type(self).__name__} defines neither factor(t) nor rates(...)")

    def rates(self, t: float, bases: Rates) -> Rates:
        """The rate of each group at step ``t``, from initial rates. Pure: it sets nothing."""
        factor = self.factor(t)
        return [base * factor for base in bases]

    def momenta(self, t: float) -> Rates | None:
        """The momentum of each group at step ``t``; None leaves it alone."""
        return None

    # ------------------------------------------------------------ what users call
    def at(self, t: float) -> list[dict[str, float]]:
        """What each group has at step ``t``, without going there: to look at a plan, or draw it."""
        found = [{"lr": rate} for rate in self.rates(t, self.base_lrs)]
        momenta = self.momenta(t)
        if momenta is not None:
            for row, momentum in zip(found, momenta, strict=True):
                row["momentum"] = momentum
        return found

    def step(self, epoch: float | None = None) -> None:
        """Go to the next step, or to step ``epoch``, which may lie between two."""
        t = self.last_epoch + 1 if epoch is None else epoch
        if t < 0:
            raise ValueError(f"{type(self).__name__}: there is no step {t}; the first is 0")
        self._set(t)

    def _set(self, t: float) -> None:
        groups, found = self.optimizer.param_groups, self.at(t)
        if len(groups) != len(found):
            raise ValueError(
                f"{type(self).__name__} was made for {len(found)} parameter groups, and the "
                f"optimizer now has {len(groups)}; make the schedule after the last group is added"
            )
        self.last_epoch = t
        for group, row in zip(groups, found):
            group["lr"] = row["lr"]
            if "momentum" in row and "betas" in group:
                group["betas"] = (row["momentum"], *group["betas"][1:])
            elif "momentum" in row:
                group["momentum"] = row["momentum"]

    def get_last_lr(self) -> Rates:
        """The rates that were set last."""
        return self.rates(self.last_epoch, self.base_lrs)

    def _options(self) -> Iterator[tuple[str, Any]]:
        """What is saved: neither the optimizer, nor functions, nor what is computed from these."""
        for name, value in vars(self).items():
            functions = callable(value) or isinstance(value, list) and any(map(callable, value))
            if name != "optimizer" and not name.startswith("_") and not functions:
                yield name, value

    def state_dict(self) -> dict[str, Any]:
        """The step number and all options but functions, which are to be given again."""
        return {name: _state(value) for name, value in self._options()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave, and set the rates of that step.

        Raises
        ------
        KeyError
            For missing or unexpected names: another kind of schedule was saved.
        """
        self._load(state)
        self._set(self.last_epoch)

    def _load(self, state: Mapping[str, Any]) -> None:
        own = dict(self._options())
        if own.keys() != state.keys():
            raise KeyError(
                f"{type(self).__name__}: a saved state has {', '.join(state)}; this one is made of "
                f"{', '.join(own)}"
            )
        for name, value in own.items():
            if isinstance(value, Schedule):
                value._load(state[name])
            elif _are_schedules(value):
                for schedule, saved in zip(value, state[name], strict=True):
                    schedule._load(saved)
            else:
                saved = state[name]
                setattr(self, name, list(saved) if isinstance(saved, (list, tuple)) else saved)


def _are_schedules(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(x, Schedule) for x in value)


def _state(value: Any) -> Any:
    if isinstance(value, Schedule):
        return value.state_dict()
    if isinstance(value, list):
        return [_state(x) for x in value]
    return value


def of_each_group(
    schedule: str, optimizer: Optimizer, name: str, value: T | Sequence[T]
) -> list[T]:
    """One value for each group: those given, or the same for all."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * groups  # type: ignore[list-item]
    if len(value) != groups:
        raise ValueError(
            f"{schedule}: {name} has {len(value)} entries, and the optimizer {groups} parameter "
            "groups; give one for each, or one for all"
        )
    return list(value)


def belonging(schedule: str, optimizer: Optimizer, parts: Sequence[Any]) -> list[Schedule]:
    """Schedules that others are made of, checked."""
    for i, part in enumerate(parts):
        if not isinstance(part, Schedule):
            raise TypeError(
                f"{schedule}: schedule {i} is a {type(part).__name__}; only functions of the step "
                "number can be put together"
            )
        if part.optimizer is not optimizer:
            raise ValueError(f"{schedule}: schedule {i} belongs to another optimizer")
    if not parts:
        raise ValueError(f"{schedule}: there is no schedule")
    return list(parts)
