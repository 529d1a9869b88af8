"""Why a parameter of the model has no gradient, as far as that can be known.

What is known: whether it asks for one, how often its module was called (``_calls``, if the module
counts them), in which modules ops of this graph were recorded, and what `record` saw.
"""

from collections.abc import Sequence
from typing import Any

import autodiff as ad

from . import _forward
from ._look import near
from ._names import Names, owner

FROZEN = "frozen: requires_grad=False"
UNUSED = "unused: its module was never called"
UNKNOWN = "the loss does not depend on it"


class Reasons:
    """Answers for one model and one graph."""

    def __init__(self, names: Names, order: Sequence[ad.Node]) -> None:
        self.modules = {path: module for module, path in names.modules.values()}
        self.in_graph: set[int] = set()
        for node in order:
            scope = node.scope
            while scope is not None:
                self.in_graph.add(id(scope.module()))
                scope = scope.outer
        self.watched = any(_forward.note_of(node) is not None for node in order if node.op)

    def why(self, name: str, parameter: Any) -> str:
        """Why the loss does not depend on the parameter of this name."""
        if not ad.backend.is_float(parameter.dtype):
            return f"dtype {parameter.dtype}: integers carry no gradient"
        if not parameter.requires_grad:
            return FROZEN
        if (use := _forward.use_of(getattr(parameter, "node", None))) is not None:
            return (
                f"read by {use.op} at {near(use.line)}, but nothing that came of it leads to "
                "the loss: it was detached, cast to integers or not used"
            )
        module = self.modules.get(owner(name))
        calls = getattr(module, "_calls", None)
        if calls == 0 and id(module) not in self.in_graph:
            return UNUSED
        if id(module) in self.in_graph:
            if self.watched:
                return (
                    "its module ran, but no recorded op read it: it was detached, read under "
                    "no_grad() or not used"
                )
            return "its module ran, but nothing on the way to the loss read it"
        if not calls:
            return UNKNOWN
        if self.watched and not _forward.worked(module):
            return "its module ran, but recorded nothing: it was computed under no_grad()"
        hint = "" if self.watched else " (viz.record() around the forward pass can tell)"
        return (
            "its module ran, but nothing it computed leads to the loss: computed under no_grad(), "
            f"detached or not used{hint}"
        )
