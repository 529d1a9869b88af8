"""Limits on gradients and on weights."""

import math
from collections.abc import Iterable
from typing import Any

import autodiff as ad


def _listed(parameters: ad.Tensor | Iterable[ad.Tensor]) -> list[ad.Tensor]:
    return [parameters] if isinstance(parameters, ad.Tensor) else list(parameters)


def with_gradients(
    parameters: ad.Tensor | Iterable[ad.Tensor],
) -> list[tuple[ad.Tensor, Any]]:
    """Those of the tensors that have a gradient, with its raw array."""
    return [(t, t.grad.data) for t in _listed(parameters) if t.grad is not None]


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
    gradients = [g for _, g in with_gradients(parameters)]
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
    for _, g in with_gradients(parameters):
        g[...] = ad.backend.namespace(g).clip(g, -clip_value, clip_value)
        ad.backend.stamp(g)


def max_norm_(
    parameters: ad.Tensor | Iterable[ad.Tensor],
    max_norm: float,
    axis: int | tuple[int, ...] | None = None,
) -> None:
    """Shorten weight vectors that are longer than ``max_norm`` to that length, in place.

    The constraint of Hinton et al. (2012) and Srivastava et al. (2014, section 5.1), where each
    unit's incoming weights are one vector. To be called after ``step()``.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Usually weights alone; a vector of biases has no axis for the weights of a unit and is
        refused unless ``axis`` is given.
    max_norm : float
        The longest 2-norm allowed.
    axis : int or tuple of int, optional
        The axes along which a vector lies: all but the first, by default. That is right for
        layers whose weight has a row for each output, as `Linear` and the convolutions have.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> w = nn.Parameter([[3.0, 4.0], [0.3, 0.4]])
    >>> nn.optim.max_norm_(w, 1.0)
    >>> w.data
    array([[0.6, 0.8],
           [0.3, 0.4]], dtype=float32)
    """
    if not 0 < max_norm < math.inf:
        raise ValueError(f"max_norm_: max_norm={max_norm} must be positive and finite")
    tensors = _listed(parameters)
    for t in tensors:
        if axis is None and t.ndim < 2:
            raise ValueError(
                f"max_norm_: a tensor of shape {t.shape} has no axis of incoming weights; leave it "
                "out, or give axis="
            )
    for t in tensors:
        w = t.data
        xp = ad.backend.namespace(w)
        along = tuple(range(1, w.ndim)) if axis is None else axis
        # In float64: squares of float16 and float32 then neither overflow nor vanish.
        squares = xp.sum(xp.square(w.astype("float64")), axis=along, keepdims=True)
        w *= (max_norm / xp.maximum(xp.sqrt(squares), max_norm)).astype(w.dtype)
        ad.backend.stamp(w)
