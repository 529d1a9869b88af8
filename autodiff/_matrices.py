"""What rules of matrices have in common."""

from typing import Any

from ._op import op
from .backend import Array


@op
def diagonal_mask(xp: Any, x: Array, /) -> Array:
    """Of the shape of one matrix of ``x``: True on the main diagonal, else False."""
    return xp.eye(x.shape[-2], x.shape[-1], dtype=bool)


def mT(xp: Any, x: Array) -> Array:
    """The last two axes exchanged."""
    return xp.swapaxes(x, -1, -2)
