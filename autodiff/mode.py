"""What is switched on while ops are recorded: grad mode, taps, scopes, packing.

One immutable `Mode` per thread and asynchronous task, read once by every recorded op.
"""

import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

Hook = Callable[[Any], Any]
Tap = Callable[[Any, Any], None]
P = ParamSpec("P")
R = TypeVar("R")


class Mode:
    """What is switched on while ops are recorded; per thread and per asynchronous task."""

    __slots__ = ("pack", "recording", "scope", "taps")

    def __init__(
        self,
        recording: bool = True,
        scope: "Scope | None" = None,
        taps: tuple[Tap, ...] = (),
        pack: tuple[Hook, Hook] | None = None,
    ) -> None:
        self.recording = recording
        self.scope = scope
        self.taps = taps
        self.pack = pack


_mode: ContextVar[Mode] = ContextVar("mode", default=Mode())  # noqa: B039 - never changed
current = _mode.get
pop_scope = _mode.reset


@contextmanager
def _switched(**changes: Any) -> Iterator[None]:
    now = current()
    fields = {name: getattr(now, name) for name in Mode.__slots__}
    token = _mode.set(Mode(**(fields | changes)))
    try:
        yield
    finally:
        pop_scope(token)


class _Recording(AbstractContextManager[None]):
    """``with no_grad():`` or ``@no_grad()``: switch recording off (or on)."""

    def __init__(self, recording: bool) -> None:
        self.recording = recording
        self.open: list[AbstractContextManager[None]] = []

    def __enter__(self) -> None:
        switched = _switched(recording=self.recording)
        switched.__enter__()
        self.open.append(switched)

    def __exit__(self, *exc: Any) -> None:
        self.open.pop().__exit__(*exc)

    def __call__(self, fn: Callable[P, R]) -> Callable[P, R]:
        @wraps(fn)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
            with _switched(recording=self.recording):
                return fn(*args, **kwargs)

        return wrapped


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
    return _switched(taps=(*current().taps, fn))


def saving(pack: Hook, unpack: Hook) -> AbstractContextManager[None]:
    """Pass every value saved for a rule through ``pack``, and through ``unpack`` at the walk."""
    return _switched(pack=(pack, unpack))


class Scope:
    """One call of a module, held weakly; the nodes recorded in it point here."""

    __slots__ = ("call", "label", "module", "outer")

    def __init__(self, module: Any, outer: "Scope | None", call: int) -> None:
        self.module = weakref.ref(module)
        self.outer = outer
        self.call = call
        self.label = type(module).__name__

    def __repr__(self) -> str:
        return f"{self.outer!r}/{self.label}" if self.outer else self.label


def push_scope(module: Any, call: int) -> Any:
    """Enter a module's scope; give the result to `pop_scope` when the call is over."""
    now = current()
    return _mode.set(Mode(now.recording, Scope(module, now.scope, call), now.taps, now.pack))


@contextmanager
def scope(module: Any, call: int = 0) -> Iterator[None]:
    """Nodes recorded inside the ``with`` block belong to this call of ``module``."""
    token = push_scope(module, call)
    try:
        yield
    finally:
        pop_scope(token)
