"""Norms of vectors."""

from math import inf
from typing import Any

from .._axes import Axis, keep
from .._op import op
from ..backend import Array


def _quotient(xp: Any, g: Array, out: Array) -> Array:
    """``g / out``; 0 where ``out`` is 0."""
    zero = out == 0
    return xp.where(zero, xp.zeros_like(g), g / xp.where(zero, xp.ones_like(out), out))


def _norm_x(g: Array, xp: Any, x: Array, out: Array, ord: float, axis: Axis) -> Array:
    g = keep(xp, g, x.shape, axis)
    if ord == 0:
        return xp.zeros_like(x) * g
    if ord == 1:
        return g * xp.sign(x)
    out = keep(xp, out, x.shape, axis)
    if ord == 2:
        return _quotient(xp, g, out) * x
    if abs(ord) == inf:
        wins = xp.where(xp.absolute(x) == out, xp.ones_like(x), xp.zeros_like(x))
        return g * (wins / xp.sum(wins, axis=axis, keepdims=True)) * xp.sign(x)
    flat = xp.logical_or(x == 0, out == 0)  # where the slope may be infinite, or has a kink
    ratio = xp.where(flat, xp.ones_like(x), xp.absolute(x))
    ratio = ratio / xp.where(out == 0, xp.ones_like(out), out)
    return xp.where(flat, xp.zeros_like(x), g * xp.sign(x) * xp.power(ratio, ord - 1))


@op(x=_norm_x, promote=("x",), floating=True, autocast="high")
def norm(xp: Any, x: Array, /, ord: float = 2, axis: Axis = None, keepdims: bool = False) -> Array:
    """The norm of vectors over an axis, several, or all.

    Parameters
    ----------
    x : array
    ord : float
        ``sum(abs(x) ** ord) ** (1 / ord)``; for ``inf`` and ``-inf`` the largest and the
        smallest of ``abs(x)``, and for 0 the number of values that are not 0.
    axis : int or tuple of int, optional
    keepdims : bool

    Notes
    -----
    The gradient at 0 is 0, also for single values that are 0. For ``inf`` and ``-inf`` values
    that tie share the gradient.
    """
    size = xp.absolute(x)
    if ord == inf:
        return xp.max(size, axis=axis, keepdims=keepdims)
    if ord == -inf:
        return xp.min(size, axis=axis, keepdims=keepdims)
    if ord == 0:
        return xp.sum(size != 0, axis=axis, keepdims=keepdims, dtype=x.dtype)
    if ord == 1:
        return xp.sum(size, axis=axis, keepdims=keepdims)
    if ord == 2:
        return xp.sqrt(xp.sum(x * x, axis=axis, keepdims=keepdims))
    return xp.power(xp.sum(xp.power(size, ord), axis=axis, keepdims=keepdims), 1 / ord)
