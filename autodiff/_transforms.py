"""Functions that make derivatives of functions: `grad`, `vjp`, `jacobian` and their kin.

Arguments and results may be containers (see `_tree`). Each transform replaces the arguments by
variables of its own, so transforms nest; the result is recorded only if something outside, an
argument or a parameter, carries a gradient.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from . import _tree, backend
from ._creation import zeros_like
from ._tensor import asarray
from ._variable import Variable, gradients
from ._vmap import shared
from .mode import enable_grad, is_grad_enabled
from .nodes import Node, wrap
from .ops.cast import clone

Function = Callable[..., Any]


class Variables:
    """The leaves of an argument as variables to differentiate."""

    def __init__(self, tree: Any, what: str) -> None:
        leaves, self.spec = _tree.flatten(tree)
        self.list = [_variable(x, what) for x in leaves]

    @property
    def tree(self) -> Any:
        return self.spec.unflatten(self.list)

    def of(self, values: Iterable[Any]) -> Any:
        """Values, zeros for None, in the containers of the argument."""
        pairs = zip(self.list, values, strict=True)
        return self.spec.unflatten([_zeros(x) if v is None else v for x, v in pairs])


def _zeros(x: Any) -> Any:
    return wrap(0.0) if type(x._data) is float else zeros_like(x)


def _variable(x: Any, what: str) -> Any:
    """A variable with the value of ``x``, after ``x`` in the graph if that carries a gradient."""
    if not isinstance(x, Variable):
        if not (backend.is_array(x) or isinstance(x, int | float | np.generic)):
            raise TypeError(f"{what}: {type(x).__name__} is not something to differentiate by")
        x = wrap(x) if backend.is_array(x) else asarray(x)
    if type(x._data) is not float and not backend.is_float(x.dtype):
        raise TypeError(
            f"{what}: an argument of dtype {x.dtype} has no derivative, only floats do; convert it "
            "with .astype(ad.float32), or leave it out of argnums"
        )
    x = shared(x)
    if x._node is not None and is_grad_enabled():
        return clone(x)
    return wrap(x._data).requires_grad_()


def positions(argnums: int | Sequence[int], args: Sequence[Any], what: str) -> list[int]:
    chosen = [argnums] if isinstance(argnums, int) else list(argnums)
    for i in chosen:
        if not -len(args) <= i < len(args):
            raise TypeError(f"{what}: argnums={argnums}, but there are {len(args)} arguments")
    return [i % len(args) for i in chosen]


def is_recorded(outputs: Iterable[Any], own: Iterable[Any]) -> bool:
    """Whether outputs depend on anything that carries a gradient and is not one's own."""
    if not is_grad_enabled():
        return False
    mine = {x._node for x in own if not x._node.parents}
    seen: set[Node] = {x._node for x in outputs if getattr(x, "_node", None) is not None}
    stack = list(seen)
    while stack:
        node = stack.pop()
        if node.rule is None and node not in mine:
            return True
        for parent in node.parents:
            if parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return False


def free(tree: Any) -> Any:
    """The tensors of a result outside of the graph."""
    return _tree.tree_map(lambda x: wrap(x._data) if isinstance(x, Variable) else x, tree)


def run(fn: Function, has_aux: bool, args: Sequence[Any], options: dict[str, Any]) -> Any:
    with enable_grad():
        result = fn(*args, **options)
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError("has_aux=True: the function must return a pair, its result and the rest")
    return result


def parts(tree: Any) -> list[Any]:
    """The leaves that a gradient can flow from."""
    return [x for x in _tree.flatten(tree)[0] if getattr(x, "_node", None) is not None]


# ---------------------------------------------------------------- gradients
def value_and_grad(
    fn: Function, argnums: int | Sequence[int] = 0, *, has_aux: bool = False
) -> Function:
    """The function that returns ``fn``'s value and its gradient.

    As `grad`, which see; with ``has_aux`` it returns ``((value, aux), gradient)``.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.value_and_grad(lambda x: (x * x).sum())(ad.tensor([1.0, 3.0]))
    (tensor(10.), tensor([2., 6.]))
    """

    @wraps(fn)
    def both(*args: Any, **options: Any) -> Any:
        chosen = positions(argnums, args, "grad")
        made = [Variables(args[i], "grad") for i in chosen]
        given = list(args)
        for i, v in zip(chosen, made, strict=True):
            given[i] = v.tree
        value, aux = run(fn, has_aux, given, options)
        shape = getattr(value, "shape", ())
        if shape != () or not isinstance(value, Variable | int | float | np.generic):
            what = f"shape {tuple(shape)}" if shape else type(value).__name__
            raise TypeError(
                f"grad: the function must return a single number, not {what}; reduce it "
                "(.sum(), .mean()), or use jacobian or vjp"
            )
        own = [x for v in made for x in v.list]
        create = is_recorded([value, *parts(aux)], own)
        if getattr(value, "_node", None) is None:
            found: tuple[Any, ...] = (None,) * len(own)
        else:
            found = gradients(value, own, create_graph=create, allow_unused=True)
        left = iter(found)
        result = tuple([v.of([next(left) for _ in v.list]) for v in made])
        if not create:
            value, aux = free(value), free(aux)
        value = (value, aux) if has_aux else value
        return value, result[0] if isinstance(argnums, int) else result

    return both


def grad(fn: Function, argnums: int | Sequence[int] = 0, *, has_aux: bool = False) -> Function:
    """The function that returns the gradient of ``fn``, which returns a single number.

    Parameters
    ----------
    fn : callable
        Its arguments may be tensors, NumPy or CuPy arrays, numbers, `Scalar`, or containers of
        them: dicts, lists, tuples, dataclasses.
    argnums : int or tuple of int
        Which arguments to differentiate by.
    has_aux : bool
        ``fn`` returns a pair, of which only the first is differentiated; the new function
        returns ``(gradient, second)``.

    Returns
    -------
    callable
        It gives the gradient in the containers of the argument (a tuple of such for several
        arguments), as tensors, zeros where the result does not depend on a value. It can be
        differentiated in turn, by another transform or, where an argument or a parameter
        requires a gradient, by ``backward``.

    Raises
    ------
    TypeError
        If the result is not a single number, or an argument is not of floats.

    Examples
    --------
    >>> import autodiff as ad
    >>> cube = lambda x: x**3
    >>> ad.grad(cube)(2.0), ad.grad(ad.grad(cube))(2.0)
    (tensor(12.), tensor(12.))
    >>> loss = lambda p, x: ((p["w"] * x + p["b"]) ** 2).sum()
    >>> ad.grad(loss)({"w": 2.0, "b": 1.0}, ad.tensor([0.0, 1.0]))
    {'w': tensor(6.), 'b': tensor(8.)}
    """
    both = value_and_grad(fn, argnums, has_aux=has_aux)

    @wraps(fn)
    def gradient(*args: Any, **options: Any) -> Any:
        value, found = both(*args, **options)
        return (found, value[1]) if has_aux else found

    return gradient


# ---------------------------------------------------------------- products
class Pullback:
    """What `vjp` returns: the transposed Jacobian, as a function."""

    def __init__(self, variables: Variables, outputs: Any, recorded: bool) -> None:
        self.variables = variables
        self.outputs, self.spec = _tree.flatten(outputs)
        self.recorded = recorded

    def __call__(self, cotangents: Any) -> Any:
        """The product with cotangents, which have the containers and shapes of the result."""
        given, spec = _tree.flatten(cotangents)
        if spec != self.spec:
            result = self.spec.unflatten(self.outputs)
            raise ValueError(
                f"vjp: the cotangent is {_tree.outline(cotangents)}, the result "
                f"{_tree.outline(result)}"
            )
        for g, y in zip(given, self.outputs, strict=True):
            if getattr(g, "shape", ()) != getattr(y, "shape", ()):
                raise ValueError(
                    f"vjp: a cotangent of shape {getattr(g, 'shape', ())} for a result of shape "
                    f"{getattr(y, 'shape', ())}"
                )
        pairs = [
            (y, g if isinstance(g, Variable) else y._like(g))
            for y, g in zip(self.outputs, given, strict=True)
            if getattr(y, "_node", None) is not None
        ]
        carries = any(g._node is not None for _, g in pairs)
        own = self.variables.list
        found: tuple[Any, ...] = (None,) * len(own)
        if pairs:
            found = gradients(
                [y for y, _ in pairs],
                own,
                [g for _, g in pairs],
                retain_graph=True,
                create_graph=is_grad_enabled() and (self.recorded or carries),
                allow_unused=True,
            )
        return self.variables.of(found)


def vjp(fn: Function, *primals: Any, has_aux: bool = False) -> Any:
    """The value of ``fn`` and the function that multiplies by its transposed Jacobian.

    Parameters
    ----------
    fn : callable
    *primals
        Its arguments, all of them differentiated.
    has_aux : bool
        ``fn`` returns a pair, of which only the first is differentiated.

    Returns
    -------
    result, pullback
        And the second of the pair with ``has_aux``. ``pullback(cotangents)`` gives a tuple of
        one gradient for each argument; it can be called again, and keeps what was saved.

    Examples
    --------
    >>> import autodiff as ad
    >>> y, pullback = ad.vjp(lambda x: x * x, ad.tensor([1.0, 2.0]))
    >>> y, pullback(ad.tensor([1.0, 10.0]))
    (tensor([1., 4.]), (tensor([ 2., 40.]),))
    """
    made = Variables(primals, "vjp")
    result, aux = run(fn, has_aux, made.tree, {})
    recorded = is_recorded([*parts(result), *parts(aux)], made.list)
    pullback = Pullback(made, result, recorded)
    if not recorded:
        result, aux = free(result), free(aux)
    return (result, pullback, aux) if has_aux else (result, pullback)


def hvp(fn: Function, x: Any, v: Any) -> Any:
    """The product of the Hessian of ``fn`` at ``x`` with ``v``, without the Hessian.

    The gradient of the gradient's product with ``v``.

    Parameters
    ----------
    fn : callable
        Takes ``x``, a tensor or containers of them, and returns a single number.
    x, v
        Of one structure.

    Returns
    -------
    containers of Tensor
        In the structure of ``x``.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.hvp(lambda x: (x**3).sum(), ad.tensor([1.0, 2.0]), ad.tensor([1.0, 1.0]))
    tensor([ 6., 12.])
    """
    _, pullback = vjp(grad(fn), x)
    (product,) = pullback(v)
    return product
