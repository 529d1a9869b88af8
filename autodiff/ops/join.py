"""Several arrays made one, and one made several."""

from itertools import accumulate, pairwise
from math import prod
from numbers import Integral
from typing import Any

from .._op import XP, op
from ..backend import Array


def _parts(
    g: Array,
    xp: Any,
    xs_shape: tuple[tuple[int, ...], ...],
    axis: int | None,
    needs: tuple[bool, ...],
) -> list[Array | None]:
    if axis is None:  # joined flat
        ends = accumulate([prod(shape) for shape in xs_shape], initial=0)
        cuts = zip(pairwise(ends), xs_shape, needs, strict=True)
        return [xp.reshape(g[i:j], shape) if need else None for (i, j), shape, need in cuts]
    axis %= len(xs_shape[0])
    before = (slice(None),) * axis
    ends = accumulate([shape[axis] for shape in xs_shape], initial=0)
    pairs = zip(pairwise(ends), needs, strict=True)
    return [g[(*before, slice(i, j))] if need else None for (i, j), need in pairs]


@op(xs=_parts, promote=("xs",), linear=("xs",))
def concatenate(xp: Any, /, *xs: Array, axis: int | None = 0) -> Array:
    """A sequence of arrays joined along an axis; flattened first if it is None.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.concatenate([ad.tensor([1.0]), ad.tensor([2.0, 3.0])])
    tensor([1., 2., 3.])
    """
    return xp.concatenate(xs, axis=axis)


concat = concatenate


def _slices(g: Array, axis: int, needs: tuple[bool, ...]) -> list[Array | None]:
    before = (slice(None),) * (axis % len(g.shape))
    return [g[(*before, i)] if need else None for i, need in enumerate(needs)]


@op(xs=_slices, promote=("xs",), linear=("xs",))
def stack(xp: Any, /, *xs: Array, axis: int = 0) -> Array:
    """A sequence of arrays of one shape along a new axis."""
    return xp.stack(xs, axis=axis)


# ---------------------------------------------------------------- one made several
def _along(x: Any, axis: int, index: Any) -> Any:
    """``x`` at an index along an axis: a view."""
    return XP.getitem(x, (slice(None),) * (axis % len(x.shape)) + (index,))


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Views of ``x``: parts along an axis.

    Parameters
    ----------
    x : array
    indices_or_sections : int or sequence of int
        How many parts, of equal length, or the places at which to cut.
    axis : int

    Raises
    ------
    ValueError
        If the length cannot be divided into so many; `array_split` makes some parts shorter.
    """
    n = x.shape[axis]
    if isinstance(indices_or_sections, Integral) and n % indices_or_sections:
        raise ValueError(
            f"split: axis {axis} of length {n} cannot be cut into {indices_or_sections} equal "
            "parts; array_split makes some of them shorter"
        )
    return array_split(x, indices_or_sections, axis)


def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """As `split`; a length that cannot be divided gives longer parts first, and shorter ones."""
    n = x.shape[axis]
    if isinstance(indices_or_sections, Integral):
        parts = int(indices_or_sections)
        if parts < 1:
            raise ValueError(f"array_split: {parts} parts; there must be at least one")
        lengths = [n // parts + (i < n % parts) for i in range(parts)]
        cuts = list(accumulate(lengths))[:-1]
    else:
        cuts = [int(i) for i in indices_or_sections]
    return [
        _along(x, axis, slice(start, stop))
        for start, stop in zip([0, *cuts], [*cuts, None], strict=True)
    ]


def unstack(x: Any, axis: int = 0) -> tuple[Any, ...]:
    """Views of ``x``: its slices along an axis, without that axis."""
    if not x.shape:
        raise ValueError("unstack: an array of shape () has no axis")
    return tuple([_along(x, axis, i) for i in range(x.shape[axis])])
