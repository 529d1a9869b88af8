"""What the labelled networks are made of."""

from dataclasses import dataclass

import numpy as np

import autodiff as ad
import nn

F = nn.functional


@dataclass(frozen=True)
class Network:
    """One builder, and its label, which says what was broken, not what is found.

    ``cause`` is the rule that names the fault, "" for a healthy network, and ``also`` are other
    rules that name the same fault: weights of a wrong scale are a wrong spread of values and a
    vanishing gradient at once. ``besides`` are consequences that may be found too.
    """

    build: object
    cause: str = ""
    also: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()

    @property
    def name(self):
        return self.build.__name__

    @property
    def causes(self):
        return {self.cause, *self.also} - {""}


CASES = []


def case(cause="", also="", besides=""):
    def add(build):
        CASES.append(Network(build, cause, tuple(also.split()), tuple(besides.split())))
        return build

    return add


def sizes(rng, n=1):
    found = [int(rng.integers(12, 40)) for _ in range(n)]
    return found if n > 1 else found[0]


def classes(rng, n=64, features=20, k=5):
    """A batch of a learnable problem: labels from a linear teacher."""
    x = rng.normal(size=(n, features)).astype("float32")
    teacher = rng.normal(size=(features, k))
    return ad.tensor(x), ad.tensor(np.argmax(x @ teacher, axis=1))


def images(rng, n=16, size=8, k=4):
    x = rng.normal(size=(n, 1, size, size)).astype("float32")
    return ad.tensor(x), ad.tensor(rng.integers(0, k, size=n))


def mlp(act, depth, width, features=20, k=5, weight_init=None, bias=True):
    widths = [features, *[width] * depth, k]
    parts = []
    for a, b in zip(widths, widths[1:], strict=False):
        parts += [nn.Linear(a, b, weight_init=weight_init, bias=bias), act()]
    return nn.Sequential(*parts[:-1])


def he(module):
    for m in module.modules():
        if getattr(m, "weight", None) is not None and m.weight.ndim > 1:
            nn.init.kaiming_normal_(m.weight)
    return module


def adam(model, lr=1e-3):
    return nn.optim.Adam(model.parameters(), lr=lr)


def sgd(model, lr=0.05):
    return nn.optim.SGD(model.parameters(), lr=lr)


def scale(model, factor):
    for p in model.parameters():
        if p.ndim > 1:
            p.data = (p.data * factor).astype(p.dtype)
    return model


def bias_to(model, value):
    for name, p in model.named_parameters():
        if name.endswith("bias"):
            p.data = np.full_like(p.data, value)
    return model


def classify(model, rng, optimizer=adam, factor=1.0, **options):
    x, y = classes(rng, **options)
    x = x * factor
    return (lambda m: F.cross_entropy(m(x), y)), model, optimizer(model)


def see(model, rng, optimizer=adam, **options):
    x, y = images(rng, **options)
    return (lambda m: F.cross_entropy(m(x), y)), model, optimizer(model)


class Last(nn.Module):
    """A recurrent layer, and a map of its last step."""

    def __init__(self, layer, k):
        self.layer = layer
        self.out = nn.Linear(layer.hidden_size, k)

    def forward(self, x):
        return self.out(self.layer(x)[0][-1])


def sequences(rng, model, steps, optimizer=adam):
    x = ad.tensor(rng.normal(size=(steps, 16, 6)).astype("float32"))
    y = ad.tensor(rng.integers(0, 3, size=16))
    return (lambda m: F.cross_entropy(m(x), y)), model, optimizer(model)
