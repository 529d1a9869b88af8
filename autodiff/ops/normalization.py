"""Normalization over axes of one example.

Statistics of half precision are float32, as are all sums: squares of float16 overflow from 256 on.
"""

from math import prod
from string import ascii_letters
from typing import Any

from .._codegen import TENSORS
from .._op import op
from ..backend import Array, as_dtype, single

Axis = int | tuple[int, ...]


def _axes(axis: Axis) -> tuple[int, ...]:
    return axis if isinstance(axis, tuple) else (axis,)


def _dots(xp: Any, a: Array, b: Array, axes: tuple[int, ...]) -> Array:
    """The sums of ``a * b`` over some axes of both, without an array of the products."""
    labels = ascii_letters[: a.ndim]
    summed = {labels[i] for i in axes}
    kept = "".join([label for label in labels if label not in summed])
    return xp.einsum(f"{labels},{labels}->{kept}", a, b)


def _means(xp: Any, a: Array, b: Array | None, axis: Axis) -> Array:
    """The means of ``a``, or of ``a * b``, with axes of length 1."""
    axes = _axes(axis)
    count = prod([a.shape[i] for i in axes])
    if b is None:
        return xp.add.reduce(a, axis=axes, keepdims=True) / count
    shape = list(a.shape)
    for i in axes:
        shape[i] = 1
    return _dots(xp, a, b, axes).reshape(shape) / count


# ---------------------------------------------------------------- the gradients of both
def _pulled(
    xp: Any,
    g: Array,
    x: Array,
    rstd: Array,
    weight: Array | None,
    mean: Array | None,
    axis: Axis,
    needs: tuple[bool, bool],
) -> tuple[Array | None, Array | None]:
    """The gradients of x and weight, where they are needed; without a mean, of `rms_norm`."""
    dtype, g = g.dtype, single(g)
    normal = single(x) * rstd if mean is None else (x - mean) * rstd
    g_x = g_weight = None
    if needs[1] and weight is not None:
        rows = tuple(range(len(x.shape) - len(weight.shape)))
        g_weight = as_dtype(xp.sum(g * normal, axis=rows), dtype)
    if needs[0]:
        g_x = g if weight is None else g * weight
        along = xp.mean(g_x * normal, axis=axis, keepdims=True)
        if mean is not None:
            g_x = g_x - xp.mean(g_x, axis=axis, keepdims=True)
        g_x = as_dtype((g_x - normal * along) * rstd, dtype)
    return g_x, g_weight


@op(outputs=2)
def layer_norm_pull(
    xp: Any,
    g: Array,
    x: Array,
    rstd: Array,
    weight: Array | None = None,
    mean: Array | None = None,
    /,
    axis: Axis = -1,
    needs: tuple[bool, bool] = (True, True),
) -> tuple[Array | None, Array | None]:
    """See `_pulled`; an op because it has a kernel."""
    return _pulled(xp, g, x, rstd, weight, mean, axis, needs)


@layer_norm_pull.kernel("numpy")
def _(
    xp: Any,
    g: Array,
    x: Array,
    rstd: Array,
    weight: Array | None = None,
    mean: Array | None = None,
    /,
    axis: Axis = -1,
    needs: tuple[bool, bool] = (True, True),
) -> tuple[Array | None, Array | None]:
    # Two large arrays: the result, which is the normalized x at first, and g * weight.
    dtype, g = g.dtype, single(g)
    out = x * rstd if mean is None else x - mean
    if mean is not None:
        out *= rstd
    g_weight = None
    if weight is not None and needs[1]:
        g_weight = as_dtype(_dots(xp, g, out, tuple(range(x.ndim - weight.ndim))), dtype)
    if not needs[0]:
        return None, g_weight
    if weight is not None:
        g = g * weight
    out *= -_means(xp, g, out, axis)
    out += g
    if mean is not None:
        out -= _means(xp, g, None, axis)
    out *= rstd
    return as_dtype(out, dtype), g_weight


# ---------------------------------------------------------------- layer norm
@op(saves=("mean", "rstd"), promote=("x", "weight", "bias"), floating=True, autocast="high")
def layer_norm(
    xp: Any,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    /,
    axis: Axis = -1,
    eps: float = 1e-5,
) -> tuple[Array, Array, Array]:
    """``(x - mean) / sqrt(var + eps) * weight + bias`` over the last axes.

    Source: Ba, Kiros & Hinton, "Layer normalization", 2016.

    Parameters
    ----------
    x : array, shape ``(..., *normalized)``
    weight, bias : array, shape normalized, optional
    axis : int or tuple of int
        The axes normalized: the last one, or several at the end.
    eps : float
        Added to the variance.
    """
    dtype, x = x.dtype, single(x)
    mean = xp.mean(x, axis=axis, keepdims=True)
    centred = x - mean
    rstd = 1 / xp.sqrt(xp.mean(centred * centred, axis=axis, keepdims=True) + eps)
    out = centred * rstd
    if weight is not None:
        out = out * weight
    if bias is not None:
        out = out + bias
    return as_dtype(out, dtype), mean, rstd


@layer_norm.kernel("numpy")
def _(
    xp: Any,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    /,
    axis: Axis = -1,
    eps: float = 1e-5,
) -> tuple[Array, Array, Array]:
    # The array of the result is the only large one.
    dtype, x = x.dtype, single(x)
    mean = _means(xp, x, None, axis)
    out = x - mean
    rstd = 1 / xp.sqrt(_means(xp, out, out, axis) + eps)
    out *= rstd
    if weight is not None:
        out *= weight
    if bias is not None:
        out += bias
    return as_dtype(out, dtype), mean, rstd


@layer_norm.vjp("x", "weight", "bias")
def _(
    g: Array,
    xp: Any,
    x: Array,
    weight: Array | None,
    mean: Array,
    rstd: Array,
    axis: Axis,
    needs: tuple[bool, bool, bool],
) -> tuple[Array | None, Array | None, Array]:
    # Tensors are to be differentiated again, so they go through the formula.
    if type(x) in TENSORS:
        g_x, g_weight = _pulled(xp, g, x, rstd, weight, mean, axis, needs[:2])
    else:
        g_x, g_weight = layer_norm_pull(g, x, rstd, weight, mean, axis, needs[:2])
    return g_x, g_weight, g


# ---------------------------------------------------------------- by the root of the mean square
@op(saves=("rstd",), promote=("x", "weight"), floating=True, autocast="high")
def rms_norm(
    xp: Any,
    x: Array,
    weight: Array | None = None,
    /,
    axis: Axis = -1,
    eps: float = 1e-5,
) -> tuple[Array, Array]:
    """``x / sqrt(mean(x**2) + eps) * weight`` over the last axes.

    Source: Zhang & Sennrich, "Root mean square layer normalization", 2019.

    Parameters
    ----------
    x : array, shape ``(..., *normalized)``
    weight : array, shape normalized, optional
    axis : int or tuple of int
        The axes normalized: the last one, or several at the end.
    eps : float
        Added to the mean square.
    """
    dtype, x = x.dtype, single(x)
    rstd = 1 / xp.sqrt(xp.mean(x * x, axis=axis, keepdims=True) + eps)
    out = x * rstd
    return as_dtype(out if weight is None else out * weight, dtype), rstd


@rms_norm.kernel("numpy")
def _(
    xp: Any,
    x: Array,
    weight: Array | None = None,
    /,
    axis: Axis = -1,
    eps: float = 1e-5,
) -> tuple[Array, Array]:
    # The array of the result is the only large one.
    dtype, x = x.dtype, single(x)
    rstd = 1 / xp.sqrt(_means(xp, x, x, axis) + eps)
    out = x * rstd
    if weight is not None:
        out *= weight
    return as_dtype(out, dtype), rstd


@rms_norm.vjp("x", "weight")
def _(
    g: Array,
    xp: Any,
    x: Array,
    weight: Array | None,
    rstd: Array,
    axis: Axis,
    needs: tuple[bool, bool],
) -> tuple[Array | None, Array | None]:
    if type(x) in TENSORS:
        return _pulled(xp, g, x, rstd, weight, None, axis, needs)
    g_x, g_weight = layer_norm_pull(g, x, rstd, weight, None, axis, needs)
    return g_x, g_weight
