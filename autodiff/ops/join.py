"""Several arrays made one, and one made several."""

from math import prod
from typing import Any

from .._op import op
from ..backend import Array


def _part(
    g: Array, xp: Any, xs_shape: tuple[tuple[int, ...], ...], axis: int | None, index: int
) -> Array:
    shape = xs_shape[index]
    if axis is None:  # joined flat
        start = sum(prod(s) for s in xs_shape[:index])
        return xp.reshape(g[start : start + prod(shape)], shape)
    axis %= len(shape)
    start = sum(s[axis] for s in xs_shape[:index])
    return g[(slice(None),) * axis + (slice(start, start + shape[axis]),)]


@op(xs=_part, promote=("xs",), linear=("xs",))
def concatenate(xp: Any, /, *xs: Array, axis: int | None = 0) -> Array:
    """A sequence of arrays joined along an axis; flattened first if it is None.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.concatenate([ad.tensor([1.0]), ad.tensor([2.0, 3.0])])
    tensor([1., 2., 3.])
    """
    return xp.concatenate(xs, axis=axis)
