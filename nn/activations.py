"""Activations as modules; the functions are in `nn.functional`.

Where PyTorch's take ``inplace``, so do these, that code may be moved as it is; it changes nothing.
"""

from typing import Any

from . import functional
from .module import Module


class Sigmoid(Module):
    """``1 / (1 + exp(-x))``."""

    def forward(self, x: Any) -> Any:
        """Apply it to every element."""
        return functional.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, x: Any) -> Any:
        """Apply it to every element."""
        return functional.tanh(x)


class ReLU(Module):
    """``max(x, 0)``."""

    def __init__(self, inplace: bool = False) -> None:
        pass

    def forward(self, x: Any) -> Any:
        """Apply it to every element."""
        return functional.relu(x)


class LeakyReLU(Module):
    """``x`` above 0, else ``negative_slope * x``."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Any) -> Any:
        """Apply it to every element."""
        return functional.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        """The slope."""
        return f"negative_slope={self.negative_slope}"


class ELU(Module):
    """``x`` above 0, else ``alpha * (exp(x) - 1)``."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        self.alpha = alpha

    def forward(self, x: Any) -> Any:
        """Apply it to every element."""
        return functional.elu(x, self.alpha)

    def extra_repr(self) -> str:
        """The limit for large negative ``x``, without its sign."""
        return f"alpha={self.alpha}"


class SELU(Module):
    """A scaled ELU that keeps mean 0 and variance 1; wants ``weight_init="lecun_normal"``."""

    def __init__(self, inplace: bool = False) -> None:
        pass

    def forward(self, x: Any) -> Any:
        """Apply it to every element."""
        return functional.selu(x)
