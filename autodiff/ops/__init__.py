"""The catalogue of operations, by family."""

from . import arithmetic, cast, elementwise, linalg, normalization, reduce, shape

__all__ = ["arithmetic", "cast", "elementwise", "linalg", "normalization", "reduce", "shape"]
