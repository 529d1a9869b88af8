"""Rows of the op table: bits."""

import numpy as np

from .case import MASK, Case
from .generated import integers

INTS = np.array([[6, 3, -1, 0], [1, 2, 127, -128]])
PLACES = np.array([0, 1, 2, 3])


def pairs(op):
    return [
        Case(op, (INTS, PLACES), label="int"),
        Case(op, (INTS.astype(np.int8), PLACES.astype(np.int8)), label="int8"),
        Case(op, (INTS, 3), label="number"),
        Case(op, (3, PLACES), label="reflected"),
        Case(op, (INTS[:0], PLACES), label="empty"),
    ]


CASES = [
    *pairs("bitwise_and"),
    *pairs("bitwise_or"),
    *pairs("bitwise_xor"),
    *pairs("bitwise_left_shift"),
    *pairs("bitwise_right_shift"),
    *(Case(f"bitwise_{op}", (MASK, ~MASK[0]), label="bool") for op in ("and", "or", "xor")),
    Case("bitwise_and", (MASK, True), label="bool-number"),
    Case("bitwise_or", (MASK, INTS[0]), label="bool-int"),
    Case("bitwise_invert", (INTS,), label="int"),
    Case("bitwise_invert", (MASK,), label="bool"),
]  # fmt: skip
BYTE = (-128, 127)
GENERATED = [
    *(integers(f"bitwise_{op}", BYTE, BYTE) for op in ("and", "or", "xor")),
    *(integers(f"bitwise_{op}_shift", BYTE, (0, 8)) for op in ("left", "right")),
    integers("bitwise_invert", BYTE),
]


# ---------------------------------------------------------------- PyTorch
SAME_NAME = "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift"


def counterparts(torch):
    """PyTorch's function for each op here."""

    def whole(fn):  # the comparison makes floats of numbers, except of True and False
        return lambda *xs: fn(*[x.long() if x.dtype == torch.float64 else x for x in xs])

    return {name: whole(getattr(torch, name)) for name in SAME_NAME.split()} | {
        "bitwise_invert": torch.bitwise_not
    }
