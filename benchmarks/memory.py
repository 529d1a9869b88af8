"""How much memory a training step needs, beside PyTorch; `python -m benchmarks.memory`.

A figure is the growth of the process's high-water mark over three steps, in a fresh process that
has its inputs and weights already and has warmed up the library on a tiny network. The median of
several processes. ``--out FILE`` writes the table as Markdown. Linux only.
"""

import argparse
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.machine import facts

STEPS = 3
ROOT = Path(__file__).parent.parent
LIMIT = {"conv": 1.5, "mlp": 1.0}  # times PyTorch's
TITLES = {
    "conv": "Conv2d(64, 64, 3, padding=1) on 32 x 64 x 32 x 32, forward and backward",
    "mlp": "784-256-256-10, batch 100, Adam, one training step",
}


def conv(lib: str, small: bool) -> Callable[[], None]:
    """One convolution, with gradients of the input, the weight and the bias."""
    size = (1, 64, 4, 4) if small else (32, 64, 32, 32)
    array = np.random.default_rng(0).standard_normal(size, dtype=np.float32)
    if lib == "torch":
        import torch

        layer, x = torch.nn.Conv2d(64, 64, 3, padding=1), torch.tensor(array, requires_grad=True)
        seed = torch.ones(size)
    else:
        import autodiff as ad
        import nn

        layer, x = nn.Conv2d(64, 64, 3, padding=1), ad.tensor(array, requires_grad=True)
        seed = ad.ones(size)

    def step() -> None:
        x.grad = layer.weight.grad = layer.bias.grad = None
        layer(x).backward(seed)

    return step


def mlp(lib: str, small: bool) -> Callable[[], None]:
    """Zero, forward, backward, update."""
    n, batch = (8, 2) if small else (784, 100)
    rng = np.random.default_rng(0)
    array = rng.standard_normal((batch, n), dtype=np.float32)
    classes = rng.integers(0, 10, batch)
    if lib == "torch":
        import torch as package
        from torch import nn
        from torch.optim import Adam
    else:
        import autodiff as package
        import nn
        from nn.optim import Adam
    model = nn.Sequential(
        nn.Linear(n, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
    )
    loss_of, optimizer = nn.CrossEntropyLoss(), Adam(model.parameters())
    x, t = package.tensor(array), package.tensor(classes)

    def step() -> None:
        optimizer.zero_grad()
        loss_of(model(x), t).backward()
        optimizer.step()

    return step


WORKLOADS = {"conv": conv, "mlp": mlp}


def high_water(reset: bool = False) -> int:
    """The most memory that this process ever had, or has had since a reset; in KiB."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def growth(workload: str, lib: str) -> int:
    """Measured in this process."""
    WORKLOADS[workload](lib, True)()
    step = WORKLOADS[workload](lib, False)
    before = high_water(reset=True)
    for _ in range(STEPS):
        step()
    return high_water() - before


def measured(workload: str, lib: str) -> int:
    """Measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.memory", "--one", workload, lib]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return int(done.stdout)


def main() -> None:
    """Print the table, and write it if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(growth(*options.one))
        return
    lines = [
        "| workload | ours, MiB | PyTorch, MiB | ratio | at most |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for workload, title in TITLES.items():
        found = {"ours": [], "torch": []}
        for _ in range(options.rounds):
            for lib, values in found.items():
                values.append(measured(workload, lib) / 1024)
        ours, theirs = (statistics.median(values) for values in found.values())
        limit = LIMIT[workload]
        lines.append(f"| {title} | {ours:.1f} | {theirs:.1f} | {ours / theirs:.2f} | {limit} |")
        print(lines[-1], flush=True)
    if options.out:
        about = ", ".join(f"{name} {value}" for name, value in facts().items())
        head = f"# Memory of a step\n\n{about}; median of {options.rounds} processes each.\n\n"
        options.out.write_text(head + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
