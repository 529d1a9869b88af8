"""Rows of the op table: variance, standard deviation, median."""

import math

import numpy as np
from hypothesis import strategies as st

from .case import B, Case, M, special
from .case import reduction as rows
from .generated import Generated
from .strategies import along, any_axes, distinct

CASES = [
    *rows("var", empty=False),
    Case("var", (B,), {"axis": (0, 1), "correction": 1}),
    Case("var", (M,), {"correction": 0.5, "keepdims": True}),
    *[c for c in rows("std", empty=False) if c.inputs != ((),)],
    Case("std", (B,), {"axis": 2, "correction": 1, "keepdims": True}),
    *rows("median", empty=False),
    Case("median", ((5,),)),
]
SPECIAL = [
    special("std", [[0.1, 0.1, 0.1]], 0.0, [[0.0, 0.0, 0.0]], "rounding errors"),
    special("std", [[5.0]], 0.0, [[0.0]]),
    special("median", [[4.0, 1.0, 2.0, 3.0]], 2.5, [[0.0, 0.0, 0.5, 0.5]]),
    special("median", [[2.0, 2.0, 1.0]], 2.0, [[0.5, 0.5, 0.0]], "the gradient goes to one"),
]


@st.composite
def spread_out(draw):
    """Calls of var and std with a correction less than the count."""
    (x,), options = draw(along(any_axes, empty=False, keepdims=st.booleans()))
    axes = range(x.ndim) if options["axis"] is None else np.atleast_1d(options["axis"])
    count = math.prod(x.shape[a] for a in axes)
    corrections = st.sampled_from([c for c in (0, 0.5, 1, 2) if c < count])
    return [x], options | {"correction": draw(corrections)}


GENERATED = [
    *[Generated(op, spread_out()) for op in ("var", "std")],
    Generated("median", along(any_axes, distinct, empty=False, keepdims=st.booleans())),
]


# ---------------------------------------------------------------- PyTorch
def counterparts(torch):
    """PyTorch's function for each op here."""

    def moment(fn):
        def call(x, axis=None, correction=0, keepdims=False):
            if x.ndim == 0:
                return fn(x, correction=correction)
            axis = tuple(range(x.ndim)) if axis is None else axis
            return fn(x, dim=axis, correction=correction, keepdim=keepdims)

        return call

    def median(x, axis=None, keepdims=False):
        """The quantile, for PyTorch's median is the lower of the two in the middle."""
        listed = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        axes = [a % x.ndim for a in listed]
        stay = [a for a in range(x.ndim) if a not in axes]
        count = math.prod(x.shape[a] for a in axes)
        flat = x.permute([*stay, *axes]).reshape([*[x.shape[a] for a in stay], count])
        out = torch.quantile(flat, 0.5, dim=-1) if flat.numel() else flat.sum(-1)
        kept = [1 if a in axes else n for a, n in enumerate(x.shape)]
        return out.reshape(kept) if keepdims else out

    return {"var": moment(torch.var), "std": moment(torch.std), "median": median}
