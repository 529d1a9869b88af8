"""Variance, standard deviation and median."""

from typing import Any

from .. import floats
from .._axes import Axis, keep, kept_shape, last, reduced_count, unlast
from .._op import op
from ..backend import Array


def _offset(xp: Any, x: Array, axis: Axis) -> Array:
    """``x`` less its first value along the axes, so that a constant has no rounding error left."""
    kept = kept_shape(x.shape, axis)
    return x - x[tuple([slice(0, 1) if k != n else slice(None) for n, k in zip(x.shape, kept)])]


def _centred(xp: Any, x: Array, axis: Axis) -> Array:
    x = _offset(xp, x, axis)
    return x - xp.mean(x, axis=axis, keepdims=True)


def _per_freedom(shape: tuple[int, ...], axis: Axis, correction: float, factor: float) -> float:
    """``factor / (n - correction)``, as infinite as NumPy has it where nothing is left."""
    return floats.divide(factor, float(max(reduced_count(shape, axis) - correction, 0.0)))


def _var(xp: Any, x: Array, axis: Axis, correction: float, keepdims: bool) -> Array:
    out = xp.var(_offset(xp, x, axis), axis=axis, keepdims=keepdims)
    if correction:
        out = out * _per_freedom(x.shape, axis, correction, float(reduced_count(x.shape, axis)))
    return out


def _var_x(g: Array, xp: Any, x: Array, axis: Axis, correction: float) -> Array:
    scaled = keep(xp, g, x.shape, axis) * _per_freedom(x.shape, axis, correction, 2.0)
    return scaled * _centred(xp, x, axis)


@op(x=_var_x, promote=("x",), floating=True, autocast="high")
def var(
    xp: Any,
    x: Array,
    /,
    axis: Axis = None,
    correction: float = 0,
    keepdims: bool = False,
) -> Array:
    """The variance over an axis, several, or all.

    Parameters
    ----------
    x : array
    axis : int or tuple of int, optional
    correction : float
        The sum of squares is divided by ``n - correction``: 0 as in NumPy, 1 as in PyTorch.
    keepdims : bool
    """
    return _var(xp, x, axis, correction, keepdims)


def _std_x(g: Array, xp: Any, x: Array, out: Array, axis: Axis, correction: float) -> Array:
    zero = out == 0
    slope = xp.where(zero, xp.zeros_like(out), g / xp.where(zero, xp.ones_like(out), out))
    slope = keep(xp, slope, x.shape, axis) * _per_freedom(x.shape, axis, correction, 1.0)
    return slope * _centred(xp, x, axis)


@op(x=_std_x, promote=("x",), floating=True, autocast="high")
def std(
    xp: Any,
    x: Array,
    /,
    axis: Axis = None,
    correction: float = 0,
    keepdims: bool = False,
) -> Array:
    """The standard deviation over an axis, several, or all.

    Of equal values it is 0, and so is its gradient there, where it has a kink.

    Parameters
    ----------
    x : array
    axis : int or tuple of int, optional
    correction : float
        The sum of squares is divided by ``n - correction``: 0 as in NumPy, 1 as in PyTorch.
    keepdims : bool
    """
    return xp.sqrt(_var(xp, x, axis, correction, keepdims))


def _middle(xp: Any, x: Array) -> tuple[Array, Array]:
    """The two values in the middle of the last axis; NaN if there is one."""
    n = x.shape[-1]
    x = xp.sort(x, axis=-1)
    low, high, top = x[..., (n - 1) // 2], x[..., n // 2], x[..., -1]
    nan = xp.isnan(top)  # sorted to the end
    return xp.where(nan, top, low), xp.where(nan, top, high)


def _median_x(g: Array, xp: Any, x: Array, axis: Axis) -> Array:
    flat = last(xp, x, axis)
    if 0 in flat.shape:
        return xp.zeros_like(x)
    wins = 0.0
    for value in _middle(xp, flat):
        equal = xp.where(flat == value[..., None], xp.ones_like(flat), xp.zeros_like(flat))
        wins = wins + 0.5 * (equal / xp.sum(equal, axis=-1, keepdims=True))
    return keep(xp, g, x.shape, axis) * unlast(xp, wins, x.shape, axis)


@op(x=_median_x, promote=("x",), floating=True)
def median(xp: Any, x: Array, /, axis: Axis = None, keepdims: bool = False) -> Array:
    """The median over an axis, several, or all; NaN if a value is.

    Of an even number of values it is the mean of the two in the middle, as in NumPy, where
    PyTorch takes the lower. Values equal to one in the middle share its gradient.
    """
    return xp.median(x, axis=axis, keepdims=keepdims)
