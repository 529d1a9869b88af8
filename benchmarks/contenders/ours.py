"""This library, as an ordinary user writes it."""

from itertools import cycle

import numpy as np

import autodiff as ad
import nn
from benchmarks import networks
from benchmarks.contenders import scalar_mlp
from benchmarks.problems import Problem

LOSSES = {
    "bce": nn.functional.binary_cross_entropy_with_logits,
    "softmax": nn.functional.cross_entropy,
}
OPTIMIZERS = {"sgd": nn.optim.SGD, "adam": nn.optim.Adam}
ACTIVATIONS = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU}


class Network:
    """Training with modules and an optimizer."""

    def __init__(self, problem: Problem) -> None:
        parts = []
        for n, m in zip(problem.sizes, problem.sizes[1:]):
            parts += [nn.Linear(n, m), ACTIVATIONS[problem.activation]()]
        self.model = nn.Sequential(*parts[:-1])
        self.linears = parts[::2]
        for linear, (w, b) in zip(self.linears, problem.layers):
            linear.weight.data = w.T.copy()
            linear.bias.data = b.copy()
        self.loss = LOSSES[problem.loss]
        self.optimizer = OPTIMIZERS[problem.optimizer](self.model.parameters(), lr=problem.lr)
        self.batches = cycle([(ad.tensor(x), ad.tensor(y)) for x, y in problem.batches])

    def step(self):
        x, y = next(self.batches)
        self.optimizer.zero_grad()
        loss = self.loss(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss

    def layers(self):
        return [(np.array(p.weight.data).T, np.array(p.bias.data)) for p in self.linears]

    def wait(self):
        pass


def build_scalar(problem):
    """micrograd's demo in scalar mode."""
    return scalar_mlp.Network(problem, ad.Scalar, inputs=float, gradient=lambda p: p.grad.data)


def chain(x, c, n):
    """``x + c``, n times, forward and backward."""
    leaf = ad.tensor(x, requires_grad=True)
    seed = ad.tensor(np.ones_like(x))

    def step():
        leaf.grad = None
        y = leaf
        for _ in range(n):
            y = y + c
        y.backward(seed)

    return step


def build(problem):
    """A plain network, or one of `benchmarks.networks`."""
    if isinstance(problem, networks.Twin):
        return networks.Training(problem, nn, ad, nn.optim.SGD)
    return Network(problem)
