"""A dozen networks, each written once for this library and for PyTorch.

``python -m demos.zoo`` prints the table of each. A builder is given a library of layers, ``nn`` or
``torch.nn``, and its ``concatenate``: a network ports by changing the imports. The tests load one
state into both and train them side by side.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import autodiff as ad
import nn

Build = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Network:
    """A network, and what it takes: shapes without the batch axis."""

    build: Build
    shape: tuple[int, ...]
    classes: int = 10  # 0: what comes in is to come out
    tokens: int = 0  # inputs are integers below this, if not 0


def softmax_regression(lib, concatenate):
    """One layer: logits of classes."""
    return lib.Sequential(lib.Flatten(), lib.Linear(64, 10))


def mlp(lib, concatenate):
    """Two hidden layers."""
    return lib.Sequential(
        lib.Flatten(),
        lib.Linear(64, 32),
        lib.ReLU(),
        lib.Linear(32, 32),
        lib.ReLU(),
        lib.Linear(32, 10),
    )


def deep_mlp(lib, concatenate):
    """Four hidden layers with dropout."""
    parts = [lib.Flatten()]
    for n, m in ((64, 48), (48, 48), (48, 32), (32, 32)):
        parts += [lib.Linear(n, m), lib.ReLU(), lib.Dropout(0.3)]
    return lib.Sequential(*parts, lib.Linear(32, 10))


def batch_norm_mlp(lib, concatenate):
    """Two hidden layers with batch normalization."""
    parts = [lib.Flatten()]
    for n, m in ((64, 32), (32, 32)):
        parts += [lib.Linear(n, m, bias=False), lib.BatchNorm1d(m), lib.ReLU()]
    return lib.Sequential(*parts, lib.Linear(32, 10))


def lenet5(lib, concatenate):
    """LeNet-5 (LeCun et al., 1998), as it is taught: tanh, average pooling, dense C3."""
    return lib.Sequential(
        lib.Conv2d(1, 6, 5, padding=2), lib.Tanh(), lib.AvgPool2d(2),
        lib.Conv2d(6, 16, 5), lib.Tanh(), lib.AvgPool2d(2),
        lib.Flatten(),
        lib.Linear(400, 120), lib.Tanh(), lib.Linear(120, 84), lib.Tanh(), lib.Linear(84, 10),
    )  # fmt: skip


def cnn(lib, concatenate):
    """Two convolutions of 32 and 64 channels with max pooling, and one linear layer."""
    return lib.Sequential(
        lib.Conv2d(1, 32, 3, padding=1), lib.ReLU(), lib.MaxPool2d(2),
        lib.Conv2d(32, 64, 3, padding=1), lib.ReLU(), lib.MaxPool2d(2),
        lib.Flatten(), lib.Linear(64 * 7 * 7, 10),
    )  # fmt: skip


def resnet(lib, concatenate):
    """A small residual network (He et al., 2016) of three blocks."""

    class Block(lib.Module):
        def __init__(self, n, m, stride):
            super().__init__()
            self.body = lib.Sequential(
                lib.Conv2d(n, m, 3, stride, 1, bias=False), lib.BatchNorm2d(m), lib.ReLU(),
                lib.Conv2d(m, m, 3, 1, 1, bias=False), lib.BatchNorm2d(m),
            )  # fmt: skip
            plain = n == m and stride == 1
            self.shortcut = lib.Identity() if plain else lib.Conv2d(n, m, 1, stride, bias=False)
            self.relu = lib.ReLU()

        def forward(self, x):
            return self.relu(self.body(x) + self.shortcut(x))

    return lib.Sequential(
        lib.Conv2d(3, 8, 3, padding=1, bias=False), lib.BatchNorm2d(8), lib.ReLU(),
        Block(8, 8, 1), Block(8, 16, 2), Block(16, 16, 1),
        lib.AdaptiveAvgPool2d(1), lib.Flatten(), lib.Linear(16, 10),
    )  # fmt: skip


def split_merge(lib, concatenate):
    """Parallel convolutions of several sizes, joined: an inception block (Szegedy et al., 2015)."""

    class Inception(lib.Module):
        def __init__(self, n):
            super().__init__()
            self.one = lib.Conv2d(n, 4, 1)
            self.three = lib.Sequential(
                lib.Conv2d(n, 4, 1), lib.ReLU(), lib.Conv2d(4, 6, 3, padding=1)
            )
            self.five = lib.Sequential(
                lib.Conv2d(n, 2, 1), lib.ReLU(), lib.Conv2d(2, 4, 5, padding=2)
            )
            self.pool = lib.Sequential(lib.MaxPool2d(3, 1, 1), lib.Conv2d(n, 2, 1))
            self.relu = lib.ReLU()

        def forward(self, x):
            branches = self.one, self.three, self.five, self.pool
            return self.relu(concatenate([branch(x) for branch in branches], 1))

    return lib.Sequential(
        Inception(1), lib.MaxPool2d(2), Inception(16), lib.AdaptiveAvgPool2d((2, 2)),
        lib.Flatten(), lib.Linear(64, 10),
    )  # fmt: skip


def lstm_classifier(lib, concatenate):
    """Two layers of LSTM over a sequence, classified by the last state."""

    class Classifier(lib.Module):
        def __init__(self):
            super().__init__()
            self.lstm = lib.LSTM(8, 16, num_layers=2, batch_first=True)
            self.head = lib.Linear(16, 10)

        def forward(self, x):
            _, (h, _) = self.lstm(x)
            return self.head(h[-1])

    return Classifier()


def gru_tagger(lib, concatenate):
    """A bidirectional GRU over embedded tokens, averaged over time."""

    class Tagger(lib.Module):
        def __init__(self):
            super().__init__()
            self.embedding = lib.Embedding(20, 8)
            self.gru = lib.GRU(8, 12, bidirectional=True, batch_first=True)
            self.head = lib.Linear(24, 10)

        def forward(self, x):
            states, _ = self.gru(self.embedding(x))
            return self.head(states.mean(1))

    return Tagger()


def transformer(lib, concatenate):
    """Two layers of transformer encoder (Vaswani et al., 2017), averaged over time."""

    class Encoder(lib.Module):
        def __init__(self):
            super().__init__()
            self.embedding = lib.Embedding(20, 16)
            layer = lib.TransformerEncoderLayer(16, 4, 32, dropout=0.0, batch_first=True)
            self.encoder = lib.TransformerEncoder(layer, 2)
            self.head = lib.Linear(16, 10)

        def forward(self, x):
            return self.head(self.encoder(self.embedding(x)).mean(1))

    return Encoder()


def autoencoder(lib, concatenate):
    """Down to 8 numbers by convolutions, and back by transposed ones."""
    return lib.Sequential(
        lib.Conv2d(1, 4, 3, 2, 1), lib.ReLU(), lib.Conv2d(4, 8, 3, 2, 1), lib.ReLU(),
        lib.Flatten(), lib.Linear(32, 8), lib.Linear(8, 32), lib.Unflatten(1, (8, 2, 2)),
        lib.ConvTranspose2d(8, 4, 3, 2, 1, 1), lib.ReLU(),
        lib.ConvTranspose2d(4, 1, 3, 2, 1, 1), lib.Sigmoid(),
    )  # fmt: skip


def maxout_net(lib, concatenate):
    """Two layers of maxout units (Goodfellow et al., 2013): the largest of three affine maps."""

    class Largest(lib.Linear):  # PyTorch has no such layer
        def __init__(self, n, m, pieces):
            super().__init__(n, m * pieces)
            self.pieces = pieces

        def forward(self, x):
            return super().forward(x).unflatten(-1, (-1, self.pieces)).amax(-1)

    maxout = getattr(lib, "Maxout", Largest)
    return lib.Sequential(lib.Flatten(), maxout(64, 24, 3), maxout(24, 16, 3), lib.Linear(16, 10))


DIGIT = (1, 8, 8)
NETWORKS = {
    "softmax regression": Network(softmax_regression, DIGIT),
    "MLP": Network(mlp, DIGIT),
    "deep MLP with dropout": Network(deep_mlp, DIGIT),
    "MLP with batch norm": Network(batch_norm_mlp, DIGIT),
    "LeNet-5": Network(lenet5, (1, 28, 28)),
    "CNN 32-64": Network(cnn, (1, 28, 28)),
    "small ResNet": Network(resnet, (3, 8, 8)),
    "split-and-merge CNN": Network(split_merge, DIGIT),
    "LSTM classifier": Network(lstm_classifier, (12, 8)),
    "bidirectional GRU": Network(gru_tagger, (10,), tokens=20),
    "transformer encoder": Network(transformer, (10,), tokens=20),
    "autoencoder": Network(autoencoder, DIGIT, classes=0),
    "maxout net": Network(maxout_net, DIGIT),
}


def main() -> None:
    """Print what each is made of."""
    for name, network in NETWORKS.items():
        model = network.build(nn, ad.concatenate)
        dtype = ad.int64 if network.tokens else None
        print(f"\n{name}\n{model.summary((1, *network.shape), dtype=dtype)}")


if __name__ == "__main__":
    main()
