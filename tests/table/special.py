"""Rows of the op table: the error function, the gamma function, and their kin."""

import numpy as np

from .case import Case, M, S, special, unary
from .generated import Generated, elementwise, same

inf, nan, pi = np.inf, np.nan, np.pi
EULER = 0.57721566490153286061
CASES = [
    *unary("erf"),
    *unary("erfc"),
    Case("erfc", (M,), low=4.0, high=6.0, label="tail"),
    *unary("erfinv", low=-0.9, high=0.9),
    *unary("lgamma", low=0.5, high=4.0),
    Case("lgamma", (M,), low=-1.8, high=-1.2, label="negative"),
    *unary("digamma", low=0.5, high=4.0),
    Case("digamma", (M,), low=-1.8, high=-1.2, label="negative"),
    *(Case("polygamma", (n, shape), low=0.7, high=4.0) for n in (0, 1, 2) for shape in (M, S)),
    Case("polygamma", (1, M), low=-1.8, high=-1.2, label="negative"),
    Case("polygamma", (1, (0, 2))),
]  # fmt: skip
SPECIAL = [
    special("erf", [0.0], 0.0, [2 / np.sqrt(pi)]),
    special("erf", [1000.0], 1.0, [0.0]),
    special("erf", [-inf], -1.0, [0.0]),
    special("erf", [nan], nan, [nan]),
    special("erfc", [0.0], 1.0, [-2 / np.sqrt(pi)]),
    special("erfc", [10.0], 2.0884875837625446e-45, [-2 / np.sqrt(pi) * np.exp(-100.0)]),
    special("erfc", [1000.0], 0.0, [0.0]),
    special("erfc", [-inf], 2.0, [0.0]),
    special("erfinv", [0.0], 0.0, [np.sqrt(pi) / 2]),
    special("erfinv", [1.0], inf, [inf]),
    special("erfinv", [-1.0], -inf, [inf]),
    special("erfinv", [2.0], nan, [nan]),
    special("lgamma", [0.0], inf, [-inf]),
    special("lgamma", [1.0], 0.0, [-EULER]),
    special("lgamma", [2.0], 0.0, [1 - EULER]),
    special("lgamma", [-1.0], inf, [nan]),
    special("lgamma", [-2.0], inf, [nan]),
    special("lgamma", [inf], inf, [inf]),
    special("digamma", [0.0], -inf, [inf]),
    special("digamma", [-1.0], nan, [inf], "about 6.6e32, rounded"),
    special("digamma", [inf], inf, [0.0]),
    special("digamma", [1.0], -EULER, [pi**2 / 6], "1.64493407, good to nine digits"),
    special("polygamma", [1, 0.0], inf, [None, -inf]),
    special("polygamma", [1, inf], 0.0, [None, 0.0], "NaN"),
]
POSITIVE = elementwise("polygamma", low=0.05, at=(1.0, 1000.0, nan)).inputs
GENERATED = [
    *same("erf", "erfc", "erfinv"),
    *same("lgamma", "digamma", low=0.05, at=(0.0, 1.0, 2.0, 1000.0, inf, nan)),
    *(Generated("polygamma", POSITIVE.map(lambda xs, n=n: [n, *xs])) for n in (0, 1, 2)),
]


# ---------------------------------------------------------------- PyTorch
SAME_NAME = "erf erfc erfinv lgamma digamma"
TRIGAMMA = 1e-8, "PyTorch's trigamma is good to nine digits: at 1 it is not pi**2 / 6"
LIMITS = {"lgamma": TRIGAMMA, "digamma": TRIGAMMA, "polygamma": TRIGAMMA}


def counterparts(torch):
    """PyTorch's function for each op here."""
    return {name: getattr(torch, name) for name in SAME_NAME.split()} | {
        "polygamma": lambda n, x: torch.polygamma(int(n), x)
    }
