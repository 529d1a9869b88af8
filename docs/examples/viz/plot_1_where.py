"""
Where the gradient is lost
==========================

A residual network with sigmoids in its branches, beside the same network without skips: which
ops take the gradient, and by which way does it arrive all the same?
"""

import autodiff as ad
import nn
import viz

ad.manual_seed(0)
x, y = ad.random.normal((64, 16)), ad.random.normal((64, 1))


class Block(nn.Module):
    """A linear layer and a sigmoid, beside a skip or without one."""

    def __init__(self, skip):
        self.linear = nn.Linear(16, 16, weight_init="lecun_normal")
        self.skip = skip

    def forward(self, x):
        branch = ad.sigmoid(self.linear(x))
        return x + branch if self.skip else branch


def network(skip):
    """Four blocks and a last layer; the same seed for both."""
    ad.manual_seed(1)
    return nn.Sequential(*[Block(skip) for _ in range(4)], nn.Linear(16, 1))


plain = network(skip=False)
plain_loss = nn.functional.mse_loss(plain(x), y)
gain = viz.graph(plain_loss, model=plain, mode="gain")

# %%
# An arrow's number is what its op makes of the gradient on its way back: the sigmoids multiply
# it by less than 1/4 (blue), the linear layers between them hardly change it (grey). The
# sentence above the picture adds them up, and ``bottlenecks`` names the worst.

print(*gain.verdicts, sep="\n")
print(*gain.bottlenecks(3), sep="\n")
assert all("sigmoid" in edge.name and edge.gain < 0.25 for edge in gain.bottlenecks(3))

# %%
# With skips
# ----------
# Where a tensor is read twice, its arrows say which share of its gradient each use sends. Most
# of it comes by the skips (×1 on their arrows) and the rest by the branches, so the first block
# receives about as much as the last.

residual = network(skip=True)
residual_loss = nn.functional.mse_loss(residual(x), y)
skips = viz.graph(residual_loss, model=residual, mode="gain")
print(*skips.verdicts, sep="\n")
shares = [e.share for e in skips.edges if e.op == "add" and e.share < 1]
print("by the skips:", ", ".join(f"{s:.0%}" for s in shares))
blocks = {n.name: n.rms for n in skips.nodes if n.op == "add"}
print("each block receives:", ", ".join(f"{rms:.2f}" for rms in blocks.values()))
assert min(shares) > 0.7 and max(blocks.values()) < 3 * min(blocks.values())
