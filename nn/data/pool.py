"""`Pool`: worker processes that make the batches of a loader in advance.

Batch ``k`` is made by worker ``k % workers``, so each worker's pipe has its batches in order, and
the next one is always the next in the pipe of a known worker. At most ``ahead`` batches are made
before they are asked for; batch ``k`` goes through block ``k % ahead``, whose last batch was taken
by then. A block is made once a batch was too large for the one before. All of them are the
parent's, so a worker that is killed leaves nothing behind.
"""

import multiprocessing
import os
import signal
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np

from .fetching import Fetcher
from .transfer import allocate, pack, read, release, room, unpack, write
from .worker import STARTING, Reply, Shipment, Task, main

SMALL = 1 << 15  # bytes that a pipe takes as fast as a block
ENDING = 1.0  # seconds that a worker has to end, before it is killed

Crew = list[tuple[BaseProcess, Connection]]


class Pool:
    """Processes with a copy of a dataset each.

    Parameters
    ----------
    fetcher : Fetcher
    workers, prefetch : int
        How many processes, and how many batches each makes in advance.
    timeout : float
        Seconds to wait for a batch; 0 to wait forever.
    method : str
        How processes are started: "spawn", "forkserver" or "fork".
    init : callable, optional
        Called with the number of the worker, in each, before its first batch.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        workers: int,
        prefetch: int,
        timeout: float,
        method: str,
        init: Callable[[int], None] | None,
    ) -> None:
        self.ahead = workers * prefetch
        self.timeout = timeout
        self.crew: Crew = []
        self.blocks: dict[int, SharedMemory] = {}  # by slot, that of the dataset by -1
        self.newest = STARTING
        # To be called; otherwise by the garbage collector, or when the program ends.
        self.close = weakref.finalize(self, _close, os.getpid(), self.crew, self.blocks)
        context: Any = multiprocessing.get_context(method)
        try:
            shipment = fetcher if method == "fork" else self._packed(fetcher, init)
            if method == "fork":
                resource_tracker.ensure_running()  # or each worker starts one, which then cleans up
            for number in range(workers):
                ours, theirs = context.Pipe()
                process = context.Process(
                    target=main,
                    args=(theirs, ours if method == "fork" else None, number, shipment, init),
                    name=f"DataLoader worker {number}",
                    daemon=True,
                )
                process.start()
                theirs.close()
                self.crew.append((process, ours))
        except BaseException:
            self.close()
            raise

    def _packed(self, fetcher: Fetcher, init: Any) -> Shipment:
        try:
            pack(init)
            stream, buffers = pack(fetcher)
        except Exception as error:
            raise TypeError(
                f"DataLoader: the dataset cannot be sent to worker processes ({error}). Define "
                "its class and functions at the top of a module, not in a function or as a "
                'lambda; or use start_method="fork" or num_workers=0'
            ) from error
        lengths = [buffer.nbytes for buffer in buffers]
        block = allocate(room(lengths)) if buffers else None
        if block is None:
            return Shipment(pack(fetcher, apart=False)[0], [], None)
        self.blocks[-1] = block
        write(buffers, block)
        return Shipment(stream, lengths, block.name)

    def batches(
        self, seed: int, epoch: int, first: int, count: int, chunk: Callable[[int], np.ndarray]
    ) -> Iterator[Any]:
        """Batches ``first`` to ``count - 1``; ``chunk`` gives the indices of one."""
        run = self.newest = self.newest + 1
        sent = first
        try:
            for number in range(first, count):
                while sent < min(count, number + self.ahead):
                    self._send(run, seed, epoch, sent, chunk(sent))
                    sent += 1
                yield self._receive(run, number)
        except GeneratorExit:  # left in the middle: what is under way is forgotten
            raise
        except BaseException:
            self.close()
            raise

    def _send(self, run: int, seed: int, epoch: int, number: int, indices: np.ndarray) -> None:
        slot = number % self.ahead
        block = self.blocks.get(slot)
        name, size = (None, 0) if block is None else (block.name, block.size)
        task = Task(run, seed, epoch, number, indices, slot, name, size)
        with suppress(OSError):  # who is not there is missed when a batch is asked for
            self.crew[number % len(self.crew)][1].send(task)

    def _receive(self, run: int, number: int) -> Any:
        deadline = time.monotonic() + self.timeout if self.timeout else None
        pipe = self.crew[number % len(self.crew)][1]
        while True:
            self._wait(number, deadline)
            try:
                reply: Reply = pipe.recv()
                buffers = [] if reply.inside else [pipe.recv_bytes() for _ in reply.lengths]
            except (EOFError, OSError):
                self._raise_for_the_dead(number % len(self.crew))
            if reply.run in (run, STARTING):  # others were left in the middle
                break
        if reply.failure is not None:
            raise reply.failure.error()
        slot = number % self.ahead
        if reply.inside:
            return unpack(reply.stream, read(reply.lengths, self.blocks[slot]))
        size = room(reply.lengths)
        if size > SMALL:
            self._replace(slot, size + size // 4)
        return unpack(reply.stream, [bytearray(buffer) for buffer in buffers])

    def _wait(self, number: int, deadline: float | None) -> None:
        """Until there is something in the pipe."""
        process, pipe = self.crew[number % len(self.crew)]
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready = connection.wait([pipe, *[p.sentinel for p, _ in self.crew]], left)
        if not ready:
            raise TimeoutError(
                f"DataLoader: worker {number % len(self.crew)} (process {process.pid}) has not "
                f"made batch {number} within timeout={self.timeout} s"
            )
        if pipe not in ready:
            dead = [i for i, (p, _) in enumerate(self.crew) if p.sentinel in ready]
            self._raise_for_the_dead(dead[0])

    def _raise_for_the_dead(self, number: int) -> None:
        process = self.crew[number][0]
        process.join(ENDING)
        code = process.exitcode
        if code is not None and code < 0:
            how = f"was killed by {signal.Signals(-code).name}"
            if -code == getattr(signal, "SIGKILL", None):
                how += ", as the system does where memory runs out"
        else:
            how = f"ended with exit code {code}; what it wrote to stderr says why"
        raise RuntimeError(
            f"DataLoader: worker {number} (process {process.pid}) {how}. If it never began: a "
            'script that has workers needs `if __name__ == "__main__":` around what it runs'
        )

    def _replace(self, slot: int, size: int) -> None:
        old = self.blocks.pop(slot, None)
        if old is not None:
            release(old)
        block = allocate(size)
        if block is not None:  # else the pipe serves, slower
            self.blocks[slot] = block


def _close(owner: int, crew: Crew, blocks: dict[int, SharedMemory]) -> None:
    """End the processes, whatever they are at, and give the memory back."""
    if os.getpid() != owner:  # a fork of the owner
        return
    for process, _ in crew:
        process.terminate()
    for process, pipe in crew:
        pipe.close()
        process.join(ENDING)
        if process.is_alive():
            process.kill()
            process.join()
    crew.clear()
    while blocks:
        release(blocks.popitem()[1])
