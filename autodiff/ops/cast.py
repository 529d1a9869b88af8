"""Changes of dtype and of device."""

from typing import Any

from .. import backend
from .._op import op
from ..backend import Array


@op(x=lambda g: g, elementwise=True, linear=("x",))
def clone(xp: Any, x: Array, /) -> Array:
    """A copy of ``x``."""
    return xp.array(x)


@op(x=lambda g: g, linear=("x",))
def astype(xp: Any, x: Array, /, dtype: Any) -> Array:
    """``x`` in another dtype; its gradient comes back in the dtype of ``x``."""
    return xp.array(x, dtype=dtype)


@op(linear=("x",))
def move(xp: Any, x: Array, /, device: str, source: str) -> Array:
    """``x``, which is on ``source``, on ``device``; its gradient travels back."""
    return backend.to_device(x, device)


@move.vjp("x")
def _(g: Array, device: str, source: str) -> Array:
    return move(g, source, device)
