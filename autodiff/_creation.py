"""New tensors from shapes and ranges."""

from typing import Any

from . import backend
from ._op import XP
from ._tensor import Tensor, asarray
from .nodes import wrap


def _new(name: str, *args: Any, dtype: Any, device: str | None, requires_grad: bool) -> Tensor:
    device = backend.default_device() if device is None else device
    kind = backend.device_kind(device)
    make = getattr(kind.xp, name)
    if kind.device_of(probe := make(*args, dtype=dtype)) != backend.parse_device(device):
        probe = kind.put(probe, device)  # another GPU than the current one
    made = Tensor(probe)
    return made.requires_grad_() if requires_grad else made


def zeros(
    shape: Any, *, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """Zeros of the default dtype, or another."""
    dtype = dtype or backend.get_default_dtype()
    return _new("zeros", shape, dtype=dtype, device=device, requires_grad=requires_grad)


def ones(
    shape: Any, *, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """Ones of the default dtype, or another."""
    dtype = dtype or backend.get_default_dtype()
    return _new("ones", shape, dtype=dtype, device=device, requires_grad=requires_grad)


def empty(
    shape: Any, *, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """Memory as it was found, of the default dtype, or another."""
    dtype = dtype or backend.get_default_dtype()
    return _new("empty", shape, dtype=dtype, device=device, requires_grad=requires_grad)


def full(
    shape: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """One value repeated; its dtype, with floats of the default one."""
    dtype = dtype or backend.from_python(fill_value).dtype
    return _new("full", shape, fill_value, dtype=dtype, device=device, requires_grad=requires_grad)


def arange(
    start: Any, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: str | None = None
) -> Tensor:
    """Evenly spaced values below ``stop``; integers if the arguments are."""
    start, stop = (0, start) if stop is None else (start, stop)
    if dtype is None and any(isinstance(x, float) for x in (start, stop, step)):
        dtype = backend.get_default_dtype()
    return _new("arange", start, stop, step, dtype=dtype, device=device, requires_grad=False)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """Ones on the diagonal of an ``n`` by ``m`` matrix, zeros elsewhere."""
    dtype = dtype or backend.get_default_dtype()
    return _new("eye", n, m, dtype=dtype, device=device, requires_grad=False)


def zeros_like(x: Any) -> Any:
    """Zeros of the shape, dtype and device of ``x``."""
    data = getattr(x, "_data", x)
    return wrap(backend.namespace(data).zeros_like(data))


def ones_like(x: Any) -> Any:
    """Ones of the shape, dtype and device of ``x``."""
    data = getattr(x, "_data", x)
    return wrap(backend.namespace(data).ones_like(data))


# What rules and bodies may use besides ops when they run on tensors.
XP.zeros_like, XP.ones_like = zeros_like, ones_like
XP.asarray = lambda x: x if hasattr(x, "_node") else asarray(x)
