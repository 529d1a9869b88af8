"""Rows of the op table: variance, standard deviation, median."""

import math

from .case import B, Case, M, special
from .case import reduction as rows

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
