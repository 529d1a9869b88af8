"""Boltzmann machines, on their way up; tests/test_boltzmann.py has the rest."""

import numpy as np

from .part import Part

UP = {"alone": "PyTorch has none", "idle": "visible_bias"}


def up(rbm, v):
    return 1 / (1 + np.exp(-(v @ rbm.weight.data.T + rbm.hidden_bias.data)))


def all_up(dbn, v):
    for rbm in dbn:
        v = up(rbm, v)
    return v


PARTS = [
    Part("RBM", (4, 3), {"weight_init": "xavier_normal"}, ((5, 4),), **UP, reference=up),
    Part("RBM", (4, 3), {"units": "gaussian"}, ((2, 4),), **UP, reference=up),
    Part("DBN", ([4, 3, 2],), {"weight_init": "lecun_normal"}, ((5, 4),), **UP, reference=all_up),
]
