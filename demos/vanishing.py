"""Two deep networks on handwritten digits, one of which cannot learn; and where its gradient died.

    python -m demos.vanishing [--depth 9] [--device cpu|cuda] [--out DIR]

Both have the same depth. One has sigmoids and weights from N(0, 1 / n_in), the other ReLU and
weights from N(0, 2 / n_in) (He et al., 2015). The derivative of a sigmoid is at most 1/4, so nine
of them leave at most 4e-6 of the gradient, and the first layers hear nothing. The same happens on
XOR, where the network's answer stays at one half.
"""

import argparse
import html
import math
from pathlib import Path
from typing import Any, NamedTuple

import autodiff as ad
import nn
import viz

from . import training, xor


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


def network(
    activation: type[nn.Module], weights: str, depth: int, pixels: int, width: int, seed: int
) -> nn.Sequential:
    """``depth`` hidden layers, whose biases begin as 0."""
    generator = ad.random.Generator(seed)
    sizes = [pixels, *[width] * depth]
    layers: list[nn.Module] = [nn.Flatten()]
    for n_in, n_out in zip(sizes, sizes[1:]):
        layers += [nn.Linear(n_in, n_out, weight_init=weights, generator=generator), activation()]
    layers.append(nn.Linear(sizes[-1], 10, weight_init=weights, generator=generator))
    return nn.Sequential(*layers)


def study(name: str, model: nn.Sequential, data: Any, options: Any, progress: Any) -> Result:
    """Train, then look at the gradients of one batch."""
    train, test = data
    right = training.fit(
        name,
        model,
        train,
        test,
        epochs=options.epochs,
        lr=options.lr,
        batch_size=options.batch_size,
        seed=options.seed,
        progress=progress,
    )
    loader = nn.data.DataLoader(train, 256, shuffle=True, seed=options.seed, device=ad.default_device())
    x, y = next(iter(loader))
    loss = nn.functional.cross_entropy(model(x), y)
    graph = viz.graph(loss, model=model)
    weights = [p for p in model.parameters() if p.ndim == 2]
    gradients = ad.gradients(loss, weights)
    return Result(name, right, [training.rms(g) for g in gradients], graph)


def table(results: list[Result]) -> list[list[str]]:
    """Rows of text: the accuracy, the gradient of every layer, the decades lost."""
    rows = [["", *(r.name for r in results)]]
    rows.append(["accuracy on new digits", *(f"{r.accuracy:.3f}" for r in results)])
    for i, sizes in enumerate(zip(*(r.gradients for r in results))):
        rows.append([f"gradient RMS, layer {i + 1}", *(f"{size:.2e}" for size in sizes)])
    rows.append(["decades lost on the way", *(f"{r.decades:.1f}" for r in results)])
    return rows


def text(rows: list[list[str]]) -> str:
    """A table for a terminal."""
    wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(pairs))
        for pairs in ([*zip(row, wide)] for row in rows)
    )


def page(results: list[Result], rows: list[list[str]], lines: list[str]) -> str:
    """Both pictures side by side, with the numbers; it needs no other file."""
    head, *body = (
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    figures = "".join(
        f"<figure><figcaption>{html.escape(r.name)}</figcaption>{r.graph.svg(f'g{i}-')}</figure>"
        for i, r in enumerate(results)
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>Where the gradient dies</title>
<style>
body{{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:84rem;padding:0 1rem;
color:#1b1e23;background:#fff}}
.pair{{display:flex;gap:2rem;align-items:flex-start}}
figure{{margin:0;flex:1;min-width:0}}figcaption{{font-weight:600}}
table{{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:1rem 0}}
td{{padding:.2rem .9rem;border-bottom:1px solid #dde1e6;text-align:right}}
td:first-child{{text-align:left}}thead{{font-weight:600}}
@media(max-width:50rem){{.pair{{display:block}}}}
</style>
</head>
<body>
<h1>Where the gradient dies</h1>
<p>Two networks of equal depth after the same training on handwritten digits. Every tensor is
coloured by the size of its gradient, one step a power of ten: blue where it vanishes.</p>
<table><thead>{head}</thead><tbody>{"".join(body)}</tbody></table>
{"".join(f"<p>{html.escape(line)}</p>" for line in lines)}
<div class="pair">{figures}</div>
</body>
</html>
"""


def on_xor(options: Any) -> list[str]:
    """Train on XOR and say what came of it; raise if the sigmoid network learned."""
    how = {"depth": options.depth, "steps": options.xor_steps, "seed": options.seed}
    stuck = xor.train("sigmoid", "uniform", **how)
    off = abs(stuck.loss - math.log(2)).max(), abs(stuck.probability - 0.5).max()
    lines = [
        f"XOR, {options.depth} hidden layers of 5 sigmoids, U(-1, 1), 20 seeds: the loss is within "
        f"{off[0]:.1e} of ln 2 = {math.log(2):.6f} and every probability within {off[1]:.1e} of "
        "one half; it answers the same whatever it is asked"
    ]
    for weights, said in (("uniform", "U(-1, 1)"), ("he", "He's weights")):
        solved = xor.train("relu", weights, **how).solved
        lines.append(
            f"XOR with ReLU and {said}: {solved:.0%} of 20 seeds solve it (five units a layer die "
            "easily)"
        )
    if options.depth >= 9 and not (off[0] < 1e-3 and off[1] < 0.01):
        raise AssertionError("the deep sigmoid network was to stay at one half on XOR: " + lines[0])
    return lines


def check(results: list[Result], options: Any) -> None:
    """Raise unless the story holds: the first network learned nothing, the second did."""
    stuck, learned = results
    if options.depth >= 9 and not (
        stuck.accuracy <= 0.2 and stuck.gradients[0] < 1e-4 * stuck.gradients[-1]
    ):
        raise AssertionError(
            f"the deep sigmoid network was to stay at chance with a vanished gradient, but has "
            f"accuracy {stuck.accuracy:.3f} and lost {stuck.decades:.1f} decades"
        )
    if options.epochs >= 10 and not learned.accuracy > 0.8:
        raise AssertionError(f"the ReLU network reached accuracy {learned.accuracy:.3f} only")


def main(arguments: list[str] | None = None) -> list[Result]:
    """Run the demo; see the module's text."""
    parser = argparse.ArgumentParser(prog="python -m demos.vanishing", description=__doc__.split("\n")[0])
    parser.add_argument("--depth", type=int, default=9, help="hidden layers (9)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (cpu)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for pictures (out)")
    parser.add_argument("--data", choices=("digits", "mnist"), default="digits",
                        help="scikit-learn's 1,797 digits, or MNIST (digits)")  # fmt: skip
    parser.add_argument("--epochs", type=int, default=30, help="times through the data (30)")
    parser.add_argument("--lr", type=float, default=0.1, help="learning rate (0.1)")
    parser.add_argument("--batch-size", type=int, default=32, help="examples a step (32)")
    parser.add_argument("--width", type=int, default=32, help="units a hidden layer (32)")
    parser.add_argument("--xor-steps", type=int, default=10_000, help="steps on XOR (10000)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and batches (0)")
    options = parser.parse_args(arguments)
    if options.depth < 1 or options.epochs < 0:
        parser.error("--depth must be at least 1, and --epochs not negative")
    options.out.mkdir(parents=True, exist_ok=True)  # before the work, not after it

    with ad.device(options.device):
        data = getattr(nn.datasets, options.data)()
        pixels = math.prod(data[0][0][0].shape)
        kinds = {
            "sigmoid": (nn.Sigmoid, "lecun_normal"),
            "relu": (nn.ReLU, "he_normal"),
        }
        results = []
        with training.bar() as progress:
            for name, (activation, weights) in kinds.items():
                model = network(
                    activation, weights, options.depth, pixels, options.width, options.seed
                )
                results.append(study(name, model, data, options, progress))
        rows = table(results)
        print(text(rows), "\n")
        lines = on_xor(options)
        print("\n".join(lines))
    for result in results:
        for suffix in ("svg", "png"):
            result.graph.render(options.out / f"{result.name}.{suffix}")
    (options.out / "vanishing.html").write_text(page(results, rows, lines), encoding="utf-8")
    check(results, options)
    return results


if __name__ == "__main__":
    main()
