"""What tensors and scalars share: a value, its gradient and its place in the graph."""

import weakref
from collections.abc import Callable
from typing import Any, Self

from . import backend, engine
from ._views import Alias
from .engine import Observer
from .nodes import Leaf, Node, wrap


class Method:
    """A method or operator that is an op.

    The function is generated at the first use, and then takes this object's place in the
    class: importing the library generates nothing.

    Parameters
    ----------
    op : Op
    mode : str
        ``"record"`` for tensors, ``"scalar"`` for scalars.
    reflected : bool
        Whether the operands are to be exchanged, as in ``1 - x``.
    """

    def __init__(self, op: Any, mode: str, reflected: bool = False) -> None:
        self.op, self.mode, self.reflected = op, mode, reflected
        self.__doc__ = op.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.owner, self.name = owner, name

    def __get__(self, obj: Any, cls: Any = None) -> Callable[..., Any]:
        run = getattr(self.op, self.mode)
        made = (lambda self, other: run(other, self)) if self.reflected else run
        setattr(self.owner, self.name, made)
        bound: Callable[..., Any] = made if obj is None else made.__get__(obj)
        return bound


class Variable:
    """A value that may carry a gradient. Use `Tensor` or `Scalar`."""

    __slots__ = ("__weakref__", "_alias", "_data", "_grad", "_name", "_node")

    _alias: Alias  # of tensors
    _data: Any
    _grad: Any
    _name: str | None
    _node: Node | None

    # ------------------------------------------------------------ the graph
    @property
    def node(self) -> Node | None:
        """The node of the graph it came from; None if it carries no gradient."""
        return self._node

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to it."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, value: bool = True) -> Self:
        """Ask for a gradient here, or no longer; returns itself.

        Raises
        ------
        TypeError
            If the dtype is not a float: only floats have gradients.
        RuntimeError
            If it is the result of a recorded op and ``value`` is False: use ``detach()``.
        """
        if not self.is_leaf and not value:
            raise RuntimeError("only a leaf can stop requiring a gradient; use detach()")
        if value and self._node is None:
            if not backend.is_float(self.dtype):
                raise TypeError(
                    f"a tensor of dtype {self.dtype} cannot require a gradient, only floats can; "
                    "convert it with .astype(ad.float32)"
                )
            self._node = Leaf(self, self._data)
            self._node.name = self._name
        elif not value:
            self._node = None
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user, not by a recorded op."""
        return self._node is None or self._node.rule is None

    @property
    def name(self) -> str | None:
        """What it is called in pictures and messages."""
        return self._name

    @name.setter
    def name(self, value: str | None) -> None:
        self._name = value
        if self._node is not None:
            self._node.name = value

    @property
    def dtype(self) -> Any:
        """The dtype of the elements."""
        return self._data.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        shape: tuple[int, ...] = self._data.shape
        return shape

    def __reduce__(self) -> Any:
        if not self.is_leaf:
            raise RuntimeError(
                "the result of a recorded op cannot be copied or pickled with the graph it came "
                "from; use clone(), or detach() first"
            )
        made = type(self), self._data, self.requires_grad, self._name, self._grad
        slots = [
            name
            for cls in type(self).__mro__[: type(self).__mro__.index(Variable)]
            for name in cls.__dict__.get("__slots__", ())
        ]
        own = {name: getattr(self, name) for name in slots if hasattr(self, name)}
        return _leaf, made, (getattr(self, "__dict__", None), own)  # what a subclass has besides

    # ------------------------------------------------------------ gradients
    @property
    def grad(self) -> Self | None:
        """The gradient, accumulated by every backward pass since it was last cleared."""
        grad: Self | None = self._grad
        return grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            if not isinstance(value, Variable):
                value = self._like(value)
            if value.shape != self.shape:
                raise ValueError(
                    f"a gradient of shape {value.shape} does not fit a tensor of shape {self.shape}"
                )
        self._grad = value

    def _like(self, value: Any) -> Self:
        raise NotImplementedError

    def _one(self) -> Any:
        """The raw gradient of a value with respect to itself."""
        raise NotImplementedError

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self._grad = None

    def backward(
        self,
        gradient: Any = None,
        *,
        retain_graph: bool = False,
        create_graph: bool = False,
        observe: Observer | None = None,
    ) -> None:
        """Add the gradient of this value to ``.grad`` of every leaf it depends on.

        Parameters
        ----------
        gradient : array_like, optional
            The gradient to start from, of this tensor's shape; 1 for a single element.
        retain_graph : bool
            Keep what was saved for the backward pass, so that it can be run again.
        create_graph : bool
            Make gradients that can be differentiated themselves; retains the graph.
        observe : callable, optional
            ``observe(node, g, pulled)`` is shown every node once, with its raw gradient and
            those it sends to its parents. It must change nothing.

        Raises
        ------
        RuntimeError
            If nothing here requires a gradient, the tensor has several elements and no
            ``gradient`` is given, or the graph was released by an earlier pass.
        """
        if self._node is None:
            raise RuntimeError(
                "backward: this value does not require a gradient: no operand that led to it "
                "does (make one with requires_grad=True), or it was made under no_grad()"
            )
        if create_graph:
            retain_graph = True
        seed = self._seed(gradient, create_graph)
        engine.walk(
            [(self._node, seed)],
            retain=retain_graph,
            differentiable=create_graph,
            observe=observe,
        )

    def _seed(self, gradient: Any, differentiable: bool) -> Any:
        if gradient is None:
            if self.shape != () and self._data.size != 1:
                raise RuntimeError(
                    f"backward: a tensor of shape {self.shape} has no single gradient to start "
                    "from; reduce it first (.sum() or .mean()), or pass gradient="
                )
            seed = self._one()
        else:
            if not isinstance(gradient, Variable):
                gradient = self._like(gradient)
            if gradient.shape != self.shape:
                raise ValueError(
                    f"backward: gradient of shape {gradient.shape} for a tensor of shape "
                    f"{self.shape}"
                )
            if differentiable:
                return gradient
            seed = gradient._data
        return wrap(seed) if differentiable else seed

    def retain_grad(self) -> None:
        """Keep ``.grad`` here too, though this is not a leaf."""
        if self._node is None:
            raise RuntimeError("retain_grad: this value does not require a gradient")
        if self.is_leaf:
            return
        if self._node.hooks is None:
            self._node.hooks = []
        if not any(isinstance(hook, Retain) for hook in self._node.hooks):
            self._node.hooks.append(Retain(self))

    def register_hook(self, fn: Callable[[Any], Any]) -> Callable[[], None]:
        """Call ``fn(gradient)`` when the gradient here is complete.

        What it returns, unless None, replaces the gradient.

        Returns
        -------
        callable
            Removes the hook.
        """
        if self._node is None:
            raise RuntimeError("register_hook: this value does not require a gradient")
        hooks = self._node.hooks = self._node.hooks or []
        last = hooks and isinstance(hooks[-1], Retain)
        hooks.insert(len(hooks) - 1 if last else len(hooks), fn)  # .grad is what hooks made of it
        return lambda: hooks.remove(fn)

    def register_post_accumulate_hook(self, fn: Callable[[Any], None]) -> Callable[[], None]:
        """Call ``fn(tensor)`` as soon as a backward pass has added to this leaf's ``.grad``.

        The walk may go on after it; optimizers and communication can start from here.

        Returns
        -------
        callable
            Removes the hook.
        """
        if not isinstance(self._node, Leaf):
            raise RuntimeError("register_post_accumulate_hook: only leaves accumulate gradients")
        hooks = self._node.after = self._node.after or []
        hooks.append(fn)
        return lambda: hooks.remove(fn)

    def item(self) -> Any:
        """The value as a Python number."""
        raise NotImplementedError

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else repr(self)


def _leaf(cls: Any, data: Any, requires_grad: bool, name: str | None, grad: Any) -> Any:
    """A copy of a leaf, with a leaf node of its own."""
    made = cls.__new__(cls)
    made._data, made._node, made._grad, made._name = data, None, grad, name
    made._alias = None
    return made.requires_grad_() if requires_grad else made


class Retain:
    """The hook behind ``retain_grad``: always the last of a node."""

    def __init__(self, variable: Variable) -> None:
        self.variable = weakref.ref(variable)

    def __call__(self, g: Any) -> None:
        variable = self.variable()
        if variable is not None:
            variable._grad = g if variable._grad is None else variable._grad + g


def gradients(
    outputs: Any,
    inputs: Any = None,
    grad_outputs: Any = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
    observe: Observer | None = None,
) -> Any:
    """The gradients of ``outputs`` with respect to ``inputs``; no ``.grad`` changes.

    Parameters
    ----------
    outputs : Tensor or sequence of Tensor
        What is differentiated; several are summed, weighted by ``grad_outputs``.
    inputs : Tensor or sequence of Tensor, optional
        Leaves or results along the way. Without them the whole graph is walked for
        ``observe`` alone: it is retained, and no hook fires.
    grad_outputs : array_like or sequence, optional
        The gradient to start from, one for each output.
    retain_graph : bool, optional
        Keep the saved values; by default only with ``create_graph``.
    create_graph : bool
        Return gradients that can be differentiated again.
    allow_unused : bool
        Return None for an input that the outputs do not depend on, instead of raising.
    observe : callable, optional
        ``observe(node, g, pulled)``, as in ``backward``.

    Returns
    -------
    Tensor, or tuple of Tensor if ``inputs`` is a sequence

    Examples
    --------
    >>> import autodiff as ad
    >>> x = ad.tensor(3.0, requires_grad=True)
    >>> slope = ad.gradients(x**3, x, create_graph=True)
    >>> slope.item(), ad.gradients(slope, x).item()
    (27.0, 18.0)
    """
    ends = [outputs] if isinstance(outputs, Variable) else list(outputs)
    starts = [None] * len(ends) if grad_outputs is None else grad_outputs
    if isinstance(outputs, Variable) and grad_outputs is not None:
        starts = [grad_outputs]
    seeds = []
    for end, start in zip(ends, starts, strict=True):
        if end._node is None:
            raise RuntimeError("gradients: an output does not require a gradient")
        seeds.append((end._node, end._seed(start, create_graph)))
    if inputs is None:
        engine.walk(seeds, retain=True, differentiable=create_graph, deposit=False, hooks=False,
              observe=observe)  # fmt: skip
        return None
    sources = [inputs] if isinstance(inputs, Variable) else list(inputs)
    nodes = []
    for source in sources:
        if source._node is None:
            raise RuntimeError(
                f"gradients: an input of shape {source.shape} does not require a gradient"
            )
        nodes.append(source._node)
    found = engine.walk(
        seeds,
        retain=create_graph if retain_graph is None else retain_graph,
        differentiable=create_graph,
        deposit=False,
        observe=observe,
        targets=set(nodes),
    )
    results = []
    for source, node in zip(sources, nodes):
        g = found.get(node)
        if g is None and not allow_unused:
            raise RuntimeError(
                f"gradients: the outputs do not depend on an input of shape {source.shape}; "
                "pass allow_unused=True to get None for it"
            )
        results.append(None if g is None else wrap(g))
    return results[0] if isinstance(inputs, Variable) else tuple(results)
