"""The catalogue of operations, by family."""

from . import (
    arithmetic,
    assign,
    cast,
    decompositions,
    determinants,
    einsum,
    elementwise,
    indexing,
    join,
    linalg,
    normalization,
    reduce,
    shape,
)

__all__ = [
    "arithmetic",
    "assign",
    "cast",
    "decompositions",
    "determinants",
    "einsum",
    "elementwise",
    "indexing",
    "join",
    "linalg",
    "normalization",
    "reduce",
    "shape",
]
