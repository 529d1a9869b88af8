"""Containers of values: dicts, lists, tuples, named tuples, dataclasses, nested in any way.

`flatten` gives the leaves and a `Spec`, which puts other leaves into the same containers. What is
no container is a leaf: tensors, arrays, numbers, strings, modules. ``None`` is a container of
nothing. Dicts keep their order. All loops, so depth does not matter.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

Path = tuple[Any, ...]
"""The keys, indices and names that lead to a leaf."""

_LEAF = (None, ())
_NOTHING = type(None)
_LEAVES: set[type] = set()  # the classes that were found to be no containers


def _keys(x: Any) -> tuple[Any, ...] | None:
    """What a container calls its parts; None for a leaf."""
    cls = type(x)
    if x is None:
        return ()
    if cls is list or cls is tuple:
        return tuple(range(len(x)))
    if cls is dict or cls is OrderedDict:
        return tuple(x)
    if isinstance(x, tuple) and hasattr(cls, "_fields"):
        return tuple(cls._fields)
    if is_dataclass(cls):
        return tuple([f.name for f in fields(x)])
    _LEAVES.add(cls)
    return None


def _parts(x: Any, keys: Iterable[Any]) -> list[Any]:
    if isinstance(x, dict):
        return list(x.values())
    if isinstance(x, (list, tuple)):
        return list(x)
    return [getattr(x, name) for name in keys]


def _build(cls: Any, keys: tuple[Any, ...], parts: list[Any]) -> Any:
    if cls is _NOTHING:
        return None
    if cls is list or cls is tuple:
        return cls(parts)
    if issubclass(cls, dict):
        return cls(zip(keys, parts, strict=True))
    if issubclass(cls, tuple):
        return cls(*parts)
    made = object.__new__(cls)  # no __init__, which may take other things than the fields
    for name, part in zip(keys, parts, strict=True):
        object.__setattr__(made, name, part)
    return made


@dataclass(frozen=True)
class Spec:
    """The containers without their leaves; equal for equal structures.

    Attributes
    ----------
    entries : tuple
        The type and keys of each container, parts before wholes; leaves have neither.
    """

    entries: tuple[tuple[Any, tuple[Any, ...]], ...]

    @property
    def count(self) -> int:
        """How many leaves there are."""
        return sum(entry is _LEAF for entry in self.entries)

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """The same containers around other leaves."""
        left = iter(leaves)
        made: list[Any] = []
        for cls, keys in self.entries:
            if cls is None:
                made.append(next(left))
                continue
            start = len(made) - len(keys)
            made[start:] = [_build(cls, keys, made[start:])]
        return made[0]

    def paths(self) -> list[Path]:
        """The path to each leaf, in the order of the leaves."""
        found: list[Path] = []
        stack: list[Path] = [()]
        for cls, keys in reversed(self.entries):  # wholes before parts, the last part first
            path = stack.pop()
            if cls is None:
                found.append(path)
            else:
                stack += [(*path, key) for key in keys]
        return found[::-1]


def flatten(tree: Any) -> tuple[list[Any], Spec]:
    """The leaves from left to right, and what holds them.

    Examples
    --------
    >>> from autodiff._tree import flatten
    >>> leaves, spec = flatten({"w": 1, "layers": [(2, None), 3]})
    >>> leaves
    [1, 2, 3]
    >>> spec.unflatten("abc")
    {'w': 'a', 'layers': [('b', None), 'c']}
    >>> spec.paths()
    [('w',), ('layers', 0, 0), ('layers', 1)]
    """
    leaves: list[Any] = []
    entries: list[tuple[Any, tuple[Any, ...]]] = []
    stack = [tree]
    while stack:
        x = stack.pop()
        keys = None if type(x) in _LEAVES else _keys(x)
        if keys is None:
            leaves.append(x)
            entries.append(_LEAF)
        else:
            entries.append((type(x), keys))
            stack += _parts(x, keys)
    return leaves[::-1], Spec(tuple(entries[::-1]))


def tree_map(fn: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """``fn`` of every leaf (and of those in the same place of ``rest``), in the same containers."""
    leaves, spec = flatten(tree)
    columns = [leaves]
    for other in rest:
        more, its_spec = flatten(other)
        if its_spec != spec:
            raise ValueError(f"containers differ: {outline(tree)} and {outline(other)}")
        columns.append(more)
    return spec.unflatten([fn(*values) for values in zip(*columns, strict=True)])


def spread(prefix: Any, tree: Any, what: str) -> list[Any]:
    """One value of ``prefix`` for each leaf of ``tree``.

    ``prefix`` has the outer containers of ``tree``; what is a leaf in it, or None, goes for
    everything inside.
    """
    values: list[Any] = []
    stack = [(prefix, tree)]
    while stack:
        p, x = stack.pop()
        keys = None if p is None else _keys(p)
        if keys is None:
            values += [p] * len(flatten(x)[0])
            continue
        mine = _keys(x)
        like = type(p) is type(x) or (isinstance(p, (list, tuple)) and isinstance(x, (list, tuple)))
        if not like or mine is None or len(mine) != len(keys):
            raise ValueError(
                f"{what}={outline(prefix)} does not fit {outline(tree)}: it must be one value, or "
                "the same containers"
            )
        if isinstance(p, dict):
            if set(keys) != set(mine):
                raise ValueError(f"{what} has keys {list(keys)}, the argument {list(mine)}")
            stack += [(p[key], x[key]) for key in mine]
        else:
            stack += list(zip(_parts(p, keys), _parts(x, mine), strict=True))
    return values[::-1]


def outline(tree: Any, limit: int = 200) -> str:
    """The containers and the leaves, arrays as their shapes, for messages."""
    leaves, spec = flatten(tree)
    shown = spec.unflatten([_Shown(x) for x in leaves])
    text = repr(shown)
    return text if len(text) <= limit else text[: limit - 3] + "..."


class _Shown:
    def __init__(self, x: Any) -> None:
        self.text = f"array{tuple(x.shape)}" if hasattr(x, "shape") else repr(x)

    def __repr__(self) -> str:
        return self.text
