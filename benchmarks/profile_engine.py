"""Where the time of the small workloads goes.

``python -m benchmarks.profile_engine [xor] [engine] [--functions]``. Sections are timed in
place, lower quartiles over many steps; ``--functions`` adds cProfile's list, whose proportions
are distorted by the profiler itself.
"""

import argparse
import cProfile
import pstats
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

import autodiff as ad
from benchmarks import problems
from benchmarks.contenders import numpy_by_hand, ours
from benchmarks.stats import lower_quartile

Sections = dict[str, float]  # name -> seconds


def sections(run: Callable[[Callable[[str], None]], None], repeats: int) -> Sections:
    """Seconds in each section; ``run(mark)`` calls ``mark(name)`` at the end of each."""
    taken: dict[str, list[float]] = {}
    last = 0.0

    def mark(name: str) -> None:
        nonlocal last
        now = time.perf_counter()
        taken.setdefault(name, []).append(now - last)
        last = time.perf_counter()

    for _ in range(repeats):
        last = time.perf_counter()
        run(mark)
    half = repeats // 2  # the first half is warm-up
    return {name: lower_quartile(values[half:]) for name, values in taken.items()}


def xor(repeats: int = 4000) -> None:
    """The step of workload `xor`, ours and by hand."""
    problem = problems.xor()
    network = ours.Network(problem)
    x, y = next(network.batches)

    def step(mark: Callable[[str], None]) -> None:
        network.optimizer.zero_grad()
        mark("zero_grad")
        z = network.model(x)
        mark("forward: model")
        loss = network.loss(z, y)
        mark("forward: loss")
        loss.backward()
        mark("backward")
        network.optimizer.step()
        mark("optimizer")
        del z, loss
        mark("free the graph")

    def unrecorded(mark: Callable[[str], None]) -> None:
        with ad.no_grad():
            z = network.model(x)
            mark("model")
            network.loss(z, y)
            mark("loss")

    linears = [(p.weight.data, p.bias.data) for p in network.linears]

    def raw(mark: Callable[[str], None]) -> None:
        h = x.data
        for w, b in linears[:-1]:
            h = 1 / (1 + np.exp(-(h @ w.T + b)))
        h @ linears[-1][0].T + linears[-1][1]
        mark("model")

    by_hand = numpy_by_hand.Network(problem)

    def hand(mark: Callable[[str], None]) -> None:
        _, grad_w, grad_b = by_hand.gradients(*next(by_hand.batches))
        mark("forward, backward")
        by_hand.update(grad_w + grad_b)
        mark("update")

    parts = sections(step, repeats)
    plain = sections(unrecorded, repeats)
    bare = sections(raw, repeats)["model"]
    reference = sections(hand, repeats)

    total = sum(parts.values())
    show("xor, one step", "µs", 1e6, parts | {"total": total}, total)
    others = {
        "forward: model, under no_grad": plain["model"],
        "forward: model, NumPy alone": bare,
        "by hand: forward, backward": reference["forward, backward"],
        "by hand: update": reference["update"],
    }
    show("to compare", "µs", 1e6, others, total)
    ops: Counter[str] = Counter()
    with ad.tap(lambda node, out: ops.update([node.op.name])):
        network.loss(network.model(x), y)
    print(f"recorded ops: {sum(ops.values())} ({', '.join(f'{n} {op}' for op, n in ops.items())})")
    print(f"ours / by hand: {total / sum(reference.values()):.2f}\n")


def engine(n: int = 1000, repeats: int = 300) -> None:
    """The chain of workload `engine`, per op."""
    data = np.linspace(-1, 1, 20, dtype=np.float32)
    c = data[::-1].copy()
    leaf = ad.tensor(data, requires_grad=True)
    seed = ad.tensor(np.ones_like(data))

    def chain(y: Any) -> Any:
        for _ in range(n):
            y = y + c
        return y

    def step(mark: Callable[[str], None]) -> None:
        leaf.grad = None
        mark("clear the gradient")
        y = chain(leaf)
        mark("forward")
        y.backward(seed)
        mark("backward")
        del y
        mark("free the graph")

    def unrecorded(mark: Callable[[str], None]) -> None:
        with ad.no_grad():
            chain(leaf)
        mark("forward")

    def plain(mark: Callable[[str], None]) -> None:
        chain(data)
        mark("x + c")
        add = np.add
        for _ in range(n):
            add(data, c)
        mark("numpy.add")

    parts = sections(step, repeats)
    wrapped = sections(unrecorded, repeats)["forward"]
    bare = sections(plain, repeats)
    total = sum(parts.values())
    show(f"engine, one of {n} ops", "ns", 1e9 / n, parts | {"total": total}, total)
    others = {"forward, under no_grad": wrapped} | bare
    show("to compare", "ns", 1e9 / n, others, total)
    print(f"engine cost: {(total - bare['x + c']) / bare['numpy.add']:.2f} numpy.add\n")


def show(title: str, unit: str, scale: float, parts: Sections, total: float) -> None:
    """One block of lines."""
    print(title)
    for name, seconds in parts.items():
        print(f"  {name:32} {seconds * scale:9.1f} {unit}  {seconds / total:6.1%}")


def functions(step: Callable[[], Any], repeats: int, lines: int = 25) -> None:
    """What cProfile says, by time in the function itself."""
    with cProfile.Profile() as profile:
        for _ in range(repeats):
            step()
    pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile_engine")
    parser.add_argument("workload", nargs="*", help="xor, engine; both by default")
    parser.add_argument("--functions", action="store_true", help="cProfile's list too")
    options = parser.parse_args()
    unknown = set(options.workload) - {"xor", "engine"}
    if unknown:
        parser.error(f"no profile of {', '.join(sorted(unknown))}; there are xor and engine")
    chosen = options.workload or ["xor", "engine"]
    if "xor" in chosen:
        xor()
        if options.functions:
            network = ours.Network(problems.xor())
            functions(network.step, 2000)
    if "engine" in chosen:
        engine()
        if options.functions:
            data = np.linspace(-1, 1, 20, dtype=np.float32)
            step = ours.chain(data, data[::-1].copy(), 1000)
            functions(step, 100)


if __name__ == "__main__":
    main()
