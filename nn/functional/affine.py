"""The affine map."""

from math import prod
from typing import Any

import autodiff as ad

Array = Any


def _rows(xp: Any, x: Array) -> Array:
    """All axes before the last as one, so that a batch is a single matrix product."""
    return x if len(x.shape) == 2 else xp.reshape(x, (prod(x.shape[:-1]), x.shape[-1]))


def _linear_x(g: Array, xp: Any, weight: Array, x_shape: tuple[int, ...]) -> Array:
    if len(x_shape) == 2:
        return xp.dot(g, weight)
    return xp.reshape(xp.dot(_rows(xp, g), weight), x_shape)


def _linear_weight(g: Array, xp: Any, x: Array) -> Array:
    if len(x.shape) != 2:
        g, x = _rows(xp, g), _rows(xp, x)
    return xp.dot(g.T, x)


@ad.op(
    x=_linear_x,
    weight=_linear_weight,
    bias=lambda g, xp: xp.sum(g if len(g.shape) == 2 else _rows(xp, g), axis=0),
    promote=("x", "weight", "bias"),
    floating=True,
    autocast="low",
)
def linear(xp: Any, x: Array, weight: Array, bias: Array | None = None, /) -> Array:
    """``x @ weight.T + bias``.

    Parameters
    ----------
    x : array, shape (..., in_features)
    weight : array, shape (out_features, in_features)
    bias : array, shape (out_features,), optional
    """
    y = xp.dot(_rows(xp, x), weight.T)
    if len(x.shape) != 2:
        y = xp.reshape(y, (*x.shape[:-1], weight.shape[0]))
    return y if bias is None else y + bias


@linear.kernel("numpy")
def _(xp: Any, x: Array, weight: Array, bias: Array | None = None, /) -> Array:
    y = xp.dot(_rows(xp, x), weight.T)
    if bias is not None:
        y += bias  # its own memory
    return y if len(x.shape) == 2 else xp.reshape(y, (*x.shape[:-1], weight.shape[0]))
