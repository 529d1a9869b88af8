"""Layers that change the shape alone, or nothing."""

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
