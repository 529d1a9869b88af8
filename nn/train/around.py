"""What the trainer needs around its steps: modes, Ctrl-C, batches and their sizes."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import autodiff as ad

from ..data import Dataset
from ..module import Module


def items_of(batch: Any) -> int:
    """The length of the first thing in a batch that has one."""
    while isinstance(batch, (tuple, list, dict)) and batch:
        batch = next(iter(batch.values())) if isinstance(batch, dict) else batch[0]
    return len(batch) if getattr(batch, "shape", ()) else 1


def check_batches(data: Any, name: str) -> None:
    """Refuse what has no batches, or has them only once."""
    if isinstance(data, Dataset):
        raise TypeError(
            f"Trainer: {name} is a dataset, whose items are no batches: "
            f"nn.data.DataLoader({name}, batch_size=...)"
        )
    if iter(data) is data:
        raise TypeError(
            f"Trainer: {name} is an iterator, which is empty after one epoch; "
            "give a DataLoader or a list of batches"
        )


def joined(outputs: list[Any]) -> Any:
    """The outputs of several batches as those of one; each part of a tuple or dict by itself."""
    first = outputs[0]
    if isinstance(first, dict):
        return {name: joined([one[name] for one in outputs]) for name in first}
    if isinstance(first, (tuple, list)):
        return tuple([joined(list(parts)) for parts in zip(*outputs, strict=True)])
    return ad.concatenate(outputs) if first.shape else ad.stack(outputs)


def probing(scaler: Any) -> contextlib.AbstractContextManager[Any]:
    """No warnings of NumPy where a scaler tries how far it may go: it sees what overflowed."""
    return (
        contextlib.nullcontext() if scaler is None else np.errstate(over="ignore", invalid="ignore")
    )


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
