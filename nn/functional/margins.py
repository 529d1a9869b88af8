"""Losses that are 0 as soon as something is right by a margin.

On the margin itself they have the slope of the side that still learns, as PyTorch's have.
"""

from typing import Any

import autodiff as ad

from .reduced import loss_op, reduced, require_reduction, require_same_shape

Array = Any


# ---------------------------------------------------------------- hinges
def _hinge_slope(xp: Any, x: Array, y: Array, margin: float, squared: bool) -> Array:
    left = margin - x * y
    return 2 * xp.maximum(left, 0) if squared else left >= 0


def _hinge_x(g: Array, xp: Any, x: Array, y: Array, margin: float, squared: bool) -> Array:
    return -y * _hinge_slope(xp, x, y, margin, squared) * g


def _hinge_y(g: Array, xp: Any, x: Array, y: Array, margin: float, squared: bool) -> Array:
    return -x * _hinge_slope(xp, x, y, margin, squared) * g


@loss_op(x=_hinge_x, y=_hinge_y)
def hinge(xp: Any, x: Array, y: Array, /, *, margin: float, squared: bool) -> Array:
    """``max(0, margin - x y)``, or its square."""
    left = xp.maximum(margin - x * y, 0)
    return left * left if squared else left


def _distance_slope(g: Array, xp: Any, x: Array, y: Array, margin: float) -> Array:
    near = xp.logical_and(y != 1, margin - x >= 0)
    return (y != -1) * g - near * g


@loss_op(x=_distance_slope)
def distance_hinge(xp: Any, x: Array, y: Array, /, *, margin: float) -> Array:
    """``x`` where y is 1, ``max(0, margin - x)`` where it is -1."""
    zero = xp.zeros_like(x)
    return xp.where(y == -1, zero, x) + xp.where(y == 1, zero, xp.maximum(margin - x, 0))


def hinge_loss(
    input: Any,
    target: Any,
    margin: float = 1.0,
    squared: bool = False,
    reduction: str = "mean",
) -> Any:
    """``max(0, margin - target * input)``, the loss of support vector machines.

    Cortes & Vapnik, "Support-vector networks", 1995. Keras calls it ``hinge`` and, squared,
    ``squared_hinge``; PyTorch has neither.

    Parameters
    ----------
    input : Tensor
        Scores: above 0 for yes.
    target : Tensor
        Of the same shape: 1 for yes, -1 for no.
    margin : float
        From which score on nothing is lost.
    squared : bool
        Whether losses are squared, which makes them smooth.
    reduction : str
        ``"mean"``, ``"sum"`` or ``"none"``.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> scores, target = ad.tensor([2.0, 0.5, 0.5]), ad.tensor([1.0, 1.0, -1.0])
    >>> nn.functional.hinge_loss(scores, target, reduction="none").data
    array([0. , 0.5, 1.5], dtype=float32)
    """
    require_reduction("hinge_loss", reduction)
    require_same_shape("hinge_loss", input=input, target=target)
    return hinge(input, target, reduction=reduction, margin=margin, squared=squared)


def hinge_embedding_loss(
    input: Any, target: Any, margin: float = 1.0, reduction: str = "mean"
) -> Any:
    """A distance to be made small where the target is 1, larger than a margin where it is -1.

    Parameters
    ----------
    input : Tensor
        Distances.
    target : Tensor
        Of the same shape: 1 for like, -1 for unlike.
    margin : float
        From which distance on nothing is lost for the unlike.
    reduction : str
        ``"mean"``, ``"sum"`` or ``"none"``.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> distances, target = ad.tensor([0.5, 0.25, 3.0]), ad.tensor([1, -1, -1])
    >>> nn.functional.hinge_embedding_loss(distances, target, reduction="none").data
    array([0.5 , 0.75, 0.  ], dtype=float32)
    """
    require_reduction("hinge_embedding_loss", reduction)
    require_same_shape("hinge_embedding_loss", input=input, target=target)
    return distance_hinge(input, target, reduction=reduction, margin=margin)


# ---------------------------------------------------------------- pairs and triplets
def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Any:
    """``max(0, margin - target * (input1 - input2))``: which of two is to be ranked higher.

    Parameters
    ----------
    input1, input2 : Tensor
        Scores, of equal shape.
    target : Tensor
        Of that shape too: 1 if the first is to have the higher score, -1 if the second.
    margin : float
        By how much.
    reduction : str
        ``"mean"``, ``"sum"`` or ``"none"``.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> one, two, target = ad.tensor([1.0, 1.0]), ad.tensor([3.0, 3.0]), ad.tensor([1, -1])
    >>> nn.functional.margin_ranking_loss(one, two, target, reduction="none").data
    array([2., 0.], dtype=float32)
    """
    require_reduction("margin_ranking_loss", reduction)
    require_same_shape("margin_ranking_loss", input1=input1, input2=input2, target=target)
    return hinge(input1 - input2, target, reduction=reduction, margin=margin, squared=False)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """An anchor is to be nearer to what is like it than to what is not, by a margin.

    ``max(0, margin + distance(anchor, positive) - distance(anchor, negative))`` (Balntas et al.,
    "Learning local feature descriptors with triplets and shallow convolutional neural networks",
    2016).

    Parameters
    ----------
    anchor, positive, negative : Tensor, shape (..., features)
        Of equal shape.
    margin : float
    p : float
        Which norm a distance is.
    eps : float
        Added to each difference.
    swap : bool
        Whether the positive takes the anchor's place where it is nearer to the negative.
    reduction : str
        ``"mean"``, ``"sum"`` or ``"none"``.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> anchor, like, unlike = ad.tensor([[0.0]]), ad.tensor([[1.0]]), ad.tensor([[1.5]])
    >>> nn.functional.triplet_margin_loss(anchor, like, unlike).item()
    0.5
    """
    name = "triplet_margin_loss"
    require_reduction(name, reduction)
    require_same_shape(name, anchor=anchor, positive=positive, negative=negative)
    if not margin > 0:
        raise ValueError(f"{name}: margin={margin} must be positive")
    if not ad.asarray(anchor).ndim:
        raise ValueError(f"{name}: the inputs have shape (); they need an axis of features")

    def distance(x: Any, y: Any) -> Any:
        return ad.norm(x - y + eps, p, axis=-1)

    far = distance(anchor, negative)
    if swap:
        far = ad.minimum(far, distance(positive, negative))
    return reduced(ad.clip(margin + distance(anchor, positive) - far, 0, None), reduction)


COSINE_EPS = 1e-12  # PyTorch's, added to the squares of lengths


def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Any:
    """Two vectors are to have one direction where the target is 1, different ones where it is -1.

    With the cosine of their angle, ``1 - cosine`` and ``max(0, cosine - margin)``.

    Parameters
    ----------
    input1, input2 : Tensor, shape (n, features) or (features,)
        Of equal shape.
    target : Tensor, shape (n,) or ()
        1 for like, -1 for unlike.
    margin : float
        From -1 to 1; 0 to 0.5 is usual.
    reduction : str
        ``"mean"``, ``"sum"`` or ``"none"``.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> one, two = ad.tensor([[1.0, 0.0], [1.0, 0.0]]), ad.tensor([[0.0, 2.0], [3.0, 0.0]])
    >>> nn.functional.cosine_embedding_loss(one, two, ad.tensor([1, -1]), reduction="none").data
    array([1., 1.], dtype=float32)
    """
    name = "cosine_embedding_loss"
    require_reduction(name, reduction)
    require_same_shape(name, input1=input1, input2=input2)
    target = ad.asarray(target)
    if len(input1.shape) not in (1, 2) or target.shape != input1.shape[:-1]:
        raise ValueError(
            f"{name}: inputs of shape {input1.shape} and target of shape {target.shape}; they must "
            "have the shapes (n, features) and (n,), or (features,) and ()"
        )
    least = max(COSINE_EPS, float(ad.finfo(input1.dtype).tiny))
    squares = [ad.sum(x * x, axis=-1) + least for x in (input1, input2)]
    cosine = ad.sum(input1 * input2, axis=-1) / ad.sqrt(squares[0] * squares[1])
    unlike = ad.where(target == -1, ad.clip(cosine - margin, 0, None), 0)
    return reduced(ad.where(target == 1, 1 - cosine, unlike), reduction)
