"""From a network to the graph that is built: two captured runs, compared and put into ONNX."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

import autodiff as ad

from .building import Builder, Step
from .recurrence import whole
from .symbols import SIZES, Rows, Shape, merged
from .table import EMITTERS, keep

Axes = tuple[int | None, ...]  # of each input, the one that counts the examples


@dataclass
class Value:
    """An input or a result of the graph."""

    name: str
    shape: Shape
    dtype: Any


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Inside, a model is in evaluation mode; afterwards every part is as it was."""
    before = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        yield
    finally:
        for module, training in before:
            module.training = training


def runs(model: Any, inputs: Any, axes: Axes) -> list[ad.Capture]:
    """The network captured twice, for both sizes of the batch."""
    with evaluating(model), whole(model):
        return [
            ad.capture(model, *_resized(inputs, axes, n, shift), keep=keep)
            for shift, n in enumerate(SIZES)
        ]


def _resized(inputs: Any, axes: Axes, n: int, shift: int) -> tuple[Any, ...]:
    """Inputs with so many examples, which are those given, in another order."""
    left = iter(axes)

    def sized(x: Any) -> Any:
        if isinstance(x, dict):
            return {name: sized(part) for name, part in x.items()}
        if isinstance(x, tuple | list):
            parts = [sized(part) for part in x]
            return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
        if not is_input(x) or (axis := next(left)) is None:
            return x
        raw = ad.backend.to_numpy(x.data if isinstance(x, ad.Tensor) else x)
        rows = (np.arange(n) + shift) % raw.shape[axis]
        return ad.asarray(np.take(raw, rows, axis))

    made: tuple[Any, ...] = sized(tuple(inputs))
    return made


def is_input(x: Any) -> bool:
    """Whether an argument is an input of the graph."""
    return isinstance(x, ad.Tensor) or ad.backend.is_array(x)


class Translation:
    """Two captured runs of a model, on their way into a `Builder`."""

    def __init__(self, model: Any, builder: Builder, names: list[str]) -> None:
        self.g = builder
        self.paths: dict[int, str] = {id(module): path for path, module in model.named_modules()}
        # Of several names for one array the first counts, as in named_parameters().
        self.origins: dict[int, str] = {}
        for name, tensor in [*model.state_dict().items(), *model.named_buffers()]:
            self.origins.setdefault(id(tensor.data), name)
        builder.taken.update(self.origins.values())
        self.names = dict(enumerate(names))

    def run(self, first: ad.Capture, second: ad.Capture) -> list[Value]:
        """Put all calls into the graph; returns its results."""
        kinds = [[call.name for call in run.calls] for run in (first, second)]
        if kinds[0] != kinds[1]:
            raise ValueError(_differing(f"{len(kinds[0])} calls of ops", f"{len(kinds[1])}"))
        live = _live(first)
        for a, b in zip(first.calls, second.calls, strict=True):
            if a in live:
                self._call(a, b)
        self.g.scope = self.g.op = ""
        return [
            Value(self._name(a, b), self._shape("a result", a, b), a.dtype)
            for a, b in zip(first.outputs, second.outputs, strict=True)
        ]

    def _call(self, a: Any, b: Any) -> None:
        g = self.g
        g.scope, g.op = self._path(a.scope), a.name
        where = f"{a.name}{f' in {g.scope!r}' if g.scope else ''}"
        inputs, shapes, dtypes = [], [], []
        if len(a.operands) != len(b.operands):
            raise ValueError(_differing(f"{where} of {len(a.operands)}", f"{len(b.operands)}"))
        for x, y in zip(a.operands, b.operands):
            array = hasattr(x, "inner")
            inputs.append(self._name(x, y) if array else x)
            shapes.append(self._shape(where, x, y) if array else ())
            dtypes.append(x.dtype if array else None)
        step = Step(
            a.name,
            tuple(inputs),
            tuple(shapes),
            tuple(dtypes),
            self._options(where, a.options, b.options),
            tuple([self._shape(where, x, y) for x, y in zip(a.results, b.results, strict=True)]),
            tuple([x.dtype for x in a.results]),
        )
        try:
            made = EMITTERS[a.name].emit(g, step)
        except ValueError as error:
            raise NotImplementedError(f"nn.onnx.export: {where}: ONNX has no {error}") from error
        for result, name in zip(a.results, made if isinstance(made, tuple) else (made,)):
            if name is not None:
                self.names[result.number] = name

    def _options(self, where: str, a: Any, b: Any) -> dict[str, Any]:
        """Options with names in the place of arrays, as an index may have them."""

        def split(x: Any, y: Any) -> Any:
            if hasattr(x, "inner") and hasattr(y, "inner"):
                if x.dtype.kind == "b":
                    raise ValueError("a mask that is computed picks so many values as are true")
                return self._name(x, y)
            if type(x) in (tuple, list) and type(y) is type(x) and len(x) == len(y):
                return type(x)(split(*pair) for pair in zip(x, y, strict=True))
            return merged(x, y)

        try:
            return {name: split(a[name], b[name]) for name in a}
        except ValueError as error:
            raise _follows(where, error) from None

    def _shape(self, where: str, a: Any, b: Any) -> Shape:
        try:
            shape: Shape = merged(a.shape, b.shape)
        except ValueError as error:
            raise _follows(f"the shape of {where}", error) from None
        return shape

    def _name(self, a: Any, b: Any) -> str:
        """What a value is called in the graph; constants get there when they are met."""
        if a.number != b.number:
            raise ValueError(_differing(f"value {a.number} is used", f"value {b.number}"))
        if a.number is not None:
            if a.number not in self.names:
                raise NotImplementedError(
                    "nn.onnx.export: a result is used that ONNX's operator does not give, such as "
                    "the places of max pooling or the statistics of a normalization"
                )
            return self.names[a.number]
        wanted = self.origins.get(id(a.origin), "")
        if wanted:
            return self.g.constant(a.inner, wanted)
        if a.shape == b.shape:
            if not np.array_equal(a.inner, b.inner, equal_nan=a.dtype.kind == "f"):
                raise ValueError(
                    "nn.onnx.export: a constant differs between two runs: it was computed from "
                    "the inputs outside of ops, drawn at random, or depends on the size of the "
                    "batch"
                )
            return self.g.constant(a.inner)
        return self._following(a, b)

    def _following(self, a: Any, b: Any) -> str:
        """A constant of which every example has the same part: zeros to start from, say."""
        shape = self._shape("a constant", a, b)
        one = a.inner[tuple([slice(1) if isinstance(n, Rows) else slice(None) for n in shape])]
        if any((x.inner != one).any() for x in (a, b)):
            raise ValueError(
                f"nn.onnx.export: a constant of shape {a.shape} differs between the examples of a "
                "batch, so its size cannot follow the batch; compute it from the inputs"
            )
        return self.g.expand(self.g.constant(one), shape)

    def _path(self, scope: Any) -> str:
        """The path of the module in which a call was made."""
        while scope is not None:
            path = self.paths.get(id(scope.module()))
            if path is not None:
                return path
            scope = scope.outer
        return ""


def _live(program: ad.Capture) -> set[Any]:
    """The calls that the outputs depend on."""
    wanted = {x.number for x in program.outputs}
    found = set()
    for call in reversed(program.calls):
        if any(x.number in wanted for x in call.results):
            found.add(call)
            wanted.update(x.number for x in call.reads)
    return found


def _differing(first: str, second: str) -> str:
    return (
        f"nn.onnx.export: for a batch of {SIZES[0]} there are other ops than for one of "
        f"{SIZES[1]}: {first}, and {second}; take a loop or an `if` over the batch out of "
        "forward, or export with batch_axis=None"
    )


def _follows(what: str, error: Exception) -> ValueError:
    return ValueError(
        f"nn.onnx.export: {what} does not follow the batch in a way that ONNX can say: {error}; "
        "export with batch_axis=None for one size of batch"
    )
