"""Random numbers of items: the same for a seed, an epoch and an item, in whichever process."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2b

import numpy as np

import autodiff as ad

BATCHES = 1 << 64  # streams of batches begin here, those of items below

_source: ContextVar[tuple[int, int] | None] = ContextVar("source", default=None)


@contextmanager
def drawing(seed: int, epoch: int) -> Iterator[None]:
    """Let `begin` do its work, and put all generators back as they were afterwards."""
    states = ad.random.default_generator.state, np.random.get_state(), random.getstate()
    token = _source.set((seed, epoch))
    try:
        yield
    finally:
        _source.reset(token)
        ad.random.default_generator.state = states[0]
        np.random.set_state(states[1])
        random.setstate(states[2])


def begin(stream: int) -> None:
    """Start the generators of this process, for one item or one batch.

    Those are the default ones of `autodiff.random`, of NumPy and of Python. Without `drawing`
    around it this does nothing.
    """
    source = _source.get()
    if source is None:
        return
    seed, epoch = source
    # Of the 256 bits of a counter the lowest 64 count draws; stream 0 has the orders of epochs.
    ad.random.default_generator.state = (seed, (stream + 1) << 128 | epoch << 64)
    digest = blake2b(b"%d %d %d" % (seed, epoch, stream), digest_size=8).digest()
    np.random.seed(int.from_bytes(digest[:4], "little"))
    random.seed(int.from_bytes(digest, "little"))
