"""Rows of the op table: pooling."""

from math import inf

import numpy as np
from hypothesis import strategies as st

import nn  # noqa: F401 - declares the ops
from nn.functional.windows import Axis

from .case import Case
from .generated import Generated
from .strategies import few, normal

# values, kernel, stride, padding, dilation, windows
EVEN = (Axis(4, 2, 2, 0, 1, 2), Axis(6, 3, 3, 0, 1, 2))
OVER = (Axis(4, 3, 1, 1, 1, 4), Axis(6, 3, 2, 1, 1, 3))
APART = (Axis(4, 2, 3, 0, 1, 1), Axis(6, 2, 1, 1, 2, 6))
WINDOWS = {"even": EVEN, "over": OVER, "apart": APART}
X = (2, 3, 4, 6)


def outs(windows):
    return (2, 3, *[axis.out for axis in windows])


def places(windows):
    """A place for each window that is not padding."""
    x = np.random.default_rng(2).uniform(-1, 1, X)
    return nn.functional.pooling.window_max(x, windows, -inf)[1]


CASES = [
    case
    for label, windows in WINDOWS.items()
    for how in [{"windows": windows}]
    for case in [
        Case("window_sum", (X,), how, label=label),
        Case("window_sum", (X,), how | {"scale": 0.25}, label=label),
        Case("window_spread", (outs(windows),), how, label=label),
        Case("window_max", (X,), how | {"lowest": -inf}, label=label),
        Case("window_put", (outs(windows), places(windows)), how, label=label),
        Case("window_pick", (X, places(windows)), how, label=label),
        Case("window_index", (places(windows).astype(np.int64),), how, label=label),
    ]
] + [
    Case("window_sum", ((0, 4, 6),), {"windows": EVEN}),
    Case("window_max", ((0, 4, 6),), {"windows": EVEN, "lowest": -inf}),
    Case("uneven_argmax", ((2, 3, 5),), {"out": (2, 3)}),
    Case("uneven_argmax", ((2, 5),), {"out": (3,)}),
]


@st.composite
def windowed(draw, values, **options):
    """An array, and windows over its last two axes."""
    windows = []
    for _ in range(2):
        kernel, stride, dilation = [draw(st.integers(1, most)) for most in (3, 3, 2)]
        padding, span = draw(st.integers(0, kernel // 2)), dilation * (kernel - 1) + 1
        n = draw(st.integers(max(span - 2 * padding, 1), 5))
        windows.append(
            Axis(n, kernel, stride, padding, dilation, (n + 2 * padding - span) // stride + 1)
        )
    x = draw(values((2, *[axis.n for axis in windows])))
    return [x], {"windows": tuple(windows), **options}


GENERATED = [
    Generated("window_sum", windowed(normal), whole=True),
    Generated("window_max", windowed(few, lowest=-inf)),
]


# ---------------------------------------------------------------- PyTorch
NOT_IN_TORCH = {
    "uneven_argmax": "inside F.adaptive_max_pool2d, which is compared",
    "window_index": "inside F.max_pool2d, whose indices are compared",
    "window_pick": "the second derivative of F.max_pool2d, which is compared",
    "window_put": "the backward pass of F.max_pool2d, which is compared",
    "window_spread": "the backward pass of F.avg_pool2d, which is compared",
}


def counterparts(torch):
    """PyTorch's function for each op here."""
    F = torch.nn.functional

    def window_sum(x, windows, scale=1.0):
        """As a convolution with ones, since its average pooling knows no dilation."""
        kernel, stride, padding, dilation = list(zip(*[axis[1:5] for axis in windows]))
        flat = x.reshape(-1, 1, *x.shape[-2:])
        made = F.conv2d(
            flat, torch.ones(1, 1, *kernel, dtype=x.dtype), None, stride, padding, dilation
        )
        return made.reshape(*x.shape[:-2], *made.shape[-2:]) * scale

    def window_max(x, windows, lowest):
        kernel, stride, padding, dilation = list(zip(*[axis[1:5] for axis in windows]))
        shape = (*x.shape[:-2], *[axis.out for axis in windows])
        if not x.numel():
            return x[..., :2, :2], torch.zeros(shape, dtype=torch.uint8)
        y, flat = F.max_pool2d(x, kernel, stride, padding, dilation, return_indices=True)
        number = 0
        for k, (axis, at) in enumerate(zip(windows, (flat // x.shape[-1], flat % x.shape[-1]))):
            first = (torch.arange(axis.out) * axis.stride - axis.padding).reshape(
                -1, *(1,) * (1 - k)
            )
            number = number * axis.kernel + (at - first) // axis.dilation
        return y, number.to(torch.uint8)

    return {"window_max": window_max, "window_sum": window_sum}
