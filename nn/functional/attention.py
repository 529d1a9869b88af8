"""Attention: averages of values, with weights that say how well queries and keys fit.

Source: Vaswani et al., "Attention is all you need", 2017, section 3.2.

The weights are one op, computed in the memory of the scores. What is kept for the gradient is
the weights, and queries, keys and values, which are views of the projections.
"""

from math import inf
from typing import Any

import autodiff as ad

from .dropping import dropout

Array = Any


def _mT(xp: Any, x: Array) -> Array:
    return xp.swapaxes(x, -1, -2)


# ---------------------------------------------------------------- weights
@ad.op(promote=("x", "y"), linear=("x",))
def softmax_pull(xp: Any, x: Array, y: Array, /) -> Array:
    """The gradient of scores, where ``y = softmax(scores)`` has the gradient ``x``."""
    return y * (x - xp.sum(x * y, axis=-1, keepdims=True))


@softmax_pull.vjp("x")
def _(g: Array, y: Array) -> Array:
    return softmax_pull(g, y)


@softmax_pull.vjp("y")
def _(g: Array, xp: Any, x: Array, y: Array) -> Array:
    along = xp.sum(x * y, axis=-1, keepdims=True)
    return g * (x - along) - x * xp.sum(g * y, axis=-1, keepdims=True)


@softmax_pull.kernel("numpy")
def _(xp: Any, x: Array, y: Array, /) -> Array:
    out = x - xp.vecdot(x, y)[..., None]
    out *= y
    return out


@ad.op(promote=("query", "key"), floating=True, autocast="low")
def attention_weights(
    xp: Any,
    query: Array,
    key: Array,
    mask: Array | None = None,
    /,
    scale: float = 1.0,
    causal: bool = False,
) -> Array:
    """``softmax(scale * query @ key.mT)``, of the places that the mask leaves.

    A query that is left no place gets weights of 0.

    Parameters
    ----------
    query : array, shape (..., L, E)
    key : array, shape (..., S, E)
    mask : array, broadcastable to (..., L, S), optional
        Bools, true where a place takes part; or floats, which are added to the scores.
    scale : float
    causal : bool
        Whether query ``i`` is left the keys up to ``i`` only.
    """
    scores = xp.matmul(query * scale, _mT(xp, key))
    if 0 in scores.shape:
        return scores
    if causal:
        scores = xp.where(_up_to(xp, scores), scores, -inf)
    if mask is not None:
        scores = xp.where(mask, scores, -inf) if _is_bool(mask) else scores + mask
    top = xp.max(scores, axis=-1, keepdims=True)
    weights = xp.exp(scores - xp.where(top == -inf, 0, top))
    total = xp.sum(weights, axis=-1, keepdims=True)
    return weights / xp.where(total == 0, 1, total)


def _up_to(xp: Any, scores: Array) -> Array:
    """For each query the keys that are not after it."""
    rows, columns = scores.shape[-2:]
    return xp.expand_dims(xp.arange(rows), 1) >= xp.arange(columns)


def _is_bool(mask: Array) -> bool:
    return not ad.backend.is_float(mask.dtype)


@attention_weights.kernel("numpy")
def _(
    xp: Any,
    query: Array,
    key: Array,
    mask: Array | None = None,
    /,
    scale: float = 1.0,
    causal: bool = False,
) -> Array:
    scores = xp.matmul(query * scale, _mT(xp, key))
    if 0 in scores.shape:
        return scores
    if causal:
        scores += xp.where(_up_to(xp, scores), scores.dtype.type(0), -inf)
    if mask is not None:
        scores += xp.where(mask, scores.dtype.type(0), -inf) if _is_bool(mask) else mask
    top = xp.max(scores, axis=-1, keepdims=True)
    top[top == -inf] = 0
    scores -= top
    xp.exp(scores, out=scores)
    total = xp.matmul(scores, xp.ones(scores.shape[-1], scores.dtype))  # sooner than a sum
    total[total == 0] = 1
    scores /= total[..., None]
    return scores


@attention_weights.vjp("query", "key", "mask")
def _(
    g: Array,
    xp: Any,
    query: Array,
    key: Array,
    out: Array,
    scale: float,
    needs: tuple[bool, bool, bool],
) -> tuple[Array | None, Array | None, Array]:
    g = softmax_pull(g, out)
    return (
        xp.matmul(g, key) * scale if needs[0] else None,
        xp.matmul(_mT(xp, g), query) * scale if needs[1] else None,
        g,
    )


# ---------------------------------------------------------------- heads
@ad.op(outputs=3)
def split_heads(xp: Any, x: Array, /, heads: int) -> tuple[Array, Array, Array]:
    """Queries, keys and values side by side, (N, L, 3 E), each as (N, heads, L, E / heads)."""
    n, length, width = x.shape
    parts = xp.reshape(x, (n, length, 3, heads, width // 3 // heads))
    parts = xp.transpose(parts, (2, 0, 3, 1, 4))
    return parts[0], parts[1], parts[2]


@split_heads.vjp("x")
def _(g: tuple[Array, Array, Array], xp: Any, x_shape: tuple[int, ...]) -> Array:
    by_place = [xp.swapaxes(part, 1, 2) for part in g]
    return xp.reshape(xp.stack(by_place, axis=2), x_shape)


def attend(
    query: Any,
    key: Any,
    value: Any,
    mask: Any = None,
    dropout_p: float = 0.0,
    causal: bool = False,
    scale: float | None = None,
    generator: ad.random.Generator | None = None,
) -> tuple[Any, Any]:
    """The averages of the values, and the weights they were made with."""
    if scale is None:
        scale = query.shape[-1] ** -0.5 if query.shape[-1] else 1.0
    weights = attention_weights(query, key, mask, scale=scale, causal=causal)
    weights = dropout(weights, dropout_p, generator=generator)
    return ad.matmul(weights, value), weights


def as_mask(name: str, mask: Any, dtype: Any) -> Any:
    """A mask of bools, or of floats in ``dtype``; anything else is refused."""
    mask = ad.asarray(mask)
    if ad.backend.is_float(mask.dtype):
        return mask.astype(dtype)
    if mask.dtype != ad.bool:
        raise TypeError(f"{name}: a mask must be of bools or floats, not {mask.dtype}")
    return mask


# ---------------------------------------------------------------- the function
def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """``softmax(scale * query @ key.mT) @ value``: for each query an average of the values.

    Source: Vaswani et al., "Attention is all you need", 2017, equation 1.

    Parameters
    ----------
    query : Tensor, shape (..., L, E)
    key : Tensor, shape (..., S, E)
    value : Tensor, shape (..., S, Ev)
        The axes before the last two broadcast.
    attn_mask : Tensor, broadcastable to (..., L, S), optional
        Bools: true where a key takes part (in `nn.MultiheadAttention` it is the other way
        round). Floats are added to the scores.
    dropout_p : float
        The probability of a weight to be dropped. There is no training mode here: pass 0 when
        evaluating.
    is_causal : bool
        Whether query ``i`` sees the keys up to ``i`` only. Not together with ``attn_mask``.
    scale : float, optional
        ``1 / sqrt(E)`` if not given.
    enable_gqa : bool
        Whether key and value may have fewer heads (on the third axis from the end) than the
        query; each then serves several in a row (Ainslie et al., 2023).

    Returns
    -------
    Tensor, shape (..., L, Ev)
        0 for a query that no key is left for.

    Raises
    ------
    ValueError
        If the shapes do not fit, or both ``attn_mask`` and ``is_causal`` are given.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> query, key = ad.tensor([[8.0, 0.0]]), ad.tensor([[8.0, 0.0], [0.0, 8.0]])
    >>> value = ad.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> nn.functional.scaled_dot_product_attention(query, key, value)
    tensor([[1., 2., 3.]])
    """
    name = "scaled_dot_product_attention"
    query, key, value = ad.asarray(query), ad.asarray(key), ad.asarray(value)
    if attn_mask is not None:
        if is_causal:
            raise ValueError(f"{name}: give attn_mask or is_causal, not both")
        attn_mask = as_mask(name, attn_mask, query.dtype)
    if enable_gqa:
        key, value = _shared(name, query, key), _shared(name, query, value)
    _require_fit(name, query, key, value, attn_mask)
    return attend(query, key, value, attn_mask, dropout_p, is_causal, scale)[0]


def _shared(name: str, query: Any, x: Any) -> Any:
    """Keys or values with each head repeated for the queries that it serves."""
    if query.ndim < 3 or x.ndim < 3 or not x.shape[-3] or query.shape[-3] % x.shape[-3]:
        raise ValueError(
            f"{name}: shapes {query.shape} and {x.shape}; with enable_gqa the heads of key and "
            "value, on axis -3, divide those of the query"
        )
    times = query.shape[-3] // x.shape[-3]
    return x if times == 1 else ad.repeat(x, times, axis=-3)


def _require_fit(name: str, query: Any, key: Any, value: Any, mask: Any) -> None:
    """Raise ``ValueError`` unless the shapes of one attention go together."""
    shapes = f"query {query.shape}, key {key.shape}, value {value.shape}"
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise ValueError(f"{name}: {shapes}; each needs at least two axes (length, features)")
    if query.shape[-1] != key.shape[-1]:
        raise ValueError(f"{name}: {shapes}; query and key need the same last axis")
    if key.shape[-2] != value.shape[-2]:
        raise ValueError(f"{name}: {shapes}; key and value need the same length, on axis -2")
    try:
        batch = ad.broadcast_shapes(query.shape[:-2], key.shape[:-2])
        ad.broadcast_shapes(batch, value.shape[:-2])
    except ValueError:
        raise ValueError(
            f"{name}: {shapes}; the axes before the last two do not broadcast"
        ) from None
    scores = (*batch, query.shape[-2], key.shape[-2])
    if mask is not None:
        padded = (1,) * (len(scores) - mask.ndim) + mask.shape
        if len(padded) > len(scores) or any(m not in (1, n) for m, n in zip(padded, scores)):
            raise ValueError(
                f"{name}: a mask of shape {mask.shape} does not broadcast to the scores, which "
                f"have shape {scores}: {shapes}"
            )
