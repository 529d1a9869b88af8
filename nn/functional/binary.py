"""Losses of yes-or-no targets, from probabilities and from logits."""

from typing import Any

import numpy as np

import autodiff as ad

from .reduced import constant_like, loss_op, require_reduction, require_same_shape

Array = Any
MOST = 100.0  # the loss where a probability of 0 is what happens, as in PyTorch


# ---------------------------------------------------------------- probabilities
def _surprise(xp: Any, x: Array) -> tuple[Array, Array]:
    """``-log x`` and ``-log(1 - x)``, `MOST` at most."""
    return xp.minimum(-xp.log(x), MOST), xp.minimum(-xp.log1p(-x), MOST)


def _least(x: Array) -> float:
    """The least that is divided by; 1e-12 is 0 in float16."""
    return 6.2e-5 if x.dtype == "float16" else 1e-12


def _entropy_x(g: Array, xp: Any, x: Array, y: Array, weight: Array | None) -> Array:
    slope = (x - y) / xp.maximum((1 - x) * x, _least(x))
    return slope * (g if weight is None else g * weight)


def _entropy_y(g: Array, xp: Any, x: Array, weight: Array | None) -> Array:
    yes, no = _surprise(xp, x)
    return (yes - no) * (g if weight is None else g * weight)


@loss_op(x=_entropy_x, y=_entropy_y)
def binary_entropy(xp: Any, x: Array, y: Array, weight: Array | None = None, /) -> Array:
    """``-y log x - (1 - y) log(1 - x)``, weighted; each logarithm is -100 at least.

    On NumPy arrays what is not within 0 to 1 raises ``ValueError``; elsewhere looking for it would
    wait for the device.
    """
    yes, no = _surprise(xp, x)
    losses = y * yes + (1 - y) * no
    return losses if weight is None else losses * weight


@binary_entropy.kernel("numpy")
def _(xp: Any, x: Array, y: Array, weight: Array | None = None, /, *, reduction: str) -> Array:
    low, high = (xp.minimum.reduce(x, None), xp.maximum.reduce(x, None)) if x.size else (0, 1)
    if low < 0 or high > 1:
        raise ValueError(
            f"binary_cross_entropy: the input has values from {low} to {high}; probabilities are "
            "within 0 to 1 (of logits, take binary_cross_entropy_with_logits)"
        )
    with np.errstate(divide="ignore"):  # the logarithm of 0 is what the limit is for
        return binary_entropy.body(xp, x, y, weight, reduction=reduction)


def binary_cross_entropy(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean"
) -> Any:
    """The cross-entropy of yes-or-no targets, given probabilities.

    `binary_cross_entropy_with_logits` is exact where a probability is rounded to 0 or 1, and its
    gradient does not vanish there.

    Parameters
    ----------
    input : Tensor
        Probabilities of yes. Logarithms are taken as -100 at least, so that the loss is finite.
    target : Tensor
        Of the same shape, between 0 and 1.
    weight : Tensor, optional
        Multiplies each loss; broadcasts.
    reduction : str
        ``"mean"``, ``"sum"`` or ``"none"``.

    Raises
    ------
    ValueError
        If shapes differ and, on the CPU, if the input is not within 0 to 1.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> p, target = ad.tensor([0.5, 0.0]), ad.tensor([1.0, 1.0])
    >>> nn.functional.binary_cross_entropy(p, target, reduction="none").data
    array([  0.6931472, 100.       ], dtype=float32)
    """
    require_reduction("binary_cross_entropy", reduction)
    require_same_shape("binary_cross_entropy", input=input, target=target)
    if weight is not None:
        weight = constant_like(input, "binary_cross_entropy: weight", weight)
    return binary_entropy(input, target, weight, reduction=reduction)


# ---------------------------------------------------------------- logits
def _negative_softplus(xp: Any, x: Array) -> Array:
    """``log(1 + exp(-x))`` without overflow."""
    return xp.maximum(-x, 0) + xp.log1p(xp.exp(-xp.absolute(x)))


def _logistic(xp: Any, x: Array, y: Array) -> Array:
    return xp.maximum(x, 0) - x * y + xp.log1p(xp.exp(-xp.absolute(x)))


def _logistic_x(
    g: Array, x: Array, y: Array, weight: Array | None, pos_weight: Array | None
) -> Array:
    if weight is not None:
        g = g * weight
    if pos_weight is None:
        return (ad.sigmoid(x) - y) * g
    return ((1 - y) * ad.sigmoid(x) - pos_weight * y * ad.sigmoid(-x)) * g


def _logistic_y(
    g: Array, xp: Any, x: Array, weight: Array | None, pos_weight: Array | None
) -> Array:
    if weight is not None:
        g = g * weight
    if pos_weight is None:
        return -x * g
    return (pos_weight * _negative_softplus(xp, x) - _negative_softplus(xp, -x)) * g


@loss_op(x=_logistic_x, y=_logistic_y)
def logistic_loss(
    xp: Any,
    x: Array,
    y: Array,
    weight: Array | None = None,
    pos_weight: Array | None = None,
    /,
) -> Array:
    """``-p y log s(x) - (1 - y) log(1 - s(x))`` with the sigmoid s, weighted."""
    if pos_weight is None:
        losses = _logistic(xp, x, y)
    else:
        losses = (1 - y) * x + (1 + (pos_weight - 1) * y) * _negative_softplus(xp, x)
    return losses if weight is None else losses * weight


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
    require_same_shape("binary_cross_entropy_with_logits", input=input, target=target)
    if weight is not None:
        weight = constant_like(input, "binary_cross_entropy_with_logits: weight", weight)
    if pos_weight is not None:
        pos_weight = constant_like(
            input, "binary_cross_entropy_with_logits: pos_weight", pos_weight
        )
    return logistic_loss(input, target, weight, pos_weight, reduction=reduction)


# ---------------------------------------------------------------- focal loss
def _balance(y: Array, alpha: float | None) -> Any:
    return 1 if alpha is None else alpha * y + (1 - alpha) * (1 - y)


def _focus(xp: Any, x: Array, y: Array, gamma: float) -> tuple[Array, Array]:
    """``q ** gamma`` for the probability q of being wrong; and q, 1 where it is 0."""
    q = y * ad.sigmoid(-x) + (1 - y) * ad.sigmoid(x)
    none = q == 0
    q = xp.where(none, 1, q)
    return xp.where(none, 0.0**gamma, xp.power(q, gamma)), q


def _focal_x(g: Array, xp: Any, x: Array, y: Array, alpha: float | None, gamma: float) -> Array:
    focus, q = _focus(xp, x, y, gamma)
    yes, no = ad.sigmoid(x), ad.sigmoid(-x)
    of_focus = gamma * (yes * no) * (1 - 2 * y) / q * _logistic(xp, x, y)
    return g * _balance(y, alpha) * focus * (yes - y + of_focus)


def _focal_y(g: Array, xp: Any, x: Array, y: Array, alpha: float | None, gamma: float) -> Array:
    focus, q = _focus(xp, x, y, gamma)
    loss = _logistic(xp, x, y)
    of_focus = gamma * (ad.sigmoid(-x) - ad.sigmoid(x)) / q * loss
    slope = _balance(y, alpha) * (of_focus - x)
    return g * focus * (slope if alpha is None else slope + (2 * alpha - 1) * loss)


@loss_op(x=_focal_x, y=_focal_y)
def focal_error(
    xp: Any, x: Array, y: Array, /, *, alpha: float | None = None, gamma: float = 2.0
) -> Array:
    """The logistic loss, times ``q ** gamma`` for the probability q of being wrong."""
    return _balance(y, alpha) * _focus(xp, x, y, gamma)[0] * _logistic(xp, x, y)
