"""What was tried against the vanishing gradient, and against overfitting: each cure alone.

    python -m demos.cures [--depth 9] [--epochs 20]

The first table has a deep sigmoid network that does not train, and then the same with one thing
changed: how many powers of ten its gradient loses on the way to the first layer, before training,
and what it has learned after it. The second has a ReLU network on few images, which knows all of
them and is to know others: there dropout, decay, early stopping and ensembles belong.
"""

import argparse
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import autodiff as ad
import nn

from . import training
from .command import positive, run
from .page import text

FEW = 200  # images of the second table
Rule = Callable[[Iterable[ad.Tensor]], nn.optim.Optimizer]
descent = partial(nn.optim.SGD, lr=0.1)
momentum = partial(nn.optim.SGD, lr=0.1, momentum=0.9)


@dataclass(frozen=True)
class Cure:
    """One thing that is changed."""

    name: str
    network: dict[str, Any] = field(default_factory=dict)  # options of `network`
    optimizer: Rule = descent
    pretrained: bool = False
    callbacks: Callable[[], list[Any]] = list
    members: int = 1


def network(
    sizes: list[int],
    seed: int,
    *,
    activation: Callable[[], nn.Module] = nn.Sigmoid,
    weights: Any = "lecun_normal",
    norm: bool = False,
    skip: bool = False,
    dropout: float = 0.0,
) -> nn.Sequential:
    """A network of ten classes whose hidden layers are alike; biases begin as 0."""
    generator = ad.random.Generator(seed)
    parts: list[nn.Module] = [nn.Flatten()]
    for i, (n, m) in enumerate(zip(sizes, sizes[1:])):
        layer = [nn.Linear(n, m, weight_init=weights, generator=generator)]
        layer += [nn.BatchNorm1d(m)] * norm + [activation()]
        parts += [nn.Residual(nn.Sequential(*layer))] if skip and i else layer
        parts += [nn.Dropout(dropout)] if dropout else []
    head = nn.Linear(sizes[-1], 10, weight_init="lecun_normal", generator=generator)
    return nn.Sequential(*parts, head)


def stopping() -> list[Any]:
    """Early stopping, afresh for each network."""
    return [nn.train.EarlyStopping("val_loss", patience=5)]


RELU = {"activation": nn.ReLU, "weights": "he_normal"}
SICK = Cure("nothing: sigmoid, N(0, 1/n), gradient descent")
VANISHING = [
    SICK,
    Cure("Xavier's weights", {"weights": "xavier_uniform"}),
    Cure("Xavier's weights times 4", {"weights": partial(nn.init.xavier_normal_, gain=4.0)}),
    Cure("He's weights", {"weights": "he_normal"}),
    Cure("tanh, Xavier's weights", {"activation": nn.Tanh, "weights": "xavier_uniform"}),
    Cure("ReLU, He's weights", RELU),
    Cure("leaky ReLU, He's weights", RELU | {"activation": nn.LeakyReLU}),
    Cure("ELU, He's weights", RELU | {"activation": nn.ELU}),
    Cure("SELU, LeCun's weights, rate 0.03", {"activation": nn.SELU},
         partial(nn.optim.SGD, lr=0.03)),
    Cure("batch normalization", {"norm": True}),
    Cure("skip connections", {"skip": True}),
    Cure("Boltzmann machines first", pretrained=True),
    Cure("Boltzmann machines, then momentum 0.9", {}, momentum, pretrained=True),
    Cure("momentum 0.9", {}, momentum),
    Cure("Adagrad", optimizer=partial(nn.optim.Adagrad, lr=0.01)),
    Cure("RMSprop", optimizer=partial(nn.optim.RMSprop, lr=0.001)),
    Cure("Adam", optimizer=partial(nn.optim.Adam, lr=0.001)),
    Cure("dropout 0.2", {"dropout": 0.2}),
    Cure("weight decay 1e-4", {}, partial(nn.optim.SGD, lr=0.1, weight_decay=1e-4)),
    Cure("early stopping", callbacks=stopping),
    Cure("ensemble of 5", members=5),
]  # fmt: skip
adam = partial(nn.optim.Adam, lr=0.003)
OVERFITTING = [
    Cure("nothing: ReLU, He's weights, Adam", RELU, adam),
    Cure("dropout 0.2", RELU | {"dropout": 0.2}, adam),
    Cure("weight decay 0.1", RELU, partial(nn.optim.AdamW, lr=0.003, weight_decay=0.1)),
    Cure("early stopping", RELU, adam, callbacks=stopping),
    Cure("ensemble of 5", RELU, adam, members=5),
]


def member(cure: Cure, sizes: list[int], data: Any, seed: int) -> nn.Sequential:
    """A network as a cure begins with it."""
    made = network(sizes, seed, **cure.network)
    if cure.pretrained:
        dbn = nn.DBN(sizes, generator=ad.random.Generator(seed))
        dbn.pretrain(data, epochs=6, batch_size=20, seed=seed)
        return dbn.to_network(head=made[-1])
    return made


def decades(model: nn.Module, batch: Any) -> float:
    """How many powers of ten the gradient loses from the last weight to the first."""
    x, y = batch
    weights = [p for p in model.parameters() if p.ndim == 2]
    found = ad.gradients(nn.functional.cross_entropy(model(x), y), [weights[0], weights[-1]])
    first, last = map(training.rms, found)
    return math.log10(last / first) if first else math.inf


def tried(
    cure: Cure, sizes: list[int], data: Any, held: Any, test: Any, options: argparse.Namespace
) -> list[str]:
    """A row of a table: the cure, decades lost at first, accuracy on old and on new images."""
    members, lost = [], []
    for seed in range(options.seed, options.seed + cure.members):
        ad.manual_seed(seed)  # of dropout
        model = member(cure, sizes, data, seed)
        lost.append(decades(model, next(iter(nn.data.DataLoader(data, len(data))))))
        loader = nn.data.DataLoader(data, 32, shuffle=True, seed=seed, drop_last=True)
        trainer = nn.train.Trainer(
            model, nn.functional.cross_entropy, cure.optimizer(model.parameters()),
            callbacks=cure.callbacks(),
        )  # fmt: skip
        trainer.fit(loader, epochs=options.epochs, val=nn.data.DataLoader(held, 500))
        members.append(model.eval())
    together = nn.Ensemble(*members)
    seen, new = (training.accuracy(together, each) for each in (data, test))
    return [cure.name, f"{lost[0]:.1f}", f"{seen:.3f}", f"{new:.3f}"]


def parse(arguments: list[str] | None) -> tuple[argparse.Namespace, list[Any]]:
    """The options and the data; what is wrong with them ends the program in one line."""
    parser = argparse.ArgumentParser(
        prog="python -m demos.cures", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--depth", type=positive, default=9, help="hidden layers (9)")
    parser.add_argument("--width", type=positive, default=64, help="units a hidden layer (64)")
    parser.add_argument("--epochs", type=positive, default=20, help="times through the data (20)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and batches (0)")
    options = parser.parse_args(arguments)
    try:
        train, test = nn.datasets.digits()
    except ImportError as error:
        parser.error(str(error))
    train, held = nn.data.random_split(train, [5 / 6, 1 / 6], ad.random.Generator(options.seed))
    return options, [train, held, test]


def main(arguments: list[str] | None = None) -> dict[str, list[list[str]]]:
    """Run the demo; see the module's text."""
    options, (train, held, test) = parse(arguments)
    sizes = [math.prod(train[0][0].shape), *[options.width] * options.depth]
    few = nn.data.Subset(train, range(min(FEW, len(train))))
    tables = {}
    for title, cures, layers, data in (
        (f"{options.depth} hidden layers of {options.width}, {len(train)} digits, "
         f"{options.epochs} epochs", VANISHING, sizes, train),
        (f"2 hidden layers of {options.width}, {len(few)} digits", OVERFITTING, sizes[:3], few),
    ):  # fmt: skip
        rows = [["cure", "decades lost", "accuracy", "on new digits"]]
        rows += [tried(cure, layers, data, held, test, options) for cure in cures]
        print(f"{title}\n\n{text(rows)}\n", flush=True)
        tables[title] = rows
    return tables


if __name__ == "__main__":
    run(main)
