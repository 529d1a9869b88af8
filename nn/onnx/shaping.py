"""Emitters of ops that move values and change none."""

from math import prod
from typing import Any

import numpy as np

from .building import Builder, Step
from .symbols import Rows, Size, static
from .table import emits

FIRST, LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


@emits("reshape", "squeeze", "expand_dims")
def _(g: Builder, s: Step) -> Any:
    return g.reshape(s.x, s.out_shapes[0])


@emits("broadcast_to")
def _(g: Builder, s: Step) -> Any:
    return g.expand(s.x, s.out_shapes[0])


@emits("transpose")
def _(g: Builder, s: Step) -> Any:
    axes = s.options["axes"]
    return g.transpose(s.x, s.axes(axes) if axes else s.axes(None)[::-1])


@emits("swapaxes")
def _(g: Builder, s: Step) -> Any:
    order = s.axes(None)
    i, j = s.options["axis1"], s.options["axis2"]
    order[i], order[j] = order[j], order[i]
    return g.transpose(s.x, order)


@emits("concatenate")
def _(g: Builder, s: Step) -> Any:
    axis = s.options["axis"]
    parts = s.inputs if axis is not None else [g.reshape(x, (-1,)) for x in s.inputs]
    parts = [x if d == s.dtype else g.cast(x, s.dtype) for x, d in zip(parts, s.dtypes)]
    return g.add("Concat", *parts, axis=axis or 0)


@emits("stack")
def _(g: Builder, s: Step) -> Any:
    axis = s.options["axis"] % (s.ndim + 1)
    parts = [x if d == s.dtype else g.cast(x, s.dtype) for x, d in zip(s.inputs, s.dtypes)]
    return g.add("Concat", *[g.add("Unsqueeze", x, [axis]) for x in parts], axis=axis)


@emits("time_steps")
def _(g: Builder, s: Step) -> Any:
    return tuple([g.add("Gather", s.x, g.constant(np.int64(t)), axis=0)
                  for t in range(len(s.out_shapes))])  # fmt: skip


def cut(g: Builder, x: str, axis: int, start: int, stop: int) -> str:
    """``x[start:stop]`` along one axis."""
    made: str = g.add("Slice", x, [start], [stop], [axis])
    return made


@emits("flip")
def _(g: Builder, s: Step) -> Any:
    axes = s.axes(s.options["axis"])
    if not axes:
        return g.add("Identity", s.x)
    n = len(axes)
    return g.add("Slice", s.x, [-1] * n, [FIRST] * n, axes, [-1] * n)


@emits("roll")
def _(g: Builder, s: Step) -> Any:
    x, shift, axis = s.x, s.options["shift"], s.options["axis"]
    shape = s.shape
    if axis is None:
        shape = (prod(static(shape, "roll")),)
        x = g.reshape(x, shape)
    for a, n in np.broadcast(0 if axis is None else axis, shift):
        (length,) = static([shape[a]], "roll")
        if length and n % length:
            n = int(n % length)
            x = g.add("Concat", cut(g, x, a, -n, LAST), cut(g, x, a, 0, -n), axis=int(a))
    return x if axis is not None else g.reshape(x, s.out_shapes[0])


@emits("tile")
def _(g: Builder, s: Step) -> Any:
    reps = s.options["reps"]
    reps = (reps,) if isinstance(reps, int | Rows) else tuple(reps)
    n = max(len(reps), s.ndim)
    x = s.x if n == s.ndim else g.reshape(s.x, ((1,) * (n - s.ndim) + s.shape))
    return g.add("Tile", x, [*(1,) * (n - len(reps)), *reps])


@emits("repeat")
def _(g: Builder, s: Step) -> Any:
    x, axis, ndim = s.x, s.options["axis"], s.ndim
    if axis is None:
        x, axis, ndim = g.reshape(x, (-1,)), 0, 1
    axis %= ndim
    reps: list[Size] = [1] * (ndim + 1)
    reps[axis + 1] = s.options["repeats"]
    return g.reshape(g.add("Tile", g.add("Unsqueeze", x, [axis + 1]), reps), s.out_shapes[0])


@emits("pad")
def _(g: Builder, s: Step) -> Any:
    widths = s.options["pad_width"]
    ends = [before for before, _ in widths] + [after for _, after in widths]
    return g.add("Pad", s.x, ends, g.number(s.options["constant_values"], s.dtype))


@emits("pad_edges")
def _(g: Builder, s: Step) -> Any:
    mode = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[s.options["how"]]
    widths = s.options["widths"]
    ends = [before for before, _ in widths] + [after for _, after in widths]
    return g.add("Pad", s.x, ends, mode=mode)


@emits("tril", "triu")
def _(g: Builder, s: Step) -> Any:
    return g.add("Trilu", s.x, g.constant(np.int64(s.options["k"])), upper=int(s.name == "triu"))


@emits("diagonal")
def _(g: Builder, s: Step) -> Any:
    i, j = s.axes((s.options["axis1"], s.options["axis2"]))
    n, m = static((s.shape[i], s.shape[j]), "a diagonal")
    rest = [a for a in range(s.ndim) if a not in (i, j)]
    x = g.transpose(s.x, [*rest, i, j])
    flat = g.reshape(x, (*[s.shape[a] for a in rest], n * m))
    places = np.arange(n * m).reshape(n, m).diagonal(s.options["offset"])
    return g.add("Gather", flat, np.ascontiguousarray(places, np.int64), axis=-1)


@emits("undiagonal")
def _(g: Builder, s: Step) -> Any:
    shape = s.out_shapes[0]
    i, j = [a % len(shape) for a in (s.options["axis1"], s.options["axis2"])]
    n, m, length = static((shape[i], shape[j], s.shape[-1]), "a diagonal")
    rest = [a for a in range(len(shape)) if a not in (i, j)]
    places = np.full(n * m, length)  # a 0 that is put after the diagonal
    places[np.arange(n * m).reshape(n, m).diagonal(s.options["offset"])] = np.arange(length)
    ends = [0] * (s.ndim - 1) + [0] + [0] * (s.ndim - 1) + [1]
    x = g.add("Gather", g.add("Pad", s.x, ends), places.astype(np.int64), axis=-1)
    x = g.reshape(x, (*[shape[a] for a in rest], n, m))
    return g.transpose(x, np.argsort([*rest, i, j]).tolist())
