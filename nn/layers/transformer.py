"""The encoder of a transformer, and what tells it the places in a sequence."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import autodiff as ad

from .. import functional, init
from ..containers import ModuleList
from ..module import Module
from ..parameter import Buffer
from .affine import Linear
from .attention import MultiheadAttention
from .dropping import Dropout
from .normalization import LayerNorm

Activation = str | Callable[[Any], Any]


class TransformerEncoderLayer(Module):
    """Self-attention, then two affine maps at each place; around both a sum with what came in.

    With ``norm_first`` each of the two is ``x + f(norm(x))``, else ``norm(x + f(x))`` as in the
    first paper. Gradients reach the first layers of a deep stack undiminished if the
    normalization comes first, and training then needs no warm-up (Xiong et al., 2020).

    Source: Vaswani et al., "Attention is all you need", 2017, section 3.1.

    Parameters
    ----------
    d_model : int
        The features at each place.
    nhead : int
        How many heads the attention has.
    dim_feedforward : int
        The features between the two affine maps.
    dropout : float
        The probability of a value to be dropped: of the weights of the attention, between the
        affine maps, and at the end of both parts.
    activation : {"relu", "gelu"} or callable
        What stands between the affine maps.
    layer_norm_eps : float
    batch_first : bool
        Whether sequences are (N, L, d_model) rather than (L, N, d_model).
    norm_first : bool
        Whether normalization comes before both parts, or after the sums.
    bias : bool
        Whether affine maps and normalizations have biases.
    weight_init, bias_init : callable or str, optional
        Of the affine maps and projections: what fills a tensor in place, or its name.
    dtype, device : optional
        The defaults of the library if not given.
    generator : ad.random.Generator, optional
        What initial values and dropped values are drawn from.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> layer = nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, batch_first=True)
    >>> layer(ad.random.normal((3, 5, 8))).shape
    (3, 5, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = functional.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        weight_init: init.Initializer | None = None,
        bias_init: init.Initializer | None = None,
        dtype: Any = None,
        device: str | None = None,
        generator: ad.random.Generator | None = None,
    ) -> None:
        where = {"dtype": dtype, "device": device}
        how: dict[str, Any] = {
            "weight_init": weight_init,
            "bias_init": bias_init,
            "generator": generator,
            **where,
        }
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, **how
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias, **how)
        self.dropout = Dropout(dropout, generator=generator)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **how)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, **where)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, **where)
        self.dropout1 = Dropout(dropout, generator=generator)
        self.dropout2 = Dropout(dropout, generator=generator)
        self.activation = _activation(activation)

    def forward(
        self,
        src: Any,
        src_mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool = False,
    ) -> Any:
        """Pass a sequence on.

        Parameters
        ----------
        src : Tensor, shape (L, N, d_model)
            (N, L, d_model) with ``batch_first``; (L, d_model) without a batch.
        src_mask, src_key_padding_mask, is_causal
            ``attn_mask``, ``key_padding_mask`` and ``is_causal`` of `MultiheadAttention`.
        """

        def attention(x: Any) -> Any:
            x, _ = self.self_attn(x, x, x, src_key_padding_mask, False, src_mask, True, is_causal)
            return self.dropout1(x)

        def feedforward(x: Any) -> Any:
            x = self.dropout(self.activation(self.linear1(x)))
            return self.dropout2(self.linear2(x))

        if self.norm_first:
            x = src + attention(self.norm1(src))
            return x + feedforward(self.norm2(x))
        x = self.norm1(src + attention(src))
        return self.norm2(x + feedforward(x))

    def extra_repr(self) -> str:
        """Where the normalization is."""
        return "norm_first=True" if self.norm_first else ""


def _activation(activation: Activation) -> Callable[[Any], Any]:
    if callable(activation):
        return activation
    if activation not in ("relu", "gelu"):
        raise ValueError(
            f"TransformerEncoderLayer: activation must be relu, gelu or a function, not "
            f"{activation!r}"
        )
    found: Callable[[Any], Any] = getattr(functional, activation)
    return found


class TransformerEncoder(Module):
    """Several encoder layers, one after another.

    Parameters
    ----------
    encoder_layer : Module, or callable that makes one
        A module is copied ``num_layers`` times, and as in PyTorch **all copies begin with the same
        values**. A function without arguments is called for each layer, and each is drawn anew.
    num_layers : int
    norm : Module, optional
        What comes last: where the layers have ``norm_first``, a `LayerNorm`.
    enable_nested_tensor, mask_check : bool
        Ignored: they choose between ways to compute the same.

    Attributes
    ----------
    layers : ModuleList

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> def layer():
    ...     return nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True)
    >>> encoder = nn.TransformerEncoder(layer, num_layers=3, norm=nn.LayerNorm(8))
    >>> encoder(ad.random.normal((4, 5, 8)), is_causal=True).shape
    (4, 5, 8)
    """

    def __init__(
        self,
        encoder_layer: Module | Callable[[], Module],
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        make = encoder_layer
        if isinstance(encoder_layer, Module):
            make = partial(_copied, encoder_layer)
        self.layers = ModuleList([make() for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        src: Any,
        mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool | None = None,
    ) -> Any:
        """Pass a sequence through all layers.

        Parameters
        ----------
        src : Tensor, shape (L, N, d_model)
            (N, L, d_model) with ``batch_first``; (L, d_model) without a batch.
        mask, src_key_padding_mask, is_causal
            ``attn_mask``, ``key_padding_mask`` and ``is_causal`` of `MultiheadAttention`.
        """
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, bool(is_causal))
        return src if self.norm is None else self.norm(src)


def _copied(layer: Module) -> Module:
    """A copy with the same generators: with copies of them all layers would drop the same."""
    generators = [getattr(part, "generator", None) for part in layer.modules()]
    return copy.deepcopy(layer, {id(g): g for g in generators if g is not None})


class PositionalEncoding(Module):
    """Sines and cosines of the place, added to the features there.

    ``sin(place / 10000**(2 * i / d_model))`` to feature ``2 * i``, and the cosine to the one after
    it. Source: Vaswani et al., "Attention is all you need", 2017, section 3.5.

    Parameters
    ----------
    d_model : int
        The features at each place.
    dropout : float
        The probability of a sum to be dropped, in training mode.
    max_len : int
        The longest sequence.
    batch_first : bool
        Whether sequences are (N, L, d_model) rather than (L, N, d_model).
    dtype, device : optional
        The defaults of the library if not given.
    generator : ad.random.Generator, optional
        What dropped values are drawn from.

    Attributes
    ----------
    table : Buffer, shape (max_len, d_model)
        What is added. It is computed, and not part of the ``state_dict``.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> places = nn.PositionalEncoding(4, dropout=0.0)
    >>> places(ad.zeros((2, 4))).data.round(3)
    array([[0.   , 1.   , 0.   , 1.   ],
           [0.841, 0.54 , 0.01 , 1.   ]], dtype=float32)
    """

    def __init__(
        self,
        d_model: int,
        dropout: float = 0.1,
        max_len: int = 5000,
        batch_first: bool = False,
        *,
        dtype: Any = None,
        device: str | None = None,
        generator: ad.random.Generator | None = None,
    ) -> None:
        if d_model < 1 or max_len < 0:
            raise ValueError(f"PositionalEncoding({d_model}, max_len={max_len}): too small")
        self.d_model = d_model
        self.max_len = max_len
        self.batch_first = batch_first
        self.dropout = Dropout(dropout, generator=generator)
        place = ad.arange(max_len, dtype=ad.float64, device=device)
        feature = ad.arange(d_model, dtype=ad.float64, device=device)
        rate = 10000.0 ** ((feature - feature % 2) / -d_model)
        angle = ad.outer(place, rate)
        table = ad.where(feature % 2 == 0, ad.sin(angle), ad.cos(angle))
        self.table = Buffer(
            table, persistent=False, dtype=dtype or ad.get_default_dtype(), device=device
        )

    def forward(self, x: Any) -> Any:
        """Add to a sequence, (L, N, d_model), (N, L, d_model) or (L, d_model)."""
        if x.ndim not in (2, 3) or x.shape[-1] != self.d_model:
            raise ValueError(
                f"PositionalEncoding: input has shape {x.shape}; it must have two axes or three, "
                f"the last of {self.d_model}"
            )
        by_row = x.ndim == 3 and not self.batch_first
        length = x.shape[0] if by_row else x.shape[-2]
        if length > self.max_len:
            raise ValueError(
                f"PositionalEncoding: a sequence of {length} places, and max_len={self.max_len}; "
                "make the layer with a larger max_len"
            )
        places = self.table[:length]
        return self.dropout(x + (ad.expand_dims(places, 1) if by_row else places))

    def extra_repr(self) -> str:
        """What the constructor takes, if it is not as by default."""
        long = "" if self.max_len == 5000 else f", max_len={self.max_len}"
        return f"{self.d_model}{long}{', batch_first=True' if self.batch_first else ''}"
