"""What each lesson is about: its words, where its controls begin, and what its boxes show."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from ._look import number
from ._modes import STALLS, percent
from ._ratios import decades
from ._runs import Choice, Run

Cell = tuple[float, str]
"""The colour's level of a box, and its number."""


@dataclass(frozen=True)
class Topic:
    """One lesson.

    Attributes
    ----------
    title, text, question : str
    start : Choice
        Where the controls begin.
    boxes : callable
        What a run's activations show.
    shown : str
        What these numbers are.
    verdict : callable
        The answer to the question for a run, in words.
    """

    title: str
    text: str
    question: str
    start: Choice
    boxes: Callable[[Run], list[Cell]]
    shown: str
    verdict: Callable[[Run], str]


def _gradients(run: Run) -> list[Cell]:
    last = run.activations[-1]
    return [(decades(size, last), number(size)) for size in run.activations]


def _shares(shares: tuple[float, ...]) -> list[Cell]:
    return [(-float(sum(s > bound for bound in STALLS)), percent(s)) for s in shares]


def _lost(run: Run) -> str:
    first = number(run.activations[0])
    if not math.isfinite(run.lost):
        return f"the gradient of the first hidden layer is {first}"
    verb = "loses" if run.lost >= 0 else "gains"
    return f"the gradient {verb} {abs(run.lost):.1f} decades on its way to the first layer: {first}"


def _told(what: str, shares: tuple[float, ...]) -> str:
    return (
        f"{percent(shares[0])} {what} in the first hidden layer, {percent(shares[-1])} in the last"
    )


SIZES = "RMS of the gradient that arrives there; the colour is its distance from the last layer"
TOPICS = {
    "vanishing": Topic(
        "The vanishing gradient",
        "On its way back the gradient is multiplied, at every layer, by the weights and by the "
        "slope of the activation. That of a sigmoid is at most 1/4, so sixteen of them leave at "
        "most 1/4^16 = 2e-10 of it, unless the weights make up for that. A skip connection gives "
        "the gradient a way past the layer.",
        "How many decades does the gradient lose?",
        Choice(16, "sigmoid", "N(0, 1/n)"), _gradients, SIZES, _lost,
    ),
    "exploding": Topic(
        "The exploding gradient",
        "If the weights make more of the gradient than the activation takes, it grows at every "
        "layer on its way back. Normalization divides by the size of what comes in, and large "
        "weights make it divide by more.",
        "How many decades does the gradient gain?",
        Choice(16, "ReLU", "N(0, 9/n), large"), _gradients, SIZES, _lost,
    ),
    "dead": Topic(
        "Dead units",
        "Where its input is below zero, ReLU passes nothing back. A unit whose input is below zero "
        "for every example learns nothing. The deeper the network, the more alike its activations "
        "are for all examples, so that units are on for all of them or for none.",
        "Which share of the last hidden layer's units is dead?",
        Choice(16, "ReLU", "N(0, 2/n), He"), lambda run: _shares(run.dead),
        "share of the units whose slope is zero for every example",
        lambda run: _told("of the units are dead", run.dead),
    ),
    "saturation": Topic(
        "Saturation",
        "Far from zero a sigmoid and tanh are flat: their slope is nearly nothing, and so is what "
        "they pass back. Large weights bring their inputs there; normalization brings them back.",
        "Which share of the first hidden layer's entries is flat?",
        Choice(8, "tanh", "N(0, 9/n), large"), lambda run: _shares(run.flat),
        "share of the entries where the slope is below 6 % of its largest",
        lambda run: _told("of the entries are flat", run.flat),
    ),
}  # fmt: skip
