"""Pooling: windows that move over the last axes, and give a mean or a largest value each.

One code serves any number of axes. No window is copied: for each place inside a window, a slice
with a stride has the values there of all windows at once.
"""

from itertools import product
from math import inf, prod
from typing import Any

import autodiff as ad

from .windows import Axis, Shape, Windows, one_by_one, overlap, places, pooled, size, unpooled

Array = Any
Sizes = int | tuple[int, ...]


# ---------------------------------------------------------------- sums
@ad.op(linear=("x",))
def window_sum(xp: Any, x: Array, /, windows: Windows, scale: float = 1.0) -> Array:
    """The sum of each window, times a number."""
    for along in one_by_one(windows):
        out = xp.zeros(pooled(x.shape, along), dtype=x.dtype)
        for _, values, which in places(along):
            out[which] += x[values]
        x = out
    return x * scale


@window_sum.vjp("x")
def _(g: Array, windows: Windows, scale: float) -> Array:
    return window_spread(g, windows, scale)


@ad.op(x=lambda g, windows, scale: window_sum(g, windows, scale), linear=("x",))
def window_spread(xp: Any, x: Array, /, windows: Windows, scale: float = 1.0) -> Array:
    """A value for each window added to all its places: the transpose of `window_sum`."""
    x = x * scale
    for along in one_by_one(windows)[::-1]:
        out = xp.zeros(unpooled(x.shape, along), dtype=x.dtype)
        for _, values, which in places(along):
            out[values] += x[which]
        x = out
    return x


@window_spread.kernel("numpy")
def _(xp: Any, x: Array, /, windows: Windows, scale: float = 1.0) -> Array:
    if overlap(windows):
        return window_spread.body(xp, x, windows, scale)
    out = xp.zeros(unpooled(x.shape, windows), dtype=x.dtype)
    x = x * scale
    for _, values, which in places(windows):
        out[values] = x[which]
    return out


# ---------------------------------------------------------------- largest values
def _first(xp: Any, windows: Windows) -> Array:
    """The number of the first place in each window that is not padding."""
    number = 0
    for k, (_, kernel, stride, padding, dilation, out) in enumerate(windows):
        before = padding - xp.arange(out) * stride
        first = xp.maximum((before + dilation - 1) // dilation, 0)
        number = number * kernel + xp.reshape(first, (-1, *(1,) * (len(windows) - k - 1)))
    return number


@ad.op(outputs=2)
def window_max(xp: Any, x: Array, /, windows: Windows, lowest: float) -> tuple[Array, Array]:
    """The largest value of each window, and at which of its places it is first.

    NaN is larger than anything. No value of ``x`` is below ``lowest``.
    """
    shape = pooled(x.shape, windows)
    small = size(windows) <= 256
    out = xp.full(shape, lowest, dtype=x.dtype)
    number = xp.zeros(shape, dtype=xp.uint8 if small else xp.int32)
    number[...] = _first(xp, windows)
    for i, values, which in places(windows):
        value, best = x[values], out[which]
        larger = xp.logical_or(value > best, value != value)
        out[which] = xp.where(larger, value, best)
        number[which] = xp.where(larger, xp.full_like(number[which], i), number[which])
    return out, number


@window_max.kernel("numpy")
def _(xp: Any, x: Array, /, windows: Windows, lowest: float) -> tuple[Array, Array]:
    # Without masked copies, which NumPy makes several times slower than arithmetic.
    shape, count = pooled(x.shape, windows), size(windows)
    out = xp.full(shape, lowest, dtype=x.dtype)
    for _, values, which in places(windows):
        xp.maximum(out[which], x[values], out=out[which])
    rank = xp.zeros(shape, dtype=xp.uint8 if count < 256 else xp.int32)
    for i, values, which in places(windows):
        here = (x[values] == out[which]).view(xp.uint8)
        xp.maximum(rank[which], here * rank.dtype.type(count - i), out=rank[which])
    number = count - rank  # the first place has the highest rank
    if not rank.all():  # windows of padding alone, or with a NaN, which equals nothing
        number = xp.where(rank == 0, _first(xp, windows), number).astype(rank.dtype)
        for i, values, which in places(windows):
            xp.copyto(number[which], i, where=xp.isnan(x[values]))
    return out, number


@window_max.vjp("x")
def _(g: tuple[Array, Array], out: tuple[Array, Array], windows: Windows) -> Array:
    return window_put(g[0], out[1], windows)


@ad.op(linear=("x",))
def window_put(xp: Any, x: Array, number: Array, /, windows: Windows) -> Array:
    """A value for each window added at one of its places: the transpose of `window_pick`."""
    out = xp.zeros(unpooled(x.shape, windows), dtype=x.dtype)
    for i, values, which in places(windows):
        out[values] += x[which] * (number[which] == i)
    return out


@window_put.kernel("numpy")
def _(xp: Any, x: Array, number: Array, /, windows: Windows) -> Array:
    out = xp.zeros(unpooled(x.shape, windows), dtype=x.dtype)
    apart = not overlap(windows)
    for i, values, which in places(windows):
        if apart:
            xp.multiply(x[which], number[which] == i, out=out[values])
        else:
            out[values] += x[which] * (number[which] == i)
    return out


@window_put.vjp("x")
def _(g: Array, number: Array, windows: Windows) -> Array:
    return window_pick(g, number, windows)


@ad.op(x=lambda g, number, windows: window_put(g, number, windows), linear=("x",))
def window_pick(xp: Any, x: Array, number: Array, /, windows: Windows) -> Array:
    """The value at one place of each window."""
    out = xp.zeros(pooled(x.shape, windows), dtype=x.dtype)
    for i, values, which in places(windows):
        out[which] += x[values] * (number[which] == i)
    return out


@ad.op
def window_index(xp: Any, number: Array, /, windows: Windows) -> Array:
    """Where the places are in ``x`` with its pooled axes flattened."""
    index: Any = 0
    inner = size(windows)
    for k, (n, kernel, stride, padding, dilation, out) in enumerate(windows):
        inner //= kernel
        start = xp.arange(out) * stride - padding
        place = number // inner % kernel * dilation
        index = index * n + (place + xp.reshape(start, (-1, *(1,) * (len(windows) - k - 1))))
    return index


@ad.op
def uneven_argmax(xp: Any, x: Array, /, out: Shape) -> Array:
    """Where the largest value is in windows from ``i * n // out`` to beyond ``(i + 1) * n / out``.

    As an index into ``x`` with its last axes flattened.
    """
    lengths = x.shape[len(x.shape) - len(out) :]
    starts = [xp.arange(m) * n // m for n, m in zip(lengths, out)]
    ends = [-(-(xp.arange(m) + 1) * n // m) for n, m in zip(lengths, out)]
    longest = [-(-n // m) + 1 for n, m in zip(lengths, out)]
    best = index = None
    for place in product(*map(range, longest)):
        flat: Any = 0
        where: tuple[Any, ...] = (...,)
        for k, (n, i) in enumerate(zip(lengths, place)):
            shape = (-1,) + (1,) * (len(out) - k - 1)
            at = xp.reshape(xp.minimum(starts[k] + i, ends[k] - 1), shape)
            flat = flat * n + at  # the last place again where a window is shorter
            where = (*where, at)
        value = x[where]
        if best is None:
            best, index = value, xp.zeros(value.shape, dtype=flat.dtype) + flat
        else:
            larger = xp.logical_or(value > best, value != value)
            best = xp.where(larger, value, best)
            index = xp.where(larger, flat, index)
    return index


# ---------------------------------------------------------------- arguments
def _sizes(name: str, what: str, value: Sizes, axes: int, least: int) -> Shape:
    """A number for each axis."""
    sizes = (value,) * axes if isinstance(value, int) else tuple(value)
    sizes = sizes * axes if len(sizes) == 1 else sizes
    if len(sizes) != axes or min(sizes) < least:
        raise ValueError(
            f"{name}: {what}={value}; it must be one number or {axes}, none below {least}"
        )
    return sizes


def _windows(
    name: str,
    x: Any,
    axes: int,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    dilation: Sizes,
    ceil_mode: bool,
) -> Windows:
    if x.ndim not in (axes + 1, axes + 2):
        raise ValueError(
            f"{name}: an input of shape {x.shape}; it must have {axes + 2} axes (batch, channels, "
            f"...), or {axes + 1} without a batch"
        )
    kernels = _sizes(name, "kernel_size", kernel_size, axes, 1)
    strides = kernels if stride in (None, ()) else _sizes(name, "stride", stride, axes, 1)
    paddings = _sizes(name, "padding", padding, axes, 0)
    dilations = _sizes(name, "dilation", dilation, axes, 1)
    windows = []
    for n, k, s, p, d in zip(x.shape[x.ndim - axes :], kernels, strides, paddings, dilations):
        span = d * (k - 1) + 1
        if p > span // 2:
            raise ValueError(
                f"{name}: padding={padding} is more than half of a window (kernel_size="
                f"{kernel_size}, dilation={dilation})"
            )
        room = n + 2 * p - span
        out = (room + (s - 1 if ceil_mode else 0)) // s + 1
        if ceil_mode and (out - 1) * s >= n + p:  # the last window would have padding only
            out -= 1
        if out < 1:
            raise ValueError(
                f"{name}: a window of {span} does not fit an input of shape {x.shape} with "
                f"padding={padding}"
            )
        windows.append(Axis(n, k, s, p, d, out))
    return tuple(windows)


# ---------------------------------------------------------------- max pooling
def least_of(dtype: Any) -> float:
    """A number that no value of a dtype is below."""
    return -inf if ad.backend.is_float(dtype) else int(ad.iinfo(dtype).min)


def _max_pool(name: str, axes: int, x: Any, return_indices: bool, *arguments: Any) -> Any:
    x = ad.asarray(x)
    windows = _windows(name, x, axes, *arguments)
    values, number = window_max(x, windows, least_of(x.dtype))
    if return_indices:
        return values, window_index(number.astype(ad.int64), windows)
    return values


def max_pool1d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest value of each window of sequences: see `max_pool2d`."""
    return _max_pool(
        "max_pool1d", 1, input, return_indices, kernel_size, stride, padding, dilation, ceil_mode
    )


def max_pool2d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest value of each window of images.

    Of equal values the first gets the gradient. NaN is larger than any number.

    Parameters
    ----------
    input : Tensor, shape (n, c, h, w) or (c, h, w)
    kernel_size : int or tuple of int
        The lengths of a window.
    stride : int or tuple of int, optional
        From one window to the next; the lengths of a window if not given.
    padding : int or tuple of int
        How much windows reach over each edge; never chosen. At most half a window.
    dilation : int or tuple of int
        The distance of values in a window.
    ceil_mode : bool
        Whether a last window may reach over the edge.
    return_indices : bool
        Whether the result is (values, indices): where they were in the flattened image.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> x = ad.arange(16.0).reshape((1, 4, 4))
    >>> nn.functional.max_pool2d(x, 2).data
    array([[[ 5.,  7.],
            [13., 15.]]], dtype=float32)
    """
    return _max_pool(
        "max_pool2d", 2, input, return_indices, kernel_size, stride, padding, dilation, ceil_mode
    )


def max_pool3d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest value of each window of volumes: see `max_pool2d`."""
    return _max_pool(
        "max_pool3d", 3, input, return_indices, kernel_size, stride, padding, dilation, ceil_mode
    )


# ---------------------------------------------------------------- average pooling
def _counts(axis: Axis, include: bool) -> tuple[int, ...]:
    """By how many values the sum of each window along an axis is divided."""
    starts = [i * axis.stride - axis.padding for i in range(axis.out)]
    if include:  # those in the padding too, but not those beyond
        return tuple([min(s + axis.kernel, axis.n + axis.padding) - s for s in starts])
    return tuple([min(s + axis.kernel, axis.n) - max(s, 0) for s in starts])


def _avg_pool(
    name: str,
    axes: int,
    x: Any,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Any:
    x = ad.asarray(x)
    if not ad.backend.is_float(x.dtype):
        raise TypeError(f"{name}: an input of {x.dtype}; means are of floats: x.astype(...)")
    windows = _windows(name, x, axes, kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override is not None:
        if divisor_override == 0:
            raise ValueError(f"{name}: divisor_override must not be 0")
        return window_sum(x, windows, 1 / divisor_override)
    counts = [_counts(axis, count_include_pad) for axis in windows]
    if all(min(each) == max(each) for each in counts):
        return window_sum(x, windows, 1 / prod([each[0] for each in counts]))
    total = window_sum(x, windows)
    for k, each in enumerate(counts):
        if min(each) == max(each) == 1:
            continue
        divisor = ad.tensor(each, dtype=x.dtype, device=x.device)
        total = total / ad.reshape(divisor, (-1,) + (1,) * (axes - k - 1))
    return total


def avg_pool1d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """The mean of each window of sequences: see `avg_pool2d`."""
    return _avg_pool(
        "avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None
    )


def avg_pool2d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """The mean of each window of images.

    Parameters
    ----------
    input : Tensor, shape (n, c, h, w) or (c, h, w)
    kernel_size : int or tuple of int
        The lengths of a window.
    stride : int or tuple of int, optional
        From one window to the next; the lengths of a window if not given.
    padding : int or tuple of int
        How many zeros windows reach over at each edge; at most half a window.
    ceil_mode : bool
        Whether a last window may reach over the edge.
    count_include_pad : bool
        Whether zeros of the padding count.
    divisor_override : int, optional
        What sums are divided by instead of the count.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> x = ad.arange(16.0).reshape((1, 4, 4))
    >>> nn.functional.avg_pool2d(x, 2).data
    array([[[ 2.5,  4.5],
            [10.5, 12.5]]], dtype=float32)
    """
    return _avg_pool(
        "avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad,
        divisor_override,
    )  # fmt: skip


def avg_pool3d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """The mean of each window of volumes: see `avg_pool2d`."""
    return _avg_pool(
        "avg_pool3d", 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad,
        divisor_override,
    )  # fmt: skip
