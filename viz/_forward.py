"""What is noted while the forward pass runs: the size of every value, and who computed it.

Notes are kept by node, weakly, so they are gone with the graph; they hold a few numbers each,
never a value.
"""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import autodiff as ad

from ._stats import Measured, summarized


@dataclass(frozen=True, slots=True)
class Note:
    """One recorded op: the size of its results (one for each output) and the user's line."""

    outputs: tuple[Measured, ...]
    line: str


@dataclass(frozen=True, slots=True)
class Use:
    """Who read a leaf first."""

    op: str
    line: str


_notes: "weakref.WeakKeyDictionary[ad.Node, Note]" = weakref.WeakKeyDictionary()
_uses: "weakref.WeakKeyDictionary[ad.Node, Use]" = weakref.WeakKeyDictionary()
# Modules in whose calls something was recorded, by id: a user's module may not be hashable.
_worked: dict[int, "weakref.ref[Any]"] = {}


@contextmanager
def record() -> Iterator[None]:
    """Note the forward pass, for all that the graph alone cannot tell.

    Of every op recorded inside the ``with`` block the size of its result is kept (the numbers of
    `Statistics`, with mean, deviation and range) and the line of the program that called it.
    `graph` picks them up. They are forgotten together with the graph.

    Examples
    --------
    >>> import autodiff as ad
    >>> x = ad.tensor([3.0, -4.0], requires_grad=True, name="x")
    >>> with record():
    ...     loss = (x * x).sum()
    >>> from viz import graph
    >>> [(n.name, round(n.rms, 3)) for n in graph(loss, mode="value").nodes]
    [('x', 3.536), ('multiply', 12.981), ('sum', 25.0)]
    """
    with ad.tap(_look):
        yield


def _look(node: ad.Node, out: Any) -> None:
    outputs = out if isinstance(out, tuple) else (out,)
    line = ad.source_line()
    _notes[node] = Note(tuple([summarized(o, moments=True, bins=True) for o in outputs]), line)
    for parent in node.parents:
        if parent.op is None and parent not in _uses:
            _uses[parent] = Use(node.op.name, line)
    scope = node.scope
    while scope is not None:
        module = scope.module()
        if module is not None and id(module) not in _worked:
            _worked[id(module)] = weakref.ref(module, partial(_forget, id(module)))
        scope = scope.outer


def _forget(key: int, _: Any) -> None:
    _worked.pop(key, None)


def note_of(node: ad.Node) -> Note | None:
    """What was noted of the op that made a node; None if nothing was."""
    return _notes.get(node if node.output is None else node.parents[0])


def value_of(node: ad.Node) -> Measured | None:
    """The size of an op's value, if it was noted."""
    note = note_of(node)
    if note is None:
        return None
    if node.output is not None:
        return note.outputs[node.output]
    if len(note.outputs) == 1:
        return note.outputs[0]
    parts = tuple(part for output in note.outputs for part in output.parts)
    return Measured(tuple(s for o in note.outputs for s in o.sizes), parts, True, True)


def use_of(leaf: ad.Node | None) -> Use | None:
    """Who read a leaf first inside `record`; None if nobody did."""
    return None if leaf is None else _uses.get(leaf)


def worked(module: Any) -> bool:
    """Whether something was recorded inside `record` while this module ran."""
    found = _worked.get(id(module))
    return found is not None and found() is module
