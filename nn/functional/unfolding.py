"""The values under a kernel, side by side, and their sum back where they came from."""

from itertools import product
from math import prod
from typing import Any

import autodiff as ad

from .convolution import Setting, per_axis, places
from .lowering import Lengths, Window, under

Array = Any


def _positions(kernel: Lengths) -> list[Lengths]:
    return list(product(*map(range, kernel)))


@ad.op(linear=("x",))
def unfold_(xp: Any, x: Array, /, kernel: Lengths, size: Lengths, window: Window) -> Array:
    """See `unfold`."""
    n, c, *lengths = x.shape
    out = xp.zeros((n, c, prod(kernel), *size), dtype=x.dtype)
    for p, position in enumerate(_positions(kernel)):
        here, there = under(position, window, size, lengths)
        out[(slice(None), slice(None), p, *here)] = x[(slice(None), slice(None), *there)]
    return xp.reshape(out, (n, c * prod(kernel), prod(size)))


@unfold_.vjp("x")
def _(g: Array, x_shape: Lengths, kernel: Lengths, size: Lengths, window: Window) -> Array:
    return fold_(g, kernel, size, x_shape[2:], window)


@ad.op(
    y=lambda g, kernel, size, window: unfold_(g, kernel, size, window),
    linear=("y",),
)
def fold_(
    xp: Any, y: Array, /, kernel: Lengths, size: Lengths, lengths: Lengths, window: Window
) -> Array:
    """See `fold`."""
    n, c = y.shape[0], y.shape[1] // prod(kernel)
    y = xp.reshape(y, (n, c, prod(kernel), *size))
    out = xp.zeros((n, c, *lengths), dtype=y.dtype)
    for p, position in enumerate(_positions(kernel)):
        here, there = under(position, window, size, lengths)
        out[(slice(None), slice(None), *there)] += y[(slice(None), slice(None), p, *here)]
    return out


def _window(
    name: str, kernel_size: Setting, dilation: Setting, padding: Setting, stride: Setting
) -> tuple[Lengths, Window]:
    kernel = per_axis(name, "kernel_size", kernel_size, 2, 1)
    window = Window(
        per_axis(name, "stride", stride, 2, 1),
        per_axis(name, "padding", padding, 2),
        per_axis(name, "dilation", dilation, 2, 1),
        1,
    )
    return kernel, window


def unfold(
    input: Any,
    kernel_size: Setting,
    dilation: Setting = 1,
    padding: Setting = 0,
    stride: Setting = 1,
) -> Any:
    """The values under a kernel at each of its places, as columns.

    A convolution is a matrix product with these columns; `conv2d` is one that never holds them all.

    Parameters
    ----------
    input : Tensor, shape (N, C, H, W), or without N
    kernel_size, dilation, padding, stride : int or tuple of int
        As of `conv2d`.

    Returns
    -------
    Tensor, shape (N, C * kH * kW, L), or without N
        L is the number of places.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> x = ad.reshape(ad.arange(9.0), (1, 3, 3))
    >>> nn.functional.unfold(x, 2).data
    array([[0., 1., 3., 4.],
           [1., 2., 4., 5.],
           [3., 4., 6., 7.],
           [4., 5., 7., 8.]], dtype=float32)
    """
    kernel, window = _window("unfold", kernel_size, dilation, padding, stride)
    if len(input.shape) not in (3, 4):
        raise ValueError(f"unfold: an input of shape {input.shape}; it needs (N, C, H, W)")
    if len(input.shape) == 3:
        batch = ad.expand_dims(input, 0)
        return ad.squeeze(unfold(batch, kernel_size, dilation, padding, stride), 0)
    size = places("unfold", input.shape[2:], kernel, window, window.padding)
    return unfold_(input, kernel, size, window)


def fold(
    input: Any,
    output_size: Setting,
    kernel_size: Setting,
    dilation: Setting = 1,
    padding: Setting = 0,
    stride: Setting = 1,
) -> Any:
    """Columns added up where `unfold` takes them from: its transpose.

    Parameters
    ----------
    input : Tensor, shape (N, C * kH * kW, L), or without N
        L is the number of places at which the kernel can stand in the result.
    output_size : int or tuple of int
        H and W of the result.
    kernel_size, dilation, padding, stride : int or tuple of int

    Returns
    -------
    Tensor, shape (N, C, H, W), or without N

    Examples
    --------
    How many places see each value:

    >>> import autodiff as ad, nn
    >>> nn.functional.fold(ad.ones((4, 4)), 3, 2).data
    array([[[1., 2., 1.],
            [2., 4., 2.],
            [1., 2., 1.]]], dtype=float32)
    """
    lengths = per_axis("fold", "output_size", output_size, 2, 1)
    kernel, window = _window("fold", kernel_size, dilation, padding, stride)
    if len(input.shape) not in (2, 3):
        raise ValueError(f"fold: an input of shape {input.shape}; it needs (N, C * kH * kW, L)")
    size = places("fold", lengths, kernel, window, window.padding)
    rows, columns = input.shape[-2:]
    if rows % prod(kernel) or columns != prod(size):
        raise ValueError(
            f"fold: an input of shape {input.shape} for a kernel of {kernel}; its last axes must "
            f"be a multiple of {prod(kernel)}, and {prod(size)}: the kernel stands at {size} places"
        )
    if len(input.shape) == 2:
        return ad.squeeze(fold_(ad.expand_dims(input, 0), kernel, size, lengths, window), 0)
    return fold_(input, kernel, size, lengths, window)
