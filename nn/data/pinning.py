"""Batches on their way to a GPU, each of them while the one before is worked with.

A copy from page-locked memory needs no processor. It runs on a stream of its own; CuPy's functions
are those of https://docs.cupy.dev/en/stable/user_guide/basic.html and the reference of `cupy.cuda`.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import autodiff as ad

from .collating import mapped


def pinned(batches: Iterator[Any], device: str) -> Iterator[Any]:
    """Batches on a GPU, the next one always under way."""
    copies = Copies(device)
    try:
        waiting = None
        for batch in batches:
            following = copies.start(batch)
            if waiting is not None:
                yield waiting()
            waiting = following
        if waiting is not None:
            yield waiting()
    finally:
        copies.stream.synchronize()  # before the memory is used for something else


class Copies:
    """A stream that copies to one GPU."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.cupy = ad.backend.cupy()
        self.number = int(device.partition(":")[2] or 0)
        with self.cupy.cuda.Device(self.number):
            self.stream = self.cupy.cuda.Stream(non_blocking=True)
        self.sources: deque[tuple[Any, list[np.ndarray]]] = deque()

    def start(self, batch: Any) -> Callable[[], Any]:
        """Begin to copy a batch; the result, when called, has the current stream wait for it."""
        while self.sources and self.sources[0][0].done:
            self.sources.popleft()
        sources: list[np.ndarray] = []
        with self.cupy.cuda.Device(self.number):
            # Arrays come from the current stream's pool: what is queued there may still use them.
            self.stream.wait_event(self.cupy.cuda.get_current_stream().record())
            moved = mapped(batch, lambda leaf: self._copied(leaf, sources))
            done = self.stream.record()
        self.sources.append((done, sources))

        def finish() -> Any:
            with self.cupy.cuda.Device(self.number):
                self.cupy.cuda.get_current_stream().wait_event(done)
            return moved

        return finish

    def _copied(self, leaf: Any, sources: list[np.ndarray]) -> Any:
        if not isinstance(leaf, ad.Tensor) or leaf.device != "cpu" or not leaf.size:
            return leaf.to(self.device) if isinstance(leaf, ad.Tensor) else leaf
        locked = self.cupy.cuda.alloc_pinned_memory(leaf.data.nbytes)
        source = np.frombuffer(locked, np.uint8, leaf.data.nbytes).view(leaf.dtype)
        source = source.reshape(leaf.shape)
        source[...] = leaf.data
        sources.append(source)
        target = self.cupy.empty(leaf.shape, leaf.dtype)
        target.set(source, stream=self.stream)
        return ad.asarray(target, device=self.device)
