"""Layers whose signal takes several ways."""

import numpy as np

import nn

from .part import Part

WHY = "PyTorch has none"
SAME, OTHER, WIDER = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 6)


def linear(module, x):
    return x @ module.weight.data.T + module.bias.data


def product(results):
    return results[0] * results[1]


PARTS = [
    Part("Residual", (SAME,), inputs=((2, 4),), alone=WHY,
         reference=lambda m, x: linear(m.body, x) + x),
    Part("Residual", (SAME, OTHER), inputs=((3, 2, 4),), alone=WHY,
         reference=lambda m, x: linear(m.body, x) + linear(m.shortcut, x)),
    Part("Parallel", (SAME, WIDER), inputs=((2, 4),), alone=WHY,
         reference=lambda m, x: np.concatenate([linear(b, x) for b in m], 1)),
    Part("Parallel", (SAME, nn.Identity()), {"axis": -2}, ((3, 2, 4),), alone=WHY,
         reference=lambda m, x: np.concatenate([linear(m[0], x), x], 1)),
    Part("Parallel", (SAME, OTHER), {"merge": "sum"}, ((2, 4),), alone=WHY,
         reference=lambda m, x: sum(linear(b, x) for b in m)),
    Part("Parallel", (SAME, OTHER), {"merge": product}, ((2, 4),), alone=WHY,
         reference=lambda m, x: linear(m[0], x) * linear(m[1], x)),
]  # fmt: skip
