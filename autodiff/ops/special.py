"""The error function, the gamma function, and their kin.

Derivatives: NIST Digital Library of Mathematical Functions, sections 5.15, 7.2 and 7.17.
"""

import math
from typing import Any

from .._op import XP, op
from ..backend import Array

SLOPE = 2 / math.sqrt(math.pi)  # of erf at 0


@op(x=lambda g, xp, x: g * (SLOPE * xp.exp(-(x * x))), elementwise=True, floating=True)
def erf(xp: Any, x: Array, /) -> Array:
    """The error function: ``2 / sqrt(pi)`` times the integral of ``exp(-t**2)`` up to ``x``."""
    return xp.special.erf(x)


@op(x=lambda g, xp, x: g * (-SLOPE * xp.exp(-(x * x))), elementwise=True, floating=True)
def erfc(xp: Any, x: Array, /) -> Array:
    """``1 - erf(x)``, accurate where that is tiny."""
    return xp.special.erfc(x)


def _erfinv_x(g: Array, xp: Any, x: Array) -> Array:
    y = xp.special.erfinv(x)
    return g * (xp.exp(y * y) / SLOPE)


@op(x=_erfinv_x, elementwise=True, floating=True)
def erfinv(xp: Any, x: Array, /) -> Array:
    """The inverse of `erf`: infinite at -1 and 1, with an infinite derivative; NaN beyond."""
    return xp.special.erfinv(x)


@op(x=lambda g, xp, x: g * xp.special.digamma(x), elementwise=True, floating=True)
def lgamma(xp: Any, x: Array, /) -> Array:
    """The logarithm of the absolute value of the gamma function; infinite at 0, -1, -2, ..."""
    return xp.special.gammaln(x)


def _polygamma_x(g: Array, n: int, x: Array) -> Array:
    return g * polygamma(n + 1, x)


@op(
    x=_polygamma_x,
    promote=("x",),
    elementwise=True,
    floating=True,
)
def polygamma(xp: Any, n: int, x: Array, /) -> Array:
    """The ``n``-th derivative of `digamma`, for an integer ``n``.

    By the Hurwitz zeta function (DLMF 25.11.12).
    """
    if n == 0:
        return xp.special.digamma(x)
    factor = -math.gamma(n + 1) if n % 2 == 0 else math.gamma(n + 1)
    return factor * xp.special.zeta(n + 1, x)


@op(x=lambda g, x: g * polygamma(1, x), elementwise=True, floating=True)
def digamma(xp: Any, x: Array, /) -> Array:
    """The derivative of `lgamma`; -inf at 0, and NaN at -1, -2, ..."""
    return xp.special.digamma(x)


class _Special:
    """``xp.special`` on tensors."""

    erf = erf
    erfc = erfc
    erfinv = erfinv
    gammaln = lgamma
    digamma = digamma


XP.special = _Special
