"""Attention, and the encoder of a transformer."""

from itertools import product

import numpy as np

import autodiff as ad
import nn

from .part import SAME, Part

rng = np.random.default_rng(0)
N, L, S, E, H = 2, 3, 4, 4, 2  # batch, queries, keys, features, heads
LATER = np.triu(np.ones((L, L), bool), 1)  # what a causal mask leaves out
PADDING = np.array([[False, False, False, True], [False, True, False, True]])
LEFT_OUT = rng.uniform(size=(N * H, L, S)) > 0.6
LEFT_OUT[..., 0] = False  # PyTorch has NaN where a query is left no key
ADDED = rng.standard_normal((N * H, L, S))
ADDED_PADDING = rng.standard_normal((N, S))

BATCHED = ((L, N, E), (S, N, E), (S, N, E))
FIRST = ((N, L, E), (N, S, E), (N, S, E))
ALONE = ((L, E), (S, E), (S, E))


def attention(options=(), inputs=BATCHED, padding=None, need=True, mask=None, mean=True, **how):
    return Part(
        "MultiheadAttention", (E, H), dict(options), (*inputs, padding, need, mask, mean), **how
    )


def label(**masks):
    return ", ".join([""] + [f"{k} {v.dtype}{v.shape}" for k, v in masks.items() if v is not None])


ENDS = [{}, {"add_bias_kv": True}, {"add_zero_attn": True}]
ENDS += [{"add_bias_kv": True, "add_zero_attn": True}]
MASKS = [
    *product((None, PADDING), (None, LEFT_OUT[0], LEFT_OUT)),
    *product((None, ADDED_PADDING), (ADDED[0], ADDED)),
    (ADDED_PADDING, None),
]
WIDTHS = [{"kdim": 3}, {"vdim": 5}, {"kdim": 3, "vdim": 5}]


def layer(options=(), inputs=((L, N, E), None, None, False), **how):
    """An encoder layer without dropout."""
    given = {"dim_feedforward": 6, "dropout": 0.0} | dict(options)
    return Part("TransformerEncoderLayer", (E, H), given, inputs, **how)


def layers(norm, inputs, **options):
    """Three of them."""

    def made(nn, **more):
        layer = nn.TransformerEncoderLayer(E, H, 6, 0.0, **options, **more)
        return layer, 3, nn.LayerNorm(E) if norm else None

    return Part(
        "TransformerEncoder", made(nn, generator=ad.random.Generator(0)), {}, inputs,
        theirs=lambda torch: torch.nn.TransformerEncoder(*made(torch.nn)),
        label=f"{norm} {options} {len(inputs)}",
    )  # fmt: skip


def swish(x):
    return x / (1 + 2.718281828459045**-x)


def sinusoids(module, x):
    """By the paper's formula, place by place."""
    length, width = x.shape[-2:] if module.batch_first or x.ndim == 2 else x.shape[::2]
    table = np.array([
        [(np.cos if j % 2 else np.sin)(p / 10000 ** ((j - j % 2) / width)) for j in range(width)]
        for p in range(length)
    ])  # fmt: skip
    return x + (table if module.batch_first or x.ndim == 2 else table[:, None])


PARTS = [
    *[
        attention({"bias": bias, "batch_first": first} | ends, FIRST if first else BATCHED,
                  PADDING, mask=LEFT_OUT[0], label=label(masks=PADDING))
        for bias in (True, False) for first in (True, False) for ends in ENDS
    ],
    *[
        attention({"add_bias_kv": ends}, BATCHED, padding, need, mask,
                  label=label(padding=padding, mask=mask) + f" {need}")
        for padding, mask in MASKS for ends in (False, True) for need in (False, True)
    ],
    *[
        attention({}, BATCHED, PADDING, need, LEFT_OUT, mean, label=f"{need} {mean}")
        for need in (True, False) for mean in (True, False)
    ],
    *[
        attention(widths | {"bias": bias}, ((L, N, E), (S, N, widths.get("kdim", E)),
                  (S, N, widths.get("vdim", E))), PADDING)
        for widths in WIDTHS for bias in (True, False)
    ],
    *[
        attention({"add_zero_attn": zero}, ALONE, padding, mask=mask, mean=mean,
                  label=f" alone{label(padding=padding, mask=mask)} {mean}")
        for zero in (False, True)
        for padding, mask in [(None, None), (PADDING[1], LEFT_OUT[0]), (None, ADDED[:H])]
        for mean in (True, False)
    ],
    *[  # self-attention
        attention({"batch_first": first, "bias": bias}, (shape, SAME, SAME), mask=mask,
                  label=f" self {shape}{label(mask=mask)}")
        for first, shape in [(True, (N, L, E)), (False, (L, N, E)), (True, (L, E)), (False, (L, E))]
        for bias in (True, False)
        for mask in (None, LATER)
    ],
    attention({}, ((L, N, E), SAME, SAME), None, False, LATER, label=" causal",
              call={"is_causal": True}),
    attention({}, ((L, N, E), (S, N, E), SAME), PADDING, label=" of one sequence"),
    attention({"dropout": 0.5}, BATCHED, random=True),
    *[
        layer({"norm_first": norm, "batch_first": first, "bias": bias, "activation": name},
              ((L, N, E), None, PADDING[:, 1:] if not first else None, False))
        for norm in (False, True)
        for first in (False, True)
        for bias in (True, False)
        for name in ("relu", "gelu")
    ],
    layer({"activation": swish}, label="swish"),
    layer({"layer_norm_eps": 0.1}),
    *[
        layer({"norm_first": norm}, inputs, label=f"{len(inputs[0])} {i}")
        for norm in (False, True)
        for i, inputs in enumerate([
            ((L, N, E), LATER, None, True),
            ((L, N, E), LATER, PADDING[:, :L], False),
            ((L, N, E), ADDED[0, :, :L], ADDED_PADDING[:, :L], False),
            ((L, N, E), LEFT_OUT[..., :L], None, False),
            ((L, E), None, None, False),
            ((L, E), LATER, PADDING[0, :L], False),
        ])
    ],
    layer({"dropout": 0.3}, random=True),
    layers(False, ((L, N, E),)),
    layers(True, ((L, N, E), LATER)),
    layers(True, ((L, N, E), LATER, PADDING[:, :L]), norm_first=True),
    layers(False, ((N, L, E), LATER, None, True), batch_first=True),
    layers(False, ((L, E), None, PADDING[0, :L])),
    *[
        Part("PositionalEncoding", (width, 0.0, 7), {"batch_first": first, "dtype": np.float64},
             (shape,), alone="PyTorch has no such layer", reference=sinusoids)
        for width in (4, 5, 1)
        for first, shape in [(False, (L, N, width)), (True, (N, L, width)), (False, (7, width))]
    ],
]  # fmt: skip
