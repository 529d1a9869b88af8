"""The vanishing gradient of a textbook: its published numbers, from the labels of our graphs.

Michael Nielsen, "Neural Networks and Deep Learning", chapter 5, prints the norm of the mean of
dC/dz of every hidden layer at initialization, for one draw of the weights. The mean of dC/dz over
the examples is the gradient of the bias.
"""

import os
from pathlib import Path

import numpy as np
import pytest

import autodiff as ad
import nn
import viz
from nn import datasets

SEEDS = 20
PUBLISHED = {  # by the number of hidden layers; mnielsen/neural-networks-and-deep-learning, fig/
    2: (0.0657, 0.3092),
    3: (0.0118, 0.0600, 0.2831),
    4: (0.0030, 0.0171, 0.0695, 0.2851),
}


def network(hidden, seed):
    """Sigmoid layers: weights from N(0, 1 / inputs), biases from N(0, 1)."""
    sizes = (784, *[30] * hidden, 10)
    random = np.random.default_rng(seed)
    parts = []
    for n, m in zip(sizes, sizes[1:], strict=False):
        layer = nn.Linear(n, m).double()
        layer.bias.data[...] = random.normal(size=m)
        layer.weight.data[...] = random.normal(size=(m, n)) / n**0.5
        parts += [layer, nn.Sigmoid()]
    return nn.Sequential(*parts[:-1])  # the last sigmoid is part of the loss


def norms(hidden, seed, images, digits):
    """The L2 label of each hidden layer's bias."""
    net = network(hidden, seed)
    loss = nn.functional.binary_cross_entropy_with_logits(net(images), digits, reduction="sum")
    graph = viz.graph(loss / len(images), model=net)
    at = {n.name: n.l2 for n in graph.nodes}
    return [at[f"{2 * i}.bias"] for i in range(hidden)]


@pytest.mark.slow
@pytest.mark.skipif(
    not (Path(os.environ.get("AUTODIFF_DATA", "")) / "mnist").is_dir(),
    reason="set AUTODIFF_DATA to a directory with mnist/*.gz",
)
@pytest.mark.parametrize("hidden", PUBLISHED)
def test_the_published_norms_lie_among_those_of_twenty_draws(hidden):
    train, _ = datasets.mnist()
    images = ad.tensor(train.images[:1000].reshape(1000, 784) / 255.0)
    digits = ad.tensor(np.eye(10)[train.labels[:1000]])
    found = np.array([norms(hidden, seed, images, digits) for seed in range(SEEDS)])
    published = np.array(PUBLISHED[hidden])
    middle, low, high = np.median(found, 0), found.min(0), found.max(0)
    print(f"\n{hidden} hidden layers: published {published}")
    for name, row in (("median", middle), ("least", low), ("largest", high)):
        print(f"{name:>28} {np.array2string(row, precision=4, suppress_small=True)}")
    logs = np.log10(found)
    print(f"{'deviations from the mean':>28} {(np.log10(published) - logs.mean(0)) / logs.std(0)}")
    assert np.all((low <= published) & (published <= high))
    shrinks = (found[:, 1:] / found[:, :-1]).ravel()
    assert 3 < np.median(shrinks) < 6  # "four to five times a layer"
