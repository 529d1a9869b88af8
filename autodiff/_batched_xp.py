"""The namespace of batched arrays: NumPy's functions, done for every example at once.

`Space` takes batched arrays apart, runs the function of `_batched_functions` or the inner
namespace's own, and puts the result together. What it has no form for raises, naming it.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from . import _batched, _batched_linalg, backend
from ._batched import Batched, aligned, lift, padded
from ._batched_functions import BINARY, ONE, REDUCTIONS, SEQUENCE, TWO, Function, full, one_axis
from ._batched_index import scatter
from ._batched_linalg import STACKED
from .backend import Array, Kind, register_kind

CREATE = {"zeros", "ones", "full", "empty"}  # perhaps to be written: every example has its own
SHARED = {"arange", "eye", "linspace", "identity", "tri", "indices"}  # the same for all examples
DEPENDS = {"nonzero", "flatnonzero", "argwhere", "unique", "compress", "extract", "bincount"}
AT = {"add", "subtract", "maximum", "minimum"}


class Space:
    """The namespace that computes with batched arrays of one level."""

    def __init__(self, like: Batched) -> None:
        self._level = like.level
        self._inner = like.inner
        self.linalg = Linalg(self)
        self.special = Special(self)

    def __repr__(self) -> str:
        return f"<NumPy's functions for {self._level}>"

    def __getattr__(self, name: str) -> Any:
        if name in ONE:
            return partial(self._call, name, ONE[name], 1)
        if name in TWO:
            return partial(self._call, name, TWO[name], 2)
        if name in SEQUENCE:
            return partial(self._join, name)
        if name in CREATE:
            return partial(self._create, name)
        if name in DEPENDS:
            raise TypeError(
                f"vmap: the size of what xp.{name} gives differs between examples; use ad.where"
            )
        root = self._root()
        if name in SHARED:
            return getattr(root, name)
        ufunc = getattr(np, name, None)
        if (isinstance(ufunc, np.ufunc) and ufunc.signature is None) or name in BINARY.split():
            return Elementwise(self, name)
        value = getattr(root, name, None) if callable(ufunc) else getattr(root, name)
        if isinstance(value, type) or name in HOST or not callable(ufunc):
            return value
        raise NotImplementedError(
            f"vmap: xp.{name} has no form for batched arrays; add it to autodiff/_batched_xp.py"
        )

    def _root(self) -> Any:
        """The namespace of the arrays inside all batches."""
        inner = self._inner
        while type(inner) is Batched:
            inner = inner.inner
        return backend.namespace(inner)

    def _mine(self, values: Sequence[Any]) -> bool:
        return any(type(x) is Batched and x.level is self._level for x in values)

    def _else(self, values: Sequence[Any]) -> Any:
        """The namespace of arrays that are not batched here."""
        arrays = [x for x in values if hasattr(x, "dtype")]
        return _batched.space(arrays) if arrays else self._root()

    def _wrap(self, result: Any) -> Any:
        if isinstance(result, list | tuple):
            return (
                type(result)(map(self._wrap, result))
                if type(result) in (list, tuple)
                else (tuple(map(self._wrap, result)))
            )
        return Batched(result, self._level)

    def _call(self, name: str, fn: Function, count: int, *args: Any, **options: Any) -> Any:
        """Run a function of ``count`` arrays on the inner ones."""
        arrays = args[:count]
        if not self._mine(arrays):
            if count == 1 and any(map(_batched.level_of, args[1:])):
                arrays = (lift(args[0], self._level),)
            else:
                return _named(self._else(arrays), name)(*args, **options)
        if name == "take" and (_batched.level_of(args[1]) or not args[1:]):
            return self._take(*args, **options)
        inner = [lift(x, self._level).inner if hasattr(x, "shape") else x for x in arrays]
        xp = _batched.space([x for x in inner if hasattr(x, "shape")])
        if count == 1 and fn is ONE.get(name) and len(args) > 1 and name in REDUCTIONS.split():
            options |= dict(zip(("axis", "dtype"), args[1:], strict=False))
            args = args[:1]
        return self._wrap(fn(xp, *inner, *args[count:], **options))

    def _take(self, x: Any, indices: Any, axis: int | None = None, mode: Any = None) -> Any:
        """Of indices that differ between examples."""
        x = lift(x, self._level)
        if axis is None:
            x, axis = self.reshape(x, -1), 0
        n = x.shape[axis]
        if mode == "clip":
            indices = self.clip(indices, 0, n - 1)
        elif mode == "wrap":
            indices = self.remainder(indices, n)
        return x[(slice(None),) * (axis % x.ndim) + (indices,)]

    def _join(self, name: str, arrays: Sequence[Any], axis: int | None = 0) -> Any:
        arrays = list(arrays)
        if not self._mine(arrays):
            return getattr(self._else(arrays), name)(arrays, axis=axis)
        inner = [lift(x, self._level).inner for x in arrays]
        xp = _batched.space(inner)
        size = max(x.shape[0] for x in inner) if all(x.shape[0] for x in inner) else 0
        return self._wrap(SEQUENCE[name](xp, *[full(xp, x, size) for x in inner], axis=axis))

    def _create(self, name: str, shape: Any, *args: Any, **options: Any) -> Batched:
        shape = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
        xp = backend.namespace(self._inner)
        return Batched(getattr(xp, name)((self._level.size, *shape), *args, **options), self._level)

    def array(self, x: Any, dtype: Any = None) -> Any:
        """A copy, every example with its own."""
        if not hasattr(x, "shape"):
            return Batched(self._root().array([x], dtype=dtype), self._level)
        if not self._mine([x]):
            return self._else([x]).array(x, dtype=dtype)
        return Batched(backend.namespace(x.inner).array(_batched.whole(x), dtype=dtype), x.level)

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        """An array of a number; an array as it is."""
        if not hasattr(x, "shape"):
            return Batched(self._root().asarray([x], dtype=dtype), self._level)
        return x if dtype is None or x.dtype == dtype else x.astype(dtype)

    def broadcast_arrays(self, *arrays: Any) -> Any:
        """All in their common shape."""
        shape = np.broadcast_shapes(*[x.shape for x in arrays])
        return tuple([self.broadcast_to(lift(x, self._level), shape) for x in arrays])

    def put_along_axis(self, x: Any, indices: Any, values: Any, axis: int | None) -> None:
        """Write into ``x``, which must be batched itself."""
        if not self._mine([x, indices, values]):
            self._else([x, indices, values]).put_along_axis(x, indices, values, axis)
            return
        if not self._mine([x]):
            lift(x, self._level)._refuse()
        inner = x.inner
        xp = backend.namespace(inner)
        flat = axis is None
        if axis is None:
            inner, axis = xp.reshape(inner, (inner.shape[0], x.size)), 0
        places = full(xp, lift(indices, self._level).inner, inner.shape[0])
        if hasattr(values, "shape"):
            values = padded(lift(values, self._level).inner, inner.ndim)
        xp.put_along_axis(inner, places, values, one_axis(axis, inner.ndim - 1))
        if flat:  # perhaps it was a copy that was written
            x.inner[...] = xp.reshape(inner, x.inner.shape)

    def tensordot(self, x: Any, y: Any, axes: Any = 2) -> Any:
        """The sum of products over pairs of axes."""
        return self.einsum(_batched_linalg.subscripts(x, y, axes), x, y)

    def einsum(self, subscripts: str, *operands: Any, **options: Any) -> Any:
        """The sum of products that the subscripts say, for every example."""
        if not self._mine(operands):
            return self._else(operands).einsum(subscripts, *operands, **options)
        inner = [lift(x, self._level).inner for x in operands]
        return self._wrap(_batched_linalg.einsum(_batched.space(inner), subscripts, inner, options))

    def broadcast_shapes(self, *shapes: Any) -> Any:
        return np.broadcast_shapes(*shapes)


HOST = {"finfo", "iinfo", "result_type", "promote_types", "dtype", "can_cast", "issubdtype"}


def _named(xp: Any, name: str) -> Any:
    for part in name.split("."):
        xp = getattr(xp, part)
    return xp


class Elementwise:
    """A function that works element by element."""

    def __init__(self, space: Space, name: str) -> None:
        self._space, self._name = space, name

    def __call__(self, *operands: Any, **options: Any) -> Any:
        space = self._space
        operands += tuple([options.pop(k) for k in ("min", "max") if k in options])
        if not space._mine(operands):
            return _named(space._else(operands), self._name)(*operands, **options)
        if self._name == "where" and len(operands) == 1:
            return space.nonzero
        inner = aligned(space._level, operands)
        xp = _batched.space([x for x in inner if hasattr(x, "dtype")])
        return Batched(_named(xp, self._name)(*inner, **options), space._level)

    def at(self, x: Any, index: Any, value: Any) -> None:
        """Apply it in place at an index, duplicates included."""
        if self._name not in AT:
            raise NotImplementedError(f"vmap: xp.{self._name}.at has no form for batched arrays")
        lifted = lift(x, self._space._level)
        scatter(self._name, lifted, index, value)


class Linalg:
    """``xp.linalg`` of batched arrays: the libraries' own, which are stacked."""

    def __init__(self, space: Space) -> None:
        self._space = space

    def __getattr__(self, name: str) -> Any:
        if name not in STACKED:
            raise NotImplementedError(
                f"vmap: xp.linalg.{name} has no form for batched arrays; add it to "
                "autodiff/_batched_linalg.py"
            )
        fn, count = STACKED[name]
        return partial(self._space._call, f"linalg.{name}", fn, count)


class Special:
    """``xp.special`` of batched arrays: all its functions are elementwise."""

    def __init__(self, space: Space) -> None:
        self._space = space

    def __getattr__(self, name: str) -> Any:
        return Elementwise(self._space, f"special.{name}")


# ---------------------------------------------------------------- the kind
def _inside(x: Batched) -> Array:
    inner = x.inner
    while type(inner) is Batched:
        inner = inner.inner
    return inner


def _put(x: Array, device: str) -> Array:
    if type(x) is Batched:
        x._refuse()
    return backend.device_kind(device).put(x, device)


def register() -> None:
    """Make batched arrays known to the library."""
    kind = Kind(
        type=Batched,
        xp=None,
        device_of=lambda x: backend.device_of(_inside(x)),
        put=_put,
        get=lambda x: x._refuse(),
        space=Space,
        uniform=_batched.uniform,
    )
    register_kind(kind, None)
