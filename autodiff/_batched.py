"""Arrays of many examples that look like one: what tensors hold inside `vmap`.

A `Batched` array keeps the batch as the first axis of an inner array and hides it. The inner
array may be of any kind, another `Batched` one too, where `vmap` is nested. A batch axis of
length 1 says that all examples agree, so a weight shared by all of them is never repeated.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any

from . import backend
from .backend import Array, tick


class Level:
    """One call of `vmap`: how many examples there are. Inner calls have larger numbers."""

    __slots__ = ("number", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.number = tick()

    def __repr__(self) -> str:
        return f"<vmap of {self.size}>"


class Batched:
    """``inner`` with its first axis hidden: one array for each example."""

    __slots__ = ("__weakref__", "inner", "level")
    __array_ufunc__ = None  # ``ndarray + batched`` is left to this class
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, inner: Array, level: Level) -> None:
        self.inner = inner
        self.level = level

    @property
    def shape(self) -> tuple[int, ...]:
        """That of one example."""
        shape: tuple[int, ...] = self.inner.shape[1:]
        return shape

    @property
    def ndim(self) -> int:
        return len(self.inner.shape) - 1

    @property
    def size(self) -> int:
        size = 1
        for n in self.shape:
            size *= n
        return size

    @property
    def dtype(self) -> Any:
        return self.inner.dtype

    @property
    def base(self) -> Any:
        return self.inner.base

    @property
    def T(self) -> "Batched":
        return Batched(moved(self.inner, (0, *range(self.ndim, 0, -1))), self.level)

    @property
    def mT(self) -> "Batched":
        n = self.ndim
        return Batched(moved(self.inner, (*range(n - 1), n, n - 1)), self.level)

    def astype(self, dtype: Any, copy: bool = True) -> "Batched":
        return Batched(self.inner.astype(dtype, copy=copy), self.level)

    def reshape(self, *shape: Any) -> "Batched":
        made: Batched = backend.namespace(self).reshape(
            self, shape[0] if len(shape) == 1 else shape
        )
        return made

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an array of shape () has no length")
        return self.shape[0]

    def __repr__(self) -> str:
        inner = self.inner
        inside = repr(inner) if isinstance(inner, Batched) else str(backend.to_numpy(inner))
        return f"<{self.level.size} examples of shape {self.shape}: {inside}>"

    def __matmul__(self, other: Any) -> Any:
        if hasattr(other, "_node"):
            return NotImplemented  # a tensor
        return space([self, other]).matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return space([self, other]).matmul(other, self)

    def __getitem__(self, index: Any) -> "Batched":
        made: Batched = getitem(self, index)
        return made

    def __setitem__(self, index: Any, value: Any) -> None:
        setitem(self, index, value)

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            f"vmap: here a value of shape {self.shape} stands for {self.level.size} examples, and "
            "has no single value: no float(), bool() or `if` of it, no conversion to NumPy, no "
            "place among arrays that are not batched; use ad.where and other ops, or write into "
            "a tensor made from an argument (ad.zeros_like(x))"
        )

    __float__ = __int__ = __bool__ = __index__ = __complex__ = __array__ = _refuse
    item = tolist = _refuse


# Filled by `_batched_index`, which knows how an index is shifted.
getitem: Any = None
setitem: Any = None


# ---------------------------------------------------------------- levels
def level_of(x: Any) -> int:
    """The number of the innermost `vmap` that ``x`` belongs to; 0 for other values."""
    return x.level.number if type(x) is Batched else 0


def levels(values: Sequence[Any]) -> list[Level]:
    """Those that the values belong to, outermost `vmap` first."""
    found: dict[int, Level] = {}
    for x in values:
        while type(x) is Batched:
            found[x.level.number] = x.level
            x = x.inner
    return [found[number] for number in sorted(found)]


def has(x: Any, level: Level) -> bool:
    """Whether ``x`` has a batch axis of ``level``."""
    while type(x) is Batched:
        if x.level is level:
            return True
        x = x.inner
    return False


def space(values: Sequence[Any]) -> Any:
    """The namespace that computes with these raw arrays, of any levels."""
    return backend.namespace(max(values, key=level_of))


def lift(x: Array, level: Level) -> Batched:
    """``x`` as the same for all examples of ``level``; itself if it is batched there."""
    if type(x) is Batched:
        if x.level is level:
            return x
        if x.level.number > level.number:
            return Batched(lift(x.inner, level), x.level)
    return Batched(x[None], level)


def enter(x: Array, level: Level, axis: int) -> Batched:
    """``x`` with ``axis`` as the batch of ``level``."""
    if type(x) is Batched and x.level.number > level.number:
        return Batched(enter(x.inner, level, axis % x.ndim + 1), x.level)
    n = len(x.shape)
    axis %= n
    return Batched(moved(x, (axis, *(i for i in range(n) if i != axis))), level)


def leave(x: Array, level: Level, axis: int) -> Array:
    """``x`` with the batch of ``level`` as an ordinary axis: the opposite of `enter`."""
    x = lift(x, level)
    if x.level is not level:
        return Batched(leave(x.inner, level, axis % (x.ndim + 1) + 1), x.level)
    inner, n = whole(x), x.ndim + 1
    order = list(range(1, n))
    order.insert(axis % n, 0)
    return moved(inner, tuple(order))


def total(x: Array, level: Level) -> Array:
    """The sum over the examples of ``level``: the transpose of `lift`."""
    x = lift(x, level)
    if x.level is not level:
        return Batched(total(x.inner, level), x.level)
    xp = backend.namespace(x.inner)
    if x.inner.shape[0] != level.size:  # all examples agree
        return x.inner[0] * level.size
    return backend.as_array(xp, xp.sum(x.inner, axis=0))


def whole(x: Batched) -> Array:
    """The inner array with every example in it."""
    inner = x.inner
    if inner.shape[0] == x.level.size:
        return inner
    return backend.namespace(inner).broadcast_to(inner, (x.level.size, *inner.shape[1:]))


def moved(x: Array, order: tuple[int, ...]) -> Array:
    """The axes of ``x`` in another order."""
    return x if order == tuple(range(len(order))) else backend.namespace(x).transpose(x, order)


def uniform(operands: Sequence[Any]) -> list[Any]:
    """Arrays batched at every level that one of them has; other operands as they are."""
    every = levels(operands)
    made = []
    for x in operands:
        if x is not None and backend.is_array(x):
            for level in every:
                x = lift(x, level)
        made.append(x)
    return made


# ---------------------------------------------------------------- elementwise
def aligned(level: Level, operands: Sequence[Any]) -> list[Any]:
    """The inner arrays, with axes of length 1 after the batch so that they broadcast."""
    rank = max((len(x.shape) for x in operands if hasattr(x, "shape")), default=0)
    made = []
    for x in operands:
        if type(x) is Batched and x.level is level:
            x = padded(x.inner, rank + 1)
        made.append(x)
    return made


def padded(inner: Array, ndim: int) -> Array:
    """An inner array with axes of length 1 after the batch, up to ``ndim`` in all."""
    missing = ndim - len(inner.shape)
    return inner[(slice(None),) + (None,) * missing] if missing > 0 else inner


def elementwise(fn: Callable[..., Any], level: Level, *operands: Any, **options: Any) -> Batched:
    """``fn``, which works element by element, on batched and other operands."""
    return Batched(fn(*aligned(level, operands), **options), level)


def _binary(name: str, fn: Callable[..., Any]) -> None:
    def forward(self: Batched, other: Any) -> Any:
        if hasattr(other, "_node"):
            return NotImplemented  # a tensor
        top = other.level if level_of(other) > self.level.number else self.level
        return elementwise(fn, top, self, other)

    def reflected(self: Batched, other: Any) -> Any:
        if hasattr(other, "_node"):
            return NotImplemented
        return elementwise(fn, self.level, other, self)

    setattr(Batched, f"__{name}__", forward)
    if name not in ("eq", "ne", "lt", "le", "gt", "ge"):
        setattr(Batched, f"__r{name}__", reflected)


for _name in "add sub mul truediv floordiv mod pow and or xor lshift rshift".split():
    _binary(_name, getattr(operator, f"{_name}_" if _name in ("and", "or") else _name))
for _name in "eq ne lt le gt ge".split():
    _binary(_name, getattr(operator, _name))


def _unary(name: str) -> None:
    fn = getattr(operator, name)
    setattr(Batched, f"__{name}__", lambda self: Batched(fn(self.inner), self.level))


for _name in "neg pos abs invert".split():
    _unary(_name)
