"""The array API standard, 2024.12: what a namespace says of itself, its dtypes, and DLPack."""

import math
from typing import Any

import numpy as np

from . import backend, cuda
from ._exchange import API_VERSIONS
from ._tensor import Tensor

__array_api_version__ = API_VERSIONS[-1]

e, inf, nan, newaxis, pi = math.e, math.inf, math.nan, None, math.pi

_NAMES = [
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float32", "float64",
]  # fmt: skip


class NamespaceInfo:
    """What ``ad.__array_namespace_info__()`` returns: an inspection of this library."""

    def capabilities(self) -> dict[str, Any]:
        """Masks as indices and shapes that depend on data are there; at most 64 axes."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        """Where new tensors are made."""
        return backend.default_device()

    def default_dtypes(self, *, device: str | None = None) -> dict[str, Any]:
        """The dtypes of Python numbers. There are no complex ones."""
        integer = np.dtype(np.int64)
        return {
            "real floating": backend.get_default_dtype(), "integral": integer, "indexing": integer
        }  # fmt: skip

    def dtypes(self, *, device: str | None = None, kind: Any = None) -> dict[str, Any]:
        """The dtypes of a kind (as in `isdtype`), or all, by name."""
        every = {name: np.dtype(name) for name in _NAMES}
        return {name: d for name, d in every.items() if kind is None or isdtype(d, kind)}

    def devices(self) -> list[str]:
        """The CPU and every GPU."""
        return ["cpu", *(f"cuda:{i}" for i in range(cuda.device_count()))]


def __array_namespace_info__() -> NamespaceInfo:
    """What this library can do, in the words of the standard."""
    return NamespaceInfo()


# ---------------------------------------------------------------- dtypes
def _dtype(x: Any) -> Any:
    described = isinstance(x, type) or not hasattr(x, "dtype")
    return np.dtype(x) if described else x.dtype


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a dtype is of a kind.

    Parameters
    ----------
    dtype : dtype
    kind : dtype, str or tuple of them
        ``"bool"``, ``"signed integer"``, ``"unsigned integer"``, ``"integral"``,
        ``"real floating"``, ``"complex floating"`` or ``"numeric"``.
    """
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if np.dtype(dtype).name == "bfloat16":  # NumPy does not know it as a float
        dtype = np.float32 if any(isinstance(k, str) for k in kinds) else dtype
    return bool(np.isdtype(np.dtype(dtype), kind))


def result_type(*arrays_and_dtypes: Any) -> Any:
    """The dtype that operands of these dtypes become in an elementwise op.

    Python numbers, and NumPy's, are weak.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.result_type(ad.float32, ad.int64), ad.result_type(ad.tensor([1]), 2.5)
    (dtype('float32'), dtype('float32'))
    """
    numbers = (bool, int, float, np.generic)
    weak = [type(x.item() if isinstance(x, np.generic) else x)
            for x in arrays_and_dtypes if isinstance(x, numbers)]  # fmt: skip
    strong = [_dtype(x) for x in arrays_and_dtypes if not isinstance(x, numbers)]
    if not strong:
        raise ValueError("result_type: give at least one array or dtype; numbers alone have none")
    dtype = backend.common_dtype(strong, float in weak)
    return np.dtype(np.int64) if dtype.kind == "b" and int in weak else dtype


def can_cast(from_: Any, to: Any) -> bool:
    """Whether a dtype, or that of a tensor, becomes ``to`` when the two meet in an op."""
    return bool(result_type(_dtype(from_), to) == np.dtype(to))


def _info(find: str, type: Any) -> Any:
    dtype = _dtype(type)
    if dtype.name == "bfloat16":
        import ml_dtypes

        return getattr(ml_dtypes, find)(dtype)
    return getattr(np, find)(dtype)


def finfo(type: Any) -> Any:
    """Limits of a float dtype, or of a tensor's: ``bits eps max min smallest_normal dtype``."""
    return _info("finfo", type)


def iinfo(type: Any) -> Any:
    """Limits of an integer dtype, or of a tensor's: ``bits max min dtype``."""
    return _info("iinfo", type)


# ---------------------------------------------------------------- DLPack
_CPU, _CUDA, _PINNED, _MANAGED = 1, 2, 3, 13


def from_dlpack(x: Any, /, *, device: str | None = None, copy: bool | None = None) -> Tensor:
    """A tensor that shares the memory of another library's array.

    Parameters
    ----------
    x : object with ``__dlpack__`` and ``__dlpack_device__``
        An array of NumPy, CuPy, PyTorch, JAX.
    device : str, optional
        Copies it there if it is elsewhere.
    copy : bool, optional
        True: always copy. False: never, and raise instead. A tensor on read-only memory refuses
        writes.

    Raises
    ------
    BufferError
        If it cannot be shared: it requires a gradient, or has a dtype that NumPy or CuPy lack.
    ValueError
        If ``copy`` is False and the device another one.

    Examples
    --------
    >>> import numpy as np, autodiff as ad
    >>> a = np.array([1.0, 2.0])
    >>> t = ad.from_dlpack(a)
    >>> a[0] = 5.0
    >>> t
    tensor([5., 2.], dtype=float64)
    """
    if not hasattr(x, "__dlpack_device__"):
        raise TypeError(f"from_dlpack: {type(x).__name__} has no __dlpack__; use ad.asarray")
    place = int(x.__dlpack_device__()[0])
    if place in (_CPU, _PINNED):
        library: Any = np
    elif place in (_CUDA, _MANAGED):
        library = backend.cupy()
    else:
        raise BufferError(f"from_dlpack: DLPack device {place} is neither the CPU nor CUDA")
    try:
        array = library.from_dlpack(x)
    except (BufferError, RuntimeError) as error:
        raise BufferError(
            f"from_dlpack: this {type(x).__name__} cannot be shared: {error} (dtypes: bool, "
            "integers, float16, float32, float64; convert first, detach() what needs a gradient)"
        ) from error
    moved = array if device is None else backend.to_device(array, device)
    if copy is False and moved is not array:
        raise ValueError(
            f"from_dlpack: the array is on {backend.device_of(array)}, and copy=False forbids to "
            f"copy it to {device}"
        )
    if copy and moved is array:
        moved = backend.namespace(array).array(array)
    return Tensor(moved)
