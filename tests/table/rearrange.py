"""Rows of the op table: values turned round, repeated, padded; diagonals and triangles."""

import numpy as np
from hypothesis import strategies as st

from .case import B, Case, M, S
from .generated import Generated
from .strategies import FEW, SHIFTS, along, any_axes, arrays, distinct, one, one_or_none, unary

CASES = [
    Case("flip", (B,)),
    Case("flip", (B,), {"axis": 1}),
    Case("flip", (B,), {"axis": (0, -1)}),
    Case("flip", ((0, 3),), {"axis": 0}),
    Case("roll", (B,), {"shift": 5}),
    Case("roll", (B,), {"shift": -1, "axis": 1}),
    Case("roll", (B,), {"shift": (1, 2), "axis": (0, -1)}),
    Case("repeat", (M,), {"repeats": 2}),
    Case("repeat", (B,), {"repeats": 3, "axis": 1}),
    Case("repeat", (B,), {"repeats": 2, "axis": -1}),
    Case("repeat", (M,), {"repeats": 0, "axis": 0}),
    Case("repeat", (S,), {"repeats": 2}),
    Case("tile", (M,), {"reps": 2}),
    Case("tile", (M,), {"reps": (2, 1, 3)}),
    Case("tile", (B,), {"reps": (2, 2)}),
    Case("tile", (S,), {"reps": (2, 3)}),
    Case("tile", (M,), {"reps": (0, 2)}),
    Case("pad", (M,), {"pad_width": ((1, 2), (0, 3))}),
    Case("pad", (M,), {"pad_width": ((0, 1), (2, 0)), "constant_values": 1.5}),
    Case("pad", ((0, 3),), {"pad_width": ((1, 1), (0, 0))}),
    Case("diagonal", (M,)),
    Case("diagonal", (M,), {"offset": -1}),
    Case("diagonal", (B,), {"offset": 1, "axis1": 2, "axis2": 0}),
    Case("diagonal", (M,), {"offset": 9}),
    Case("undiagonal", ((3,),), {"shape": M}),
    Case("undiagonal", ((3, 2),), {"shape": B, "offset": 1, "axis1": 0, "axis2": -1}),
    Case("tril", (M,)),
    Case("tril", (B,), {"k": -1}),
    Case("triu", (M,), {"k": 1}),
    Case("triu", (B,)),
]  # fmt: skip


@st.composite
def rolled(draw):
    x = draw(arrays(distinct, 1))
    axis = draw(any_axes(x.ndim))
    count = len(axis) if isinstance(axis, tuple) else None
    shifts = st.tuples(*[SHIFTS] * count) if count else SHIFTS
    return [x], {"shift": draw(shifts), "axis": axis}


def widths(shape):
    pair = st.tuples(*[st.sampled_from([2, 1, 0])] * 2)
    return {"pad_width": st.tuples(*[pair] * len(shape)), "constant_values": st.sampled_from(FEW)}


@st.composite
def diagonals(draw, back=False):
    """An array and a diagonal of it; with ``back`` the diagonal, and the array's shape."""
    x = draw(arrays(distinct, 2))
    axis1, axis2 = draw(st.lists(one(x.ndim), min_size=2, max_size=2,
                                 unique_by=lambda a: a % x.ndim))  # fmt: skip
    # Beyond the corners PyTorch writes no diagonal.
    rows, columns = (x.shape[axis1] - 1, x.shape[axis2] - 1) if back else (4, 4)
    offset = draw(st.integers(-max(rows, 0), max(columns, 0)))
    options = {"offset": offset, "axis1": axis1, "axis2": axis2}
    if not back:
        return [x], options
    return [np.diagonal(x, offset, axis1, axis2).copy()], options | {"shape": x.shape}


REPS = st.sampled_from([2, 3, 1, 0])
K = {"k": SHIFTS}
GENERATED = [
    Generated("flip", along(any_axes, distinct)),
    Generated("roll", rolled()),
    Generated("repeat", along(one_or_none, distinct, repeats=REPS)),
    Generated("tile", unary(lambda shape: {
        "reps": st.one_of(REPS, st.lists(REPS, min_size=1, max_size=3).map(tuple))})),
    Generated("pad", unary(widths, 1)),
    Generated("diagonal", diagonals()),
    Generated("undiagonal", diagonals(back=True)),
    *[Generated(op, unary(lambda shape: K, 2)) for op in ("tril", "triu")],
]  # fmt: skip


# ---------------------------------------------------------------- PyTorch
def counterparts(torch):
    """PyTorch's function for each op here."""

    def flip(x, axis=None):
        axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        return torch.flip(x, tuple(axes))

    def pad(x, pad_width, constant_values=0):
        widths = [n for pair in reversed(pad_width) for n in pair]
        return torch.nn.functional.pad(x, widths, value=constant_values)

    def undiagonal(x, shape, offset=0, axis1=0, axis2=1):
        out = torch.zeros(shape, dtype=x.dtype)
        return torch.diagonal_scatter(out, x, offset, axis1, axis2)

    return {
        "diagonal": lambda x, offset=0, axis1=0, axis2=1: torch.diagonal(x, offset, axis1, axis2),
        "flip": flip,
        "pad": pad,
        "repeat": lambda x, repeats, axis=None: torch.repeat_interleave(x, repeats, axis),
        "roll": lambda x, shift, axis=None: torch.roll(x, shift, axis),
        "tile": lambda x, reps: torch.tile(x, reps if isinstance(reps, tuple) else (reps,)),
        "tril": lambda x, k=0: torch.tril(x, k),
        "triu": lambda x, k=0: torch.triu(x, k),
        "undiagonal": undiagonal,
    }
