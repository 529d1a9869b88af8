"""Metrics of numbers."""

from typing import Any

import autodiff as ad

from .counting import Array, metric, raw, share


def _pairs(name: str, outputs: Any, targets: Any) -> tuple[Any, Array, Array]:
    """Namespace and both as float64, whose shapes must be equal: (N, 1) against (N,) broadcasts."""
    said, true = raw(outputs), raw(targets)
    if said.shape != true.shape:
        raise ValueError(
            f"{name}: outputs of shape {said.shape} and targets of shape {true.shape} must be of "
            "one shape; reshape one of them"
        )
    xp = ad.backend.namespace(said)
    return xp, said.astype(xp.float64), true.astype(xp.float64)


@metric(share)
def mae(outputs: Any, targets: Any) -> Array:
    """The mean absolute error, over all elements.

    Parameters
    ----------
    outputs, targets : Tensor or array
        Of the same shape.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.train.mae(ad.tensor([1.0, 2.0]), ad.tensor([1.0, 5.0]))
    1.5
    """
    xp, said, true = _pairs("mae", outputs, targets)
    return xp.stack([abs(said - true).sum(), xp.asarray(float(said.size))])


@metric(share)
def mse(outputs: Any, targets: Any) -> Array:
    """The mean squared error, over all elements.

    Parameters
    ----------
    outputs, targets : Tensor or array
        Of the same shape.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.train.mse(ad.tensor([1.0, 2.0]), ad.tensor([1.0, 5.0]))
    4.5
    """
    xp, said, true = _pairs("mse", outputs, targets)
    return xp.stack([((said - true) ** 2).sum(), xp.asarray(float(said.size))])


def _unexplained(counts: Array, **_: Any) -> float:
    n, _, spread, error = counts.tolist()
    if not n or not spread:
        return float("nan")
    return float(1.0 - error / spread)


def _merge_spreads(a: Array, b: Array) -> Array:
    """Sums of squares about a mean, of two parts together (Chan, Golub and LeVeque, 1979)."""
    xp = ad.backend.namespace(a)
    n = a[0] + b[0]
    total = xp.where(n == 0, 1.0, n)
    apart = b[1] - a[1]
    return xp.stack([
        n,
        a[1] + apart * b[0] / total,
        a[2] + b[2] + apart * apart * a[0] * b[0] / total,
        a[3] + b[3],
    ])  # fmt: skip


@metric(_unexplained, _merge_spreads)
def r2(outputs: Any, targets: Any) -> Array:
    """The coefficient of determination: 1 less the squared errors over the targets' spread.

    Parameters
    ----------
    outputs, targets : Tensor or array
        Of the same shape; all elements count alike.

    Returns
    -------
    float
        1 at best, 0 of the targets' mean, NaN if all targets are equal.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.train.r2(ad.tensor([1.0, 2.0, 4.0]), ad.tensor([1.0, 2.0, 3.0]))
    0.5
    """
    xp, said, true = _pairs("r2", outputs, targets)
    n = xp.asarray(float(true.size))
    mean = true.sum() / xp.where(n == 0, 1.0, n)
    return xp.stack([n, mean, ((true - mean) ** 2).sum(), ((said - true) ** 2).sum()])
