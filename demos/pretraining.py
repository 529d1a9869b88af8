"""A deep sigmoid network that cannot learn, and one that can: it was first a deep belief network.

    python -m demos.pretraining [--data digits|mnist] [--depth 9] [--out DIR]

Both networks are of one shape and are trained alike, by gradient descent with momentum. One starts
from N(0, 1 / n_in), the other from Boltzmann machines that were trained layer by layer, without
labels (Hinton & Salakhutdinov, 2006). The comparison is fair to the first: each has the best
learning rate of one grid, judged on images that are held out, and what the second spent epochs on
each layer for, the first gets as epochs of the whole network.
"""

import argparse
import copy
import math
from typing import Any, NamedTuple

import autodiff as ad
import nn

from . import training, vanishing
from .command import device, folder, positive, require_renderer, run
from .page import Column, page, text

RATES = 0.03, 0.1, 0.3
USUAL = {  # width, batch, epochs of a layer, epochs of fine-tuning
    "digits": (64, 20, 6, 20),
    "mnist": (128, 100, 2, 5),
}


class Data(NamedTuple):
    """Three sets of images and classes."""

    train: Any
    held: Any
    test: Any


class Trained(NamedTuple):
    """A network before and after training, and how it was trained."""

    start: nn.Sequential
    end: nn.Sequential
    rate: float
    accuracy: float


def begun(options: argparse.Namespace, data: Data) -> dict[str, nn.Sequential]:
    """Both networks, as they are before they see a label."""
    pixels = math.prod(data.train[0][0].shape)
    random = vanishing.network("sigmoid", options.depth, pixels, options.width, options.seed)
    generator = ad.random.Generator(options.seed)
    dbn = nn.DBN([pixels, *[options.width] * options.depth], generator=generator)
    histories = dbn.pretrain(
        data.train, epochs=options.pre_epochs, batch_size=options.batch_size, seed=options.seed
    )
    errors = [history["reconstruction"] for history in histories]
    print("error of giving back what a layer is given, first epoch and last:")
    print(text([[f"layer {i}", f"{e[0]:.4f}", f"{e[-1]:.4f}"] for i, e in enumerate(errors, 1)]))
    head = copy.deepcopy(random.get_submodule(f"layer{options.depth + 1}"))
    return {"random": random, "pre-trained": dbn.to_network(head=head)}


def tuned(start: nn.Sequential, epochs: int, options: argparse.Namespace, data: Data) -> Trained:
    """A network trained with each rate of the grid: the one that held-out images say is best."""
    found = []
    for rate in options.rates:
        model = copy.deepcopy(start)
        loader = nn.data.DataLoader(
            data.train, options.batch_size, shuffle=True, seed=options.seed, device=options.device
        )
        optimizer = nn.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
        nn.train.Trainer(model, nn.functional.cross_entropy, optimizer).fit(loader, epochs=epochs)
        found.append((training.accuracy(model, data.held), rate, model))
    _, rate, model = max(found, key=lambda each: each[0])
    return Trained(start, model, rate, training.accuracy(model, data.test))


def look(networks: dict[str, Trained], batch: Any, test: Any) -> list[vanishing.Result]:
    """Accuracies and gradients of both networks before training, and after it."""
    results = []
    for when in ("start", "end"):
        models = {name: getattr(each, when) for name, each in networks.items()}
        accuracies = [training.accuracy(model, test) for model in models.values()]
        for result in vanishing.look(models, accuracies, batch):
            results.append(result._replace(name=f"{result.name}, {when}"))
    return results


def check(networks: dict[str, Trained], options: argparse.Namespace) -> None:
    """Raise unless the story holds: the first network learned nothing, the second did."""
    random, pretrained = (each.accuracy for each in networks.values())
    if options.depth >= 9 and not (random <= 0.2 and pretrained > 0.7):
        raise AssertionError(
            "the network from random values was to stay at chance and the pre-trained one to "
            f"learn, but their accuracies are {random:.3f} and {pretrained:.3f}"
        )


def split(options: argparse.Namespace) -> Data:
    """The data; a sixth of the training images is held out."""
    train, test = getattr(nn.datasets, options.data)()
    shares = [5 / 6, 1 / 6]
    train, held = nn.data.random_split(train, shares, ad.random.Generator(options.seed))
    return Data(train, held, test)


def parse(arguments: list[str] | None) -> tuple[argparse.Namespace, Data]:
    """The options and the data; what is wrong with them ends the program in one line."""
    parser = argparse.ArgumentParser(
        prog="python -m demos.pretraining", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--data", choices=USUAL, default="digits",
                        help="scikit-learn's 1,797 digits, or all of MNIST (digits)")  # fmt: skip
    parser.add_argument("--depth", type=positive, default=9, help="hidden layers (9)")
    parser.add_argument("--width", type=positive, help="units a hidden layer (64; MNIST 128)")
    parser.add_argument("--batch-size", type=positive, help="examples a step (20; MNIST 100)")
    parser.add_argument("--pre-epochs", type=positive, help="for each layer (6; MNIST 2)")
    parser.add_argument("--epochs", type=positive, help="of fine-tuning (20; MNIST 5)")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES,
                        help="learning rates to choose from (0.03 0.1 0.3)")  # fmt: skip
    parser.add_argument("--device", type=device, default="cpu", help="cpu or cuda (cpu)")
    parser.add_argument("--out", type=folder, default="out", help="folder for pictures (out)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and batches (0)")
    options = parser.parse_args(arguments)
    require_renderer(parser)
    for name, usual in zip(("width", "batch_size", "pre_epochs", "epochs"), USUAL[options.data]):
        if getattr(options, name) is None:
            setattr(options, name, usual)
    try:
        return options, split(options)
    except (ImportError, OSError) as error:
        parser.error(str(error))


def main(arguments: list[str] | None = None) -> dict[str, Trained]:
    """Run the demo; see the module's text."""
    options, data = parse(arguments)
    print(f"{len(data.train)} images of {options.data}, {options.depth} hidden layers of "
          f"{options.width} sigmoids, on {options.device}\n")  # fmt: skip
    with ad.device(options.device):
        starts = begun(options, data)
        more = {"random": options.pre_epochs, "pre-trained": 0}
        networks = {
            name: tuned(start, options.epochs + more[name], options, data)
            for name, start in starts.items()
        }
        loader = nn.data.DataLoader(
            data.train, 256, shuffle=True, seed=options.seed, device=options.device
        )
        results = look(networks, next(iter(loader)), data.test)
    rows = vanishing.table(results)
    print(f"\n{text(rows)}\n")
    lines = [
        f"{name}: accuracy {each.accuracy:.3f} on {len(data.test)} new images, with rate "
        f"{each.rate:g} of {', '.join(f'{rate:g}' for rate in options.rates)}."
        for name, each in networks.items()
    ]
    print("\n".join(lines))
    files = [options.out / f"{result.name.replace(', ', '-')}.svg" for result in results]
    for file, result in zip(files, results):
        result.graph.render(file)
    files.append(options.out / "pretraining.html")
    intro = (
        f"A network of {options.depth} hidden layers of sigmoids from random values, and one from "
        "Boltzmann machines, before and after the same training. Every tensor is coloured by the "
        "size of its gradient, one step a power of ten."
    )
    columns = [Column(r.name, file.name, r.graph) for r, file in zip(results, files)]
    files[-1].write_text(page(intro, rows, lines, columns), encoding="utf-8")
    print("\nPictures, and a page with all of them:")
    for file in files:
        print(f"  {file}")
    check(networks, options)
    return networks


if __name__ == "__main__":
    run(main)
