"""
How the engine works
====================

Every op that is called on a `Scalar` or a `Tensor` leaves a node behind: which op it was, where its
operands came from, and the few values that its derivative needs. ``backward`` walks from the result
to the beginnings and multiplies derivatives on the way.
"""

import autodiff as ad
import viz

# %%
# The record
# ----------
# A node knows its op and its parents, one for each operand that carries a gradient. What it keeps
# is what the op's rules read: ``multiply`` keeps the factors, ``add`` keeps nothing, ``exp`` its
# result.

x = ad.Scalar(1.5, name="x")
y = ad.Scalar(2.0, name="y")
product = x * y
total = product + x
result = ad.exp(-total)

node = result.node
while node.parents:
    print(f"{node.op.name:9} saved {len(node.saved)} value(s), {len(node.parents)} parent(s)")
    node = node.parents[0]
record = viz.scalar_graph(result)

# %%
# The walk
# --------
# The walk starts with 1, the gradient of the result with respect to itself. It takes a node when
# all that used the node's result have been taken, so that its gradient is complete. Here ``x`` is
# used twice, by the product and by the sum, and waits for both. An observer sees every step.


def step(node, g, pulled):
    """Print a node, its gradient, and what it sends to its parents."""
    name = node.op.name if node.op else node.name
    print(f"{name:9} g = {g:8.5f}   sends {[round(p, 5) for p in pulled]}")


ad.gradients(result, observe=step)

# %%
# The two contributions to ``x`` are added: one from the product, and one from the sum.

found = ad.gradients(result, x, retain_graph=True)
by_product, by_sum = -result.item() * y.item(), -result.item()
assert abs(found.item() - (by_product + by_sum)) < 1e-15
print(found)

# %%
# A value that is used twice
# --------------------------
# ``x * x`` is one node with two edges to ``x``, and needs no rule of its own.

square = x * x
assert square.node.parents[0] is square.node.parents[1]
twice = viz.scalar_graph(square)

# %%
# The derivative of a derivative
# ------------------------------
# A rule is made of the same ops. With ``create_graph=True`` it runs on recorded values, and its
# result has a graph like any other. The graph of the slope of ``tanh`` is the formula ``1 - out²``.

z = ad.Scalar(0.7, name="z")
slope = ad.gradients(ad.tanh(z), z, create_graph=True)
slope.name = "slope"
of_slope = viz.scalar_graph(slope)

# %%
# So it can be differentiated again: the second derivative is ``-2 tanh(z) (1 - tanh(z)²)``.

curvature = ad.gradients(slope, z)
t = ad.tanh(0.7)
assert abs(curvature.item() - -2 * t * (1 - t * t)) < 1e-12
print(curvature)

# %%
# Release
# -------
# ``backward`` drops the saved values behind it, and the memory is free before the walk ends. Edges
# stay: a released graph can be drawn, and a second pass says what happened.

result.backward()
assert result.node.released
try:
    result.backward()
except RuntimeError as error:
    print(error)
