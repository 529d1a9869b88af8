"""What the transforms cost, as ratios to what they are made of; `python -m benchmarks.transforms`.

Each round times every contender once, one after the other, in one process; a figure is the median
of the ratios of the rounds. ``--out FILE`` writes the table as Markdown.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

import autodiff as ad
from benchmarks.machine import facts

LIMIT = {"jvp": 4.0, "hvp": 4.0}


def mlp(width, depth, batch):
    """A network of tanh layers, a function of its input, and of its weights."""
    rng = np.random.default_rng(0)
    weights = [
        ad.tensor(rng.normal(size=(width, width)) / width**0.5, dtype=ad.float32)
        for _ in range(depth)
    ]
    x = ad.tensor(rng.normal(size=(batch, width)), dtype=ad.float32)

    def of_weights(weights):
        y = x
        for w in weights:
            y = ad.tanh(y @ w)
        return (y * y).mean()

    def of_input(x):
        y = x
        for w in weights:
            y = ad.tanh(y @ w)
        return y

    return of_weights, weights, of_input, x


def chain(size, length):
    """Elementwise ops one after another."""

    def fn(x):
        for _ in range(length):
            x = ad.sigmoid(ad.sin(x) * 1.1 + 0.1)
        return x

    return fn, ad.tensor(np.linspace(-1, 1, size), dtype=ad.float32)


def ones(x):
    return [ad.ones_like(w) for w in x] if isinstance(x, list) else ad.ones_like(x)


def workloads():
    """Yield ``(name, what is measured, what it is compared with, what it may cost)``."""
    for width, depth, batch in ((32, 4, 16), (512, 4, 256)):
        of_weights, weights, of_input, x = mlp(width, depth, batch)
        label = f"MLP {depth} x {width}, {batch} examples"
        jvp = lambda f=of_input, x=x: ad.jvp(f, (x,), (ones(x),))  # noqa: E731
        yield f"jvp / function, {label}", jvp, lambda f=of_input, x=x: f(x), LIMIT["jvp"]
        hvp = lambda f=of_weights, w=weights: ad.hvp(f, w, ones(w))  # noqa: E731
        gradient = ad.grad(of_weights)
        yield f"hvp / gradient, {label}", hvp, lambda g=gradient, w=weights: g(w), LIMIT["hvp"]
    for size in (100, 1_000_000):
        fn, x = chain(size, 10)
        label = f"40 elementwise ops on {size:,}"
        jvp = lambda f=fn, x=x: ad.jvp(f, (x,), (ones(x),))  # noqa: E731
        yield f"jvp / function, {label}", jvp, lambda f=fn, x=x: f(x), LIMIT["jvp"]
        total = lambda x, f=fn: f(x).sum()  # noqa: E731
        hvp = lambda f=total, x=x: ad.hvp(f, x, ones(x))  # noqa: E731
        gradient = ad.grad(total)
        yield f"hvp / gradient, {label}", hvp, lambda g=gradient, x=x: g(x), LIMIT["hvp"]
    row = ad.tensor(np.random.default_rng(1).normal(size=(256, 64)), dtype=ad.float32)
    w = ad.tensor(np.eye(64), dtype=ad.float32)
    each = lambda r: ad.tanh(w @ r).sum()  # noqa: E731
    whole = lambda: ad.tanh(row @ w.T).sum(axis=1)  # noqa: E731
    yield "vmap / by hand, 256 examples of 64", lambda: ad.vmap(each)(row), whole, None


def seconds(fn, repeat):
    start = time.perf_counter()
    for _ in range(repeat):
        fn()
    return time.perf_counter() - start


def ratio(fn, base, rounds):
    """The median ratio of the rounds, and their extremes."""
    fn(), base()
    repeat = max(1, int(0.02 / max(seconds(base, 1), 1e-6)))
    found = [seconds(fn, repeat) / seconds(base, repeat) for _ in range(rounds)]
    return statistics.median(found), min(found), max(found)


def main(argv=None):
    """Print the table, and write it if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(argv)
    lines = [
        "| ratio | median | lowest | highest | at most |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, fn, base, limit in workloads():
        middle, low, high = ratio(fn, base, options.rounds)
        allowed = "" if limit is None else f"{limit:.0f}"
        lines.append(f"| {name} | {middle:.2f} | {low:.2f} | {high:.2f} | {allowed} |")
        print(lines[-1], flush=True)
    if options.out:
        about = ", ".join(f"{name} {value}" for name, value in facts().items())
        head = f"# Cost of the transforms\n\n{about}; {options.rounds} rounds.\n\n"
        options.out.write_text(head + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
