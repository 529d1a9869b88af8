"""The ops behind convolutions, along any number of axes: a family closed under differentiation.

A convolution is linear in its input and in its kernel. `convolution` is the product,
`transposed_convolution` its transpose in the input, and `kernel_gradient` that in the kernel. The
rules of each are the other two, so all orders of derivatives are there. `lowering` computes them.

All take ``size``, the lengths of the result's spatial axes, and a `Window`.
"""

from typing import Any

import numpy as np

import autodiff as ad

from .lowering import Window, Workspace, correlate, correlate_transposed, correlate_weight

Array = Any
Lengths = tuple[int, ...]

# Elements of a tile of columns: on the CPU what stays in the cache, on a GPU what keeps it busy.
CPU_LIMIT = 1 << 19
LIMIT = 1 << 24


def _space(x: Array) -> Workspace:
    return Workspace(x.dtype, LIMIT, blocks=False)


def _cpu_space(x: Array) -> Workspace:
    """Tiles of half precision are float32, for which there is a BLAS."""
    dtype = np.dtype(np.float32) if x.dtype.itemsize == 2 else x.dtype
    return Workspace(dtype, CPU_LIMIT, blocks=True)


def _of_bias(g: Array, xp: Any) -> Array:
    return xp.sum(g, axis=(0, *range(2, len(g.shape))))


# ---------------------------------------------------------------- the product
@ad.op(bias=_of_bias, promote=("x", "w", "bias"), floating=True, autocast="low")
def convolution(
    xp: Any, x: Array, w: Array, bias: Array | None = None, /, *, size: Lengths, window: Window
) -> Array:
    """A kernel (o, c / groups, ...) at each place of an input (n, c, ...): (n, o, ...)."""
    return correlate(xp, x, w, bias, size, window, _space(x))


@convolution.kernel("numpy")
def _(
    xp: Any, x: Array, w: Array, bias: Array | None = None, /, *, size: Lengths, window: Window
) -> Array:
    return correlate(xp, x, w, bias, size, window, _cpu_space(x))


@convolution.vjp("x")
def _(g: Array, w: Array, x_shape: Lengths, window: Window) -> Array:
    return transposed_convolution(g, w, None, size=x_shape[2:], window=window)


@convolution.vjp("w")
def _(g: Array, x: Array, w_shape: Lengths, window: Window) -> Array:
    return kernel_gradient(x, g, size=w_shape[2:], window=window)


# ---------------------------------------------------------------- its transpose in the input
@ad.op(bias=_of_bias, promote=("y", "w", "bias"), floating=True, autocast="low")
def transposed_convolution(
    xp: Any, y: Array, w: Array, bias: Array | None = None, /, *, size: Lengths, window: Window
) -> Array:
    """Each value spreads a kernel (o, c / groups, ...) over its place."""
    return correlate_transposed(xp, y, w, bias, size, window, _space(y))


@transposed_convolution.kernel("numpy")
def _(
    xp: Any, y: Array, w: Array, bias: Array | None = None, /, *, size: Lengths, window: Window
) -> Array:
    return correlate_transposed(xp, y, w, bias, size, window, _cpu_space(y))


@transposed_convolution.vjp("y")
def _(g: Array, w: Array, y_shape: Lengths, window: Window) -> Array:
    return convolution(g, w, None, size=y_shape[2:], window=window)


@transposed_convolution.vjp("w")
def _(g: Array, y: Array, w_shape: Lengths, window: Window) -> Array:
    return kernel_gradient(g, y, size=w_shape[2:], window=window)


# ---------------------------------------------------------------- its transpose in the kernel
@ad.op(promote=("x", "y"), floating=True, linear=("x", "y"), autocast="low")
def kernel_gradient(xp: Any, x: Array, y: Array, /, *, size: Lengths, window: Window) -> Array:
    """What (n, c, ...) and (n, o, ...) have in common at each distance: (o, c / groups, ...)."""
    return correlate_weight(xp, x, y, size, window, _space(x))


@kernel_gradient.kernel("numpy")
def _(xp: Any, x: Array, y: Array, /, *, size: Lengths, window: Window) -> Array:
    made = correlate_weight(xp, x, y, size, window, _cpu_space(x))
    return made.astype(x.dtype, copy=False)


@kernel_gradient.vjp("x")
def _(g: Array, y: Array, x_shape: Lengths, window: Window) -> Array:
    return transposed_convolution(y, g, None, size=x_shape[2:], window=window)


@kernel_gradient.vjp("y")
def _(g: Array, x: Array, y_shape: Lengths, window: Window) -> Array:
    return convolution(x, g, None, size=y_shape[2:], window=window)
