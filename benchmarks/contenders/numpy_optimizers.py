"""SGD and Adam in plain NumPy, for the contenders that bring no optimizer of their own."""

import numpy as np


class SGD:
    """``w -= lr * g``."""

    def __init__(self, weights, lr):
        self.weights, self.lr = weights, lr

    def __call__(self, gradients):
        for w, g in zip(self.weights, gradients):
            w -= self.lr * g


class Adam:
    """Kingma and Ba (2015), algorithm 1, with the usual constants."""

    def __init__(self, weights, lr):
        self.weights, self.lr, self.t = weights, lr, 0
        self.m = [np.zeros_like(w) for w in weights]
        self.v = [np.zeros_like(w) for w in weights]

    def __call__(self, gradients):
        self.t += 1
        c1, c2 = 1 - 0.9**self.t, 1 - 0.999**self.t
        for w, g, m, v in zip(self.weights, gradients, self.m, self.v):
            m *= 0.9
            m += 0.1 * g
            v *= 0.999
            v += 0.001 * (g * g)
            w -= self.lr / c1 * m / (np.sqrt(v / c2) + 1e-8)


OPTIMIZERS = {"sgd": SGD, "adam": Adam}
