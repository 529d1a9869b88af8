"""Running sums and products along an axis."""

from typing import Any

from .._op import op
from ..backend import Array


def _cumsum_x(g: Array, xp: Any, x_shape: tuple[int, ...], axis: int | None) -> Array:
    along = 0 if axis is None else axis  # of a flattened array
    summed = xp.flip(xp.cumsum(xp.flip(g, axis=along), axis=along), axis=along)
    return xp.reshape(summed, x_shape)


@op(x=_cumsum_x, linear=("x",), autocast="high")
def cumsum(xp: Any, x: Array, /, axis: int | None = None, *, dtype: Any = None) -> Array:
    """The sums of the first 1, 2, 3... values along an axis, or of all flattened."""
    return xp.cumsum(x, axis=axis, dtype=dtype)


def _cumprod_x(g: Array, xp: Any, x: Array, axis: int | None) -> Array:
    """Exact at zeros: no division, but log2(n) steps over the whole array.

    With P the product of all before i, the gradient is ``P[i] * s[i]``, where
    ``s[i] = g[i] + x[i + 1] * s[i + 1]``. Such a recurrence is a composition of affine maps
    ``s -> b + a * s``, and each step composes every map with the one that many places on.
    """
    shape = x.shape
    x = xp.reshape(x, (-1,)) if axis is None else xp.swapaxes(x, axis, -1)
    b = g if axis is None else xp.swapaxes(g, axis, -1)
    n = x.shape[-1]
    a = x[..., 1:]
    step = 1
    while step < n:  # the last ones are complete
        b = xp.concatenate([b[..., :-step] + a * b[..., step:], b[..., -step:]], axis=-1)
        a = a[..., :-step] * a[..., step:]
        step *= 2
    before = xp.concatenate([xp.ones_like(x[..., :1]), xp.cumprod(x[..., :-1], axis=-1)], axis=-1)
    grad = before * b
    return xp.reshape(grad, shape) if axis is None else xp.swapaxes(grad, axis, -1)


@op(x=_cumprod_x, autocast="high")
def cumprod(xp: Any, x: Array, /, axis: int | None = None, *, dtype: Any = None) -> Array:
    """The products of the first 1, 2, 3... values along an axis, or of all flattened.

    Its derivatives are exact at zeros too.
    """
    return xp.cumprod(x, axis=axis, dtype=dtype)
