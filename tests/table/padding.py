"""Rows of the op table: padding."""

from hypothesis import strategies as st

import nn  # noqa: F401 - declares the ops

from .case import Case
from .generated import Generated
from .strategies import arrays, distinct

WIDTHS = ((0, 0), (2, 0), (1, 2))
MODES = ("reflect", "replicate", "circular")

CASES = [
    Case(op, (shape,), {"widths": WIDTHS, "how": how})
    for op, shape in [("pad_edges", (2, 3, 4)), ("unpad_edges", (2, 5, 7))]
    for how in MODES
]


@st.composite
def padded(draw):
    """An array, and widths before and after its last two axes, shorter than these."""
    x = draw(arrays(distinct, 3, 3, empty=False))
    widths = [(draw(st.integers(0, n - 1)), draw(st.integers(0, n - 1))) for n in x.shape[1:]]
    return [x], {"widths": ((0, 0), *widths), "how": draw(st.sampled_from(MODES))}


GENERATED = [Generated("pad_edges", padded())]


# ---------------------------------------------------------------- PyTorch
NOT_IN_TORCH = {"unpad_edges": "the backward pass of F.pad, which is compared"}


def counterparts(torch):
    """PyTorch's function for each op here."""

    def pad_edges(x, widths, how):
        flat = [n for pair in reversed(widths[1:]) for n in pair]
        return torch.nn.functional.pad(x, flat, how)

    return {"pad_edges": pad_edges}
