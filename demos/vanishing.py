"""Two deep networks on handwritten digits, one of which cannot learn; and where its gradient died.

    python -m demos.vanishing [--depth 9] [--device cpu|cuda] [--out DIR]

Both have the same depth. One has sigmoids and weights from N(0, 1 / n_in), the other ReLU and
weights from N(0, 2 / n_in) (He et al., 2015). The derivative of a sigmoid is at most 1/4, so nine
of them leave at most 4e-6 of the gradient, and the first layers hear nothing. The same happens on
XOR, where the network's answer stays at one half.
"""

import argparse
import math
import textwrap
from typing import Any, NamedTuple

import autodiff as ad
import nn
import viz

from . import training, xor
from .command import device, folder, positive, require_renderer, run
from .page import Column, page, text
from .progress import Report

KINDS: dict[str, tuple[type[nn.Module], str]] = {
    "sigmoid": (nn.Sigmoid, "lecun_normal"),  # N(0, 1 / n_in)
    "relu": (nn.ReLU, "he_normal"),  # N(0, 2 / n_in)
}


class Result(NamedTuple):
    """A trained network and its gradients."""

    name: str
    accuracy: float
    gradients: list[float]  # RMS of each layer's weight, first to last
    graph: viz.GradientGraph

    @property
    def decades(self) -> float:
        """How many powers of ten the gradient loses from the last layer to the first."""
        first, last = self.gradients[0], self.gradients[-1]
        return math.log10(last / first) if first and last else math.inf


def network(name: str, depth: int, pixels: int, width: int, seed: int) -> nn.Sequential:
    """``depth`` hidden layers, whose biases begin as 0."""
    activation, weights = KINDS[name]
    generator = ad.random.Generator(seed)
    sizes = [pixels, *[width] * depth, 10]
    parts: dict[str, nn.Module] = {"flatten": nn.Flatten()}
    for i, (n_in, n_out) in enumerate(zip(sizes, sizes[1:]), 1):
        parts[f"layer{i}"] = nn.Linear(n_in, n_out, weight_init=weights, generator=generator)
        if i <= depth:
            parts[f"{name}{i}"] = activation()
    return nn.Sequential(parts)


def look(models: dict[str, nn.Sequential], accuracies: list[float], batch: Any) -> list[Result]:
    """The gradients of one batch in each network, drawn on one scale.

    The last network's typical gradient is the neutral colour of all, so that they compare.
    """
    x, y = batch
    losses = [nn.functional.cross_entropy(model(x), y) for model in models.values()]
    *_, healthy = zip(losses, models.values())
    typical = viz.graph(healthy[0], model=healthy[1]).references.values()
    scale = math.prod(typical) ** (1 / len(typical))
    results = []
    for (name, model), loss, right in zip(models.items(), losses, accuracies):
        weights = [p for p in model.parameters() if p.ndim == 2]
        gradients = [training.rms(g) for g in ad.gradients(loss, weights, retain_graph=True)]
        graph = viz.graph(loss, model=model, reference=scale if 0 < scale < math.inf else "median")
        results.append(Result(name, right, gradients, graph))
    return results


def table(results: list[Result]) -> list[list[str]]:
    """Rows of text: the accuracy, the gradient of every layer, the decades lost."""
    rows = [["", *(r.name for r in results)]]
    rows.append(["accuracy on new digits", *(f"{r.accuracy:.3f}" for r in results)])
    for i, sizes in enumerate(zip(*(r.gradients for r in results)), 1):
        rows.append([f"gradient RMS, layer {i}", *(f"{size:.2e}" for size in sizes)])
    rows.append(["decades lost on the way", *(f"{r.decades:.1f}" for r in results)])
    return rows


def verdict(result: Result) -> str:
    """What became of a network, in words."""
    learned = "it has learned" if result.accuracy > 0.2 else "it guesses, one digit in ten"
    if math.isinf(result.decades):
        way = "no gradient arrives at its first layer"
    elif abs(result.decades) < 1:
        way = "its gradient is about as large in the first layer as in the last"
    else:
        times = float(f"{10 ** abs(result.decades):.0e}")  # one digit is all that it is good for
        way = (
            f"its gradient is {times:,.0f} times {'smaller' if result.decades > 0 else 'larger'} "
            "in the first layer than in the last"
        )
    return f"{result.name}: accuracy {result.accuracy:.3f}, so {learned}; {way}."


def on_xor(options: argparse.Namespace) -> list[str]:
    """Train on XOR and say what came of it; raise if the sigmoid network learned."""
    how = {"depth": options.depth, "steps": options.xor_steps, "seed": options.seed}
    with Report(lines=1) as report:
        stuck = xor.train("sigmoid", "uniform", report=report, **how)
        relu = {w: xor.train("relu", w, report=report, **how).solved for w in ("uniform", "he")}
    off = abs(stuck.loss - math.log(2)).max(), abs(stuck.probability - 0.5).max()
    lines = [
        f"XOR, {options.depth} hidden layers of 5 sigmoids, weights from U(-1, 1), 20 seeds: the "
        f"loss is within {off[0]:.1e} of ln 2 = {math.log(2):.6f} and every probability within "
        f"{off[1]:.1e} of one half.",
        f"XOR with ReLU instead: {relu['uniform']:.0%} of 20 seeds solve it, and "
        f"{relu['he']:.0%} with He's weights; five units a layer die easily.",
    ]
    if options.depth >= 9 and not (off[0] < 1e-3 and off[1] < 0.01):
        raise AssertionError("the deep sigmoid network was to stay at one half. " + lines[0])
    return lines


def check(results: list[Result], options: argparse.Namespace) -> None:
    """Raise unless the story holds: the first network learned nothing, the second did."""
    stuck, learned = results
    if options.depth >= 9 and not (
        stuck.accuracy <= 0.2 and stuck.gradients[0] < 1e-4 * stuck.gradients[-1]
    ):
        raise AssertionError(
            f"the deep sigmoid network was to stay at chance with a vanished gradient, but has "
            f"accuracy {stuck.accuracy:.3f} and lost {stuck.decades:.1f} decades"
        )
    # Steps of 0.1 are restless: 0.9 on one epoch may be 0.8 on the next, but far from chance.
    if options.epochs >= 10 and not learned.accuracy > 0.5:
        raise AssertionError(f"the ReLU network reached accuracy {learned.accuracy:.3f} only")


def parse(arguments: list[str] | None) -> tuple[argparse.Namespace, Any]:
    """The options and the data; what is wrong with them ends the program in one line."""
    parser = argparse.ArgumentParser(
        prog="python -m demos.vanishing", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--depth", type=positive, default=9, help="hidden layers (9)")
    parser.add_argument("--device", type=device, default="cpu", help="cpu or cuda (cpu)")
    parser.add_argument("--out", type=folder, default="out", help="folder for pictures (out)")
    parser.add_argument("--data", choices=("digits", "mnist"), default="digits",
                        help="scikit-learn's 1,797 digits, or MNIST (digits)")  # fmt: skip
    parser.add_argument("--epochs", type=positive, default=30, help="times through the data (30)")
    parser.add_argument("--lr", type=float, default=0.1, help="learning rate (0.1)")
    parser.add_argument("--batch-size", type=positive, default=32, help="examples a step (32)")
    parser.add_argument("--width", type=positive, default=32, help="units a hidden layer (32)")
    parser.add_argument("--xor-steps", type=positive, default=10_000, help="on XOR (10000)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and batches (0)")
    options = parser.parse_args(arguments)
    require_renderer(parser)
    try:
        data = getattr(nn.datasets, options.data)()
    except (ImportError, OSError) as error:
        parser.error(str(error))
    if options.batch_size > len(data[0]):
        parser.error(f"--batch-size {options.batch_size} is more than {len(data[0])} examples")
    return options, data


def main(arguments: list[str] | None = None) -> list[Result]:
    """Run the demo; see the module's text."""
    options, (train, test) = parse(arguments)
    print(f"{len(train)} digits, {options.depth} hidden layers of {options.width}, on "
          f"{options.device}; first a sigmoid network, then ReLU\n")  # fmt: skip
    with ad.device(options.device):
        pixels = math.prod(train[0][0].shape)
        models, accuracies = {}, []
        with Report() as report:
            for name in KINDS:
                model = network(name, options.depth, pixels, options.width, options.seed)
                models[name] = model
                accuracies.append(
                    training.fit(
                        name,
                        model,
                        train,
                        test,
                        epochs=options.epochs,
                        lr=options.lr,
                        batch_size=options.batch_size,
                        seed=options.seed,
                        report=report,
                    )  # fmt: skip
                )
        loader = nn.data.DataLoader(
            train, 256, shuffle=True, seed=options.seed, device=options.device
        )
        results = look(models, accuracies, next(iter(loader)))
        rows = table(results)
        print(f"\n{text(rows)}\n")
        lines = [verdict(r) for r in results] + on_xor(options)

    print()
    for line in lines:
        print(textwrap.fill(line, 88, subsequent_indent="  "))
    files = [options.out / f"{r.name}.{suffix}" for r in results for suffix in ("svg", "png")]
    for file, r in zip(files, (r for r in results for _ in range(2))):
        r.graph.render(file)
    files.append(options.out / "vanishing.html")
    intro = (
        f"Two networks of {options.depth} hidden layers after {options.epochs} epochs of the same "
        "training on handwritten digits. Every tensor is coloured by the size of its gradient, "
        "one step a power of ten: the bluer, the less of it is left. Both pictures share one scale."
    )
    columns = [Column(r.name, f"{r.name}.svg", r.graph) for r in results]
    files[-1].write_text(page(intro, rows, lines, columns), encoding="utf-8")
    print("\nPictures, and a page with both:")
    for file in files:
        print(f"  {file}")
    check(results, options)
    return results


if __name__ == "__main__":
    run(main)
