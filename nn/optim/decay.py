"""Weight decay, in the gradient or apart from it."""

from collections.abc import Iterable
from typing import Any

import numpy as np

import autodiff as ad

from .clip import with_gradients
from .units import Array


def minimized(w: Array, g: Array, hyper: Any, decoupled: bool = False) -> tuple[Array, Array]:
    """Parameter and gradient of what is minimized: weight decay is in one of them.

    ``maximize`` turns the gradient round, not the decay.
    """
    if hyper.maximize:
        g = -g
    if not hyper.weight_decay:
        return w, g
    if decoupled:
        return (1 - hyper.lr * hyper.weight_decay) * w, g
    return w, hyper.weight_decay * w + g


def minimized_numpy(w: Array, g: Array, hyper: Any, out: Array, decoupled: bool = False) -> Array:
    """`minimized` in place: decay of ``w`` is written there, a new gradient into ``out``."""
    if hyper.weight_decay and decoupled:
        np.multiply(w, 1 - hyper.lr * hyper.weight_decay, w)
    elif hyper.weight_decay:
        np.multiply(w, hyper.weight_decay, out)
        return np.subtract(out, g, out) if hyper.maximize else np.add(out, g, out)
    return np.negative(g, out) if hyper.maximize else g


def l1_decay_(parameters: ad.Tensor | Iterable[ad.Tensor], strength: float) -> None:
    """Add ``strength * sign(w)`` to every gradient, that of the penalty ``strength * sum(|w|)``.

    To be called between ``backward()`` and ``step()``, as clipping is. Where a weight is 0 its
    subgradient 0 is taken.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Those without a gradient are skipped.
    strength : float

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> w = nn.Parameter([3.0, -2.0, 0.0])
    >>> (w * w).sum().backward()
    >>> nn.optim.l1_decay_([w], 0.5)
    >>> w.grad.data
    array([ 6.5, -4.5,  0. ], dtype=float32)
    """
    if not strength >= 0:
        raise ValueError(f"l1_decay_: strength={strength} must not be negative")
    for parameter, g in with_gradients(parameters):
        w = parameter.data
        g += float(strength) * ad.backend.namespace(w).sign(w)
        ad.backend.stamp(g)
