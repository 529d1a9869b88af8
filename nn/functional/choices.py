"""Losses of one class among several, beside cross-entropy."""

from typing import Any

import autodiff as ad

from .binary import focal_error
from .classification import as_rows, check_classes
from .reduced import constant_like, reduced, require_reduction, require_same_shape

Array = Any


@ad.op
def class_numbers(
    xp: Any, target: Array, /, *, name: str, classes: int, ignore_index: int | None
) -> Array:
    """Class numbers, 0 for those to be ignored.

    On NumPy arrays a class that does not exist raises ``IndexError``.
    """
    if ignore_index is None:
        return xp.array(target)
    return xp.where(target == ignore_index, 0, target)


@class_numbers.kernel("numpy")
def _(xp: Any, target: Array, /, *, name: str, classes: int, ignore_index: int | None) -> Array:
    numbers = class_numbers.body(xp, target, name=name, classes=classes, ignore_index=ignore_index)
    check_classes(xp, name, numbers, classes, ignore_index)
    return numbers


@ad.op
def is_class(xp: Any, target: Array, /, *, classes: int) -> Array:
    """Rows of bools, true at the class."""
    return xp.expand_dims(target, 1) == xp.arange(classes)


def _classified(
    name: str, input: Any, target: Any, weight: Any, ignore_index: int | None = None
) -> tuple[Any, Any, Any]:
    """Rows of scores, their class numbers, and the weight of each."""
    input, target = ad.asarray(input), ad.asarray(target)
    shape = input.shape
    axis = 0 if len(shape) == 1 else 1
    if not shape or target.shape != (*shape[:axis], *shape[axis + 1 :]):
        raise ValueError(
            f"{name}: class numbers of shape {target.shape} for input of shape {shape}; the input "
            "must have that shape with an axis of classes more, its axis 1, or 0 if it is the only"
        )
    if ad.backend.is_float(target.dtype):
        raise ValueError(f"{name}: class numbers must be integers, not {target.dtype}")
    each = as_rows(input)
    numbers = class_numbers(
        ad.reshape(target, (-1,)), name=name, classes=shape[axis], ignore_index=ignore_index
    )
    if weight is not None:
        weight = constant_like(each, f"{name}: weight", weight)
        if weight.shape != (shape[axis],):
            raise ValueError(
                f"{name}: weight has shape {weight.shape}; it must have one number for each of "
                f"{shape[axis]} classes"
            )
        weight = ad.take(weight, numbers)
    return each, numbers, weight


def _picked(each: Any, numbers: Any) -> Any:
    """Of each row the value at its class."""
    picked = ad.take_along_axis(each, ad.expand_dims(numbers, 1), axis=1)
    return ad.squeeze(picked, 1)


def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Any:
    """The negative logarithm of the probability of the right class.

    After `log_softmax` it is `cross_entropy`, which does both in one.

    Parameters
    ----------
    input : Tensor, shape (n, classes, ...) or (classes,)
        Logarithms of probabilities.
    target : Tensor, shape (n, ...) or ()
        Class numbers.
    weight : Tensor, shape (classes,), optional
        Of each class.
    ignore_index : int
        Class number of examples that count for nothing.
    reduction : str
        ``"mean"`` (over the weights of the examples that count), ``"sum"`` or ``"none"``.

    Raises
    ------
    ValueError
        If the shapes do not correspond.
    IndexError
        On the CPU, for a class number out of range.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> x = ad.log(ad.tensor([[0.5, 0.5], [0.25, 0.75]]))
    >>> nn.functional.nll_loss(x, ad.tensor([0, 1]), reduction="none").data
    array([0.6931472, 0.2876821], dtype=float32)
    """
    require_reduction("nll_loss", reduction)
    target = ad.asarray(target)
    each, numbers, weight = _classified("nll_loss", input, target, weight, ignore_index)
    counts = ad.reshape(target, (-1,)) != ignore_index
    losses = -_picked(each, numbers)
    if weight is not None:
        losses = losses * weight
    losses = ad.where(counts, losses, 0)
    if reduction == "mean":
        counts = ad.astype(counts, each.dtype)
        total = ad.sum(counts if weight is None else counts * weight)
        nothing = total == 0  # its mean is not a number; it pulls nobody
        return ad.where(nothing, ad.nan, ad.sum(losses) / ad.where(nothing, 1, total))
    return reduced(ad.reshape(losses, target.shape), reduction)


# ---------------------------------------------------------------- margins
def _multi_margin_left(xp: Any, x: Array, target: Array, margin: float) -> tuple[Array, Array]:
    """By how much each other class is too good, and which class is the right one."""
    right = is_class(target, classes=x.shape[1])
    score = xp.sum(xp.where(right, x, 0), axis=1, keepdims=True)
    return xp.where(right, 0, xp.maximum(margin - score + x, 0)), right


def _multi_margin_x(g: Array, xp: Any, x: Array, target: Array, p: int, margin: float) -> Array:
    left, right = _multi_margin_left(xp, x, target, margin)
    slope = 2 * left if p == 2 else xp.sign(left)
    slope = slope - right * xp.sum(slope, axis=1, keepdims=True)
    return slope * xp.expand_dims(g / x.shape[1], 1)


@ad.op(x=_multi_margin_x, promote=("x",), floating=True, autocast="high")
def multi_margin(xp: Any, x: Array, target: Array, /, *, p: int, margin: float) -> Array:
    """The mean over the classes of ``max(0, margin - x[target] + x)**p``; the right one has 0."""
    left, _ = _multi_margin_left(xp, x, target, margin)
    return xp.sum(left * left if p == 2 else left, axis=1) / x.shape[1]


def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    reduction: str = "mean",
) -> Any:
    """The right class is to have a higher score than every other one, by a margin.

    The mean of ``max(0, margin - score of the right class + score)**p`` over the classes, in which
    the right one counts as 0 (Weston & Watkins, "Support vector machines for multi-class pattern
    recognition", 1999).

    Parameters
    ----------
    input : Tensor, shape (n, classes) or (classes,)
        Scores.
    target : Tensor, shape (n,) or ()
        Class numbers.
    p : int
        1 or 2.
    margin : float
    weight : Tensor, shape (classes,), optional
        Of each class. A mean is divided by the number of examples nevertheless.
    reduction : str
        ``"mean"``, ``"sum"`` or ``"none"``.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> scores = ad.tensor([[3.0, 0.0, 2.5]])
    >>> round(nn.functional.multi_margin_loss(scores, ad.tensor([0])).item(), 4)  # 0.5 / 3
    0.1667
    """
    require_reduction("multi_margin_loss", reduction)
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p must be 1 or 2, not {p}")
    if len(input.shape) > 2:
        raise ValueError(
            f"multi_margin_loss: input has shape {input.shape}; it must be (n, classes) or "
            "(classes,)"
        )
    each, numbers, weight = _classified("multi_margin_loss", input, target, weight)
    losses = multi_margin(each, numbers, p=p, margin=margin)
    if weight is not None:
        losses = losses * weight
    return reduced(losses if len(input.shape) == 2 else losses[0], reduction)


# ---------------------------------------------------------------- focal loss
def focal_loss(
    input: Any,
    target: Any,
    alpha: Any = None,
    gamma: float = 2.0,
    reduction: str = "mean",
) -> Any:
    """Cross-entropy that looks away from what is easy: ``-(1 - p)**gamma * log(p)``.

    p is the probability of what is right (Lin et al., "Focal loss for dense object detection",
    2017). With ``gamma=0`` it is cross-entropy.

    Parameters
    ----------
    input : Tensor
        Logits.
    target : Tensor
        Of the input's shape: yes or no, 1 or 0, of each logit by itself. Or class numbers, without
        the axis of classes, which is axis 1 (0, if it is the only one); then p is that of the
        softmax.
    alpha : float or Tensor, optional
        For yes and no a factor for yes, ``1 - alpha`` being that for no; for classes one for each,
        of shape (classes,).
    gamma : float
        How much less the easy counts.
    reduction : str
        ``"mean"`` (over their number), ``"sum"`` or ``"none"``.

    Notes
    -----
    ``torchvision.ops.sigmoid_focal_loss`` is the first kind, with ``alpha=0.25`` and
    ``reduction="none"`` unless others are given.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> logits, yes = ad.tensor([0.0, 3.0]), ad.tensor([1.0, 1.0])
    >>> nn.functional.focal_loss(logits, yes, reduction="none").data.round(5)
    array([1.7329e-01, 1.1000e-04], dtype=float32)
    """
    require_reduction("focal_loss", reduction)
    if not gamma >= 0:
        raise ValueError(f"focal_loss: gamma={gamma} must not be negative")
    input, target = ad.asarray(input), ad.asarray(target)
    if target.ndim == input.ndim:
        require_same_shape("focal_loss", input=input, target=target)
        if not (alpha is None or isinstance(alpha, int | float) and 0 <= alpha <= 1):
            raise ValueError(f"focal_loss: alpha of yes and no is within 0 to 1, not {alpha}")
        return focal_error(input, target, reduction=reduction, alpha=alpha, gamma=gamma)
    each, numbers, weight = _classified("focal_loss", input, target, alpha)
    if each.shape[1] < 2:
        raise ValueError("focal_loss: one class alone; it takes two classes at least")
    # A class against all others is yes or no, with this logit.
    right = is_class(numbers, classes=each.shape[1])
    others = ad.logsumexp(ad.where(right, -ad.inf, each), axis=1)
    logit = _picked(each, numbers) - others
    losses = focal_error(logit, ad.ones_like(logit), reduction="none", alpha=None, gamma=gamma)
    if weight is not None:
        losses = losses * weight
    return reduced(ad.reshape(losses, target.shape), reduction)
