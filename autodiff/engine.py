"""The graph and the backward walk.

A `Node` is made for every recorded op, and one `Leaf` for every tensor that asks for a
gradient. Nodes own the raw values that their derivative rules read; strong references run
from a tensor to its node to the parent nodes and nowhere back, so a finished step is freed
by reference counting alone. Nothing here knows which library computes, nor any op.
"""

import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from . import backend
from .backend import KINDS, LAST_WRITE, Array, tick
from .mode import Hook, Scope, switch, switch_back

Observer = Callable[["Node", Any, tuple[Any, ...]], None]

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
    joint = False

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
        self.packed = [(True, pack(v)) if type(v) in KINDS else (False, v) for v in values]

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
            if type(x) in KINDS and backend.written_since(x, node.index):
                raise RuntimeError(
                    f"backward: {node.op.name} saved {name!r} of shape {x.shape} to compute its "
                    "gradient, and that array was written in place afterwards; write to a copy, "
                    "or call backward before the write (an optimizer step is a write)"
                )


# ---------------------------------------------------------------- the walk
def _consumers(roots: Iterable[Node], targets: set[Node] | None) -> dict[Node, int]:
    """How many edges lead to each node from those reachable; only towards targets if given."""
    count: dict[Node, int] = dict.fromkeys(roots, 0)
    stack = list(count)
    while stack:
        for parent in stack.pop().parents:
            if parent in count:
                count[parent] += 1
            else:
                count[parent] = 1
                if parent.parents:
                    stack.append(parent)
    return count if targets is None else _towards(targets, count)


def _towards(targets: set[Node], nodes: Iterable[Node]) -> dict[Node, int]:
    """As `_consumers`, of those nodes alone from which a target is reached."""
    children: dict[Node, list[Node]] = {}
    for node in nodes:
        for parent in node.parents:
            children.setdefault(parent, []).append(node)
    useful = targets.intersection(nodes)
    stack = list(useful)
    while stack:
        for node in children.get(stack.pop(), ()):
            if node not in useful:
                useful.add(node)
                stack.append(node)
    return {node: sum(c in useful for c in children.get(node, ())) for node in useful}


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
    consumers = _consumers([node for node, _ in seeds], targets)  # still to be walked
    keepers = targets or ()  # leaves and these keep their gradient, so it must be their own
    scalar = type(seeds[0][1]) is float
    sums: dict[Node, Any] = {}  # what has come to a node that waits for more
    for node, g in seeds:
        if node.rule is None or node in keepers:
            g = _own(g, differentiable)
        sums[node] = sums[node] + g if node in sums else g
    ready: list[Any] = [(n, sums.pop(n)) for n in list(sums) if not consumers.get(n, 1)]
    found: dict[Node, Any] = {}

    token = switch(differentiable)  # rules and hooks record only what is to be walked again
    try:
        while ready:
            node, g = ready.pop()
            if node.hooks is not None and hooks:
                for hook in node.hooks:
                    g = _replaced(node, g, hook(wrap(_seen(g))), differentiable)
            if keepers and node in keepers:
                found[node] = g
            rule = node.rule
            if rule is None:
                if observe is not None:
                    observe(node, _seen(g), ())
                if deposit:
                    _deposit(node, g, hooks)
                continue

            if scalar and deposit:
                node.gradient = g
            saved = node.saved
            if type(saved) is not tuple:
                saved = _restore(node)
            if node.index < LAST_WRITE[0]:
                _check_writes(node, saved)
            parents = node.parents
            if targets is not None:
                wanted = tuple([p in consumers for p in parents])
                if True not in wanted:
                    continue
                pulled = rule.partial(wanted, differentiable)(node, saved, g)
            elif differentiable:
                pulled = rule.differentiable()(node, saved, g)
            else:
                pulled = rule.pull(node, saved, g)
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

            for parent, d in zip(parents, pulled):
                left = consumers.get(parent)
                if left is None:  # not on the way to a target
                    continue
                if not scalar and (d.shape != parent.shape or d.dtype is not parent.dtype):
                    d = fit(d, parent)
                before = sums.pop(parent, None) if sums else None
                if before is not None:
                    d = before + d
                if left > 1:
                    consumers[parent] = left - 1
                    sums[parent] = d
                elif parent.rule is None or parent in keepers:
                    if type(d) not in KINDS or (
                        before is None and not _fresh(d, g, saved, rule.joint and pulled)
                    ):
                        d = _own(d, differentiable)
                    if deposit and parent.hooks is None and observe is None:
                        _deposit(parent, d, hooks)  # nothing else to do for this leaf
                    else:
                        ready.append((parent, d))
                else:
                    ready.append((parent, d))
    finally:
        switch_back(token)
    return found


def _fresh(d: Any, g: Any, saved: tuple[Any, ...], joint: Any) -> bool:
    """Whether nobody but its receiver can hold the memory of the gradient ``d``.

    Rules are pure, so two can return one array only if it was given to them; a joint rule may
    also return the same array twice.
    """
    if d is g or d.base is not None:
        return False
    for x in saved:
        if x is d:
            return False
    return not joint or sum([x is d for x in joint]) == 1


def _own(g: Any, differentiable: bool) -> Any:
    """A gradient to keep: a copy as an array (NumPy's scalars are none)."""
    return g if differentiable or type(g) is float else backend.namespace(g).array(g)


def _seen(g: Any) -> Any:
    """A gradient as observers get it: an array where NumPy has a scalar."""
    return np.asarray(g) if isinstance(g, np.generic) else g


def _deposit(leaf: Leaf, g: Any, hooks: bool) -> None:
    """Add a finished gradient to the leaf's tensor and fire its post-accumulate hooks."""
    tensor = leaf._tensor()
    if tensor is None:
        return
    with _deposits:
        old = tensor._grad
        made = VARIABLES[None](g, None) if type(g) in KINDS else wrap(g)
        tensor._grad = made if old is None else old + made
    if leaf.after is not None and hooks:
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
    kind = type(data)
    if kind in KINDS:
        return VARIABLES[None](data, node)
    if kind is float:
        return VARIABLES[float](data, node)
    return data if hasattr(data, "_node") else VARIABLES[None](data, node)
