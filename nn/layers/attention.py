"""Attention with several heads."""

from math import inf
from typing import Any

import autodiff as ad

from .. import functional, init
from ..functional.attention import as_mask, attend, split_heads
from ..module import Module
from ..parameter import Parameter
from .affine import Linear


class MultiheadAttention(Module):
    """Attention by several heads, each with projections of its own.

    ``concatenate(head_1, ..., head_h) @ out_proj.weight.T``, with head i the attention of
    ``query @ W_q[i].T``, ``key @ W_k[i].T`` and ``value @ W_v[i].T``.

    Source: Vaswani et al., "Attention is all you need", 2017, section 3.2.2.

    Parameters
    ----------
    embed_dim : int
        The features of queries and results; a multiple of ``num_heads``.
    num_heads : int
    dropout : float
        The probability of a weight to be dropped, in training mode.
    bias : bool
        Whether the projections have biases.
    add_bias_kv : bool
        Whether a key and a value that are learned stand at the end of every sequence.
    add_zero_attn : bool
        Whether a key and a value of 0 stand there.
    kdim, vdim : int, optional
        The features of keys and of values, if not ``embed_dim``.
    batch_first : bool
        Whether sequences are (N, L, features) rather than (L, N, features).
    weight_init, bias_init : callable or str, optional
        What fills a tensor in place, or its name. By default every projection is Glorot
        uniform (also where three of them are one parameter), and biases are 0.
    dtype, device : optional
        The defaults of the library if not given.
    generator : ad.random.Generator, optional
        What initial values and dropped weights are drawn from.

    Attributes
    ----------
    in_proj_weight : Parameter, shape (3 * embed_dim, embed_dim), or None
        Of queries, keys and values; None where ``kdim`` or ``vdim`` differ from ``embed_dim``.
    q_proj_weight, k_proj_weight, v_proj_weight : Parameter, or None
        They are there instead.
    in_proj_bias : Parameter, shape (3 * embed_dim,), or None
    bias_k, bias_v : Parameter, shape (1, 1, embed_dim), or None
    out_proj : Linear

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> attention = nn.MultiheadAttention(8, 2, batch_first=True)
    >>> x = ad.random.normal((3, 5, 8))
    >>> out, weights = attention(x, x, x)
    >>> out.shape, weights.shape
    ((3, 5, 8), (3, 5, 5))
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        *,
        weight_init: init.Initializer | None = None,
        bias_init: init.Initializer | None = None,
        dtype: Any = None,
        device: str | None = None,
        generator: ad.random.Generator | None = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0 or embed_dim % num_heads:
            raise ValueError(
                f"MultiheadAttention({embed_dim}, {num_heads}): embed_dim must be a positive "
                "multiple of num_heads"
            )
        if not 0 <= dropout <= 1:
            raise ValueError(f"MultiheadAttention: dropout={dropout} is not a probability")
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.add_zero_attn = add_zero_attn
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.batch_first = batch_first
        self.generator = generator

        where = {"dtype": dtype, "device": device}
        fill = weight_init or init.xavier_uniform_

        def weight(rows: int, columns: int, blocks: int = 1) -> Parameter:
            made = Parameter(ad.zeros((rows, columns), **where))
            init.initialize(fill, made, generator, blocks=blocks)
            return made

        self.in_proj_weight = self.q_proj_weight = self.k_proj_weight = self.v_proj_weight = None
        if self.kdim == self.vdim == embed_dim:
            self.in_proj_weight = weight(3 * embed_dim, embed_dim, blocks=3)
        else:
            self.q_proj_weight = weight(embed_dim, embed_dim)
            self.k_proj_weight = weight(embed_dim, self.kdim)
            self.v_proj_weight = weight(embed_dim, self.vdim)
        self.in_proj_bias = Parameter(ad.zeros(3 * embed_dim, **where)) if bias else None
        if self.in_proj_bias is not None and bias_init is not None:
            init.initialize(bias_init, self.in_proj_bias, generator)
        self.bias_k = self.bias_v = None
        if add_bias_kv:
            self.bias_k, self.bias_v = [
                Parameter(init.xavier_normal_(ad.zeros((1, 1, embed_dim), **where), 1.0, generator))
                for _ in range(2)
            ]
        self.out_proj = Linear(
            embed_dim,
            embed_dim,
            bias,
            weight_init=weight_init,
            bias_init=bias_init,
            generator=generator,
            **where,
        )

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        """Attend to the values.

        Parameters
        ----------
        query : Tensor, shape (L, N, embed_dim)
            (N, L, embed_dim) with ``batch_first``; (L, embed_dim) without a batch.
        key : Tensor, shape (S, N, kdim)
        value : Tensor, shape (S, N, vdim)
        key_padding_mask : Tensor, shape (N, S), or (S,) without a batch, optional
            True where a key is padding and is left out; or floats, added to the scores.
        need_weights : bool
            Whether the weights are returned.
        attn_mask : Tensor, shape (L, S) or (N * num_heads, L, S), optional
            True where a query must not look; or floats, added to the scores.
        average_attn_weights : bool
            Whether the weights returned are the mean over the heads.
        is_causal : bool
            Whether query ``i`` sees the keys up to ``i`` only. Where ``attn_mask`` is given too,
            it is what counts.

        Returns
        -------
        out : Tensor, shape of ``query``
            ``out_proj.bias`` for a query that no key is left for.
        weights : Tensor, shape (N, L, S), or None
            (N, num_heads, L, S) unless averaged; without the first axis where there is no batch.
            In training mode they are those after dropout.
        """
        alone = query is key is value  # self-attention: one product serves all three
        query, key, value = ad.asarray(query), ad.asarray(key), ad.asarray(value)
        self._require_fit(query, key, value)
        if alone and self.in_proj_weight is not None:
            projected = functional.linear(query, self.in_proj_weight, self.in_proj_bias)
            q, k, v = split_heads(self._batch_first(projected), self.num_heads)
        else:
            q, k, v = self._projected(query, key, value)
        if is_causal and attn_mask is None:
            rows = ad.arange(q.shape[2], device=q.device)
            attn_mask = ad.arange(k.shape[2], device=q.device) > ad.expand_dims(rows, 1)
        mask = self._mask(q, k, attn_mask, key_padding_mask)
        k, v = self._extended(k, self.bias_k), self._extended(v, self.bias_v)

        dropout = self.dropout if self.training else 0.0
        heads, weights = attend(q, k, v, mask, dropout, generator=self.generator)
        batched = query.ndim == 3
        axes = (0, 2, 1, 3) if self.batch_first or not batched else (2, 0, 1, 3)
        out = self.out_proj(ad.reshape(ad.permute_dims(heads, axes), query.shape))
        if not need_weights:
            return out, None
        if average_attn_weights:
            weights = ad.mean(weights, axis=1)
        return out, weights if batched else weights[0]

    def _require_fit(self, query: Any, key: Any, value: Any) -> None:
        """Raise ``ValueError`` unless the inputs go together, and with this layer."""
        widths = query.shape[-1:], key.shape[-1:], value.shape[-1:]
        if not (
            query.ndim == key.ndim == value.ndim in (2, 3)
            and widths == ((self.embed_dim,), (self.kdim,), (self.vdim,))
            and key.shape[:-1] == value.shape[:-1]
            and (query.ndim == 2 or query.shape[self._batch_axis] == key.shape[self._batch_axis])
        ):
            order = "(N, L, features)" if self.batch_first else "(L, N, features)"
            raise ValueError(
                f"MultiheadAttention: query {query.shape}, key {key.shape}, value {value.shape}; "
                f"they must be {order} or (L, features), with {self.embed_dim}, {self.kdim} and "
                f"{self.vdim} features, the same N, and key and value of one length"
            )

    @property
    def _batch_axis(self) -> int:
        return 0 if self.batch_first else 1

    def _batch_first(self, x: Any) -> Any:
        """A sequence as (N, L, features)."""
        if x.ndim == 2:
            return ad.expand_dims(x, 0)
        return x if self.batch_first else ad.swapaxes(x, 0, 1)

    def _projected(self, *sequences: Any) -> list[Any]:
        """Queries, keys and values of other sequences, as (N, heads, L, features of a head)."""
        weights = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        if self.in_proj_weight is not None:
            weights = ad.split(self.in_proj_weight, 3)
        biases = [None] * 3 if self.in_proj_bias is None else ad.split(self.in_proj_bias, 3)
        made = []
        for x, weight, bias in zip(sequences, weights, biases, strict=True):
            x = self._batch_first(functional.linear(x, weight, bias))
            x = ad.reshape(x, (*x.shape[:2], self.num_heads, -1))
            made.append(ad.swapaxes(x, 1, 2))
        return made

    def _extended(self, x: Any, bias: Any) -> Any:
        """Keys or values with those that are learned, and 0, at the end."""
        n, heads, _, width = x.shape
        parts = [x]
        if bias is not None:
            bias = ad.reshape(bias, (1, heads, 1, width))
            parts.append(ad.broadcast_to(bias, (n, heads, 1, width)))
        if self.add_zero_attn:
            parts.append(ad.zeros((n, heads, 1, width), dtype=x.dtype, device=x.device))
        return ad.concatenate(parts, axis=2) if len(parts) > 1 else x

    def _mask(self, q: Any, k: Any, attn_mask: Any, key_padding_mask: Any) -> Any:
        """Both masks as one that broadcasts to the scores, as `attend` takes it."""
        n, heads, length, _ = q.shape
        keys = k.shape[2]
        masks = []
        if attn_mask is not None:
            mask = as_mask("MultiheadAttention: attn_mask", attn_mask, q.dtype)
            if mask.shape not in ((length, keys), (n * heads, length, keys)):
                raise ValueError(
                    f"MultiheadAttention: attn_mask has shape {mask.shape}; it must have "
                    f"{(length, keys)} or {(n * heads, length, keys)}"
                )
            masks.append(mask if mask.ndim == 2 else ad.reshape(mask, (n, heads, length, keys)))
        if key_padding_mask is not None:
            mask = as_mask("MultiheadAttention: key_padding_mask", key_padding_mask, q.dtype)
            if mask.shape != (n, keys) and (n, *mask.shape) != (1, keys):
                raise ValueError(
                    f"MultiheadAttention: key_padding_mask has shape {mask.shape}; it must have "
                    f"{(n, keys)}"
                )
            masks.append(ad.reshape(mask, (n, 1, 1, keys)))
        if not masks:
            return None
        mask = masks[0] if len(masks) == 1 else _together(*masks)
        if ends := (self.bias_k is not None) + self.add_zero_attn:  # what stands there takes part
            mask = ad.pad(mask, ((0, 0),) * (mask.ndim - 1) + ((0, ends),))
        return ad.logical_not(mask) if mask.dtype == ad.bool else mask

    def extra_repr(self) -> str:
        """What the constructor takes, if it is not as by default."""
        words = [f"{self.embed_dim}, {self.num_heads}"]
        given = {
            "dropout": (self.dropout, 0.0),
            "bias": (self.in_proj_bias is not None, True),
            "add_bias_kv": (self.bias_k is not None, False),
            "add_zero_attn": (self.add_zero_attn, False),
            "kdim": (self.kdim, self.embed_dim),
            "vdim": (self.vdim, self.embed_dim),
            "batch_first": (self.batch_first, False),
        }
        words += [f"{name}={x}" for name, (x, default) in given.items() if x != default]
        return ", ".join(words)


def _together(one: Any, two: Any) -> Any:
    """Two masks as one; of bools, which are true where a place is left out, and added floats."""
    if one.dtype == two.dtype == ad.bool:
        return ad.logical_or(one, two)
    if one.dtype == ad.bool:
        return ad.where(one, -inf, two)
    return ad.where(two, -inf, one) if two.dtype == ad.bool else one + two
