"""What someone who knows NumPy writes when there is no autodiff library: the reference.

The forward pass, the chain rule and the update, each written out once. Arrays are float32
(float64 for the two moons), updates are in place, nothing cleverer.
"""

from itertools import cycle

import numpy as np

from benchmarks.contenders.numpy_optimizers import OPTIMIZERS
from benchmarks.problems import L2, Problem


class Network:
    """A multilayer perceptron in training."""

    def __init__(self, problem: Problem) -> None:
        self.weights = [w.copy() for w, _ in problem.layers]
        self.biases = [b.copy() for _, b in problem.layers]
        self.sigmoid = problem.activation == "sigmoid"
        self.loss = LOSSES[problem.loss]
        self.decay = 2 * L2 if problem.loss == "hinge" else 0.0
        self.update = OPTIMIZERS[problem.optimizer]([*self.weights, *self.biases], problem.lr)
        self.batches = cycle(problem.batches)

    def gradients(self, x, y):
        """The loss, and its derivatives by the weights and by the biases."""
        inputs = []
        for w, b in zip(self.weights[:-1], self.biases[:-1]):
            inputs.append(x)
            z = x @ w + b
            x = 1 / (1 + np.exp(-z)) if self.sigmoid else np.maximum(z, 0)
        inputs.append(x)
        loss, g = self.loss(x @ self.weights[-1] + self.biases[-1], y)

        grad_w, grad_b = [], []
        for i in reversed(range(len(self.weights))):
            grad_w.append(inputs[i].T @ g)
            grad_b.append(g.sum(axis=0))
            if i:
                h = inputs[i]
                g = g @ self.weights[i].T
                g = g * h * (1 - h) if self.sigmoid else g * (h > 0)
        grad_w.reverse()
        grad_b.reverse()
        if self.decay:
            loss += L2 * sum((p * p).sum() for p in [*self.weights, *self.biases])
            grad_w = [g + self.decay * w for g, w in zip(grad_w, self.weights)]
            grad_b = [g + self.decay * b for g, b in zip(grad_b, self.biases)]
        return loss, grad_w, grad_b

    def step(self):
        loss, grad_w, grad_b = self.gradients(*next(self.batches))
        self.update(grad_w + grad_b)
        return loss

    def layers(self):
        return [(w.copy(), b.copy()) for w, b in zip(self.weights, self.biases)]

    def wait(self):
        pass


def bce(z, y):
    """Binary cross-entropy of logits, in the form that cannot overflow."""
    e = np.exp(-np.abs(z))
    loss = (np.maximum(z, 0) - z * y + np.log1p(e)).mean()
    p = np.where(z >= 0, 1, e) / (1 + e)
    return loss, (p - y) / z.size


def softmax(z, y):
    """Cross-entropy of logits with class numbers."""
    n = np.arange(len(y))
    z = z - z.max(axis=1, keepdims=True)
    e = np.exp(z)
    total = e.sum(axis=1, keepdims=True)
    loss = (np.log(total[:, 0]) - z[n, y]).mean()
    g = e / total
    g[n, y] -= 1
    g /= len(y)
    return loss, g


def hinge(z, y):
    """``max(0, 1 - y z)``."""
    margin = np.maximum(1 - y[:, None] * z, 0)
    return margin.mean(), -y[:, None] * (margin > 0) / len(y)


LOSSES = {"bce": bce, "softmax": softmax, "hinge": hinge}
build = build_scalar = Network
