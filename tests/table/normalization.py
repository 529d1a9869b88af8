"""Rows of the op table: normalization and dropout."""

import numpy as np
from hypothesis import strategies as st

import nn  # noqa: F401 - declares the ops

from .case import MASK, B, Case, M
from .generated import Generated
from .strategies import normal

CHANNELS = np.array([True, False, True]).reshape(3, 1)
DROP = {"scale": 1.25}
ALPHA = {"scale": 0.9, "shift": 0.2, "dropped": -1.5}

C = (4,)
PULLED = ((2, 4, 3), (4,), (4,), (2, 4, 3), (1, 4, 1, 1), (1, 4, 1, 1))
PULLED_GROUPS = ((2, 4, 3), (2, 2), (2, 2), (2, 4, 3), (2, 2, 1, 1), (2, 2, 1, 1))

CASES = [
    Case("rms_norm", (M,)),
    Case("rms_norm", (B, (4,))),
    Case("rms_norm", (B, (3, 4)), {"axis": (-2, -1), "eps": 1e-3}),
    Case("layer_norm_pull", (B, B, (2, 3, 1), C)),
    Case("layer_norm_pull", (B, B, (2, 3, 1), C, (2, 3, 1))),
    Case("layer_norm_pull", (B, B, (2, 1, 1), (3, 4), (2, 1, 1)), {"axis": (-2, -1)}),
    Case("channel_norm", ((3, 4),)),
    Case("channel_norm", ((5, 4), C, C)),
    Case("channel_norm", ((2, 4, 3), C)),
    Case("channel_norm", ((2, 4, 3), None, C), {"eps": 1e-3}),
    Case("channel_norm", ((2, 4, 3, 2), C, C)),
    Case("channel_norm", ((2, 4, 3),), {"groups": 4}),
    Case("channel_norm", ((2, 4, 3), C, C), {"groups": 2}),
    Case("channel_norm", ((2, 4, 3, 2), C, C), {"groups": 1, "eps": 1e-3}),
    Case("channel_norm", ((1, 4, 2), C, C), {"groups": 4}),
    Case("channel_norm_pull", PULLED),
    Case("channel_norm_pull", (*PULLED, C)),
    Case("channel_norm_pull", PULLED_GROUPS, {"groups": 2}),
    Case("channel_norm_pull", (*PULLED_GROUPS, C), {"groups": 2}),
    Case("scale_channels", ((3, 4), C, C)),
    Case("scale_channels", ((2, 4, 3), C, C)),
    Case("scale_channels", ((2, 4, 2, 3), C, C)),
    Case("scale_channels", ((0, 4, 2), C, C)),
    Case("dropout", (M, MASK), DROP),
    Case("dropout", (M, CHANNELS), DROP),
    Case("dropout", ((), np.array(True)), DROP),
    Case("dropout", ((0, 2), np.ones((0, 2), bool)), DROP),
    Case("alpha_dropout", (M, MASK), ALPHA),
    Case("alpha_dropout", (M, CHANNELS), ALPHA),
    Case("alpha_dropout", ((), np.array(False)), ALPHA),
]


@st.composite
def normalized(draw):
    """Examples with four channels, a weight and a bias or not, and groups of channels."""
    around = draw(st.sampled_from([(3,), (2,), (2, 3), (3, 1)]))
    x = draw(normal((draw(st.sampled_from([2, 3, 1])), 4, *around)))
    each = st.one_of(normal(C), st.none())
    groups, weight = draw(st.sampled_from([2, None, 1, 4])), draw(each)
    # The gradient of PyTorch's group_norm fails where there is a bias and no weight.
    bias = None if groups and weight is None else draw(each)
    return [x, weight, bias], {"groups": groups, "eps": EPS}


@st.composite
def scaled(draw):
    x = draw(normal((2, 4, *draw(st.sampled_from([(3,), (), (2, 3), (0,)])))))
    return [x, draw(normal(C)), draw(normal(C))]


@st.composite
def rooted(draw):
    """Arrays, and weights of their last axes or not."""
    x = draw(normal(draw(st.sampled_from([(2, 3, 4), (3, 2), (3,), (1, 2)]))))
    count = draw(st.sampled_from([n for n in (1, 2) if n <= x.ndim]))
    axis = -1 if count == 1 else (-2, -1)
    return [x, draw(st.one_of(normal(x.shape[-count:]), st.none()))], {"axis": axis, "eps": EPS}


EPS = 1e-3
GENERATED = [
    Generated("channel_norm", normalized(), whole=True),
    Generated("rms_norm", rooted(), whole=True),
    Generated("scale_channels", scaled()),
]


# ---------------------------------------------------------------- PyTorch
NOT_IN_TORCH = dict.fromkeys(
    ["dropout", "alpha_dropout"],
    "takes its mask, PyTorch's draws it: tests/test_nn_dropping.py compares the distribution",
) | {
    "channel_norm_pull": "the backward pass of channel_norm, which is compared",
    "layer_norm_pull": "the backward pass of layer_norm and rms_norm, which are compared",
}


def counterparts(torch):
    """PyTorch's function for each op here."""
    F = torch.nn.functional

    def channel_norm(x, weight=None, bias=None, groups=None, eps=1e-5):
        if weight is None:  # PyTorch's second derivative fails without one
            weight = torch.ones(x.shape[1], dtype=x.dtype)
        if groups is None:
            axes = (0, *range(2, x.ndim))
            y = F.batch_norm(x, None, None, weight, bias, True, eps=eps)
            return y, x.mean(axes), x.var(axes, correction=0)
        grouped = x.reshape(x.shape[0], groups, -1)
        y = F.group_norm(x, groups, weight, bias, eps)
        return y, grouped.mean(2), grouped.var(2, correction=0)

    def scale_channels(x, scale, shift):
        zeros = torch.zeros_like(scale)
        return F.batch_norm(x, zeros, torch.ones_like(scale), scale, shift, False, eps=0.0)

    return {
        "channel_norm": channel_norm,
        "rms_norm": lambda x, weight=None, axis=-1, eps=1e-5: F.rms_norm(
            x, [x.shape[a] for a in (axis if isinstance(axis, tuple) else (axis,))], weight, eps
        ),
        "scale_channels": scale_channels,
    }
