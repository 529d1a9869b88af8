"""Find the op whose gradient is the first to become NaN or infinite."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from . import backend
from ._lines import LINES, source_line
from .mode import Mode, with_mode
from .nodes import Node


def detect_anomaly() -> AbstractContextManager[None]:
    """Raise as soon as a gradient becomes NaN or infinite, and name the op and its line.

    Every op recorded inside the ``with`` block notes the line of the program it came from, and
    every backward pass inside it looks at each gradient: both are slow, so use it to search.

    Raises
    ------
    FloatingPointError
        From ``backward`` or ``gradients``, by the first op that turns a finite gradient into one
        that is not.

    Examples
    --------
    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([4.0, 0.0], requires_grad=True)
    >>> with ad.detect_anomaly(), np.errstate(divide="ignore"):
    ...     y = ad.sqrt(x).sum()
    ...     y.backward()
    Traceback (most recent call last):
    FloatingPointError: backward: sqrt turned a finite gradient into inf for its operand 'x'; ...
    """
    return with_mode(
        lambda now: Mode(
            now.recording, (*now.taps, _note), now.pack, (*now.observers, _begin), now.autocast
        )
    )


def _note(node: Node, out: Any) -> None:
    LINES[node] = source_line()


def _begin(roots: list[Node], deposit: bool) -> Callable[..., None]:
    """Every backward pass is looked at."""
    return _look


def _look(node: Node, g: Any, pulled: tuple[Any, ...]) -> None:
    """Raise if this node made a gradient that is not finite."""
    if wrong := _not_finite(g):
        raise FloatingPointError(
            f"backward: a gradient that backward was given, or that a hook returned, holds {wrong} "
            f"at {_called(node)}"
        )
    for i, d in enumerate(pulled):
        if wrong := _not_finite(d):
            raise FloatingPointError(
                f"backward: {node.op.name} turned a finite gradient into {wrong} for its operand "
                f"{_operand(node, i)!r}; it is {_called(node)}"
            )


def _not_finite(g: Any) -> str:
    """The first value that is not finite, as text; empty if there is none."""
    if g is None:
        return ""
    if isinstance(g, tuple):
        return next((wrong for x in g if (wrong := _not_finite(x))), "")
    raw = getattr(g, "_data", g)
    xp = backend.namespace(raw)
    if bool(xp.all(xp.isfinite(raw))) if type(raw) is not float else xp.isfinite(raw):
        return ""
    values = np.ravel(backend.to_numpy(raw))
    return str(values[~np.isfinite(values)][0])


def _operand(node: Node, i: int) -> str:
    """The name of the operand that parent ``i`` was."""
    op, carries = node.op, getattr(node.rule, "carries", None)
    if carries is None:
        return str(i)
    if op.variadic:
        return f"{op.operands[0]}[{[k for k, c in enumerate(carries) if c][i]}]"
    return str([name for name, c in zip(op.differentiable, carries, strict=True) if c][i])


def _called(node: Node) -> str:
    what = f"{node.name!r}, " if node.name else ""
    where = f", in {node.scope!r}" if node.scope else ""
    line = LINES.get(node, "a line that is not known, outside detect_anomaly")
    return f"{what}of shape {node.shape}{where}, recorded at {line}"
