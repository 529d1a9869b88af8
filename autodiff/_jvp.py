"""`jvp`: derivatives carried forward, along the graph that the function recorded.

Every op has backward rules only, and they suffice. The rule of an elementwise op multiplies by a
diagonal matrix, which is its own transpose, so it serves tangents as it is. Any other rule is a
linear function of the gradient, and its own derivative is what carries a tangent: the op's
Jacobian, transposed twice.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from . import _tree, backend, engine
from ._transforms import Variables, free, is_recorded, parts, run
from ._variable import Variable, gradients
from .mode import enable_grad, is_grad_enabled, no_grad
from .nodes import Node, Output, Slots, wrap

Function = Callable[..., Any]


def jvp(fn: Function, primals: Any, tangents: Any) -> tuple[Any, Any]:
    """The value of ``fn`` and the product of its Jacobian with tangents.

    Parameters
    ----------
    fn : callable
    primals, tangents : tuple or list
        One for each argument, of the same containers and shapes.

    Returns
    -------
    result, tangent
        In the containers of the result.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.jvp(lambda x: x * x, (ad.tensor([1.0, 2.0]),), (ad.tensor([1.0, 10.0]),))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list):
        raise TypeError("jvp: primals and tangents are tuples, one entry for each argument")
    made = Variables(tuple(primals), "jvp")
    given, spec = _tree.flatten(tuple(tangents))
    if spec != made.spec:
        raise ValueError(
            f"jvp: the tangents are {_tree.outline(tangents)}, the primals {_tree.outline(primals)}"
        )
    start = {}
    for x, t in zip(made.list, given, strict=True):
        if getattr(t, "shape", ()) != x.shape:
            raise ValueError(
                f"jvp: a tangent of shape {getattr(t, 'shape', ())} for an argument of shape "
                f"{x.shape}"
            )
        start[x._node] = t if isinstance(t, Variable) else x._like(t)
    result, _ = run(fn, False, made.tree, {})
    outputs, out_spec = _tree.flatten(result)
    roots = parts(result)
    carries = any(t._node is not None for t in start.values())
    recorded = is_grad_enabled() and (carries or is_recorded(roots, made.list))
    if recorded:
        found = forward(roots, start, recorded)
    else:
        with no_grad():
            found = forward(roots, start, recorded)
        result = free(result)
    ends = []
    for y in outputs:
        node = getattr(y, "_node", None)
        zero = 0.0 * free(y) if isinstance(y, Variable) and node not in found else 0.0
        ends.append(found.get(node, zero))
    return result, out_spec.unflatten(ends)


def forward(roots: list[Any], tangents: dict[Node, Any], differentiable: bool) -> dict[Any, Any]:
    """The tangents of the roots' nodes, given those of some nodes before them."""
    nodes: set[Node] = {y._node for y in roots}
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if node in tangents:
            continue
        for parent in node.parents:
            if parent not in nodes:
                nodes.add(parent)
                stack.append(parent)
    found: dict[Any, Any] = dict(tangents)
    ends = {y._node for y in roots}
    waiting: dict[Node, int] = {}  # how many children a tangent is still kept for
    for node in nodes:
        for parent in node.parents:
            waiting[parent] = waiting.get(parent, 0) + 1
    for node in sorted(nodes, key=lambda n: n.index):  # operands before results
        if node not in tangents and any(p in found for p in node.parents):
            found[node] = _push(node, [found.get(p) for p in node.parents], differentiable)
        for parent in node.parents:
            waiting[parent] -= 1
            if not waiting[parent] and parent not in ends:
                found.pop(parent, None)
    return found


def _push(node: Node, tangents: list[Any], differentiable: bool) -> Any:
    """The tangent of an op's result from those of its operands; None for a constant operand."""
    if type(node) is Output:
        return tangents[0][node.k]
    rule = node.rule
    saved = engine.saved_of(node)
    if rule.op.traits.elementwise and rule.op.traits.outputs == 1:
        total = None
        for i, t in enumerate(tangents):
            if t is None:
                continue
            asked = tuple([j == i for j in range(len(tangents))])
            g = _shaped(t, node)
            pull = rule.partial(asked, differentiable)
            term = _wrapped(pull(node, saved, g if differentiable else g._data)[i])
            total = term if total is None else total + term
        return _cast(total, node.dtype)
    again = _applied(node, saved, tangents, differentiable)
    return _transposed(node, saved, tangents, differentiable) if again is None else again


def _applied(node: Node, saved: Any, tangents: list[Any], differentiable: bool) -> Any:
    """The tangent of a product such as ``matmul``, by the op itself; None for other ops.

    Where an op is linear in an operand and that one's rule reads all the others, it is a product.
    """
    rule = node.rule
    op = rule.op
    if op.variadic or op.options or op.traits.outputs > 1:
        return None
    carrying = [x for x, c in zip(op.differentiable, rule.carries, strict=True) if c]
    values = dict(zip(rule.layout, saved, strict=True))
    for x, parent in zip(carrying, node.parents, strict=True):
        if differentiable and x in values:
            values[x] = wrap(values[x], parent)
    total = None
    for x, t in zip(carrying, tangents, strict=True):
        if t is None:
            continue
        others = [y for y in op.operands if y != x]
        if x not in op.traits.linear or not others or not {*others} <= {*op.rules[x].reads}:
            return None
        term = op(*[t if y == x else values[y] for y in op.operands])
        total = term if total is None else total + term
    return total


def _transposed(node: Node, saved: Any, tangents: list[Any], differentiable: bool) -> Any:
    """The tangent of any op: its rule is linear in the gradient, and this is that rule's own."""
    rule = node.rule
    several = rule.op.traits.outputs > 1
    some = next(t for t in tangents if t is not None)
    shapes = node.shape if several else (node.shape,)
    dtypes = node.dtype if several else (node.dtype,)
    units = [
        _unit(some, shape, dtype, node.device) if backend.is_float(dtype) else None
        for shape, dtype in zip(shapes, dtypes, strict=True)
    ]
    asked = tuple([t is not None for t in tangents])
    with enable_grad():
        g = Slots.of(node, units) if several else units[0]
        pulled = rule.partial(asked, True)(node, saved, g)
        pairs = [
            (engine.fit(_wrapped(d), parent), t)
            for d, parent, t in zip(pulled, node.parents, tangents, strict=True)
            if t is not None
        ]
    pairs = [(d, t) for d, t in pairs if d._node is not None]
    own = [u for u in units if u is not None]
    found: Any = [None] * len(own)
    if pairs:
        found = gradients(
            [d for d, _ in pairs],
            own,
            [_cast(t, d.dtype) for d, t in pairs],
            create_graph=differentiable,
            allow_unused=True,
        )
    # Where the rule does not depend on the gradient, the result is constant.
    left = iter([0.0 * u.detach() if t is None else t for u, t in zip(own, found, strict=True)])
    made = tuple([None if u is None else next(left) for u in units])
    return made if several else made[0]


def _unit(like: Any, shape: tuple[int, ...], dtype: Any, device: str) -> Any:
    """Zeros to differentiate by: the point does not matter where a function is linear."""
    zeros = backend.namespace(like._data).zeros(shape, dtype=dtype)
    if backend.device_of(zeros) != device:
        zeros = backend.to_device(zeros, device)
    return wrap(zeros).requires_grad_()


def _wrapped(d: Any) -> Any:
    """What a rule returned as a tensor or scalar."""
    if hasattr(d, "_node"):
        return d
    if isinstance(d, float | int) and not isinstance(d, np.generic):
        return wrap(float(d))
    return wrap(backend.as_array(backend.namespace(d), d))


def _shaped(t: Any, node: Node) -> Any:
    """A tangent of an operand in the shape and dtype of the result."""
    if t.shape != node.shape:
        t = backend.namespace(t).broadcast_to(t, node.shape)
    return _cast(t, node.dtype)


def _cast(t: Any, dtype: Any) -> Any:
    return t if type(t._data) is float or t.dtype == dtype else t.astype(dtype)
