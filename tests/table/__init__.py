"""The op table: at least one row for every registered op. A missing row fails the tests.

A module for each family has ``CASES``; where there is something to say, ``SPECIAL`` points;
and what PyTorch calls the op, or why it has none. ``LIMITS`` says, with the reason, where PyTorch
is less exact than the comparison asks for. ``GENERATED`` has inputs made by hypothesis, on which
each op is compared with PyTorch.
"""

from . import (
    activations,
    arithmetic,
    assign,
    attention,
    bits,
    convolution,
    decompositions,
    einsum,
    elementwise,
    indexing,
    join,
    linalg,
    lookup,
    losses,
    networks,
    norm,
    normalization,
    padding,
    pooling,
    rearrange,
    recurrence,
    reduce,
    rounding,
    scan,
    shape,
    sorting,
    special,
    statistics,
    trigonometry,
)
from .case import Case, registered

FAMILIES = [
    activations,
    arithmetic,
    assign,
    attention,
    bits,
    convolution,
    decompositions,
    einsum,
    elementwise,
    indexing,
    join,
    linalg,
    lookup,
    losses,
    networks,
    norm,
    normalization,
    padding,
    pooling,
    rearrange,
    recurrence,
    reduce,
    rounding,
    scan,
    shape,
    sorting,
    special,
    statistics,
    trigonometry,
]
CASES = [case for family in FAMILIES for case in family.CASES]
LIMITS = {k: v for family in FAMILIES for k, v in getattr(family, "LIMITS", {}).items()}
SPECIAL = [point for family in FAMILIES for point in getattr(family, "SPECIAL", [])]
GENERATED = [each for family in FAMILIES for each in getattr(family, "GENERATED", [])]
NOT_IN_TORCH = {k: why for f in FAMILIES for k, why in getattr(f, "NOT_IN_TORCH", {}).items()}

__all__ = [
    "CASES",
    "GENERATED",
    "LIMITS",
    "NOT_IN_TORCH",
    "SPECIAL",
    "Case",
    "counterparts",
    "registered",
]


def counterparts(torch):
    """PyTorch's function for each op that has one."""
    found = {}
    for family in FAMILIES:
        found |= family.counterparts(torch)
    return found
