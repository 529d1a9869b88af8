"""Rows of the op table: sorting and searching."""

import numpy as np
from hypothesis import strategies as st

from .case import B, Case, special
from .generated import Generated
from .strategies import along, arrays, few, one_or_none

TIES = np.array([[2, 1, 2, 0, 1, 2], [1, 1, 1, 1, 1, 1]])
SORTED = np.array([0.0, 1.0, 1.0, 2.5])
SOUGHT = np.array([[-1.0, 0.0, 1.0], [2.0, 2.5, 9.0]])


def rows(op):
    return [
        Case(op, (B,)),
        Case(op, (B,), {"axis": 0, "descending": True}),
        Case(op, (B,), {"axis": None}),
        Case(op, (B,), {"axis": None, "descending": True}),
        Case(op, ((0, 3),)),
        Case(op, (TIES,), label="ties"),
        Case(op, (TIES,), {"descending": True}, label="ties"),
    ]


CASES = [
    *rows("sort"),
    *rows("argsort"),
    Case("searchsorted", (SORTED, SOUGHT), label="left"),
    Case("searchsorted", (SORTED, SOUGHT), {"side": "right"}, label="right"),
    Case("searchsorted", (SORTED[[1, 3, 0, 2]], SOUGHT, np.array([2, 0, 3, 1])), label="sorter"),
]
SPECIAL = [
    special("sort", [[2.0, 1.0, 2.0]], [1.0, 2.0, 2.0], [[1.0, 1.0, 1.0]]),
]

ORDER = {"descending": st.booleans()}


@st.composite
def sought(draw):
    """Sorted values that tie, perhaps with what sorts them, and values to look for."""
    x, v = draw(few((draw(st.integers(0, 6)),))), draw(arrays(few))
    order = np.argsort(x, kind="stable")
    inputs = [x, v, order] if draw(st.booleans()) else [x[order], v]
    return inputs, {"side": draw(st.sampled_from(["left", "right"]))}


GENERATED = [
    *[Generated(op, along(one_or_none, least=1, **ORDER)) for op in ("sort", "argsort")],
    Generated("searchsorted", sought()),
]


# ---------------------------------------------------------------- PyTorch
def counterparts(torch):
    """PyTorch's function for each op here."""

    def ordered(x, axis=-1, descending=False):
        x = x.reshape(-1) if axis is None else x
        return torch.sort(x, dim=axis or 0, descending=descending, stable=True)

    def searchsorted(x, v, sorter=None, side="left"):
        return torch.searchsorted(x, v, side=side, sorter=sorter)

    return {
        "sort": lambda x, **options: ordered(x, **options).values,
        "argsort": lambda x, **options: ordered(x, **options).indices,
        "searchsorted": searchsorted,
    }
