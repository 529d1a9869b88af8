"""The graph and the backward walk.

A `Node` is made for every recorded op, and one `Leaf` for every tensor that asks for a
gradient. Nodes own the raw values that their derivative rules read; strong references run
from a tensor to its node to the parent nodes and nowhere back, so a finished step is freed
by reference counting alone. Nothing here knows which library computes, nor any op.
"""

import itertools
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from . import backend
from .backend import CLOCK, Array
from .mode import Hook, Scope

Observer = Callable[["Node", Any, tuple[Any, ...]], None]

ordinal = itertools.count().__next__
_FLOAT = np.dtype(np.float64)


# ---------------------------------------------------------------- nodes
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
        "scope", "shape", "stamp",
    )  # fmt: skip

    rule: Any
    parents: "tuple[Node, ...]"
    saved: Any  # a tuple; None when released; Packed under saved-tensor hooks
    shape: Any
    dtype: Any
    device: str
    stamp: int
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
    def released(self) -> bool:
        """Whether the values its rules need were dropped by a backward pass."""
        return self.saved is None

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
        self.stamp = CLOCK[0]
        self.scope = None
        self.index = ordinal()
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
        self.stamp = node.stamp
        self.scope = node.scope
        self.index = ordinal()
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


class Slots(tuple[Any, ...]):
    """The gradient of an op with several outputs: one for each, None where none arrived.

    It adds, and has its node's shape and dtype, so that the walk treats it as any gradient.
    """

    shape: Any
    dtype: Any

    @classmethod
    def of(cls, node: Node, values: Iterable[Any]) -> "Slots":
        """Slots for the outputs of ``node``."""
        slots = cls(values)
        slots.shape, slots.dtype = node.shape, node.dtype
        return slots

    def __add__(self, other: Any) -> "Slots":
        pairs = zip(self, other, strict=True)
        merged = Slots(b if a is None else a if b is None else a + b for a, b in pairs)
        merged.shape, merged.dtype = self.shape, self.dtype
        return merged


class _OutputRule:
    """The rule of every `Output`: put the gradient into its slot."""

    op = None
    layout = ()

    @staticmethod
    def pull(node: Node, saved: tuple[()], g: Any) -> tuple[Slots]:
        op_node, k = node.parents[0], node.k  # type: ignore[attr-defined]
        return (Slots.of(op_node, (g if i == k else None for i in range(len(op_node.shape)))),)

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
        self.packed = [(True, pack(v)) if type(v) in backend.KINDS else (False, v) for v in values]

    def values(self) -> tuple[Any, ...]:
        """What was saved."""
        return tuple(self.unpack(v) if packed else v for packed, v in self.packed)


def _restore(node: Node) -> tuple[Any, ...]:
    """The saved values of a node whose slot does not hold them plainly."""
    if isinstance(node.saved, Packed):
        return node.saved.values()
    raise RuntimeError(
        f"backward: the values saved by {node.op.name} were released by an earlier backward "
        "pass; call backward(retain_graph=True) the first time to walk the graph again"
    )


def _check_writes(node: Node, saved: tuple[Any, ...]) -> None:
    """Raise if a saved array was written after it was saved."""
    if node.rule is None:
        return
    for name, value in zip(node.rule.layout, saved, strict=True):
        for x in value if isinstance(value, tuple) else (value,):
            if type(x) in backend.KINDS and backend.written_since(x, node.stamp):
                raise RuntimeError(
                    f"backward: {node.op.name} saved {name!r} of shape {x.shape} to compute its "
                    "gradient, and that array was written in place afterwards; write to a copy, "
                    "or call backward before the write (an optimizer step is a write)"
                )


# ---------------------------------------------------------------- the walk
def _consumers(roots: Sequence[Node], targets: set[Node] | None) -> dict[Node, int]:
    """How many edges lead to each node from those reachable; only towards targets if given."""
    count: dict[Node, int] = dict.fromkeys(roots, 0)
    stack = list(count)
    edges: list[tuple[Node, Node]] = []
    while stack:
        node = stack.pop()
        for parent in node.parents:
            if targets is not None:
                edges.append((parent, node))
            if parent in count:
                count[parent] += 1
            else:
                count[parent] = 1
                stack.append(parent)
    if targets is None:
        return count

    children: dict[Node, list[Node]] = {}
    for parent, node in edges:
        children.setdefault(parent, []).append(node)
    useful = {t for t in targets if t in count}
    stack = list(useful)
    while stack:
        for node in children.get(stack.pop(), ()):
            if node not in useful:
                useful.add(node)
                stack.append(node)
    kept = dict.fromkeys(useful, 0)
    for parent, node in edges:
        if parent in useful and node in useful:
            kept[parent] += 1
    return kept


def fit(g: Any, node: Node) -> Any:
    """Undo broadcasting: sum ``g`` down to the node's shape, and give it the node's dtype."""
    if g.shape == node.shape and g.dtype == node.dtype:
        return g
    xp = backend.namespace(g)
    if g.shape != node.shape:
        extra = len(g.shape) - len(node.shape)
        axes = tuple(range(extra)) + tuple(
            extra + i
            for i, n in enumerate(node.shape)
            if n == 1 and extra + i >= 0 and g.shape[extra + i] != 1
        )
        if extra < 0 or any(
            n not in (1, m) for n, m in zip(node.shape, g.shape[extra:], strict=True)
        ):
            raise RuntimeError(
                f"backward: a gradient of shape {g.shape} reached a value of shape {node.shape}; "
                "the derivative rule that made it is wrong"
            )
        g = xp.reshape(xp.asarray(xp.sum(g, axis=axes)), node.shape)
    if g.dtype != node.dtype:
        g = g.astype(node.dtype)
    return g


_deposits = threading.Lock()  # threads may share parameters


def walk(
    seeds: list[tuple[Node, Any]],
    *,
    retain: bool,
    differentiable: bool = False,
    deposit: bool = True,
    hooks: bool = True,
    observe: Observer | None = None,
    targets: set[Node] | None = None,
) -> dict[Node, Any]:
    """Carry gradients from the seeds to the leaves (or to ``targets``, and return theirs).

    Iterative, in an order in which every node comes after all its consumers; a leaf is
    finished as soon as its last consumer has been walked.
    """
    pending: dict[Node, Any] = {}
    for node, g in seeds:
        pending[node] = pending[node] + g if node in pending else g
    scalar = type(seeds[0][1]) is float
    count = _consumers(list(pending), targets)
    ready = [node for node in pending if not count.get(node, 1)]
    found: dict[Node, Any] = {}
    kept = targets or ()  # leaves and these keep their gradient, so it must be their own
    shared: set[Node] = set(pending)  # those whose gradient somebody else may hold

    while ready:
        node = ready.pop()
        g = pending.pop(node)
        if node.hooks and hooks:
            for hook in node.hooks:
                g = _replaced(node, g, hook(wrap(_seen(g))), differentiable)
        if node in kept:
            found[node] = g if differentiable else _own(g, node in shared)
        rule = node.rule
        if rule is None:
            if observe is not None:
                observe(node, _seen(g), ())
            if deposit and isinstance(node, Leaf):
                _deposit(node, g if differentiable else _own(g, node in shared), hooks)
            continue

        if scalar and deposit:
            node.gradient = g
        saved = node.saved
        if type(saved) is not tuple:
            saved = _restore(node)
        if node.stamp != CLOCK[0]:
            _check_writes(node, saved)
        parents = node.parents
        if targets is None:
            pull = rule.differentiable() if differentiable else rule.pull
            pulled = pull(node, saved, g)
        else:
            wanted = tuple([p in count for p in parents])
            if True not in wanted:
                continue
            pulled = rule.partial(wanted, differentiable)(node, saved, g)
        if not retain:
            node.saved = None
        if observe is not None:
            pulled = tuple(
                [
                    d if d is None else _seen(d if scalar else fit(d, p))
                    for d, p in zip(pulled, parents)
                ]
            )
            observe(node, _seen(g), pulled)

        for parent, d in zip(parents, pulled):  # noqa: B905 - lengths agree by construction
            left = count.get(parent)
            if left is None:  # not on the way to a target
                continue
            if not scalar and (d.shape != parent.shape or d.dtype is not parent.dtype):
                d = fit(d, parent)
            if parent in pending:
                pending[parent] = pending[parent] + d
                if shared:
                    shared.discard(parent)
            else:
                pending[parent] = d
                if (parent.rule is None or parent in kept) and not _fresh(d, g, saved, pulled):
                    shared.add(parent)
            if left == 1:
                ready.append(parent)
            else:
                count[parent] = left - 1
    return found


def _fresh(d: Any, g: Any, saved: tuple[Any, ...], pulled: tuple[Any, ...]) -> bool:
    """Whether nobody but the leaf can hold the memory of its gradient ``d``."""
    if d is g or getattr(d, "base", None) is not None:
        return False
    return sum(d is x for x in pulled) == 1 and not any(d is x for x in saved)


def _own(g: Any, shared: bool) -> Any:
    """A gradient to keep: an array (NumPy's scalars are none) that nobody else holds."""
    if type(g) is float:
        return g
    xp = backend.namespace(g)
    return xp.array(g) if shared else backend.as_array(xp, g)


def _seen(g: Any) -> Any:
    """A gradient as observers get it: an array where NumPy has a scalar."""
    return np.asarray(g) if isinstance(g, np.generic) else g


def _deposit(leaf: Leaf, g: Any, hooks: bool) -> None:
    """Add a finished gradient to the leaf's tensor and fire its post-accumulate hooks."""
    tensor = leaf.tensor
    if tensor is None:
        return
    with _deposits:
        old = tensor._grad
        tensor._grad = wrap(g) if old is None else old + wrap(g)
    if leaf.after and hooks:
        for hook in leaf.after:
            hook(tensor)


def _replaced(node: Node, g: Any, answer: Any, differentiable: bool) -> Any:
    """What a hook made of the gradient: its answer, checked; the gradient if it said None."""
    if answer is None:
        return g
    if getattr(answer, "shape", ()) != node.shape:
        raise ValueError(
            f"a hook returned a gradient of shape {getattr(answer, 'shape', ())} for a tensor of "
            f"shape {node.shape}"
        )
    return wrap(answer) if differentiable else getattr(answer, "_data", answer)


# What makes a variable of raw data: under ``float`` for numbers, under None for any array.
# The layers above fill it.
VARIABLES: dict[type | None, Callable[[Any, Node | None], Any]] = {}


def wrap(data: Any, node: Node | None = None) -> Any:
    """A tensor or scalar around raw ``data``, at ``node`` of a graph; a tensor as it is."""
    if hasattr(data, "_node"):
        return data
    return VARIABLES[float if type(data) is float else None](data, node)
