"""Normalization layers over the last axes of each example: layer and RMS norm."""

from typing import Any

import autodiff as ad

from .. import functional, init
from ..module import Module
from ..parameter import Parameter


def filled(
    shape: Any, value: float, fill: init.Initializer | None, generator: Any, **where: Any
) -> Parameter:
    """A parameter of one value repeated, unless an initializer says otherwise."""
    made = Parameter(ad.full(shape, value, **where))
    if fill is not None:
        init.initialize(fill, made, generator)
    return made


class LayerNorm(Module):
    """Each example normalized by its own mean and variance, over its last axes.

    Source: Ba, Kiros & Hinton, "Layer normalization", 2016.

    Parameters
    ----------
    normalized_shape : int or tuple of int
        The lengths of the axes normalized.
    eps : float
        Added to the variance.
    elementwise_affine : bool
        Whether there are a weight, at first 1, and a bias, at first 0.
    bias : bool
        Whether there is a bias.
    weight_init, bias_init : callable or str, optional
        What fills a tensor in place, or its name.
    dtype, device : optional
        The defaults of the library if not given.
    generator : ad.random.Generator, optional
        What initializers draw from.

    Attributes
    ----------
    weight, bias : Parameter, shape normalized_shape, or None

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.LayerNorm(2, eps=0.0)(ad.tensor([[1.0, 3.0], [5.0, 4.0]])).data
    array([[-1.,  1.],
           [ 1., -1.]], dtype=float32)
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        weight_init: init.Initializer | None = None,
        bias_init: init.Initializer | None = None,
        dtype: Any = None,
        device: str | None = None,
        generator: ad.random.Generator | None = None,
    ) -> None:
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
        self.normalized_shape = shape = tuple(shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        where = {"generator": generator, "dtype": dtype, "device": device}
        self.weight = self.bias = None
        if elementwise_affine:
            self.weight = filled(shape, 1.0, weight_init, **where)
            self.bias = filled(shape, 0.0, bias_init, **where) if bias else None

    def forward(self, x: Any) -> Any:
        """Normalize the last axes."""
        return functional.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """As the constructor takes it."""
        bias = "" if self.bias is not None or not self.elementwise_affine else ", bias=False"
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}{bias}"
        )


class RMSNorm(Module):
    """Each example divided by the root of its mean square, over its last axes.

    Source: Zhang & Sennrich, "Root mean square layer normalization", 2019.

    Parameters
    ----------
    normalized_shape : int or tuple of int
        The lengths of the axes normalized.
    eps : float, optional
        Added to the mean square; the spacing of the input's dtype at 1 if not given.
    elementwise_affine : bool
        Whether there is a weight, at first 1.
    weight_init : callable or str, optional
        What fills a tensor in place, or its name.
    dtype, device : optional
        The defaults of the library if not given.
    generator : ad.random.Generator, optional
        What initializers draw from.

    Attributes
    ----------
    weight : Parameter, shape normalized_shape, or None

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.RMSNorm(2)(ad.tensor([[1.0, 7.0]])).data
    array([[0.2, 1.4]], dtype=float32)
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        weight_init: init.Initializer | None = None,
        dtype: Any = None,
        device: str | None = None,
        generator: ad.random.Generator | None = None,
    ) -> None:
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
        self.normalized_shape = shape = tuple(shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        where = {"generator": generator, "dtype": dtype, "device": device}
        self.weight = filled(shape, 1.0, weight_init, **where) if elementwise_affine else None

    def forward(self, x: Any) -> Any:
        """Normalize the last axes."""
        return functional.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """As the constructor takes it."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )
