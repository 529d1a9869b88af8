"""HIPS autograd."""

from itertools import cycle

import autograd.numpy as anp
import numpy as np
from autograd import make_vjp, value_and_grad

from benchmarks.contenders.numpy_optimizers import OPTIMIZERS
from benchmarks.problems import Problem


def sigmoid(z):
    return 1 / (1 + anp.exp(-z))


def relu(z):
    return anp.maximum(z, 0)


def bce(z, y):
    return anp.mean(anp.maximum(z, 0) - z * y + anp.log1p(anp.exp(-anp.abs(z))))


def softmax(z, y):
    z = z - anp.max(z, axis=1, keepdims=True)
    total = anp.log(anp.sum(anp.exp(z), axis=1))
    return anp.mean(total - z[anp.arange(len(y)), y])


LOSSES = {"bce": bce, "softmax": softmax}
ACTIVATIONS = {"sigmoid": sigmoid, "relu": relu}


class Network:
    """Training with a function of the weights; autograd has no modules."""

    def __init__(self, problem: Problem) -> None:
        activation = ACTIVATIONS[problem.activation]
        loss_of = LOSSES[problem.loss]

        def loss(weights, x, y):
            for w, b in weights[:-1]:
                x = activation(anp.dot(x, w) + b)
            w, b = weights[-1]
            return loss_of(anp.dot(x, w) + b, y)

        self.value_and_grad = value_and_grad(loss)
        self.weights = [(w.copy(), b.copy()) for w, b in problem.layers]
        flat = [p for pair in self.weights for p in pair]
        self.update = OPTIMIZERS[problem.optimizer](flat, problem.lr)
        self.batches = cycle(problem.batches)

    def step(self):
        loss, gradients = self.value_and_grad(self.weights, *next(self.batches))
        self.update([g for pair in gradients for g in pair])
        return loss

    def layers(self):
        return [(w.copy(), b.copy()) for w, b in self.weights]

    def wait(self):
        pass


def chain(x, c, n):
    """``x + c``, n times, forward and backward."""
    seed = np.ones_like(x)

    def added(y):
        for _ in range(n):
            y = y + c
        return y

    def step():
        vjp, _ = make_vjp(added)(x)
        vjp(seed)

    return step


build = Network
