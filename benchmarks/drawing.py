"""What looking at gradients costs; `python -m benchmarks.drawing`.

The networks are those of ``demos/zoo.py``, built by both libraries, and two deep ones. For each the
time of a plain forward and backward pass, and of one that ends in numbers on a graph or in the text
of a picture, as a multiple of the plain pass of the same library: which library is faster is not
the question here.

``torchviz`` draws structure without numbers. TorchLens 2 keeps every activation and gradient; its
drawings need Graphviz's ``dot``, so it is measured up to there. ``--out FILE`` writes Markdown.
"""

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn
import viz
from benchmarks.machine import facts
from demos import zoo

CHOSEN = ("MLP", "LeNet-5", "small ResNet", "LSTM classifier", "transformer encoder")
DEPTHS = (40, 300)

Run = Callable[[], Any]


def deep(lib: Any, depth: int) -> Any:
    """A stack of sigmoid layers."""
    layers = [layer for _ in range(depth) for layer in (lib.Linear(32, 32), lib.Sigmoid())]
    return lib.Sequential(lib.Flatten(), lib.Linear(64, 32), *layers, lib.Linear(32, 10))


def networks() -> Iterator[tuple[str, Any, tuple[int, ...], int]]:
    """Yield ``(name, builder, shape of the input, tokens)``."""
    for name in CHOSEN:
        network = zoo.NETWORKS[name]
        yield name, lambda lib, cat, n=network: n.build(lib, cat), network.shape, network.tokens
    for depth in DEPTHS:
        yield f"{depth} sigmoid layers", lambda lib, cat, d=depth: deep(lib, d), (64,), 0


def ours(build: Any, x: np.ndarray, y: np.ndarray) -> dict[str, Run]:
    """Each way of looking, with the forward pass that it needs."""
    model = build(nn, ad.concatenate)
    inputs, targets = ad.tensor(x), ad.tensor(y)

    def loss() -> Any:
        return nn.functional.cross_entropy(model(inputs), targets)

    def plain() -> None:
        model.zero_grad()
        loss().backward()

    return {
        "plain": plain,
        "viz: numbers": lambda: viz.graph(loss(), model=model),
        "viz: text of the picture": lambda: viz.graph(loss(), model=model).dot(),
    }


def theirs(build: Any, x: np.ndarray, y: np.ndarray) -> dict[str, Run]:
    """The same with PyTorch's tools, as far as they are installed."""
    if importlib.util.find_spec("torch") is None:
        return {}
    import torch

    torch.set_num_threads(1)
    model = build(torch.nn, torch.cat)
    inputs, targets = torch.tensor(x), torch.tensor(y)

    def loss_of(out: Any) -> Any:
        return torch.nn.functional.cross_entropy(out, targets)

    def plain() -> None:
        model.zero_grad()
        loss_of(model(inputs)).backward()

    found: dict[str, Run] = {"plain": plain}
    if importlib.util.find_spec("torchviz") is not None:
        from torchviz import make_dot

        parameters = dict(model.named_parameters())
        found["torchviz: text, no numbers"] = lambda: (
            make_dot(loss_of(model(inputs)), parameters).source
        )
    if importlib.util.find_spec("torchlens") is not None:
        import torchlens

        options = torchlens.options.CaptureOptions(save_grads=True, backward_ready=True)

        def trace() -> None:
            kept = torchlens.trace(model, inputs, capture=options)
            kept.log_backward(loss_of(kept.layer_list[-1].out))

        found["TorchLens: numbers"] = trace
    return found


def milliseconds(run: Run) -> float:
    start = time.perf_counter()
    run()
    return 1e3 * (time.perf_counter() - start)


def measure(rounds: int) -> list[str]:
    """The table's rows."""
    rows = []
    random = np.random.default_rng(0)
    for name, build, shape, tokens in networks():
        full = (32, *shape)
        x = random.integers(0, tokens, full) if tokens else random.uniform(size=full)
        x = x if tokens else x.astype("float32")
        y = random.integers(0, 10, 32)
        for runs in (ours(build, x, y), theirs(build, x, y)):
            times: dict[str, list[float]] = {what: [] for what in runs}
            for round_ in range(rounds + 1):
                for what in runs:
                    taken = milliseconds(runs[what])
                    if round_:  # the first warms up
                        times[what].append(taken)
            for what, values in times.items():
                if what == "plain":
                    base = statistics.median(values)
                    continue
                taken = statistics.median(values)
                rows.append(f"| {name} | {what} | {base:.2f} | {taken:.1f} | {taken / base:.1f} |")
    return rows


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    about = ", ".join(f"{key} {value}" for key, value in facts().items())
    text = "\n".join(
        [
            "# What looking at gradients costs",
            "",
            f"{about}. Medians of {options.rounds} rounds, one thread for PyTorch.",
            "",
            "| network | what | plain pass, ms | with it, ms | times |",
            "| --- | --- | --- | --- | --- |",
            *measure(options.rounds),
        ]
    )
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
