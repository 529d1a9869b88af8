"""Normalization of channels: batch, group and instance norm.

All of them see an input (n, c, ...) as (n, groups, channels of a group, positions). Batch norm
takes mean and variance over examples and positions, and has a group for each channel; the others
take them over the channels of a group and over positions. Sums of half precision are float32:
squares of float16 overflow from 256 on.
"""

from math import prod
from typing import Any

import autodiff as ad

from .pooling import window_sum
from .windows import Axis, still

Array = Any
as_dtype, single = ad.backend.as_dtype, ad.backend.single
Needs = tuple[bool, bool, bool]


def _grouped(xp: Any, x: Array, groups: int | None) -> tuple[Array, tuple[int, ...]]:
    """``x`` with four axes, and those over which mean and variance are taken."""
    n, channels = x.shape[:2]
    count = groups or channels
    view = xp.reshape(x, (n, count, channels // count, prod(x.shape[2:])))
    return view, (0, 2, 3) if groups is None else (2, 3)


def _column(xp: Any, weight: Array, groups: int | None) -> Array:
    """One number for each channel, as it multiplies what `_grouped` gives."""
    (channels,) = weight.shape
    count = groups or channels
    return xp.reshape(weight, (1, count, channels // count, 1))


def _results(
    xp: Any, x: Array, out: Array, centre: Array, var: Array, groups: int | None, dtype: Any
) -> tuple[Array, Array, Array]:
    """The result, the mean and the variance, in their shapes and their dtype."""
    shape = (x.shape[1],) if groups is None else (x.shape[0], groups)
    out, centre, var = xp.reshape(out, x.shape), xp.reshape(centre, shape), xp.reshape(var, shape)
    return as_dtype(out, dtype), as_dtype(centre, dtype), as_dtype(var, dtype)


# ---------------------------------------------------------------- by the input's own statistics
@ad.op(
    outputs=3,
    saves=("centre", "rstd"),
    promote=("x", "weight", "bias"),
    floating=True,
    autocast="high",
)
def channel_norm(
    xp: Any,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    /,
    groups: int | None = None,
    eps: float = 1e-5,
) -> tuple[Array, Array, Array, Array, Array]:
    """``(x - mean) / sqrt(var + eps) * weight + bias``, and the mean and the variance.

    Those are of all examples, (c,), or, if there are groups, of each one, (n, groups).
    """
    dtype, x = x.dtype, single(x)
    view, axes = _grouped(xp, x, groups)
    centre = xp.mean(view, axis=axes, keepdims=True)
    centred = view - centre
    var = xp.mean(centred * centred, axis=axes, keepdims=True)
    rstd = 1 / xp.sqrt(var + eps)
    out = centred * rstd
    if weight is not None:
        out = out * _column(xp, weight, groups)
    if bias is not None:
        out = out + _column(xp, bias, groups)
    return *_results(xp, x, out, centre, var, groups, dtype), centre, rstd


@channel_norm.kernel("numpy")
def _(
    xp: Any,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    /,
    groups: int | None = None,
    eps: float = 1e-5,
) -> tuple[Array, Array, Array, Array, Array]:
    # The array of the result is the only large one.
    dtype, x = x.dtype, single(x)
    view, axes = _grouped(xp, x, groups)
    count = prod([view.shape[a] for a in axes])
    centre = xp.add.reduce(view, axis=axes, keepdims=True)
    centre /= count
    out = view - centre
    var = xp.reshape(
        xp.einsum(f"ngkl,ngkl->{'g' if groups is None else 'ng'}", out, out), centre.shape
    )
    var = var / count
    rstd = 1 / xp.sqrt(var + eps)
    out *= rstd if weight is None else rstd * _column(xp, weight, groups)
    if bias is not None:
        out += _column(xp, bias, groups)
    return *_results(xp, x, out, centre, var, groups, dtype), centre, rstd


def _coefficients(
    xp: Any,
    s0: Array,
    s1: Array,
    g_mean: Array,
    g_var: Array,
    rstd: Array,
    weight: Array | None,
    groups: int | None,
    count: int,
) -> tuple[Array, Array, Array, Array, Array]:
    """What multiplies g and x - mean in the gradient of x, what is added, and the small gradients.

    ``s0`` and ``s1`` are the sums of g and of g * (x - mean) over the positions of each channel.
    """
    g_weight = xp.reshape(xp.sum(s1 * rstd, axis=0), (-1,))
    g_bias = xp.reshape(xp.sum(s0, axis=0), (-1,))
    scale = rstd
    if weight is not None:
        column = _column(xp, weight, groups)
        s0, s1, scale = s0 * column, s1 * column, rstd * column
    along = xp.sum(s1, axis=2, keepdims=True) * (rstd * rstd * rstd)
    total = xp.sum(s0, axis=2, keepdims=True) * rstd
    of_centred = (2 * xp.reshape(g_var, rstd.shape) - along) / count
    constant = (xp.reshape(g_mean, rstd.shape) - total) / count
    return scale, of_centred, constant, g_weight, g_bias


def _pulled(
    xp: Any,
    g: Array,
    g_mean: Array,
    g_var: Array,
    x: Array,
    centre: Array,
    rstd: Array,
    weight: Array | None,
    groups: int | None,
    wanted: bool,
) -> tuple[Array | None, Array, Array]:
    """The gradients of x (if wanted), weight and bias, given those of `channel_norm`'s results."""
    dtype = g.dtype
    view, axes = _grouped(xp, x, groups)
    g_view, _ = _grouped(xp, single(g), groups)
    centred = view - centre
    within = (0, 3) if groups is None else (3,)
    s0 = xp.sum(g_view, axis=within, keepdims=True)
    s1 = xp.sum(g_view * centred, axis=within, keepdims=True)
    count = prod([view.shape[a] for a in axes])
    scale, of_centred, constant, g_weight, g_bias = _coefficients(
        xp, s0, s1, g_mean, g_var, rstd, weight, groups, count
    )
    g_weight, g_bias = as_dtype(g_weight, dtype), as_dtype(g_bias, dtype)
    if not wanted:
        return None, g_weight, g_bias
    g_x = g_view * scale + (centred * of_centred + constant)
    return as_dtype(xp.reshape(g_x, x.shape), dtype), g_weight, g_bias


@ad.op(outputs=3)
def channel_norm_pull(
    xp: Any,
    g: Array,
    g_mean: Array,
    g_var: Array,
    x: Array,
    centre: Array,
    rstd: Array,
    weight: Array | None = None,
    /,
    groups: int | None = None,
    wanted: bool = True,
) -> tuple[Array | None, Array, Array]:
    """See `_pulled`; an op because it has a kernel."""
    return _pulled(xp, g, g_mean, g_var, x, centre, rstd, weight, groups, wanted)


@channel_norm_pull.kernel("numpy")
def _(
    xp: Any,
    g: Array,
    g_mean: Array,
    g_var: Array,
    x: Array,
    centre: Array,
    rstd: Array,
    weight: Array | None = None,
    /,
    groups: int | None = None,
    wanted: bool = True,
) -> tuple[Array | None, Array, Array]:
    # Two large arrays: x - mean, and the result.
    dtype = g.dtype
    view, axes = _grouped(xp, x, groups)
    g_view, _ = _grouped(xp, single(g), groups)
    centred = view - centre
    within = (0, 3) if groups is None else (3,)
    s0 = xp.add.reduce(g_view, axis=within, keepdims=True)
    s1 = xp.einsum(f"ngkl,ngkl->{'gk' if groups is None else 'ngk'}", g_view, centred)
    count = prod([view.shape[a] for a in axes])
    scale, of_centred, constant, g_weight, g_bias = _coefficients(
        xp, s0, s1.reshape(s0.shape), g_mean, g_var, rstd, weight, groups, count
    )
    g_weight, g_bias = as_dtype(g_weight, dtype), as_dtype(g_bias, dtype)
    if not wanted:
        return None, g_weight, g_bias
    centred *= of_centred
    centred += constant
    g_x = g_view * scale
    g_x += centred
    return as_dtype(g_x.reshape(x.shape), dtype), g_weight, g_bias


@channel_norm.vjp("x", "weight", "bias")
def _(
    g: tuple[Array, Array, Array],
    xp: Any,
    x: Array,
    weight: Array | None,
    centre: Array,
    rstd: Array,
    groups: int | None,
    needs: Needs,
) -> tuple[Array | None, Array, Array]:
    # Tensors are to be differentiated again, so they go through the formula; arrays may have a
    # kernel.
    given = (*g, x, centre, rstd, weight)
    if isinstance(x, ad.Tensor):
        return _pulled(xp, *given, groups, needs[0])
    of_x, of_weight, of_bias = channel_norm_pull(*given, groups=groups, wanted=needs[0])
    return of_x, of_weight, of_bias


# ---------------------------------------------------------------- by given statistics
def _along_channels(xp: Any, x: Array, values: Array) -> Array:
    return xp.reshape(values, (-1, *(1,) * (len(x.shape) - 2)))


def _channel_sums(xp: Any, x: Array) -> Array:
    return xp.sum(x, axis=(0, *range(2, len(x.shape))))


@ad.op(
    x=lambda g, xp, scale: g * _along_channels(xp, g, scale),
    scale=lambda g, xp, x: _channel_sums(xp, g * x),
    shift=lambda g, xp: _channel_sums(xp, g),
    promote=("x", "scale", "shift"),
    floating=True,
    autocast="high",
)
def scale_channels(xp: Any, x: Array, scale: Array, shift: Array, /) -> Array:
    """``x * scale + shift``, with a number of each for every channel of (n, c, ...)."""
    return x * _along_channels(xp, x, scale) + _along_channels(xp, x, shift)


@scale_channels.kernel("numpy")
def _(xp: Any, x: Array, scale: Array, shift: Array, /) -> Array:
    out = x * _along_channels(xp, x, scale)
    out += _along_channels(xp, x, shift)
    return out


def _by_running(x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Any:
    """One affine map of each channel, whose constants are made first."""
    scale = ad.rsqrt(var + eps)
    if weight is not None:
        scale = scale * weight
    shift = -mean * scale
    return scale_channels(x, scale, shift if bias is None else shift + bias)


def _follow(running: Any, new: Any, momentum: float) -> None:
    """Move a running statistic towards a new one, in place."""
    data = running.data
    data *= 1 - momentum
    data += new.data * momentum
    ad.backend.stamp(data)


def _update(
    mean: Any, var: Any, running_mean: Any, running_var: Any, count: int, momentum: float
) -> None:
    with ad.no_grad():
        if mean.ndim == 2:  # of each example
            mean, var = ad.mean(mean, axis=0), ad.mean(var, axis=0)
        if running_mean is not None:
            _follow(running_mean, mean, momentum)
        if running_var is not None:
            _follow(running_var, var * (count / (count - 1)), momentum)


# ---------------------------------------------------------------- the functions
def _require_channels(name: str, x: Any, **sizes: Any) -> None:
    """Raise ``ValueError`` unless ``x`` is (n, c, ...) and all others are (c,) or None."""
    if x.ndim < 2:
        raise ValueError(f"{name}: an input of shape {x.shape}; it must be (batch, channels, ...)")
    for what, value in sizes.items():
        if value is not None and value.shape != (x.shape[1],):
            raise ValueError(
                f"{name}: {what} has shape {value.shape}; for an input of shape {x.shape} it must "
                f"have one number for each of {x.shape[1]} channels"
            )


def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Each channel normalized by its mean and variance over the batch, or by running ones.

    Source: Ioffe & Szegedy, "Batch normalization", 2015.

    Parameters
    ----------
    input : Tensor, shape (n, c, ...)
    running_mean, running_var : Tensor, shape (c,), or None
        What is normalized by when not training. In training they are moved, in place, towards
        the mean and the unbiased variance of the batch.
    weight, bias : Tensor, shape (c,), optional
        What the result is multiplied by, and what is added.
    training : bool
        Whether the batch's own statistics are used.
    momentum : float
        By what part running statistics move. Keras' momentum is 1 minus this.
    eps : float
        Added to the variance.

    Raises
    ------
    ValueError
        In training, if a channel has a single value: its variance is 0.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> x = ad.tensor([[1.0, 10.0], [3.0, 30.0]])
    >>> nn.functional.batch_norm(x, None, None, training=True, eps=0.0).data
    array([[-1., -1.],
           [ 1.,  1.]], dtype=float32)
    """
    input = ad.asarray(input)
    _require_channels(
        "batch_norm",
        input,
        running_mean=running_mean,
        running_var=running_var,
        weight=weight,
        bias=bias,
    )
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("batch_norm: without training it needs running_mean and running_var")
        return _by_running(input, running_mean, running_var, weight, bias, eps)
    count = input.size // input.shape[1] if input.shape[1] else 0
    if count <= 1 and input.shape[1]:
        raise ValueError(
            f"batch_norm: an input of shape {input.shape} has {count} value for each channel; in "
            "training it needs more (use a larger batch, or module.eval())"
        )
    out, mean, var = channel_norm(input, weight, bias, eps=eps)
    _update(mean, var, running_mean, running_var, count, momentum)
    return out


def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Each channel of each example normalized by its own mean and variance.

    Source: Ulyanov, Vedaldi & Lempitsky, "Instance normalization", 2016.

    Parameters
    ----------
    input : Tensor, shape (n, c, ...)
    running_mean, running_var : Tensor, shape (c,), optional
        Moved towards the examples' statistics, or used instead of them.
    weight, bias : Tensor, shape (c,), optional
    use_input_stats : bool
        Without it, running statistics normalize, as in `batch_norm`.
    momentum : float
        By what part running statistics move.
    eps : float
        Added to the variance.
    """
    input = ad.asarray(input)
    _require_channels(
        "instance_norm",
        input,
        running_mean=running_mean,
        running_var=running_var,
        weight=weight,
        bias=bias,
    )
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise ValueError(
                "instance_norm: without use_input_stats it needs running_mean and running_var"
            )
        return _by_running(input, running_mean, running_var, weight, bias, eps)
    count = prod(input.shape[2:])
    if count <= 1:
        raise ValueError(
            f"instance_norm: an input of shape {input.shape} has {count} value for each channel "
            "of an example; it needs more"
        )
    out, mean, var = channel_norm(input, weight, bias, groups=input.shape[1], eps=eps)
    _update(mean, var, running_mean, running_var, count, momentum)
    return out


def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Groups of channels of each example normalized by their own mean and variance.

    Source: Wu & He, "Group normalization", 2018. One group is layer norm of all channels and
    positions; a group for each channel is instance norm.

    Parameters
    ----------
    input : Tensor, shape (n, c, ...)
    num_groups : int
        It divides c.
    weight, bias : Tensor, shape (c,), optional
        What the result is multiplied by, and what is added.
    eps : float
        Added to the variance.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> x = ad.tensor([[1.0, 3.0, 10.0, 30.0]])
    >>> nn.functional.group_norm(x, 2, eps=0.0).data
    array([[-1.,  1., -1.,  1.]], dtype=float32)
    """
    input = ad.asarray(input)
    _require_channels("group_norm", input, weight=weight, bias=bias)
    if num_groups < 1 or input.shape[1] % num_groups:
        raise ValueError(
            f"group_norm: {input.shape[1]} channels (input of shape {input.shape}) do not divide "
            f"into {num_groups} groups"
        )
    if input.size == num_groups:
        raise ValueError(
            f"group_norm: an input of shape {input.shape} has one value for each of {num_groups} "
            "groups; it needs more"
        )
    return channel_norm(input, weight, bias, groups=num_groups, eps=eps)[0]


def local_response_norm(
    input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Any:
    """Each value divided by what the squares in ``size`` channels around it say.

    Source: Krizhevsky, Sutskever & Hinton, "ImageNet classification with deep convolutional
    neural networks", 2012: ``x / (k + alpha * mean of squares)**beta``, where channels beyond the
    first and the last count as 0.

    Parameters
    ----------
    input : Tensor, shape (n, c, ...)
    size : int
        How many channels count.
    alpha, beta, k : float
    """
    input = ad.asarray(input)
    _require_channels("local_response_norm", input)
    if size < 1:
        raise ValueError(f"local_response_norm: size={size}; it must be at least 1")
    channels, *rest = input.shape[1:]
    width = ((0, 0), (size // 2, (size - 1) // 2), *((0, 0) for _ in rest))
    windows = (Axis(channels + size - 1, size, 1, 0, 1, channels), *map(still, rest))
    mean = window_sum(ad.pad(input * input, width), windows, alpha / size)
    return input / (mean + k) ** beta
