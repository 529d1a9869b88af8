"""The networks of the lessons: a forward and a backward pass for every choice of the controls."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import autodiff as ad

from ._ratios import decades
from ._stats import State, measure

WIDTH, BATCH, SEED = 32, 64, 0
FLAT = 0.06
"""A slope below this part of its largest is flat, as in `diagnose`: for tanh, |y| > 0.97."""

DEPTHS = (2, 4, 8, 16)
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "sigmoid": ad.sigmoid,
    "tanh": ad.tanh,
    "ReLU": ad.relu,
    "leaky ReLU": lambda x: ad.maximum(x, 0.01 * x),
    "ELU": lambda x: ad.where(x > 0, x, ad.expm1(ad.minimum(x, 0.0))),
    "SELU": lambda x: 1.0507 * ad.where(x > 0, x, 1.67326 * ad.expm1(ad.minimum(x, 0.0))),
    "GELU": lambda x: 0.5 * x * (1 + ad.erf(x * math.sqrt(0.5))),
    "SiLU": lambda x: x * ad.sigmoid(x),
    "Mish": lambda x: x * ad.tanh(ad.softplus(x)),
}
WEIGHTS = {
    "N(0, 1/n)": 1.0, "N(0, 2/n), He": math.sqrt(2.0), "N(0, 0.01/n), small": 0.1,
    "N(0, 9/n), large": 3.0,
}  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """What the controls say."""

    depth: int
    activation: str
    weights: str
    skip: bool = False
    norm: bool = False

    @property
    def shape(self) -> str:
        """The part of it that decides how the network is drawn."""
        return f"{self.depth}{'s' if self.skip else ''}{'n' if self.norm else ''}"

    @property
    def key(self) -> str:
        return f"{self.shape}|{self.activation}|{self.weights}"


@dataclass(frozen=True)
class Run:
    """One network's numbers, layer by layer, first to last.

    Attributes
    ----------
    choice : Choice
    weights, states
        RMS and state of the gradient of each layer's weight; the last layer has no activation.
    activations : tuple of float
        RMS of the gradient that arrives at each hidden layer's result.
    dead, flat : tuple of float
        Of each activation: the share of units that pass nothing for any example, and the share of
        entries where the slope is below `FLAT` of its largest.
    """

    choice: Choice
    weights: tuple[float, ...]
    states: tuple[State, ...]
    activations: tuple[float, ...]
    dead: tuple[float, ...]
    flat: tuple[float, ...]

    @property
    def lost(self) -> float:
        """Decades between the gradients that arrive at the last hidden layer and at the first."""
        return -decades(self.activations[0], self.activations[-1])


def run(choice: Choice) -> Run:
    """Run one network, forward and backward, once.

    Its inputs are normal numbers, its loss the mean square of the distance to others. A hidden
    layer is ``act(x @ w)``; with normalization ``act(layer_norm(x @ w))``, and with skips the
    layer's input is added to that.
    """
    generator = ad.random.Generator(SEED)
    act, scale = ACTIVATIONS[choice.activation], WEIGHTS[choice.weights] / math.sqrt(WIDTH)
    x = ad.random.normal((BATCH, WIDTH), generator=generator)
    target = ad.random.normal((BATCH, WIDTH), generator=generator)
    weights, inputs, hidden = [], [], []
    for i in range(choice.depth + 1):
        drawn = scale * ad.random.normal((WIDTH, WIDTH), generator=generator)
        weights.append(ad.tensor(drawn.numpy(), requires_grad=True, name=f"layer {i + 1}"))
        z = ad.matmul(x, weights[-1])
        if i == choice.depth:
            break
        z = ad.layer_norm(z) if choice.norm else z
        inputs.append(z)
        x = act(z) + x if choice.skip else act(z)
        hidden.append(x)
    found = ad.gradients(ad.mean(ad.square(z - target)), [*weights, *hidden])
    sizes = [measure(g.data) for g in found]
    dead, flat = _slopes(choice.activation, inputs)
    return Run(
        choice,
        tuple(s.rms for s in sizes[: len(weights)]),
        tuple(s.state for s in sizes[: len(weights)]),
        tuple(s.rms for s in sizes[len(weights) :]),
        dead,
        flat,
    )


def _slopes(activation: str, inputs: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Which share of each activation's units is dead, and of its entries flat."""
    with ad.no_grad():
        stacked = ad.stack(inputs)
    slope = _slope(activation, stacked)
    dead = (slope == 0).all(axis=1).mean(axis=1)
    flat = (slope < FLAT * _steepest(activation)).mean(axis=(1, 2))
    return tuple(map(float, dead)), tuple(map(float, flat))


def _slope(activation: str, z: Any) -> Any:
    """The size of the derivative of an activation, entry by entry."""
    z = ad.tensor(z.data, requires_grad=True)
    return abs(ad.gradients(ACTIVATIONS[activation](z).sum(), z).numpy())


@cache
def _steepest(activation: str) -> float:
    return float(_slope(activation, ad.linspace(-10.0, 10.0, 2001)).max())


@cache
def runs() -> tuple[Run, ...]:
    """Every combination of the controls."""
    choices = itertools.product(DEPTHS, ACTIVATIONS, WEIGHTS, (False, True), (False, True))
    return tuple(run(Choice(*choice)) for choice in choices)
