"""Convolution as matrix products, tile by tile.

The values of the input under each kernel position are copied into a matrix of *columns*, whose
rows are channels and kernel positions, and whose columns are places of the output. The kernel is a
matrix too, and the output their product. For a whole batch the columns would be as large as the
input times the number of kernel positions, so they are made for a few images, or a few rows of an
image, at a time.

On the CPU they are kept small enough for the cache, and where the first kernel axis has stride 1,
its positions are not copied at all: in columns of the other positions they are contiguous blocks
that start further down, and their products are summed. That is the method of M. Cho & D. Brand,
"MEC: Memory-efficient convolution for deep neural network", 2017.

All that is here works for any number of spatial axes, with slices, transpositions and ``matmul``.
"""

from collections.abc import Iterator
from itertools import product
from math import gcd, prod
from typing import Any, NamedTuple

Array = Any
Lengths = tuple[int, ...]


class Window(NamedTuple):
    """How a kernel moves over an input, whose channels are in groups."""

    stride: Lengths
    padding: Lengths
    """Zeros before the input; as many as are needed stand after it."""
    dilation: Lengths
    """The distance of kernel positions."""
    groups: int


class Workspace(NamedTuple):
    """What is computed with: the dtype and the number of elements of a tile of columns."""

    dtype: Any
    limit: int
    blocks: bool
    """Whether matrices may be contiguous blocks of larger ones, as BLAS takes them."""


# ---------------------------------------------------------------- the three products
def correlate(
    xp: Any,
    x: Array,
    w: Array,
    bias: Array | None,
    size: Lengths,
    window: Window,
    space: Workspace,
) -> Array:
    """A kernel (o, c / groups, ...) at each place of ``x`` (n, c, ...): (n, o, *size)."""
    out = xp.empty((x.shape[0], w.shape[0], *size), dtype=x.dtype)
    _correlate_into(xp, out, x, w, bias, window, space)
    return out


def _correlate_into(
    xp: Any,
    out: Array,
    x: Array,
    w: Array,
    bias: Array | None,
    window: Window,
    space: Workspace,
) -> None:
    o, inner, *kernel = w.shape
    groups, size = window.groups, out.shape[2:]
    by_rows = _by_rows(kernel, x.shape[1], window, space)
    count = kernel[0] if by_rows else 1
    if by_rows:
        w = xp.moveaxis(w, 2, 0)
    rows = inner * prod(kernel) // count
    w = xp.asarray(xp.reshape(w, (count, groups, o // groups, rows)), dtype=space.dtype)
    if bias is not None:
        bias = xp.reshape(bias, (groups, o // groups, 1))
    if _only_channels(kernel, size, x.shape[2:], window):
        places = prod(size)
        for images, _, _ in _tiles(x.shape[0], 1, 0, (x.shape[1] + o) * places, space.limit):
            part = x[images]
            part = xp.reshape(part, (part.shape[0], groups, rows, places))
            total = xp.matmul(w[0], xp.asarray(part, dtype=space.dtype))
            if bias is not None:
                total += bias
            out[images] = xp.reshape(total, (total.shape[0], o, *size))
        return
    for images, lines, blocks in _columns(xp, x, kernel, size, window, space, by_rows):
        shape = blocks[0].shape[2:]
        blocks = [xp.reshape(block, (groups, rows, prod(shape))) for block in blocks]
        total = xp.matmul(w[0], blocks[0])
        for i in range(1, count):
            total += xp.matmul(w[i], blocks[i])
        if bias is not None:
            total += bias
        total = xp.reshape(total, (o, *shape))
        out[images, :, lines] = xp.transpose(total, _order(len(size), by_rows)[1])


def correlate_transposed(
    xp: Any,
    y: Array,
    w: Array,
    bias: Array | None,
    size: Lengths,
    window: Window,
    space: Workspace,
) -> Array:
    """The transpose of `correlate` in ``x``: of ``y`` (n, o, ...) the shape (n, c, *size).

    Places of the result that are as far from a multiple of the stride are made of the same kernel
    positions: each such set is an ordinary convolution of ``y`` with stride 1.
    """
    o, inner, *kernel = w.shape
    groups = window.groups
    ones = (1,) * len(kernel)
    w = xp.swapaxes(xp.reshape(w, (groups, o // groups, inner, *kernel)), 1, 2)
    w = xp.reshape(w, (groups * inner, o // groups, *kernel))
    out = xp.empty((y.shape[0], groups * inner, *size), dtype=y.dtype)
    for phase in product(*map(range, map(min, window.stride, size))):
        places = tuple([slice(r, None, s) for r, s in zip(phase, window.stride)])
        part = out[(slice(None), slice(None), *places)]
        found = [_meeting(k, r, *of) for k, r, *of in zip(kernel, phase, *window[:3])]
        if None in found:
            part[...] = 0 if bias is None else xp.reshape(bias, (-1, *ones))
            continue
        positions, padding, dilation = zip(*found)
        some = xp.ascontiguousarray(w[(slice(None), slice(None), *positions)])
        _correlate_into(xp, part, y, some, bias, Window(ones, padding, dilation, groups), space)
    return out


def correlate_weight(
    xp: Any,
    x: Array,
    y: Array,
    kernel: Lengths,
    window: Window,
    space: Workspace,
) -> Array:
    """The transpose of `correlate` in ``w``, applied to ``y``: a kernel (o, c / groups, ...)."""
    c, o = x.shape[1], y.shape[1]
    size, groups = y.shape[2:], window.groups
    by_rows = _by_rows(kernel, c, window, space)
    count = kernel[0] if by_rows else 1
    shape = (groups, o // groups, c // groups * prod(kernel) // count)
    total = [xp.zeros(shape, dtype=space.dtype) for _ in range(count)]
    for images, lines, parts in _columns(xp, x, kernel, size, window, space, by_rows):
        places = prod(parts[0].shape[2:])
        part = xp.transpose(y[images, :, lines], _order(len(size), by_rows)[0])
        part = xp.asarray(xp.reshape(part, (groups, o // groups, places)), dtype=space.dtype)
        for i, columns in enumerate(parts):
            columns = xp.reshape(columns, (groups, shape[2], places))
            total[i] += xp.matmul(part, xp.swapaxes(columns, 1, 2))
    if not by_rows:
        return xp.reshape(total[0], (o, c // groups, *kernel))
    return xp.stack([xp.reshape(t, (o, c // groups, *kernel[1:])) for t in total], axis=2)


# ---------------------------------------------------------------- columns
def _by_rows(kernel: Any, channels: int, window: Window, space: Workspace) -> bool:
    """Whether the positions of the first kernel axis are blocks of the columns of the others.

    With few rows the products would be too thin, and along a single axis nothing is saved.
    """
    return bool(
        space.blocks
        and len(kernel) > 1
        and kernel[0] > 1
        and window.stride[0] == 1
        and channels * prod(kernel[1:]) >= 16
    )


def _only_channels(kernel: Any, size: Lengths, lengths: Lengths, window: Window) -> bool:
    """Whether only channels are mixed, and each image is large enough for a product of its own."""
    return (
        prod(kernel) == 1
        and size == lengths
        and set(window.stride) == {1}
        and set(window.padding) == {0}
        and prod(size) >= 128
    )


def _order(axes: int, by_rows: bool) -> tuple[Lengths, Lengths]:
    """The axes (n, c, ...) as they are in columns, and back."""
    rest = tuple(range(3, axes + 2))
    return ((1, 2, 0, *rest), (2, 0, 1, *rest)) if by_rows else ((1, 0, 2, *rest),) * 2


def _columns(
    xp: Any,
    x: Array,
    kernel: Any,
    size: Lengths,
    window: Window,
    space: Workspace,
    by_rows: bool,
) -> Iterator[tuple[slice, slice, list[Array]]]:
    """Tile by tile: which images and which lines of the output it is, and its columns.

    Columns have the shape (c, kernel positions, images, *lengths*), or, ``by_rows``, as a list of
    blocks (c, positions but for the first axis, lines, images, *lengths*), one for each position of
    the first axis.
    """
    lines, *rest = size
    count = kernel[0] if by_rows else 1
    halo = (count - 1) * window.dilation[0]  # lines that only later blocks read
    positions = list(product(*map(range, (kernel[0] // count, *kernel[1:]))))
    head = (x.shape[1], len(positions))
    columns: Any = None
    filled: Any = None
    for images, top, height in _tiles(x.shape[0], lines, halo, prod((*head, *rest)), space.limit):
        lengths = (height + halo, *rest)
        number = images.stop - images.start
        shape = (*head, *((lengths[0], number) if by_rows else (number, lengths[0])), *rest)
        if columns is None or columns.shape != shape:
            columns = xp.zeros(shape, dtype=space.dtype)
            filled = columns if by_rows else xp.swapaxes(columns, 2, 3)
        for p, position in enumerate(positions):
            places, values = under(position, window, lengths, x.shape[2:], top)
            if height < lines:  # what was zero in the tile before may not be so in this one
                filled[:, p, : places[0].start] = 0
                filled[:, p, places[0].stop :] = 0
            part = xp.transpose(x[(images, slice(None), *values)], _order(len(size), True)[0])
            filled[(slice(None), p, places[0], slice(None), *places[1:])] = part
        blocks = [columns]
        if by_rows:
            blocks = [columns[:, :, s : s + height] for s in range(0, halo + 1, window.dilation[0])]
        yield images, slice(top, top + height), blocks


def _tiles(
    images: int, lines: int, halo: int, line: int, limit: int
) -> Iterator[tuple[slice, int, int]]:
    """Parts of a batch, of about ``limit`` elements: whole images, or some lines of one.

    Each is which images, the first line, and how many lines.
    """
    if not images or not lines:
        return
    image = max(1, line * (lines + halo))
    number = _even(images, max(1, limit // image))
    height = lines if image <= limit else _even(lines, max(1, limit // line - halo))
    for i in range(0, images, number):
        for top in range(0, lines, height):
            yield slice(i, min(i + number, images)), top, min(height, lines - top)


def _even(total: int, most: int) -> int:
    """The size of parts of about equal size, each at most ``most``."""
    parts = -(-total // most)
    return -(-total // parts)


def under(
    position: Lengths, window: Window, size: Lengths, lengths: Lengths, top: int = 0
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Places of the output at which a kernel position is inside the input, and where it is there.

    The first of the ``size`` places has the number ``top`` on the first axis.
    """
    starts = [k * d - b for k, d, b in zip(position, window.dilation, window.padding)]
    starts[0] += top * window.stride[0]
    places, values = zip(*map(_reach, starts, window.stride, size, lengths))
    return places, values


def _reach(start: int, stride: int, count: int, length: int) -> tuple[slice, slice]:
    """Of ``count`` steps from ``start``, those within ``length``: which steps, and where."""
    first = max(0, -(start // stride))
    end = max(first, min(count, (length - 1 - start) // stride + 1))
    begin = start + first * stride
    return slice(first, end), slice(begin, begin + (end - first) * stride, stride)


def _meeting(
    length: int, phase: int, stride: int, padding: int, dilation: int
) -> tuple[slice, int, int] | None:
    """The kernel positions that reach a phase of the input, as those of a convolution of stride 1.

    Place ``phase + i * stride`` of the input is under position ``k`` where that stands at the place
    ``i + (phase + padding - k * dilation) / stride`` of the output. Returned are the positions for
    which that is an integer, from the last to the first, and the padding and dilation with which
    they move over the output; None if there are none.
    """
    shifts = {k: phase + padding - k * dilation for k in range(length)}
    found = [k for k, shift in shifts.items() if shift % stride == 0]
    if not found:
        return None
    common = gcd(stride, dilation)
    last = found[-1]
    return slice(last, None, -(stride // common)), -(shifts[last] // stride), dilation // common
