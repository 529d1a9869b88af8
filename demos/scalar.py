"""Automatic differentiation one number at a time: a neuron by hand, then a small network.

    python -m demos.scalar [--out DIR]

A `Scalar` is a float that remembers how it was computed. ``backward()`` walks that memory from
the result to its beginnings, and multiplies the derivatives on the way: the chain rule.
"""

import argparse
import gc
import math
from typing import Any, NamedTuple

import autodiff as ad
import nn
import viz

from .command import folder, positive, require_renderer, run
from .progress import Report
from .regions import Regions, regions


# ---------------------------------------------------------------- a neuron by hand
def neuron() -> viz.ScalarGraph:
    """Compute ``tanh(w1 x1 + w2 x2 + b)`` and its gradients, and check them against a pencil's."""
    x1, x2 = ad.Scalar(0.5, name="x1"), ad.Scalar(-1.0, name="x2")
    w1, w2 = ad.Scalar(0.8, name="w1"), ad.Scalar(-0.3, name="w2")
    b = ad.Scalar(0.1, name="b")

    p1 = w1 * x1
    p2 = w2 * x2
    s = p1 + p2
    z = s + b
    y = z.tanh()
    for name, made in (("p1", p1), ("p2", p2), ("s", s), ("z", z), ("y", y)):
        made.name = name
    print("1. A neuron by hand\n")
    print("   forward                        value")
    for formula, made in (
        (f"p1 = w1 x1 = {w1.data} * {x1.data}", p1),
        (f"p2 = w2 x2 = {w2.data} * {x2.data}", p2),
        ("s  = p1 + p2", s),
        ("z  = s + b", z),
        ("y  = tanh(z)", y),
    ):
        print(f"   {formula:<27}{made.data:>9.6f}")

    picture = viz.scalar_graph(y)
    y.backward()

    slope = 1 - math.tanh(0.8 * 0.5 + -0.3 * -1.0 + 0.1) ** 2
    print("\n   backward                     by hand  backward()")
    for formula, by_hand, made in (
        ("dy/dy  = 1", 1.0, y),
        ("dy/dz  = 1 - y^2", slope, z),
        ("dy/db  = dy/dz", slope, b),
        ("dy/ds  = dy/dz", slope, s),
        ("dy/dp1 = dy/ds", slope, p1),
        ("dy/dp2 = dy/ds", slope, p2),
        ("dy/dw1 = dy/dp1 x1", slope * 0.5, w1),
        ("dy/dx1 = dy/dp1 w1", slope * 0.8, x1),
        ("dy/dw2 = dy/dp2 x2", slope * -1.0, w2),
        ("dy/dx2 = dy/dp2 w2", slope * -0.3, x2),
    ):
        print(f"   {formula:<27}{by_hand:>9.6f}  {made.grad.data:>9.6f}")
        if not math.isclose(by_hand, made.grad.data, rel_tol=1e-12):
            raise AssertionError(f"{formula} is {by_hand}, but backward() left {made.grad.data}")
    return picture


# ---------------------------------------------------------------- a network
class Network:
    """Layers of ReLU neurons and a last one without; a neuron is its weights and its bias."""

    def __init__(self, sizes: list[int], seed: int) -> None:
        random = ad.random.Generator(seed)
        self.layers = [
            [
                ([ad.Scalar(w) for w in random.uniform((n_in,), -1.0, 1.0)], ad.Scalar(0.0))
                for _ in range(n_out)
            ]
            for n_in, n_out in zip(sizes, sizes[1:])
        ]
        self.parameters = [p for layer in self.layers for w, b in layer for p in [*w, b]]

    def __call__(self, x: Any) -> ad.Scalar:
        for layer in self.layers:
            x = [sum((wi * xi for wi, xi in zip(w, x)), b) for w, b in layer]
            if layer is not self.layers[-1]:
                x = [s.relu() for s in x]
        return x[0]


def train(net: Network, points: Any, sides: Any, steps: int, report: Report) -> list[float]:
    """Gradient descent on hinge loss; ``sides`` are -1 and 1. The accuracy after every step."""
    history = []
    report.begin("moons", steps, "step")
    for step in range(steps):
        scores = [net(x) for x in points]
        hinge = sum((1 - side * s).relu() for side, s in zip(sides, scores)) / len(points)
        loss = hinge + 1e-4 * sum(p * p for p in net.parameters)
        if not math.isfinite(loss.data):
            raise FloatingPointError(f"the loss is {loss.data} at step {step}")
        for p in net.parameters:
            p.grad = None
        loss.backward()
        rate = 1 - 0.9 * step / steps
        for p in net.parameters:
            p.data -= rate * p.grad.data
        right = sum((s.data > 0) == (side > 0) for side, s in zip(sides, scores))
        history.append(right / len(points))
        report.at(step + 1, f"loss {loss.data:.4f}  accuracy {history[-1]:.2f}")
    return history


class Result(NamedTuple):
    """The neuron's graph, and the network's accuracy after every step."""

    picture: viz.ScalarGraph
    accuracy: list[float]
    regions: Regions


def main(arguments: list[str] | None = None) -> Result:
    """Run the demo; see the module's text."""
    parser = argparse.ArgumentParser(
        prog="python -m demos.scalar", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--out", type=folder, default="out", help="folder for pictures (out)")
    parser.add_argument("--points", type=positive, default=100, help="points of two moons (100)")
    parser.add_argument("--width", type=positive, default=16, help="neurons a hidden layer (16)")
    parser.add_argument("--steps", type=positive, default=100, help="steps of descent (100)")
    parser.add_argument("--seed", type=int, default=1, help="of points and weights (1)")
    options = parser.parse_args(arguments)
    if options.points < 2:
        parser.error("--points must be at least 2, one for each moon")
    require_renderer(parser)

    picture = neuron()
    files = [picture.render(options.out / f"neuron.{suffix}") for suffix in ("svg", "png")]

    points, classes = (t.numpy().tolist() for t in nn.datasets.moons(options.points).tensors)
    sides = [2 * c - 1 for c in classes]
    net = Network([2, options.width, options.width, 1], options.seed)
    print(f"\n2. A 2-{options.width}-{options.width}-1 network of {len(net.parameters)} numbers")
    print("   that tells two moons apart\n")
    collecting = gc.isenabled()
    gc.disable()  # a graph holds no cycles: it is freed at once, and a search for them takes long
    try:
        with Report() as report:
            accuracy = train(net, points, sides, options.steps, report)
    finally:
        if collecting:
            gc.enable()
    learned = regions(net, points, sides)
    print("\n" + learned.text())
    if learned.plot(options.out / "moons.png"):
        files.append(options.out / "moons.png")
    print("\nPictures:")
    for file in files:
        print(f"   {file}")
    if options.steps >= 50 and not accuracy[-1] > 0.9:
        raise AssertionError(f"the network reached accuracy {accuracy[-1]:.2f} only, not 0.9")
    return Result(picture, accuracy, learned)


if __name__ == "__main__":
    run(main)
