"""Activations made of straight lines.

At a kink each takes the slope that PyTorch takes; docs/subgradients.md lists them. Where
PyTorch's functions take ``inplace``, so do these, that code may be moved as it is; it changes
nothing.
"""

from typing import Any

import autodiff as ad

Array = Any
VERY_LEAKY = 1 / 3


# ---------------------------------------------------------------- rectifiers
@ad.op(x=lambda g, xp: xp.zeros_like(g), elementwise=True, floating=True)
def step(xp: Any, x: Array, /, at_zero: float = 0.0) -> Array:
    """Heaviside's step: 1 above 0, else 0; ``at_zero`` at 0 itself.

    Nothing can be learned through it: its derivative is 0, at the jump too.
    """
    return xp.where(x == 0, at_zero, 0.5 + 0.5 * xp.sign(x))


def relu(input: Any, inplace: bool = False) -> Any:
    """``max(x, 0)``; the subgradient at 0 is 0 (Nair & Hinton, 2010)."""
    return ad.relu(input)


def _leaky_relu_x(g: Array, x: Array, negative_slope: float) -> Array:
    above = g * (x > 0)
    return above + negative_slope * (g - above)


@ad.op(x=_leaky_relu_x, elementwise=True, floating=True)
def leaky_relu(xp: Any, x: Array, /, negative_slope: float = 0.01, inplace: bool = False) -> Array:
    """``x`` above 0, else ``negative_slope * x``; the subgradient at 0 is the slope.

    Source: Maas, Hannun & Ng, "Rectifier nonlinearities improve neural network acoustic
    models", 2013.
    """
    below = negative_slope * x
    return xp.maximum(x, below) if 0 < negative_slope <= 1 else xp.where(x > 0, x, below)


def very_leaky_relu(input: Any, inplace: bool = False) -> Any:
    """`leaky_relu` with the slope 1/3.

    Source: Dieleman et al., "Classifying plankton with deep neural networks", 2015 (the winners
    of the National Data Science Bowl), after Graham, 2014.
    """
    return leaky_relu(input, VERY_LEAKY)


@ad.op(
    x=lambda g, xp, x, weight: xp.where(x > 0, g, weight * g),
    weight=lambda g, xp, x: g * xp.minimum(x, 0),
    elementwise=True,
    floating=True,
)
def prelu_(xp: Any, x: Array, weight: Array, /) -> Array:
    """``x`` above 0, else ``weight * x``; broadcasting."""
    return xp.where(x > 0, x, weight * x)


def prelu(input: Any, weight: Any) -> Any:
    """``x`` above 0, else ``weight * x``, with a slope that is learned (He et al., 2015).

    Parameters
    ----------
    input : Tensor
    weight : Tensor, shape (channels,) or (1,)
        The slope for each channel, which is axis 1 of the input, or for all.

    Raises
    ------
    ValueError
        If there are several slopes, and not that many channels.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> x = ad.tensor([[-1.0, -1.0], [2.0, 2.0]])
    >>> nn.functional.prelu(x, ad.tensor([0.1, 0.5]))
    tensor([[-0.1, -0.5],
            [ 2. ,  2. ]])
    """
    if getattr(weight, "shape", ()):
        shape = input.shape
        (n,) = weight.shape
        if n != 1 and (len(shape) < 2 or shape[1] != n):
            raise ValueError(
                f"prelu: {n} slopes for an input of shape {shape}; it takes one, or one for each "
                "channel, and the channels are axis 1"
            )
        aligned = (n, *(1,) * (len(shape) - 2)) if len(shape) > 1 else (1,) * len(shape)
        weight = ad.reshape(weight, aligned)
    return prelu_(input, weight)


def rrelu(
    input: Any,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: ad.random.Generator | None = None,
) -> Any:
    """`leaky_relu` with a slope drawn for each element; in evaluation, with the mean slope.

    Source: Xu, Wang, Chen & Li, "Empirical evaluation of rectified activations", 2015.

    Parameters
    ----------
    input : Tensor
    lower, upper : float
        Between these the slopes are drawn, uniformly.
    training : bool
    inplace : bool
        Changes nothing.
    generator : ad.random.Generator, optional
        What they are drawn from.
    """
    if lower > upper:
        raise ValueError(f"rrelu: lower={lower} is above upper={upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    input = ad.asarray(input)
    slopes = ad.random.uniform(
        input.shape, lower, upper, dtype=input.dtype, device=input.device, generator=generator
    )
    return prelu_(input, slopes)


@ad.op(x=lambda g, xp, x, threshold: g * xp.logical_not(x <= threshold), elementwise=True)
def threshold(xp: Any, x: Array, /, threshold: float, value: float, inplace: bool = False) -> Array:
    """``x`` above the threshold, else ``value``; the subgradient at the threshold is 0."""
    return xp.where(x <= threshold, value, x)


# ---------------------------------------------------------------- with a ceiling
def _hardtanh_x(g: Array, xp: Any, out: Array, min_val: float, max_val: float) -> Array:
    return g * xp.logical_not(xp.logical_or(out <= min_val, out >= max_val))


@ad.op(x=_hardtanh_x, elementwise=True, floating=True)
def hardtanh(
    xp: Any,
    x: Array,
    /,
    min_val: float = -1.0,
    max_val: float = 1.0,
    inplace: bool = False,
) -> Array:
    """``x`` kept between two values; the subgradient at both is 0, where `ad.clip` has 1."""
    return xp.minimum(xp.maximum(x, min_val), max_val)


def relu6(input: Any, inplace: bool = False) -> Any:
    """``min(max(x, 0), 6)`` (Krizhevsky, 2010); the subgradient at 0 and 6 is 0."""
    return hardtanh(input, 0.0, 6.0)


@ad.op(
    x=lambda g, xp, x: g * xp.logical_and(x > -3, x < 3) / 6,
    elementwise=True,
    floating=True,
)
def hardsigmoid(xp: Any, x: Array, /, inplace: bool = False) -> Array:
    """``min(max(x + 3, 0), 6) / 6``: a `sigmoid` of straight lines; 0 is its slope at the ends."""
    return xp.minimum(xp.maximum(x + 3, 0), 6) / 6


def _hardswish_x(g: Array, xp: Any, x: Array) -> Array:
    between = xp.logical_and(x > -3, x < 3)
    return g * ((xp.minimum(xp.maximum(x, -3), 3) / 3 + 0.5) * between + (x >= 3))


@ad.op(x=_hardswish_x, elementwise=True, floating=True)
def hardswish(xp: Any, x: Array, /, inplace: bool = False) -> Array:
    """``x * hardsigmoid(x)`` (Howard et al., "Searching for MobileNetV3", 2019).

    Its slope at -3 is 0, and at 3 it is 1.
    """
    return xp.maximum(x, -3) * (xp.minimum(xp.maximum(x + 3, 0), 6) / 6)


# ---------------------------------------------------------------- shrinkage
def _shrunk_x(g: Array, xp: Any, x: Array, lambd: float) -> Array:
    return g * xp.logical_not(xp.logical_and(x >= -lambd, x <= lambd))


@ad.op(x=_shrunk_x, elementwise=True, floating=True)
def softshrink(xp: Any, x: Array, /, lambd: float = 0.5) -> Array:
    """``x`` moved towards 0 by ``lambd``, and 0 where it is within; its slope at the ends is 0.

    The proximal operator of ``lambd * abs(x)`` (Donoho, 1995).
    """
    if lambd < 0:
        raise ValueError(f"lambd must not be negative, and is {lambd}")
    return x - xp.minimum(xp.maximum(x, -lambd), lambd)


@ad.op(x=_shrunk_x, elementwise=True, floating=True)
def hardshrink(xp: Any, x: Array, /, lambd: float = 0.5) -> Array:
    """``x``, but 0 between ``-lambd`` and ``lambd``; its slope at both is 0."""
    return xp.where(xp.logical_and(x >= -lambd, x <= lambd), 0.0, x)
