"""The nodes of the graph.

A `Node` is made for every recorded op, and one `Leaf` for every tensor that asks for a
gradient. Nodes own the raw values that their derivative rules read; strong references run
from a tensor to its node to the parent nodes and nowhere back, so a finished step is freed
by reference counting alone.
"""

import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from . import backend
from .backend import KINDS, Array, tick
from .mode import Hook, Scope

_FLOAT = np.dtype(np.float64)


class Node:
    """One recorded op: where its result came from and what its rules need. Read-only.

    Attributes
    ----------
    parents : tuple of Node
        One for each operand that carries a gradient; ``x * x`` has the same parent twice.
    shape, dtype, device
        Of the op's result; tuples of them where it has several.
    scope : Scope or None
        The module call in which it was recorded.
    index : int
        When it was made: always larger than its parents'.
    """

    __slots__ = (
        "__weakref__", "device", "dtype", "hooks", "index", "name", "parents", "rule", "saved",
        "scope", "shape",
    )  # fmt: skip

    rule: Any
    parents: "tuple[Node, ...]"
    saved: Any  # a tuple; None when released; Packed under saved-tensor hooks
    shape: Any
    dtype: Any
    device: str
    scope: Scope | None
    index: int
    hooks: list[Hook] | None
    name: str | None
    gradient: float | None  # in scalar mode only

    @property
    def op(self) -> Any:
        """The op that made it; None for a leaf."""
        return self.rule.op if self.rule is not None else None

    @property
    def output(self) -> int | None:
        """K for the k-th output of an op that has several, else None."""
        return None

    @property
    def operands(self) -> tuple[str, ...]:
        """Which operand of the op each parent is, by name; none for a leaf."""
        op, carries = self.op, getattr(self.rule, "carries", None)
        if carries is None:
            return ()
        names = op.operands * len(carries) if op.variadic else op.differentiable
        return tuple(name for name, c in zip(names, carries, strict=True) if c)

    @property
    def released(self) -> bool:
        """Whether the values its rules need were dropped by a backward pass."""
        return self.saved is None

    @property
    def kept(self) -> dict[str, Any]:
        """What its rules will read, by name: operands, options, shapes; empty once released."""
        saved = self.saved.values() if isinstance(self.saved, Packed) else self.saved
        return dict(zip(self.rule.layout, saved)) if self.rule and saved else {}

    def __repr__(self) -> str:
        what = self.op.name if self.op else "leaf"
        return f"<Node {self.index} {what} {self.shape} {self.dtype}>"


class ScalarNode(Node):
    """A node of scalar mode: its number and its last gradient are cheap enough to keep."""

    __slots__ = ("gradient", "value")

    value: float


class Leaf(Node):
    """The end of a path: a tensor that asked for a gradient, held weakly."""

    __slots__ = ("_tensor", "after", "value")

    def __init__(self, tensor: Any, data: Array) -> None:
        self._tensor = weakref.ref(tensor)
        self.after: list[Callable[[Any], None]] | None = None
        self.rule = None
        self.parents = ()
        self.saved = ()
        self.scope = None
        self.index = tick()
        self.hooks = None
        self.name = None
        self.describe(data)

    def describe(self, data: Array) -> None:
        """Take shape, dtype and device from the tensor's new data."""
        self.shape = getattr(data, "shape", ())
        self.dtype = getattr(data, "dtype", _FLOAT)
        self.device = backend.device_of(data)
        self.value = data if type(data) is float else None

    @property
    def tensor(self) -> Any:
        """The tensor, or None if nobody holds it any more."""
        return self._tensor()


class Output(Node):
    """One output of an op that has several: an edge to slot ``k`` of the op's own node."""

    __slots__ = ("k",)

    def __init__(self, node: Node, k: int) -> None:
        self.k = k
        self.rule = _OUTPUT
        self.parents = (node,)
        self.saved = ()
        self.shape, self.dtype, self.device = node.shape[k], node.dtype[k], node.device
        self.scope = node.scope
        self.index = tick()
        self.hooks = None
        self.name = None

    @property
    def op(self) -> Any:
        """The op of several outputs."""
        return self.parents[0].op

    @property
    def output(self) -> int | None:
        """Which output."""
        return self.k


class Slots:
    """The gradient of an op with several outputs: one for each, None where none arrived.

    It adds, and has its node's shape and dtype, so that the walk treats it as any gradient. What
    has come is kept by number, and a sum takes in what is added to it: nobody else has it yet. So
    an op of a thousand outputs is a thousand steps and not a million.
    """

    __slots__ = ("_given", "_sum", "dtype", "shape")

    def __init__(self, node: Any, given: dict[int, Any]) -> None:
        self.shape, self.dtype = node.shape, node.dtype
        self._given = given
        self._sum = False

    @classmethod
    def of(cls, node: Node, values: Iterable[Any]) -> "Slots":
        """Slots for the outputs of ``node``."""
        return cls(node, {k: g for k, g in enumerate(values) if g is not None})

    def __iter__(self) -> Iterator[Any]:
        return map(self._given.get, range(len(self.shape)))

    def __add__(self, other: "Slots") -> "Slots":
        total = self
        if not self._sum:
            total = Slots(self, dict(self._given))
            total._sum = True
        given = total._given
        for k, g in other._given.items():
            given[k] = given[k] + g if k in given else g
        return total


class _OutputRule:
    """The rule of every `Output`: put the gradient into its slot."""

    op = None
    layout = ()
    joint = False

    @staticmethod
    def pull(node: Node, saved: tuple[()], g: Any) -> tuple[Slots]:
        return (Slots(node.parents[0], {node.k: g}),)  # type: ignore[attr-defined]

    def differentiable(self) -> Any:
        """It serves tensors too."""
        return self.pull

    def partial(self, wanted: tuple[bool, ...], differentiable: bool) -> Any:
        return self.pull


_OUTPUT = _OutputRule()


class Packed:
    """Saved values that went through a pack hook, with what brings them back."""

    __slots__ = ("packed", "unpack")

    def __init__(self, values: tuple[Any, ...], hooks: tuple[Hook, Hook]) -> None:
        pack, self.unpack = hooks

        def packed(x: Any) -> Any:
            if isinstance(x, tuple):  # of a variadic op
                return tuple([packed(item) for item in x])
            if type(x) not in KINDS:
                return x
            return _Packed(pack(wrap(x)), x.shape)

        self.packed = packed(values)

    def values(self) -> tuple[Any, ...]:
        """What was saved."""

        def unpacked(x: Any) -> Any:
            if type(x) is tuple:
                return tuple([unpacked(item) for item in x])
            if type(x) is not _Packed:
                return x
            found = self.unpack(x.value)
            raw: Any = getattr(found, "_data", found)
            if type(raw) not in KINDS or raw.shape != x.shape:
                raise ValueError(
                    f"saved_tensors_hooks: unpack returned {type(found).__name__} of shape "
                    f"{getattr(raw, 'shape', None)} for a tensor of shape {x.shape}"
                )
            return raw

        saved: tuple[Any, ...] = unpacked(self.packed)
        return saved


class _Packed(NamedTuple):
    value: Any
    shape: tuple[int, ...]


# What makes a variable of raw data: under ``float`` for numbers, under None for any array.
# The layers above fill it.
VARIABLES: dict[type | None, Callable[[Any, Node | None], Any]] = {}


def wrap(data: Any, node: Node | None = None) -> Any:
    """A tensor or scalar around raw ``data``, at ``node`` of a graph; a tensor as it is."""
    kind = type(data)
    if kind in KINDS:
        return VARIABLES[None](data, node)
    if kind is float:
        return VARIABLES[float](data, node)
    return data if hasattr(data, "_node") else VARIABLES[None](data, node)
