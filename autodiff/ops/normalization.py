"""Normalization over axes of one example."""

from typing import Any

from .._op import op
from ..backend import Array


@op(saves=("mean", "rstd"), promote=("x", "weight", "bias"), floating=True, autocast="high")
def layer_norm(
    xp: Any,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    /,
    axis: int | tuple[int, ...] = -1,
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
    mean = xp.mean(x, axis=axis, keepdims=True)
    centred = x - mean
    rstd = 1 / xp.sqrt(xp.mean(centred * centred, axis=axis, keepdims=True) + eps)
    out = centred * rstd
    if weight is not None:
        out = out * weight
    if bias is not None:
        out = out + bias
    return out, mean, rstd


@layer_norm.vjp("x", "weight", "bias")
def _(
    g: Array,
    xp: Any,
    x: Array,
    weight: Array | None,
    mean: Array,
    rstd: Array,
    axis: int | tuple[int, ...],
    needs: tuple[bool, bool, bool],
) -> tuple[Array | None, Array | None, Array]:
    normal = (x - mean) * rstd
    g_x = None
    if needs[0]:
        g_normal = g if weight is None else g * weight
        along = xp.mean(g_normal * normal, axis=axis, keepdims=True)
        g_x = (g_normal - xp.mean(g_normal, axis=axis, keepdims=True) - normal * along) * rstd
    return g_x, g * normal if needs[1] else None, g
