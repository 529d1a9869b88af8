"""The ``@op`` declaration: one forward body and its derivative rules become a callable op.

The signature is read once, when the op is declared. The functions that record the op and pull
gradients through it are then generated (see `_codegen`), so that a call inspects nothing.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, overload

import numpy as np

from . import _codegen, backend
from ._pull import Pull, Rule
from ._recorders import LOCALS, recorder
from .backend import tick
from .mode import current, where
from .nodes import Node, Output, Packed, wrap

REGISTRY: dict[str, "Op"] = {}
"""Every op by name."""


class Namespace(SimpleNamespace):
    """The ops under NumPy's names: what ``xp`` is when a rule or a body runs on tensors."""

    def __getattr__(self, name: str) -> Any:
        try:
            return REGISTRY[name]
        except KeyError:
            raise AttributeError(
                f"xp.{name} is not an op, so a rule or body that uses it has no higher "
                "derivatives; declare it with @ad.op, or use registered ops"
            ) from None


XP = Namespace()
XP.linalg = XP  # the ops have one table: ``xp.linalg.inv`` is the op ``inv``


@dataclass(frozen=True)
class Traits:
    """What an op says of itself beyond its rules; see `op`."""

    outputs: int | None = 1
    saves: tuple[str, ...] = ()
    elementwise: bool = False
    linear: tuple[str, ...] = ()
    view: bool = False
    autocast: str | None = None
    promote: tuple[str, ...] | None = None
    floating: bool = False

    @property
    def several(self) -> bool:
        """Whether the op's results are a tuple."""
        return self.outputs != 1


class Op:
    """An operation. Called on tensors it records; on raw arrays it only computes.

    Made by `op`, never directly.

    Attributes
    ----------
    name : str
    operands : tuple of str
        The parameters before ``/``.
    options : dict
        The parameters after it, with their defaults.
    rules : dict
        The derivative `Rule` of each differentiable operand.
    """

    def __init__(self, body: Callable[..., Any], rules: dict[str, Any], traits: Traits) -> None:
        self.body = self.__wrapped__ = body
        self.name = self.__name__ = self.__qualname__ = body.__name__.rstrip("_")
        self.__doc__ = body.__doc__
        self.__module__ = body.__module__
        self.traits = traits
        self.kernels: dict[str, Callable[..., Any]] = {}
        self.kernel_of: dict[type, Callable[..., Any]] = {}
        self.rules: dict[str, Rule] = {}
        _, *parameters = inspect.signature(body).parameters.values()
        before = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)
        self.variadic = any(p.kind is before[1] for p in parameters)
        self.operands = tuple(p.name for p in parameters if p.kind in before)
        self.optional = frozenset(
            p.name for p in parameters if p.kind in before and p.default is None
        )
        self.options = {p.name: p.default for p in parameters if p.kind not in before}
        self.keyword_only = frozenset(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
        if traits.outputs is None and traits.saves:
            raise TypeError(f"op {self.name}: outputs=None leaves no place for residuals (saves=)")
        if not self.operands:
            raise TypeError(f"op {self.name}: its body needs operands, which end with / or are *xs")
        if self.variadic and len(self.operands) > 1:
            raise TypeError(f"op {self.name}: *{self.operands[-1]} must be the only operand")
        if not self.variadic and traits.outputs == 1:  # those are run by `apply`
            if taken := sorted({*self.operands, *self.options} & LOCALS):
                raise TypeError(
                    f"op {self.name}: {', '.join(taken)} is a name of the generated code; choose "
                    "another"
                )
        self.__signature__ = inspect.Signature(
            [p.replace(kind=before[0]) if p.kind in before else p for p in parameters]
        )
        promote = traits.promote
        if promote is None:
            promote = self.operands if traits.elementwise else ()
        self.promote = tuple(name in promote for name in self.operands)
        for operand, fn in rules.items():
            self._add_rule((operand,), fn)
        self._rebuild()

    def __repr__(self) -> str:
        return f"<op {self.name}({', '.join(self.operands)})>"

    def __call__(self, *args: Any, **options: Any) -> Any:
        raise NotImplementedError  # each op's own class has it, see `op`

    # ------------------------------------------------------------ declaring
    def vjp(self, *operands: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare one rule for several operands, where they share work.

        The rule returns a tuple, one gradient for each of ``operands``; ``None`` is allowed
        for those that ``needs`` (a tuple of bools) says are not asked for. A rule for one
        operand returns that gradient alone.
        """

        def declare(fn: Callable[..., Any]) -> Callable[..., Any]:
            self._add_rule(operands, fn)
            return fn

        return declare

    def kernel(self, kind: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare a faster body for the arrays of one library: ``"numpy"``, ``"cupy"``.

        It has the body's signature. The body stays the reference, and a kernel never runs on
        tensors.
        """

        def declare(fn: Callable[..., Any]) -> Callable[..., Any]:
            self.kernels[kind] = fn
            self.kernel_of = {np.ndarray: self.kernels["numpy"]} if "numpy" in self.kernels else {}
            self._rebuild()
            return fn

        return declare

    def _add_rule(self, operands: tuple[str, ...], fn: Callable[..., Any]) -> None:
        known = {*self.operands, *self.options, *self.traits.saves, "g", "xp", "out", "needs"}
        known |= {f"{name}_shape" for name in self.operands}
        if self.variadic:
            known.add("index")
        reads = _parameters(fn)
        if options := [name for name in operands if name in self.options]:
            raise TypeError(
                f"op {self.name}: {', '.join(options)} is an option and has no derivative; put it "
                "before / to make it an operand"
            )
        if unknown := [name for name in (*operands, *reads) if name not in known]:
            raise TypeError(
                f"op {self.name}: a rule names {', '.join(unknown)}; it may read "
                f"{', '.join(sorted(known))}"
            )
        for operand in operands:
            self.rules[operand] = Rule(fn, operands, reads)
        self._rebuild()

    def _rebuild(self) -> None:
        """Forget what was generated; it is generated again at the next use."""
        self.differentiable = tuple(name for name in self.operands if name in self.rules)
        self._pulls: dict[tuple[bool, ...], Pull] = {}
        self._record: Callable[..., Any] | None = None
        self._scalar: Callable[..., Any] | None = None
        if type(self) is not Op:
            _install(self)

    @property
    def record(self) -> Callable[..., Any]:
        """The recording function for tensors and raw arrays: what a call runs."""
        if self._record is None:
            self._record = recorder(self, scalar=False)
        return self._record

    @property
    def scalar(self) -> Callable[..., Any]:
        """The recording function of scalar mode."""
        if self._scalar is None:
            self._scalar = recorder(self, scalar=True)
        return self._scalar

    # ------------------------------------------------------------ calling
    def settle(self, operands: Sequence[Any]) -> tuple[type, Any, list[Any]]:
        """Bring raw operands to one kind, device and dtype; see `backend.settle`."""
        first: Any = operands[0] if operands else None
        kind: type = type(first)
        xp = backend.TRUSTED.get(kind)
        if xp is not None and first.dtype.kind == "f" and _alike(operands, kind, first.dtype):
            settled = kind, xp, list(operands)
        else:
            promote = self.promote * len(operands) if self.variadic else self.promote
            settled = backend.settle(self.name, operands, promote, self.traits.floating)
            kind = settled[0]
            if kind in backend.WRAPPERS and kind not in self.kernel_of:
                if (make := backend.WRAPPERS[kind].kernel) is not None:
                    self.kernel_of[kind] = make(self)
        if self.kernels and kind not in self.kernel_of:
            # The name of CuPy's arrays is known from the start, their type not until it is used.
            self.kernel_of[kind] = self.kernels.get(kind.__module__, self.body)
        return settled

    def run(self, kind: type, xp: Any, operands: Sequence[Any], options: dict[str, Any]) -> Any:
        """The body, or the kernel for arrays of this kind, on raw arrays."""
        body = self.kernel_of.get(kind, self.body)
        try:
            return body(xp, *operands, **options)
        except (IndexError, TypeError, ValueError) as error:
            raise self.failed(error, operands) from error

    def failed(self, error: Exception, operands: Sequence[Any]) -> Exception:
        """The same error, with the op, the shapes and the dtypes."""
        shown = [
            f"{tuple(x.shape)} {x.dtype}" if hasattr(x, "dtype") else repr(x) for x in operands
        ]
        return type(error)(f"{self.name}: {error} [operands: {', '.join(shown)}]")

    def apply(self, operands: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Any call at all: the way of ops that are variadic or have several results."""
        raw, nodes, tensors = [], [], False
        for x in operands:
            if type(x) in _codegen.TENSORS:
                tensors = True
                raw.append(x._data)
                nodes.append(x._node)
            elif type(x) in _codegen.SCALARS:
                return self.scalar(*((operands,) if self.variadic else operands), **options)
            else:
                raw.append(x)
                nodes.append(None)
        mode = current()
        if mode.autocast is not None and self.traits.autocast:
            cast = _codegen.SPACE["recast"](self, operands, mode.autocast)
            if cast is not None:
                return self.apply(cast, options)
        kind, xp, raw = self.settle(raw)
        if kind in backend.WRAPPERS:
            shared = _codegen.SPACE["lifted"](operands)
            if shared is not None:
                return self.apply(shared, options)
        result = self.run(kind, xp, raw, options)
        count = self.traits.outputs  # None: all that the body returned
        several, saves = self.traits.several, self.traits.saves
        if not tensors:
            return result if not saves else result[:count] if several else result[0]
        arrays = [backend.as_array(xp, x) for x in (result if several or saves else (result,))]
        carries = self._carries(nodes)
        if not any(carries) or not mode.recording:
            made = [wrap(x) for x in arrays[:count]]
            return tuple(made) if several else made[0]
        return self.attach(carries, nodes, raw, options, arrays)

    def _carries(self, nodes: Sequence[Node | None]) -> tuple[bool, ...]:
        """Which differentiable operands carry a gradient."""
        if self.variadic:
            return tuple(n is not None for n in nodes) if self.rules else ()
        return tuple(
            n is not None
            for name, n in zip(self.operands, nodes, strict=True)
            if name in self.rules
        )

    def attach(
        self,
        carries: tuple[bool, ...],
        nodes: Sequence[Node | None],
        operands: Sequence[Any],
        options: dict[str, Any],
        arrays: Sequence[Any],
    ) -> Any:
        """Record a result that was computed, for any op and any operands."""
        pull = self.pull(carries)
        mode = current()
        count, several = self.traits.outputs or len(arrays), self.traits.several
        if self.variadic:
            values: dict[str, Any] = {self.operands[0]: tuple(operands)}
            parents = tuple(n for n in nodes if n is not None)
        else:
            values = dict(zip(self.operands, operands, strict=True))
            parents = tuple(
                n
                for name, n in zip(self.operands, nodes, strict=True)
                if n is not None and name in self.rules
            )
        values |= options
        values |= zip(self.traits.saves, arrays[count:], strict=True)
        values["out"] = tuple(arrays[:count]) if several else arrays[0]
        node = Node()
        node.rule = pull
        node.parents = parents
        node.saved = tuple([_saved(name, values) for name in pull.layout])
        if mode.pack is not None:
            node.saved = Packed(node.saved, mode.pack)
        first = arrays[0]
        node.device = backend.device_of(first)
        if several:
            node.shape = tuple([x.shape for x in arrays[:count]])
            node.dtype = tuple([x.dtype for x in arrays[:count]])
        else:
            node.shape, node.dtype = first.shape, first.dtype
        node.scope = where().scope
        node.index = tick()
        node.hooks = node.name = None
        for tapped in mode.taps:
            tapped(node, values["out"])
        if not several:
            return wrap(first, node)
        return tuple(
            [
                wrap(x, Output(node, k) if backend.is_float(x.dtype) else None)
                for k, x in enumerate(arrays[:count])
            ]
        )

    def pull(self, carries: tuple[bool, ...]) -> Pull:
        """The pulling side for the case that these operands carry a gradient."""
        pull = self._pulls.get(carries)
        if pull is None:
            pull = self._pulls[carries] = Pull(self, carries)
        return pull


def _parameters(fn: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a rule's parameters, sooner than by `inspect`: this runs at import."""
    code = getattr(fn, "__code__", None)
    if code is None or hasattr(fn, "__wrapped__"):
        return tuple(inspect.signature(fn).parameters)
    names: tuple[str, ...] = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return names


def _alike(operands: Sequence[Any], kind: Any, dtype: Any) -> bool:
    """Whether all operands that are there are arrays of one kind and dtype: nothing to settle."""
    for x in operands:
        if x is not None and (type(x) is not kind or x.dtype is not dtype):
            return False
    return True


def _saved(name: str, values: dict[str, Any]) -> Any:
    """The value of a layout's entry: an operand, an option, a residual, or a shape."""
    if name in values:
        return values[name]
    operand = values[name.removesuffix("_shape")]
    if isinstance(operand, tuple):
        return tuple([x.shape for x in operand])
    return getattr(operand, "shape", ())


@overload
def op(body: Callable[..., Any], /) -> Op: ...
@overload
def op(**declared: Any) -> Callable[[Callable[..., Any]], Op]: ...
def op(body: Callable[..., Any] | None = None, /, **declared: Any) -> Any:
    """Declare an operation from its forward body: the extension point.

    The body takes the array namespace ``xp``, then operands, then ``/``, then options. It is
    written with operators and ``xp`` functions only, changes nothing, and serves NumPy, CuPy,
    scalar mode and higher derivatives alike.

    Parameters
    ----------
    body : callable
        The forward body, where nothing is declared beside it.
    **declared
        For each differentiable operand a rule, whose parameter names say what it reads and
        what is therefore kept: ``g`` (the incoming gradient), ``out``, any operand or option,
        ``<operand>_shape``, ``xp``, a residual, ``needs``; in a variadic op, ``index``.
        Besides, traits: ``outputs`` (how many results; None if that depends on the operands),
        ``saves`` (names of residuals, which
        the body returns after its results), ``elementwise``, ``linear`` (the operands in
        which the op is linear), ``view``, ``autocast`` (``"low"`` or ``"high"``), ``promote``
        (operands brought to one dtype; all of an elementwise op) and ``floating`` (integers
        become the default float).

    Returns
    -------
    Op

    Examples
    --------
    >>> import autodiff as ad
    >>> @ad.op(x=lambda g, x: 3 * g * x * x, elementwise=True)
    ... def cube(xp, x, /):
    ...     return x * x * x
    >>> x = ad.tensor([1.0, 2.0], requires_grad=True)
    >>> cube(x).sum().backward()
    >>> x.grad
    tensor([ 3., 12.])
    """
    if body is None:
        return lambda fn: op(fn, **declared)
    names = Traits.__dataclass_fields__
    traits = Traits(**{name: value for name, value in declared.items() if name in names})
    rules = {name: value for name, value in declared.items() if name not in names}
    name = body.__name__.rstrip("_")
    other = REGISTRY.get(name)
    taken = other is not None and other.__module__ != body.__module__
    # Python looks ``__call__`` up on the class: giving each op a class of its own makes a call
    # run the generated function at once, without a method in between.
    made: Op = type(name, (Op,), {})(body, rules, traits)
    REGISTRY[f"{body.__module__}.{name}" if taken else name] = made
    return made


def _install(made: Op) -> None:
    """Make a call of ``made`` generate its recorder first, and run that ever after."""

    def first(*args: Any, **options: Any) -> Any:
        type(made).__call__ = staticmethod(made.record)  # type: ignore[method-assign]
        return made.record(*args, **options)

    type(made).__call__ = staticmethod(first)  # type: ignore[method-assign]


_codegen.SPACE["XP"] = XP
