"""Operations on the bits of integers; on bools they are the logical ones."""

from typing import Any

from .._op import op
from ..backend import Array


@op(promote=("x", "y"))
def bitwise_and(xp: Any, x: Array, y: Array, /) -> Array:
    """``x & y``: the bits that both integers have."""
    return x & y


@op(promote=("x", "y"))
def bitwise_or(xp: Any, x: Array, y: Array, /) -> Array:
    """``x | y``: the bits that either integer has."""
    return x | y


@op(promote=("x", "y"))
def bitwise_xor(xp: Any, x: Array, y: Array, /) -> Array:
    """``x ^ y``: the bits that one integer has and the other has not."""
    return x ^ y


@op
def bitwise_invert(xp: Any, x: Array, /) -> Array:
    """``~x``: every bit of an integer changed."""
    return ~x


@op(promote=("x", "y"))
def bitwise_left_shift(xp: Any, x: Array, y: Array, /) -> Array:
    """``x << y``: the bits of ``x`` moved up by ``y`` places."""
    return x << y


@op(promote=("x", "y"))
def bitwise_right_shift(xp: Any, x: Array, y: Array, /) -> Array:
    """``x >> y``: the bits of ``x`` moved down by ``y`` places."""
    return x >> y
