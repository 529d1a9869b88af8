"""The affine map."""

from typing import Any

import autodiff as ad

Array = Any


def _rows(xp: Any, x: Array) -> Array:
    """All axes before the last as one, so that a batch is a single matrix product."""
    return x if len(x.shape) == 2 else xp.reshape(x, (-1, x.shape[-1]))


def _linear_x(g: Array, xp: Any, weight: Array, x_shape: tuple[int, ...]) -> Array:
    if len(x_shape) == 2:
        return xp.matmul(g, weight)
    return xp.reshape(xp.matmul(_rows(xp, g), weight), x_shape)


@ad.op(
    x=_linear_x,
    weight=lambda g, xp, x: xp.matmul(_rows(xp, g).T, _rows(xp, x)),
    bias=lambda g, xp: xp.sum(_rows(xp, g), axis=0),
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
    if len(x.shape) > 2:
        y = xp.matmul(_rows(xp, x), weight.T)
        y = xp.reshape(y, (*x.shape[:-1], weight.shape[0]))
    else:
        y = xp.matmul(x, weight.T)
    return y if bias is None else y + bias


@linear.kernel("numpy")
def _(xp: Any, x: Array, weight: Array, bias: Array | None = None, /) -> Array:
    if len(x.shape) > 2:
        y = xp.matmul(_rows(xp, x), weight.T)
        y = xp.reshape(y, (*x.shape[:-1], weight.shape[0]))
    else:
        y = xp.matmul(x, weight.T)
    if bias is not None:
        y += bias
    return y
