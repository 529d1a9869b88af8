"""Padding: values added at the ends of the last axes, or taken away."""

from typing import Any

import autodiff as ad

Array = Any
Widths = tuple[tuple[int, int], ...]  # before and after, for each axis
MODES = ("constant", "reflect", "replicate", "circular")


def _at(axis: int, piece: slice) -> tuple[slice, ...]:
    return (*(slice(None),) * axis, piece)


def _sources(n: int, before: int, after: int, how: str) -> tuple[slice, slice]:
    """Which of n values are repeated before the first, and which after the last."""
    if how == "reflect":
        stop = n - 2 - after
        return slice(before, 0, -1), slice(n - 2, None if stop < 0 else stop, -1)
    if how == "circular":
        return slice(n - before, n), slice(0, after)
    return slice(0, 1), slice(n - 1, n)


@ad.op(linear=("x",))
def pad_edges(xp: Any, x: Array, /, widths: Widths, how: str) -> Array:
    """Values of ``x`` added at its ends: mirrored, those at the edge, or from the other end."""
    for axis, (before, after) in enumerate(widths):
        pieces = [x]
        front, back = _sources(x.shape[axis], before, after, how)
        if before:
            pieces = [_repeated(xp, x[_at(axis, front)], axis, before), x]
        if after:
            pieces = [*pieces, _repeated(xp, x[_at(axis, back)], axis, after)]
        if before or after:
            x = xp.concatenate(pieces, axis=axis)
    return x


@pad_edges.vjp("x")
def _(g: Array, widths: Widths, how: str) -> Array:
    return unpad_edges(g, widths, how)


def _repeated(xp: Any, x: Array, axis: int, n: int) -> Array:
    """A slice of ``n`` values, or of one that stands for them."""
    return xp.broadcast_to(x, (*x.shape[:axis], n, *x.shape[axis + 1 :]))


@ad.op(x=lambda g, widths, how: pad_edges(g, widths, how), linear=("x",))
def unpad_edges(xp: Any, x: Array, /, widths: Widths, how: str) -> Array:
    """What was added is added up where it came from: the transpose of `pad_edges`."""
    for axis in range(len(widths) - 1, -1, -1):
        before, after = widths[axis]
        total = x.shape[axis]
        n = total - before - after
        out = xp.array(x[_at(axis, slice(before, before + n))])
        front, back = _sources(n, before, after, how)
        for width, source, piece in (
            (before, front, slice(0, before)),
            (after, back, slice(total - after, total)),
        ):
            if width:
                g = x[_at(axis, piece)]
                if how == "replicate":
                    g = xp.sum(g, axis=axis, keepdims=True)
                out[_at(axis, source)] += g
        x = out
    return x


def pad(
    input: Any, pad: tuple[int, ...], mode: str = "constant", value: float | None = None
) -> Any:
    """Values added before and after those of the last axes.

    Parameters
    ----------
    input : Tensor
    pad : tuple of int
        How many before and after: first for the last axis, then for the one before it, and so
        on. A negative number takes values away.
    mode : {"constant", "reflect", "replicate", "circular"}
        A number; or values of the input: mirrored at the edge and without it, the one at the
        edge, or those from the other end.
    value : float, optional
        The number, 0 if not given.

    Raises
    ------
    ValueError
        For a mode that does not exist, for more widths than axes, and for wider reflections
        or copies than the axis is long.

    See Also
    --------
    autodiff.pad : NumPy's, with a pair for each axis.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> x = ad.tensor([[1.0, 2.0, 3.0]])
    >>> nn.functional.pad(x, (1, 2)).data
    array([[0., 1., 2., 3., 0., 0.]], dtype=float32)
    >>> nn.functional.pad(x, (2, -1), "reflect").data
    array([[3., 2., 1., 2.]], dtype=float32)
    """
    input = ad.asarray(input)
    if mode not in MODES:
        raise ValueError(f"pad: unknown mode {mode!r}; use one of {', '.join(MODES)}")
    if len(pad) % 2 or len(pad) > 2 * input.ndim:
        raise ValueError(
            f"pad: {len(pad)} widths for an input of shape {input.shape}; give two for each of "
            "its last axes"
        )
    if mode != "constant" and value is not None:
        raise ValueError(f'pad: value={value} is for the mode "constant", not {mode!r}')
    pairs = [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    widths = ((0, 0),) * (input.ndim - len(pairs)) + tuple(pairs)
    cut = mode == "circular" and any(width < 0 for pair in widths for width in pair)
    if cut:  # what is taken away is not repeated at the other end
        input = _cut(input, widths)
    for axis, (n, (before, after)) in enumerate(zip(input.shape, widths)):
        if not cut and n + before + after < 0:
            raise ValueError(
                f"pad: widths {before} and {after} take away more than axis {axis} of shape "
                f"{input.shape} has"
            )
        most = {"reflect": n - 1, "circular": n}.get(mode)
        if most is not None and max(before, after) > most:
            raise ValueError(
                f"pad: {mode} by {max(before, after)} at axis {axis} of shape {input.shape}; it "
                f"can be at most {most}"
            )
        if mode == "replicate" and n == 0 and max(before, after) > 0:
            raise ValueError(f"pad: axis {axis} of shape {input.shape} has nothing to replicate")
    added = tuple([(max(before, 0), max(after, 0)) for before, after in widths])
    if any(map(any, added)):
        if mode == "constant":
            input = ad.pad(input, added, constant_values=0 if value is None else value)
        else:
            input = pad_edges(input, added, mode)
    return input if cut else _cut(input, widths)


def _cut(x: Any, widths: Widths) -> Any:
    """Take away what negative widths say, at ends that nothing was added to."""
    if not any(width < 0 for pair in widths for width in pair):
        return x
    index = [slice(max(-b, 0), max(n + min(a, 0), 0)) for n, (b, a) in zip(x.shape, widths)]
    return x[tuple(index)]
