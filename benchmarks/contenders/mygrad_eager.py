"""MyGrad, with its guard of array memory off, which its documentation advises for speed."""

from itertools import cycle

import mygrad as mg
import numpy as np
from mygrad.nnet.activations import relu, sigmoid
from mygrad.nnet.losses import softmax_crossentropy

from benchmarks.contenders.numpy_optimizers import OPTIMIZERS
from benchmarks.problems import Problem

mg.turn_memory_guarding_off()


def bce(z, y):
    return mg.mean(mg.maximum(z, 0) - z * y + mg.log1p(mg.exp(-mg.absolute(z))))


LOSSES = {"bce": bce, "softmax": softmax_crossentropy}
ACTIVATIONS = {"sigmoid": sigmoid, "relu": relu}


class Network:
    """Training with tensors; MyGrad has neither modules nor optimizers."""

    def __init__(self, problem: Problem) -> None:
        self.weights = [(mg.tensor(w), mg.tensor(b)) for w, b in problem.layers]
        self.flat = [p for pair in self.weights for p in pair]
        self.activation = ACTIVATIONS[problem.activation]
        self.loss = LOSSES[problem.loss]
        self.update = OPTIMIZERS[problem.optimizer]([p.data for p in self.flat], problem.lr)
        self.batches = cycle(problem.batches)

    def step(self):
        x, y = next(self.batches)
        for w, b in self.weights[:-1]:
            x = self.activation(x @ w + b)
        w, b = self.weights[-1]
        loss = self.loss(x @ w + b, y)
        loss.backward()  # clears the gradients of the step before
        self.update([p.grad for p in self.flat])
        return loss

    def layers(self):
        return [(w.data.copy(), b.data.copy()) for w, b in self.weights]

    def wait(self):
        pass


def chain(x, c, n):
    """``x + c``, n times, forward and backward."""
    leaf = mg.tensor(x)
    seed = np.ones_like(x)

    def step():
        y = leaf
        for _ in range(n):
            y = y + c
        y.backward(seed)

    return step


build = Network
