"""micrograd's demo, one number at a time: the same program over any class of scalars."""

import numpy as np

from benchmarks.problems import L2, Problem


class Network:
    """2-16-16-1 with ReLU, hinge loss and L2, full batch.

    Parameters
    ----------
    make : callable
        The scalar class of the library under test.
    inputs : callable
        What becomes of an input number: micrograd's demo wraps it once a step.
    gradient : callable
        A parameter's gradient, as a float.
    """

    def __init__(self, problem: Problem, make, *, inputs, gradient) -> None:
        # A layer is its neurons; a neuron is its weights and its bias.
        self.net = [
            [([make(v) for v in w[:, k].tolist()], make(float(b[k]))) for k in range(len(b))]
            for w, b in problem.layers
        ]
        self.parameters = [p for layer in self.net for w, b in layer for p in (*w, b)]
        x, y = problem.batches[0]
        self.x, self.y = x.tolist(), y.tolist()
        self.lr, self.inputs, self.gradient = problem.lr, inputs, gradient

    def score(self, x):
        *hidden, last = self.net
        for layer in hidden:
            x = [sum((wi * xi for wi, xi in zip(w, x)), b).relu() for w, b in layer]
        ((w, b),) = last
        return sum((wi * xi for wi, xi in zip(w, x)), b)

    def step(self):
        scores = [self.score(list(map(self.inputs, row))) for row in self.x]
        losses = [(1 + -yi * score).relu() for yi, score in zip(self.y, scores)]
        loss = sum(losses) * (1 / len(losses)) + L2 * sum(p * p for p in self.parameters)

        self.zero_grad()
        loss.backward()
        for p in self.parameters:
            p.data -= self.lr * self.gradient(p)
        return loss.data

    def zero_grad(self):
        for p in self.parameters:
            p.grad = None

    def layers(self):
        return [
            (
                np.array([[v.data for v in w] for w, _ in layer]).T,
                np.array([b.data for _, b in layer]),
            )
            for layer in self.net
        ]

    def wait(self):
        pass
