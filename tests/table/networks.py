"""Rows of the op table: affine layers."""

from hypothesis import strategies as st

import nn  # noqa: F401 - declares the ops

from .case import Case
from .generated import Generated
from .strategies import normal, shapes

CASES = [
    Case("linear", ((3, 4), (2, 4))),
    Case("linear", ((3, 4), (2, 4), (2,))),
    Case("linear", ((5, 3, 4), (2, 4), (2,))),
    Case("linear", ((2, 3, 1, 4), (2, 4))),
    Case("linear", ((4,), (2, 4), (2,))),
    Case("linear", ((0, 4), (2, 4), (2,))),
    Case("linear", ((0, 3, 4), (2, 4), (2,))),
    Case("linear", ((2, 3, 0), (2, 0), (2,))),
]


@st.composite
def layers(draw):
    """Operands of ``linear``."""
    n, m = draw(st.sampled_from([3, 2, 0])), draw(st.sampled_from([2, 3, 1]))
    x, weight = draw(normal((*draw(shapes(0, 2)), n))), draw(normal((m, n)))
    return [x, weight, *draw(st.sampled_from([[], [draw(normal((m,)))]]))]


GENERATED = [Generated("linear", layers(), whole=True, order=2)]


# ---------------------------------------------------------------- PyTorch
def counterparts(torch):
    """PyTorch's function for each op here."""
    return {"linear": torch.nn.functional.linear}
