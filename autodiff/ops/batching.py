"""In and out of the batch of `vmap`; each is the other's transpose."""

from typing import Any

from .. import _batched_xp, _codegen, backend
from .._batched import Level, enter, has, leave, levels, lift, total
from .._op import op
from ..backend import Array
from ..nodes import wrap


def _batch_x(g: Array, level: Level, axis: int | None) -> Array:
    return unbatch(g, level, axis)


@op(x=_batch_x, linear=("x",))
def batch(xp: Any, x: Array, /, level: Level, axis: int | None) -> Array:
    """``x`` with one axis as the batch of ``level``; with None, the same for all examples."""
    return lift(x, level) if axis is None else enter(x, level, axis)


@op(x=lambda g, level, axis: batch(g, level, axis), linear=("x",))
def unbatch(xp: Any, x: Array, /, level: Level, axis: int | None) -> Array:
    """``x`` with the batch of ``level`` as an axis; with None, summed over the examples."""
    return total(x, level) if axis is None else leave(x, level, axis)


def lifted(operands: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """Operands that carry a gradient, at every level of the others; None if they are already.

    Without a node in between, the gradient of what all examples share would not be summed.
    """
    every = levels([getattr(x, "_data", x) for x in operands])
    made = list(operands)
    for i, x in enumerate(operands):
        if getattr(x, "_node", None) is None:
            continue
        for level in every:
            if not has(made[i]._data, level):
                made[i] = batch(made[i], level, None)
    return tuple(made) if any(a is not b for a, b in zip(made, operands, strict=True)) else None


def beside(x: Any, index: Any) -> Any:
    """A tensor at every level of the arrays in an index, and of their kind."""
    parts = index if type(index) is tuple else (index,)
    for level in levels(parts):
        if not has(x._data, level):
            x = batch(x, level, None)
    for part in parts:
        kind = backend.WRAPPERS.get(type(part))
        if kind is not None and kind.kernel is not None and type(x._data) is not kind.type:
            x = wrap(kind.uniform([x._data, part])[0])  # type: ignore[misc]
    return x


_batched_xp.register()
_codegen.SPACE["lifted"] = lifted
