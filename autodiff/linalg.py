"""Linear algebra (``ad.linalg``)."""

from .ops.linalg import inv, slogdet

__all__ = ["inv", "slogdet"]
