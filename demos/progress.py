"""How training goes: a bar in a terminal, a line now and then elsewhere."""

import sys
from types import TracebackType
from typing import Any, Self

try:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
except ImportError:  # lines do, where the extra `train` is not installed
    Progress = None


def _bar() -> Any:
    """Narrow enough that 80 columns show the measurements whole."""
    return Progress(
        TextColumn("{task.description:<7}"),
        BarColumn(bar_width=8),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[seen]}"),
    )


class Report:
    """Shows tasks one after another; a context manager.

    Parameters
    ----------
    lines : int
        How many lines a task prints where no bar can move.
    """

    def __init__(self, lines: int = 10) -> None:
        self.lines = lines
        self.bar = _bar() if Progress is not None and sys.stdout.isatty() else None

    def __enter__(self) -> Self:
        if self.bar is not None:
            self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def begin(self, name: str, total: int, unit: str) -> None:
        """Start a task of ``total`` units, such as epochs."""
        self.name, self.total, self.unit, self.printed = name, total, unit, 0
        if self.bar is not None:
            self.task = self.bar.add_task(name, total=total, seen="")

    def at(self, done: float, seen: str) -> None:
        """Show what is measured after ``done`` units."""
        if self.bar is not None:
            self.bar.update(self.task, completed=done, seen=seen)
        elif done * self.lines >= (self.printed + 1) * self.total:
            self.printed = int(done * self.lines / self.total)
            digits = int(self.total < self.lines)  # of few long epochs, show parts
            width = len(f"{self.total:.{digits}f}")
            place = f"{self.unit} {done:>{width}.{digits}f}/{self.total}"
            print(f"{self.name:<7} {place}  {seen}", flush=True)
