"""
A neuron by hand
================

A neuron multiplies its inputs by weights, adds a bias and bends the sum. In scalar mode every
number on the way can be looked at.
"""

import math

import autodiff as ad
import viz

x1, x2 = ad.Scalar(0.5, name="x1"), ad.Scalar(-1.0, name="x2")
w1, w2 = ad.Scalar(0.8, name="w1"), ad.Scalar(-0.3, name="w2")
b = ad.Scalar(0.1, name="b")

y = ad.tanh(w1 * x1 + w2 * x2 + b)
graph = viz.scalar_graph(y)
print(graph)

# %%
# The gradient of a number says how fast the result changes with it. ``backward`` leaves it in
# ``.grad``. By hand, with the chain rule: the derivative of ``tanh`` is one minus its square, and
# that of a product with respect to a weight is the weight's input.

y.backward()
slope = 1 - math.tanh(0.8 * 0.5 + -0.3 * -1.0 + 0.1) ** 2
for name, by_hand, found in (
    ("b", slope, b.grad),
    ("w1", slope * 0.5, w1.grad),
    ("w2", slope * -1.0, w2.grad),
    ("x1", slope * 0.8, x1.grad),
    ("x2", slope * -0.3, x2.grad),
):
    assert math.isclose(by_hand, found.item(), rel_tol=1e-12)
    print(f"{name:3} by hand {by_hand:9.6f}   backward() {found.item():9.6f}")

# %%
# A small step against the gradient makes the result smaller:

with ad.no_grad():
    for parameter in (w1, w2, b):
        parameter -= 0.1 * parameter.grad
lower = ad.tanh(w1 * x1 + w2 * x2 + b)
assert lower.item() < y.item()
print(f"{y.item():.4f} -> {lower.item():.4f}")
