"""What the trainer needs around its steps: modes, Ctrl-C, the size of a batch."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import autodiff as ad

from ..module import Module


def items_of(batch: Any) -> int:
    """The length of the first thing in a batch that has one."""
    while isinstance(batch, (tuple, list, dict)) and batch:
        batch = next(iter(batch.values())) if isinstance(batch, dict) else batch[0]
    return len(batch) if getattr(batch, "shape", ()) else 1


@contextlib.contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Evaluation mode, no recording; then each module is put back into its own mode."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with ad.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


@contextlib.contextmanager
def interruptible(ask: Callable[[], None]) -> Iterator[None]:
    """Call ``ask`` at Ctrl-C, so that nothing is left half done; a second one raises at once."""
    own = signal.default_int_handler
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not own:
        yield  # somebody else handles it
        return

    def handle(*_: Any) -> None:
        signal.signal(signal.SIGINT, own)
        ask()

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, own)
