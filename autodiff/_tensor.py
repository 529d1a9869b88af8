"""`Tensor`: arrays that record what is done with them."""

from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np

from . import _codegen, _products, backend
from . import _inplace as writes
from ._exchange import Exchange
from ._op import XP
from ._variable import Method, Variable
from .backend import Array
from .nodes import VARIABLES, Leaf, Node
from .ops import (
    along,
    arithmetic,
    batching,
    bits,
    cast,
    elementwise,
    indexing,
    linalg,
    rearrange,
    reduce,
    rounding,
    scan,
    shape,
    sorting,
    statistics,
)


def _method(op: Any, reflected: bool = False) -> Method:
    return Method(op, "record", reflected)


def _inplace(op: Any) -> Callable[["Tensor", Any], "Tensor"]:
    def assign(self: "Tensor", other: Any) -> "Tensor":
        result: Tensor = writes.update(op, self, other)
        return result

    return assign


def _comparison(op: Any) -> Callable[[Any, Any], Any]:
    def compare(self: Any, other: Any) -> Any:
        known = (Variable, np.generic, int, float, list, tuple)
        if not isinstance(other, known) and type(other) not in backend.NAMESPACES:
            return NotImplemented  # so that ``tensor == None`` is False
        return op(self, other)

    return compare


class Tensor(Exchange):
    """An array on some device, with its gradient and the graph that it came from.

    Made by `tensor` (copies), `asarray` (shares), or by any op on a tensor.

    Attributes
    ----------
    data : array
        The raw NumPy or CuPy array. Assigning replaces it; writing into it with
        ``t.data[...] = x`` is not tracked.
    grad : Tensor or None
        The gradient, if ``requires_grad`` and a backward pass reached it.
    """

    __slots__ = ()

    def __init__(self, data: Array, node: Node | None = None) -> None:
        self._data = data
        self._node = node
        self._grad = None
        self._name = None
        self._alias = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _register(cls)

    def _like(self, value: Any) -> "Tensor":
        data = value if type(value) in backend.KINDS else backend.from_python(value)
        return Tensor(backend.to_device(data, self.device).astype(self.dtype))

    def _one(self) -> Array:
        data = self._data
        one = backend.namespace(data).array(1, data.dtype)
        return one if data.shape == () else one.reshape(data.shape)

    # ------------------------------------------------------------ description
    @property
    def data(self) -> Array:
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        value = value._data if isinstance(value, Variable) else value
        backend.kind_of(value)
        if self._node is not None and not backend.is_float(value.dtype):
            raise TypeError(
                f"this tensor requires a gradient, so its data cannot become {value.dtype}; "
                "call requires_grad_(False) first"
            )
        backend.stamp(value)  # ``t.data += 1`` wrote before it assigned
        self._data = value
        if isinstance(self._node, Leaf):
            self._node.describe(value)

    @property
    def device(self) -> str:
        """Where the data lives: ``"cpu"``, ``"cuda:0"``."""
        return backend.device_of(self._data)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._data.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(self._data.size)

    @property
    def T(self) -> "Tensor":
        """The axes in reverse order."""
        result: Tensor = shape.transpose(self)
        return result

    @property
    def mT(self) -> "Tensor":
        """The last two axes exchanged."""
        result: Tensor = shape.swapaxes(self, -1, -2)
        return result

    def __repr__(self) -> str:
        if type(self._data) in backend.WRAPPERS:
            parts = [repr(self._data)]
        else:
            host = backend.to_numpy(self._data)
            parts = [np.array2string(host, separator=", ", prefix="tensor(")]
        if self.size == 0 and self.ndim > 1:
            parts.append(f"shape={self.shape}")
        if self.dtype not in (backend.get_default_dtype(), np.int64, np.bool_):
            parts.append(f"dtype={self.dtype}")
        if self.device != "cpu":
            parts.append(f'device="{self.device}"')
        if self._name is not None:
            parts.append(f"name={self._name!r}")
        if self._node is not None:
            op = self._node.op
            parts.append(f"op={op.name}" if op else "requires_grad=True")
        return f"tensor({', '.join(parts)})"

    # ------------------------------------------------------------ conversion
    def item(self) -> Any:
        """The value of a single element as a Python number.

        Raises
        ------
        ValueError
            If there are several elements, or none.
        """
        if self._data.size != 1:
            raise ValueError(
                f"a tensor of shape {self.shape} is not a single number or truth value; reduce it "
                "first: .sum(), .any(), .all()"
            )
        return self._data.item()

    def numpy(self) -> np.ndarray:
        """The data as a NumPy array, sharing memory.

        Raises
        ------
        RuntimeError
            If it requires a gradient (use ``detach()``).
        TypeError
            If it is on a GPU (use ``cpu()``: nothing is copied unasked).
        """
        if self._node is not None:
            raise RuntimeError(
                "this tensor requires a gradient, which a NumPy array cannot carry; "
                "use .detach().numpy()"
            )
        if self.device != "cpu":
            raise TypeError(f"this tensor is on {self.device}; copy it with .cpu().numpy()")
        return backend.to_numpy(self._data)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def detach(self) -> "Tensor":
        """The same data outside of any graph."""
        return Tensor(self._data)

    def clone(self) -> "Tensor":
        """A copy of the data; gradients flow through."""
        result: Tensor = cast.clone(self)
        return result

    def astype(self, dtype: Any) -> "Tensor":
        """In another dtype; gradients come back in this one. Integers carry none."""
        x = self if backend.is_float(np.dtype(dtype)) else self.detach()
        result: Tensor = self if self.dtype == dtype else cast.astype(x, dtype)
        return result

    def to(self, target: Any) -> "Tensor":
        """On another device (``"cpu"``, ``"cuda"``), or in another dtype.

        Itself if it is so already; gradients flow back.
        """
        if isinstance(target, str) and not hasattr(np, target):
            device = backend.parse_device(target)
            result: Tensor = self if device == self.device else cast.move(self, device, self.device)
            return result
        return self.astype(target)

    def cpu(self) -> "Tensor":
        """On the CPU."""
        return self.to("cpu")

    def cuda(self) -> "Tensor":
        """On the first GPU."""
        return self.to("cuda")

    # ------------------------------------------------------------ containers
    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("a tensor of shape () has no length")
        return int(self.shape[0])

    def __iter__(self) -> Iterator["Tensor"]:
        for i in range(len(self)):
            yield self[i]

    def __getitem__(self, index: Any) -> "Tensor":
        raw = _raw(index)
        if raw is not index and backend.WRAPPERS:
            self = batching.beside(self, raw)
        result: Tensor = indexing.getitem(self, raw)
        return result

    def __setitem__(self, index: Any, value: Any) -> None:
        writes.setitem(self, _raw(index), value)

    __hash__ = object.__hash__

    # ------------------------------------------------------------ operators
    __add__ = _method(arithmetic.add)
    __sub__ = _method(arithmetic.subtract)
    __mul__ = _method(arithmetic.multiply)
    __truediv__ = _method(arithmetic.divide)
    __floordiv__ = _method(rounding.floor_divide)
    __mod__ = _method(rounding.remainder)
    __pow__ = _method(arithmetic.power)
    __matmul__ = _method(linalg.matmul)
    __radd__ = _method(arithmetic.add, reflected=True)
    __rsub__ = _method(arithmetic.subtract, reflected=True)
    __rmul__ = _method(arithmetic.multiply, reflected=True)
    __rtruediv__ = _method(arithmetic.divide, reflected=True)
    __rfloordiv__ = _method(rounding.floor_divide, reflected=True)
    __rmod__ = _method(rounding.remainder, reflected=True)
    __rpow__ = _method(arithmetic.power, reflected=True)
    __rmatmul__ = _method(linalg.matmul, reflected=True)
    __iadd__ = _inplace(arithmetic.add)
    __isub__ = _inplace(arithmetic.subtract)
    __imul__ = _inplace(arithmetic.multiply)
    __itruediv__ = _inplace(arithmetic.divide)
    __ifloordiv__ = _inplace(rounding.floor_divide)
    __imod__ = _inplace(rounding.remainder)
    __ipow__ = _inplace(arithmetic.power)
    __imatmul__ = _inplace(linalg.matmul)
    __neg__ = _method(arithmetic.negative)
    __abs__ = _method(arithmetic.absolute)
    __eq__ = _comparison(arithmetic.equal)
    __ne__ = _comparison(arithmetic.not_equal)
    __lt__ = _comparison(arithmetic.less)
    __le__ = _comparison(arithmetic.less_equal)
    __gt__ = _comparison(arithmetic.greater)
    __ge__ = _comparison(arithmetic.greater_equal)
    __and__ = _method(bits.bitwise_and)
    __or__ = _method(bits.bitwise_or)
    __xor__ = _method(bits.bitwise_xor)
    __lshift__ = _method(bits.bitwise_left_shift)
    __rshift__ = _method(bits.bitwise_right_shift)
    __rand__ = _method(bits.bitwise_and, reflected=True)
    __ror__ = _method(bits.bitwise_or, reflected=True)
    __rxor__ = _method(bits.bitwise_xor, reflected=True)
    __rlshift__ = _method(bits.bitwise_left_shift, reflected=True)
    __rrshift__ = _method(bits.bitwise_right_shift, reflected=True)
    __iand__ = _inplace(bits.bitwise_and)
    __ior__ = _inplace(bits.bitwise_or)
    __ixor__ = _inplace(bits.bitwise_xor)
    __ilshift__ = _inplace(bits.bitwise_left_shift)
    __irshift__ = _inplace(bits.bitwise_right_shift)
    __invert__ = _method(bits.bitwise_invert)

    def __pos__(self) -> Self:
        return self

    # ------------------------------------------------------------ methods
    sum = _method(reduce.sum)
    mean = _method(reduce.mean)
    max = _method(reduce.max)
    min = _method(reduce.min)
    argmax = _method(reduce.argmax)
    argmin = _method(reduce.argmin)
    prod = _method(reduce.prod)
    var = _method(statistics.var)
    std = _method(statistics.std)
    cumsum = _method(scan.cumsum)
    cumprod = _method(scan.cumprod)
    any = _method(reduce.any)
    all = _method(reduce.all)
    take = _method(along.take)
    sort = _method(sorting.sort)
    argsort = _method(sorting.argsort)
    squeeze = _method(shape.squeeze)
    swapaxes = _method(shape.swapaxes)
    diagonal = _method(rearrange.diagonal)
    exp = _method(elementwise.exp)
    log = _method(elementwise.log)
    sqrt = _method(elementwise.sqrt)
    tanh = _method(elementwise.tanh)
    sigmoid = _method(elementwise.sigmoid)
    relu = _method(elementwise.relu)
    abs = _method(arithmetic.absolute)
    clip = _method(elementwise.clip)

    def reshape(self, *lengths: Any) -> "Tensor":
        """In another shape: ``reshape(2, 3)`` or ``reshape((2, 3))``."""
        result: Tensor = shape.reshape(self, lengths[0] if len(lengths) == 1 else lengths)
        return result

    def transpose(self, *axes: Any) -> "Tensor":
        """The axes in another order; reversed if none is given."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
        result: Tensor = shape.transpose(self, order)
        return result

    permute = transpose

    def dot(self, other: Any) -> "Tensor":
        """As `autodiff.dot`."""
        result: Tensor = _products.dot(self, other)
        return result

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> "Tensor":
        """As `autodiff.trace`."""
        result: Tensor = _products.trace(self, offset, axis1, axis2)
        return result

    def flatten(self, start_axis: int = 0, end_axis: int = -1) -> "Tensor":
        """With the axes from one to another, all unless said otherwise, made one."""
        result: Tensor = shape.flatten(self, start_axis, end_axis)
        return result

    def ravel(self) -> "Tensor":
        """In one axis."""
        return self.flatten()

    def repeat(self, repeats: Any, axis: int | None = None) -> "Tensor":
        """Each value repeated, along an axis, or of all flattened."""
        result: Tensor = rearrange.repeat(self, repeats, axis)
        return result

    def nonzero(self) -> tuple["Tensor", ...]:
        """The places of the values that are not 0: for each axis a tensor of indices."""
        result: tuple[Tensor, ...] = indexing.nonzero(self)
        return result


def _raw(index: Any) -> Any:
    """An index with arrays for the tensors in it."""
    if isinstance(index, Variable):
        return index._data
    if type(index) in (tuple, list):
        return type(index)([_raw(i) for i in index])
    return index


def _register(cls: type[Tensor]) -> None:
    _codegen.TENSORS.add(cls)
    backend.NAMESPACES[cls] = XP


_register(Tensor)
_codegen.SPACE["Tensor"] = Tensor
VARIABLES[None] = Tensor


# ---------------------------------------------------------------- creation
def _host(data: Any, dtype: Any) -> Array:
    """A raw array of anything array-like, on its device if it has one."""
    if isinstance(data, Variable):
        data = data._data
    if backend.is_array(data):
        return data if dtype is None or data.dtype == dtype else data.astype(dtype)
    if isinstance(data, np.generic) or hasattr(data, "__array__"):
        return np.asarray(data, dtype=dtype)  # another library's array keeps its dtype too
    return backend.from_python(data, dtype)


def _place(array: Array, device: str | None) -> Array:
    if device is None and type(array) is np.ndarray:
        device = backend.default_device()
    return array if device is None else backend.to_device(array, device)


def tensor(
    data: Any,
    *,
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
    name: str | None = None,
) -> Tensor:
    """A tensor with a copy of ``data``.

    Parameters
    ----------
    data : array_like
        Python floats get the default dtype; arrays keep theirs.
    dtype : dtype, optional
    device : str, optional
        The default device if the data is on the host, else where the data is.
    requires_grad : bool
    name : str, optional
        What it is called in pictures and messages.

    Raises
    ------
    TypeError
        If an integer or bool tensor is asked to require a gradient.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.tensor([[1, 2.5]], requires_grad=True)
    tensor([[1. , 2.5]], requires_grad=True)
    """
    array = _host(data, dtype)
    placed = _place(array, device)
    if placed is array:
        placed = backend.namespace(array).array(array)
    made = Tensor(placed)
    made._name = name
    return made.requires_grad_() if requires_grad else made


def asarray(
    data: Any, *, dtype: Any = None, device: str | None = None, copy: bool | None = None
) -> Tensor:
    """A tensor that shares memory with ``data`` where it can; a tensor as it is.

    With ``copy=True`` it never shares, with ``copy=False`` it raises a ``ValueError`` rather than
    copy. A tensor keeps its gradient.
    """
    if isinstance(data, Tensor):
        made = data if dtype is None else data.astype(dtype)
        made = made if device is None else made.to(device)
        if copy and made is data:
            made = data.clone()
    elif copy:
        return tensor(data, dtype=dtype, device=device)
    else:
        if copy is False and not backend.is_array(data) and hasattr(data, "__array__"):
            data = np.asarray(data, copy=False)
        made = Tensor(_place(_host(data, dtype), device))
    if copy is False and made._data is not getattr(data, "_data", data):
        raise ValueError(
            f"asarray: this {type(data).__name__} cannot become a tensor of that dtype on that "
            "device without a copy; leave copy=False out"
        )
    return made
