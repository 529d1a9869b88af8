"""Directions of vectors."""

from typing import Any

import autodiff as ad


def _direction(x: Any, p: float, dim: int, eps: float) -> Any:
    # In float16 a small eps would be 0, and a vector of zeros become NaN.
    least = max(eps, float(ad.finfo(x.dtype).tiny))
    return x / ad.maximum(ad.norm(x, p, axis=dim, keepdims=True), least)


def _floats(x: Any) -> Any:
    x = ad.asarray(x)
    return x if ad.backend.is_float(x.dtype) else x.astype(ad.get_default_dtype())


def normalize(input: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    """``x / max(norm(x), eps)``: vectors of length 1 along an axis.

    Parameters
    ----------
    input : Tensor
    p : float
        Which norm: 2 is the Euclidean one.
    dim : int
    eps : float
        The least that is divided by; vectors of zeros stay what they are.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.functional.normalize(ad.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6, 0.8],
            [0. , 0. ]])
    """
    return _direction(_floats(input), p, dim, eps)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """The cosine of the angle between vectors: their product, if both had length 1.

    Parameters
    ----------
    x1, x2 : Tensor
        Their shapes broadcast.
    dim : int
        The axis of the vectors, after broadcasting.
    eps : float
        The least length that is divided by; with a vector of zeros the result is 0.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> x = ad.tensor([[1.0, 0.0], [1.0, 1.0]])
    >>> nn.functional.cosine_similarity(x, ad.tensor([[0.0, 2.0]]))
    tensor([0.        , 0.70710677])
    """
    x1, x2 = _floats(x1), _floats(x2)
    if x1.shape != x2.shape:
        x1, x2 = ad.broadcast_arrays(x1, x2)
    return ad.sum(_direction(x1, 2, dim, eps) * _direction(x2, 2, dim, eps), axis=dim)
