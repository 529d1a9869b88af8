"""The op that a recorded write in place becomes."""

from typing import Any

from .._op import op
from ..backend import Array

Path = tuple[tuple[Any, tuple[Any, ...]], ...]
"""View ops with their options, from a tensor to the view of it that is written."""


def _assign_value(g: Array, path: Path, index: Any) -> Array:
    for view, options in path:
        g = view(g, *options)
    return g[index]


@op(value=_assign_value, linear=("x", "value"))
def assign(xp: Any, x: Array, value: Array, /, path: Path = (), index: Any = ...) -> Array:
    """A copy of ``x`` with ``value`` at ``index`` of the view of it that ``path`` leads to."""
    out = xp.array(x)
    target = out
    for view, options in path:
        target = view(target, *options)
    target[index] = value
    return out


@assign.vjp("x")
def _(g: Array, path: Path, index: Any) -> Array:
    return assign(g, 0, path=path, index=index)
