"""Shares of a whole: softmax and its kin, along one axis."""

from collections.abc import Callable
from typing import Any

import autodiff as ad

Array = Any
SHORT = 32  # rows up to this length NumPy takes as columns, many at a time


def _axis(x: Array, dim: int | None) -> int:
    if dim is None and len(x.shape) > 2:
        raise ValueError(f"shape {x.shape} has more than two axes; say which one by dim=")
    return -1 if dim is None else dim


def _from_top(xp: Any, x: Array, dim: int | None) -> Array:
    return x - xp.max(x, axis=_axis(x, dim), keepdims=True)


def _softmax_x(g: Array, xp: Any, out: Array, dim: int | None) -> Array:
    return out * (g - xp.sum(g * out, axis=_axis(out, dim), keepdims=True))


@ad.op(x=_softmax_x, promote=("x",), floating=True, autocast="high")
def softmax_(xp: Any, x: Array, /, dim: int | None = None) -> Array:
    """``exp(x) / sum(exp(x))`` along an axis."""
    if 0 in x.shape:
        return xp.zeros_like(x)
    e = xp.exp(_from_top(xp, x, dim))
    return e / xp.sum(e, axis=_axis(x, dim), keepdims=True)


def _log_softmax_x(g: Array, xp: Any, out: Array, dim: int | None) -> Array:
    return g - xp.exp(out) * xp.sum(g, axis=_axis(out, dim), keepdims=True)


@ad.op(x=_log_softmax_x, promote=("x",), floating=True, autocast="high")
def log_softmax_(xp: Any, x: Array, /, dim: int | None = None) -> Array:
    """``x - log(sum(exp(x)))`` along an axis."""
    if 0 in x.shape:
        return xp.zeros_like(x)
    z = _from_top(xp, x, dim)
    return z - xp.log(xp.sum(xp.exp(z), axis=_axis(x, dim), keepdims=True))


# ---------------------------------------------------------------- on NumPy's arrays
def _total(xp: Any, e: Array, axis: int) -> Array:
    # Half precision would lose small values beside the sum of many.
    wide = xp.float32 if e.dtype == xp.float16 else None
    return xp.add.reduce(e, axis=axis, keepdims=True, dtype=wide)


def _kernel(work: Callable[[Any, Array, int, Array | None], Array]) -> Callable[..., Array]:
    """A kernel that works in memory of its own; short rows it copies into columns."""

    def kernel(xp: Any, x: Array, /, dim: int | None = None) -> Array:
        axis = _axis(x, dim)
        if not x.size:
            return x.copy()
        if x.ndim > 1 and axis in (-1, x.ndim - 1) and x.shape[-1] <= SHORT:
            z = x.reshape(-1, x.shape[-1]).T.copy()
            return xp.ascontiguousarray(work(xp, z, 0, z).T).reshape(x.shape)
        return work(xp, x, axis, None)

    return kernel


@softmax_.kernel("numpy")
@_kernel
def _(xp: Any, x: Array, axis: int, out: Array | None) -> Array:
    z = xp.subtract(x, xp.maximum.reduce(x, axis=axis, keepdims=True), out=out)
    xp.exp(z, out=z)
    z /= _total(xp, z, axis)
    return z


@log_softmax_.kernel("numpy")
@_kernel
def _(xp: Any, x: Array, axis: int, out: Array | None) -> Array:
    z = xp.subtract(x, xp.maximum.reduce(x, axis=axis, keepdims=True), out=out)
    z -= xp.log(_total(xp, xp.exp(z), axis))
    return z


# ---------------------------------------------------------------- the functions
def softmax(input: Any, dim: int | None = None, *, dtype: Any = None) -> Any:
    """``exp(x) / sum(exp(x))``: values between 0 and 1 whose sum along an axis is 1.

    Parameters
    ----------
    input : Tensor
    dim : int, optional
        The axis. It may be left out for one or two axes, and is then the last.
    dtype : optional
        What the input is cast to before.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.functional.softmax(ad.tensor([[0.0, 0.0], [1000.0, 0.0]]), dim=1)
    tensor([[0.5, 0.5],
            [1. , 0. ]])
    """
    return softmax_(input if dtype is None else ad.astype(input, dtype), dim)


def log_softmax(input: Any, dim: int | None = None, *, dtype: Any = None) -> Any:
    """``log(softmax(x))``, exact where the softmax is too small for a float.

    Parameters
    ----------
    input : Tensor
    dim : int, optional
        The axis. It may be left out for one or two axes, and is then the last.
    dtype : optional
        What the input is cast to before.
    """
    return log_softmax_(input if dtype is None else ad.astype(input, dtype), dim)


def softmin(input: Any, dim: int | None = None, *, dtype: Any = None) -> Any:
    """``softmax(-x)``: the smallest value gets the largest share; see `softmax`."""
    return softmax(-input, dim, dtype=dtype)
