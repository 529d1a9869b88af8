"""What is measured, in which unit, and how good it should be."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import networks, problems
from benchmarks.contenders import Contender, Step, Training
from benchmarks.stats import lower_quartile

Problem = problems.Problem | networks.Twin
ROOT = Path(__file__).parent.parent
CHUNK = 0.01  # seconds: long next to the clock's resolution, short next to an interruption
CHECKED_STEPS = 5


@dataclass(frozen=True)
class Target:
    """``low <= value <= high``, where the value is a ratio of two entries or one entry's own."""

    contender: str
    low: float = 0.0
    high: float = float("inf")
    over: str | None = None  # the ratio's denominator; None for the value itself


@dataclass(frozen=True)
class Workload:
    """One table of the report."""

    title: str
    unit: str
    measure: Callable[[Contender, float], float]  # within the contender's own process
    targets: Sequence[Target] = ()
    problem: Callable[[], Problem] | None = None
    reference: str = "numpy"  # whose first steps the others' are compared with


# ---------------------------------------------------------------- measuring
def per_step(steps: Sequence[Step], seconds: float, wait: Step = lambda: None) -> list[float]:
    """Seconds per call of each step: the lower quartile of many chunks, taken in turns."""
    counts = []
    for step in steps:
        step()  # the first call may compile
        wait()
        start, calls = time.perf_counter(), 0
        while time.perf_counter() - start < min(0.3, seconds):  # warm-up
            step()
            calls += 1
        wait()
        counts.append(max(1, round(calls * CHUNK / (time.perf_counter() - start))))
    chunks: list[list[float]] = [[] for _ in steps]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(chunks[0]) < 5:
        for step, count, taken in zip(steps, counts, chunks):
            start = time.perf_counter()
            for _ in range(count):
                step()
            wait()
            taken.append((time.perf_counter() - start) / count)
    return [lower_quartile(taken) for taken in chunks]


def training(contender: Contender, problem: Problem) -> Training:
    """The contender's network, made ready to train."""
    module = import_module(f"benchmarks.contenders.{contender.module}")
    build = module.build_scalar if problem.loss == "hinge" else module.build
    network: Training = build(problem, **contender.options)
    return network


def _steps(problem: Callable[[], Problem]) -> Callable[[Contender, float], float]:
    def microseconds(contender: Contender, seconds: float) -> float:
        network = training(contender, problem())
        return per_step([network.step], seconds, network.wait)[0] * 1e6

    return microseconds


def _chain(constant: Any, n: int = 1000) -> Callable[[Contender, float], float]:
    def additions(contender: Contender, seconds: float) -> float:
        x = np.linspace(-1, 1, 20, dtype=np.float32)
        c = constant(x)
        module = import_module(f"benchmarks.contenders.{contender.module}")

        def plain() -> None:
            y = x
            for _ in range(n):
                y = y + c

        def unit() -> None:
            add = np.add
            for _ in range(n):
                add(x, x)

        chain, once, one = per_step([module.chain(x, c, n), plain, unit], seconds)
        return (chain - once) / one

    return additions


_IMPORT = """
import time
start = time.perf_counter()
import numpy
middle = time.perf_counter()
import {package}
print(time.perf_counter() - middle)
"""


def _import(contender: Contender, seconds: float) -> float:
    def once() -> float:
        command = [sys.executable, "-c", _IMPORT.format(package=contender.package)]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        return float(done.stdout) * 1e3

    once()  # compiles the .pyc files
    end, taken = time.perf_counter() + seconds, []
    while time.perf_counter() < end or len(taken) < 3:
        taken.append(once())
    return lower_quartile(taken)


# ---------------------------------------------------------------- the same maths?
FirstSteps = tuple[list[float], list[Any]]  # losses; what was added to each parameter


def first_steps(contender: Contender, problem: Problem) -> FirstSteps:
    """The losses of the first steps, and how far they moved each weight and bias."""
    network = training(contender, problem)
    losses = [float(network.step()) for _ in range(CHECKED_STEPS)]
    network.wait()
    before = [p for layer in problem.layers for p in layer]
    after = [p for layer in network.layers() for p in layer]
    return losses, [a - b for a, b in zip(after, before)]


def disagreement(mine: FirstSteps, reference: FirstSteps) -> float:
    """The largest relative difference of a loss or of a parameter's movement."""
    losses = [abs(a - b) / abs(b) for a, b in zip(mine[0], reference[0], strict=True)]
    moves = [
        float(np.linalg.norm(a - b) / np.linalg.norm(b))
        for a, b in zip(mine[1], reference[1], strict=True)
    ]
    return max(losses + moves, key=lambda e: np.inf if np.isnan(e) else e)


# ---------------------------------------------------------------- the table
def _trained(title: str, problem: Callable[[], Problem], *targets: Target) -> Workload:
    return Workload(title, "µs a step", _steps(problem), targets, problem)


WORKLOADS: dict[str, Workload] = {
    "xor": _trained(
        "XOR, 2-5x8-1 sigmoid, batch 4, SGD",
        problems.xor,
        Target("ours", high=1.8, over="numpy"),
        Target("pytorch", low=3.5, over="ours"),
    ),
    "mnist_mlp": _trained(
        "784-256-256-10 ReLU, batch 100, Adam",
        problems.mnist_mlp,
        Target("pytorch", low=1.0, over="ours"),
    ),
    "deep_mlp": _trained(
        "784-512x4-10 ReLU, batch 100, Adam",
        problems.deep_mlp,
        Target("pytorch", low=1.1, over="ours"),
        Target("pytorch-fused", low=0.65, over="ours"),
    ),
    **{
        name: Workload(title, "µs a step", _steps(problem), (), problem, "ours")
        for name, (title, problem) in networks.NETWORKS.items()
    },
    "scalar": _trained(
        "scalar mode: two moons, 2-16-16-1 ReLU, 100 samples, SGD",
        problems.moons,
        Target("micrograd", low=2.0, over="ours"),
    ),
    "import": Workload("import, over `import numpy`", "ms", _import, [Target("ours", high=60)]),
    "engine": Workload(
        "engine: one `x + c` of a chain of 1000, c an array, forward and backward, less NumPy's",
        "numpy.add",
        _chain(lambda x: x[::-1].copy()),
        [Target("ours", high=8)],
    ),
    "engine_number": Workload(
        "engine: the same with c a Python number",
        "numpy.add",
        _chain(lambda x: 0.5),
        [Target("ours", high=8)],
    ),
}
