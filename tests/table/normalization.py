"""Rows of the op table: normalization and dropout."""

import numpy as np

import nn  # noqa: F401 - declares the ops

from .case import MASK, Case, M

CHANNELS = np.array([True, False, True]).reshape(3, 1)
DROP = {"scale": 1.25}
ALPHA = {"scale": 0.9, "shift": 0.2, "dropped": -1.5}

CASES = [
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
)


def counterparts(torch):
    """PyTorch's function for each op here."""
    return {}
