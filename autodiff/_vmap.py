"""`vmap`: a function of one example becomes a function of many."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

from . import _tree, backend
from ._batched import Level, has
from ._tensor import Tensor, asarray
from ._variable import Variable
from .nodes import wrap
from .ops.batching import batch, unbatch

# The calls of `vmap` under way, outermost first.
_levels: ContextVar[tuple[Level, ...]] = ContextVar("levels", default=())
active = _levels.get


def vmap(fn: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]:
    """``fn`` of one example made a function of many, without a loop.

    Inside ``fn`` every value looks as if there were one example, and one call of an op computes
    all of them.

    Parameters
    ----------
    fn : callable
        Takes and returns tensors, alone or in containers. It must not branch on their values;
        use `where`. What it draws at random is the same for every example.
    in_axes : int, None or containers of them
        Which axis of each argument counts the examples; None for what all share. One value goes
        for a whole argument, or for all. Keyword arguments are mapped over axis 0.
    out_axes : int, None or containers of them
        Where the examples are counted in the results. None says that a result is the same for
        all examples.

    Returns
    -------
    callable
        Its results are tensors.

    Raises
    ------
    ValueError
        If arguments have different numbers of examples.
    TypeError
        If ``fn`` needs the value of one example: ``float(x)``, ``if x > 0``, ``x[mask]``.

    Examples
    --------
    >>> import autodiff as ad
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> ad.vmap(lambda row: row @ row)(x)
    tensor([ 5., 25., 61.])
    >>> w = ad.tensor([1.0, -1.0])
    >>> ad.vmap(ad.grad(lambda w, row: (w @ row) ** 2), in_axes=(None, 0))(w, x)
    tensor([[ -2.,  -4.],
            [ -6.,  -8.],
            [-10., -12.]])
    """
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)

    @wraps(fn)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        leaves, spec = _tree.flatten((args, kwargs))
        axes = _tree.spread(in_axes, args, "in_axes")
        axes += [0] * (len(leaves) - len(axes))
        names = [_name(path) for path in spec.paths()]
        level = Level(_size(leaves, axes, names))
        inside = [
            x if axis is None else batch(_tensor(x), level, axis)
            for x, axis in zip(leaves, axes, strict=True)
        ]
        args, kwargs = spec.unflatten(inside)
        token = _levels.set((*active(), level))
        try:
            result = fn(*args, **kwargs)
            outs, out_spec = _tree.flatten(result)
            places = _tree.spread(out_axes, result, "out_axes")
            outs = [_out(x, level, axis) for x, axis in zip(outs, places, strict=True)]
        finally:
            _levels.reset(token)
        return out_spec.unflatten(outs)

    return mapped


def _name(path: tuple[Any, ...]) -> str:
    which, *rest = path
    if which == 0:
        return f"argument {rest[0]}" + "".join(f"[{key!r}]" for key in rest[1:])
    return f"argument {rest[0]!r}" + "".join(f"[{key!r}]" for key in rest[1:])


def _tensor(x: Any) -> Tensor:
    return x if isinstance(x, Tensor) else wrap(x) if backend.is_array(x) else asarray(x)


def _size(leaves: list[Any], axes: list[Any], names: list[str]) -> int:
    """How many examples there are."""
    sizes: dict[int, list[str]] = {}
    for x, axis, name in zip(leaves, axes, names, strict=True):
        if axis is None:
            continue
        if type(axis) is not int:
            raise TypeError(f"vmap: in_axes holds {axis!r}; an axis is an int or None")
        shape = getattr(x, "shape", None)
        if shape is None or not -len(shape) <= axis < len(shape):
            what = f"{type(x).__name__} {x!r}" if shape is None else f"shape {tuple(shape)}"
            raise ValueError(
                f"vmap: {name} is of {what} and has no axis {axis} to map over; give in_axes=None "
                "for what all examples share"
            )
        sizes.setdefault(shape[axis], []).append(f"{name} (shape {tuple(shape)}, axis {axis})")
    if not sizes:
        raise ValueError("vmap: nothing to map over: every axis in in_axes is None")
    if len(sizes) > 1:
        listed = "; ".join(f"{n} in {', '.join(who)}" for n, who in sizes.items())
        raise ValueError(f"vmap: arguments have different numbers of examples: {listed}")
    return next(iter(sizes))


def _out(x: Any, level: Level, axis: int | None) -> Any:
    if isinstance(x, Variable) and not isinstance(x, Tensor):
        raise TypeError("vmap: a Scalar has no axis for examples; return a tensor")
    if not isinstance(x, Tensor):
        x = _tensor(x)
    batched = has(x._data, level)
    if axis is None:
        if batched:
            raise ValueError(
                f"vmap: out_axes=None for a result of shape {x.shape} that differs between examples"
            )
        return x
    return unbatch(x if batched else batch(x, level, None), level, axis)


@contextmanager
def at_levels(levels: tuple[Level, ...]) -> Iterator[None]:
    """Inside the calls of `vmap` that were under way at another time."""
    token = _levels.set(levels)
    try:
        yield
    finally:
        _levels.reset(token)


def shared(x: Any) -> Any:
    """A tensor at every level under way: its gradient is then one for each example."""
    if isinstance(x, Tensor):
        for level in active():
            if not has(x._data, level):
                x = batch(x, level, None)
    return x
