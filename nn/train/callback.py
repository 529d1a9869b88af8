"""What may happen beside training."""

from collections.abc import Mapping, Sequence
from typing import Any

EVENTS = "on_train_begin", "on_epoch_begin", "on_step_end", "on_epoch_end", "on_train_end"


class Callback:
    """Something that is told how training goes. A subclass defines the events that it is for.

    Any object with methods of these names will do. Each is called with the `Trainer`, whose
    attributes say the rest; an event that is not defined costs nothing. They are called in the
    order in which they were given, those whose ``last`` is true after all others, but before them
    when training begins, so that a run that goes on has begun to when they are told.

    Examples
    --------
    >>> import nn
    >>> class Shout(nn.train.Callback):
    ...     def on_epoch_end(self, trainer):
    ...         print(trainer.logs["loss"])
    """

    last = False

    def on_train_begin(self, trainer: Any) -> None:
        """Training begins, or goes on."""

    def on_epoch_begin(self, trainer: Any) -> None:
        """An epoch begins; one that is gone on with does not begin again."""

    def on_step_end(self, trainer: Any, *, loss: Any, optimizer: Any) -> None:
        """The optimizer has made a step; ``loss`` is a tensor, which waits where it is read."""

    def on_epoch_end(self, trainer: Any) -> None:
        """An epoch is over, validation too; ``trainer.logs`` has its numbers."""

    def on_train_end(self, trainer: Any) -> None:
        """Training is over, also where an error or Ctrl-C ends it: ``trainer.stopped`` says why."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must keep so that this can go on."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""


class Events:
    """The callbacks' methods by event, without those that do nothing."""

    def __init__(self, callbacks: Sequence[Any]) -> None:
        for one in callbacks:
            if isinstance(one, type):
                raise TypeError(f"Trainer: the callback {one.__name__} is a class; call it")
        self.callbacks = sorted(callbacks, key=lambda one: getattr(one, "last", False))
        self._methods = {event: self._of(event) for event in EVENTS}

    def _of(self, event: str) -> list[Any]:
        idle = getattr(Callback, event)
        told = self.callbacks
        if event == "on_train_begin":
            told = sorted(told, key=lambda one: not getattr(one, "last", False))
        found = [getattr(one, event, None) for one in told]
        return [m for m in found if m is not None and getattr(m, "__func__", m) is not idle]

    def emit(self, event: str, trainer: Any, **known: Any) -> None:
        """Tell all whom it concerns."""
        for method in self._methods[event]:
            method(trainer, **known)

    def end(self, trainer: Any) -> None:
        """Say that training is over; every callback is told, and the first error is raised."""
        first: Exception | None = None
        for method in self._methods["on_train_end"]:
            try:
                method(trainer)
            except Exception as error:
                first = first or error
        if first is not None:
            raise first

    def state_dict(self) -> dict[str, Any]:
        """The states of those that have one, by class and number."""
        return {key: one.state_dict() for key, one in self._keyed() if hasattr(one, "state_dict")}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Hand each its state; one that was not there before begins afresh."""
        for key, one in self._keyed():
            if key in state and hasattr(one, "load_state_dict"):
                one.load_state_dict(state[key])

    def _keyed(self) -> list[tuple[str, Any]]:
        seen: dict[str, int] = {}
        keyed = []
        for one in self.callbacks:
            name = type(one).__name__
            keyed.append((f"{name}.{seen.setdefault(name, 0)}", one))
            seen[name] += 1
        return keyed
