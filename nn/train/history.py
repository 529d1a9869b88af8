"""The numbers of all epochs."""

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .callback import Callback
from .files import replace_text


class History(Callback):
    """What `Trainer.fit` returns: a row of numbers for each epoch.

    Examples
    --------
    >>> import nn
    >>> history = nn.train.History([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}])
    >>> history["loss"]
    [2.0, 1.0]
    >>> len(history), history.best("loss")
    (2, 2)
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]] = ()) -> None:
        self.rows: list[dict[str, Any]] = [dict(row) for row in rows]

    def on_epoch_end(self, trainer: Any) -> None:
        """Add a row."""
        self.rows.append(dict(trainer.logs))

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[str]:
        """The names of the columns."""
        return iter(dict.fromkeys([name for row in self.rows for name in row]))

    def __getitem__(self, name: str) -> list[Any]:
        """A number through the epochs; None in those that have it not."""
        if not any(name in row for row in self.rows):
            raise KeyError(f"no {name!r} in this history, which has: {', '.join(self)}")
        return [row.get(name) for row in self.rows]

    def __repr__(self) -> str:
        return f"<History of {len(self)} epochs: {', '.join(self)}>"

    def best(self, name: str, mode: str = "min") -> int:
        """The number of the epoch, from 1, in which something was least, or greatest."""
        rows = [row for row in self.rows if row.get(name) == row.get(name) is not None]
        if not rows:
            raise KeyError(f"no {name!r} in this history, which has: {', '.join(self)}")
        pick = {"min": min, "max": max}[mode]
        row = pick(rows, key=lambda row: row[name])
        return int(row["epoch"])

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the rows as CSV, whole or not at all; what is no single number is left out."""
        names = [name for name in self if all(_is_number(row.get(name)) for row in self.rows)]
        text = io.StringIO()
        writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        replace_text(Path(path), text.getvalue())

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Losses, metrics and rate over the epochs: a matplotlib ``Figure``, saved if asked.

        A number of training and the same of validation are in one panel.
        """
        try:
            from matplotlib.figure import Figure
            from matplotlib.ticker import MaxNLocator
        except ImportError as error:
            raise RuntimeError(
                "plotting needs matplotlib: pip install 'autodiff-viz[plots]'"
            ) from error
        skipped = ("epoch", "seconds")
        panels = [
            name for name in self
            if name not in skipped and not name.startswith("val_")
            and all(_is_number(value) for value in self[name])
        ]  # fmt: skip
        figure = Figure(figsize=(3.2 * max(1, len(panels)), 2.6), layout="constrained")
        for i, name in enumerate(panels, 1):
            axes = figure.add_subplot(1, len(panels), i)
            for series, label, style in (
                (name, "training", "-"),
                (f"val_{name}", "validation", "--"),
            ):
                if series in set(self):
                    axes.plot(self["epoch"], self[series], style, marker="o", ms=3, label=label)
            axes.set_xlabel("epoch")
            axes.set_ylabel(name)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.spines[["top", "right"]].set_visible(False)
            if f"val_{name}" in set(self):
                axes.legend(frameon=False)
        if path is not None:
            figure.savefig(os.fspath(path))
        return figure

    def state_dict(self) -> dict[str, Any]:
        """The rows."""
        return {"rows": self.rows}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over rows."""
        self.rows = [dict(row) for row in state["rows"]]


def _is_number(value: Any) -> bool:
    return value is None or isinstance(value, (int, float))


class CSVLogger(Callback):
    """Writes the history as CSV after each epoch.

    The file is written anew each time, so a run that is gone on with leaves no row twice.

    Parameters
    ----------
    path : path-like

    Examples
    --------
    >>> import nn
    >>> logger = nn.train.CSVLogger("run.csv")
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def on_epoch_end(self, trainer: Any) -> None:
        """Write all rows."""
        trainer.history.to_csv(self.path)
