"""Changes of dtype and of device."""

from typing import Any

import numpy as np

from .. import backend
from .._codegen import SPACE, TENSORS
from .._op import Op, op
from ..backend import Array, is_float


@op(x=lambda g: g, elementwise=True, linear=("x",))
def clone(xp: Any, x: Array, /) -> Array:
    """A copy of ``x``."""
    return xp.array(x)


def _astype_x(g: Array, xp: Any) -> Array:
    return g if is_float(g.dtype) else xp.zeros_like(g)  # rounding has the slope 0


@op(x=_astype_x, linear=("x",))
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


_HALF = ("float16", "bfloat16")


def recast(op: Op, operands: tuple[Any, ...], dtype: Any) -> tuple[Any, ...] | None:
    """The operands in the precision that ``op`` wants under `autocast`; None if they have it."""
    names = [x.dtype.name if type(x) in TENSORS or backend.is_array(x) else "" for x in operands]
    if "float64" in names:
        return None
    if op.traits.autocast == "high":
        dtype, change = np.dtype(np.float32), [name in _HALF for name in names]
    else:
        change = [name in ("float32", *_HALF) and name != dtype.name for name in names]
    if True not in change:
        return None
    return tuple([astype(x, dtype) if c else x for x, c in zip(operands, change, strict=True)])


SPACE["recast"] = recast
