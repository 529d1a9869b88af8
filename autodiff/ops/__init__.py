"""The catalogue of operations, by family."""

from . import arithmetic, assign, cast, elementwise, linalg, normalization, reduce, shape

__all__ = [
    "arithmetic",
    "assign",
    "cast",
    "elementwise",
    "linalg",
    "normalization",
    "reduce",
    "shape",
]
