"""Several networks that answer together."""

import math
from typing import Any, Self

import autodiff as ad

from .. import functional
from ..containers import ModuleList
from ..module import Module


class Ensemble(ModuleList):
    """The mean of what independent networks answer.

    The members are trained each alone, from initial values and with an order of the data of its
    own (Hansen & Salamon, "Neural network ensembles", 1990), and perhaps each on a sample of its
    own, `nn.data.bootstrap` (Breiman, "Bagging predictors", 1996). What they get wrong differently
    averages out: the loss of the mean is never more than the mean of the losses, if the loss is
    convex in what is averaged. Training the mean itself would let them divide the work, and they
    would not be independent.

    Parameters
    ----------
    *members : Module
        With results of one shape.
    average : {"probabilities", "logits", "vote"}
        - ``"probabilities"``: results are logits of classes; the logarithm of the mean of their
          softmax comes out, which is what losses on logits take.
        - ``"logits"``: the mean of the results, whatever they are; also for regression.
        - ``"vote"``: each member has one vote for its class; the shares of the votes come out,
          which have no gradient. A tie goes to the lower class.
    axis : int
        That of the classes.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> members = [nn.Linear(4, 3) for _ in range(5)]
    >>> x = ad.ones((2, 4))
    >>> nn.Ensemble(*members)(x).shape
    (2, 3)
    >>> bool((nn.Ensemble(*members, average="vote")(x).sum(axis=1) == 1.0).all())
    True
    """

    def __init__(self, *members: Module, average: str = "probabilities", axis: int = -1) -> None:
        if not members:
            raise ValueError("Ensemble needs at least one member")
        if average not in ("probabilities", "logits", "vote"):
            raise ValueError(
                f"Ensemble: average must be probabilities, logits or vote, not {average!r}"
            )
        super().__init__(members)
        self.average = average
        self.axis = axis

    def each(self, x: Any) -> ad.Tensor:
        """The results of all members, along a new first axis."""
        results = [member(x) for member in self]
        shapes = [y.shape for y in results]
        if any(shape != shapes[0] for shape in shapes):
            raise ValueError(
                f"Ensemble: the members give the shapes {', '.join(map(str, shapes))}; to be "
                "averaged they must be equal"
            )
        stacked: ad.Tensor = ad.stack(results)
        return stacked

    def forward(self, x: Any) -> Any:
        """Call every member, and average."""
        results = self.each(x)
        if self.average == "logits":
            return ad.mean(results, axis=0)
        axis = self.axis if self.axis < 0 else self.axis + 1
        if self.average == "vote":
            classes = ad.one_hot(
                ad.argmax(results, axis=axis), results.shape[axis], dtype=results.dtype
            )
            return ad.moveaxis(ad.mean(classes, axis=0), -1, self.axis)
        logs = functional.log_softmax(results, axis)
        return ad.logsumexp(logs, axis=0) - math.log(len(self))

    def extra_repr(self) -> str:
        """How the results are averaged, unless it is the default way."""
        average = "" if self.average == "probabilities" else f"average={self.average!r}"
        axis = "" if self.axis == -1 else f"axis={self.axis}"
        return ", ".join(filter(None, (average, axis)))

    def _made_of(self, children: dict[str, Module]) -> Self:
        made = super()._made_of(children)
        made.average, made.axis = self.average, self.axis
        return made
