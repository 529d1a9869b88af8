"""Capture: a function run once, as the list of the ops it called.

Inside, tensors hold `Captured` arrays: a NumPy array that knows which call made it. They lie below
the tensors, as those of `vmap` do, so that nothing can be computed past them. An op is kept whole
or, if the caller has no use for it, taken apart into the ops that its body is made of.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _tree, backend
from ._captured import Captured, inside, plain
from ._op import REGISTRY, Op
from ._tensor import Tensor
from .backend import NUMBERS, Kind, register_kind
from .mode import Scope, no_grad, where
from .nodes import wrap

Keep = Callable[[str, tuple[Any, ...], dict[str, Any]], bool]


@dataclass(frozen=True, eq=False)
class Call:
    """One call of an op, or of a function that was kept whole (`captured`).

    Attributes
    ----------
    name : str
        The op's, as in ``REGISTRY``, or that given to `captured`.
    operands : tuple
        `Captured` arrays; None and strange numbers as they were given.
    options : dict
    results : tuple of Captured
    scope : Scope or None
        The module call in which it was made.
    """

    name: str
    operands: tuple[Any, ...]
    options: dict[str, Any]
    results: tuple[Captured, ...]
    scope: Scope | None

    @property
    def reads(self) -> list[Captured]:
        """The arrays it is given, those in an index among them."""
        return inside((*self.operands, self.options))


class Capture:
    """A function, as the calls that it made; see `capture`.

    Attributes
    ----------
    inputs, outputs : list of Captured
        In the order in which they stand in the arguments and in what was returned.
    calls : list of Call
    """

    def __init__(self, keep: Keep) -> None:
        self.inputs: list[Captured] = []
        self.outputs: list[Captured] = []
        self.calls: list[Call] = []
        self._keep = keep
        self._count = 0
        self._opened: list[str] = []  # ops that are being taken apart

    def _value(self, inner: Any) -> Captured:
        """A new value of the program."""
        self._count += 1
        return Captured(self, np.asarray(inner), self._count - 1)

    def _constant(self, x: Any) -> Captured:
        """An array that is the same in every call, unless its shape shows a changing one."""
        return x if type(x) is Captured else Captured(self, backend.to_numpy(x), None, x)

    def _call(self, op: Op, operands: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Run an op on captured arrays, and list it; returns what its body would."""
        name = _name(op)
        fixed = all(x.number is None for x in inside((*operands, options)))
        if not fixed and not self._keep(name, operands, options):
            return self._open(op, name, operands, options)
        results = _tuple(self._values(op, operands, options))
        count = op.traits.outputs
        made = tuple(
            [Captured(self, np.asarray(x), None) for x in results[:count]]
            if fixed
            else self._note(name, self._numbered(op, operands), options, results[:count])
        )
        if not op.traits.several and not op.traits.saves:
            return made[0]
        return *made, *results[len(made) :]  # with residuals, which are not part of the program

    def _numbered(self, op: Op, operands: tuple[Any, ...]) -> tuple[Any, ...]:
        """The operands with Python's numbers as constants of the dtype that they take there."""
        promote = op.promote * len(operands) if op.variadic else op.promote
        dtype = next(
            (x.dtype for x, p in zip(operands, promote) if p and type(x) is Captured), None
        )
        return tuple(
            [
                self._constant(np.asarray(x, dtype)) if p and type(x) in NUMBERS else x
                for x, p in zip(operands, promote)
            ]
        )

    def _note(
        self, name: str, operands: tuple[Any, ...], options: dict[str, Any], results: Any
    ) -> tuple[Captured, ...]:
        made = tuple([self._value(x) for x in results])
        self.calls.append(Call(name, operands, options, made, where().scope))
        return made

    def _open(self, op: Op, name: str, operands: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """The ops that an op's body is made of, in its place."""
        if name in self._opened:
            raise NotImplementedError(f"{self._opened[0]}: there is no counterpart of {name}")
        self._opened.append(name)
        try:
            found = op.body(SPACE, *operands, **options)
        except (AttributeError, TypeError) as error:
            raise NotImplementedError(
                f"{name}: it has no counterpart and cannot be taken apart: {error}"
            ) from error
        finally:
            self._opened.pop()
        # A body may write into arrays it made itself, which would not be seen.
        expected = _tuple(self._values(op, operands, options))[: op.traits.outputs]
        for x, wanted in zip(_tuple(found), expected):
            x = plain(x)
            if np.shape(x) != np.shape(wanted) or not np.allclose(x, wanted, 1e-3, 1e-3, True):
                raise NotImplementedError(
                    f"{name}: it has no counterpart and cannot be taken apart"
                )
        return found

    def _values(self, op: Op, operands: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """What an op makes of the values in this run."""
        values = {name: plain(x) for name, x in options.items()}
        xp = backend.NAMESPACES[np.ndarray]
        return op.run(np.ndarray, xp, [plain(x) for x in operands], values)


class _Space:
    """The namespace of captured arrays: the ops themselves, and what NumPy makes of no array."""

    special: Any
    linalg: Any

    def __init__(self) -> None:
        self.special = self.linalg = self

    def __getattr__(self, name: str) -> Any:
        return REGISTRY[name] if name in REGISTRY else getattr(np, name)

    def dot(self, x: Any, y: Any) -> Any:
        return REGISTRY["matmul"](x, y)

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        if type(x) is not Captured:
            return np.asarray(x, dtype)
        return x if dtype is None or x.dtype == dtype else x.astype(dtype)

    array = asarray

    def zeros_like(self, x: Any) -> Any:
        return np.zeros(x.shape, x.dtype)

    def ones_like(self, x: Any) -> Any:
        return np.ones(x.shape, x.dtype)


SPACE = _Space()


_names: dict[Op, str] = {}


def _name(op: Op) -> str:
    """What an op is called in the registry."""
    if op not in _names:
        _names.update({other: name for name, other in REGISTRY.items()})
    return _names.get(op, op.name)


def _tuple(x: Any) -> tuple[Any, ...]:
    return x if isinstance(x, tuple) else (x,)


def _kernel(op: Op) -> Callable[..., Any]:
    """What runs an op on captured arrays."""
    count = None if op.variadic else len(op.operands)

    def run(xp: Any, *args: Any, **options: Any) -> Any:
        operands = args[:count]
        if count is not None:
            options |= dict(zip(op.options, args[count:]))
        if op.name == "batch":  # of vmap, whose arrays hold captured ones
            return op.body(xp, *operands, **options)
        owner = inside((*operands, options))[0].capture
        return owner._call(op, operands, options)

    return run


def _uniform(operands: Any) -> list[Any]:
    """All arrays as captured ones."""
    owner = next(x.capture for x in operands if type(x) is Captured)
    return [owner._constant(x) if x is not None and backend.is_array(x) else x for x in operands]


register_kind(
    Kind(
        type=Captured,
        xp=SPACE,
        device_of=lambda x: "cpu",
        put=lambda x, device: x,
        get=Captured._refuse,
        uniform=_uniform,
        kernel=_kernel,
    ),
    None,
)

_active: ContextVar[Capture | None] = ContextVar("capture", default=None)


def capture(fn: Callable[..., Any], *args: Any, keep: Keep = lambda *call: True) -> Capture:
    """Run a function once, without gradients, and list the ops it calls.

    Parameters
    ----------
    fn : callable
        It must not branch on the values of tensors, nor write into them.
    *args
        Tensors and arrays, alone or in containers, are the inputs of the program; what else there
        is goes to ``fn`` as it is.
    keep : callable
        ``keep(name, operands, options)`` says whether a call is listed; if not, those are that
        its op's body makes in its place.

    Returns
    -------
    Capture
        Values that do not depend on the inputs are computed at once, and are its constants.

    Raises
    ------
    TypeError
        If ``fn`` needs the value of a tensor: ``float(x)``, ``if x > 0``, ``x.data`` for NumPy.
    NotImplementedError
        If an op is not kept and cannot be taken apart.

    Examples
    --------
    >>> import autodiff as ad
    >>> program = ad.capture(lambda x: (x * 2.0).sum(), ad.ones(3))
    >>> [call.name for call in program.calls]
    ['multiply', 'sum']
    """
    made = Capture(keep)
    leaves, spec = _tree.flatten(args)
    given = []
    for x in leaves:
        raw = x.data if isinstance(x, Tensor) else x
        if backend.is_array(raw):
            made.inputs.append(made._value(backend.to_numpy(raw)))
            raw = wrap(made.inputs[-1])
        given.append(raw)
    with no_grad():
        token = _active.set(made)
        try:
            returned = fn(*spec.unflatten(given))
        finally:
            _active.reset(token)
    made.outputs = [
        made._constant(x.data) for x in _tree.flatten(returned)[0] if isinstance(x, Tensor)
    ]
    return made


def captured(name: str, fn: Callable[..., Any], *operands: Any, **options: Any) -> Any:
    """``fn(*operands)``; while a program is captured, one call of it called ``name``.

    Parameters
    ----------
    name : str
    fn : callable
        Returns a tensor or a tuple of them.
    *operands : Tensor or None
    **options
        Noted with the call, not given to ``fn``.

    Examples
    --------
    >>> import autodiff as ad
    >>> twice = lambda x: ad.captured("twice", lambda x: x + x, x)
    >>> [call.name for call in ad.capture(twice, ad.ones(3)).calls]
    ['twice']
    """
    owner = _active.get()
    if owner is None:
        return fn(*operands)
    noted = tuple([x if x is None else owner._constant(x.data) for x in operands])
    returned = fn(*[x if x is None else Tensor(x.inner) for x in noted])
    several = isinstance(returned, tuple)
    results = [x.data for x in (returned if several else (returned,))]
    made = tuple([wrap(x) for x in owner._note(name, noted, options, results)])
    return made if several else made[0]
