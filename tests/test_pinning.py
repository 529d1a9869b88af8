"""Copies to a GPU under way: their order, on a stand-in for CuPy that notes what it is told.

The real ones are tested where there is a GPU.
"""

import gc
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

import autodiff as ad
from nn import data
from nn.data import pinning

from . import strict
from .conftest import NO_GPU


class Stream:
    """A stream that notes what it is told."""

    def __init__(self, name, log):
        self.name, self.log, self.events = name, log, []

    def record(self):
        self.events.append(SimpleNamespace(done=False, name=f"{self.name}{len(self.events)}"))
        self.log.append(f"{self.name}: record {self.events[-1].name}")
        return self.events[-1]

    def wait_event(self, event):
        self.log.append(f"{self.name}: wait for {event.name}")

    def synchronize(self):
        self.log.append(f"{self.name}: synchronize")


class Device:
    def __init__(self, number):
        assert number == 0

    def __enter__(self):
        pass

    def __exit__(self, *error):
        pass


@pytest.fixture
def fake(monkeypatch):
    log = []
    copying, computing = Stream("copying", log), Stream("computing", log)
    sources = []

    def copy(self, source, stream):
        assert stream is copying and source.flags.c_contiguous
        sources.append(weakref.ref(source))
        self._a[...] = source
        log.append("copying: copy")

    monkeypatch.setattr(strict.StrictArray, "set", copy, raising=False)
    cuda = SimpleNamespace(
        Device=Device,
        Stream=lambda non_blocking: copying,
        get_current_stream=lambda: computing,
        alloc_pinned_memory=lambda size: bytearray(size + 100),  # CuPy's is larger, too
    )
    empty = ad.backend.device_kind("strict").xp.empty
    monkeypatch.setattr(ad.backend, "cupy", lambda: SimpleNamespace(cuda=cuda, empty=empty))
    return SimpleNamespace(log=log, sources=sources, copying=copying)


def batches():
    return iter(data.DataLoader([(np.full((2, 3), i, np.float32), i, "s") for i in range(6)], 2))


def test_copies_run_one_ahead_and_are_waited_for(fake):
    made = []
    for x, y, s in pinning.pinned(batches(), "strict"):
        fake.log.append(f"batch {len(made)}")
        assert x.device == y.device == "strict" and s == ["s", "s"]
        made.append(ad.backend.to_numpy(x.data)[:, 0, 0].tolist() + y.cpu().data.tolist())
    assert made == [[0, 1, 0, 1], [2, 3, 2, 3], [4, 5, 4, 5]]

    def start(i):
        return [
            f"computing: record computing{i}",
            f"copying: wait for computing{i}",
            "copying: copy",
            "copying: copy",
            f"copying: record copying{i}",
        ]

    def taken(i):
        return [f"computing: wait for copying{i}", f"batch {i}"]

    assert fake.log == [
        *[*start(0), *start(1), *taken(0), *start(2), *taken(1), *taken(2)],
        "copying: synchronize",
    ]


def test_locked_memory_is_kept_until_it_was_copied(fake):
    made = pinning.pinned(batches(), "strict")
    next(made)
    gc.collect()
    assert all(source() is not None for source in fake.sources) and len(fake.sources) == 4
    fake.copying.events[0].done = True
    next(made)
    gc.collect()
    assert [source() is None for source in fake.sources] == [True, True, False, False, False, False]
    made.close()
    assert fake.log[-1] == "copying: synchronize"


def test_what_is_empty_or_there_already(fake):
    there = ad.ones(2, device="strict")
    (batch,) = pinning.pinned(iter([{"e": ad.zeros((0, 3)), "t": there}]), "strict")
    assert batch["e"].device == "strict" and batch["t"] is there
    assert "copying: copy" not in fake.log


def test_pin_says_that_it_does_nothing_on_the_cpu():
    loader = data.DataLoader([1, 2], pin=True)
    with pytest.warns(UserWarning, match="pin=True does nothing for batches on 'cpu'"):
        assert [x.data.tolist() for x in loader] == [[1], [2]]


@pytest.mark.gpu
@pytest.mark.skipif(bool(NO_GPU), reason=NO_GPU)
def test_pinned_batches_on_a_gpu():
    rows = data.TensorDataset(np.arange(600_000, dtype=np.float32).reshape(600, -1), np.arange(600))
    plain = data.DataLoader(rows, 64, shuffle=True, seed=1)
    fast = data.DataLoader(rows, 64, shuffle=True, seed=1, pin=True, device="cuda")
    for (x, y), (u, v) in zip(plain, fast, strict=True):
        assert u.device == v.device == "cuda:0"
        busy = u @ u.T  # work that the next copy runs beside
        np.testing.assert_array_equal(u.cpu().data, x.data)
        np.testing.assert_array_equal(v.cpu().data, y.data)
        del busy
