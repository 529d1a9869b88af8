"""What is switched on while ops are recorded: grad mode, taps, scopes, packing, precision.

One immutable `Mode` and one `Scope` per thread and asynchronous task, read by every recorded op.
"""

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, Self, TypeVar

import numpy as np

from .backend import TRUSTED

Hook = Callable[[Any], Any]
Tap = Callable[[Any, Any], None]
P = ParamSpec("P")
R = TypeVar("R")


class Mode:
    """What is switched on while ops are recorded; per thread and per asynchronous task."""

    __slots__ = ("autocast", "observers", "pack", "recording", "taps", "trusted")

    def __init__(
        self,
        recording: bool = True,
        taps: Sequence[Tap] = (),
        pack: tuple[Hook, Hook] | None = None,
        observers: tuple[Callable[..., Any], ...] = (),
        autocast: Any = None,
    ) -> None:
        self.recording = recording
        self.taps = taps
        self.pack = pack
        self.observers = observers  # each is asked by every walk for an observer of its nodes
        self.autocast = autocast  # a dtype, or None
        # Where no kind is trusted, ops that autocast speaks of go the long way, and cast there.
        self.trusted = TRUSTED if autocast is None else {}


_mode: ContextVar[Mode] = ContextVar("mode", default=Mode())  # noqa: B039 - never changed
current = _mode.get


def switch(recording: bool, autocast: Any = None) -> Any:
    """Switch recording on or off, and autocast with it; give the result to `switch_back`."""
    now = current()
    return _mode.set(Mode(recording, now.taps, now.pack, now.observers, autocast))


switch_back = _mode.reset


class _Switch(AbstractContextManager[None]):
    """Something else is switched on inside a ``with`` block or a decorated function."""

    def __init__(self) -> None:
        self.tokens: list[Any] = []

    def switch(self) -> Any:
        """Switch, and return what `switch_back` needs."""
        raise NotImplementedError

    def __enter__(self) -> None:
        self.tokens.append(self.switch())

    def __exit__(self, *exc: Any) -> None:
        switch_back(self.tokens.pop())

    def __call__(self, fn: Callable[P, R]) -> Callable[P, R]:
        @wraps(fn)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
            token = self.switch()
            try:
                return fn(*args, **kwargs)
            finally:
                switch_back(token)

        return wrapped


class _Recording(_Switch):
    """``with no_grad():`` or ``@no_grad()``: switch recording off (or on)."""

    def __init__(self, recording: bool) -> None:
        super().__init__()
        self.recording = recording

    def switch(self) -> Any:
        return switch(self.recording, current().autocast)


class _Autocast(_Switch):
    """``with autocast():`` or ``@autocast()``: choose the precision of products."""

    def __init__(self, dtype: Any) -> None:
        super().__init__()
        self.dtype = dtype

    def switch(self) -> Any:
        return switch(current().recording, self.dtype)


def no_grad() -> _Recording:
    """Record nothing, as a ``with`` block or a decorator.

    Examples
    --------
    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0], requires_grad=True)
    >>> with ad.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """
    return _Recording(False)


def enable_grad() -> _Recording:
    """Record again inside `no_grad`, as a ``with`` block or a decorator."""
    return _Recording(True)


def is_grad_enabled() -> bool:
    """Whether ops are recorded in this thread."""
    return current().recording


def autocast(dtype: Any = np.float16, enabled: bool = True) -> _Autocast:
    """Compute products in half precision and what needs it in float32: mixed precision.

    Inside the ``with`` block, or the decorated function, ops declared ``autocast="low"``
    (`matmul`, `einsum`, ``linear``, convolutions) cast operands of single precision to ``dtype``;
    those declared ``"high"`` (`exp`, `log`, sums and means, norms, losses, decompositions) cast
    operands of half precision to float32; all others take what comes, and the widest wins.
    The casts are recorded, so float32 parameters get float32 gradients.

    It holds for this thread, may be nested, and does not touch float64, integers or scalar mode.
    The backward pass computes each gradient in the precision of its op, inside the block or not.

    Parameters
    ----------
    dtype : dtype
        ``float16``, which needs a scaled loss (``nn.optim.GradScaler``), or ``bfloat16``.
    enabled : bool
        False switches it off inside the block.

    Examples
    --------
    >>> import autodiff as ad
    >>> w = ad.ones((2, 2), requires_grad=True)
    >>> with ad.autocast():
    ...     y = w @ w
    ...     loss = y.sum()
    >>> y.dtype, loss.dtype
    (dtype('float16'), dtype('float32'))
    >>> loss.backward()
    >>> w.grad.dtype
    dtype('float32')
    """
    name = getattr(dtype, "__name__", None) or getattr(dtype, "name", dtype)
    if name not in ("float16", "bfloat16"):
        raise ValueError(
            f"autocast: dtype is {name!r}; it must be float16 or bfloat16 (no device is named: it "
            "holds wherever tensors are)"
        )
    return _Autocast(np.dtype(dtype) if enabled else None)


def tap(fn: Tap) -> AbstractContextManager[None]:
    """Call ``fn(node, out)`` for every op recorded inside the ``with`` block.

    ``out`` is the raw result (a tuple where an op has several). Forward statistics and
    source lines come from here; outside the block a tap costs one test.

    Examples
    --------
    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0], requires_grad=True)
    >>> with ad.tap(lambda node, out: print(node.op.name, out)):
    ...     y = (x * 3).sum()
    multiply [3. 6.]
    sum 9.0
    """
    return with_mode(
        lambda now: Mode(now.recording, (*now.taps, fn), now.pack, now.observers, now.autocast)
    )


class Watch(AbstractContextManager["Watch"]):
    """Look at some steps of a training loop, at no cost in the others.

    Parameters
    ----------
    begin : callable
        ``begin(roots, deposit)`` is called once by every backward pass inside the ``with`` block,
        with the nodes from which it starts and whether it adds to ``.grad``. It returns an
        observer of this pass, ``observe(node, g, pulled)``, or None.
    tap : callable
        As in `tap`, and called only while `tapping` is True.

    Examples
    --------
    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0], requires_grad=True)
    >>> with ad.Watch(lambda roots, deposit: print(roots), lambda node, out: None):
    ...     (x * 3).sum().backward()  # doctest: +ELLIPSIS
    [<Node ... sum () float32>]
    """

    def __init__(self, begin: Callable[[list[Any], bool], Any], tap: Tap) -> None:
        self._begin, self._tap = begin, tap
        self._taps: list[Tap] = []
        self._blocks: list[Any] = []

    @property
    def tapping(self) -> bool:
        """Whether the tap is on; may be set at any time inside the block."""
        return self._tap in self._taps

    @tapping.setter
    def tapping(self, value: bool) -> None:
        if value and not self.tapping:
            self._taps.append(self._tap)
        elif not value and self.tapping:
            self._taps.remove(self._tap)

    def __enter__(self) -> Self:
        # A list, which the modes made inside the block share: so the tap can be switched wherever
        # control is, say inside autocast, and stays as it is when that block ends.
        taps = current().taps
        self._taps = taps if isinstance(taps, list) else [*taps]
        block = with_mode(
            lambda now: Mode(
                now.recording, self._taps, now.pack, (*now.observers, self._begin), now.autocast
            )
        )
        block.__enter__()
        self._blocks.append(block)
        return self

    def __exit__(self, *exc: Any) -> None:
        self.tapping = False
        self._blocks.pop().__exit__(None, None, None)


def saved_tensors_hooks(pack: Hook, unpack: Hook) -> AbstractContextManager[None]:
    """Choose how ops recorded inside the ``with`` block keep what their rules will read.

    Parameters
    ----------
    pack : callable
        Is given each saved array as a tensor, and returns anything.
    unpack : callable
        Is given that when a backward pass needs it, and returns the tensor: of the same shape.

    Examples
    --------
    Kept in half the memory, at the price of precision:

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0], requires_grad=True)
    >>> with ad.saved_tensors_hooks(lambda t: t.to(ad.float16), lambda t: t.to(ad.float32)):
    ...     y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    tensor([2., 4.])
    """
    return with_mode(
        lambda now: Mode(now.recording, now.taps, (pack, unpack), now.observers, now.autocast)
    )


@contextmanager
def with_mode(change: Callable[[Mode], Mode]) -> Iterator[None]:
    """What ``change`` makes of the mode, inside the ``with`` block."""
    token = _mode.set(change(current()))
    try:
        yield
    finally:
        _mode.reset(token)


class Scope(NamedTuple):
    """One call of a module, held weakly; the nodes recorded in it point here.

    Attributes
    ----------
    module : callable
        Gives the module, or None if it is gone.
    kind : type
        The module's class.
    outer : Scope or None
        The call in which this one was made.
    call : int
        Which call of the module it is.
    label : str
        The name of the module's class.
    """

    module: Callable[[], Any]
    kind: type
    outer: "Scope | None"
    call: int

    @property
    def label(self) -> str:
        """The name of the module's class."""
        return self.kind.__name__

    def __repr__(self) -> str:
        return f"{self.outer!r}/{self.label}" if self.outer else self.label


class Where:
    """A thread's place among the module calls that are under way."""

    __slots__ = ("scope",)

    def __init__(self) -> None:
        self.scope: Scope | None = None


NOWHERE = Where()  # of threads that never entered a scope; never changed
_where: ContextVar[Where] = ContextVar("where", default=NOWHERE)  # noqa: B039
where = _where.get
_new = tuple.__new__


def push_scope(module: Any, call: int = 0) -> Scope | None:
    """Enter a module's scope; give the result to `pop_scope` when the call is over.

    For calls that do not await; `scope` is for those.
    """
    here = where()
    if here is NOWHERE:
        _where.set(here := Where())
    outer = here.scope
    # NamedTuple's own constructor takes twice as long.
    here.scope = _new(Scope, (weakref.ref(module), type(module), outer, call))
    return outer


def pop_scope(outer: Scope | None) -> None:
    """Leave the scope that `push_scope` entered, given its result."""
    where().scope = outer


@contextmanager
def scope(module: Any, call: int = 0) -> Iterator[None]:
    """Nodes recorded inside the ``with`` block belong to this call of ``module``."""
    # A place of its own, since the block may await and another task run meanwhile.
    here = Where()
    here.scope = Scope(weakref.ref(module), type(module), where().scope, call)
    token = _where.set(here)
    try:
        yield
    finally:
        _where.reset(token)
