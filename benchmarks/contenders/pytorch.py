"""PyTorch, eager mode."""

from functools import partial
from itertools import cycle

import torch
from torch import nn

from benchmarks import networks
from benchmarks.problems import Problem

LOSSES = {
    "bce": nn.functional.binary_cross_entropy_with_logits,
    "softmax": nn.functional.cross_entropy,
}
OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
ACTIVATIONS = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU}


class Network:
    """Training with modules and an optimizer."""

    def __init__(self, problem: Problem, **options) -> None:
        parts = []
        for n, m in zip(problem.sizes, problem.sizes[1:]):
            parts += [nn.Linear(n, m), ACTIVATIONS[problem.activation]()]
        self.model = nn.Sequential(*parts[:-1])
        self.linears = parts[::2]
        with torch.no_grad():
            for linear, (w, b) in zip(self.linears, problem.layers):
                linear.weight.copy_(torch.from_numpy(w.T.copy()))
                linear.bias.copy_(torch.from_numpy(b))
        self.loss = LOSSES[problem.loss]
        optimizer = OPTIMIZERS[problem.optimizer]
        self.optimizer = optimizer(self.model.parameters(), lr=problem.lr, **options)
        self.batches = cycle([(torch.tensor(x), torch.tensor(y)) for x, y in problem.batches])

    def step(self):
        x, y = next(self.batches)
        self.optimizer.zero_grad()
        loss = self.loss(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def layers(self):
        return [
            (p.weight.detach().numpy().T.copy(), p.bias.detach().numpy().copy())
            for p in self.linears
        ]

    def wait(self):
        pass


def chain(x, c, n):
    """``x + c``, n times, forward and backward."""
    leaf = torch.tensor(x, requires_grad=True)
    c = c if isinstance(c, float) else torch.tensor(c)
    seed = torch.ones_like(leaf)

    def step():
        leaf.grad = None
        y = leaf
        for _ in range(n):
            y = y + c
        y.backward(seed)

    return step


def build(problem, **options):
    """A plain network, or one of `benchmarks.networks`; options go to the optimizer."""
    if isinstance(problem, networks.Twin):
        return networks.Training(problem, nn, torch, partial(torch.optim.SGD, **options))
    return Network(problem, **options)
