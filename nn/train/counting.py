"""Metrics that are exact over a whole set, however it is cut into batches.

A metric is two functions: what to count of a batch, and what the counts of all batches come to. So
nothing is averaged over batches, and nothing waits for the device until the end.
"""

import functools
from collections.abc import Callable
from typing import Any

import autodiff as ad

Array = Any


def _add(a: Array, b: Array) -> Array:
    return a + b


class Metric:
    """A function of outputs and targets that a `Trainer` can have batch by batch.

    Made by `metric`. ``functools.partial(top_k, k=3)`` gives it other options.

    Attributes
    ----------
    counts : callable
        ``counts(outputs, targets, **options)``: an array, of tensors or arrays.
    merge : callable
        The counts of two batches together; most are added.
    result : callable
        ``result(counts, **options)``: the number, or an array of numbers.
    """

    def __init__(
        self,
        counts: Callable[..., Array],
        result: Callable[..., Any],
        merge: Callable[[Array, Array], Array] = _add,
    ) -> None:
        functools.update_wrapper(self, counts)
        self.counts, self.result, self.merge = counts, result, merge

    def __repr__(self) -> str:
        return f"<metric {self.__wrapped__.__name__}>"  # type: ignore[attr-defined]

    def __call__(self, outputs: Any, targets: Any, **options: Any) -> Any:
        """The metric of these outputs alone."""
        return self.result(self.counts(outputs, targets, **options), **options)


def metric(
    result: Callable[..., Any], merge: Callable[[Array, Array], Array] = _add
) -> Callable[[Callable[..., Array]], Metric]:
    """Make a `Metric` of the function that counts.

    Parameters
    ----------
    result : callable
        What the counts come to; it takes the options too.
    merge : callable, optional
        The counts of two batches together, if they are not to be added.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> @nn.train.metric(result=lambda counts: float(counts[0] / counts[1]))
    ... def within_one(outputs, targets):
    ...     near = abs(outputs - targets) <= 1
    ...     return ad.stack([near.sum(), near.size]).data
    >>> within_one(ad.tensor([1.0, 5.0]), ad.tensor([1.5, 2.0]))
    0.5
    """
    return lambda counts: Metric(counts, result, merge)


def raw(values: Any) -> Array:
    """The array of a tensor, or what can be made one."""
    return values.data if isinstance(values, ad.Tensor) else ad.asarray(values).data


def share(counts: Array, **_: Any) -> float:
    """What counts of right ones and of all come to."""
    right, total = counts.tolist()
    return right / total if total else float("nan")
