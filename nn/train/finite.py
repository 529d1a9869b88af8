"""The losses of an epoch, none of which may be NaN or infinite."""

import math
from typing import Any

import autodiff as ad

UNREAD = 50
"""Steps after which losses are read from a GPU: each time waits for it."""


class FiniteLosses:
    """Reads losses, on a GPU many at a time, and raises at the first that is not finite.

    Attributes
    ----------
    broken
        The batch of that loss, on a CPU.
    """

    def __init__(self) -> None:
        self.broken: Any = None
        self._unread: list[tuple[int, int, Any]] = []

    def read(self, loss: ad.Tensor, epoch: int, number: int, batch: Any) -> Any:
        """The loss as a number, or as a raw float64 value that was not waited for."""
        if loss.device == "cpu":
            value = float(loss)
            if not math.isfinite(value):
                self.broken = batch
                raise FloatingPointError(_now(value, epoch, number))
            return value
        self._unread.append((epoch, number, loss.data))
        if len(self._unread) >= UNREAD:
            self.flush()
        return loss.data.astype("float64")

    def flush(self) -> None:
        """Read what was not read yet."""
        unread, self._unread = self._unread, []
        for epoch, number, value in unread:
            if not math.isfinite(float(value)):
                raise FloatingPointError(_before(float(value), epoch, number))


def _now(value: float, epoch: int, number: int) -> str:
    return (
        f"the loss is {value} at batch {number} of epoch {epoch}; the parameters are as they were "
        "before it. `with autodiff.detect_anomaly(): "
        "trainer.compute(trainer.losses.broken)[0].backward()` names the line that made it. The "
        "usual causes are a learning rate too high, and a logarithm or a quotient of 0"
    )


def _before(value: float, epoch: int, number: int) -> str:
    return (
        f"the loss was {value} at batch {number} of epoch {epoch}; up to {UNREAD} steps were made "
        "since, for reading each loss waits for the GPU. Go on from the last checkpoint inside "
        "`with autodiff.detect_anomaly():`, which names the line that made it"
    )
