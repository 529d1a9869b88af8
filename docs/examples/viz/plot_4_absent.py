"""
No gradient, and numbers that are none
======================================

A parameter that the loss does not depend on is drawn as a ghost, with the reason. Inside
``viz.record()`` the forward pass is noted too, so that the reason names the line.
"""

import numpy as np

import autodiff as ad
import nn
import viz


class Net(nn.Module):
    """A network with four mistakes."""

    def __init__(self):
        self.first = nn.Linear(4, 8)
        self.frozen = nn.Linear(8, 8)
        self.unused = nn.Linear(8, 8)
        self.detached = nn.Linear(8, 8)
        self.silent = nn.Linear(8, 8)
        self.last = nn.Linear(8, 1)
        for parameter in self.frozen.parameters():
            parameter.requires_grad = False

    def forward(self, x):
        h = ad.relu(self.frozen(self.first(x)))
        with ad.no_grad():
            quiet = self.silent(h)
        return self.last(h + quiet + self.detached(h).detach())


ad.manual_seed(0)
net = Net()
with viz.record():
    loss = net(ad.random.normal((16, 4))).mean()
ghosts = viz.graph(loss, model=net)

# %%
# Dotted is what has no gradient: eight of the twelve parameters. Two are frozen, and that may
# be meant; the others are mistakes of three kinds, told apart.

for said in ghosts.verdicts:
    print(said)
assert sum(n.state == "absent" for n in ghosts.nodes) == 8

# %%
# The first number that is not finite
# -----------------------------------
# ``log`` of a ReLU: every unit that is off gives minus infinity. Magenta is what was poisoned
# from there, and ``first_bad`` names the op, its line and what went into it, forward and
# backward.

small = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
with viz.record(), np.errstate(all="ignore"):
    loss = ad.log(small(ad.random.normal((16, 4)))).sum(axis=1).mean()
    poisoned = viz.graph(loss, model=small)
bad = poisoned.first_bad()
print(bad)
assert bad.forward.op == bad.backward.op == "log"
