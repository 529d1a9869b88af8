"""What `save` is given, as JSON beside named arrays, and back.

Lists, strings, finite numbers, bools and None are written as JSON has them. Anything else is an
object of one tag: ``{"dict": [[key, value], ...]}``, ``{"tuple": [...]}``, ``{"float": "nan"}``,
``{"tensor": name}``, ``{"array": name}``, ``{"number": name}`` (of NumPy), ``{"scalar": value}``.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from . import backend
from ._tensor import Tensor
from ._variable import Variable
from .backend import Array
from .scalar import Scalar

MAX_DEPTH = 200
"""How deep containers may be nested: far from Python's own limit, which is a thousand calls."""

_PLAIN = (str, bool, int, type(None))


class Encoder:
    """Turns an object into JSON; the arrays found on the way are in ``arrays`` by name."""

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}

    def encode(self, x: Any, path: tuple[Any, ...] = ()) -> Any:
        """The JSON of ``x``, which is found at ``path`` of what is saved."""
        if len(path) > MAX_DEPTH:
            raise ValueError(
                f"save: the value at {shown(path[:3])}... is nested more than {MAX_DEPTH} deep, or "
                "contains itself"
            )
        cls = type(x)
        if cls in _PLAIN:
            return x
        if cls is float:
            return x if math.isfinite(x) else {"float": repr(x)}
        if cls is list:
            return [self.encode(item, (*path, i)) for i, item in enumerate(x)]
        if cls is tuple:
            return {"tuple": [self.encode(item, (*path, i)) for i, item in enumerate(x)]}
        if cls is dict or cls is OrderedDict:
            return {
                "dict": [[self._key(k, path), self.encode(v, (*path, k))] for k, v in x.items()]
            }
        flag = {"requires_grad": True} if isinstance(x, Variable) and _trains(x) else {}
        if isinstance(x, Scalar):
            return {"scalar": self.encode(x.data), **flag}
        if isinstance(x, Tensor):
            return {"tensor": self._store(x.data, path), **flag}
        if isinstance(x, np.generic):
            return {"number": self._store(np.asarray(x), path)}
        if backend.is_array(x):
            return {"array": self._store(x, path)}
        raise TypeError(
            f"save: cannot write the {cls.__name__} at {shown(path)}; tensors, arrays, numbers, "
            "strings, None, and dicts, lists and tuples of them can be written (an object that has "
            "a state_dict() is saved by that)"
        )

    def _key(self, key: Any, path: tuple[Any, ...]) -> Any:
        parts = key if type(key) is tuple else (key,)
        if any(type(part) not in (*_PLAIN, float) for part in parts):
            raise TypeError(
                f"save: cannot write the key {key!r} at {shown(path)}; keys are strings, numbers, "
                "None, or tuples of them"
            )
        return self.encode(key)

    def _store(self, array: Array, path: tuple[Any, ...]) -> str:
        name = ".".join([str(key) for key in path]).encode(errors="replace").decode() or "value"
        free = name
        count = 1
        while free in self.arrays or free == "__metadata__":  # "a.b" and ["a"]["b"] are the same
            count += 1
            free = f"{name}#{count}"
        dtype = array.dtype
        if not (backend.is_float(dtype) or dtype.kind in "biu") or dtype.itemsize > 8:
            raise TypeError(
                f"save: cannot write the array of {dtype} at {shown(path)}; only floats of at most "
                "64 bits, integers and bools can be written"
            )
        self.arrays[free] = array
        return free


def _trains(x: Variable) -> bool:
    """Whether it is a leaf that requires a gradient: a result is saved as plain values."""
    return x.requires_grad and x.is_leaf


def decode(tree: Any, array: Callable[[str], np.ndarray], device: str) -> Any:
    """The object that was encoded.

    Parameters
    ----------
    tree : JSON
    array : callable
        The array of a name; ``KeyError`` if there is none.
    device : str
        Where tensors, and arrays that are not NumPy's own, are put.

    Raises
    ------
    KeyError, TypeError, ValueError, RecursionError
        If it is not what `Encoder` makes.
    """

    def rebuild(x: Any) -> Any:
        cls = type(x)
        if cls in _PLAIN or cls is float:
            return x
        if cls is list:
            return [rebuild(item) for item in x]
        requires_grad = x.pop("requires_grad", False)
        ((tag, value),) = x.items()
        return made(tag, value, requires_grad)

    def made(tag: str, value: Any, requires_grad: bool) -> Any:
        match tag:
            case "dict":
                return {rebuild(k): rebuild(v) for k, v in value}
            case "tuple":
                return tuple([rebuild(item) for item in value])
            case "float" if value in ("nan", "inf", "-inf"):
                return float(value)
            case "scalar":
                return Scalar(rebuild(value), requires_grad is True)
            case "tensor":
                tensor = Tensor(backend.to_device(array(value), device))
                return tensor.requires_grad_() if requires_grad is True else tensor
            case "array":
                return array(value)
            case "number":
                return array(value)[()]
        raise ValueError(f"{tag!r} is no tag of this format")

    return rebuild(tree)


def shown(path: tuple[Any, ...]) -> str:
    """A path as Python writes it: ``['state'][0]``."""
    return "".join(f"[{key!r}]" for key in path) or "the top"
