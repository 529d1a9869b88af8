"""Rows of the op table: reductions and normalizations."""

import math

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from .case import B, Case, M, special
from .case import reduction as rows
from .generated import Generated
from .strategies import BOOLS, along, any_axes, arrays, normal, one_or_none

inf = np.inf


def holes(x):
    """With zeros: none, one and two in rows, columns and the rest."""
    x = x.copy()
    x.flat[:: max(x.size // 3, 1)] = 0
    return x


CASES = [
    *rows("sum"),
    *rows("mean", empty=False),
    *rows("max", empty=False),
    *rows("min", empty=False),
    *rows("logsumexp", empty=False),
    Case("sum", (M,), {"axis": 0, "dtype": np.float64}, half="it is about dtypes"),
    *rows("prod"),
    *(Case("prod", (B,), {"axis": axis}, prepare=holes, label=f"zeros{axis}")
      for axis in (None, 0, 1, (0, 2))),
    Case("prod", (M,), {"axis": 1, "dtype": np.float64}, half="it is about dtypes"),
    *rows("count_nonzero"),
    Case("argmax", (B,), {"axis": 1}),
    Case("argmin", (B,), {"axis": 1, "keepdims": True}),
    *rows("any"),
    *rows("all"),
    Case("layer_norm", (M,)),
    Case("layer_norm", (B, (4,), (4,))),
    Case("layer_norm", (B, (4,))),
    Case("layer_norm", (B, None, (4,))),
    Case("layer_norm", (B, (3, 4), (3, 4)), {"axis": (-2, -1), "eps": 1e-3}),
]  # fmt: skip
SPECIAL = [
    special("max", [[1.0, 3.0, 3.0]], 3.0, [[0.0, 0.5, 0.5]]),
    special("max", [[2.0, 2.0, 2.0]], 2.0, [[1 / 3] * 3]),
    special("min", [[2.0, 2.0, 7.0]], 2.0, [[0.5, 0.5, 0.0]]),
    special("logsumexp", [[1000.0, 1000.0]], 1000 + np.log(2.0), [[0.5, 0.5]]),
    special("logsumexp", [[-inf, 1.0]], 1.0, [[0.0, 1.0]]),
    special("logsumexp", [[-inf, -inf]], -inf, [[0.0, 0.0]], "NaN"),
    special("logsumexp", [[inf, 1.0]], inf, [[1.0, 0.0]], "NaN"),
    special("logsumexp", [[inf, inf, 0.0]], inf, [[0.5, 0.5, 0.0]], "NaN"),
    special("prod", [[2.0, 0.0, 4.0]], 0.0, [[0.0, 8.0, 0.0]]),
    special("prod", [[0.0, 0.0, 4.0]], 0.0, [[0.0, 0.0, 0.0]]),
]

KEEP = {"keepdims": BOOLS}


@st.composite
def normalized(draw):
    """An array, a weight and a bias or not, and how many axes at the end they have."""
    x = draw(arrays(normal, 1, empty=False, side=4))
    count = draw(st.integers(1, x.ndim))
    assume(math.prod(x.shape[-count:]) > 1)  # of one value PyTorch leaves rounding errors
    axis = tuple(range(-count, 0)) if count > 1 else draw(st.sampled_from([-1, (-1,)]))
    each = st.one_of(st.none(), normal(x.shape[-count:]))
    eps = draw(st.sampled_from([1e-5, 0.1]))
    return [x, draw(each), draw(each)], {"axis": axis, "eps": eps}


GENERATED = [
    *[Generated(op, along(any_axes, **KEEP)) for op in
      ("sum", "prod", "any", "all", "count_nonzero")],
    *[Generated(op, along(any_axes, empty=False, **KEEP)) for op in
      ("mean", "max", "min", "logsumexp")],
    *[Generated(op, along(one_or_none, empty=False, **KEEP)) for op in ("argmax", "argmin")],
    Generated("layer_norm", normalized(), whole=True),
]  # fmt: skip


# ---------------------------------------------------------------- PyTorch
def counterparts(torch):
    """PyTorch's function for each op here."""

    def dims(x, axis):
        """PyTorch's ``dim``, for which None does not mean all axes everywhere."""
        if axis is None:
            return tuple(range(x.ndim))
        return axis if isinstance(axis, tuple) else (axis,)

    def reduction(fn):
        return lambda x, axis=None, keepdims=False, dtype=None: fn(
            x, dim=dims(x, axis), keepdim=keepdims
        )

    def logsumexp(x, axis=None, keepdims=False):
        if x.ndim == 0:  # a 0-d tensor has no axis to name, but PyTorch wants one
            return torch.logsumexp(x, dim=0)
        return torch.logsumexp(x, dim=dims(x, axis), keepdim=keepdims)

    def layer_norm(x, weight=None, bias=None, axis=-1, eps=1e-5):
        shape = [x.shape[i] for i in dims(x, axis)]
        if weight is None and bias is not None:
            # Without a weight PyTorch's second derivative fails.
            weight = torch.ones(shape, dtype=x.dtype)
        return torch.nn.functional.layer_norm(x, shape, weight, bias, eps)

    def prod(x, axis=None, keepdims=False, dtype=None):
        axes = dims(x, axis)
        if not x.ndim:
            return torch.prod(x)
        for a in sorted((a % x.ndim for a in axes), reverse=True):
            x = torch.prod(x, a, keepdim=keepdims)
        return x

    return {
        "all": reduction(torch.all),
        "any": reduction(torch.any),
        "argmax": lambda x, axis, keepdims=False: torch.argmax(x, axis, keepdims),
        "argmin": lambda x, axis, keepdims=False: torch.argmin(x, axis, keepdims),
        "count_nonzero": lambda x, axis=None, keepdims=False: torch.sum(
            x != 0, dim=dims(x, axis), keepdim=keepdims
        ),
        "layer_norm": layer_norm,
        "logsumexp": logsumexp,
        "max": reduction(torch.amax),
        "mean": reduction(torch.mean),
        "min": reduction(torch.amin),
        "prod": prod,
        "sum": reduction(torch.sum),
    }
