"""Rows of the op table: attention."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import nn  # noqa: F401 - declares the ops

from .case import Case
from .generated import Generated

Q, K = (2, 3, 4), (2, 5, 4)
LEFT = np.random.default_rng(0).uniform(size=(2, 3, 5)) > 0.4
SOME_DEAD = LEFT.copy()
SOME_DEAD[0, 1] = False  # a query without keys
HALVED = {"scale": 0.5}

CASES = [
    Case("attention_weights", (Q, K)),
    Case("attention_weights", (Q, K), HALVED | {"causal": True}),
    Case("attention_weights", (K, Q), {"causal": True}),
    Case("attention_weights", ((3, 4), (5, 4)), HALVED),
    Case("attention_weights", ((2, 1, 3, 4), (3, 5, 4)), HALVED, label="broadcast"),
    Case("attention_weights", (Q, K, LEFT), HALVED, label="bools"),
    Case("attention_weights", (Q, K, LEFT[0]), HALVED | {"causal": True}, label="bools"),
    Case("attention_weights", (Q, K, LEFT[:, :1]), HALVED, label="keys"),
    Case("attention_weights", (Q, K, SOME_DEAD), HALVED, label="dead"),
    Case("attention_weights", (Q, K, (2, 3, 5)), HALVED, label="floats"),
    Case("attention_weights", (Q, K, (1, 5)), HALVED, label="floats, broadcast"),
    Case("attention_weights", (Q, (2, 0, 4)), HALVED),
    Case("attention_weights", ((2, 0, 4), K), HALVED),
    Case("attention_weights", ((2, 3, 0), (2, 5, 0)), HALVED),
    Case("softmax_pull", (Q, Q)),
    Case("softmax_pull", ((0, 3), (0, 3))),
    Case("split_heads", ((2, 3, 12),), {"heads": 2}),
    Case("split_heads", ((2, 3, 6),), {"heads": 1}),
]


SIZES = st.integers(0, 4)
VALUES = st.floats(-4, 4, allow_subnormal=False)


def floats(*shape):
    return hnp.arrays(np.float64, shape, elements=VALUES)


@st.composite
def queries_and_keys(draw):
    """Of some batch, with a mask or without."""
    n, rows, columns, width = draw(SIZES), draw(SIZES) + 1, draw(SIZES) + 1, draw(SIZES) + 1
    mask = draw(st.none() | hnp.arrays(bool, (rows, columns)))
    return [draw(floats(n, rows, width)), draw(floats(n, columns, width)), mask]


SCALES = st.fixed_dictionaries({"scale": st.floats(-2, 2)})
PAIRS = st.tuples(SIZES, SIZES).flatmap(lambda shape: st.tuples(floats(*shape), floats(*shape)))
PACKED = st.tuples(SIZES, SIZES).flatmap(lambda shape: floats(*shape, 12))
GENERATED = [
    Generated("attention_weights", queries_and_keys(), SCALES, whole=True, order=2),
    Generated("softmax_pull", PAIRS.map(list), whole=True, order=2),
    Generated("split_heads", PACKED.map(lambda x: [x]), st.just({"heads": 2})),
]


# ---------------------------------------------------------------- PyTorch
def counterparts(torch):
    """PyTorch's function for each op here."""

    def attention_weights(query, key, mask=None, scale=1.0, causal=False):
        """The attention of values that are the rows of the identity."""
        if causal and mask is not None:
            mask, causal = mask & torch.ones(mask.shape, dtype=bool).tril(), False
        values = torch.eye(key.shape[-2], dtype=query.dtype)
        kinds = torch.nn.attention
        with kinds.sdpa_kernel(kinds.SDPBackend.MATH):  # the others have no second derivative
            return torch.nn.functional.scaled_dot_product_attention(
                query, key, values, mask, is_causal=causal, scale=scale
            )

    def split_heads(x, heads):
        n, length, width = x.shape
        return x.view(n, length, 3, heads, width // 3 // heads).permute(2, 0, 3, 1, 4).unbind()

    return {
        "attention_weights": attention_weights,
        "softmax_pull": lambda x, y: y * (x - (x * y).sum(-1, keepdim=True)),
        "split_heads": split_heads,
    }
