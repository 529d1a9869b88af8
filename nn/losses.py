"""Losses as modules; the functions, which say what they take, are in `nn.functional`.

``reduction`` is ``"mean"``, ``"sum"`` or ``"none"``. docs/nn-losses.md says which loss is for what.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import autodiff as ad

from . import functional
from .module import Module
from .parameter import Buffer


def _buffer(value: Any) -> Buffer | None:
    """A constant that moves with the module, and is part of its state as in PyTorch."""
    return None if value is None else Buffer(ad.asarray(value))


class Loss(Module):
    """What all of them share: a function, and the names of its options, which are attributes."""

    _function: ClassVar[Callable[..., Any]]
    _options: ClassVar[tuple[str, ...]] = ("reduction",)

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """The function of these tensors, mostly an input and a target, with the own options."""
        options = {name: getattr(self, name) for name in self._options}
        return type(self)._function(*inputs, **named, **options)

    def extra_repr(self) -> str:
        """The options that are no tensors, as the constructor takes them."""
        options = {name: getattr(self, name) for name in self._options}
        plain = {k: v for k, v in options.items() if not isinstance(v, ad.Tensor)}
        return ", ".join([f"{k}={v!r}" for k, v in plain.items() if v is not None])


class _Reduced(Loss):
    """One with no other option."""

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = reduction


# ---------------------------------------------------------------- differences
class MSELoss(_Reduced):
    """``(x - y)**2``; see `functional.mse_loss`.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.MSELoss(reduction="sum")(ad.tensor([1.0, 2.0]), ad.tensor([1.0, 4.0])).item()
    4.0
    """

    _function = staticmethod(functional.mse_loss)


class L1Loss(_Reduced):
    """``|x - y|``; see `functional.l1_loss`."""

    _function = staticmethod(functional.l1_loss)


class HuberLoss(Loss):
    """Half the squared difference up to ``delta``, a straight line beyond.

    See `functional.huber_loss`.
    """

    _function = staticmethod(functional.huber_loss)
    _options = ("reduction", "delta")

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        self.reduction = reduction
        self.delta = delta


class SmoothL1Loss(Loss):
    """`HuberLoss` divided by ``beta``; see `functional.smooth_l1_loss`."""

    _function = staticmethod(functional.smooth_l1_loss)
    _options = ("reduction", "beta")

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        self.reduction = reduction
        self.beta = beta


# ---------------------------------------------------------------- one class of several
class CrossEntropyLoss(Loss):
    """The cross-entropy of classes given logits; see `functional.cross_entropy`.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    >>> round(loss(ad.tensor([[2.0, 0.0]]), ad.tensor([0])).item(), 4)
    0.2269
    """

    _function = staticmethod(functional.cross_entropy)
    _options = ("weight", "ignore_index", "reduction", "label_smoothing")

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


class NLLLoss(Loss):
    """The negative logarithm of the right class's probability; see `functional.nll_loss`."""

    _function = staticmethod(functional.nll_loss)
    _options = ("weight", "ignore_index", "reduction")

    def __init__(
        self, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        self.weight = _buffer(weight)
        self.ignore_index = ignore_index
        self.reduction = reduction


class MultiMarginLoss(Loss):
    """The right class is to be ahead of all others; see `functional.multi_margin_loss`."""

    _function = staticmethod(functional.multi_margin_loss)
    _options = ("p", "margin", "weight", "reduction")

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean"
    ) -> None:
        if p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: p must be 1 or 2, not {p}")
        self.p = p
        self.margin = margin
        self.weight = _buffer(weight)
        self.reduction = reduction


# ---------------------------------------------------------------- yes or no
class BCELoss(Loss):
    """The cross-entropy of yes-or-no targets given probabilities.

    See `functional.binary_cross_entropy`.
    """

    _function = staticmethod(functional.binary_cross_entropy)
    _options = ("weight", "reduction")

    def __init__(self, weight: Any = None, reduction: str = "mean") -> None:
        self.weight = _buffer(weight)
        self.reduction = reduction


class BCEWithLogitsLoss(Loss):
    """The cross-entropy of yes-or-no targets given logits.

    See `functional.binary_cross_entropy_with_logits`.
    """

    _function = staticmethod(functional.binary_cross_entropy_with_logits)
    _options = ("weight", "reduction", "pos_weight")

    def __init__(self, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> None:
        self.weight = _buffer(weight)
        self.reduction = reduction
        self.pos_weight = _buffer(pos_weight)


class FocalLoss(Loss):
    """Cross-entropy that looks away from what is easy; see `functional.focal_loss`.

    ``alpha`` is a number for targets of yes and no, and has one for each class otherwise.
    """

    _function = staticmethod(functional.focal_loss)
    _options = ("alpha", "gamma", "reduction")

    def __init__(self, alpha: Any = None, gamma: float = 2.0, reduction: str = "mean") -> None:
        self.alpha = alpha if isinstance(alpha, int | float) else _buffer(alpha)
        self.gamma = gamma
        self.reduction = reduction


class HingeLoss(Loss):
    """``max(0, margin - y x)``, or its square; see `functional.hinge_loss`."""

    _function = staticmethod(functional.hinge_loss)
    _options = ("margin", "squared", "reduction")

    def __init__(self, margin: float = 1.0, squared: bool = False, reduction: str = "mean") -> None:
        self.margin = margin
        self.squared = squared
        self.reduction = reduction


# ---------------------------------------------------------------- likelihoods and divergences
class KLDivLoss(Loss):
    """How far a distribution is from another; see `functional.kl_div`.

    ``reduction="batchmean"`` divides the sum by the number of examples.
    """

    _function = staticmethod(functional.kl_div)
    _options = ("reduction", "log_target")

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        self.reduction = reduction
        self.log_target = log_target


class PoissonNLLLoss(Loss):
    """For counts; see `functional.poisson_nll_loss`."""

    _function = staticmethod(functional.poisson_nll_loss)
    _options = ("log_input", "full", "eps", "reduction")

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        eps: float = 1e-8,
        reduction: str = "mean",
    ) -> None:
        self.log_input = log_input
        self.full = full
        self.eps = eps
        self.reduction = reduction


class GaussianNLLLoss(Loss):
    """For numbers whose variance is given too; see `functional.gaussian_nll_loss`."""

    _function = staticmethod(functional.gaussian_nll_loss)
    _options = ("full", "eps", "reduction")

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        self.full = full
        self.eps = eps
        self.reduction = reduction


# ---------------------------------------------------------------- pairs and triplets
class _OfPairs(Loss):
    """One with a margin."""

    _options = ("margin", "reduction")

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        self.margin = margin
        self.reduction = reduction


class MarginRankingLoss(_OfPairs):
    """Which of two is to be ranked higher; see `functional.margin_ranking_loss`."""

    _function = staticmethod(functional.margin_ranking_loss)


class CosineEmbeddingLoss(_OfPairs):
    """Which vectors are to have one direction; see `functional.cosine_embedding_loss`."""

    _function = staticmethod(functional.cosine_embedding_loss)


class HingeEmbeddingLoss(_OfPairs):
    """Which distances are to be small; see `functional.hinge_embedding_loss`."""

    _function = staticmethod(functional.hinge_embedding_loss)

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(margin, reduction)


class TripletMarginLoss(Loss):
    """What is like an anchor is to be nearer to it; see `functional.triplet_margin_loss`."""

    _function = staticmethod(functional.triplet_margin_loss)
    _options = ("margin", "p", "eps", "swap", "reduction")

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        if not margin > 0:
            raise ValueError(f"TripletMarginLoss: margin={margin} must be positive")
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap
        self.reduction = reduction
