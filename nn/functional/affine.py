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


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """``input1 @ weight[k] @ input2 + bias[k]`` for each output ``k``.

    Parameters
    ----------
    input1 : Tensor, shape (..., in1_features)
    input2 : Tensor, shape (..., in2_features)
        The axes before the last must be those of the first input.
    weight : Tensor, shape (out_features, in1_features, in2_features)
    bias : Tensor, shape (out_features,), optional

    Notes
    -----
    A linear map of all products of a feature of the one with a feature of the other: one matrix
    product, for which these products are laid out in memory.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> x, y = ad.tensor([1.0, 2.0]), ad.tensor([3.0, 4.0])
    >>> nn.functional.bilinear(x, y, ad.ones((1, 2, 2)))  # (1 + 2) * (3 + 4)
    tensor([21.])
    """
    out, n, m = weight.shape
    if (*input1.shape[:-1], n, m) != (*input2.shape[:-1], input1.shape[-1], input2.shape[-1]):
        raise ValueError(
            f"bilinear: inputs of shapes {input1.shape} and {input2.shape} do not fit the weight "
            f"of shape {weight.shape}; they must be (..., {n}) and (..., {m}), with the same axes "
            "before the last"
        )
    products = ad.expand_dims(input1, -1) * ad.expand_dims(input2, -2)
    products = ad.reshape(products, (*input1.shape[:-1], n * m))
    return linear(products, ad.reshape(weight, (out, n * m)), bias)
