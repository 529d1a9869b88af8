"""Scalar mode: one Python float at a time, through the same ops as tensors."""

from collections.abc import Callable
from typing import Any, Self

from . import _codegen, backend
from ._op import XP
from ._variable import Method, Variable
from .mode import is_grad_enabled
from .nodes import VARIABLES, Leaf, Node, ScalarNode, wrap
from .ops import arithmetic, cast, elementwise, rounding


def _method(op: Any, reflected: bool = False) -> Method:
    return Method(op, "scalar", reflected)


def _inplace(op: Any) -> Callable[["Scalar", Any], "Scalar"]:
    def assign(self: "Scalar", other: Any) -> "Scalar":
        result: Scalar = op.scalar(self, other)
        if is_grad_enabled() or self._node is None:
            return result
        self.data = result._data  # an update under no_grad: the leaf stays the leaf
        return self

    return assign


class Scalar(Variable):
    """A number that remembers how it was computed.

    Parameters
    ----------
    value : float
    requires_grad : bool
        Whether it collects a gradient; True unless said otherwise.
    name : str, optional
        What it is called in pictures.

    Examples
    --------
    >>> import autodiff as ad
    >>> x = ad.Scalar(2.0, name="x")
    >>> y = x * x + 1
    >>> y.backward()
    >>> x
    Scalar(2.0, grad=4.0, name='x')
    """

    __slots__ = ()
    __array_ufunc__ = None

    def __init__(self, value: Any, requires_grad: bool = True, name: str | None = None) -> None:
        self._data = float(value)
        self._grad = None
        self._name = name
        self._node = None
        if requires_grad:
            self.requires_grad_()

    def _like(self, value: Any) -> "Scalar":
        return Scalar(value, requires_grad=False)

    def _one(self) -> float:
        return 1.0

    @property
    def data(self) -> float:
        """The value as a Python float; assigning replaces it."""
        return float(self._data)

    @data.setter
    def data(self, value: Any) -> None:
        self._data = float(value)
        if isinstance(self._node, Leaf):
            self._node.describe(self._data)

    @property
    def grad(self) -> "Scalar | None":
        """The gradient: of a leaf all that accumulated, of a result that of the last pass."""
        g: Scalar | None = self._grad
        if g is None and isinstance(self._node, ScalarNode) and self._node.gradient is not None:
            return Scalar(self._node.gradient, requires_grad=False)
        return g

    @grad.setter
    def grad(self, value: Any) -> None:
        self._grad = None if value is None else wrap(float(value))

    @property
    def shape(self) -> tuple[int, ...]:
        """Always ``()``."""
        return ()

    @property
    def dtype(self) -> Any:
        """Always float64: what a Python float is."""
        return _codegen.SPACE["FLOAT64"]

    @property
    def device(self) -> str:
        """Always ``"cpu"``."""
        return "cpu"

    @property
    def ndim(self) -> int:
        """Always 0."""
        return 0

    @property
    def size(self) -> int:
        """Always 1."""
        return 1

    def item(self) -> float:
        """The value."""
        return self.data

    def numpy(self) -> float:
        """The value."""
        return self.data

    def detach(self) -> "Scalar":
        """The same value outside of any graph."""
        return Scalar(self._data, requires_grad=False)

    def clone(self) -> "Scalar":
        """A copy; gradients flow through."""
        result: Scalar = cast.clone.scalar(self)
        return result

    def __repr__(self) -> str:
        parts = [repr(self._data)]
        if self.grad is not None:
            parts.append(f"grad={self.grad._data!r}")
        if self._name is not None:
            parts.append(f"name={self._name!r}")
        return f"Scalar({', '.join(parts)})"

    __hash__ = object.__hash__

    __add__ = _method(arithmetic.add)
    __sub__ = _method(arithmetic.subtract)
    __mul__ = _method(arithmetic.multiply)
    __truediv__ = _method(arithmetic.divide)
    __floordiv__ = _method(rounding.floor_divide)
    __mod__ = _method(rounding.remainder)
    __pow__ = _method(arithmetic.power)
    # Sums and products commute, so the reflected operators need no swap.
    __radd__ = _method(arithmetic.add)
    __rmul__ = _method(arithmetic.multiply)
    __rsub__ = _method(arithmetic.subtract, reflected=True)
    __rtruediv__ = _method(arithmetic.divide, reflected=True)
    __rfloordiv__ = _method(rounding.floor_divide, reflected=True)
    __rmod__ = _method(rounding.remainder, reflected=True)
    __rpow__ = _method(arithmetic.power, reflected=True)
    __iadd__ = _inplace(arithmetic.add)
    __isub__ = _inplace(arithmetic.subtract)
    __imul__ = _inplace(arithmetic.multiply)
    __itruediv__ = _inplace(arithmetic.divide)
    __ifloordiv__ = _inplace(rounding.floor_divide)
    __imod__ = _inplace(rounding.remainder)
    __ipow__ = _inplace(arithmetic.power)
    __neg__ = _method(arithmetic.negative)
    __abs__ = _method(arithmetic.absolute)

    def __pos__(self) -> Self:
        return self

    def __eq__(self, other: object) -> bool:
        return bool(self._data == getattr(other, "_data", other))

    def __lt__(self, other: Any) -> bool:
        return bool(self._data < getattr(other, "_data", other))

    def __le__(self, other: Any) -> bool:
        return bool(self._data <= getattr(other, "_data", other))

    def __gt__(self, other: Any) -> bool:
        return bool(self._data > getattr(other, "_data", other))

    def __ge__(self, other: Any) -> bool:
        return bool(self._data >= getattr(other, "_data", other))

    exp = _method(elementwise.exp)
    log = _method(elementwise.log)
    sqrt = _method(elementwise.sqrt)
    tanh = _method(elementwise.tanh)
    sigmoid = _method(elementwise.sigmoid)
    relu = _method(elementwise.relu)
    clip = _method(elementwise.clip)
    abs = _method(arithmetic.absolute)


def _make(value: float, node: Node | None = None) -> Scalar:
    made = object.__new__(Scalar)
    made._data = value
    made._node = node
    made._grad = made._name = None
    return made


_codegen.SCALARS.add(Scalar)
_codegen.SPACE["Scalar"] = Scalar
backend.NAMESPACES[Scalar] = XP
VARIABLES[float] = _make
