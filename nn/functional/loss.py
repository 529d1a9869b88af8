"""Losses: fused ops with stable formulas and short gradients."""

from math import prod
from typing import Any

import autodiff as ad

Array = Any
REDUCTIONS = ("mean", "sum", "none")


def require_reduction(name: str, reduction: str) -> None:
    """Raise ``ValueError`` for a reduction that does not exist."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"{name}: reduction must be mean, sum or none, not {reduction!r}")


def require_same_shape(name: str, input: Any, target: Any) -> None:
    """Raise ``ValueError`` unless input and target have one shape."""
    shapes = getattr(input, "shape", ()), getattr(target, "shape", ())
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"{name}: input has shape {shapes[0]} and target {shapes[1]}; they must be equal "
            "(reshape one of them: broadcasting would hide a mistake)"
        )


def constant_like(input: Any, name: str, value: Any) -> Any:
    """A weight in the input's dtype, which it must not widen; ``ValueError`` if it will not do."""
    value, shape = ad.asarray(value), input.shape
    if value.requires_grad:
        raise ValueError(f"{name} must be a constant, and requires a gradient; detach() it")
    own = (1,) * (len(shape) - value.ndim) + value.shape
    if len(own) != len(shape) or any(n not in (1, m) for n, m in zip(own, shape)):
        raise ValueError(f"{name} of shape {value.shape} does not broadcast to {shape}")
    return value.astype(input.dtype) if ad.backend.is_float(input.dtype) else value


def _reduced(xp: Any, losses: Array, reduction: str) -> Array:
    if reduction == "none":
        return losses
    total = xp.sum(losses)
    return total if reduction == "sum" else total / prod(losses.shape)


def _spread(g: Array, shape: tuple[int, ...], reduction: str) -> Array:
    """The gradient of each loss, given that of the reduced one."""
    return g / prod(shape) if reduction == "mean" else g


# ---------------------------------------------------------------- mean squared error
@ad.op(
    x=lambda g, x, y, reduction: (x - y) * _spread(2 * g, x.shape, reduction),
    y=lambda g, x, y, reduction: (y - x) * _spread(2 * g, x.shape, reduction),
    promote=("x", "y"),
    floating=True,
    autocast="high",
)
def squared_error(xp: Any, x: Array, y: Array, /, reduction: str) -> Array:
    """``(x - y)**2``, reduced."""
    d = x - y
    return _reduced(xp, d * d, reduction)


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """The squared difference.

    Parameters
    ----------
    input, target : Tensor
        Of equal shape.
    reduction : str
        ``"mean"``, ``"sum"`` or ``"none"``.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.functional.mse_loss(ad.tensor([1.0, 2.0]), ad.tensor([1.0, 4.0])).item()
    2.0
    """
    require_reduction("mse_loss", reduction)
    require_same_shape("mse_loss", input, target)
    return squared_error(input, target, reduction)


# ---------------------------------------------------------------- binary cross-entropy
def _negative_softplus(xp: Any, x: Array) -> Array:
    """``log(1 + exp(-x))`` without overflow."""
    return xp.maximum(-x, 0) + xp.log1p(xp.exp(-xp.absolute(x)))


def _logistic_x(
    g: Array,
    x: Array,
    y: Array,
    weight: Array | None,
    pos_weight: Array | None,
    reduction: str,
) -> Array:
    g = _spread(g, x.shape, reduction)
    if weight is not None:
        g = g * weight
    if pos_weight is None:
        return (ad.sigmoid(x) - y) * g
    return ((1 - y) * ad.sigmoid(x) - pos_weight * y * ad.sigmoid(-x)) * g


def _logistic_y(
    g: Array,
    xp: Any,
    x: Array,
    weight: Array | None,
    pos_weight: Array | None,
    reduction: str,
) -> Array:
    g = _spread(g, x.shape, reduction)
    if weight is not None:
        g = g * weight
    if pos_weight is None:
        return -x * g
    return (pos_weight * _negative_softplus(xp, x) - _negative_softplus(xp, -x)) * g


@ad.op(
    x=_logistic_x,
    y=_logistic_y,
    promote=("x", "y", "weight", "pos_weight"),
    floating=True,
    autocast="high",
)
def logistic_loss(
    xp: Any,
    x: Array,
    y: Array,
    weight: Array | None = None,
    pos_weight: Array | None = None,
    /,
    reduction: str = "mean",
) -> Array:
    """``-p y log s(x) - (1 - y) log(1 - s(x))`` with the sigmoid s, weighted and reduced."""
    if pos_weight is None:
        # max(x, 0) - x y + log(1 + exp(-|x|))
        losses = xp.maximum(x, 0) - x * y + xp.log1p(xp.exp(-xp.absolute(x)))
    else:
        losses = (1 - y) * x + (1 + (pos_weight - 1) * y) * _negative_softplus(xp, x)
    if weight is not None:
        losses = losses * weight
    return _reduced(xp, losses, reduction)


def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    """The cross-entropy of yes-or-no targets, given logits.

    Parameters
    ----------
    input : Tensor
        Logits: the sigmoid of them is the probability of yes.
    target : Tensor
        Of the same shape, between 0 and 1.
    weight : Tensor, optional
        Multiplies each loss; broadcasts.
    reduction : str
        ``"mean"``, ``"sum"`` or ``"none"``.
    pos_weight : Tensor, optional
        Multiplies the part of the loss that belongs to yes; broadcasts.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> logits, target = ad.tensor([0.0, -1000.0]), ad.tensor([1.0, 0.0])
    >>> loss = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    >>> loss.data
    array([0.6931472, 0.       ], dtype=float32)
    """
    require_reduction("binary_cross_entropy_with_logits", reduction)
    require_same_shape("binary_cross_entropy_with_logits", input, target)
    if weight is not None:
        weight = constant_like(input, "binary_cross_entropy_with_logits: weight", weight)
    if pos_weight is not None:
        pos_weight = constant_like(
            input, "binary_cross_entropy_with_logits: pos_weight", pos_weight
        )
    return logistic_loss(input, target, weight, pos_weight, reduction)
