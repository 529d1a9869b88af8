"""
A neuron by hand
================

A `Scalar` is a float that remembers how it was computed.
"""

import autodiff as ad
import viz

x, w, b = ad.Scalar(0.5, name="x"), ad.Scalar(-2.0, name="w"), ad.Scalar(0.25, name="b")
y = ad.tanh(w * x + b)
graph = viz.scalar_graph(y)
print(graph)
