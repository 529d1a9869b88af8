"""The networks that are measured beside PyTorch, written once for both, and how they are trained.

Their initial state, drawn once by this library, goes into both; the batches are noise.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np

from demos import zoo

# Not Adam: where a gradient is rounding error alone, as that of an attention's key bias, Adam makes
# full steps of it, and first steps could not be compared.
SGD = {"lr": 0.01, "momentum": 0.9}


def lstm(lib, concatenate):
    """One layer of 128, classified by its last state."""

    class Classifier(lib.Module):
        def __init__(self):
            super().__init__()
            self.lstm = lib.LSTM(128, 128, batch_first=True)
            self.head = lib.Linear(128, 10)

        def forward(self, x):
            _, (h, _) = self.lstm(x)
            return self.head(h[-1])

    return Classifier()


def transformer(lib, concatenate):
    """Four layers of encoder: d 128, 8 heads, 512 hidden, no dropout; averaged over time."""

    class Encoder(lib.Module):
        def __init__(self):
            super().__init__()
            layer = lib.TransformerEncoderLayer(128, 8, 512, dropout=0.0, batch_first=True)
            self.encoder = lib.TransformerEncoder(layer, 4, enable_nested_tensor=False)
            self.head = lib.Linear(128, 10)

        def forward(self, x):
            return self.head(self.encoder(x).mean(1))

    return Encoder()


@dataclass(frozen=True)
class Twin:
    """A network, where it begins, and what it is trained on."""

    build: Callable[[Any, Any], Any]
    state: dict[str, np.ndarray]
    batches: list[tuple[np.ndarray, np.ndarray]]
    data: str = "noise"
    loss: str = "softmax"

    @property
    def layers(self) -> list[tuple[np.ndarray, ...]]:
        """The parameters at the beginning, each by itself."""
        return [(value,) for value in self.state.values()]


def twin(build: Callable[[Any, Any], Any], *shape: int) -> Callable[[], Twin]:
    """The problem of training a network on batches of this shape, with 10 classes."""

    def problem() -> Twin:
        import autodiff as ad
        import nn

        ad.manual_seed(0)
        state = build(nn, ad.concatenate).state_dict()
        rng = np.random.default_rng(0)
        batches = [
            (rng.standard_normal(shape, dtype=np.float32), rng.integers(0, 10, shape[0]))
            for _ in range(4)
        ]
        return Twin(build, {name: np.array(t.data) for name, t in state.items()}, batches)

    return problem


class Training:
    """Steps of gradient descent in either library."""

    def __init__(self, problem: Twin, lib: Any, package: Any, optimizer: Any) -> None:
        concatenate = getattr(package, "concatenate", None) or package.cat
        self.model = problem.build(lib, concatenate)
        self.model.load_state_dict({k: package.tensor(v) for k, v in problem.state.items()})
        self.loss = lib.functional.cross_entropy
        self.optimizer = optimizer(self.model.parameters(), **SGD)
        batches = [(package.tensor(x), package.tensor(y)) for x, y in problem.batches]
        self.batches = cycle(batches)

    def step(self) -> Any:
        x, y = next(self.batches)
        self.optimizer.zero_grad()
        loss = self.loss(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def layers(self) -> list[tuple[np.ndarray, ...]]:
        return [(np.array(t.detach().numpy()),) for t in self.model.state_dict().values()]

    def wait(self) -> None:
        pass


NETWORKS = {
    "lenet5": ("LeNet-5, batch 100, SGD", twin(zoo.lenet5, 100, 1, 28, 28)),
    "cnn": ("CNN 32-64, batch 100, SGD", twin(zoo.cnn, 100, 1, 28, 28)),
    "lstm": ("LSTM 128, sequence 64, batch 32, SGD", twin(lstm, 32, 64, 128)),
    "transformer": (
        "transformer encoder, 4 layers, d 128, 8 heads, sequence 64, batch 16, SGD",
        twin(transformer, 16, 64, 128),
    ),
}
