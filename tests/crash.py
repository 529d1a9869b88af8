"""Kill a process while it saves, many times: ``python -m tests.crash [kills]``.

Each round forks a child that writes one file again and again, kills it at a random instant, and
loads the file: it must be one of the versions written, and whole.
"""

import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import autodiff as ad

SIZE = 100_000


def version(n):
    """What the n-th save writes: every part says n."""
    return {"n": n, "w": ad.asarray(np.full(SIZE, n, "float32")), "deep": [{"n": n}, (n,)]}


def save_forever(path, start):
    """Write version after version until someone ends the process."""
    n = start
    while True:
        n += 1
        ad.save(version(n), path)


def round_of(path, rng, wait):
    """Fork, wait, kill; the version that the file then holds."""
    before = ad.load(path)["n"]
    child = os.fork()
    if not child:
        save_forever(path, before)
    time.sleep(rng.uniform(0, wait))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    found = ad.load(path)
    n = found["n"]
    assert n >= before and found["deep"] == [{"n": n}, (n,)], found
    assert np.array_equal(found["w"].numpy(), np.full(SIZE, n, "float32"))
    return n


def main(kills=200, seed=0):
    """Run the rounds and print how many saves were finished and how many were cut short."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.safetensors"
        start = time.perf_counter()
        ad.save(version(0), path)
        wait = 3 * (time.perf_counter() - start)
        for _ in range(kills):
            last = round_of(path, rng, wait)
        drafts = len(list(Path(folder).glob(".*.draft")))
    print(f"{kills} kills, {drafts} in the middle of a save, {last} saves finished")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
