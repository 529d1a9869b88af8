"""Negative logarithms of probabilities: Poisson, Gaussian; and divergences."""

from math import log, pi
from typing import Any

import autodiff as ad

from .reduced import loss_op, require_reduction, require_same_shape

Array = Any


# ---------------------------------------------------------------- Kullback and Leibler
def _divergence_x(g: Array, xp: Any, y: Array, log_target: bool) -> Array:
    return -(xp.exp(y) if log_target else y) * g


def _divergence_y(g: Array, xp: Any, x: Array, y: Array, log_target: bool) -> Array:
    if not log_target:
        return (xp.log(y) + 1 - x) * g
    share = xp.exp(y)
    none = share == 0
    return share * (xp.where(none, 0, y) - xp.where(none, 0, x) + 1) * g


@loss_op(x=_divergence_x, y=_divergence_y)
def divergence(xp: Any, x: Array, y: Array, /, *, log_target: bool) -> Array:
    """``y (log y - x)``, 0 where y is 0; or y is a logarithm as x is."""
    share = xp.exp(y) if log_target else y
    none = share == 0
    if not log_target:
        y = xp.log(xp.where(none, 1, y))
    return share * (xp.where(none, 0, y) - xp.where(none, 0, x))


def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """How far a distribution is from another (Kullback & Leibler, 1951).

    ``sum(target * (log(target) - input))`` over the classes is the divergence. ``"mean"`` divides
    by the number of all elements, as in PyTorch; what is meant is mostly ``"batchmean"``.

    Parameters
    ----------
    input : Tensor
        Logarithms of probabilities, as of `log_softmax`.
    target : Tensor
        Probabilities of the same shape, or their logarithms.
    reduction : str
        ``"batchmean"`` (the sum divided by the length of axis 0), ``"mean"``, ``"sum"`` or
        ``"none"``.
    log_target : bool
        Whether ``target`` has logarithms.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> target = ad.tensor([[0.5, 0.5]])
    >>> x = nn.functional.log_softmax(ad.tensor([[2.0, 0.0]]))
    >>> round(nn.functional.kl_div(x, target, reduction="batchmean").item(), 4)
    0.4338
    """
    require_reduction("kl_div", reduction, ("batchmean",))
    require_same_shape("kl_div", input=input, target=target)
    if reduction != "batchmean":
        return divergence(input, target, reduction=reduction, log_target=log_target)
    total = divergence(input, target, reduction="sum", log_target=log_target)
    return total / input.shape[0] if input.shape else total


# ---------------------------------------------------------------- Poisson
def _poisson_x(g: Array, xp: Any, x: Array, y: Array, log_input: bool, eps: float) -> Array:
    return (xp.exp(x) - y) * g if log_input else (1 - y / (x + eps)) * g


def _poisson_y(
    g: Array, xp: Any, x: Array, y: Array, log_input: bool, full: bool, eps: float
) -> Array:
    slope = -x if log_input else -xp.log(x + eps)
    if full:
        few = y <= 1
        y = xp.where(few, 1, y)
        slope = slope + xp.where(few, 0, xp.log(y) + 0.5 / y)
    return slope * g


@loss_op(x=_poisson_x, y=_poisson_y)
def poisson_error(
    xp: Any, x: Array, y: Array, /, *, log_input: bool, full: bool, eps: float
) -> Array:
    """``exp(x) - y x``, or ``x - y log(x + eps)``; with ``log(y!)`` by Stirling if it is full."""
    losses = xp.exp(x) - y * x if log_input else x - y * xp.log(x + eps)
    if full:
        few = y <= 1
        y = xp.where(few, 1, y)
        losses = losses + xp.where(few, 0, y * xp.log(y) - y + 0.5 * xp.log(2 * pi * y))
    return losses


def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Any:
    """Of counts whose expectation is given: the negative logarithm of their probability.

    Parameters
    ----------
    input : Tensor
        The logarithm of the expected count, or that count.
    target : Tensor
        Counts, of the same shape.
    log_input : bool
        Which of the two the input is.
    full : bool
        Whether to add ``log(target!)`` by Stirling's formula, for targets above 1: a constant, if
        only the input is learned.
    eps : float
        Added to an expected count before its logarithm is taken.
    reduction : str
        ``"mean"``, ``"sum"`` or ``"none"``.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> x, target = ad.tensor([0.0, 0.0]), ad.tensor([0.0, 3.0])
    >>> nn.functional.poisson_nll_loss(x, target).item()
    1.0
    """
    require_reduction("poisson_nll_loss", reduction)
    require_same_shape("poisson_nll_loss", input=input, target=target)
    return poisson_error(
        input, target, reduction=reduction, log_input=log_input, full=full, eps=eps
    )


# ---------------------------------------------------------------- Gauss
def _gaussian_var(g: Array, x: Array, y: Array, var: Array) -> Array:
    d = x - y
    return (1 - d * d / var) * (0.5 * g / var)


@loss_op(
    x=lambda g, x, y, var: (x - y) / var * g,
    y=lambda g, x, y, var: (y - x) / var * g,
    var=_gaussian_var,
)
def gaussian_error(xp: Any, x: Array, y: Array, var: Array, /, *, full: bool) -> Array:
    """``(log(var) + (x - y)**2 / var) / 2``, with ``log(2 pi) / 2`` if it is full."""
    d = x - y
    losses = 0.5 * (xp.log(var) + d * d / var)
    return losses + 0.5 * log(2 * pi) if full else losses


@ad.op(var=lambda g: g, floating=True, promote=("var",), autocast="high")
def at_least(xp: Any, var: Array, /, *, least: float) -> Array:
    """``max(var, least)`` with the gradient of ``var``: what is too small can still grow.

    On NumPy arrays negative variances raise ``ValueError``.
    """
    return xp.maximum(var, least)


@at_least.kernel("numpy")
def _(xp: Any, var: Array, /, *, least: float) -> Array:
    if var.size and xp.minimum.reduce(var, None) < 0:
        raise ValueError("gaussian_nll_loss: a variance must not be negative")
    return xp.maximum(var, least)


def gaussian_nll_loss(
    input: Any,
    target: Any,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Any:
    """Of numbers with a normal distribution: the negative logarithm of their density.

    A network that has the variance as a second result learns how sure it can be (Nix & Weigend,
    1994).

    Parameters
    ----------
    input : Tensor
        Expected values.
    target : Tensor
        Of the same shape.
    var : Tensor or float
        Variances: of the input's shape, or of that shape with one axis of length 1, or without the
        last axis.
    full : bool
        Whether to add ``log(2 pi) / 2``.
    eps : float
        The least variance. The gradient of ``var`` does not know of it.
    reduction : str
        ``"mean"``, ``"sum"`` or ``"none"``.

    Raises
    ------
    ValueError
        If shapes do not correspond and, on the CPU, if a variance is negative.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> x, target = ad.tensor([1.0, 2.0]), ad.tensor([1.0, 4.0])
    >>> nn.functional.gaussian_nll_loss(x, target, 1.0, reduction="none").data
    array([0., 2.], dtype=float32)
    """
    require_reduction("gaussian_nll_loss", reduction)
    require_same_shape("gaussian_nll_loss", input=input, target=target)
    if not eps > 0:
        raise ValueError(f"gaussian_nll_loss: eps={eps} must be positive")
    shape, own = input.shape, getattr(var, "shape", None)
    if own is None:
        device = ad.asarray(input).device
        var = ad.full((), var, dtype=input.dtype, device=device)
    elif own == shape[:-1] and own != shape:
        var = ad.expand_dims(var, -1)
    elif own != shape and (
        len(own) != len(shape) or [n for n, m in zip(own, shape) if n != m] != [1]
    ):
        raise ValueError(
            f"gaussian_nll_loss: var has shape {own} and input {shape}; it must have that shape, "
            "or one axis of length 1 in it, or lack the last axis"
        )
    return gaussian_error(input, target, at_least(var, least=eps), reduction=reduction, full=full)
