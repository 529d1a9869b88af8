"""How training goes, on a terminal or in a log."""

import sys
import time
from typing import Any, TextIO

from .callback import Callback

PAUSE = 0.25
"""Seconds between two looks at the loss, which on a GPU waits for it."""


def shown(value: float) -> str:
    """A number in a few characters."""
    return f"{value:#.4g}" if abs(value) < 1e4 else f"{value:.3e}"


class Progress(Callback):
    """A bar that moves while an epoch runs, where rich and a terminal are; a line after each.

    The bar has the batches, the time left of the epoch, items a second and the mean loss so far;
    the line has all numbers of ``trainer.logs``, and at the end it says why training stopped.

    Parameters
    ----------
    file : text file, optional
        Where it is written; standard output if not given.

    Examples
    --------
    >>> import nn
    >>> progress = nn.train.Progress()
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self.file = file
        self._bar: Any = None
        self._looked = 0.0

    def on_train_begin(self, trainer: Any) -> None:
        """Start the bar, and say where a run goes on."""
        self._bar = _bar(self.file or sys.stdout)
        if self._bar is not None:
            self._bar.start()
        if trainer.step:
            self._say(f"going on after step {trainer.step}, epoch {trainer.epoch + 1}")

    def on_epoch_begin(self, trainer: Any) -> None:
        """Nothing is shown of the epoch before."""
        self._looked = 0.0

    def on_step_end(self, trainer: Any, *, loss: Any, optimizer: Any) -> None:
        """Move the bar, a few times a second."""
        if self._bar is None:
            return
        now = time.monotonic()
        if now - self._looked < PAUSE:
            return
        self._looked = now
        if not self._bar.task_ids:
            self._bar.add_task("", total=None, seen="")
        sized = hasattr(trainer.loader, "__len__")
        rate = trainer.tally.items / trainer.seconds if trainer.seconds else 0.0
        self._bar.update(
            self._bar.task_ids[0],
            description=f"epoch {trainer.epoch + 1}/{trainer.epochs}",
            total=len(trainer.loader) if sized else None,
            completed=trainer.batch,
            seen=f"loss {shown(trainer.tally.loss())}  {rate:,.0f}/s",
        )

    def on_epoch_end(self, trainer: Any) -> None:
        """Print a line."""
        logs = {k: v for k, v in trainer.logs.items() if isinstance(v, (int, float))}
        epoch, seconds = logs.pop("epoch"), logs.pop("seconds")
        width = len(str(trainer.epochs))
        numbers = "  ".join([f"{name} {shown(value)}" for name, value in logs.items()])
        self._say(f"epoch {epoch:>{width}}/{trainer.epochs}  {numbers}  {seconds:.1f} s")

    def on_train_end(self, trainer: Any) -> None:
        """Give the terminal back, and say why training stopped."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if trainer.stopped:
            self._say(f"stopped in epoch {trainer.epoch + bool(trainer.batch)}: {trainer.stopped}")

    def _say(self, line: str) -> None:
        if self._bar is None:
            print(line, file=self.file or sys.stdout, flush=True)
        else:
            self._bar.console.print(line, markup=False, highlight=False)


def _bar(file: TextIO) -> Any:
    """A bar that vanishes when it stops; None where lines must do."""
    if not file.isatty():
        return None
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        return None
    return Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=20),
        TextColumn("{task.completed}/{task.total}"), TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[seen]}", markup=False),
        console=Console(file=file), transient=True,
    )  # fmt: skip
