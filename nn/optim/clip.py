"""Limits on gradients."""

import math
from collections.abc import Iterable
from typing import Any

import autodiff as ad


def _raw_gradients(parameters: ad.Tensor | Iterable[ad.Tensor]) -> list[Any]:
    tensors = [parameters] if isinstance(parameters, ad.Tensor) else list(parameters)
    return [t.grad.data for t in tensors if t.grad is not None]


def clip_grad_norm_(
    parameters: ad.Tensor | Iterable[ad.Tensor],
    max_norm: float,
    error_if_nonfinite: bool = False,
) -> ad.Tensor:
    """Scale all gradients together so that their common 2-norm is at most ``max_norm``.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Those without a gradient are skipped.
    max_norm : float
    error_if_nonfinite : bool
        Raise if the norm is infinite or not a number; on a GPU this waits for it.

    Returns
    -------
    Tensor
        The norm before scaling, on the device of the gradients.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> w = nn.Parameter([1.0, 1.0])
    >>> (w * ad.tensor([3.0, 4.0])).sum().backward()
    >>> float(nn.optim.clip_grad_norm_([w], 1.0))
    5.0
    >>> w.grad.data
    array([0.6, 0.8], dtype=float32)
    """
    if not 0 < max_norm < math.inf:
        raise ValueError(f"clip_grad_norm_: max_norm={max_norm} must be positive and finite")
    gradients = _raw_gradients(parameters)
    if not gradients:
        return ad.tensor(0.0)
    xp = ad.backend.namespace(gradients[0])
    # Squares in float64: those of float16 and float32 then neither overflow nor vanish.
    squares = [xp.sum(xp.square(g.astype("float64"))) for g in gradients]
    total = xp.sqrt(xp.asarray(sum(squares)))
    if error_if_nonfinite and not math.isfinite(float(total)):
        raise ValueError(f"clip_grad_norm_: the norm of the gradients is {float(total)}")
    factor = max_norm / xp.maximum(total, max_norm)
    for g in gradients:
        g *= factor.astype(g.dtype)
        ad.backend.stamp(g)
    return ad.asarray(total.astype(gradients[0].dtype))


def clip_grad_value_(parameters: ad.Tensor | Iterable[ad.Tensor], clip_value: float) -> None:
    """Clip every element of every gradient to [-clip_value, clip_value]."""
    if not clip_value >= 0:
        raise ValueError(f"clip_grad_value_: clip_value={clip_value} must not be negative")
    for g in _raw_gradients(parameters):
        g[...] = ad.backend.namespace(g).clip(g, -clip_value, clip_value)
        ad.backend.stamp(g)
