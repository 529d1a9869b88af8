"""Rows of the op table: functions of one value, and choices by a condition."""

import numpy as np
from hypothesis import strategies as st

from .case import MASK, B, Case, M, S, binary, special, unary
from .generated import FINITE, POINTS, Generated, broadcastable, elementwise, same
from .strategies import arrays, distinct, lone

inf, nan = np.inf, np.nan
CASES = [
    *unary("exp"),
    *unary("expm1"),
    *unary("exp2"),
    *unary("log", low=0.5, high=3.0),
    *unary("log2", low=0.5, high=3.0),
    *unary("log10", low=0.5, high=3.0),
    *unary("log1p", low=-0.5, high=3.0),
    *unary("sqrt", low=0.5, high=3.0),
    *unary("rsqrt", low=0.5, high=3.0),
    *unary("cbrt", low=0.5, high=3.0),
    Case("cbrt", (M,), low=-3.0, high=-0.5, label="negative"),
    *binary("logaddexp"),
    *unary("softplus", low=-6.0, high=6.0),
    *unary("tanh"),
    *unary("sigmoid", low=-6.0, high=6.0),
    *unary("relu"),
    Case("where", (MASK, M, M)),
    Case("where", (MASK, (4,), S)),
    Case("where", (MASK, M, 0.0)),
    Case("where", (MASK, 1.0, M)),
    Case("clip", (M, -1.0, 1.0)),
    Case("clip", (M, None, 0.5)),
    Case("clip", (M, 0.5)),
    Case("clip", (B, (4,), (3, 1)), prepare=lambda x: 0.7 * x + 0.1 * x.ndim),
    *unary("clone"),
    Case("astype", (M,), {"dtype": np.float64}, half="it is about dtypes"),
    Case("move", (M,), {"device": "cpu", "source": "cpu"}),
]  # fmt: skip
SPECIAL = [
    special("relu", [0.0], 0.0, [0.0]),
    special("relu", [-1000.0], 0.0, [0.0]),
    special("relu", [nan], nan, [0.0], "1"),
    special("sigmoid", [0.0], 0.5, [0.25]),
    special("sigmoid", [1000.0], 1.0, [0.0]),
    special("sigmoid", [-1000.0], 0.0, [0.0]),
    special("sigmoid", [-100.0], np.exp(-100.0), [np.exp(-100.0)]),
    special("sigmoid", [-inf], 0.0, [0.0]),
    special("tanh", [1000.0], 1.0, [0.0]),
    special("tanh", [-1000.0], -1.0, [0.0]),
    special("sqrt", [0.0], 0.0, [inf]),
    special("log", [0.0], -inf, [inf]),
    special("log", [-1.0], nan, [-1.0]),
    special("log2", [0.0], -inf, [inf]),
    special("log10", [0.0], -inf, [inf]),
    special("log10", [inf], inf, [0.0]),
    special("log1p", [-1.0], -inf, [inf]),
    special("log1p", [0.0], 0.0, [1.0]),
    special("rsqrt", [0.0], inf, [-inf]),
    special("rsqrt", [inf], 0.0, [0.0]),
    special("rsqrt", [-1.0], nan, [nan]),
    special("cbrt", [0.0], 0.0, [inf], "has no `cbrt`"),
    special("cbrt", [-8.0], -2.0, [1 / 12]),
    special("cbrt", [-inf], -inf, [0.0]),
    special("exp2", [0.0], 1.0, [np.log(2.0)]),
    special("exp2", [2000.0], inf, [inf]),
    special("exp2", [-2000.0], 0.0, [0.0]),
    special("logaddexp", [2.0, 2.0], 2 + np.log(2.0), [0.5, 0.5]),
    special("logaddexp", [1000.0, -1000.0], 1000.0, [1.0, 0.0]),
    special("logaddexp", [-inf, -inf], -inf, [0.5, 0.5], "NaN, as it subtracts infinities"),
    special("logaddexp", [inf, inf], inf, [0.5, 0.5], "NaN, as it subtracts infinities"),
    special("logaddexp", [inf, -inf], inf, [1.0, 0.0]),
    special("logaddexp", [-inf, 1.0], 1.0, [0.0, 1.0]),
    special("logaddexp", [inf, 1.0], inf, [1.0, 0.0]),
    special("logaddexp", [nan, 1.0], nan, [nan, nan]),
    special("softplus", [0.0], np.log(2.0), [0.5]),
    special("softplus", [1000.0], 1000.0, [1.0]),
    special("softplus", [-1000.0], 0.0, [0.0]),
    special("softplus", [-50.0], np.exp(-50.0), [np.exp(-50.0)]),
    special("softplus", [inf], inf, [1.0]),
    special("softplus", [-inf], 0.0, [0.0]),
    special("softplus", [nan], nan, [nan]),
    special("exp", [1000.0], inf, [inf]),
    special("exp", [-1000.0], 0.0, [0.0]),
    special("where", [True, 1.0, nan], 1.0, [None, 1.0, 0.0]),
    special("clip", [1.0, 1.0, 2.0], 1.0, [1.0, 0.0, 0.0]),
    special("clip", [2.0, 1.0, 2.0], 2.0, [1.0, 0.0, 0.0]),
    special("clip", [3.0, 1.0, 2.0], 2.0, [0.0, 0.0, 1.0]),
    special("clip", [0.0, 1.0, 2.0], 1.0, [0.0, 1.0, 0.0]),
]


def full_first(xs):
    """The first operand as large as the result: PyTorch's clamp fails backward otherwise."""
    return [np.broadcast_to(xs[0], np.broadcast_shapes(*[x.shape for x in xs])).copy(), *xs[1:]]


DTYPES = st.sampled_from([np.float64, np.float32, np.int64])
GENERATED = [
    *same("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "tanh"),
    *same("sigmoid", "softplus", "clone"),
    elementwise("relu", apart=np.isnan),
    elementwise("cbrt", apart=lambda x: x == 0),
    elementwise("logaddexp", 2, apart=lambda x, y: np.isinf(x) & (x == y)),
    Generated("clip", elementwise("clip", 3, at=FINITE).inputs.map(full_first)),
    Generated("where", broadcastable(
        (st.booleans(), *[st.sampled_from(POINTS)] * 2), (np.bool_, np.float64, np.float64)
    )),
    Generated("astype", lone(arrays(distinct), dtype=DTYPES)),
    Generated("move", lone(arrays(distinct), device=st.just("cpu"), source=st.just("cpu"))),
]  # fmt: skip


# ---------------------------------------------------------------- PyTorch
SAME_NAME = "exp exp2 expm1 log log2 log10 log1p logaddexp sqrt rsqrt tanh sigmoid relu clone where"


def counterparts(torch):
    """PyTorch's function for each op here."""
    return {name: getattr(torch, name) for name in SAME_NAME.split()} | {
        "astype": lambda x, dtype: x.to(getattr(torch, np.dtype(dtype).name)),
        "cbrt": lambda x: torch.sign(x) * torch.abs(x) ** (1 / 3),
        "clip": torch.clamp,
        # Beyond its threshold PyTorch returns x itself.
        "softplus": lambda x: torch.nn.functional.softplus(x, threshold=40),
        "move": lambda x, device, source: x.to(device),
    }
