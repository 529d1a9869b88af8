"""Losses of differences between numbers."""

from typing import Any

import autodiff as ad

from .reduced import loss_op, reduced, require_reduction, require_same_shape

Array = Any


@loss_op(x=lambda g, x, y: (x - y) * (2 * g), y=lambda g, x, y: (y - x) * (2 * g))
def squared_error(xp: Any, x: Array, y: Array, /) -> Array:
    """``(x - y)**2``."""
    d = x - y
    return d * d


@loss_op(
    x=lambda g, xp, x, y: xp.sign(x - y) * g,
    y=lambda g, xp, x, y: xp.sign(y - x) * g,
)
def absolute_error(xp: Any, x: Array, y: Array, /) -> Array:
    """``|x - y|``; the subgradient is 0 where both are equal."""
    return xp.absolute(x - y)


@loss_op(
    x=lambda g, xp, x, y, delta: xp.clip(x - y, -delta, delta) * g,
    y=lambda g, xp, x, y, delta: xp.clip(y - x, -delta, delta) * g,
)
def huber_error(xp: Any, x: Array, y: Array, /, *, delta: float) -> Array:
    """``d * d / 2`` for ``d = |x - y|`` up to delta, and ``delta * (d - delta / 2)`` beyond."""
    d = xp.absolute(x - y)
    least = xp.minimum(d, delta)
    return least * (d - 0.5 * least)


def mse_loss(input: Any, target: Any, reduction: str = "mean", weight: Any = None) -> Any:
    """The squared difference.

    Parameters
    ----------
    input, target : Tensor
        Of equal shape.
    reduction : str
        ``"mean"``, ``"sum"`` or ``"none"``.
    weight : Tensor, optional
        Of that shape too; multiplies the losses. A mean is divided by its sum.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.functional.mse_loss(ad.tensor([1.0, 2.0]), ad.tensor([1.0, 4.0])).item()
    2.0
    """
    return _difference("mse_loss", squared_error, input, target, reduction, weight)


def l1_loss(input: Any, target: Any, reduction: str = "mean", weight: Any = None) -> Any:
    """The absolute difference; its mean is least at the median of the targets.

    Parameters
    ----------
    input, target : Tensor
        Of equal shape.
    reduction : str
        ``"mean"``, ``"sum"`` or ``"none"``.
    weight : Tensor, optional
        Of that shape too; multiplies the losses. A mean is divided by its sum.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.functional.l1_loss(ad.tensor([1.0, 2.0]), ad.tensor([1.0, 4.0])).item()
    1.0
    """
    return _difference("l1_loss", absolute_error, input, target, reduction, weight)


def _difference(name: str, op: ad.Op, input: Any, target: Any, reduction: str, weight: Any) -> Any:
    require_reduction(name, reduction)
    require_same_shape(name, input=input, target=target)
    if weight is None:
        return op(input, target, reduction=reduction)
    require_same_shape(name, input=input, weight=weight)
    losses = op(input, target, reduction="none") * weight
    if reduction == "mean":
        return ad.sum(losses) / ad.sum(weight)
    return reduced(losses, reduction)


def huber_loss(
    input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None
) -> Any:
    """Half the squared difference up to ``delta``, and a straight line beyond (Huber, 1964).

    Parameters
    ----------
    input, target : Tensor
        Of equal shape.
    reduction : str
        ``"mean"``, ``"sum"`` or ``"none"``.
    delta : float
        The largest slope; larger differences are outliers.
    weight : Tensor, optional
        Of that shape too; multiplies the losses. As in PyTorch, a mean is divided by their number.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> x, target = ad.tensor([0.5, 3.0]), ad.tensor([0.0, 0.0])
    >>> nn.functional.huber_loss(x, target, reduction="none").data
    array([0.125, 2.5  ], dtype=float32)
    """
    require_reduction("huber_loss", reduction)
    require_same_shape("huber_loss", input=input, target=target)
    if not delta > 0:
        raise ValueError(f"huber_loss: delta={delta} must be positive")
    if weight is None:
        return huber_error(input, target, reduction=reduction, delta=delta)
    require_same_shape("huber_loss", input=input, weight=weight)
    return reduced(huber_error(input, target, reduction="none", delta=delta) * weight, reduction)


def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """`huber_loss` divided by ``beta``: its largest slope is 1 (Girshick, "Fast R-CNN", 2015).

    Parameters
    ----------
    input, target : Tensor
        Of equal shape.
    reduction : str
        ``"mean"``, ``"sum"`` or ``"none"``.
    beta : float
        Where the parabola ends; with 0 it is `l1_loss`.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> x, target = ad.tensor([0.5, 3.0]), ad.tensor([0.0, 0.0])
    >>> nn.functional.smooth_l1_loss(x, target, reduction="none", beta=2.0).data
    array([0.0625, 2.    ], dtype=float32)
    """
    require_reduction("smooth_l1_loss", reduction)
    require_same_shape("smooth_l1_loss", input=input, target=target)
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss: beta={beta} must not be negative")
    if not beta:
        return absolute_error(input, target, reduction=reduction)
    return huber_error(input, target, reduction=reduction, delta=beta) / beta
