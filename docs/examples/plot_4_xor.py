"""
XOR
===

"One or the other, but not both" cannot be told by one line through the plane, hence not by one
neuron. A hidden layer of four can.
"""

import matplotlib.pyplot as plt
import numpy as np

import autodiff as ad
import nn

ad.manual_seed(2)
x = ad.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = ad.tensor([[0.0], [1.0], [1.0], [0.0]])

model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
loss_of = nn.BCEWithLogitsLoss()
optimizer = nn.optim.Adam(model.parameters(), lr=0.05)

losses = []
for _ in range(300):
    optimizer.zero_grad()
    loss = loss_of(model(x), y)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

with ad.no_grad():
    answers = ad.sigmoid(model(x)).numpy().ravel()
print("answers:", answers.round(3))
assert np.abs(answers - [0, 1, 1, 0]).max() < 0.1

# %%
# The loss, and what the network answers between the corners:

side = np.linspace(-0.5, 1.5, 101, dtype=np.float32)
grid = np.stack(np.meshgrid(side, side), axis=-1)
with ad.no_grad():
    field = ad.sigmoid(model(ad.tensor(grid))).numpy()[..., 0]

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.5))
left.semilogy(losses)
left.set(xlabel="step", ylabel="loss")
shown = right.contourf(side, side, field, levels=np.linspace(0, 1, 11), cmap="RdBu_r")
right.scatter(*x.numpy().T, c=y.numpy().ravel(), cmap="RdBu_r", edgecolors="black", s=80)
figure.colorbar(shown, label="probability of one")
figure.tight_layout()
