"""`jacobian` and `hessian`: all derivatives, one backward pass for many rows."""

import warnings
from collections.abc import Callable, Sequence
from functools import wraps
from math import prod
from typing import Any

import numpy as np

from . import _tree, backend
from ._tensor import Tensor
from ._transforms import Pullback, Variables, grad, is_recorded, parts, positions, run
from ._variable import Variable
from ._vmap import vmap
from .nodes import wrap
from .ops.join import concatenate
from .ops.shape import reshape

Function = Callable[..., Any]


def jacobian(
    fn: Function, argnums: int | Sequence[int] = 0, *, chunk_size: int | None = None
) -> Function:
    """The function that returns all derivatives of every result by every argument.

    For each result, one backward pass carries all its rows at once.

    Parameters
    ----------
    fn : callable
    argnums : int or tuple of int
        Which arguments to differentiate by.
    chunk_size : int, optional
        How many rows to carry at once, where all would take too much memory.

    Returns
    -------
    callable
        It gives, in the containers of the result and inside them in those of the argument,
        tensors of shape ``(*result, *argument)``.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.jacobian(lambda x: x * x)(ad.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"jacobian: chunk_size={chunk_size} must be at least 1")

    @wraps(fn)
    def matrix(*args: Any, **options: Any) -> Any:
        chosen = positions(argnums, args, "jacobian")

        def of_some(*some: Any) -> Any:
            given = list(args)
            for i, x in zip(chosen, some, strict=True):
                given[i] = x
            return fn(*given, **options)

        made = Variables(tuple([args[i] for i in chosen]), "jacobian")
        result, _ = run(of_some, False, made.tree, {})
        outputs, spec = _tree.flatten(result)
        recorded = is_recorded(parts(result), made.list)
        blocks = []
        for y in outputs:
            found = _rows(Pullback(made, y, recorded), y, chunk_size)
            blocks.append(found[0] if isinstance(argnums, int) else found)
        return spec.unflatten(blocks)

    return matrix


def _rows(pullback: Pullback, y: Any, chunk_size: int | None) -> Any:
    """The derivatives of one tensor, in the containers of the arguments."""
    own = pullback.variables
    if not isinstance(y, Tensor):
        if isinstance(y, Variable):
            return pullback(wrap(1.0))
        raise TypeError(f"jacobian: the function returned {type(y).__name__}, not a tensor")
    n = prod(y.shape)
    if y._node is None or n == 0:
        xp = backend.namespace(y._data)
        return own.of([wrap(xp.zeros((*y.shape, *x.shape), dtype=x.dtype)) for x in own.list])
    kind = backend.kind_of(_unbatched(y._data))
    units = wrap(kind.put(np.eye(n, dtype=_host_dtype(y.dtype)), y.device)).reshape(n, *y.shape)
    if units.dtype != y.dtype:
        units = units.astype(y.dtype)
    pieces = []
    for start in range(0, n, chunk_size or n):
        some = units[start : start + (chunk_size or n)]
        try:
            pieces.append(_tree.flatten(vmap(pullback)(some))[0])
        except NotImplementedError as error:
            warnings.warn(f"jacobian: row by row, since {error}", stacklevel=3)
            rows = [_tree.flatten(pullback(some[i]))[0] for i in range(len(some))]
            pieces.append([_stack(column) for column in zip(*rows, strict=True)])
    columns = [
        piece[0] if len(piece) == 1 else concatenate(list(piece))
        for piece in zip(*pieces, strict=True)
    ]
    return own.of(
        [reshape(c, (*y.shape, *x.shape)) for c, x in zip(columns, own.list, strict=True)]
    )


def _unbatched(x: Any) -> Any:
    while type(x) in backend.WRAPPERS:
        x = x.inner
    return x


def _host_dtype(dtype: Any) -> Any:
    return dtype if dtype.kind == "f" else np.float32


def _stack(rows: Sequence[Any]) -> Any:
    return concatenate([row[None] for row in rows])


def hessian(
    fn: Function, argnums: int | Sequence[int] = 0, *, chunk_size: int | None = None
) -> Any:
    """The function that returns all second derivatives of ``fn``, which returns a single number.

    The Jacobian of the gradient: in the containers of the argument, inside them again those of
    the argument, tensors of shape ``(*argument, *argument)``.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.hessian(lambda x: x[0] ** 2 * x[1])(ad.tensor([1.0, 3.0]))
    tensor([[6., 2.],
            [2., 0.]])
    """
    return jacobian(grad(fn, argnums), argnums, chunk_size=chunk_size)
