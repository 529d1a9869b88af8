"""Rows of the op table: activations."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import nn  # noqa: F401 - declares the ops

from .case import B, Case, M, special, unary
from .generated import POINTS, Generated, elementwise, same

inf, nan = np.inf, np.nan
SOFTPLUS = "nn.functional.smooth.softplus"  # `softplus` is autodiff's, which has no threshold
SELU_SCALE = 1.0507009873554805
SELU_AT_0 = 1.6732632423543772 * SELU_SCALE  # alpha * scale: the limit from below
TAIL, SLOPE_OF_TAIL = -5.507248237212468e-88, -1.1014360483133464e-86  # of gelu at -20
TANH = {"approximate": "tanh"}
WIDE = {"low": -8.0, "high": 8.0}


def along(op):
    """One axis or two with none named, any axis, short rows and long ones, empty ones."""
    return [
        Case(op, (M,)),
        Case(op, ((5,),)),
        Case(op, (B,), {"dim": -1}),
        Case(op, (B,), {"dim": 1}),
        Case(op, (B,), {"dim": 0}),
        Case(op, ((2, 40),), {"dim": 1}),
        Case(op, ((2, 1),)),
        Case(op, ((0, 3),)),
        Case(op, ((3, 0),)),
        Case(op, (M,), low=998.0, high=1002.0, wrt=(), label="large"),
    ]


CASES = [
    *unary("step"),
    Case("step", (M,), {"at_zero": 0.5}),
    *unary("leaky_relu"),
    Case("leaky_relu", ((3, 4),), {"negative_slope": -0.5}),
    Case("prelu", (M, M)),
    Case("prelu", (B, (3, 1))),
    Case("prelu", (M, ())),
    Case("prelu", (M, 0.25)),
    Case("prelu", ((), ())),
    Case("prelu", ((0, 3), (3,))),
    *unary("threshold", options={"threshold": 0.3, "value": -2.0}),
    *unary("hardtanh"),
    Case("hardtanh", (M,), {"min_val": -0.5, "max_val": 0.7}),
    *unary("hardsigmoid", **WIDE),
    *unary("hardswish", **WIDE),
    *unary("softshrink"),
    Case("softshrink", (M,), {"lambd": 0.2}),
    *unary("hardshrink"),
    Case("hardshrink", (M,), {"lambd": 0.2}),
    *unary("elu"),
    Case("elu", ((3, 4),), {"alpha": 0.3}),
    *unary("celu"),
    Case("celu", (M,), {"alpha": -2.0}),
    Case("celu", (M,), {"alpha": 0.5}),  # PyTorch keeps 1 / alpha in float32
    *unary("selu"),
    *unary("gelu", low=-4.0, high=4.0),
    *unary("gelu", options=TANH),
    *unary("silu", **WIDE),
    *unary("mish", **WIDE),
    *unary(SOFTPLUS, **WIDE),
    Case(SOFTPLUS, (M,), {"beta": 0.5}),
    Case(SOFTPLUS, (M,), {"beta": -2.0, "threshold": 1.0}),
    *unary("log_sigmoid", **WIDE),
    *unary("softsign"),
    *unary("tanhshrink"),
    *along("softmax"),
    *along("log_softmax"),
    Case("glu", ((3, 4),)),
    Case("glu", ((4,),)),
    Case("glu", ((2, 6, 4),), {"dim": 1}),
    Case("glu", ((2, 6, 4),), {"dim": 0}),
    Case("glu", ((3, 0),)),
]  # fmt: skip
LIMIT_OF_PYTORCH = "NaN, as it multiplies by an infinity"
SPECIAL = [
    special("step", [0.0], 0.0, [0.0]),
    special("step", [0.0], 0.5, [0.0], at_zero=0.5),
    special("step", [-inf], 0.0, [0.0]),
    special("step", [inf], 1.0, [0.0]),
    special("step", [nan], nan, [0.0], "0"),
    special("leaky_relu", [0.0], 0.0, [0.01]),
    special("leaky_relu", [0.0], 0.0, [0.2], negative_slope=0.2),
    special("leaky_relu", [-inf], -inf, [0.01]),
    special("prelu", [0.0, 0.25], 0.0, [0.25, 0.0]),
    special("prelu", [-2.0, 0.25], -0.5, [0.25, -2.0]),
    special("prelu", [inf, 0.25], inf, [1.0, 0.0]),
    special("threshold", [0.5], 20.0, [0.0], threshold=0.5, value=20.0),
    special("threshold", [nan], nan, [1.0], threshold=0.5, value=20.0),
    special("hardtanh", [1.0], 1.0, [0.0]),
    special("hardtanh", [-1.0], -1.0, [0.0]),
    special("hardtanh", [inf], 1.0, [0.0]),
    special("hardtanh", [nan], nan, [1.0]),
    special("hardsigmoid", [3.0], 1.0, [0.0]),
    special("hardsigmoid", [-3.0], 0.0, [0.0]),
    special("hardsigmoid", [-inf], 0.0, [0.0]),
    special("hardswish", [3.0], 3.0, [1.0]),
    special("hardswish", [-3.0], -0.0, [0.0]),
    special("hardswish", [1000.0], 1000.0, [1.0]),
    special("hardswish", [-1000.0], -0.0, [0.0]),
    special("hardswish", [inf], inf, [1.0]),
    special("hardswish", [-inf], -0.0, [0.0], LIMIT_OF_PYTORCH),
    special("hardswish", [nan], nan, [nan], "1"),
    special("softshrink", [0.5], 0.0, [0.0]),
    special("softshrink", [-0.5], 0.0, [0.0]),
    special("softshrink", [inf], inf, [1.0]),
    special("hardshrink", [0.5], 0.0, [0.0]),
    special("hardshrink", [-0.5], 0.0, [0.0]),
    special("elu", [0.0], 0.0, [1.0]),
    special("elu", [0.0], 0.0, [0.5], alpha=0.5),
    special("elu", [-1000.0], -1.0, [0.0]),
    special("elu", [-inf], -1.0, [0.0]),
    special("elu", [nan], nan, [nan], "1"),
    special("celu", [0.0], 0.0, [1.0], alpha=0.5),
    special("celu", [-1000.0], -0.5, [0.0], alpha=0.5),
    special("celu", [1000.0], 1000.0, [1.0]),
    special("celu", [nan], nan, [nan], "1"),
    special("selu", [0.0], 0.0, [SELU_AT_0]),
    special("selu", [-1000.0], -SELU_AT_0, [0.0]),
    special("selu", [nan], nan, [nan], "its scale, about 1.05"),
    *[
        point
        for op, options in [("gelu", {}), ("gelu", TANH), ("silu", {}), ("mish", {})]
        for point in [
            special(op, [0.0], 0.0, [0.6 if op == "mish" else 0.5], **options),
            special(op, [1000.0], 1000.0, [1.0], **options),
            special(op, [-1000.0], -0.0, [0.0], **options),
            special(op, [inf], inf, [1.0], "NaN for the gradient", **options),
            special(op, [-inf], -0.0, [0.0], LIMIT_OF_PYTORCH, **options),
            special(op, [nan], nan, [nan], **options),
        ]
    ],
    special("gelu", [-20.0], TAIL, [SLOPE_OF_TAIL], "0, as 1 + erf(x) loses the tail"),
    special(SOFTPLUS, [0.0], np.log(2.0), [0.5]),
    special(SOFTPLUS, [20.0], 20.0 + np.log1p(np.exp(-20.0)), [1 / (1 + np.exp(-20.0))]),
    special(SOFTPLUS, [20.5], 20.5, [1.0]),
    special(SOFTPLUS, [1000.0], 1000.0, [1.0]),
    special(SOFTPLUS, [-1000.0], 0.0, [0.0]),
    special(SOFTPLUS, [inf], inf, [1.0]),
    special(SOFTPLUS, [nan], nan, [nan]),
    special("log_sigmoid", [0.0], -np.log(2.0), [0.5]),
    special("log_sigmoid", [1000.0], 0.0, [0.0]),
    special("log_sigmoid", [-1000.0], -1000.0, [1.0]),
    special("log_sigmoid", [-inf], -inf, [1.0]),
    special("log_sigmoid", [inf], 0.0, [0.0]),
    special("softsign", [0.0], 0.0, [1.0]),
    special("softsign", [1000.0], 1000 / 1001, [1001.0**-2]),
    special("softsign", [inf], 1.0, [0.0], "NaN, as it divides infinities"),
    special("softsign", [-inf], -1.0, [0.0], "NaN, as it divides infinities"),
    special("softsign", [nan], nan, [nan]),
    special("glu", [[3.0, 1000.0]], [3.0], [[1.0, 0.0]]),
    special("glu", [[3.0, -1000.0]], [0.0], [[0.0, 0.0]]),
    special("tanhshrink", [0.0], 0.0, [0.0]),
    special("tanhshrink", [-1000.0], -999.0, [1.0]),
    special("tanhshrink", [inf], inf, [1.0]),
    special("softmax", [[1000.0, 1000.0]], [0.5, 0.5], [[0.0, 0.0]]),
    special("softmax", [[-1000.0, 1000.0]], [0.0, 1.0], [[0.0, 0.0]]),
    special("softmax", [[-inf, 0.0]], [0.0, 1.0], [[0.0, 0.0]]),
    special("softmax", [[-inf, -inf]], [nan, nan], [[nan, nan]]),
    special("softmax", [[inf, 0.0]], [nan, nan], [[nan, nan]]),
    special("log_softmax", [[-1000.0, 1000.0]], [-2000.0, 0.0], [[1.0, -1.0]]),
    special("log_softmax", [[-inf, 0.0]], [-inf, 0.0], [[1.0, -1.0]]),
]
AXIS = st.sampled_from(({"dim": -1}, {"dim": 0}, {"dim": 1}))
ROWS = st.tuples(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=3, min_side=0, max_side=4),
        elements=st.one_of(st.floats(-9.0, 9.0, allow_subnormal=False), st.sampled_from(POINTS)),
    )
).map(list)
GENERATED = [
    *same("leaky_relu", "hardtanh", SOFTPLUS, "log_sigmoid", "tanhshrink"),
    elementwise("threshold", options=st.just({"threshold": 0.5, "value": -2.0})),
    elementwise("prelu", 2),
    elementwise("step", apart=np.isnan),
    # PyTorch's gradient at NaN depends on how many elements there are.
    *same("elu", "celu", "selu", "hardsigmoid", "softshrink", "hardshrink", apart=np.isnan),
    *same("gelu", "silu", "mish", "softsign", apart=np.isinf),
    elementwise("gelu", options=st.just(TANH), apart=np.isinf),
    elementwise("hardswish", apart=lambda x: (x == -inf) | np.isnan(x)),
    Generated("softmax", ROWS, AXIS),
    Generated("log_softmax", ROWS, AXIS),
    Generated("glu", ROWS.map(lambda xs: [np.concatenate([xs[0], xs[0][..., ::-1]], -1)]),
              apart=np.isinf),
]  # fmt: skip


# ---------------------------------------------------------------- PyTorch
SAME_NAME = (
    "celu elu gelu glu hardshrink hardswish hardtanh leaky_relu log_softmax mish selu silu "
    "softmax softshrink softsign tanhshrink threshold"
)


def counterparts(torch):
    """PyTorch's function for each op here."""
    F = torch.nn.functional

    def last_axis(fn):
        return lambda x, dim=-1: fn(x, dim)

    def step(x, at_zero=0.0):  # PyTorch's has no gradient; that of its sign is 0
        at_zero = torch.tensor(at_zero, dtype=x.dtype)
        return torch.heaviside(x.detach(), at_zero) + 0 * torch.sign(x)

    return {name: getattr(F, name) for name in SAME_NAME.split()} | {
        SOFTPLUS: F.softplus,
        # Its own has 1 / 6 in float32, and no second derivative.
        "hardsigmoid": lambda x: F.relu6(x + 3) / 6,
        "log_sigmoid": F.logsigmoid,
        "log_softmax": last_axis(F.log_softmax),
        "prelu": lambda x, weight: torch._prelu_kernel(*torch.broadcast_tensors(x, weight)),
        "softmax": last_axis(F.softmax),
        "step": step,
    }
