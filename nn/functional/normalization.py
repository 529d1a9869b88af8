"""Normalization over the last axes of each example."""

from typing import Any

import autodiff as ad


def normalized_axes(name: str, x: Any, shape: int | tuple[int, ...]) -> tuple[int, ...]:
    """The last axes of ``x``, those of ``normalized_shape``; ``ValueError`` if it has others."""
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if not shape or x.shape[-len(shape) :] != shape:
        raise ValueError(
            f"{name}: normalized_shape={shape}, and the last axes of an input of shape {x.shape} "
            "are others"
        )
    return tuple(range(-len(shape), 0))


def rms_norm(
    input: Any,
    normalized_shape: int | tuple[int, ...],
    weight: Any = None,
    eps: float | None = None,
) -> Any:
    """Each example divided by the root of its mean square, over its last axes.

    Source: Zhang & Sennrich, "Root mean square layer normalization", 2019. As `layer_norm`,
    without taking the mean away.

    Parameters
    ----------
    input : Tensor, shape ``(..., *normalized_shape)``
    normalized_shape : int or tuple of int
    weight : Tensor, shape normalized_shape, optional
        What the result is multiplied by.
    eps : float, optional
        Added to the mean square; the spacing of the input's dtype at 1 if not given.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.functional.rms_norm(ad.tensor([1.0, 7.0]), (2,)).data
    array([0.2, 1.4], dtype=float32)
    """
    input = ad.asarray(input)
    axes = normalized_axes("rms_norm", input, normalized_shape)
    if eps is None:
        eps = float(ad.finfo(input.dtype).eps)
    return ad.rms_norm(input, weight, axes, eps)


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
