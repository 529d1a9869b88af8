"""
A class that teaches nothing
============================

The gradient of an activation still has the batch axis: what each example sends back is there.
Here the loss gives the digit 7 a weight of one in a thousand, as a mistake in a list of class
weights may, and the graph says so.
"""

import autodiff as ad
import nn
import viz

ad.manual_seed(0)
digits, _ = nn.datasets.digits()
images, labels = next(iter(nn.data.DataLoader(digits, 256, shuffle=True, seed=0)))
model = nn.Sequential(
    nn.Flatten(), nn.Linear(64, 32, weight_init="he_normal"), nn.ReLU(), nn.Linear(32, 10)
)
weights = ad.ones(10)
weights[7] = 1e-3
loss = nn.functional.cross_entropy(model(images), labels, weight=weights)
graph = viz.graph(loss, model=model, by=labels.numpy())

# %%
# A node prints in which range the examples' gradients lie, from the 5th percentile to the 95th,
# and a strip with one sign for each class, 0 to 9: the low one is the 7. The table has the
# numbers.

print(next(said for said in graph.verdicts if said.startswith("class")))
row = graph.by["3.linear"]
print(", ".join(f"{digit}: {rms:.1e}" for digit, rms in row.rms.items()))
assert min(row.rms, key=row.rms.get) == 7 and row.rms[7] < 0.01 * row.median

# %%
# ``facet`` draws one class by itself, on the scale of the whole batch: its activations are
# blue.

seven = graph.facet(7)
