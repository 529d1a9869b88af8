"""Files from which a run goes on to the same bits."""

import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import autodiff as ad

from .callback import Callback
from .stopping import Best, monitored

NAME = re.compile(r"step-(\d+)\.safetensors")


class Checkpoint(Callback):
    """Saves the whole state of training, and goes on from it.

    With ``resume=True`` a program that was killed is simply started again: it ends with the same
    bits as if nothing had happened. A file that cannot be read is passed over, with a warning, for
    the one before. Files are written whole or not at all. Ctrl-C saves before it stops. Where a
    file cannot be written training ends with an error that names it: `fit` goes on from there when
    there is room again.

    Parameters
    ----------
    folder : path-like
        For ``step-00000042.safetensors`` and so on, and ``best.safetensors``; made if need be.
    every_epochs : int
        0 for none.
    every_steps : int, optional
        Save in the middle of epochs too.
    keep : int
        How many of the last files are kept.
    monitor : str, optional
        Keep the state of the epoch in which this number was best, as ``best.safetensors``.
    mode : {"min", "max"}
    resume : bool
        Load the newest file, if there is one, when training begins. Without it a folder that has
        files of a run is refused.

    Examples
    --------
    >>> import nn
    >>> checkpoint = nn.train.Checkpoint("runs/first", monitor="val_loss", resume=True)
    """

    last = True  # what it saves is to have what the others did

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        every_epochs: int = 1,
        every_steps: int | None = None,
        keep: int = 2,
        monitor: str | None = None,
        mode: str = "min",
        resume: bool = False,
    ) -> None:
        if keep < 1 or every_epochs < 0 or (every_steps is not None and every_steps < 1):
            raise ValueError(
                f"Checkpoint: keep={keep} and every_steps={every_steps} must be at least 1, "
                f"every_epochs={every_epochs} at least 0"
            )
        self.folder = Path(folder)
        self.every_epochs, self.every_steps, self.keep = every_epochs, every_steps, keep
        self.monitor, self.resume = monitor, resume
        self.best = Best(mode)

    def on_train_begin(self, trainer: Any) -> None:
        """Go on from the newest file, or see that the folder can be written."""
        if trainer.step:
            return
        self.best.forget()
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.resume:
            self.load(trainer)
        elif self.files():  # which of them were kept would depend on both runs
            raise FileExistsError(
                f"Checkpoint: there are files of another run in {self.folder}; resume=True goes on "
                "with it. For a new one, name another folder or delete them"
            )
        if not os.access(self.folder, os.W_OK):
            raise PermissionError(f"Checkpoint: the folder {self.folder} cannot be written")

    def on_step_end(self, trainer: Any, *, loss: Any, optimizer: Any) -> None:
        """Save, if it is time."""
        if self.every_steps is not None and trainer.step % self.every_steps == 0:
            self.save(trainer)

    def on_epoch_end(self, trainer: Any) -> None:
        """Save, if it is time, and the best apart."""
        improved = self.monitor is not None and self.best.improved(
            monitored(self.monitor, "Checkpoint", trainer)
        )
        if self.every_epochs and trainer.epoch % self.every_epochs == 0:
            self.save(trainer)
        if improved:
            self.write(trainer, "best.safetensors")

    def on_train_end(self, trainer: Any) -> None:
        """Save what Ctrl-C would lose."""
        if trainer.stopped == "KeyboardInterrupt":
            self.save(trainer)

    def files(self) -> list[Path]:
        """The files of steps, oldest first."""
        found = self.folder.glob("step-*.safetensors")
        return sorted(path for path in found if NAME.fullmatch(path.name))

    def save(self, trainer: Any) -> Path:
        """Save now; of the files of steps only the last are kept."""
        path = self.write(trainer, f"step-{trainer.step:08}.safetensors")
        for old in self.files()[: -self.keep]:
            old.unlink(missing_ok=True)
        return path

    def write(self, trainer: Any, name: str) -> Path:
        """Save under a name."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ad.save(trainer.state_dict(), self.folder / name)
        return self.folder / name

    def load(self, trainer: Any) -> Path | None:
        """Go on from the newest file that can be read; None if there is none at all.

        Raises
        ------
        ValueError
            If there are files, and none can be read.
        """
        files = self.files()
        for path in reversed(files):
            try:
                state = ad.load(path)
            except (ValueError, OSError) as error:
                warnings.warn(f"Checkpoint: passing over {path}: {error}", stacklevel=2)
            else:
                trainer.load_state_dict(state)
                return path
        if files:
            raise ValueError(f"Checkpoint: no file in {self.folder} can be read; see the warnings")
        return None

    def state_dict(self) -> dict[str, Any]:
        """The best number so far."""
        return {"best": self.best.value}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.best.value = state["best"]
