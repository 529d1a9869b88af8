"""Array kinds, devices, dtypes and the write counter: all that knows which library computes.

An array kind is a type with a namespace of NumPy's names (``xp``). NumPy's is always there,
CuPy's is added at the first use of a GPU, and anyone may add one with `register_kind`.
"""

import itertools
import os
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from . import floats
from ._special import Special, scipy_special

Array = Any  # whatever some kind's arrays are; a precise type would fight with ``xp``


# ---------------------------------------------------------------- kinds
@dataclass(frozen=True)
class Kind:
    """One type of array and the library that computes with it."""

    type: type
    xp: Any
    device_of: Callable[[Array], str]
    put: Callable[[Array, str], Array]
    """Copy a NumPy array, or an array of this kind, to a device of this kind."""
    get: Callable[[Array], np.ndarray]
    """Copy to a NumPy array."""
    trusted: bool = False
    """Recorders skip the check for mixed devices: the kind has only one."""
    space: Callable[[Array], Any] | None = None
    """The namespace for one array, where it is not the same for all."""
    uniform: Callable[[Sequence[Any]], list[Any]] | None = None
    """What makes operands of several kinds arrays of this one; those inside another array."""
    kernel: Callable[[Any], Callable[..., Any]] | None = None
    """What makes, of any op, the function that runs it on these arrays in its body's place."""


KINDS: dict[type, Kind] = {}
NAMESPACES: dict[type, Any] = {}  # every kind's namespace, and that of tensors
TRUSTED: dict[type, Any] = {}  # the namespaces of kinds with one device
WRAPPERS: dict[type, Kind] = {}  # kinds whose arrays hold an ``inner`` array: see `vmap`
_DEVICES: dict[str, Callable[[], Kind]] = {}  # "cuda" -> what brings its kind


def register_kind(kind: Kind, device: str | None) -> None:
    """Add an array kind, reached under ``device`` if it has one; see docs/architecture.md."""
    KINDS[kind.type] = kind
    if kind.space is None:
        NAMESPACES[kind.type] = kind.xp
    if kind.uniform is not None:
        WRAPPERS[kind.type] = kind
    if kind.trusted:
        TRUSTED[kind.type] = kind.xp
    if device is not None:
        _DEVICES[device] = lambda: kind


def _broadcast_to(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    out = np.empty(shape, x.dtype)
    out[...] = x
    return out


def _matmul(x: Array, y: Array) -> Array:
    if x.ndim == 2 == y.ndim:
        return np.dot(x, y)
    out = np.matmul(x, y)
    # Of bfloat16, NumPy makes float32.
    return out if out.dtype is x.dtype or x.dtype.kind != "V" else out.astype(x.dtype)


def _reduction(ufunc: np.ufunc) -> Callable[..., Any]:
    reduce: Any = ufunc.reduce

    def reduction(x: Array, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
        return reduce(x, axis, dtype, None, keepdims)

    return reduction


# NumPy, its slowest wrappers short-cut: np.sum costs 1 us of Python before it adds anything,
# and np.dot reaches BLAS sooner than np.matmul. Special functions are SciPy's, in the dtype given.
_numpy = SimpleNamespace(**vars(np))
_numpy.sum = _reduction(np.add)
_numpy.max = _reduction(np.maximum)
_numpy.min = _reduction(np.minimum)
_numpy.broadcast_to = _broadcast_to
_numpy.matmul = _matmul
_numpy.special = Special(scipy_special)

register_kind(
    Kind(
        type=np.ndarray,
        xp=_numpy,
        device_of=lambda x: "cpu",
        put=lambda x, device: x,
        get=lambda x: x,
        trusted=True,
    ),
    "cpu",
)
NAMESPACES[float] = floats
# What NumPy returns instead of 0-d arrays may be a gradient on its way.
NAMESPACES |= dict.fromkeys((np.float16, np.float32, np.float64), _numpy)


def _cupy_kind() -> Kind:
    """Import CuPy (half a second) and register its arrays."""
    try:
        import cupy
    except ImportError as error:
        raise RuntimeError(
            f'device "cuda" needs CuPy, which does not import ({error}); install it with '
            "pip install 'autodiff-viz[cuda13]' (or cuda12), or use device=\"cpu\""
        ) from error
    if cupy.ndarray in KINDS:
        return KINDS[cupy.ndarray]
    try:
        cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise RuntimeError(f'device "cuda": CuPy finds no GPU ({error}); use "cpu"') from error

    def put(x: Array, device: str) -> Array:
        with cupy.cuda.Device(_ordinal(device)):
            return cupy.array(x)  # copies from the host, or from another GPU

    def special() -> Any:
        from cupyx.scipy import special

        return special

    kind = Kind(
        type=cupy.ndarray,
        xp=SimpleNamespace(**vars(cupy) | {"special": Special(special)}),
        device_of=lambda x: f"cuda:{x.device.id}",
        put=put,
        get=lambda x: cupy.asnumpy(x),
    )
    register_kind(kind, "cuda")
    return kind


_DEVICES["cuda"] = _cupy_kind


def cupy() -> Any:
    """CuPy's namespace, or a ``RuntimeError`` that says how to get it."""
    return _cupy_kind().xp


def _find_kind(x: Any) -> Kind | None:
    if "cupy" in sys.modules and type(x).__module__.startswith("cupy"):
        _cupy_kind()  # someone else's import counts as first use
    for base in type(x).__mro__:  # NumPy has subclasses such as memmap
        if base in KINDS:
            return KINDS[base]
    return None


def is_array(x: Any) -> bool:
    """Whether ``x`` is an array of some kind."""
    return type(x) in KINDS or _find_kind(x) is not None


def kind_of(x: Array) -> Kind:
    """The kind of an array; ``TypeError`` if it is of none."""
    kind = KINDS.get(type(x)) or _find_kind(x)
    if kind is None:
        raise TypeError(f"{type(x).__name__} is not an array; make one with ad.tensor(...)")
    return kind


def namespace(x: Array) -> Any:
    """The namespace that computes with ``x``: numpy, cupy, floats, or the ops for a tensor."""
    xp = NAMESPACES.get(type(x))
    if xp is not None:
        return xp
    kind = kind_of(x)
    return kind.xp if kind.space is None else kind.space(x)


def as_array(xp: Any, x: Any) -> Array:
    """The result of a body as an array: NumPy's reductions return scalars."""
    return x if type(x) in KINDS else xp.asarray(x)


# ---------------------------------------------------------------- devices
def _ordinal(device: str) -> int:
    _, _, number = device.partition(":")
    return int(number or 0)


def parse_device(device: str) -> str:
    """The full name of a device: ``"cuda"`` is ``"cuda:0"``; ``ValueError`` if unknown."""
    name, colon, number = str(device).partition(":")
    if name not in _DEVICES or (colon and not number.isdigit()) or (name == "cpu" and colon):
        raise ValueError(f'unknown device {device!r}; use "cpu", "cuda" or "cuda:1"')
    return f"cuda:{int(number or 0)}" if name == "cuda" else name


def device_kind(device: str) -> Kind:
    """The kind of the arrays that live on ``device``."""
    return _DEVICES[parse_device(device).partition(":")[0]]()


def device_of(x: Array) -> str:
    """Where an array lives: ``"cpu"``, ``"cuda:0"``."""
    return "cpu" if type(x) is np.ndarray or type(x) is float else kind_of(x).device_of(x)


def to_device(x: Array, device: str) -> Array:
    """``x`` on ``device``; itself if it is there already."""
    device = parse_device(device)
    if device_of(x) == device:
        return x
    target = device_kind(device)
    return target.put(x if target.type is type(x) else kind_of(x).get(x), device)


def to_numpy(x: Array) -> np.ndarray:
    """``x`` as a NumPy array: itself on the CPU, a copy from elsewhere."""
    return np.asarray(x) if isinstance(x, (float, int)) else kind_of(x).get(x)


_device: ContextVar[str | None] = ContextVar("device", default=None)


def default_device() -> str:
    """The device of new tensors: what `set_default_device` said, else ``AUTODIFF_DEVICE``."""
    return _device.get() or parse_device(os.environ.get("AUTODIFF_DEVICE") or "cpu")


def set_default_device(device: str) -> None:
    """Make new tensors on ``device``, in this thread."""
    _device.set(parse_device(device))


@contextmanager
def device(name: str) -> Iterator[None]:
    """Make new tensors on device ``name`` inside a ``with`` block."""
    token = _device.set(parse_device(name))
    try:
        yield
    finally:
        _device.reset(token)


# ---------------------------------------------------------------- dtypes
_default_dtype = np.dtype(np.float32)


def get_default_dtype() -> np.dtype:
    """The float dtype of Python numbers and fresh parameters (``float32`` unless set)."""
    return _default_dtype


def set_default_dtype(dtype: Any) -> None:
    """Set the float dtype of Python numbers and fresh parameters."""
    global _default_dtype
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise TypeError(f"the default dtype must be a float, not {dtype}")
    _default_dtype = dtype


def is_float(dtype: Any) -> bool:
    """Whether a dtype carries gradients: a float, bfloat16 (kind ``V``) included."""
    return bool(dtype.kind == "f" or dtype.name == "bfloat16")


def single(x: Any) -> Any:
    """An array or tensor of floats, in float32 if it is of half precision: to compute sums in."""
    return x.astype(np.float32) if x.dtype.itemsize == 2 else x


def as_dtype(x: Any, dtype: Any) -> Any:
    """An array or tensor in a dtype; itself if it has it."""
    return x if x.dtype == dtype else x.astype(dtype)


def is_integer(x: Any) -> bool:
    """Whether ``x`` is an array of integers."""
    return getattr(x, "dtype", np.dtype(bool)).kind in "iu" and is_array(x)


def common_dtype(dtypes: Iterable[Any], weak_float: bool = False) -> np.dtype:
    """The promotion table: what operands of these dtypes become.

    Floats among themselves as NumPy has it; a float with an integer or a bool gives the
    float's dtype; integers with a Python float give the default float.
    """
    dtypes = list(dtypes)
    inexact = [d for d in dtypes if is_float(d)]
    if inexact:
        return np.result_type(*inexact)
    return _default_dtype if weak_float else np.result_type(*dtypes)


def for_lapack(x: Array) -> Array:
    """``x``, or a ``TypeError`` if LAPACK has no routine for its dtype."""
    if x.dtype.name in ("float16", "bfloat16"):
        raise TypeError(f"LAPACK has no {x.dtype}; use x.astype(ad.float32)")
    return x


def rank_tolerance(x: Array) -> float:
    """Singular values below this times the largest count as zero, unless told otherwise."""
    lengths: tuple[int, ...] = x.shape[-2:]
    return max(lengths) * float(np.finfo(x.dtype).eps)


NUMBERS = {float, int, bool}


def settle(
    name: str, operands: Sequence[Any], promote: tuple[bool, ...], floating: bool
) -> tuple[type, Any, list[Any]]:
    """Bring raw operands to one kind, one device and one dtype; the slow path of every op.

    Python and NumPy scalars are weak and stay numbers, lists become arrays, ``None`` stays.
    ``promote`` says which operands share a dtype; with ``floating``, integers become floats.

    Returns
    -------
    type, namespace, operands
        Those of the array kind found; of ``float`` where there are only numbers.
    """
    operands_: list[Any] = [
        x if not isinstance(x, np.generic) else x.item() if p else np.asarray(x)
        for x, p in zip(operands, promote)
    ]
    kind: Kind | None = None
    place = ""
    some = None
    for x in operands_:
        if type(x) in WRAPPERS:
            operands_ = WRAPPERS[type(x)].uniform(operands_)  # type: ignore[misc]
            break
    for x in operands_:
        if x is None or type(x) in NUMBERS or isinstance(x, (list, tuple)):
            continue
        try:
            other = kind_of(x)
        except TypeError as error:
            raise TypeError(f"{name}: {error}") from None
        where = other.device_of(x)
        if kind is None:
            kind, place, some = other, where, x
        elif where != place or other is not kind:
            raise ValueError(
                f"{name}: operands on different devices, {place} and {where}; move one with "
                f'.to("{place}") (nothing is copied between devices unasked)'
            )
    if any(isinstance(x, (list, tuple)) for x in operands_):
        kind = kind or KINDS[np.ndarray]
        place = place or "cpu"
        operands_ = [
            kind.put(from_python(x), place) if isinstance(x, (list, tuple)) else x
            for x in operands_
        ]
    if kind is None:
        return float, floats, [x if x is None else float(x) for x in operands_]
    arrays = [x is not None and isinstance(x, kind.type) for x in operands_]
    strong = [x.dtype for x, a, p in zip(operands_, arrays, promote) if a and p]
    if strong:
        weak = [type(x) for x, a, p in zip(operands_, arrays, promote) if p and not a]
        dtype = common_dtype(strong, floating or float in weak)
        if floating and not is_float(dtype):
            dtype = _default_dtype
        if dtype.kind == "b" and int in weak:
            dtype = np.dtype(np.int64)
        operands_ = [
            x.astype(dtype) if a and p and x.dtype != dtype else x
            for x, a, p in zip(operands_, arrays, promote)
        ]
    return kind.type, kind.xp if kind.space is None else kind.space(some), operands_


def from_python(data: Any, dtype: Any = None) -> np.ndarray:
    """A NumPy array from Python numbers; floats get the default dtype."""
    array = np.array(data, dtype=dtype)
    if array.dtype == object:
        raise TypeError(
            f"cannot make an array of {type(data).__name__}: it is ragged or not numbers"
        )
    if dtype is None and array.dtype == np.float64 and _default_dtype != np.float64:
        array = array.astype(_default_dtype)
    return array


# ---------------------------------------------------------------- writes
# A value saved for the backward pass must not be written before the walk reads it. One clock
# orders nodes and writes: a node's index is the time at which it was made, every tracked write
# notes its time against the memory's owner, and if the last write of all is older than a node,
# one comparison settles it.
tick = itertools.count(1).__next__
LAST_WRITE = [0]


class Writes:
    """The last write into the memory of one array, found by the array's identity."""

    __slots__ = ("line", "owner", "time")

    def __init__(self, owner: Array) -> None:
        key = id(owner)
        self.owner = weakref.ref(owner, lambda _: _written.pop(key, None))
        self.time = 0
        self.line: str | None = None  # under detect_anomaly


_written: dict[int, Writes] = {}


def owner(x: Array) -> Array:
    """The array whose memory ``x`` shows."""
    while type(x) in WRAPPERS:
        x = x.inner
    while isinstance(getattr(x, "base", None), type(x)):
        x = x.base
    return x


def writes(x: Array) -> Writes:
    """What notes the writes into the memory of ``x``, for those who write it often."""
    memory = owner(x)
    found = _written.get(id(memory))
    if found is None or found.owner() is not memory:
        found = _written[id(memory)] = Writes(memory)
    return found


def stamp(*arrays: Array) -> None:
    """Note that the memory of these arrays was written in place."""
    stamp_all([writes(x) for x in arrays])


def stamp_all(written: Iterable[Writes]) -> None:
    """As `stamp`, for what `writes` gave."""
    LAST_WRITE[0] = now = tick()
    for each in written:
        each.time = now


def written_since(x: Array, time: int) -> bool:
    """Whether the memory of ``x`` was written after ``time``."""
    memory = owner(x)
    found = _written.get(id(memory))
    return found is not None and found.owner() is memory and found.time > time
