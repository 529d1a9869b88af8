"""A run that is killed, and started again until it ends, ends with the same bits."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import autodiff as ad

from .resumed import train

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
ROOT = Path(__file__).parent.parent


def started(folder):
    command = [sys.executable, "-m", "tests.resumed", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)


def steps(folder):
    return [int(path.stem.split("-")[1]) for path in folder.glob("step-*.safetensors")]


def killed_at(folder, step, chance):
    """Start a run, and kill it some moment after that step, perhaps while it writes a file."""
    process = started(folder)
    try:
        while max(steps(folder), default=0) < step:
            if process.poll() is not None:
                raise AssertionError(f"the run ended with {process.returncode}")
            time.sleep(0.001)
        time.sleep(chance.random() * 0.02)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL


def runs(folder, seed, kills):
    chance = random.Random(seed)
    at = sorted(chance.sample(range(1, 30), kills))  # of 32 steps
    for step in at:
        killed_at(folder, step, chance)
    assert started(folder).wait(timeout=120) == 0
    return at


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The state at the end of a run in one go, and without processes."""
    return train(tmp_path_factory.mktemp("whole"), workers=0)


def equal(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    if hasattr(a, "numpy"):
        a, b = a.numpy(), b.numpy()
    if hasattr(a, "tobytes"):
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    return a == b or (a != a and b != b)


def check(folder, whole):
    end = ad.load(folder / "end.safetensors")
    different = [key for key in whole if not equal(whole[key], end[key])]
    assert not different


def test_killed_once_and_started_again(tmp_path, whole):
    runs(tmp_path, 0, 1)
    check(tmp_path, whole)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 21))
def test_killed_and_started_again(tmp_path, whole, seed):
    runs(tmp_path, seed, 2)
    check(tmp_path, whole)
