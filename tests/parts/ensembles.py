"""Ensembles; tests/test_ensembles.py has votes, which have no gradient."""

import numpy as np

import nn

from .part import Part

WHY = "PyTorch has none"
ONE, TWO, THREE = (nn.Linear(4, 3) for _ in range(3))


def softmax(x, axis=-1):
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)


def results(ensemble, x):
    return [x @ member.weight.data.T + member.bias.data for member in ensemble]


PARTS = [
    Part("Ensemble", (ONE, TWO, THREE), {}, ((5, 4),), alone=WHY,
         reference=lambda m, x: np.log(np.mean([softmax(y) for y in results(m, x)], 0))),
    Part("Ensemble", (ONE, TWO), {"axis": 1}, ((5, 2, 4),), alone=WHY,
         reference=lambda m, x: np.log(np.mean([softmax(y, 1) for y in results(m, x)], 0))),
    Part("Ensemble", (ONE, TWO), {"average": "logits"}, ((5, 4),), alone=WHY,
         reference=lambda m, x: np.mean(results(m, x), 0)),
]  # fmt: skip
