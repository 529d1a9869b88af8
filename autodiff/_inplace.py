"""Writes that are recorded: ``x[i] = v``, ``x += y``, and the same through views.

The memory is written at once. The graph does not know of memory: there the base of the written
tensor gets a node that puts the new values among the old ones, and every view of it is derived
from that node again. What the written tensor's own op had saved of it is copied first; what
others saved of it is found when their gradient is asked for, and raises then.
"""

from typing import Any

from . import backend
from ._lines import source_line
from ._op import Op
from ._variable import Retain
from ._views import UNRECORDED, View, Views
from .backend import Array
from .mode import current, is_grad_enabled
from .nodes import Node, Output, wrap
from .ops.assign import assign
from .ops.cast import astype
from .ops.elementwise import where
from .ops.shape import reshape


def setitem(target: Any, index: Any, value: Any) -> None:
    """``target[index] = value`` on a raw index; recorded if either carries a gradient."""
    node = getattr(value, "_node", None)
    data = getattr(value, "_data", value)
    if not is_grad_enabled() or (target._node is None and node is None):
        _refuse_unrecorded("setitem", target)
        _put(target, index, data)
        return
    _refuse("setitem", target)
    if node is not None:
        value = _fitting(target, index, value)
    base, path = _place(target)
    _put(target, index, data)
    _overwrite(base, value if node is not None else 0.0, path, index)


def update(op: Op, target: Any, other: Any) -> Any:
    """``target`` after ``op`` was applied in place, as in ``x += y``; it is returned."""
    if is_grad_enabled() and (target._node or getattr(other, "_node", None)):
        _refuse(op.name, target)
    else:
        _refuse_unrecorded(op.name, target)
    result = op(target, other)
    if result.shape != target.shape:
        raise ValueError(
            f"{op.name}: a result of shape {result.shape} does not fit in place into a tensor of "
            f"shape {target.shape}"
        )
    _protect(result._node, target._data)
    if result.dtype != target.dtype:
        if backend.is_float(result.dtype) and not backend.is_float(target.dtype):
            raise TypeError(
                f"{op.name}: a result of dtype {result.dtype} does not fit in place into a tensor "
                f"of dtype {target.dtype}; write x = x + y, or convert first"
            )
        result = astype(result, target.dtype)
    if result._node is None:
        _put(target, ..., result._data)
        return target
    _put(target, ..., result._data)
    base, path = _place(target)
    if base is target:
        _move(target, result._node)
        _derive_views(target)
    else:
        _overwrite(base, result, path, ...)
    return target


def _put(target: Any, index: Any, data: Array) -> None:
    """Write into the memory, and note it; the op that made it keeps a copy of what it saved."""
    base, _ = _place(target)
    _protect(base._node, base._data)
    if type(data) in backend.WRAPPERS and type(target._data) not in backend.WRAPPERS:
        data._refuse()
    try:
        target._data[index] = data
    except (IndexError, TypeError, ValueError) as error:
        shape = getattr(data, "shape", ())
        raise type(error)(
            f"setitem: {error} [a tensor of shape {target.shape}, a value of shape {shape}]"
        ) from error
    backend.stamp(target._data)
    if current().observers:
        backend.writes(target._data).line = source_line()


def _place(target: Any) -> tuple[Any, tuple[Any, ...]]:
    """The base of a tensor's memory, and the view ops that lead from there to the tensor."""
    alias = target._alias
    if type(alias) is View and backend.owner(alias.base._data) is backend.owner(target._data):
        return alias.base, alias.path()
    return target, ()  # the base's data may have been replaced since


def _overwrite(base: Any, value: Any, path: tuple[Any, ...], index: Any) -> None:
    """Record that ``value`` was written into the memory of ``base``."""
    nodes = base._node, getattr(value, "_node", None)
    operands = base._data, getattr(value, "_data", value)
    options = {"path": path, "index": index}
    made = assign.attach(
        tuple(n is not None for n in nodes), nodes, operands, options, [base._data]
    )
    _move(base, made._node)
    _derive_views(base)


def _derive_views(base: Any) -> None:
    """Give the views of ``base`` their place in the graph after a write."""
    if type(base._alias) is not Views:
        return
    for view in base._alias.alive():
        if view._node is not None and view.is_leaf:
            continue  # it asked for a gradient of its own
        if backend.owner(view._data) is not backend.owner(base._data):
            continue  # one of them was given other data
        seen = wrap(base._data, base._node)
        for op, options in view._alias.path():
            seen = op(seen, *options)
        _move(view, seen._node)


def _move(tensor: Any, node: Node) -> None:
    """Put a tensor at its new node; ``retain_grad`` moves with it."""
    old = tensor._node
    tensor._node = node
    if tensor._name is not None:
        node.name = tensor._name
    last = old.hooks[-1] if old is not None and old.hooks else None
    if type(last) is Retain and last.variable() is tensor:
        node.hooks = [old.hooks.pop()]


def _protect(node: Node | None, memory: Array) -> None:
    """Copy what a node saved of memory that is about to be written."""
    if type(node) is Output:
        node = node.parents[0]
    if node is None or type(node.saved) is not tuple:
        return
    written = backend.owner(memory)

    def own(x: Any) -> Any:
        if type(x) is tuple:
            return tuple([own(item) for item in x])
        shared = type(x) in backend.KINDS and backend.owner(x) is written
        return backend.namespace(x).array(x) if shared else x

    node.saved = tuple([own(x) for x in node.saved])


def _fitting(target: Any, index: Any, value: Any) -> Any:
    """A value that carries a gradient, in the dtype and at most the axes of where it goes.

    Where an index repeats, the last value stays and the others get no gradient.
    """
    if not backend.is_float(target.dtype):
        raise TypeError(
            f"setitem: a value that carries a gradient cannot be written into {target.dtype}"
        )
    if value.dtype != target.dtype:
        value = astype(value, target.dtype)
    xp = backend.namespace(target._data)
    parts = index if type(index) is tuple else (index,)
    listed = any(isinstance(i, list) or backend.is_integer(i) for i in parts)
    if not listed:
        ndim = len(target._data[index].shape)
        keep = None
    else:
        order = xp.zeros(target.shape, dtype="int64")
        region = order[index].shape
        ndim, mine = len(region), xp.reshape(xp.arange(order[index].size), region)
        order[index] = mine
        keep = order[index] == mine
    if len(value.shape) > ndim:
        value = reshape(value, value.shape[len(value.shape) - ndim :])
    return value if keep is None else where(keep, value, 0.0)


def _refuse(name: str, target: Any) -> None:
    """Raise if a recorded write into ``target`` would lose a gradient."""
    _refuse_unrecorded(name, target)
    base, path = _place(target)
    if base._node is not None and base.is_leaf:
        what = "a view of a leaf" if path else "a leaf"
        called = f" {base._name!r}" if base._name else ""
        raise RuntimeError(
            f"{name}: assigning to {what}{called} that requires a gradient would take it out of "
            "reach; update it under ad.no_grad(), or write to x.clone()"
        )


def _refuse_unrecorded(name: str, target: Any) -> None:
    if target._alias is UNRECORDED and current().recording:
        raise RuntimeError(
            f"{name}: this tensor is {UNRECORDED}, which would not notice the write; make the "
            "view while recording, or write under ad.no_grad()"
        )
