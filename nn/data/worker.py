"""What runs in a worker process of a loader."""

import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from queue import SimpleQueue
from typing import NamedTuple

import numpy as np

import autodiff as ad

from .fetching import Fetcher
from .transfer import pack, read, room, unpack, write

STARTING = -1  # the run of a reply that answers no task


class Shipment(NamedTuple):
    """A fetcher on its way to the workers, who share the memory of its arrays."""

    stream: bytes
    lengths: list[int]
    block: str | None  # without one, the stream has everything

    def open(self) -> tuple[Fetcher, SharedMemory | None]:
        """The fetcher, with arrays that cannot be written; and the block that they lie in."""
        if self.block is None:
            return pickle.loads(self.stream), None
        block = SharedMemory(self.block)
        return unpack(self.stream, read(self.lengths, block, memoryview.toreadonly)), block


class Task(NamedTuple):
    """A batch to make. Tasks of another run than the newest are forgotten."""

    run: int
    seed: int
    epoch: int
    number: int
    indices: np.ndarray
    slot: int  # of the blocks
    block: str | None  # what is in that slot, and how much goes into it
    size: int


class Reply(NamedTuple):
    """A batch, or what was raised instead."""

    run: int
    stream: bytes
    lengths: list[int]
    inside: bool  # the block; otherwise the buffers follow in the pipe
    failure: "Failure | None" = None


class Failure(NamedTuple):
    """An exception on its way to the parent."""

    pickled: bytes | None
    name: str
    where: str

    @classmethod
    def of(cls, error: BaseException, where: str) -> "Failure":
        """Describe an exception; it is pickled as well, if it survives that."""
        pickled = None
        if isinstance(error, Exception):  # `sys.exit` in a worker must not end the parent
            with suppress(Exception):
                pickle.loads(copy := pickle.dumps(error))
                pickled = copy
        name = f"{type(error).__name__}: {error}"
        lines = traceback.format_exception(error)
        return cls(pickled, name, f"raised in {where}:\n{''.join(lines)}")

    def error(self) -> BaseException:
        """The exception, of its own type if possible, with the worker's traceback as a note."""
        error: BaseException = RuntimeError(self.name)
        if self.pickled is not None:
            error = pickle.loads(self.pickled)
        error.add_note(self.where)
        return error


def main(
    connection: Connection,
    other_end: Connection | None,
    number: int,
    shipment: "Shipment | Fetcher",
    init: Callable[[int], None] | None,
) -> None:
    """Make batches until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, who then ends us
    if other_end is not None:
        other_end.close()  # a fork has it, and would never hear that the parent closed it
    ad.set_default_device("cpu")
    name = f"DataLoader worker {number} (process {os.getpid()})"
    tasks: SimpleQueue[Task] = SimpleQueue()
    newest = [STARTING]
    threading.Thread(target=_listen, args=(connection, tasks, newest), daemon=True).start()
    try:
        fetcher, memory = shipment.open() if isinstance(shipment, Shipment) else (shipment, None)
        if init is not None:
            init(number)
    except BaseException as error:
        where = (
            f"{name}, which was starting. What it needs must be in modules that it can import, not "
            'in a notebook; start_method="fork" takes everything along'
        )
        failure = Failure.of(error, where)
        connection.send(Reply(STARTING, b"", [], True, failure))
        while True:  # until the parent has read this, and is gone
            tasks.get()
    blocks: dict[int, SharedMemory] = {}
    while True:
        task = tasks.get()
        if task.run == newest[0]:
            _answer(connection, task, fetcher, blocks, name)


def _listen(connection: Connection, tasks: "SimpleQueue[Task]", newest: list[int]) -> None:
    """Take tasks as they come, so that the parent never waits; end when there is no parent."""
    try:
        while True:
            task = connection.recv()
            newest[0] = task.run
            tasks.put(task)
    except (EOFError, OSError):
        os._exit(0)


def _answer(
    connection: Connection,
    task: Task,
    fetcher: Fetcher,
    blocks: dict[int, SharedMemory],
    name: str,
) -> None:
    try:
        stream, buffers = pack(fetcher.fetch(task.seed, task.epoch, task.number, task.indices))
    except BaseException as error:
        failure = Failure.of(error, f"{name}, for batch {task.number}")
        connection.send(Reply(task.run, b"", [], True, failure))
        return
    lengths = [buffer.nbytes for buffer in buffers]
    inside = task.block is not None and room(lengths) <= task.size
    if inside:
        write(buffers, _block(task, blocks))
    connection.send(Reply(task.run, stream, lengths, inside))
    if not inside:
        for buffer in buffers:
            connection.send_bytes(buffer)


def _block(task: Task, blocks: dict[int, SharedMemory]) -> SharedMemory:
    known = blocks.get(task.slot)
    if known is not None and known.name == task.block:
        return known
    if known is not None:
        known.close()
    blocks[task.slot] = SharedMemory(task.block)
    return blocks[task.slot]
