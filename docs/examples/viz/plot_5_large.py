"""
Large networks
==============

Parts that repeat are drawn once, with one colour for each copy, so a large network stays one
screen; what is unusual stays in sight.
"""

import autodiff as ad
import nn
import viz

ad.manual_seed(0)
encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, norm_first=True), 12)
tokens = ad.random.normal((4, 6, 32))
target = ad.random.normal((4, 6, 32))
loss = nn.functional.mse_loss(encoder(tokens), target)
blocks = viz.graph(loss, model=encoder)

# %%
# The strip has a cell for each of the twelve blocks, first to last. They differ by two decades at
# most, since the skips of the encoder let the gradient pass. The numbers are the smallest, the
# median and the largest RMS of the tensors inside, and the count says how many are folded away.

box = next(n for n in blocks.drawn.nodes if n.name.startswith("layers.0"))
print(box.title, f"{len(box.members)} tensors")
levels = [cell.level for cell in box.cells]
assert len(levels) == 12 and max(levels) - min(levels) < 2 and len(blocks.nodes) > 300

# %%
# Back through time
# -----------------
# An RNN over sixty steps, with the loss at the end only: each cell of the strip is a step. The
# further back, the bluer: what happened at the beginning has no influence on what is learned.

ad.manual_seed(0)
cell = nn.RNNCell(8, 16)
steps = ad.random.normal((60, 4, 8))
h = ad.zeros((4, 16))
for step in steps:
    h = cell(step, h)
through_time = viz.graph((h**2).mean(), model=cell, max_nodes=30)
print(*through_time.verdicts[:2], sep="\n")
assert any("rnn_step" in said and "loses" in said for said in through_time.verdicts)
