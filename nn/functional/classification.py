"""Softmax cross-entropy, of classes and of probabilities.

Both ops spread each target as a row of *mass* over the classes: one-hot, or smoothed, or
probabilities, times class weights, divided by what a mean divides by. With z = x - max(x) a
row's loss is ``sum(mass) * log(sum(exp(z))) - sum(mass * z)`` and its gradient
``sum(mass) * softmax(x) - mass``. What is kept for the gradient is two numbers a row.
"""

from math import inf, nan
from typing import Any

import autodiff as ad

from .reduced import constant_like, require_reduction

Array = Any


@ad.op
def row_max(xp: Any, x: Array, /) -> Array:
    """The largest value of each row: a constant, since no result here depends on it."""
    return xp.max(x, axis=1, keepdims=True)


@row_max.kernel("numpy")
def _(xp: Any, x: Array, /) -> Array:
    # NumPy takes short rows one by one; columns it takes many at a time.
    if x.shape[1] > 64 or not x.size:
        return xp.maximum.reduce(x, axis=1, keepdims=True)
    return xp.maximum.reduce(x.T.copy(), axis=0)[:, None]


# ---------------------------------------------------------------- mass
@ad.op(promote=("x", "weight"))
def class_mass(
    xp: Any,
    x: Array,
    target: Array,
    weight: Array | None = None,
    /,
    *,
    mean: bool,
    ignore_index: int,
    label_smoothing: float,
) -> Array:
    """Class numbers as rows of mass like those of ``x``; a row to be ignored is 0."""
    valid = xp.expand_dims(target != ignore_index, 1)
    hot = xp.logical_and(xp.expand_dims(target, 1) == xp.arange(x.shape[1]), valid)
    hot = xp.asarray(hot, dtype=x.dtype)
    mass = hot if weight is None else hot * weight
    scale = 1
    if mean:
        total = xp.sum(mass)
        scale = xp.where(total == 0, inf, total)  # nothing counts: no mass
    if label_smoothing:
        even = xp.asarray(valid, dtype=x.dtype) * (label_smoothing / x.shape[1])
        mass = mass * (1 - label_smoothing) + (even if weight is None else even * weight)
    return mass / scale


@class_mass.kernel("numpy")
def _(
    xp: Any,
    x: Array,
    target: Array,
    weight: Array | None = None,
    /,
    *,
    mean: bool,
    ignore_index: int,
    label_smoothing: float,
) -> Array:
    classes = x.shape[1]
    rows = xp.arange(target.size)
    mass = xp.zeros(x.shape, x.dtype)
    if not _all_classes(xp, target, classes, ignore_index):
        rows = rows[target != ignore_index]
        target = target[rows]
        check_classes(xp, "cross_entropy", target, classes, ignore_index)
    scale = 1.0
    if mean:
        scale = len(rows) if weight is None else weight[target].sum()
        if not scale:
            return mass
    if label_smoothing:
        mass[rows] = label_smoothing / classes / scale
    mass[rows, target] += (1 - label_smoothing) / scale
    return mass if weight is None else xp.multiply(mass, weight, out=mass)


def _all_classes(xp: Any, target: Array, classes: int, ignore_index: int | None) -> bool:
    """Whether a NumPy array holds class numbers only, none of them to be ignored."""
    if ignore_index is not None and 0 <= ignore_index < classes:
        return False
    return not target.size or bool(
        xp.minimum.reduce(target) >= 0 and xp.maximum.reduce(target) < classes
    )


def check_classes(
    xp: Any, name: str, target: Array, classes: int, ignore_index: int | None
) -> None:
    """Raise ``IndexError`` for a class that does not exist in a NumPy array of those that count."""
    if not _all_classes(xp, target, classes, None):
        wrong = target[xp.logical_or(target < 0, target >= classes)][0]
        raise IndexError(
            f"{name}: class {wrong} is neither one of the {classes} classes, 0 to {classes - 1}, "
            f"nor ignore_index={ignore_index}"
        )


# ---------------------------------------------------------------- classes
def _of_classes_x(
    g: Array,
    xp: Any,
    x: Array,
    target: Array,
    weight: Array | None,
    top: Array,
    share: Array,
    reduction: str,
    ignore_index: int,
    label_smoothing: float,
) -> Array:
    mass = class_mass(
        x,
        target,
        weight,
        mean=reduction == "mean",
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
    )
    if reduction == "none":
        g = xp.expand_dims(g, 1)
    return (xp.exp(x - top) * share - mass) * g


@ad.op(
    x=_of_classes_x,
    saves=("top", "share"),
    promote=("x", "weight"),
    floating=True,
    autocast="high",
)
def softmax_cross_entropy(
    xp: Any,
    x: Array,
    target: Array,
    weight: Array | None = None,
    /,
    *,
    reduction: str,
    ignore_index: int,
    label_smoothing: float,
) -> tuple[Array, Array, Array]:
    """The cross-entropy of class numbers (n,) given logits (n, classes).

    On NumPy arrays a class that does not exist raises ``IndexError``; elsewhere looking for
    one would wait for the device.
    """
    mass = class_mass(
        x,
        target,
        weight,
        mean=reduction == "mean",
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
    )
    top = row_max(x)
    loss, total = _loss(xp, x - top, mass, reduction)
    of_row = xp.sum(mass, axis=1, keepdims=True)
    if reduction == "mean":  # that of nothing is not a number; it pulls nobody
        loss = xp.where(xp.sum(of_row) == 0, nan, loss)
    return loss, top, of_row / total


@softmax_cross_entropy.kernel("numpy")
def _(
    xp: Any,
    x: Array,
    target: Array,
    weight: Array | None = None,
    /,
    *,
    reduction: str,
    ignore_index: int,
    label_smoothing: float,
) -> tuple[Array, Array, Array]:
    n, classes = x.shape
    if (
        weight is not None
        or label_smoothing
        or not n
        or not _all_classes(xp, target, classes, ignore_index)
    ):
        general: tuple[Array, Array, Array] = softmax_cross_entropy.body(
            xp,
            x,
            target,
            weight,
            reduction=reduction,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
        )
        return general
    top = row_max.kernels["numpy"](xp, x)
    z = x - top
    picked = z[xp.arange(n), target]
    total = xp.add.reduce(xp.exp(z, out=z), axis=1, keepdims=True)
    losses = xp.log(total)[:, 0]
    losses -= picked
    if reduction == "none":
        return losses, top, 1 / total
    loss = xp.add.reduce(losses)
    return (loss, top, 1 / total) if reduction == "sum" else (loss / n, top, (1 / n) / total)


def _loss(xp: Any, z: Array, mass: Array, reduction: str) -> tuple[Array, Array]:
    """The loss, and each row's sum of ``exp(z)``."""
    total = xp.sum(xp.exp(z), axis=1, keepdims=True)
    # A class without mass may have the logit -inf.
    picked = mass * xp.where(mass != 0, z, xp.zeros_like(z))
    losses = xp.sum(mass, axis=1) * xp.reshape(xp.log(total), (-1,)) - xp.sum(picked, axis=1)
    return losses if reduction == "none" else xp.sum(losses), total


# ---------------------------------------------------------------- probabilities
def _of_mass_x(
    g: Array, xp: Any, x: Array, mass: Array, top: Array, total: Array, reduction: str
) -> Array:
    if reduction == "none":
        g = xp.expand_dims(g, 1)
    return (xp.exp(x - top) * (xp.sum(mass, axis=1, keepdims=True) / total) - mass) * g


def _of_mass_mass(g: Array, xp: Any, x: Array, top: Array, total: Array, reduction: str) -> Array:
    if reduction == "none":
        g = xp.expand_dims(g, 1)
    return (xp.log(total) - (x - top)) * g


@ad.op(
    x=_of_mass_x,
    mass=_of_mass_mass,
    saves=("top", "total"),
    promote=("x", "mass"),
    floating=True,
    autocast="high",
)
def mass_cross_entropy(
    xp: Any, x: Array, mass: Array, /, *, reduction: str
) -> tuple[Array, Array, Array]:
    """The cross-entropy of rows of mass (n, classes) given logits (n, classes)."""
    top = row_max(x)
    loss, total = _loss(xp, x - top, mass, reduction)
    return loss, top, total


# ---------------------------------------------------------------- the function
def as_rows(x: Any) -> Any:
    """(n, classes, *rest) as (n * rest, classes)."""
    if x.ndim == 2:
        return x
    if x.ndim == 1:
        return ad.expand_dims(x, 0)
    return ad.reshape(ad.transpose(x, (0, *range(2, x.ndim), 1)), (-1, x.shape[1]))


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """The cross-entropy between targets and the softmax of logits.

    Parameters
    ----------
    input : Tensor, shape (n, classes, ...) or (classes,)
        Logits.
    target : Tensor
        Class numbers of shape (n, ...) or (), or probabilities of the input's shape.
    weight : Tensor, shape (classes,), optional
        Of each class.
    ignore_index : int
        Class number of examples that count for nothing.
    reduction : str
        ``"mean"`` (over the weights of the examples that count), ``"sum"`` or ``"none"``.
    label_smoothing : float
        What part of every target is spread evenly over the classes.

    Raises
    ------
    ValueError
        If the shapes do not correspond.
    IndexError
        On the CPU, for a class number out of range.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> logits = ad.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    >>> nn.functional.cross_entropy(logits, ad.tensor([0, 2]), reduction="none").data
    array([0.23954484, 1.0986123 ], dtype=float32)
    """
    require_reduction("cross_entropy", reduction)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing={label_smoothing} is not within 0 to 1")
    input, target = ad.asarray(input), ad.asarray(target)
    shape = input.shape
    if not shape:
        raise ValueError("cross_entropy: input has shape (); it needs an axis of classes")
    axis = 0 if len(shape) == 1 else 1
    rest = shape[:axis] + shape[axis + 1 :]
    if weight is not None:
        weight = constant_like(as_rows(input), "cross_entropy: weight", weight)
        if weight.shape != (shape[axis],):
            raise ValueError(
                f"cross_entropy: weight has shape {weight.shape}; it must have one number for "
                f"each of {shape[axis]} classes"
            )
    if ad.backend.is_float(target.dtype):
        if target.shape != shape:
            raise ValueError(
                f"cross_entropy: probabilities of shape {target.shape} for input of shape "
                f"{shape}; they must be equal (class numbers must be integers)"
            )
        mass = as_rows(target)
        if label_smoothing:
            mass = mass * (1 - label_smoothing) + label_smoothing / shape[axis]
        if weight is not None:
            mass = mass * weight
        if reduction == "mean":
            mass = mass / mass.shape[0]
        loss = mass_cross_entropy(as_rows(input), mass, reduction=reduction)
    else:
        if target.shape != rest:
            raise ValueError(
                f"cross_entropy: class numbers of shape {target.shape} for input of shape "
                f"{shape}; they must have shape {rest}"
            )
        loss = softmax_cross_entropy(
            as_rows(input),
            target if target.ndim == 1 else ad.reshape(target, (-1,)),
            weight,
            reduction=reduction,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
        )
    return ad.reshape(loss, rest) if reduction == "none" and len(rest) != 1 else loss
