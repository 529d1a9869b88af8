"""Emitters of ops that make one value of many, or look at all of an axis."""

from math import prod
from typing import Any

import numpy as np

from .building import Builder, Step
from .elementwise import truth
from .symbols import static
from .table import emits

REDUCTIONS = {"sum": "ReduceSum", "mean": "ReduceMean", "max": "ReduceMax", "min": "ReduceMin",
              "prod": "ReduceProd"}  # fmt: skip


def reduced(g: Builder, s: Step, kind: str, x: str) -> str:
    """A reduction over the axes that the call names."""
    axes = s.axes(s.options["axis"])
    if not axes:
        return x
    made: str = g.add(kind, x, axes, keepdims=int(s.options["keepdims"]))
    return made


@emits(*REDUCTIONS)
def _(g: Builder, s: Step) -> Any:
    x = s.x if s.dtypes[0] == s.dtype else g.cast(s.x, s.dtype)
    return reduced(g, s, REDUCTIONS[s.name], x)


@emits("any", "all")
def _(g: Builder, s: Step) -> Any:
    yes = truth(g, s.x, s.dtypes[0])
    if s.name == "any":
        return g.cast(reduced(g, s, "ReduceSum", g.cast(yes, np.int32)), bool)
    no = g.cast(g.add("Not", yes), np.int32)
    return g.add("Not", g.cast(reduced(g, s, "ReduceSum", no), bool))


@emits("count_nonzero")
def _(g: Builder, s: Step) -> Any:
    return reduced(g, s, "ReduceSum", g.cast(truth(g, s.x, s.dtypes[0]), np.int64))


@emits("argmax", "argmin")
def _(g: Builder, s: Step) -> Any:
    kind = "ArgMax" if s.name == "argmax" else "ArgMin"
    axis = s.options["axis"]
    if axis is None:
        place = g.add(kind, g.reshape(s.x, (-1,)), axis=0, keepdims=0)
        return g.reshape(place, s.out_shapes[0])
    return g.add(kind, s.x, axis=axis, keepdims=int(s.options["keepdims"]))


@emits("cumsum")
def _(g: Builder, s: Step) -> Any:
    x = s.x if s.dtypes[0] == s.dtype else g.cast(s.x, s.dtype)
    axis = s.options["axis"]
    if axis is None:
        x, axis = g.reshape(x, (-1,)), 0
    return g.add("CumSum", x, g.constant(np.int64(axis)))


@emits("sort", "argsort")
def _(g: Builder, s: Step) -> Any:
    x, shape, axis = s.x, s.shape, s.options["axis"]
    if axis is None:
        x, shape, axis = g.reshape(x, (-1,)), s.out_shapes[0], 0
    if not shape:
        return x if s.name == "sort" else g.constant(np.int64(0))
    values, order = g.add(
        "TopK", x, [shape[axis]], outputs=2, axis=axis, largest=int(s.options["descending"])
    )
    return values if s.name == "sort" else order


@emits("searchsorted", when=lambda operands, options: operands[0].ndim == 1)
def _(g: Builder, s: Step) -> Any:
    x, v, sorter = s.inputs
    if sorter is not None:
        x = g.add("Gather", x, sorter, axis=0)
    kind = "Less" if s.options["side"] == "left" else "LessOrEqual"
    before = g.add(kind, x, g.add("Unsqueeze", v, [-1]))
    return g.add("ReduceSum", g.cast(before, np.int64), [-1], keepdims=0)


@emits("var", "std")
def _(g: Builder, s: Step) -> Any:
    axes, correction = s.axes(s.options["axis"]), s.options["correction"]
    mean = g.add("ReduceMean", s.x, axes, keepdims=1) if axes else s.x
    away = g.add("Sub", s.x, mean)
    var = reduced(g, s, "ReduceMean", g.add("Mul", away, away))
    if correction:
        count = prod(static([s.shape[a] for a in axes], "a corrected variance"))
        var = g.add("Mul", var, g.number(np.divide(count, count - correction), s.dtype))
    return var if s.name == "var" else g.add("Sqrt", var)


@emits("median")
def _(g: Builder, s: Step) -> Any:
    axes = s.axes(s.options["axis"])
    if not axes:
        return g.add("Identity", s.x)
    count = prod(static([s.shape[a] for a in axes], "a median"))
    rest = [a for a in range(s.ndim) if a not in axes]
    x = g.reshape(g.transpose(s.x, [*rest, *axes]), (*[s.shape[a] for a in rest], count))
    ordered, _ = g.add("TopK", x, [count], outputs=2, axis=-1, largest=0)
    middle = g.add("Slice", ordered, [(count - 1) // 2], [count // 2 + 1], [-1])
    return g.reshape(g.add("ReduceMean", middle, [-1]), s.out_shapes[0])


@emits("det")
def _(g: Builder, s: Step) -> Any:
    return g.add("Det", s.x)


@emits("matmul")
def _(g: Builder, s: Step) -> Any:
    return g.add("MatMul", *s.inputs)


def _as_einsum(operands: tuple[Any, ...], options: dict[str, Any]) -> bool:
    """Whether every label has one length: ONNX's does not broadcast."""
    lengths: dict[str, set[int]] = {}
    for x, labels in zip(operands, options["subscripts"].partition("->")[0].split(",")):
        for label, n in zip(labels, x.shape):
            lengths.setdefault(label, set()).add(n)
    return all(len(found) == 1 for found in lengths.values())


@emits("cross")
def _(g: Builder, s: Step) -> Any:
    axes = [s.options["axis"] % len(shape) for shape in s.shapes]

    def turned(k: int, by: int) -> Any:
        order = np.roll(np.arange(3), by)
        return g.add("Gather", s.inputs[k], order, axis=axes[k])

    return g.add(
        "Sub",
        g.add("Mul", turned(0, -1), turned(1, 1)),
        g.add("Mul", turned(0, 1), turned(1, -1)),
    )


@emits("contract", when=_as_einsum)
def _(g: Builder, s: Step) -> Any:
    inputs = [x for x in s.inputs if x is not None]
    return g.add("Einsum", *inputs, equation=s.options["subscripts"])


def _as_onnx(operands: tuple[Any, ...], options: dict[str, Any]) -> bool:
    """Whether ONNX has it: over the last axes, with float32 for the statistics."""
    x, axis = operands[0], options["axis"]
    axes = sorted(a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,)))
    last = list(range(x.ndim - len(axes), x.ndim))
    return axes == last and x.dtype.itemsize <= 4


@emits("layer_norm", when=_as_onnx)
def _(g: Builder, s: Step) -> Any:
    x, weight, bias = s.inputs
    axes = s.axes(s.options["axis"])
    if weight is None:
        sizes = static([s.shape[a] for a in axes], "layer normalization")
        weight = g.constant(np.ones(sizes, s.dtype))
    return g.add("LayerNormalization", x, weight, bias, axis=min(axes), epsilon=s.options["eps"])
