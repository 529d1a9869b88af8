"""
The vanishing gradient, in two pictures
=======================================

Two networks of the same depth see the same digits for the first time. The derivative of a sigmoid
is at most 1/4, so that every layer takes away most of the gradient; ReLU, with the weights of He et
al. (2015), lets it pass. ``python -m demos.vanishing`` trains both.
"""

import math

import matplotlib.pyplot as plt

import autodiff as ad
import nn
import viz

DEPTH, WIDTH = 4, 16


def network(activation, weights):
    """A deep network; the same seed for both."""
    random = ad.random.Generator(0)
    sizes = [64, *[WIDTH] * DEPTH, 10]
    layers = [nn.Flatten()]
    for n_in, n_out in zip(sizes, sizes[1:]):
        layers += [nn.Linear(n_in, n_out, weight_init=weights, generator=random), activation()]
    return nn.Sequential(*layers[:-1])


digits, _ = nn.datasets.digits()
images, classes = next(iter(nn.data.DataLoader(digits, 128, shuffle=True, seed=0)))

healthy = network(nn.ReLU, "he_normal")
loss = nn.functional.cross_entropy(healthy(images), classes)
relu = viz.graph(loss, model=healthy)

# %%
# The same with sigmoids, on the scale of the first picture: the bluer, the less is left.

stuck = network(nn.Sigmoid, "lecun_normal")
loss = nn.functional.cross_entropy(stuck(images), classes)
scale = math.sqrt(math.prod(relu.references.values()))
sigmoid = viz.graph(loss, model=stuck, reference=scale)

# %%
# The weights of each layer, from the first to the last:

print(f"decades lost: ReLU {relu.decades_lost:.1f}, sigmoid {sigmoid.decades_lost:.1f}")
assert sigmoid.decades_lost > relu.decades_lost + 2


def weights(graph):
    """The size of the gradient of every weight."""
    return [n.rms for n in graph.nodes if n.name.endswith("weight")]


figure, axes = plt.subplots(figsize=(6, 3.5))
for name, graph in (("ReLU", relu), ("sigmoid", sigmoid)):
    axes.semilogy(range(1, DEPTH + 2), weights(graph), "o-", label=name)
axes.set(xlabel="layer", ylabel="RMS of the weight's gradient", xticks=range(1, DEPTH + 2))
axes.legend()
figure.tight_layout()
