"""The backward walk: gradients are carried from results to leaves.

It knows neither which library computes nor any op: a node's rule turns the gradient of its
result into those of its parents, and adding and summing down is all that is done here.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from . import backend
from ._lines import LINES
from .backend import KINDS, LAST_WRITE
from .mode import current, switch, switch_back
from .nodes import VARIABLES, Leaf, Node, Packed, Slots, wrap

Observer = Callable[[Node, Any, tuple[Any, ...]], None]


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
    if watching := current().observers:
        roots = [node for node, _ in seeds]
        observe = _together([observe, *[begin(roots, deposit) for begin in watching]])
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
                if not scalar:
                    pulled = [d if d is None else fit(d, p) for d, p in zip(pulled, parents)]
                observe(node, _seen(g), tuple([_seen(d) for d in pulled]))

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


def _together(asked: list[Observer | None]) -> Observer | None:
    """One observer for those who want to look; None if nobody does."""
    observers = [each for each in asked if each is not None]
    if len(observers) < 2:
        return observers[0] if observers else None

    def observe(node: Node, g: Any, pulled: tuple[Any, ...]) -> None:
        for each in observers:
            each(node, g, pulled)

    return observe


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
    """A gradient as observers get it: arrays where NumPy has scalars, a tuple of several."""
    if type(g) is Slots:
        return tuple([_seen(part) for part in g])
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


def saved_of(node: Node) -> tuple[Any, ...]:
    """What a node saved, wherever it is; an error if it was released or written since."""
    saved = node.saved if type(node.saved) is tuple else _restore(node)
    if node.index < LAST_WRITE[0]:
        _check_writes(node, saved)
    return saved


def _restore(node: Node) -> tuple[Any, ...]:
    """The saved values of a node whose slot does not hold them plainly."""
    if isinstance(node.saved, Packed):
        return node.saved.values()
    raise RuntimeError(
        f"backward: the values saved by {node.op.name} were released by an earlier backward "
        "pass; call backward(retain_graph=True) the first time to walk the graph again"
    )


def _at(line: str | None) -> str:
    return f" ({line})" if line else ""


def _check_writes(node: Node, saved: tuple[Any, ...]) -> None:
    """Raise if a saved array was written after it was saved."""
    if node.rule is None:
        return
    for name, value in zip(node.rule.layout, saved, strict=True):
        for x in value if isinstance(value, tuple) else (value,):
            if type(x) in KINDS and backend.written_since(x, node.index):
                raise RuntimeError(
                    f"backward: {node.op.name}{_at(LINES.get(node))} saved {name!r} of shape "
                    f"{x.shape} to compute its gradient, and that array was written in place "
                    f"afterwards{_at(backend.writes(x).line)}; write to a copy, or call backward "
                    "before the write (an optimizer step is a write)"
                )
