"""Loss and metrics of an epoch, gathered batch by batch without waiting for the device."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import autodiff as ad

from .around import items_of
from .counting import Metric

Named = dict[str, Callable[..., Any]]


def named(metrics: Sequence[Callable[..., Any]] | Mapping[str, Callable[..., Any]]) -> Named:
    """Metrics by name: that of the function unless another is given."""
    if isinstance(metrics, Mapping):
        return dict(metrics)
    found: Named = {}
    for one in metrics:
        name = getattr(_function(one), "__name__", type(one).__name__)
        if name in found:
            raise ValueError(f"two metrics are called {name!r}; give a dict of names and metrics")
        found[name] = one
    return found


def _function(given: Any) -> Any:
    return given.func if isinstance(given, functools.partial) else given


def _exact(given: Any) -> tuple[Metric, dict[str, Any]]:
    """A metric and its options; a plain function is averaged over the items of the batches."""
    if isinstance(_function(given), Metric):
        return _function(given), given.keywords if isinstance(given, functools.partial) else {}

    def counts(outputs: Any, targets: Any) -> Any:
        value, n = ad.asarray(given(outputs, targets)).data, items_of(outputs)
        xp = ad.backend.namespace(value)
        return xp.stack([value * float(n), xp.asarray(float(n))])

    return Metric(counts, lambda sums: float(sums[0] / sums[1])), {}


class Tally:
    """The mean loss and the metrics of the batches seen so far.

    Parameters
    ----------
    metrics : dict
        By name.
    """

    def __init__(self, metrics: Named) -> None:
        self._metrics = {name: _exact(given) for name, given in metrics.items()}
        self._counts: dict[str, Any] = {}
        self._loss: Any = 0.0
        self.items = 0

    def add(self, loss: Any, n: int, outputs: Any, targets: Any) -> None:
        """Take in a batch of ``n`` items, and the sum of their losses, a raw value."""
        self._loss = self._loss + loss
        self.items += n
        for name, (metric, options) in self._metrics.items():
            counts = metric.counts(outputs, targets, **options)
            seen = self._counts.get(name)
            self._counts[name] = counts if seen is None else metric.merge(seen, counts)

    def loss(self) -> float:
        """The mean loss; NaN of no items."""
        return float(self._loss) / self.items if self.items else float("nan")

    def results(self) -> dict[str, Any]:
        """The mean loss, then the metrics in order: numbers, or arrays of them."""
        found: dict[str, Any] = {"loss": self.loss()}
        for name, (metric, options) in self._metrics.items():
            if name in self._counts:
                value = metric.result(self._counts[name], **options)
                found[name] = value if getattr(value, "shape", None) != () else value.item()
        return found

    def state_dict(self) -> dict[str, Any]:
        """All sums, for a checkpoint in the middle of an epoch."""
        to_numpy = ad.backend.to_numpy
        counts = {name: to_numpy(value) for name, value in self._counts.items()}
        return {"loss": float(self._loss), "items": self.items, "counts": counts}

    def load_state_dict(self, state: Mapping[str, Any], device: str) -> None:
        """Go on from sums that were saved, on a device."""
        self._loss, self.items = state["loss"], state["items"]
        self._counts = {
            name: ad.asarray(value, device=device).data for name, value in state["counts"].items()
        }
