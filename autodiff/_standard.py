"""Functions that the array API standard has and NumPy spells otherwise, made of ops."""

from typing import Any

import numpy as np

from . import backend
from .ops import arithmetic, cast, indexing, join, scan


def astype(x: Any, /, dtype: Any, *, copy: bool = True, device: str | None = None) -> Any:
    """``x`` in another dtype; its gradient comes back in the dtype of ``x``.

    With ``copy=False``, ``x`` itself if it has the dtype; with ``device``, on that device.
    """
    made = x if not copy and x.dtype == dtype else cast.astype(x, dtype)
    if device is None or backend.parse_device(device) == made.device:
        return made
    return cast.move(made, backend.parse_device(device), made.device)


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape to which arrays of these shapes broadcast; ``ValueError`` if they do not."""
    return np.broadcast_shapes(*shapes)


def _cumulative(
    run: Any, start: int, x: Any, axis: int | None, dtype: Any, include_initial: bool
) -> Any:
    if axis is None:
        if len(x.shape) != 1:
            raise ValueError(f"cumulative_{run.name[3:]}: name the axis of shape {tuple(x.shape)}")
        axis = 0
    out = run(x, axis, dtype=dtype)
    if not include_initial:
        return out
    axis %= len(x.shape)
    shape = (*out.shape[:axis], 1, *out.shape[axis + 1 :])
    raw = getattr(out, "_data", out)
    xp = backend.namespace(raw)
    first = xp.zeros_like(raw, shape=shape) + xp.asarray(start, dtype=raw.dtype)
    return join.concatenate([first, out], axis=axis)


def cumulative_sum(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Any:
    """`cumsum` under the name of the array API; ``include_initial`` puts a 0 before it."""
    return _cumulative(scan.cumsum, 0, x, axis, dtype, include_initial)


def cumulative_prod(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Any:
    """`cumprod` under the name of the array API; ``include_initial`` puts a 1 before it."""
    return _cumulative(scan.cumprod, 1, x, axis, dtype, include_initial)


def diff(x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None) -> Any:
    """Differences of neighbours along an axis, ``n`` times over.

    ``prepend`` and ``append`` are joined to ``x`` before.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.diff(ad.tensor([1.0, 4.0, 9.0]))
    tensor([3., 5.])
    """
    if n < 0:
        raise ValueError(f"diff: n must not be negative, and is {n}")
    parts = [part for part in (prepend, x, append) if part is not None]
    out = join.concatenate(parts, axis=axis) if len(parts) > 1 else x
    before = (slice(None),) * (axis % len(x.shape))
    for _ in range(n):
        upper = indexing.getitem(out, (*before, slice(1, None)))
        out = arithmetic.subtract(upper, indexing.getitem(out, (*before, slice(None, -1))))
    return out
