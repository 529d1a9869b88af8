"""Normalization: values made to have mean 0 and variance 1 over some of their axes."""

from typing import Any

import autodiff as ad

Array = Any


def normalized_axes(name: str, x: Any, shape: int | tuple[int, ...]) -> tuple[int, ...]:
    """The last axes of ``x``, those of ``normalized_shape``; ``ValueError`` if it has others."""
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if not shape or x.shape[-len(shape) :] != shape:
        raise ValueError(
            f"{name}: normalized_shape={shape}, and the last axes of an input of shape {x.shape} "
            "are others"
        )
    return tuple(range(-len(shape), 0))


def layer_norm(
    input: Any,
    normalized_shape: int | tuple[int, ...],
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Any:
    """Each example normalized by its own mean and variance, over its last axes.

    Source: Ba, Kiros & Hinton, "Layer normalization", 2016.

    Parameters
    ----------
    input : Tensor, shape ``(..., *normalized_shape)``
    normalized_shape : int or tuple of int
    weight, bias : Tensor, shape normalized_shape, optional
        What the result is multiplied by, and what is added.
    eps : float
        Added to the variance.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.functional.layer_norm(ad.tensor([1.0, 3.0]), (2,), eps=0.0).data
    array([-1.,  1.], dtype=float32)
    """
    input = ad.asarray(input)
    axes = normalized_axes("layer_norm", input, normalized_shape)
    return ad.layer_norm(input, weight, bias, axes, eps)
