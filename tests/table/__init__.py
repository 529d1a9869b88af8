"""The op table: at least one row for every registered op. A missing row fails the tests.

A module for each family has ``CASES``; where there is something to say, ``SPECIAL`` points;
and what PyTorch calls the op, or why it has none.
"""

from . import (
    arithmetic,
    assign,
    decompositions,
    einsum,
    elementwise,
    indexing,
    join,
    linalg,
    networks,
    norm,
    rearrange,
    reduce,
    scan,
    shape,
    sorting,
    statistics,
)
from .case import Case, registered

FAMILIES = [
    arithmetic,
    assign,
    decompositions,
    einsum,
    elementwise,
    indexing,
    join,
    linalg,
    networks,
    norm,
    rearrange,
    reduce,
    scan,
    shape,
    sorting,
    statistics,
]
CASES = [case for family in FAMILIES for case in family.CASES]
SPECIAL = [point for family in FAMILIES for point in getattr(family, "SPECIAL", [])]
NOT_IN_TORCH = {k: why for f in FAMILIES for k, why in getattr(f, "NOT_IN_TORCH", {}).items()}

__all__ = ["CASES", "NOT_IN_TORCH", "SPECIAL", "Case", "counterparts", "registered"]


def counterparts(torch):
    """PyTorch's function for each op that has one."""
    found = {}
    for family in FAMILIES:
        found |= family.counterparts(torch)
    return found
