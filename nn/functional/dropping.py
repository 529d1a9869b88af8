"""Dropout: values that random masks leave out.

A mask is drawn before the op and is its operand, as bools: ops stay pure, and the gradient needs a
byte for each value.
"""

from math import sqrt
from typing import Any

import autodiff as ad

Array = Any
Generator = ad.random.Generator
SATURATED = -1.7580993408473766  # what SELU tends to for large negative x: -alpha * scale


@ad.op(
    x=lambda g, keep, scale: g * keep * scale,
    promote=("x",),
    floating=True,
    linear=("x",),
)
def dropout_(xp: Any, x: Array, keep: Array, /, scale: float) -> Array:
    """``x * scale`` where ``keep`` is true, else 0."""
    return x * keep * scale


@dropout_.kernel("numpy")
def _(xp: Any, x: Array, keep: Array, /, scale: float) -> Array:
    out = xp.asarray(x * keep)
    out *= scale
    return out


@ad.op(x=lambda g, keep, scale: g * keep * scale, promote=("x",), floating=True)
def alpha_dropout_(
    xp: Any, x: Array, keep: Array, /, scale: float, shift: float, dropped: float
) -> Array:
    """``x * scale + shift`` where ``keep`` is true, else ``dropped``."""
    return xp.where(keep, x * scale + shift, dropped)


# ---------------------------------------------------------------- the functions
def _mask(x: Any, p: float, shape: tuple[int, ...], generator: Generator | None) -> Any:
    return ad.random.bernoulli(1 - p, shape, dtype=ad.bool, device=x.device, generator=generator)


def _require_probability(name: str, p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: p={p} is not a probability; it must be from 0 to 1")


def _channels(name: str, x: Any, axes: int) -> tuple[int, ...]:
    """A mask's shape: one value for each channel, of shape (n, c, *axes) or (c, *axes)."""
    if x.ndim not in (axes + 1, axes + 2):
        raise ValueError(
            f"{name}: input has shape {x.shape}; it must have {axes + 2} axes (batch, channels, "
            f"...), or {axes + 1} without a batch"
        )
    return (*x.shape[:-axes], *(1,) * axes)


def _dropped(
    name: str, x: Any, p: float, training: bool, shape: Any, generator: Generator | None
) -> Any:
    _require_probability(name, p)
    if not training or p == 0:
        return x
    return dropout_(x, _mask(x, p, shape, generator), 1 / (1 - p) if p < 1 else 0.0)


def dropout(
    input: Any,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Any:
    """Zeros in the place of random values, the others scaled up to keep the mean.

    Source: Srivastava et al., "Dropout", 2014; scaled when training ("inverted"), so that
    nothing is left to do afterwards.

    Parameters
    ----------
    input : Tensor
    p : float
        The probability of a zero.
    training : bool
        Without it, the input is returned as it is.
    inplace : bool
        Ignored.
    generator : ad.random.Generator, optional
        What draws the mask; the default generator if not given.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> g = ad.random.Generator(0)
    >>> nn.functional.dropout(ad.ones(6), 0.5, generator=g).data.tolist()
    [2.0, 2.0, 0.0, 2.0, 2.0, 2.0]
    """
    input = ad.asarray(input)
    return _dropped("dropout", input, p, training, input.shape, generator)


def dropout1d(
    input: Any,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Any:
    """As `dropout`, of whole channels of sequences: (n, c, length) or (c, length)."""
    input = ad.asarray(input)
    return _dropped("dropout1d", input, p, training, _channels("dropout1d", input, 1), generator)


def dropout2d(
    input: Any,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Any:
    """As `dropout`, of whole channels of images: (n, c, height, width) or (c, height, width).

    Source: Tompson et al., "Efficient object localization using convolutional networks", 2015.
    Neighbouring pixels are alike, so that dropping some of them would change little.
    """
    input = ad.asarray(input)
    return _dropped("dropout2d", input, p, training, _channels("dropout2d", input, 2), generator)


def dropout3d(
    input: Any,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Any:
    """As `dropout`, of whole channels of volumes: (n, c, d, h, w) or (c, d, h, w)."""
    input = ad.asarray(input)
    return _dropped("dropout3d", input, p, training, _channels("dropout3d", input, 3), generator)


def _alpha_dropped(
    name: str, x: Any, p: float, training: bool, shape: Any, generator: Generator | None
) -> Any:
    _require_probability(name, p)
    if not training or p == 0:
        return x
    if p == 1:
        return alpha_dropout_(x, _mask(x, p, shape, generator), 0.0, 0.0, 0.0)
    scale = 1 / sqrt((1 - p) * (1 + p * SATURATED**2))
    shift = -scale * p * SATURATED
    keep = _mask(x, p, shape, generator)
    return alpha_dropout_(x, keep, scale, shift, scale * SATURATED + shift)


def alpha_dropout(
    input: Any,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Any:
    """Dropout that keeps mean 0 and variance 1: the companion of `selu`.

    Source: Klambauer et al., "Self-normalizing neural networks", 2017. Dropped values become
    the limit of SELU for large negative arguments, and an affine map of all restores the moments.

    Parameters
    ----------
    input : Tensor
    p : float
        The probability to be dropped.
    training : bool
        Without it, the input is returned as it is.
    inplace : bool
        Ignored.
    generator : ad.random.Generator, optional
        What draws the mask; the default generator if not given.
    """
    input = ad.asarray(input)
    return _alpha_dropped("alpha_dropout", input, p, training, input.shape, generator)


def feature_alpha_dropout(
    input: Any,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Any:
    """As `alpha_dropout`, of whole channels: those of an input (n, c, ...)."""
    input = ad.asarray(input)
    if input.ndim < 2:
        raise ValueError(
            f"feature_alpha_dropout: input has shape {input.shape}; it has no channels"
        )
    shape = (*input.shape[:2], *(1,) * (input.ndim - 2))
    return _alpha_dropped("feature_alpha_dropout", input, p, training, shape, generator)
