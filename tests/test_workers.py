"""Worker processes: the same batches, and nothing left behind whatever happens.

Most tests fork, since that takes a thirtieth of the time that a fresh process needs to import us.
"""

import contextlib
import copy
import gc
import multiprocessing
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import autodiff as ad
from nn import data
from nn.data import pool, transfer

from . import loading

SHM = Path("/dev/shm")
pytestmark = pytest.mark.skipif(not SHM.exists(), reason="counts what is in /dev/shm")


def loader(dataset, *arguments, workers=2, **options):
    options = {"start_method": "fork", "timeout": 60, "num_workers": workers} | options
    return data.DataLoader(dataset, *arguments, **options)


def tables(batches):
    return [loading.table(batch) for batch in batches]


def children():
    return {process.pid for process in multiprocessing.active_children()}


def blocks(process):
    return list(SHM.glob(f"autodiff-{process}-*"))


@pytest.fixture(autouse=True)
def nothing_is_left():
    """No process and no block of memory outlives a test that let its loader go."""
    before = children()
    yield
    gc.collect()
    assert children() == before and not blocks(os.getpid())


# ---------------------------------------------------------------- the same batches
@pytest.mark.parametrize(
    "method", ["fork", "spawn", pytest.param("forkserver", marks=pytest.mark.slow)]
)
def test_batches_are_those_of_one_process_to_the_bit(method):
    alone = data.DataLoader(loading.Noisy(50), 4, shuffle=True, seed=1)
    helped = loader(loading.Noisy(50), 4, shuffle=True, seed=1, start_method=method)
    for _ in range(2):  # the second epoch by the same workers
        assert tables(helped) == tables(alone)
        assert len(helped._pool.crew) == 2
    if method == "forkserver":
        helped.close()
        multiprocessing.forkserver._forkserver._stop()  # a child of ours too


@settings(max_examples=20, deadline=None, phases=set(Phase) - {Phase.explain})
@given(st.data())
def test_every_item_comes_once_in_an_epoch(draw):
    n = draw.draw(st.integers(0, 30), "items")
    size = draw.draw(st.none() | st.integers(1, 8), "batch_size")
    options = {
        "shuffle": draw.draw(st.booleans(), "shuffle"),
        "drop_last": draw.draw(st.booleans(), "drop_last"),
        "workers": draw.draw(st.integers(0, 3), "workers"),
        "prefetch": draw.draw(st.integers(1, 3), "prefetch"),
        "seed": 3,
    }
    dataset = draw.draw(st.sampled_from([list(range(n)), data.TensorDataset(np.arange(n))]))
    if size is None:
        dataset = list(range(n))
    made = loader(dataset, size, **options)
    taken = draw.draw(st.integers(0, len(made)), "batches before a stop")
    for _ in range(2):
        batches = iter(made)
        first = [next(batches) for _ in range(taken)]
        again = loader(dataset, size, **options)
        again.load_state_dict(made.state_dict())
        found = first + list(again)
        assert tables(found) == tables(list(first) + list(batches))
        every = sorted(np.concatenate([np.ravel(loading.flat(b)) for b in found] or [[]]).tolist())
        left_out = n % size if size and options["drop_last"] else 0
        assert len(every) == n - left_out and len(set(every)) == len(every)
        assert left_out or every == list(range(n))


def test_a_state_counts_what_was_taken_not_what_was_made():
    made = loader(loading.Noisy(40), 4, shuffle=True, seed=1, prefetch=3)
    expected = tables(data.DataLoader(loading.Noisy(40), 4, shuffle=True, seed=1))
    batches = iter(made)
    before = tables(next(batches) for _ in range(4))
    time.sleep(0.2)  # others are ready by now
    assert made.state_dict()["batch"] == 4
    again = loader(loading.Noisy(40), 4, shuffle=True, workers=1)
    again.load_state_dict(made.state_dict())
    assert before + tables(again) == expected


def test_a_loop_that_was_left_does_not_disturb_the_next():
    made = loader(loading.Noisy(40), 4, shuffle=True, seed=1)
    expected = data.DataLoader(loading.Noisy(40), 4, shuffle=True, seed=1)
    crews = []
    for epoch in range(4):
        expected.epoch = epoch
        for batch, other in zip(made, expected, strict=True):
            assert loading.table(batch) == loading.table(other)
            if epoch % 2 == 0:
                break
        crews.append([process.pid for process, _ in made._pool.crew])
    assert crews[0] == crews[3]


def test_two_loops_at_once():
    one, other = (loader(loading.Noisy(), 4, seed=s) for s in (1, 2))
    expected = [tables(data.DataLoader(loading.Noisy(), 4, seed=s)) for s in (1, 2)]
    assert [tables(b) for b in zip(*zip(one, other, strict=True), strict=True)] == expected
    twice = [tables(b) for b in zip(*zip(one, one, strict=True), strict=True)]
    plain = data.DataLoader(loading.Noisy(), 4, seed=1)
    assert [tables(plain) for _ in range(3)][1:] == twice
    assert len(children()) == 4  # two for each; those of the second loop are gone


@pytest.mark.parametrize("short", [False, True])
def test_batches_of_any_size_and_kind(monkeypatch, short):
    """Through the pipe, and through blocks that grow; or the pipe alone where memory is short."""
    if short:
        monkeypatch.setattr(pool, "allocate", lambda size: None)
    made = loader(loading.Growing(40), None)
    for i, (x, empty, backwards) in enumerate(made):
        assert x.data.tolist() == [i] * (1000 * i) and x.dtype == np.float32
        assert empty.shape == (0, 3) and backwards.data.tolist() == list(range(i))[::-1]
        x.data[...] = 0  # it is the user's own
    assert bool(made._pool.blocks) != short


def test_batches_stay_what_they_are():
    """A block that is used again is not the memory of a batch."""
    dataset = data.TensorDataset(np.repeat(np.arange(64.0), 10_000).reshape(64, -1))
    made = list(loader(dataset, 4, workers=1, prefetch=1))
    assert [np.unique(x.data).tolist() for (x,) in made] == np.arange(64.0).reshape(-1, 4).tolist()


def test_a_copy_of_a_loader_has_workers_of_its_own():
    made = loader(loading.Noisy(), 4)
    list(made)
    for twin in (copy.copy(made), pickle.loads(pickle.dumps(made))):
        for batch, other in zip(made, twin, strict=True):
            assert loading.table(batch)[0] == loading.table(other)[0]
        assert twin._pool is not made._pool


def test_a_worker_for_every_batch_and_no_more_in_advance_than_asked():
    made = loader(loading.Where(24), 2, workers=3)
    (first, _), *_ = batches = list(made)
    pids = [batch[0].data[0] for batch in batches]
    assert len(set(pids)) == 3 and pids[:3] * 4 == pids


def test_batches_go_to_a_device(device):
    with ad.device(device):
        (batch, *_) = loader(loading.Noisy(), 12)
    assert batch[0].device.startswith(device)
    (batch, *_) = loader(loading.Noisy(), 12, device=device)
    assert batch[1].device.startswith(device) and batch[4][0] == "item 0"


# ---------------------------------------------------------------- what workers have
def test_worker_init():
    assert list(loader(loading.Numbered(), 6, worker_init=loading.say_number)) == [
        ["0"] * 6,
        ["1"] * 6,
    ]


def test_the_dataset_is_sent_once_and_cannot_be_written():
    made = iter(loader(loading.Writes(), 2, start_method="spawn", workers=1))
    assert next(made).data.tolist() == [499500.0] * 2
    assert blocks(os.getpid())
    with pytest.raises(ValueError, match="read-only"):
        next(made)


def test_what_cannot_be_sent():
    doubled = data.TransformDataset(loading.Noisy(), lambda x: 2 * x)
    with pytest.raises(TypeError, match=r"cannot be sent to worker.*lambda.*start_method=\"fork\""):
        list(loader(doubled, 4, start_method="spawn"))
    assert loading.table(next(iter(loader(doubled, 2))))[0] == [0, 2]
    there = data.TensorDataset(ad.ones(4, device="strict"))
    with pytest.raises(TypeError, match="on 'strict' cannot go to.*give the loader device="):
        list(loader(there, 4, start_method="spawn"))
    with pytest.raises(TypeError, match="a tensor on 'strict' cannot go to"):
        list(loader(there, 4))
    with pytest.raises(ValueError, match="cannot find context"):
        list(loader(there, 4, start_method="thread"))
    with pytest.raises(ValueError, match="prefetch=0 at least 1"):
        loader(there, 4, prefetch=0)


# ---------------------------------------------------------------- trouble
def failing(what, error, **options):
    made = loader(loading.Trouble(what), 2, **options)
    with pytest.raises(error) as caught:
        list(made)
    assert not children() and made._pool is None
    return caught.value


def test_an_exception_is_raised_with_its_type_and_where_it_came_from():
    error = failing("raises", LookupError)
    assert type(error) is LookupError and error.args == ("no item 5",)
    notes = "\n".join(error.__notes__)
    assert "raised for item 5 of Trouble" in notes
    assert "DataLoader worker 0" in notes and "for batch 2" in notes
    assert 'raise LookupError(f"no item {i}")' in notes and "loading.py" in notes


def test_an_exception_that_cannot_be_sent_is_told():
    error = failing("odd", RuntimeError)
    assert str(error) == "Odd: odd" and "raise Odd" in error.__notes__[-1]


def test_a_worker_that_exits_does_not_end_the_program():
    assert str(failing("exits", RuntimeError)) == "SystemExit: 3"


def test_a_worker_that_is_killed_is_missed_at_once():
    start = time.monotonic()
    message = str(failing("dies", RuntimeError))
    assert "was killed by SIGKILL, as the system does where memory runs out" in message
    assert re.search(r"worker \d", message) and time.monotonic() - start < 10
    assert "ended with exit code 7" in str(failing("leaves", RuntimeError))


def test_workers_go_on_after_trouble():
    made = loader(loading.Trouble("raises"), 2)
    for _ in range(2):
        with pytest.raises(LookupError):
            list(made)


@pytest.mark.parametrize("what", ["hangs", "clings"])
def test_a_worker_that_hangs(monkeypatch, what):
    monkeypatch.setattr(pool, "ENDING", 0.2)
    error = failing(what, TimeoutError, timeout=0.5)
    assert re.search(r"has not made batch \d within timeout=0.5 s", str(error))


def test_a_dataset_that_cannot_be_loaded():
    with pytest.raises(AttributeError, match="no such class here") as caught:
        list(loader(loading.Unloadable(), 2, start_method="spawn", workers=1))
    assert "which was starting" in (note := caught.value.__notes__[-1])
    assert 'start_method="fork"' in note and "__setstate__" in note
    with pytest.raises(OSError, match="worker 0 has no licence"):
        list(loader(loading.Noisy(), 2, worker_init=loading.refuse))


def test_the_collector_ends_the_workers():
    made = loader(loading.Noisy(40), 2)
    batches = iter(made)
    next(batches)
    assert len(children()) == 2
    del batches, made
    gc.collect()
    assert not children()
    with contextlib.closing(loader(loading.Noisy(), 2)) as made:
        list(made)
        assert len(children()) == 2
    assert not children()


# ---------------------------------------------------------------- the program is killed
@pytest.fixture
def program(method):
    with subprocess.Popen(
        [sys.executable, "-m", "tests.loading", method],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parent.parent,
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize(("way", "method"), [("kill", "spawn"), ("interrupt", "fork")])
def test_nothing_is_left_of_a_program_that_is_ended(program, way):
    pids = [int(pid) for pid in program.stdout.readline().split()]
    assert len(pids) == 2 and len(blocks(program.pid)) >= 2
    if way == "interrupt":
        os.killpg(program.pid, signal.SIGINT)  # as Ctrl-C does: the workers too
        try:
            assert program.wait(20) == 5
        except subprocess.TimeoutExpired:
            program.kill()
            pytest.fail(f"the program went on:\n{program.stderr.read()}")
        assert "Traceback" not in program.stderr.read()
    else:
        program.kill()
        program.wait(20)
    for _ in range(100):
        left = [pid for pid in pids if Path(f"/proc/{pid}").exists()] + blocks(program.pid)
        if not left:
            break
        time.sleep(0.1)
    assert not left


def test_memory_that_is_not_there_is_not_promised(monkeypatch):
    monkeypatch.setattr(
        os, "posix_fallocate", lambda *a: (_ for _ in ()).throw(OSError(28, "full"))
    )
    assert transfer.allocate(1000) is None
    monkeypatch.undo()
    block = transfer.allocate(1000)
    transfer.release(block)
