"""Metrics of classes: all come from counts."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import autodiff as ad

from .counting import Array, Metric, metric, raw, share


def _classes(
    name: str, outputs: Any, targets: Any, threshold: float, top: int = 1
) -> tuple[Any, Array, Array, int]:
    """Namespace, predicted classes (best first, on a new last axis), targets, number of classes."""
    scores, labels = raw(outputs), raw(targets)
    xp = ad.backend.namespace(scores)
    if scores.ndim == labels.ndim + 1 and scores.ndim > 1 and scores.shape[1] == 1:
        scores = scores.reshape(labels.shape)
    if scores.shape == labels.shape:
        return xp, (scores > threshold).astype(xp.int64)[..., None], labels.astype(xp.int64), 2
    if scores.ndim != labels.ndim + 1 or scores.shape[:1] + scores.shape[2:] != labels.shape:
        raise ValueError(
            f"{name}: outputs of shape {scores.shape} and targets of shape {labels.shape} do not "
            "fit; targets are class numbers, outputs have one score of each class along axis 1, "
            "or a single score of the targets' shape"
        )
    if labels.dtype.kind not in "iub":
        raise TypeError(
            f"{name}: targets are {labels.dtype}, and class numbers are integers; "
            "of one-hot rows take targets.argmax(axis=1)"
        )
    classes = scores.shape[1]
    if not 0 < top <= classes:
        raise ValueError(f"{name}: k={top} of {classes} classes")
    scores = xp.moveaxis(scores, 1, -1)
    if top == 1:
        best = xp.argmax(scores, axis=-1)[..., None]
    else:  # of equal scores the first counts as better, as argmax has it
        best = classes - 1 - xp.argsort(scores[..., ::-1], axis=-1)[..., : -top - 1 : -1]
    return xp, best, labels, classes


@metric(share)
def accuracy(
    outputs: Any, targets: Any, *, threshold: float = 0.0, ignore_index: int | None = None
) -> Array:
    """The share of items whose class is right.

    Parameters
    ----------
    outputs : Tensor or array
        ``(N, K, ...)``: a score of each class, of which the largest counts; or a single score of
        the shape of the targets, ``(N, 1)`` too, for two classes or several labels.
    targets : Tensor or array
        ``(N, ...)``, class numbers.
    threshold : float
        A single score above it means class 1: 0 for logits; give 0.5 for probabilities.
    ignore_index : int, optional
        Items with this target are left out.

    Returns
    -------
    float
        NaN of no items.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.train.accuracy(ad.tensor([[2.0, 1.0], [0.0, 3.0]]), ad.tensor([0, 0]))
    0.5
    """
    xp, best, labels, _ = _classes("accuracy", outputs, targets, threshold)
    return _hits(xp, best, labels, ignore_index)


@metric(share)
def top_k(outputs: Any, targets: Any, *, k: int = 5, ignore_index: int | None = None) -> Array:
    """The share of items whose class is among the ``k`` best.

    Parameters
    ----------
    outputs : Tensor or array
        ``(N, K, ...)``, a score of each class. Of equal scores the first class is the better.
    targets : Tensor or array
        ``(N, ...)``, class numbers.
    k : int
        Up to the number of classes.
    ignore_index : int, optional
        Items with this target are left out.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> scores = ad.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    >>> nn.train.top_k(scores, ad.tensor([1, 2]), k=2)
    0.5
    """
    xp, best, labels, _ = _classes("top_k", outputs, targets, 0.0, k)
    return _hits(xp, best, labels, ignore_index)


def _hits(xp: Any, best: Array, labels: Array, ignore: int | None) -> Array:
    right = (best == labels[..., None]).any(axis=-1)
    if ignore is None:
        return xp.stack([right.sum(), xp.asarray(right.size)])
    counted = labels != ignore
    return xp.stack([(right & counted).sum(), counted.sum()])


@metric(lambda counts, **_: _matrix("confusion_matrix", counts))
def confusion_matrix(
    outputs: Any, targets: Any, *, threshold: float = 0.0, ignore_index: int | None = None
) -> Array:
    """How many items of each class were given each class.

    Parameters are those of `accuracy`.

    Returns
    -------
    array
        ``(K, K)``: of class ``i``, row, taken for ``j``, column.

    Raises
    ------
    ValueError
        For a target that is no class.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.train.confusion_matrix(ad.tensor([-1.0, 2.0, 3.0]), ad.tensor([0, 0, 1]))
    array([[1, 1],
           [0, 1]])
    """
    return _cells("confusion_matrix", outputs, targets, threshold, ignore_index)


def _cells(name: str, outputs: Any, targets: Any, threshold: float, ignore: int | None) -> Array:
    """The confusion matrix row after row, then how many were left out, and how many are wrong."""
    xp, best, labels, k = _classes(name, outputs, targets, threshold)
    best, labels = best.reshape(-1), labels.reshape(-1)
    # Two more cells take what does not count and what is no class: no shape depends on values.
    cells = xp.where((labels < 0) | (labels >= k), k * k + 1, labels * k + best)
    if ignore is not None:
        cells = xp.where(labels == ignore, k * k, cells)
    return xp.bincount(cells, minlength=k * k + 2)


def _matrix(name: str, counts: Array) -> np.ndarray:
    cells = ad.backend.to_numpy(counts)
    k = math.isqrt(len(cells))
    if cells[-1]:
        raise ValueError(
            f"{name}: {cells[-1]} targets are none of the classes 0 to {k - 1}; "
            "ignore_index=... leaves out one value"
        )
    return cells[: k * k].reshape(k, k)


# ---------------------------------------------------------------- of the confusion matrix
def _averaged(name: str, of: Callable[[Array, Array, Array], tuple[Array, Array]]) -> Any:
    """What a confusion matrix comes to: a ratio of each class, then the average asked for."""

    def result(
        counts: Array, *, average: str | None = None, zero_division: float = 0.0, **_: Any
    ) -> Any:
        matrix = _matrix(name, counts).astype(np.float64)
        right, taken, own = np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
        if average is None:
            average = "binary" if len(matrix) == 2 else "macro"
        if average == "micro":
            right, taken, own = (np.asarray([part.sum()]) for part in (right, taken, own))
        part, whole = of(right, taken, own)
        empty = whole == 0
        scores = np.where(empty, zero_division, part / np.where(empty, 1.0, whole))
        if average == "each":
            return scores
        if average == "binary" and len(matrix) == 2:
            return float(scores[1])
        if average == "micro":
            return float(scores[0])
        if average == "macro":
            present = (taken + own) > 0  # a class that neither was nor was said has no score
            return float(scores[present].mean()) if present.any() else float("nan")
        if average == "weighted":
            return float((scores * own).sum() / own.sum()) if own.sum() else float("nan")
        raise ValueError(
            f"{name}: average={average!r} must be 'macro', 'micro', 'weighted', 'each', or "
            f"'binary' for two classes; here are {len(matrix)}"
        )

    return result


_OPTIONS = """
    Parameters
    ----------
    outputs, targets : Tensor or array
    threshold : float
    ignore_index : int, optional
        All as for `accuracy`.
    average : {"macro", "micro", "weighted", "binary", "each"}, optional
        The mean over the classes that occur, over the items, or over the classes by their number
        of items; class 1 alone; or an array of all. By default ``"binary"`` for two classes and
        ``"macro"`` for more.
    zero_division : float
        What stands for a ratio to nothing.
"""


def _of_confusion(name: str, about: str, example: str, of: Any) -> Metric:
    def counts(
        outputs: Any,
        targets: Any,
        *,
        threshold: float = 0.0,
        ignore_index: int | None = None,
        average: str | None = None,
        zero_division: float = 0.0,
    ) -> Array:
        return _cells(name, outputs, targets, threshold, ignore_index)

    counts.__name__ = counts.__qualname__ = name
    counts.__doc__ = f"{about}\n{_OPTIONS}\n    Examples\n    --------\n{example}"
    return Metric(counts, _averaged(name, of))


_EXAMPLE = """\
    >>> import autodiff as ad, nn
    >>> scores, labels = ad.tensor([-1.0, 2.0, 3.0, 1.0]), ad.tensor([1, 0, 1, 1])
    >>> nn.train.{}(scores, labels)
    {}
    """

precision = _of_confusion(
    "precision",
    "Of the items that were said to be of a class, the share that are.",
    _EXAMPLE.format("precision", 0.6666666666666666),
    lambda right, taken, own: (right, taken),
)
recall = _of_confusion(
    "recall",
    "Of the items of a class, the share that were said to be.",
    _EXAMPLE.format("recall", 0.6666666666666666),
    lambda right, taken, own: (right, own),
)
f1 = _of_confusion(
    "f1",
    "The harmonic mean of precision and recall.",
    _EXAMPLE.format("f1", 0.6666666666666666),
    lambda right, taken, own: (2 * right, taken + own),
)
