"""Scalar mode: one Python float at a time, through the same ops as tensors."""

from typing import Any, Self

from . import _codegen, backend
from ._op import XP
from ._variable import Variable
from .nodes import VARIABLES, Leaf, Node, ScalarNode, wrap
from .ops import arithmetic, cast, elementwise


def _reflected(op: Any) -> Any:
    record = op.scalar
    return lambda self, other: record(other, self)


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

    __add__ = arithmetic.add.scalar
    __sub__ = arithmetic.subtract.scalar
    __mul__ = arithmetic.multiply.scalar
    __truediv__ = arithmetic.divide.scalar
    __pow__ = arithmetic.power.scalar
    # Sums and products commute, so the reflected operators need no swap.
    __radd__ = arithmetic.add.scalar
    __rmul__ = arithmetic.multiply.scalar
    __rsub__ = _reflected(arithmetic.subtract)
    __rtruediv__ = _reflected(arithmetic.divide)
    __rpow__ = _reflected(arithmetic.power)
    __neg__ = arithmetic.negative.scalar
    __abs__ = arithmetic.absolute.scalar

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

    exp = elementwise.exp.scalar
    log = elementwise.log.scalar
    sqrt = elementwise.sqrt.scalar
    tanh = elementwise.tanh.scalar
    sigmoid = elementwise.sigmoid.scalar
    relu = elementwise.relu.scalar
    clip = elementwise.clip.scalar
    abs = arithmetic.absolute.scalar


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
