"""NumPy's functions on tensors: by name they become ours, which record.

What has no counterpart runs on the raw arrays if no gradient is lost by it, and raises otherwise.
A function that is called on raw arrays is answered by their own library, so nothing is copied from
a GPU.
"""

import inspect
import sys
from collections.abc import Callable, Iterator
from functools import cache, partial
from types import MethodType
from typing import Any

import numpy as np

from . import _inplace as writes
from . import backend
from ._op import REGISTRY
from ._variable import Variable
from .nodes import wrap

# NumPy's and SciPy's names that are not ours.
NAMES = {
    "invert": "bitwise_invert", "left_shift": "bitwise_left_shift", "copy": "clone",
    "right_shift": "bitwise_right_shift", "rint": "round", "fabs": "absolute",
    "conjugate": "positive", "real": "positive", "amax": "max", "amin": "min",
    "expit": "sigmoid", "gammaln": "lgamma", "psi": "digamma",
}  # fmt: skip
OPTIONS = {"ddof": "correction", "a_min": "min", "a_max": "max"}
HINTS = {"casting", "optimize", "order", "overwrite_input", "subok"}
"""Options that change no value, and are left out."""

REDUCE = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}
REDUCE |= {"logical_and": "all", "logical_or": "any"}
ACCUMULATE = {"add": "cumsum", "multiply": "cumprod"}

OTHERS = {"put_along_axis", "save"}
"""Names that we have too, for something else."""

WRITE = {"copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"}
"""Functions that write into their first argument."""

DESCRIBE = {
    "allclose", "argwhere", "array2string", "array_equal", "array_equiv", "array_repr",
    "array_str", "flatnonzero", "isclose", "iscomplexobj", "isin", "isrealobj",
    "may_share_memory", "ndim", "result_type", "shape", "shares_memory", "size",
}  # fmt: skip
"""Functions whose results have no derivative."""


def public() -> Any:
    """The package ``autodiff``, which is above: names are looked up when they are called."""
    return sys.modules[__package__ or ""]


def find(name: str, module: str = "numpy") -> Callable[..., Any] | None:
    """Our function for one of NumPy's or SciPy's, or None."""
    ours = public()
    if name in OTHERS or module not in ("numpy", "numpy.linalg", "scipy.special"):
        return None
    if module == "numpy.linalg":
        return getattr(ours.linalg, name, None) if name in ours.linalg.__all__ else None
    name = NAMES.get(name, name)
    found: Callable[..., Any] | None = (
        getattr(ours, name) if name in ours.__all__ else REGISTRY.get(name)
    )
    return found if callable(found) else None


# ---------------------------------------------------------------- ufuncs
_ufuncs: dict[Any, Callable[..., Any]] = {}


class Protocol:
    """``__array_ufunc__``, which NumPy looks up on the class and CuPy on the object.

    CuPy leaves an operator to the other operand if it finds None there.
    """

    def __get__(self, obj: Any, cls: Any = None) -> Any:
        if obj is None:
            return array_ufunc
        return MethodType(array_ufunc, obj) if type(obj._data) is np.ndarray else None


def array_ufunc(self: Any, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    """Run our counterpart of a ufunc, or of one of its methods."""
    if method == "__call__" and not options and (run := _ufuncs.get(ufunc)) is not None:
        return run(*inputs)
    called = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    outs = options.pop("out", ())
    where = options.pop("where", True)
    if method == "at":
        raise TypeError(f"{called} writes into its argument; use ad.index_add or t[i] += v")
    run = _of_method(ufunc, method, options)
    if run is None:
        result = _on_arrays(called, getattr(ufunc, method), inputs, options)
    elif unknown := [name for name, value in options.items() if value is not None]:
        raise TypeError(
            f"{called}: {unknown[0]}= is not taken with tensors (dtype: convert with .astype)"
        )
    else:
        result = run(*inputs)
    if where is not True:
        if not outs or outs[0] is None or method != "__call__":
            raise TypeError(
                f"{called}: where= without out= leaves the other places undefined; use "
                f"ad.where(condition, {called}(...), other)"
            )
        result = public().where(where, result, outs[0])
    return _into(called, outs, result)


def _of_method(ufunc: Any, method: str, options: dict[str, Any]) -> Callable[..., Any] | None:
    """What computes a ufunc's method on tensors; its options are taken out of ``options``."""
    name = ufunc.__name__
    special = getattr(sys.modules.get("scipy.special"), name, None)
    if ufunc is not getattr(np, name, None) and ufunc is not special:
        return None  # somebody's own, with any name
    if method in ("reduce", "accumulate"):
        reduction = find((REDUCE if method == "reduce" else ACCUMULATE).get(name, ""))
        if reduction is None:
            return None
        axis = options.pop("axis", 0)
        kept = {"keepdims": True} if options.pop("keepdims", False) else {}
        return partial(reduction, axis=axis, **kept)
    if name == "divmod":
        ours = public()
        return lambda x, y: (ours.floor_divide(x, y), ours.remainder(x, y))
    run = find(name)
    if method == "outer" and run is not None:
        reshape = public().reshape
        return lambda x, y: run(reshape(x, np.shape(x) + (1,) * np.ndim(y)), y)
    if method != "__call__":
        return None
    if run is not None:
        _ufuncs[ufunc] = run
    return run


def _into(called: str, outs: Any, result: Any) -> Any:
    """The result, or ``out`` after the result was written there."""
    if not any(out is not None for out in outs):
        return result
    several = type(result) is tuple
    pairs = zip(outs, result if several else (result,), strict=True)
    written = tuple([r if out is None else _write(called, out, r) for out, r in pairs])
    return written if several else written[0]


def _write(called: str, out: Any, result: Any) -> Any:
    shape, data = np.broadcast_shapes(result.shape, out.shape), getattr(result, "_data", result)
    if shape != out.shape or not np.can_cast(result.dtype, out.dtype, "same_kind"):
        raise (ValueError if shape != out.shape else TypeError)(
            f"{called}: a result of shape {result.shape} and dtype {result.dtype} does not fit "
            f"into out= of shape {out.shape} and dtype {out.dtype}"
        )
    if isinstance(out, Variable):
        writes.setitem(out, ..., result)
        return out
    if getattr(result, "_node", None) is not None:
        raise RuntimeError(
            f"{called}: out= is an array, which cannot carry the gradient of the result; write "
            "a = a + t instead of a += t, or use t.detach()"
        )
    if type(data) is not type(out):
        raise ValueError(f"{called}: out= is on another device than the result; nothing is copied")
    out[...] = data
    backend.stamp(out)
    return out


# ---------------------------------------------------------------- functions
def array_function(self: Any, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """Run our counterpart of one of NumPy's functions."""
    if not all(issubclass(t, (Variable, np.ndarray)) or t in backend.KINDS for t in types):
        return NotImplemented
    module, name = function.__module__, function.__name__
    called = f"{module.replace('numpy', 'np')}.{name}"
    if name in WRITE and isinstance(args[0], Variable):
        raise TypeError(f"{called} writes into its argument; use t[index] = value")
    if name in DESCRIBE:
        return _wrapped(function(*_raw(args), **_raw(kwargs)))
    ours = find(name, module)
    if ours is None:
        out = kwargs.pop("out", None)
        return _into(called, (out,), _on_arrays(called, function, args, kwargs))
    positional, options = _arguments(function, args, kwargs)
    out = options.pop("out", None)
    known = _parameters(ours)
    if known is not None and (unknown := options.keys() - known):
        raise TypeError(f"{called}: {', '.join(sorted(unknown))} is not taken with tensors")
    return _into(called, (out,), ours(*positional, **options))


@cache
def _signature(function: Any) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # older NumPy has functions in C without one
        return None


def _parameters(function: Any) -> set[str] | None:
    """The names that a function of ours takes; None if any."""
    signature = _signature(function)
    if signature is None or any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values()):
        return None
    return set(signature.parameters)


def _arguments(function: Any, args: Any, kwargs: Any) -> tuple[list[Any], dict[str, Any]]:
    """Arguments for NumPy's function as ours takes them: what has a default goes by name."""
    signature = _signature(function)
    if signature is None:
        return list(args), {k: v for k, v in kwargs.items() if k not in HINTS}
    positional: list[Any] = []
    options: dict[str, Any] = {}
    for name, value in signature.bind(*args, **kwargs).arguments.items():
        p = signature.parameters[name]
        if p.kind is p.VAR_POSITIONAL:
            positional += value
        elif p.kind is p.VAR_KEYWORD:
            options |= value
        elif p.default is p.empty or p.kind is p.POSITIONAL_ONLY:
            positional.append(value)
        elif name not in HINTS and value is not p.default:
            options[OPTIONS.get(name, name)] = value
    return positional, options


# ---------------------------------------------------------------- without a counterpart
def _on_arrays(called: str, function: Any, args: Any, kwargs: Any) -> Any:
    """NumPy's function on the raw arrays, if no gradient is lost; its results as tensors."""
    if any(t.requires_grad for t in _variables((args, kwargs))):
        raise TypeError(
            f"{called} has no counterpart in autodiff that records, and a gradient would be lost; "
            "compute it with ad's functions, or from t.detach()"
        )
    return _wrapped(function(*_raw(args), **_raw(kwargs)))


def _variables(x: Any) -> Iterator[Variable]:
    if isinstance(x, Variable):
        yield x
    elif isinstance(x, (list, tuple)):
        for item in x:
            yield from _variables(item)
    elif isinstance(x, dict):
        yield from _variables(list(x.values()))


def _raw(x: Any) -> Any:
    if isinstance(x, Variable):
        return x._data
    if type(x) in (list, tuple):
        return type(x)([_raw(item) for item in x])
    return {k: _raw(v) for k, v in x.items()} if type(x) is dict else x


def _wrapped(x: Any) -> Any:
    if isinstance(x, tuple) and type(x) is not tuple:
        return type(x)(*[_wrapped(item) for item in x])  # NumPy's results with names
    if type(x) in (list, tuple):
        return type(x)([_wrapped(item) for item in x])
    if isinstance(x, np.generic) and x.dtype.kind in "biuf":
        return wrap(np.asarray(x))
    return wrap(x) if type(x) in backend.KINDS and x.dtype.kind in "biuf" else x
