"""Resampling: another number of values along the last axes, and pixels moved into channels.

Every way of interpolating is linear and treats one axis after the other: a small matrix of
weights, made once for its sizes, maps the values along an axis. Nearest neighbours are picked.
"""

from functools import lru_cache
from math import floor
from typing import Any

import numpy as np

import autodiff as ad

from .pooling import window_sum
from .windows import Axis, still

Array = Any
Shape = tuple[int, ...]
NEAREST = ("nearest", "nearest-exact")
AXES = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}  # modes that blend neighbours
MODES = (*NEAREST, *AXES, "area")


def _map_axis(x: Any, axis: int, matrix: np.ndarray) -> Any:
    """The values along an axis (counted from the end) times a constant matrix."""
    weights = ad.tensor(matrix, dtype=x.dtype, device=x.device)
    if axis == -1:
        return ad.matmul(x, weights.T)
    shape = x.shape
    rows = ad.reshape(x, (*shape[: axis + 1], -1) if axis < -2 else shape)
    made = ad.matmul(weights, rows)
    return ad.reshape(made, (*made.shape[:-1], *shape[axis + 1 :])) if axis < -2 else made


# ---------------------------------------------------------------- weights
@lru_cache(maxsize=256)
def _area(n: int, m: int) -> np.ndarray:
    """Rows of equal weights: value i is the mean from floor(i n / m) up to ceil((i + 1) n / m)."""
    i, places = np.arange(m)[:, None], np.arange(n)
    inside = (places >= i * n // m) & (places < -(-(i + 1) * n // m))
    weights: np.ndarray = inside / inside.sum(axis=1, keepdims=True)
    return weights


def _triangle(t: np.ndarray) -> np.ndarray:
    weights: np.ndarray = np.maximum(1 - abs(t), 0)
    return weights


def _cubic(t: np.ndarray, a: float) -> np.ndarray:
    """Keys' kernel ("Cubic convolution interpolation", 1981), 0 from a distance of 2."""
    t = abs(t)
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    weights: np.ndarray = np.where(t <= 1, near, np.where(t < 2, far, 0.0))
    return weights


def _scale(n: int, m: int, factor: float | None) -> float:
    """How far apart results are, in the input's steps."""
    return 1 / factor if factor else n / m


@lru_cache(maxsize=256)
def _blend(n: int, m: int, cubic: bool, align_corners: bool, factor: float | None) -> np.ndarray:
    """Rows of two weights, or of four, about each place; beyond the edge the value there counts."""
    if align_corners:
        source = np.arange(m) * ((n - 1) / (m - 1) if m > 1 else 0.0)
    else:
        source = (np.arange(m) + 0.5) * _scale(n, m, factor) - 0.5
    if not cubic:
        source = np.clip(source, 0, n - 1)
    start = np.floor(source).astype(int)
    weights = np.zeros((m, n))
    for offset in range(-1, 3) if cubic else range(2):
        distance = source - (start + offset)
        share = _cubic(distance, -0.75) if cubic else _triangle(distance)
        np.add.at(weights, (np.arange(m), np.clip(start + offset, 0, n - 1)), share)
    return weights


@lru_cache(maxsize=256)
def _smooth(n: int, m: int, cubic: bool, align_corners: bool, factor: float | None) -> np.ndarray:
    """As `_blend`, with kernels as wide as the distance of results, where that is more than 1."""
    scale = ((n - 1) / (m - 1) if m > 1 else 0.0) if align_corners else _scale(n, m, factor)
    width = max(scale, 1.0)
    support = (2 if cubic else 1) * width
    centre = (np.arange(m)[:, None] + 0.5) * scale
    places = np.arange(n)
    first = np.maximum((centre - support + 0.5).astype(int), 0)
    last = np.minimum((centre + support + 0.5).astype(int), n)
    t = (places - centre + 0.5) / width
    weights = np.where(
        (places >= first) & (places < last), _cubic(t, -0.5) if cubic else _triangle(t), 0.0
    )
    normal: np.ndarray = weights / weights.sum(axis=1, keepdims=True)
    return normal


def _nearest(x: Any, axis: int, m: int, exact: bool, factor: float | None) -> Any:
    n = x.shape[axis]
    scale = np.float32(_scale(n, m, factor))  # PyTorch's precision decides ties
    if m % n == 0 and (factor is None or factor == m // n):
        return x if m == n else ad.repeat(x, m // n, axis=axis)
    index = np.floor((np.arange(m, dtype=np.float32) + np.float32(0.5 * exact)) * scale)
    index = np.minimum(index.astype(int), n - 1)
    return ad.take(x, ad.tensor(index, device=x.device), axis=x.ndim + axis)


def area(x: Any, out: Shape) -> Any:
    """Means of windows, so that the last axes get the lengths ``out``."""
    axes = len(out)
    lengths = x.shape[x.ndim - axes :]
    if set(out) == {1}:
        return ad.mean(x, axis=tuple(range(-axes, 0)), keepdims=True)
    even = [n % m == 0 for n, m in zip(lengths, out)]
    windows = tuple(
        [Axis(n, n // m, n // m, 0, 1, m) if e else still(n) for n, m, e in zip(lengths, out, even)]
    )
    count = 1
    for axis in windows:
        count *= axis.kernel
    if count > 1:
        x = window_sum(x, windows, 1 / count)
    for k, (n, m, e) in enumerate(zip(lengths, out, even)):
        if not e:
            x = _map_axis(x, k - axes, _area(n, m))
    return x


# ---------------------------------------------------------------- the functions
def _target(
    shape: Shape, size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[Shape, list[float | None]]:
    """The lengths of the result, and the factors that places are computed with, if any."""
    axes = len(shape)
    if (size is None) == (scale_factor is None):
        raise ValueError(
            f"interpolate: give size or scale_factor, and not both: size={size}, "
            f"scale_factor={scale_factor}"
        )
    given = scale_factor if size is None else size
    listed = list(given) if isinstance(given, tuple | list) else [given] * axes
    if len(listed) != axes:
        raise ValueError(
            f"interpolate: {'scale_factor' if size is None else 'size'}={given} for {axes} axes "
            f"(those after batch and channels)"
        )
    if size is not None:
        if recompute:
            raise ValueError("interpolate: recompute_scale_factor goes with scale_factor only")
        out = tuple(map(int, listed))
    else:
        out = tuple([floor(n * float(f)) for n, f in zip(shape, listed)])
    by_size = size is not None or recompute
    factors = [None if by_size else float(f) for f in listed]
    if min(out) < 1 or min(shape) < 1:
        raise ValueError(f"interpolate: from the lengths {shape} to {out}: none may be 0")
    return out, factors


def interpolate(
    input: Any,
    size: int | tuple[int, ...] | None = None,
    scale_factor: float | tuple[float, ...] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Any:
    """Another number of values along the axes after batch and channels.

    Parameters
    ----------
    input : Tensor, shape (n, c, ...)
        With one to three axes more.
    size : int or tuple of int, optional
        The lengths of the result.
    scale_factor : float or tuple of float, optional
        Instead of a size: what lengths are multiplied by, rounded down.
    mode : str
        ``"nearest"`` (at the start of a result's interval), ``"nearest-exact"`` (at its middle),
        ``"linear"``, ``"bilinear"``, ``"trilinear"`` (for one, two and three axes),
        ``"bicubic"`` or ``"area"`` (means of windows, as adaptive pooling).
    align_corners : bool, optional
        For the linear and cubic modes: whether the first and last values lie at the first and
        last places of the result, rather than that the intervals around them begin and end
        together.
    recompute_scale_factor : bool, optional
        Whether places follow from the lengths, and not from a scale_factor that was rounded.
    antialias : bool
        For ``"bilinear"`` and ``"bicubic"``: whether wider kernels are used to make it smaller.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> x = ad.tensor([[[1.0, 3.0]]])
    >>> nn.functional.interpolate(x, scale_factor=2).data
    array([[[1., 1., 3., 3.]]], dtype=float32)
    >>> nn.functional.interpolate(x, size=3, mode="linear", align_corners=True).data
    array([[[1., 2., 3.]]], dtype=float32)
    """
    input = ad.asarray(input)
    axes = input.ndim - 2
    if mode not in MODES:
        raise ValueError(f"interpolate: unknown mode {mode!r}; use one of {', '.join(MODES)}")
    if not 1 <= axes <= 3 or AXES.get(mode, axes) != axes:
        wanted = AXES.get(mode, 0) + 2 if mode in AXES else "3 to 5"
        raise ValueError(
            f"interpolate: mode {mode!r} for an input of shape {input.shape}; it needs {wanted} "
            "axes: (batch, channels, ...)"
        )
    if align_corners is not None and mode not in AXES:
        raise ValueError(f"interpolate: align_corners has no meaning for mode {mode!r}")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(f"interpolate: antialias is for bilinear and bicubic, not for {mode!r}")
    lengths = input.shape[2:]
    out, factors = _target(lengths, size, scale_factor, recompute_scale_factor)
    if mode == "area":
        return area(input, out)
    matrix = _smooth if antialias else _blend
    for k, (n, m, factor) in enumerate(zip(lengths, out, factors)):
        if mode in NEAREST:
            input = _nearest(input, k - axes, m, mode != "nearest", factor)
        elif n != m or (factor not in (None, 1.0)):
            weights = matrix(n, m, mode == "bicubic", bool(align_corners), factor)
            input = _map_axis(input, k - axes, weights)
    return input


def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """Channels become pixels: (..., c * r * r, h, w) to (..., c, h * r, w * r).

    Source: Shi et al., "Real-time single image and video super-resolution using an efficient
    sub-pixel convolutional neural network", 2016.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.functional.pixel_shuffle(ad.arange(4).reshape((4, 1, 1)), 2).data
    array([[[0, 1],
            [2, 3]]])
    """
    input, r = ad.asarray(input), upscale_factor
    if r < 1 or input.ndim < 3 or input.shape[-3] % (r * r):
        raise ValueError(
            f"pixel_shuffle: an input of shape {input.shape} with upscale_factor={r}; it must be "
            "(..., channels, h, w), with channels that divide by the factor's square"
        )
    *batch, c, h, w = input.shape
    n = len(batch)
    x = ad.reshape(input, (*batch, c // (r * r), r, r, h, w))
    x = ad.transpose(x, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return ad.reshape(x, (*batch, c // (r * r), h * r, w * r))


def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    """Pixels become channels: (..., c, h * r, w * r) to (..., c * r * r, h, w)."""
    input, r = ad.asarray(input), downscale_factor
    if r < 1 or input.ndim < 3 or input.shape[-1] % r or input.shape[-2] % r:
        raise ValueError(
            f"pixel_unshuffle: an input of shape {input.shape} with downscale_factor={r}; it must "
            "be (..., channels, h, w), with h and w that divide by the factor"
        )
    *batch, c, h, w = input.shape
    n = len(batch)
    x = ad.reshape(input, (*batch, c, h // r, r, w // r, r))
    x = ad.transpose(x, (*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return ad.reshape(x, (*batch, c * r * r, h // r, w // r))
