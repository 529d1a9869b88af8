"""Which tensors show the same memory, so that a write through one reaches the others' graphs.

A result that shares its operand's memory knows the tensor at the root, its base, and the ops
that lead from there. The base holds its views weakly. Only writes in place look at this.
"""

import weakref
from typing import Any, NamedTuple

from .backend import owner


class View(NamedTuple):
    """How a tensor is seen in its base's memory."""

    base: Any
    outer: "View | None"
    """The view that this is a view of, if it is not one of the base itself."""
    op: Any
    options: tuple[Any, ...]

    def path(self) -> tuple[tuple[Any, tuple[Any, ...]], ...]:
        """The ops, with their options, that lead here from the base."""
        links: list[tuple[Any, tuple[Any, ...]]] = []
        view: View | None = self
        while view is not None:
            links.append((view.op, view.options))
            view = view.outer
        return tuple(reversed(links))


class Views:
    """The views of a base, held weakly."""

    __slots__ = ("limit", "refs")

    def __init__(self) -> None:
        self.refs: list[weakref.ref[Any]] = []
        self.limit = 16

    def add(self, view: Any) -> None:
        """Take in another, and now and then forget those that are gone."""
        if len(self.refs) >= self.limit:
            self.refs = [ref for ref in self.refs if ref() is not None]
            self.limit = 2 * len(self.refs) + 16
        self.refs.append(weakref.ref(view))

    def alive(self) -> list[Any]:
        """Those that somebody holds."""
        return [view for ref in self.refs if (view := ref()) is not None]


UNRECORDED = "a view that was made under no_grad of a tensor that carries a gradient"

Alias = View | Views | str | None
"""What a tensor knows of its memory: that it is a view, that it has views, or nothing."""


def track(x: Any, made: Any, op: Any, options: tuple[Any, ...], recording: bool) -> None:
    """Note that ``made``, the result of ``op`` on ``x``, may be a view of it."""
    if owner(made._data) is not owner(x._data):
        return
    alias = x._alias
    if alias is UNRECORDED or (x._node is not None and not recording):
        made._alias = UNRECORDED
        return
    base, outer = (alias.base, alias) if type(alias) is View else (x, None)
    made._alias = View(base, outer, op, options)
    if base._alias is None:
        base._alias = Views()
    base._alias.add(made)
