"""Emitters of indexing: slices, integers, and arrays of integers."""

from math import prod
from typing import Any

import numpy as np

from .building import Builder, Step
from .shaping import FIRST, LAST
from .symbols import Shape, static
from .table import emits


@emits("getitem")
def _(g: Builder, s: Step) -> Any:
    parts = _spelled(_parts(s), s.ndim)
    parts = [place for i in parts for place in _places(g, i)]
    listed = any(isinstance(i, str) for i in parts)
    if listed and any(type(i) is int for i in parts):  # which count as arrays then
        parts = [g.constant(np.int64(i)) if type(i) is int else i for i in parts]
    x = _sliced(g, s, parts)
    if listed:
        x = _picked(g, s, x, [i for i in parts if i is not None])
    # Only now are integers' axes dropped and new ones put in.
    return g.reshape(x, s.out_shapes[0]) if any(i is None or type(i) is int for i in parts) else x


def _parts(s: Step) -> list[Any]:
    index = s.options["index"]
    return list(index) if isinstance(index, tuple) else [index]


def _spelled(parts: list[Any], ndim: int) -> list[Any]:
    """With slices where there is an ellipsis, or nothing."""
    used = sum(i.ndim if _is_mask(i) else 1 for i in parts if i is not None and i is not Ellipsis)
    missing = [slice(None)] * (ndim - used)
    at = next((n for n, i in enumerate(parts) if i is Ellipsis), len(parts))
    return [*parts[:at], *missing, *parts[at + 1 :]]


def _is_mask(i: Any) -> bool:
    return isinstance(i, np.ndarray) and i.dtype == bool


def _places(g: Builder, i: Any) -> list[Any]:
    """A mask as the places where it is true, an array for each of its axes."""
    if not isinstance(i, np.ndarray):
        return [i]
    found = i.nonzero() if _is_mask(i) else (i,)
    return [g.constant(x.astype(np.int64)) for x in found]


def _sliced(g: Builder, s: Step, parts: list[Any]) -> str:
    """What slices leave, and integers, as slices of length 1."""
    starts, stops, axes, steps = [], [], [], []
    for axis, i in enumerate(i for i in parts if i is not None):
        if isinstance(i, str) or i == slice(None):
            continue
        if type(i) is int:
            i = slice(i, i + 1 if i != -1 else LAST)
        step = 1 if i.step is None else i.step
        starts.append((0 if step > 0 else LAST) if i.start is None else i.start)
        stops.append((LAST if step > 0 else FIRST) if i.stop is None else i.stop)
        axes.append(axis)
        steps.append(step)
    made: str = g.add("Slice", s.x, starts, stops, axes, steps) if axes else s.x
    return made


def _picked(g: Builder, s: Step, x: str, parts: list[Any]) -> str:
    """The elements that arrays of integers name."""
    at = [axis for axis, i in enumerate(parts) if isinstance(i, str)]
    if len(at) == 1:
        made: str = g.add("Gather", x, parts[at[0]], axis=at[0])
        return made
    rest = [axis for axis in range(len(parts)) if axis not in at]
    adjacent = at == list(range(at[0], at[-1] + 1))
    # The arrays' axes stand where the first one was, or in front.
    before = rest[: at[0]] if adjacent else []
    if any(i is None for i in _parts(s)):
        raise ValueError("index of several arrays of integers beside None")
    out = s.out_shapes[0]
    ndim = len(out) - len(rest)
    common = out[len(before) : len(before) + ndim]
    places = _stacked(g, [parts[axis] for axis in at], common)
    found = g.add("GatherND", g.transpose(x, [*at, *rest]), places)
    n = len(before)
    order = [*range(ndim, ndim + n), *range(ndim), *range(ndim + n, ndim + len(rest))]
    return g.transpose(found, order)


def _stacked(g: Builder, indices: list[str], common: Shape) -> str:
    """Arrays of integers side by side, in the shape that they have in common."""
    if all(name in g.constants for name in indices):
        arrays = np.broadcast_arrays(*[g.constants[name] for name in indices])
        return g.constant(np.stack(arrays, -1))
    columns = [g.add("Unsqueeze", g.expand(name, common), [-1]) for name in indices]
    made: str = g.add("Concat", *columns, axis=-1)
    return made


# ---------------------------------------------------------------- along one axis
@emits("table_rows")
def _(g: Builder, s: Step) -> Any:
    return g.add("Identity", s.x)


@emits("take")
def _(g: Builder, s: Step) -> Any:
    axis, index = s.options["axis"], s.inputs[1]
    x = s.x if axis is not None else g.reshape(s.x, (-1,))
    index = index if isinstance(index, str) else g.constant(np.int64(index))
    return g.add("Gather", x, index, axis=axis or 0)


def _both(g: Builder, s: Step, axis: int) -> tuple[str, str]:
    """An array and its indices, with the same sizes but for one axis."""
    x, index = s.inputs[:2]
    shapes = [list(shape) for shape in s.shapes[:2]]
    common = [n if m == 1 else m for n, m in zip(*shapes)]
    made = []
    for name, shape in zip((x, index), shapes):
        wanted = (*common[:axis], shape[axis], *common[axis + 1 :])
        made.append(name if tuple(shape) == wanted else g.expand(name, wanted))
    return made[0], made[1]


@emits("take_along_axis")
def _(g: Builder, s: Step) -> Any:
    axis = s.options["axis"]
    if axis is None:
        x, index, axis = g.reshape(s.x, (-1,)), g.reshape(s.inputs[1], (-1,)), 0
    else:
        axis %= s.ndim
        x, index = _both(g, s, axis)
    return g.add("GatherElements", x, index, axis=axis)


def _index_shape(s: Step, axis: int) -> Shape:
    """Where an array of indices is broadcast to, beside the array that it writes into."""
    return (*s.shape[:axis], s.shapes[1][axis], *s.shape[axis + 1 :])


@emits("put_along_axis")
def _(g: Builder, s: Step) -> Any:
    x, index, values = s.inputs
    axis = s.options["axis"]
    if axis is None:
        flat = g.reshape(x, (-1,))
        index = g.reshape(index, (-1,))
        values = g.expand(values, (prod(static(s.shapes[1], "indices")),))
        return g.reshape(g.add("ScatterElements", flat, index, values, axis=0), s.shape)
    axis %= s.ndim
    shape = _index_shape(s, axis)
    return g.add("ScatterElements", x, g.expand(index, shape), g.expand(values, shape), axis=axis)


@emits("scatter_add")
def _(g: Builder, s: Step) -> Any:
    x, index, src = s.inputs
    shape, source = s.shapes[1:]
    if source == ():
        src = g.expand(src if isinstance(src, str) else g.number(src, s.dtype), shape)
    elif source != shape:  # what lies beyond the indices is left out
        n = len(shape)
        src = g.add("Slice", src, [0] * n, list(shape), list(range(n)))
    axis = s.options["axis"]
    return g.add("ScatterElements", x, index, src, axis=axis, reduction="add")


@emits("index_add")
def _(g: Builder, s: Step) -> Any:
    x, index, src = s.inputs
    axis = s.options["axis"] % s.ndim
    shape: Shape = (*s.shape[:axis], s.shapes[1][0], *s.shape[axis + 1 :])
    column = (1,) * axis + (s.shapes[1][0],) + (1,) * (s.ndim - axis - 1)
    index = g.expand(g.reshape(index, column), shape)
    src = src if s.shapes[2] == shape else g.expand(src, shape)
    return g.add("ScatterElements", x, index, src, axis=axis, reduction="add")
