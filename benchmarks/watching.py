"""What `viz.watch` costs; ``python -m benchmarks.watching``.

The 784-256-256-10 network is trained plainly, inside a recorder that samples no step, and inside
one that samples every step, in turns in one process. Figures are medians of the ratios of the
rounds; the overhead at ``every=50`` is ``(sampled - plain) / 50`` over a plain step.
"""

import argparse
import statistics
import time

import autodiff as ad
import nn
import viz
from benchmarks.machine import facts

GOAL = 0.05


def network(device, batch):
    """A function that takes one training step, and the model."""
    model = nn.Sequential(
        nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
    ).to(device)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x = ad.random.normal((batch, 784), device=device)
    y = ad.asarray([i % 10 for i in range(batch)], device=device)

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step, model


def timed(step, steps, device):
    """Seconds of one step: of the clock, and of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step()
    if device != "cpu":
        ad.cuda.synchronize()
    return (time.perf_counter() - wall) / steps, (time.process_time() - cpu) / steps


def measure(device="cpu", batch=64, rounds=20, steps=20, histograms=True):
    """Medians over rounds: a plain step in seconds, and both overheads as shares of it."""
    step, model = network(device, batch)
    timed(step, steps, device)
    found = {"wall": [], "cpu": []}
    for _ in range(rounds):
        plain = timed(step, steps, device)
        with viz.watch(model, every=10**9) as recorder:
            step()  # the first is always sampled, and the second is asked where it begins
            step()
            off = timed(step, steps, device)
        assert len(recorder) == 1
        with viz.watch(model, every=1, histograms=histograms) as recorder:
            step()
            on = timed(step, steps, device)
        assert len(recorder) == steps + 1
        for kind, a, b, c in zip(found, plain, off, on, strict=True):
            found[kind].append((a, b / a - 1, (c - a) / 50 / a))
    return {k: [statistics.median(v) for v in zip(*rows, strict=True)] for k, rows in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, nargs="*", default=[64, 128])
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    print(", ".join(f"{k}: {v}" for k, v in facts().items()))
    print("batch  time  plain step  between samples  every=50, with histograms  without")
    for batch in given.batch:
        both = [measure(given.device, batch, given.rounds, histograms=h) for h in (True, False)]
        for kind in ("wall", "cpu"):
            plain, off, on = both[0][kind]
            without = both[1][kind][2]
            verdict = "" if on <= GOAL else f"  above the goal of {GOAL:.0%}"
            print(
                f"{batch:>5}  {kind:>4}  {1e3 * plain:7.2f} ms  {off:>15.1%}  {on:>25.1%}  "
                f"{without:>7.1%}{verdict}"
            )


if __name__ == "__main__":
    main()
