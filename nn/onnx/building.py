"""The ONNX graph while it is built: nodes, constants and names, as plain Python values."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .symbols import Rows, Shape, Size, fixed

Names = tuple[str, ...]


@dataclass
class Node:
    """One node of the graph to be."""

    kind: str
    inputs: Names
    outputs: Names
    attributes: dict[str, Any]
    scope: str
    """The path of the module in which it was made."""
    op: str
    """Which op of ours it belongs to."""

    @property
    def name(self) -> str:
        """That of the first result that is used."""
        return next(filter(None, self.outputs))


@dataclass
class Step:
    """A call to be put into the graph: what an emitter is given.

    ``inputs`` are names of values; None, or a number that is no array, as in the call.
    """

    name: str
    inputs: tuple[Any, ...]
    shapes: tuple[Shape, ...]
    dtypes: tuple[Any, ...]
    options: dict[str, Any]
    out_shapes: tuple[Shape, ...]
    out_dtypes: tuple[Any, ...]

    @property
    def x(self) -> Any:
        """The first input."""
        return self.inputs[0]

    @property
    def shape(self) -> Shape:
        """That of the first input."""
        return self.shapes[0]

    @property
    def ndim(self) -> int:
        """The number of axes of the first input."""
        return len(self.shapes[0])

    @property
    def dtype(self) -> Any:
        """The dtype of the first result."""
        return self.out_dtypes[0]

    def axes(self, axis: Any) -> list[int]:
        """Axes counted from the front; all if ``axis`` is None."""
        if axis is None:
            return list(range(self.ndim))
        return [a % self.ndim for a in (axis if isinstance(axis, tuple | list) else (axis,))]


@dataclass
class Builder:
    """Takes nodes in and finds names for what they make."""

    batch: tuple[str, int] | None = None
    """The input, and its axis, that says how large the batch is."""
    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    scope: str = ""
    op: str = ""
    _known: dict[Any, str] = field(default_factory=dict)

    def name(self, wanted: str) -> str:
        """A name that nothing has yet."""
        found, i = wanted, 1
        while found in self.taken:
            found, i = f"{wanted}_{i}", i + 1
        self.taken.add(found)
        return found

    def add(self, kind: str, *inputs: Any, outputs: int = 1, **attributes: Any) -> Any:
        """A node; the name of its result, or a tuple of names.

        Inputs are names, arrays, lists of integers (`Rows` among them), or None for one that is
        left out. Attributes that are None are left out too.
        """
        given = [self._input(x) for x in inputs]
        while given and not given[-1]:
            given.pop()
        path = f"{self.scope}/{kind}" if self.scope else kind
        made = tuple([self.name(path) for _ in range(outputs)])
        attributes = {name: value for name, value in attributes.items() if value is not None}
        self.nodes.append(Node(kind, tuple(given), made, attributes, self.scope, self.op))
        return made[0] if outputs == 1 else made

    def _input(self, x: Any) -> str:
        if x is None:
            return ""
        if isinstance(x, str):
            return x
        return self.constant(x) if isinstance(x, np.ndarray | np.generic) else self.ints(x)

    def constant(self, array: Any, wanted: str = "") -> str:
        """The name of a constant; small ones that are equal share it."""
        array = np.asarray(array)
        key = (array.dtype.str, array.shape, array.tobytes()) if array.size <= 64 else id(array)
        if not wanted and key in self._known:
            return self._known[key]
        made = wanted or self.name("constant")
        self.constants[made] = array
        if not wanted:
            self._known[key] = made
        return made

    def number(self, value: float, like: Any) -> str:
        """A constant of shape ``()`` in the dtype ``like``."""
        return self.constant(np.asarray(value, like))

    def ints(self, values: Any) -> str:
        """A vector of integers, computed from the batch where they follow it."""
        values = [values] if isinstance(values, int | Rows) else list(values)
        if fixed(tuple(values)):
            return self.constant(np.asarray(values, np.int64))
        if len(values) == 1:
            return self.size(values[0])
        key = tuple(values)
        if key not in self._known:
            self._known[key] = self.add("Concat", *map(self.size, values), axis=0)
        return self._known[key]

    def size(self, n: Size) -> str:
        """One size, as a vector of one integer."""
        if isinstance(n, int):
            return self.constant(np.asarray([n], np.int64))
        if n not in self._known:
            assert self.batch is not None
            name, axis = self.batch
            rows = self.add("Shape", name, start=axis, end=axis + 1)
            self._known[Rows(1)] = rows
            if n.count != 1:
                self._known[n] = self.add("Mul", rows, [n.count])
        return self._known[n]

    # ------------------------------------------------------------ what many emitters use
    def reshape(self, x: str, shape: Shape) -> str:
        """``x`` in another shape."""
        following = sum(isinstance(n, Rows) for n in shape)
        if following == 1 and 0 not in shape:
            shape = tuple([-1 if isinstance(n, Rows) else n for n in shape])
        made: str = self.add("Reshape", x, list(shape), allowzero=1 if 0 in shape else None)
        return made

    def expand(self, x: str, shape: Shape) -> str:
        """``x`` repeated to a shape."""
        made: str = self.add("Expand", x, list(shape))
        return made

    def cast(self, x: str, dtype: Any) -> str:
        """``x`` in another dtype."""
        made: str = self.add("Cast", x, to=np.dtype(dtype))
        return made

    def transpose(self, x: str, order: Any) -> str:
        """The axes of ``x`` in another order."""
        if list(order) == list(range(len(order))):
            return x
        made: str = self.add("Transpose", x, perm=list(order))
        return made
