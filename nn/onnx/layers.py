"""Emitters of what networks are made of: affine maps, convolutions, pooling, normalization."""

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from .building import Builder, Step
from .symbols import static
from .table import emits


@emits("linear")
def _(g: Builder, s: Step) -> Any:
    x, weight, bias = s.inputs
    if s.ndim == 2:
        return g.add("Gemm", x, weight, bias, transB=1)
    product = g.add("MatMul", x, g.add("Transpose", weight, perm=[1, 0]))
    return product if bias is None else g.add("Add", product, bias)


# ---------------------------------------------------------------- convolutions
@emits("convolution")
def _(g: Builder, s: Step) -> Any:
    return _correlated(g, s, list(s.inputs), s.shapes[1][2:], s.options["window"])


def _correlated(g: Builder, s: Step, inputs: list[Any], kernel: Any, window: Any) -> str:
    after = [
        _after(n, dilation * (k - 1) + 1, m, stride, before)
        for n, k, m, stride, before, dilation in zip(
            static(s.shape[2:], "a convolution"), kernel, s.options["size"], *window[:3]
        )
    ]
    made: str = g.add(
        "Conv", *inputs, strides=list(window.stride), pads=[*window.padding, *after],
        dilations=list(window.dilation), group=window.groups, kernel_shape=list(kernel),
    )  # fmt: skip
    return made


def _after(n: int, span: int, out: int, stride: int, before: int) -> int:
    """The padding after an axis that makes ``out`` windows; that before it, if that does."""
    if (n + 2 * before - span) // stride + 1 == out:
        return before
    return max(0, (out - 1) * stride + span - n - before)


@emits("transposed_convolution")
def _(g: Builder, s: Step) -> Any:
    window, size = s.options["window"], s.options["size"]
    x, weight, bias = s.inputs
    kernel = s.shapes[1][2:]
    made, more = _spread(g, s, x, weight, kernel, size, window)
    if any(more):  # the result is longer than what the kernels reach
        made = g.add("Pad", made, [0] * (s.ndim + 2) + more)
    if bias is None:
        return made
    return g.add("Add", made, g.reshape(bias, (-1, *(1,) * len(kernel))))


def _spread(
    g: Builder, s: Step, x: str, weight: str, kernel: Any, size: Any, window: Any
) -> tuple[str, list[int]]:
    """A transposed convolution, and by how much each axis is shorter than ``size``."""
    after, more = [], []
    for n, k, m, stride, before, dilation in zip(
        static(s.shape[2:], "a convolution"), kernel, size, *window[:3]
    ):
        end = (n - 1) * stride + dilation * (k - 1) + 1 - before - m
        after.append(max(end, 0))
        more.append(max(-end, 0))
    made = g.add(
        "ConvTranspose", x, weight, strides=list(window.stride), pads=[*window.padding, *after],
        dilations=list(window.dilation), group=window.groups, kernel_shape=list(kernel),
    )  # fmt: skip
    return made, more


# ---------------------------------------------------------------- pooling
def _pooled(g: Builder, s: Step, kind: str, **attributes: Any) -> str:
    """Pooling of the last axes, which ONNX wants after a batch and channels."""
    windows = s.options["windows"]
    static(s.shape[s.ndim - len(windows) :], "pooling")
    lead, lengths = s.shape[: s.ndim - len(windows)], s.shape[s.ndim - len(windows) :]
    x = s.x
    if len(lead) != 2:
        x = g.reshape(x, (1, *lead, *lengths) if len(lead) == 1 else (-1, 1, *lengths))
    after = [
        _after(w.n, w.dilation * (w.kernel - 1) + 1, w.out, w.stride, w.padding) for w in windows
    ]
    made: str = g.add(
        kind, x, kernel_shape=[w.kernel for w in windows], strides=[w.stride for w in windows],
        pads=[w.padding for w in windows] + after, dilations=[w.dilation for w in windows],
        **attributes,
    )  # fmt: skip
    return made if len(lead) == 2 else g.reshape(made, s.out_shapes[0])


@emits("window_max")
def _(g: Builder, s: Step) -> Any:
    return _pooled(g, s, "MaxPool"), None


@emits("window_sum")
def _(g: Builder, s: Step) -> Any:
    size = prod(w.kernel for w in s.options["windows"])
    mean = _pooled(g, s, "AveragePool", count_include_pad=1)
    factor = size * s.options["scale"]
    return mean if abs(factor - 1) < 1e-12 else g.add("Mul", mean, g.number(factor, s.dtype))


# ---------------------------------------------------------------- patches
def _ones(s: Step, channels: int) -> np.ndarray:
    """For each channel a kernel for each place of a window, with a single 1 there."""
    kernel = s.options["kernel"]
    one = np.eye(prod(kernel), dtype=s.dtype).reshape(prod(kernel), 1, *kernel)
    return np.tile(one, (channels, *(1,) * (one.ndim - 1)))


@emits("unfold")
def _(g: Builder, s: Step) -> Any:
    (channels,) = static(s.shape[1:2], "channels")
    window = s.options["window"]._replace(groups=channels)
    made = _correlated(g, s, [s.x, _ones(s, channels)], s.options["kernel"], window)
    return g.reshape(made, s.out_shapes[0])


@emits("fold")
def _(g: Builder, s: Step) -> Any:
    kernel, size, lengths = [s.options[name] for name in ("kernel", "size", "lengths")]
    (wide,) = static(s.shape[1:2], "channels")
    channels = wide // prod(kernel)
    x = g.reshape(s.x, (s.shape[0], wide, *size))
    step = replace(s, shapes=((s.shape[0], wide, *size),))
    window = s.options["window"]._replace(groups=channels)
    weight = g.constant(_ones(s, channels))
    made, more = _spread(g, step, x, weight, kernel, lengths, window)
    return g.add("Pad", made, [0] * 6 + more) if any(more) else made


# ---------------------------------------------------------------- attention
def _plain(operands: tuple[Any, ...], options: dict[str, Any]) -> bool:
    """Whether all places take part."""
    return operands[2] is None and not options["causal"]


@emits("attention_weights", when=_plain)
def _(g: Builder, s: Step) -> Any:
    query, key, _ = s.inputs
    order = list(range(len(s.shapes[1])))
    order[-2:] = order[:-3:-1]
    query = g.add("Mul", query, g.number(s.options["scale"], s.dtype))
    return g.add("Softmax", g.add("MatMul", query, g.transpose(key, order)), axis=-1)


# ---------------------------------------------------------------- normalization
@emits("batch_norm")
def _(g: Builder, s: Step) -> Any:
    x, mean, var, weight, bias = s.inputs
    channels = s.shapes[1]
    weight = g.constant(np.ones(channels, s.dtype)) if weight is None else weight
    bias = g.constant(np.zeros(channels, s.dtype)) if bias is None else bias
    return g.add("BatchNormalization", x, weight, bias, mean, var, epsilon=s.options["eps"])


@emits(
    "channel_norm",
    when=lambda operands, options: options["groups"] is not None and operands[0].ndim > 2,
)
def _(g: Builder, s: Step) -> Any:
    x, weight, bias = s.inputs
    groups, eps = s.options["groups"], s.options["eps"]
    (channels,) = static(s.shape[1:2], "channels")
    weight = g.constant(np.ones(channels, s.dtype)) if weight is None else weight
    bias = g.constant(np.zeros(channels, s.dtype)) if bias is None else bias
    if groups == channels:
        return g.add("InstanceNormalization", x, weight, bias, epsilon=eps), None, None
    made = g.add("GroupNormalization", x, weight, bias, num_groups=groups, epsilon=eps)
    return made, None, None
