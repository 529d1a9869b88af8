"""Rows of the op table: normalization and dropout."""

import numpy as np

import nn  # noqa: F401 - declares the ops

from .case import MASK, B, Case, M

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


# ---------------------------------------------------------------- PyTorch
NOT_IN_TORCH = dict.fromkeys(
    ["dropout", "alpha_dropout"],
    "takes its mask, PyTorch's draws it: tests/test_nn_dropping.py compares the distribution",
) | {"channel_norm_pull": "the backward pass of channel_norm, which is compared"}


def counterparts(torch):
    """PyTorch's function for each op here."""
    F = torch.nn.functional

    def channel_norm(x, weight=None, bias=None, groups=None, eps=1e-5):
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
