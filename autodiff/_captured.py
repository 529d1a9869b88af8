"""Arrays that know which place they have in a program: what tensors hold while one is captured."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ._op import REGISTRY
from .backend import Array


class Captured:
    """An array while a program is captured: its value, and its place in the program.

    Attributes
    ----------
    inner : ndarray
        The value it has in this run.
    number : int or None
        Which value of the program it is; None for a constant.
    origin : array
        Of a constant, the array as it was met, on whatever device.
    """

    __slots__ = ("__weakref__", "capture", "inner", "number", "origin")
    __array_ufunc__ = None  # ``ndarray + captured`` is left to this class
    __hash__ = object.__hash__
    base = None  # its memory is never looked at through a view

    def __init__(
        self, capture: Any, inner: np.ndarray, number: int | None, origin: Array = None
    ) -> None:
        self.capture, self.inner, self.number, self.origin = capture, inner, number, origin

    @property
    def shape(self) -> tuple[int, ...]:
        return self.inner.shape

    @property
    def ndim(self) -> int:
        return self.inner.ndim

    @property
    def size(self) -> int:
        return self.inner.size

    @property
    def dtype(self) -> Any:
        return self.inner.dtype

    @property
    def T(self) -> Any:
        return REGISTRY["transpose"](self)

    @property
    def mT(self) -> Any:
        return REGISTRY["swapaxes"](self, -1, -2)

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        return REGISTRY["astype"](self, np.dtype(dtype))

    def __len__(self) -> int:
        return len(self.inner)

    def __repr__(self) -> str:
        return f"<value {self.number} of shape {self.shape} {self.dtype}>"

    def __getitem__(self, index: Any) -> Any:
        return REGISTRY["getitem"](self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(
            "capture: a write in place cannot be captured; make a new tensor, as by ad.where, "
            "ad.concatenate or x = x + y"
        )

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            f"capture: a value of shape {self.shape} differs from call to call, so it cannot "
            "become a number, decide an `if`, be written into an array or be computed with by "
            "NumPy; use ad.where and other ops"
        )

    __float__ = __int__ = __bool__ = __index__ = __complex__ = __array__ = _refuse
    item = tolist = _refuse


OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power",
    "floordiv": "floor_divide", "mod": "remainder", "matmul": "matmul", "and": "bitwise_and",
    "or": "bitwise_or", "xor": "bitwise_xor", "lshift": "bitwise_left_shift",
    "rshift": "bitwise_right_shift",
}  # fmt: skip
COMPARISONS = {
    "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater",
    "ge": "greater_equal",
}  # fmt: skip
UNARY = {"neg": "negative", "abs": "absolute", "invert": "bitwise_invert"}


def _binary(op: str, reflected: bool) -> Callable[[Captured, Any], Any]:
    """A method that is an op of two operands."""

    def apply(self: Captured, other: Any) -> Any:
        if hasattr(other, "_node"):
            return NotImplemented  # a tensor
        return REGISTRY[op](other, self) if reflected else REGISTRY[op](self, other)

    return apply


for _name, _op in (OPERATORS | COMPARISONS).items():
    setattr(Captured, f"__{_name}__", _binary(_op, reflected=False))
for _name, _op in OPERATORS.items():
    setattr(Captured, f"__r{_name}__", _binary(_op, reflected=True))
for _name, _op in UNARY.items():
    setattr(Captured, f"__{_name}__", lambda self, op=_op: REGISTRY[op](self))


def inside(x: Any) -> list[Any]:
    """The captured arrays in options: an index may have some."""
    if type(x) is Captured:
        return [x]
    if isinstance(x, dict):
        x = tuple(x.values())
    return [y for part in x for y in inside(part)] if type(x) in (tuple, list) else []


def plain(x: Any) -> Any:
    """With values in the place of captured arrays."""
    if type(x) is Captured:
        return x.inner
    return type(x)(map(plain, x)) if type(x) in (tuple, list) else x
