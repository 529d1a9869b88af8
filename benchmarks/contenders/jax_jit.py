"""JAX: the whole step, update included, is one compiled function that reuses its buffers."""

from functools import partial
from itertools import cycle

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.problems import Problem

ACTIVATIONS = {"sigmoid": jax.nn.sigmoid, "relu": jax.nn.relu}


def bce(z, y):
    return jnp.mean(jnp.maximum(z, 0) - z * y + jnp.log1p(jnp.exp(-jnp.abs(z))))


def softmax(z, y):
    chosen = jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1)
    return -jnp.mean(chosen)


def sgd(lr, weights, gradients, state):
    return jax.tree.map(lambda w, g: w - lr * g, weights, gradients), state


def adam(lr, weights, gradients, state):
    t, m, v = state
    t = t + 1
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradients)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradients)
    c1, c2 = 1 - 0.9**t, 1 - 0.999**t
    new = jax.tree.map(lambda w, m, v: w - lr * (m / c1) / (jnp.sqrt(v / c2) + 1e-8), weights, m, v)
    return new, (t, m, v)


LOSSES = {"bce": bce, "softmax": softmax}
UPDATES = {"sgd": sgd, "adam": adam}


class Network:
    """Training with one jitted function."""

    def __init__(self, problem: Problem) -> None:
        activation = ACTIVATIONS[problem.activation]
        loss_of, update = LOSSES[problem.loss], UPDATES[problem.optimizer]

        def loss(weights, x, y):
            for w, b in weights[:-1]:
                x = activation(x @ w + b)
            w, b = weights[-1]
            return loss_of(x @ w + b, y)

        @partial(jax.jit, donate_argnums=(0, 1))
        def step(weights, state, x, y):
            value, gradients = jax.value_and_grad(loss)(weights, x, y)
            return value, *update(problem.lr, weights, gradients, state)

        self.train = step
        self.weights = [(jnp.array(w), jnp.array(b)) for w, b in problem.layers]
        # Copies: a buffer may be given away once only.
        zeros = [jax.tree.map(jnp.zeros_like, self.weights) for _ in range(2)]
        self.state = (jnp.float32(0), *zeros) if problem.optimizer == "adam" else ()
        self.batches = cycle([(jnp.array(x), jnp.array(y)) for x, y in problem.batches])

    def step(self):
        x, y = next(self.batches)
        loss, self.weights, self.state = self.train(self.weights, self.state, x, y)
        return loss

    def layers(self):
        return [(np.array(w), np.array(b)) for w, b in self.weights]

    def wait(self):
        jax.block_until_ready((self.weights, self.state))


build = Network
