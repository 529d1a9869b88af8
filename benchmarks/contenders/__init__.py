"""Who competes, in what, and with which thread settings.

One file each in this folder; it is imported only in the process that measures it. A file has
some of ``build(problem) -> Training``, ``chain(x, c, n) -> step`` and ``build_scalar(problem)``;
the table below says which workloads it enters.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Training(Protocol):
    """A network in training."""

    def step(self) -> Any:
        """One whole step on the next batch: zero, forward, backward, update; gives the loss."""

    def layers(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """The weights as they are now, each (in, out), and the biases."""

    def wait(self) -> None:
        """Until all that was asked for has been computed."""


Step = Callable[[], Any]
Threads = dict[str, dict[str, str]]  # what to call a setting -> its environment


def _openmp() -> Threads:
    settings = {"1 thread": {"OMP_NUM_THREADS": "1"}}
    if CORES > 1:
        settings[f"{CORES} threads"] = {"OMP_NUM_THREADS": str(CORES)}
    return settings


def _numpy() -> Threads:
    settings = _openmp()
    if CORES > 1:
        passive = {"OMP_NUM_THREADS": str(CORES), "OMP_WAIT_POLICY": "PASSIVE"}
        settings[f"{CORES} threads, passive"] = passive
    return settings


def _xla() -> Threads:
    # XLA has a pool of its own, which no OpenMP variable reaches.
    one = {"NPROC": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
    return {"1 thread": one} | ({f"{CORES} threads": {"NPROC": str(CORES)}} if CORES > 1 else {})


@dataclass(frozen=True)
class Contender:
    """One entry of the table."""

    title: str
    module: str  # the file in this folder
    package: str  # what it imports, and must be installed
    workloads: tuple[str, ...]
    threads: Threads = field(default_factory=_numpy)
    options: dict[str, Any] = field(default_factory=dict)  # for build()


ARRAYS = ("xor", "mnist_mlp", "deep_mlp")
NETWORKS = ("lenet5", "cnn", "lstm", "transformer")
ENGINE = ("engine", "engine_number")
_ours = Contender("ours", "ours", "autodiff", (*ARRAYS, *NETWORKS, "scalar", "import", *ENGINE))

CONTENDERS: dict[str, Contender] = {
    "ours": _ours,
    "ours-again": Contender("ours again (A/A)", "ours", "autodiff", _ours.workloads),
    "numpy": Contender("hand-written NumPy", "numpy_by_hand", "numpy", (*ARRAYS, "scalar")),
    "pytorch": Contender(
        "PyTorch eager, defaults",
        "pytorch",
        "torch",
        (*ARRAYS, *NETWORKS, "import", *ENGINE),
        _openmp(),
    ),
    "pytorch-fused": Contender(
        "PyTorch eager, fused=True",
        "pytorch",
        "torch",
        (*ARRAYS, *NETWORKS),
        _openmp(),
        {"fused": True},
    ),
    "jax": Contender("JAX, jit", "jax_jit", "jax", (*ARRAYS, "import"), _xla()),
    "mygrad": Contender("MyGrad", "mygrad_eager", "mygrad", (*ARRAYS, "import", *ENGINE)),
    "autograd": Contender(
        "HIPS autograd", "hips_autograd", "autograd", (*ARRAYS, "import", *ENGINE)
    ),
    "micrograd": Contender("micrograd", "micrograd_demo", "micrograd", ("scalar", "import")),
}
