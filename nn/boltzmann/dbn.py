"""The deep belief network: Boltzmann machines one on another."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import autodiff as ad

from .. import init
from ..activations import Sigmoid
from ..containers import ModuleList, Sequential
from ..layers import Flatten, Linear
from ..module import Module
from ..train import History
from .fitting import Inputs, fit
from .rbm import RBM


class DBN(ModuleList):
    """A deep belief network: a list of `RBM`, each on the hidden units of the one before.

    Trained greedily, one layer after another and without labels, it is where a deep sigmoid network
    may begin, which from random values would not train. Called, it is the way up.

    Sources: Hinton, Osindero & Teh, "A fast learning algorithm for deep belief nets", 2006; Hinton
    & Salakhutdinov, "Reducing the dimensionality of data with neural networks", 2006; Bengio,
    Lamblin, Popovici & Larochelle, "Greedy layer-wise training of deep networks", 2007.

    Parameters
    ----------
    sizes : sequence of int
        Of the visible layer, and of each hidden one.
    units : {"bernoulli", "gaussian"}
        What the visible units are; see `RBM`. Hidden ones are binary.
    weight_init : callable or str, optional
        As for `RBM`.
    dtype, device, generator : optional
        As for `RBM`.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> ad.manual_seed(0)
    >>> train, _ = nn.datasets.digits()
    >>> dbn = nn.DBN([64, 32, 16])
    >>> histories = dbn.pretrain(train, epochs=2, seed=0)
    >>> [len(history["reconstruction"]) for history in histories]
    [2, 2]
    >>> print(dbn.to_network(10))
    Sequential(
      (flatten): Flatten()
      (layer1): Linear(64, 32)
      (sigmoid1): Sigmoid()
      (layer2): Linear(32, 16)
      (sigmoid2): Sigmoid()
      (head): Linear(16, 10)
    )
    """

    def __init__(
        self,
        sizes: Sequence[int],
        units: str = "bernoulli",
        *,
        weight_init: init.Initializer | None = None,
        dtype: Any = None,
        device: str | None = None,
        generator: ad.random.Generator | None = None,
    ) -> None:
        if len(sizes) < 2:
            raise ValueError(f"DBN: sizes {list(sizes)} must have a visible and a hidden layer")
        how: dict[str, Any] = {"weight_init": weight_init, "dtype": dtype, "device": device}
        for i, (visible, hidden) in enumerate(pairwise(sizes)):
            kind = units if i == 0 else "bernoulli"
            self.append(RBM(visible, hidden, kind, generator=generator, **how))

    def forward(self, v: Any) -> Any:
        """The way up: what each layer is given are the probabilities of the one below."""
        for rbm in self:
            v = rbm(v)
        return v

    def down(self, h: Any) -> Any:
        """The way down, from the top hidden units to the means of the visible ones."""
        for rbm in reversed(self._machines()):
            h = rbm.down(h)
        return h

    def _machines(self) -> list[Any]:
        return list(self)

    def pretrain(
        self,
        data: Any,
        *,
        epochs: int,
        batch_size: int = 100,
        seed: int | None = None,
        **options: Any,
    ) -> list[History]:
        """Train one layer after another, each on what those below make of the data.

        Parameters
        ----------
        data : array, Tensor, Dataset or DataLoader
            As for `RBM.fit`.
        epochs : int
            For each layer.
        batch_size, seed
            As for `RBM.fit`.
        **options
            The others of `RBM.fit`, for all layers; callbacks are told of each training in turn.

        Returns
        -------
        list of History
            One for each layer; ``history["reconstruction"]`` has the errors.
        """
        return [
            fit(rbm, Inputs(data, self[:i], batch_size, seed), epochs=epochs, **options)
            for i, rbm in enumerate(self)
        ]

    def to_network(
        self,
        classes: int | None = None,
        *,
        head: Module | None = None,
        tied: bool = False,
    ) -> Sequential:
        """A feed-forward network that computes the way up, and a new head; for fine-tuning.

        Parameters
        ----------
        classes : int, optional
            For a head that is a `Linear` layer.
        head : Module, optional
            Another one. With neither there is none.
        tied : bool
            Whether the layers have this network's own parameters, so that training them changes
            it too, or copies.

        Examples
        --------
        >>> import autodiff as ad, nn
        >>> dbn = nn.DBN([6, 4, 2])
        >>> x = ad.ones((3, 6))
        >>> bool((dbn.to_network()(x) == dbn(x)).all())
        True
        """
        if classes is not None and head is not None:
            raise ValueError("DBN.to_network: give classes or a head, not both")
        parts: dict[str, Module] = {"flatten": Flatten()}  # as pre-training takes images
        rbm: Any = None
        for i, rbm in enumerate(self, 1):
            where = {"dtype": rbm.weight.dtype, "device": rbm.weight.device}
            layer = Linear(rbm.visible, rbm.hidden, weight_init="zeros", **where)
            if tied:
                layer.weight, layer.bias = rbm.weight, rbm.hidden_bias
            else:
                layer.load_state_dict({"weight": rbm.weight, "bias": rbm.hidden_bias})
            parts |= {f"layer{i}": layer, f"sigmoid{i}": Sigmoid()}
        if classes is not None:
            head = Linear(rbm.hidden, classes, generator=rbm.generator, **where)
        return Sequential(parts if head is None else parts | {"head": head})

    def generate(self, n: int, k: int = 100) -> Any:
        """Examples of its own: ``k`` steps of Gibbs sampling at the top, then the way down.

        Parameters
        ----------
        n : int
            How many.
        k : int
            How many steps, from visible units of the top machine that are 0 or 1 at random.

        Returns
        -------
        Tensor, shape (n, visible)
            Means of the visible units.
        """
        top = self._machines()[-1]
        how = {"dtype": top.weight.dtype, "device": top.weight.device, "generator": top.generator}
        start = ad.random.bernoulli(0.5, (n, top.visible), **how)
        with ad.no_grad():
            return self.down(top.sample_hidden(top.gibbs(start, k)))
