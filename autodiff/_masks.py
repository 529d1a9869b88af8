"""Masks of matrices, for rules that treat the halves or the diagonal of one differently."""

from typing import Any

from ._op import op
from .backend import Array


@op
def triangle(xp: Any, x: Array, /, k: int = 0) -> Array:
    """Of the shape of one matrix of ``x``: True on the diagonal ``k`` and below it."""
    return xp.tri(x.shape[-2], x.shape[-1], k, dtype=bool)


def diagonal_of(x: Array) -> Array:
    """Of the shape of one matrix of ``x``: True on the main diagonal."""
    return triangle(x) != triangle(x, -1)


def mT(xp: Any, x: Array) -> Array:
    """The last two axes exchanged."""
    return xp.swapaxes(x, -1, -2)
