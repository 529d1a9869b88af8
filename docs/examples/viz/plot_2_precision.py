"""
Updates that rounding takes away
================================

A gradient may arrive and still change nothing: a float16 has 11 bits, and an update that is
smaller than half of the last one leaves the weight as it was. The mode ``"stall"`` asks the
optimizer for the next update of every entry and counts those that are lost, exactly and without
a threshold.
"""

import autodiff as ad
import nn
import viz


def stalled(dtype, scale=1.0):
    """The same network, loss and optimizer in another dtype."""
    ad.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1)
    ).to(dtype)
    optimizer = nn.optim.SGD(model.parameters(), lr=1e-3)
    x = ad.random.normal((64, 16)).astype(dtype)
    y = ad.random.normal((64, 1)).astype(dtype)
    loss = nn.functional.mse_loss(model(x), y) * scale
    return viz.graph(loss, model=model, mode="stall", optimizer=optimizer)


half = stalled(ad.float16)

# %%
# Of each oval: the share of its entries whose next update is lost. In the weights it is
# most of them. Nothing is wrong with the gradient, as the same network in float32
# shows:

single = stalled(ad.float32)


def share(graph):
    """The share of all entries."""
    known = [n for n in graph.nodes if n.kind == "parameter"]
    return sum(n.stalled * n.size for n in known) / sum(n.size for n in known)


print(f"lost in float16: {share(half):.0%}, in float32: {share(single):.1%}")
assert share(half) > 0.3 and share(single) < 0.01

# %%
# Remedies are master weights in float32 (``nn.optim`` keeps them where ``autocast`` is used), a
# larger learning rate, or, where gradients were flushed to zero, a loss scale.
# :doc:`/nn-mixed-precision` has them.
