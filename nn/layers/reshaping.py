"""Layers that change the shape alone, or nothing."""

from math import prod
from typing import Any

import autodiff as ad

from ..module import Module


class Identity(Module):
    """What comes in goes out; arguments of the constructor are ignored."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def forward(self, x: Any) -> Any:
        """Return ``x``."""
        return x


class Flatten(Module):
    """Several axes become one.

    Parameters
    ----------
    start_dim, end_dim : int
        The first and the last of them; by default all but the batch axis.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.Flatten()(ad.zeros((5, 1, 28, 28))).shape
    (5, 784)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, x: Any) -> Any:
        """Reshape ``x``."""
        n = len(x.shape)
        start, end = self.start_dim, self.end_dim
        if not (-n <= start < n and -n <= end < n and start % n <= end % n):
            raise ValueError(f"Flatten({start}, {end}) does not fit the shape {x.shape}")
        start, end = start % n, end % n
        size = 1
        for length in x.shape[start : end + 1]:
            size *= length
        return ad.reshape(x, (*x.shape[:start], size, *x.shape[end + 1 :]))

    def extra_repr(self) -> str:
        """The axes, unless they are the default ones."""
        return (
            ""
            if (self.start_dim, self.end_dim) == (1, -1)
            else (f"{self.start_dim}, {self.end_dim}")
        )


class Unflatten(Module):
    """One axis becomes several.

    Parameters
    ----------
    dim : int
        Which one.
    unflattened_size : tuple of int
        The lengths of the new ones; one of them may be -1.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.Unflatten(1, (3, -1))(ad.zeros((5, 12))).shape
    (5, 3, 4)
    """

    def __init__(self, dim: int, unflattened_size: tuple[int, ...]) -> None:
        self.dim = dim
        self.unflattened_size = tuple(unflattened_size)

    def forward(self, x: Any) -> Any:
        """Reshape ``x``."""
        shape, n = x.shape, len(x.shape)
        if not -n <= self.dim < n:
            raise ValueError(f"Unflatten: no axis {self.dim} in the shape {shape}")
        dim = self.dim % n
        known = prod([size for size in self.unflattened_size if size != -1])
        unknown = self.unflattened_size.count(-1)
        if unknown > 1 or (shape[dim] % known if unknown and known else known != shape[dim]):
            raise ValueError(
                f"Unflatten: axis {self.dim} of the shape {shape} does not divide into "
                f"{self.unflattened_size}"
            )
        return ad.reshape(x, (*shape[:dim], *self.unflattened_size, *shape[dim + 1 :]))

    def extra_repr(self) -> str:
        """The axis and the lengths."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
