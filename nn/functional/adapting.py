"""Adaptive pooling: the size of the result is given, and the windows follow.

Window i of m over n values goes from floor(i n / m) up to ceil((i + 1) n / m).
"""

from typing import Any

import autodiff as ad

from .pooling import least_of, uneven_argmax, window_index, window_max
from .resampling import area
from .windows import Axis

Outs = int | tuple[int | None, ...] | None


def _sizes(name: str, x: Any, axes: int, output_size: Outs) -> tuple[int, ...]:
    """The length of each axis of the result; None keeps it."""
    if x.ndim not in (axes + 1, axes + 2):
        raise ValueError(
            f"{name}: an input of shape {x.shape}; it must have {axes + 2} axes (batch, channels, "
            f"...), or {axes + 1} without a batch"
        )
    listed = output_size if isinstance(output_size, tuple | list) else (output_size,) * axes
    lengths = x.shape[x.ndim - axes :]
    if len(listed) != axes or any(m is not None and m < 1 for m in listed):
        raise ValueError(
            f"{name}: output_size={output_size}; it must be one number or {axes}, from 1, or None "
            "to keep a length"
        )
    if 0 in lengths:
        raise ValueError(f"{name}: an input of shape {x.shape} has nothing to pool")
    return tuple([n if m is None else m for n, m in zip(lengths, listed)])


def _avg(name: str, axes: int, x: Any, output_size: Outs) -> Any:
    x = ad.asarray(x)
    return area(x, _sizes(name, x, axes, output_size))


def _max(name: str, axes: int, x: Any, output_size: Outs, return_indices: bool) -> Any:
    x = ad.asarray(x)
    out = _sizes(name, x, axes, output_size)
    batch, lengths = x.shape[: x.ndim - axes], x.shape[x.ndim - axes :]
    if set(out) != {1} and not any(n % m for n, m in zip(lengths, out)):
        windows = tuple([Axis(n, n // m, n // m, 0, 1, m) for n, m in zip(lengths, out)])
        values, number = window_max(x, windows, least_of(x.dtype))
        if not return_indices:
            return values
        return values, window_index(number.astype(ad.int64), windows)
    flat = ad.reshape(x, (*batch, -1))
    if set(out) == {1}:
        index = ad.argmax(flat, axis=-1, keepdims=True)
    else:
        index = ad.reshape(uneven_argmax(x, out), (*batch, -1))
    values = ad.reshape(ad.take_along_axis(flat, index, axis=-1), (*batch, *out))
    return (values, ad.reshape(index, (*batch, *out))) if return_indices else values


def adaptive_avg_pool1d(input: Any, output_size: Outs) -> Any:
    """Means of as many windows as are asked for, of sequences: see `adaptive_avg_pool2d`."""
    return _avg("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: Any, output_size: Outs) -> Any:
    """Means of as many windows as are asked for.

    Parameters
    ----------
    input : Tensor, shape (n, c, h, w) or (c, h, w)
    output_size : int or tuple of int or None
        How many along each axis; None keeps its length. 1 takes the mean of the whole image
        ("global average pooling"; Lin, Chen & Yan, "Network in network", 2014).

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> x = ad.arange(6.0).reshape((1, 2, 3))
    >>> nn.functional.adaptive_avg_pool2d(x, (1, 2)).data
    array([[[2., 3.]]], dtype=float32)
    """
    return _avg("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_avg_pool3d(input: Any, output_size: Outs) -> Any:
    """Means of as many windows as are asked for, of volumes: see `adaptive_avg_pool2d`."""
    return _avg("adaptive_avg_pool3d", 3, input, output_size)


def adaptive_max_pool1d(input: Any, output_size: Outs, return_indices: bool = False) -> Any:
    """Largest values of as many windows as are asked for: see `adaptive_max_pool2d`."""
    return _max("adaptive_max_pool1d", 1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Any, output_size: Outs, return_indices: bool = False) -> Any:
    """Largest values of as many windows as are asked for.

    Parameters
    ----------
    input : Tensor, shape (n, c, h, w) or (c, h, w)
    output_size : int or tuple of int or None
        How many along each axis; None keeps its length.
    return_indices : bool
        Whether the result is (values, indices): where they were in the flattened image.
    """
    return _max("adaptive_max_pool2d", 2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Any, output_size: Outs, return_indices: bool = False) -> Any:
    """Largest values of as many windows as are asked for: see `adaptive_max_pool2d`."""
    return _max("adaptive_max_pool3d", 3, input, output_size, return_indices)
