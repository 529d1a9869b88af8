"""New tensors from shapes and ranges."""

from typing import Any

from . import backend
from ._op import XP
from ._tensor import Tensor, asarray
from .nodes import wrap
from .ops.shape import broadcast_to, reshape


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
    start: Any,
    stop: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Evenly spaced values below ``stop``; integers if the arguments are."""
    start, stop = (0, start) if stop is None else (start, stop)
    if dtype is None and any(isinstance(x, float) for x in (start, stop, step)):
        dtype = backend.get_default_dtype()
    return _new(
        "arange", start, stop, step, dtype=dtype, device=device, requires_grad=requires_grad
    )


def linspace(
    start: float,
    stop: float,
    num: int = 50,
    endpoint: bool = True,
    *,
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """``num`` evenly spaced values from ``start`` to ``stop``, without the last if so asked."""
    dtype = dtype or backend.get_default_dtype()
    return _new("linspace", start, stop, num, endpoint, dtype=dtype, device=device,
                requires_grad=requires_grad)  # fmt: skip


def eye(
    n_rows: int,
    n_cols: int | None = None,
    k: int = 0,
    *,
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Ones on the ``k``-th diagonal of an ``n_rows`` by ``n_cols`` matrix, zeros elsewhere."""
    dtype = dtype or backend.get_default_dtype()
    return _new("eye", n_rows, n_cols, k, dtype=dtype, device=device, requires_grad=requires_grad)


def _like(
    name: str, x: Any, *value: Any, dtype: Any, device: str | None, requires_grad: bool
) -> Tensor:
    data = getattr(x, "_data", x)
    if not backend.is_array(data):
        data = asarray(data, device=device)._data
    made = getattr(backend.namespace(data), name)(data, *value, dtype=dtype)
    result: Tensor = wrap(made if device is None else backend.to_device(made, device))
    return result.requires_grad_() if requires_grad else result


def zeros_like(
    x: Any, *, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Any:
    """Zeros of the shape, and unless said otherwise of the dtype and device, of ``x``."""
    return _like("zeros_like", x, dtype=dtype, device=device, requires_grad=requires_grad)


def ones_like(
    x: Any, *, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Any:
    """Ones of the shape, and unless said otherwise of the dtype and device, of ``x``."""
    return _like("ones_like", x, dtype=dtype, device=device, requires_grad=requires_grad)


def empty_like(
    x: Any, *, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Any:
    """Memory as found, of the shape, and unless said otherwise dtype and device, of ``x``."""
    return _like("empty_like", x, dtype=dtype, device=device, requires_grad=requires_grad)


def full_like(
    x: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
) -> Any:
    """One value repeated, of the shape, and unless said otherwise dtype and device, of ``x``."""
    return _like("full_like", x, fill_value, dtype=dtype, device=device,
                 requires_grad=requires_grad)  # fmt: skip


def meshgrid(*xs: Any, indexing: str = "xy") -> list[Any]:
    """Grids of coordinates: each of the arrays repeated along the axes of the others.

    Parameters
    ----------
    *xs : array, shape (n,)
    indexing : {"xy", "ij"}
        Whether the first two axes are exchanged, as for pictures, or in order, as for matrices.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f'meshgrid: indexing is "xy" or "ij", not {indexing!r}')
    order = list(range(len(xs)))
    if indexing == "xy":
        order[:2] = order[1::-1] if len(xs) > 1 else order
    lengths = [0] * len(xs)
    for x, axis in zip(xs, order, strict=True):
        if len(x.shape) > 1:
            raise ValueError(f"meshgrid: an array of shape {x.shape}; it needs one axis")
        lengths[axis] = x.shape[0] if x.shape else 1
    return [
        broadcast_to(
            reshape(x, tuple([n if i == axis else 1 for i, n in enumerate(lengths)])),
            tuple(lengths),
        )
        for x, axis in zip(xs, order, strict=True)
    ]


# What rules and bodies may use besides ops when they run on tensors.
XP.zeros_like, XP.ones_like = zeros_like, ones_like
XP.asarray = lambda x: x if hasattr(x, "_node") else asarray(x)
