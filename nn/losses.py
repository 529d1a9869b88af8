"""Losses as modules; the functions are in `nn.functional`."""

from typing import Any

import autodiff as ad

from . import functional
from .module import Module
from .parameter import Buffer


def _buffer(value: Any) -> Buffer | None:
    """A constant that moves with the module, and is part of its state as in PyTorch."""
    return None if value is None else Buffer(ad.asarray(value))


class MSELoss(Module):
    """The squared difference; see `functional.mse_loss`."""

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = reduction

    def forward(self, input: Any, target: Any) -> Any:
        """Compare."""
        return functional.mse_loss(input, target, self.reduction)


class CrossEntropyLoss(Module):
    """The cross-entropy of classes given logits; see `functional.cross_entropy`."""

    def __init__(
        self,
        weight: Any = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        self.weight = _buffer(weight)
        self.ignore_index = ignore_index
        self.reduction = reduction
        self.label_smoothing = label_smoothing

    def forward(self, input: Any, target: Any) -> Any:
        """Compare."""
        return functional.cross_entropy(
            input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing
        )


class BCEWithLogitsLoss(Module):
    """The cross-entropy of yes-or-no targets given logits.

    See `functional.binary_cross_entropy_with_logits`.
    """

    def __init__(self, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> None:
        self.weight = _buffer(weight)
        self.reduction = reduction
        self.pos_weight = _buffer(pos_weight)

    def forward(self, input: Any, target: Any) -> Any:
        """Compare."""
        return functional.binary_cross_entropy_with_logits(
            input, target, self.weight, self.reduction, self.pos_weight
        )
