"""`jvp`: derivatives carried forward, along the graph that the function recorded.

Every op has backward rules only, and they suffice. The rule of an elementwise op multiplies by a
diagonal matrix, which is its own transpose, so it serves tangents as it is. Any other rule is a
linear function of the gradient, and its own derivative is what carries a tangent: the op's
Jacobian, transposed twice.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

import numpy as np

from . import _tree, backend, engine
from ._transforms import Variables, run
from ._variable import Variable, gradients
from .mode import autocast, enable_grad, is_grad_enabled, no_grad
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
    roots = [y._node for y in outputs if getattr(y, "_node", None) is not None]
    nodes, outside = _between(roots, start)
    carries = any(t._node is not None for t in start.values())
    recorded = is_grad_enabled() and (carries or outside)
    with autocast(enabled=False):  # what it did to the operands is in the graph
        if recorded:
            found = _forward(nodes, roots, start, True)
        else:
            raw = {node: t._data for node, t in start.items()}
            with no_grad():
                found = _forward(nodes, roots, raw, False)
    if not recorded:
        plain = [wrap(y._data) if isinstance(y, Variable) else y for y in outputs]
        result = out_spec.unflatten(plain)
    ends = []
    for y in outputs:
        node = getattr(y, "_node", None)
        if node in found:
            ends.append(wrap(found[node]))
        else:
            ends.append(0.0 * wrap(y._data) if isinstance(y, Variable) else 0.0)
    return result, out_spec.unflatten(ends)


def _between(roots: list[Node], inputs: Mapping[Node, Any]) -> tuple[list[Node], bool]:
    """The nodes after the inputs that lead to the roots, and whether others lead there too."""
    outside = any(node.parents for node in inputs)  # the inputs themselves come from somewhere
    nodes = set(roots)
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if node in inputs:
            continue
        if node.rule is None:
            outside = True
        for parent in node.parents:
            if parent not in nodes:
                nodes.add(parent)
                stack.append(parent)
    between = [node for node in nodes if node.parents and node not in inputs]
    between.sort(key=_index)  # operands before results
    return between, outside


_index = attrgetter("index")


def _forward(
    nodes: list[Node], roots: list[Node], inputs: dict[Node, Any], differentiable: bool
) -> dict[Any, Any]:
    """The tangents of the roots: raw values, or tensors where they are ``differentiable``."""
    last = {parent: node for node in nodes for parent in node.parents}  # who reads it last
    for root in roots:
        last.pop(root, None)
    found = inputs
    for node in nodes:
        tangents: list[Any] = [found.get(parent) for parent in node.parents]
        mask = tuple([t is not None for t in tangents])
        if True in mask:
            if type(node) is Output:
                found[node] = tangents[0][node.k]
            else:
                saved = engine.saved_of(node)
                push = _pushes.get((node.rule, mask, differentiable))
                if push is None:
                    push = _pushes[node.rule, mask, differentiable] = _push(
                        node.rule, mask, differentiable
                    )
                found[node] = push(node, saved, tangents)
        for parent in node.parents:
            if last.get(parent) is node:
                found.pop(parent, None)
    return found


Push = Callable[[Node, Any, list[Any]], Any]
_pushes: dict[tuple[Any, tuple[bool, ...], bool], Push] = {}


def _push(pull: Any, mask: tuple[bool, ...], differentiable: bool) -> Push:
    """What gives the tangent of an op's result from those of the operands in ``mask``."""
    traits = pull.op.traits
    if traits.elementwise and not traits.several:
        return _elementwise(pull, mask, differentiable)
    return _product(pull, mask, differentiable) or _transposed(pull, mask, differentiable)


def _elementwise(pull: Any, mask: tuple[bool, ...], differentiable: bool) -> Push:
    """The rules themselves: a diagonal matrix is its own transpose."""
    terms = []
    for i, carries in enumerate(mask):
        asked = tuple([j == i for j in range(len(mask))])
        if carries:
            terms.append((i, pull.partial(asked, differentiable)))

    def push(node: Node, saved: Any, tangents: list[Any]) -> Any:
        total = None
        for i, rule in terms:
            term = rule(node, saved, _shaped(tangents[i], node))[i]
            total = term if total is None else total + term
        return _shaped(total, node)

    return push


def _product(pull: Any, mask: tuple[bool, ...], differentiable: bool) -> Push | None:
    """The op itself, for a product such as ``matmul``; None for other ops.

    Where an op is linear in an operand and that one's rule reads all the others, it is a product.
    """
    op = pull.op
    if op.variadic or op.options or op.traits.several:
        return None
    carrying = [x for x, c in zip(op.differentiable, pull.carries, strict=True) if c]
    terms = []  # which tangent, and where the operands are found: among saved values, or here
    for i, x in enumerate(carrying):
        if not mask[i]:
            continue
        others = {y for y in op.operands if y != x}
        if x not in op.traits.linear or not others or not others <= {*op.rules[x].reads}:
            return None
        terms.append((i, [None if y == x else pull.layout.index(y) for y in op.operands]))
    parents = [(pull.layout.index(x), i) for i, x in enumerate(carrying) if x in pull.layout]

    def push(node: Node, saved: Any, tangents: list[Any]) -> Any:
        if differentiable:
            values = list(saved)
            for place, i in parents:
                values[place] = wrap(values[place], node.parents[i])
            saved = values
        total = None
        for i, places in terms:
            t = tangents[i]
            term = op(*[t if place is None else saved[place] for place in places])
            total = term if total is None else total + term
        return _shaped(total, node)

    return push


def _transposed(pull: Any, mask: tuple[bool, ...], differentiable: bool) -> Push:
    """For any op: its rule is linear in the gradient, and this is that rule's own, transposed."""
    several = pull.op.traits.several
    rule = pull.partial(mask, True)

    def push(node: Node, saved: Any, tangents: list[Any]) -> Any:
        given = [None if t is None else wrap(t) for t in tangents]
        some = next(t for t in given if t is not None)
        shapes = node.shape if several else (node.shape,)
        dtypes = node.dtype if several else (node.dtype,)
        units = [
            _unit(some, shape, dtype, node.device) if backend.is_float(dtype) else None
            for shape, dtype in zip(shapes, dtypes, strict=True)
        ]
        with enable_grad():
            g = Slots.of(node, units) if several else units[0]
            pairs = [
                (engine.fit(_wrapped(d), parent), t)
                for d, parent, t in zip(rule(node, saved, g), node.parents, given, strict=True)
                if t is not None
            ]
        pairs = [(d, t) for d, t in pairs if d._node is not None]
        own = [u for u in units if u is not None]
        found: Any = [None] * len(own)
        if pairs:
            found = gradients(
                [d for d, _ in pairs],
                own,
                [t if t.dtype == d.dtype else t.astype(d.dtype) for d, t in pairs],
                create_graph=differentiable,
                allow_unused=True,
            )
        # Where the rule does not depend on the gradient, the result is constant.
        left = iter([0.0 * u.detach() if t is None else t for u, t in zip(own, found, strict=True)])
        made = [None if u is None else next(left) for u in units]
        if not differentiable:
            made = [None if t is None else t._data for t in made]
        return tuple(made) if several else made[0]

    return push


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
    """A tangent in the shape and dtype of an op's result."""
    if getattr(t, "shape", None) == node.shape and t.dtype is node.dtype:
        return t
    if type(t) is float or type(getattr(t, "_data", t)) is float:
        return t
    if t.shape != node.shape:
        t = backend.namespace(t).broadcast_to(t, node.shape)
    return t if t.dtype == node.dtype else t.astype(node.dtype)
