"""Layers whose signal takes several ways at once."""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from typing import Any, Self

import autodiff as ad

from ..containers import ModuleList
from ..module import Module


class Residual(Module):
    """``body(x) + shortcut(x)``; by default the shortcut is ``x`` itself.

    The gradient reaches the layers before it unchanged through the shortcut, besides what comes
    through the body, so that depth alone no longer makes it vanish.

    Sources: He, Zhang, Ren & Sun, "Deep residual learning for image recognition", 2016, equations
    1 and 2; "Identity mappings in deep residual networks", 2016.

    Parameters
    ----------
    body : Module
    shortcut : Module, optional
        What brings ``x`` to the shape of the body's result, where that differs: a `Linear`, or a
        convolution with a kernel of 1 and the body's stride.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> block = nn.Residual(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4)))
    >>> block(ad.ones((2, 4))).shape
    (2, 4)
    >>> nn.Residual(nn.Linear(4, 8), shortcut=nn.Linear(4, 8, bias=False))(ad.ones((2, 4))).shape
    (2, 8)
    """

    def __init__(self, body: Module, shortcut: Module | None = None) -> None:
        self.body = body
        self.shortcut = shortcut

    def forward(self, x: Any) -> Any:
        """Add both ways."""
        y = self.body(x)
        around = x if self.shortcut is None else self.shortcut(x)
        if y.shape != around.shape:
            remedy = "give a shortcut= module that brings the input to the shape of the body's"
            raise ValueError(
                f"Residual: the body gives shape {y.shape}, and the shortcut {around.shape}; "
                + (remedy if self.shortcut is None else "they must be equal")
            )
        return y + around


class Parallel(ModuleList):
    """Several branches with one input, and their results brought together.

    With ``merge="concat"`` the split-and-merge block of Inception (Szegedy et al., "Going deeper
    with convolutions", 2015), with ``"sum"`` that of ResNeXt (Xie et al., "Aggregated residual
    transformations for deep neural networks", 2017).

    Parameters
    ----------
    *branches : Module
        Each is found under its position.
    merge : str or callable
        ``"concat"``, ``"sum"``, or a function that takes the list of results.
    axis : int
        Along which they are concatenated: 1 is that of channels.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> layer = nn.Parallel(nn.Linear(4, 2), nn.Identity())
    >>> layer(ad.ones((3, 4))).shape
    (3, 6)
    >>> nn.Parallel(nn.Linear(4, 2), nn.Linear(4, 2), merge="sum")(ad.ones((3, 4))).shape
    (3, 2)
    """

    def __init__(
        self,
        *branches: Module,
        merge: str | Callable[[Sequence[Any]], Any] = "concat",
        axis: int = 1,
    ) -> None:
        if not branches:
            raise ValueError("Parallel needs at least one branch")
        if not callable(merge) and merge not in ("concat", "sum"):
            raise ValueError(f"Parallel: merge must be concat, sum or a function, not {merge!r}")
        super().__init__(branches)
        self.merge = merge
        self.axis = axis

    def forward(self, x: Any) -> Any:
        """Call every branch, and bring the results together."""
        results = [branch(x) for branch in self]
        if callable(self.merge):
            return self.merge(results)
        shapes = [y.shape for y in results]
        if self.merge == "sum":
            if any(shape != shapes[0] for shape in shapes):
                raise ValueError(
                    f"Parallel: the branches give the shapes {', '.join(map(str, shapes))}; to be "
                    "added they must be equal"
                )
            return reduce(add, results)
        try:
            return ad.concatenate(results, axis=self.axis)
        except (IndexError, ValueError) as error:
            raise ValueError(
                f"Parallel: the branches give the shapes {', '.join(map(str, shapes))}; to be "
                f"concatenated along axis {self.axis} they must agree in all others"
            ) from error

    def extra_repr(self) -> str:
        """How the results are brought together, unless it is the default way."""
        name = getattr(self.merge, "__name__", repr(self.merge))
        merge = "" if self.merge == "concat" else f"merge={name}"
        axis = "" if self.axis == 1 else f"axis={self.axis}"
        return ", ".join(filter(None, (merge, axis)))

    def _made_of(self, children: dict[str, Module]) -> Self:
        made = super()._made_of(children)
        made.merge, made.axis = self.merge, self.axis
        return made
