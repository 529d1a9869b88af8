"""Rows of the op table: norms."""

import numpy as np
from hypothesis import strategies as st

from .case import B, Case, M, special
from .case import reduction as rows
from .generated import Generated
from .strategies import BOOLS, along, any_axes, normal

inf = np.inf
CASES = [
    *rows("norm"),
    *(Case("norm", (B,), {"ord": ord, "axis": axis})
      for ord in (0, 1, 2, 3, 2.5, 0.5, -1, -2, inf, -inf) for axis in (1, (0, 2))),
    Case("norm", (M,), {"ord": 3, "keepdims": True}),
    Case("norm", (M,), {"ord": 1}),
]  # fmt: skip
SPECIAL = [
    special("norm", [[0.0, 0.0]], 0.0, [[0.0, 0.0]]),
    special("norm", [[0.0, 2.0]], 2.0, [[0.0, 1.0]], ord=1),
    special("norm", [[0.0, 2.0]], 2.0, [[0.0, 1.0]], ord=0.5),
    special("norm", [[0.0, 2.0]], 0.0, [[0.0, 0.0]], ord=-1),
    special("norm", [[3.0, -4.0, 4.0]], 4.0, [[0.0, -0.5, 0.5]], ord=inf),
    special("norm", [[0.0, 0.0]], 0.0, [[0.0, 0.0]], ord=inf),
]

ORDERS = st.fixed_dictionaries({"ord": st.sampled_from([1, 2, 3])})
EXTREMES = st.fixed_dictionaries({"ord": st.sampled_from([inf, -inf])})
SMOOTH = st.fixed_dictionaries({"ord": st.sampled_from([0, 2.5, 0.5, -1, -2])})
GENERATED = [
    Generated("norm", along(any_axes, keepdims=BOOLS), ORDERS),
    Generated("norm", along(any_axes, empty=False, keepdims=BOOLS), EXTREMES),
    Generated("norm", along(any_axes, normal, empty=False, keepdims=BOOLS), SMOOTH),
]


# ---------------------------------------------------------------- PyTorch
def counterparts(torch):
    """PyTorch's function for each op here."""

    def norm(x, ord=2, axis=None, keepdims=False):
        out = torch.linalg.vector_norm(x, ord, dim=axis, keepdim=keepdims)
        return out if ord else out + 0 * x.sum()  # it has no gradient there; ours is 0

    return {"norm": norm}
