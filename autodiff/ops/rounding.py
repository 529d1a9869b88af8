"""Rounding, and what is left of a division.

The results of rounding are constant between jumps: their derivatives are 0, at the jumps too.
"""

from typing import Any

from .._op import op
from ..backend import Array


def _flat(g: Array, xp: Any) -> Array:
    return xp.zeros_like(g)


@op(x=_flat, elementwise=True)
def floor(xp: Any, x: Array, /) -> Array:
    """The largest integer that is not above ``x``; its derivative is taken as 0 everywhere."""
    return xp.floor(x)


@op(x=_flat, elementwise=True)
def ceil(xp: Any, x: Array, /) -> Array:
    """The smallest integer that is not below ``x``; its derivative is taken as 0 everywhere."""
    return xp.ceil(x)


@op(x=_flat, elementwise=True)
def trunc(xp: Any, x: Array, /) -> Array:
    """``x`` without its fraction; its derivative is taken as 0 everywhere."""
    return xp.trunc(x)


@op(x=_flat, elementwise=True)
def round(xp: Any, x: Array, /, decimals: int = 0) -> Array:
    """``x`` to some decimals, halves to the even neighbour; its derivative is taken as 0.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.round(ad.tensor([0.5, 1.5, 2.5]))
    tensor([0., 2., 2.])
    """
    return xp.round(x, decimals)


@op(x=_flat, y=_flat, elementwise=True)
def floor_divide(xp: Any, x: Array, y: Array, /) -> Array:
    """``x // y``: the quotient rounded down; its derivatives are taken as 0 everywhere."""
    return xp.floor_divide(x, y)


@op(x=lambda g: g, y=lambda g, xp, x, y: -g * xp.floor_divide(x, y), elementwise=True)
def remainder(xp: Any, x: Array, y: Array, /) -> Array:
    """``x % y``: what floor division leaves over, with the sign of ``y``."""
    return xp.remainder(x, y)
