"""
Through training, and a cure that was tried
===========================================

The numbers of the graph at every step of a training run, in one picture; then a diagnosis, and
the remedy tried on a copy before it is recommended.
"""

import os
import tempfile
from pathlib import Path

import autodiff as ad
import nn
import viz

digits, _ = nn.datasets.digits()
loader = nn.data.DataLoader(digits, 64, shuffle=True, seed=0)
images, classes = next(iter(loader))


def network(activation, weights, seed=0):
    """Eight hidden layers."""
    random = ad.random.Generator(seed)
    layers = [nn.Flatten()]
    for n_in in [64, *[16] * 7]:
        layers += [nn.Linear(n_in, 16, weight_init=weights, generator=random), activation()]
    return nn.Sequential(*layers, nn.Linear(16, 10, generator=random))


def loss_of(model):
    """Of the first batch."""
    return nn.functional.cross_entropy(model(images), classes)


def trained(model, epochs=6):
    """Train it while a recorder watches."""
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    with viz.watch(model, every=2, optimizer=optimizer) as recorder:
        for _ in range(epochs):
            for x, y in loader:
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(x), y).backward()
                optimizer.step()
    return recorder


stuck = network(nn.Sigmoid, "lecun_normal")
recorder = trained(stuck)
heatmap = recorder.heatmap(reference=1e-3)

# %%
# A row is a layer, the first on top; a column is a step. The dark band on top does not move:
# after six epochs the first layers have still heard nothing, and the last one has.

sizes = recorder.series("rms", by="parameter")
first, last = sizes["1.weight"][-1], sizes["17.weight"][-1]
print(f"after {recorder.steps[-1]} steps: first layer {first:.1e}, last layer {last:.1e}")
assert first < 1e-4 * last

# %%
# The diagnosis names the cause with its numbers and tries the first remedy on a copy, ten steps
# with the same batch. Before and after, as graphs:

finding = viz.diagnose(loss_of, network(nn.Sigmoid, "lecun_normal"))[0]
trial = finding.try_fix()
print(finding, trial, sep="\n\n")
assert trial.cured
before = trial.before.graph

# %%
# The same after the remedy: the colours are within a decade or two of each other.

after = trial.after.graph

# %%
# For a paper: profiles of five draws of the weights for each network, the line their median and
# the band from the smallest to the largest.


def draws(activation, weights):
    """Graphs of five networks that differ in their seed."""
    models = [network(activation, weights, seed) for seed in range(5)]
    return [viz.graph(loss_of(model), model=model) for model in models]


figure = viz.profile_figure(
    {"sigmoid": draws(nn.Sigmoid, "lecun_normal"), "ReLU": draws(nn.ReLU, "he_normal")}
)

# %%
# As text; in a terminal it is a tree of the modules, in the same colours:

print(before)

# %%
# Everything of the run in one file that works offline: `the report <../../report.html>`_. And,
# with controls for depth, activation, weights, skips and normalization: `the lesson on the
# vanishing gradient <../../lesson.html>`_.

pages = Path(os.environ.get("DOCS_PAGES") or tempfile.mkdtemp())
recorder.report(pages / "report.html")
viz.lesson("vanishing", pages / "lesson.html")
