"""Activations that make one value of several features."""

from typing import Any

import autodiff as ad

Array = Any


def _halves(x: Array, dim: int) -> tuple[Any, Any]:
    """The indices of the first and the second half of an axis."""
    n = x.shape[dim]
    if n % 2:
        raise ValueError(f"axis {dim} of shape {x.shape} has an odd length; it is cut into halves")
    before = (slice(None),) * (dim % len(x.shape))
    return (*before, slice(n // 2)), (*before, slice(n // 2, n))


def _glu_x(g: Array, xp: Any, x: Array, dim: int) -> Array:
    first, second = _halves(x, dim)
    gate = ad.sigmoid(x[second])
    return xp.concatenate([g * gate, g * x[first] * (gate - gate * gate)], axis=dim)


@ad.op(x=_glu_x, promote=("x",), floating=True)
def glu(xp: Any, x: Array, /, dim: int = -1) -> Array:
    """``a * sigmoid(b)``, where ``a`` and ``b`` are the halves of an axis.

    Source: Dauphin, Fan, Auli & Grangier, "Language modeling with gated convolutional networks",
    2017.

    Parameters
    ----------
    x : Tensor
    dim : int
        The axis that is cut into halves; its length must be even.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.functional.glu(ad.tensor([4.0, 5.0, 0.0, 1000.0]))
    tensor([2., 5.])
    """
    first, second = _halves(x, dim)
    return x[first] * ad.sigmoid(x[second])


def maxout(input: Any, pieces: int, dim: int = -1) -> Any:
    """The largest of each group of ``pieces`` features that stand next to each other.

    With an affine map before it, a group is a convex function made of ``pieces`` planes, which is
    learned: see `nn.Maxout`. The largest gets the gradient, and equal ones share it.

    Source: Goodfellow, Warde-Farley, Mirza, Courville & Bengio, "Maxout networks", 2013.

    Parameters
    ----------
    input : Tensor
    pieces : int
        How many features a group has; their number must be a multiple of it.
    dim : int
        The axis of the features: -1 after a linear layer, 1 after a convolution.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.functional.maxout(ad.tensor([1.0, 2.0, -3.0, -4.0]), 2)
    tensor([ 2., -3.])
    """
    shape = input.shape
    n = shape[dim]
    if pieces < 1 or n % pieces:
        raise ValueError(
            f"maxout: axis {dim} of shape {shape} is cut into groups of {pieces}; its length must "
            "be a multiple of that"
        )
    dim %= len(shape)
    grouped = ad.reshape(input, (*shape[:dim], n // pieces, pieces, *shape[dim + 1 :]))
    return ad.max(grouped, axis=dim + 1)
