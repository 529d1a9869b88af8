"""Rows of the op table: matrix products, inverses and determinants."""

from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .case import LAPACK, B, Case, M, spd, special
from .generated import Generated
from .strategies import LENGTHS, arrays, lone, matrices, normal, products


def lapack(op, *inputs, prepare=spd, **options):
    return Case(op, inputs, options, prepare=prepare, half=LAPACK)


def systems(x):
    """Well-conditioned where square."""
    return spd(x) if x.shape[-1] == 3 and x.ndim > 1 and x.shape[-2] == 3 else x


CASES = [
    Case("matmul", ((3, 4), (4, 2))),
    Case("matmul", ((4,), (4,))),
    Case("matmul", ((3, 4), (4,))),
    Case("matmul", ((4,), (4, 2))),
    Case("matmul", ((2, 5, 3, 4), (4, 2))),
    Case("matmul", ((3, 4), (2, 5, 4, 2))),
    Case("matmul", ((2, 1, 3, 4), (5, 4, 2))),
    Case("matmul", ((2, 3, 4), (4,))),
    Case("matmul", ((4,), (2, 4, 3))),
    Case("matmul", ((1, 3, 4), (2, 4, 3))),
    Case("matmul", ((0, 4), (4, 2))),
    Case("matmul", ((2, 0, 4), (4, 2))),
    Case("matmul", ((0, 3, 4), (4, 2))),
    Case("matmul", ((3, 4), (0, 4, 2))),
    Case("matmul", ((3, 4), (2, 4, 0))),
    Case("matmul", ((0, 4), (2, 4, 3))),
    Case("matmul", ((2, 3, 0), (0, 4))),
    Case("matmul", ((3, 0), (2, 0, 4))),
    Case("cross", ((3,), (3,))),
    Case("cross", ((2, 3), (2, 3))),
    Case("cross", ((2, 3), (3,))),
    Case("cross", ((3, 2), (3, 2)), {"axis": -2}),
    lapack("inv", (3, 3)),
    lapack("inv", (2, 3, 3)),
    lapack("inv", (0, 0)),
    lapack("solve", (3, 3), (3,), prepare=systems),
    lapack("solve", (3, 3), (3, 2), prepare=systems),
    lapack("solve", (2, 3, 3), (3,), prepare=systems),
    lapack("solve", (2, 3, 3), (2, 3, 2), prepare=systems),
    lapack("solve", (3, 3), (2, 3, 2), prepare=systems),
    lapack("solve", (2, 1, 3, 3), (2, 3, 1), prepare=systems),
    lapack("solve", (0, 3, 3), (0, 3, 2), prepare=systems),
    lapack("pinv", (4, 3), prepare=systems),
    lapack("pinv", (3, 3), prepare=systems),
    lapack("pinv", (2, 3, 4), prepare=systems),
    lapack("pinv", (3, 4), prepare=systems, rtol=1e-3),
    lapack("slogdet", (3, 3)),
    lapack("slogdet", (2, 3, 3)),
    lapack("det", (3, 3), prepare=lambda x: x),
    lapack("det", (2, 3, 3), prepare=lambda x: x),
    lapack("det", (1, 1)),
    lapack("det", (0, 2, 2)),
    lapack("cofactors", (3, 3), prepare=lambda x: x),
    lapack("cofactors", (2, 2, 2), prepare=lambda x: x),
    lapack("cofactors", (1, 1)),
    Case("diagonal_mask", (M,)),
    Case("diagonal_mask", (B,)),
]  # fmt: skip

SPECIAL = [
    special(
        "det",
        [[[1.0, 2.0], [2.0, 4.0]]],
        0.0,
        [[[4.0, -2.0], [-2.0, 1.0]]],
        unlike="0, which is not the limit",
    ),
    special("det", [[[0.0, 0.0], [0.0, 0.0]]], 0.0, [[[0.0, 0.0], [0.0, 0.0]]]),
]


@st.composite
def vectors(draw):
    """Two stacks of vectors of three, which broadcast."""
    axis = draw(st.sampled_from([-1, -2]))
    stacks = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, min_dims=1, max_dims=2))
    x, y = [(*s[:-1], 3, s[-1]) if axis == -2 else (*s, 3) for s in stacks.input_shapes]
    return [draw(normal(x)), draw(normal(y))], {"axis": axis}


@st.composite
def linear_systems(draw):
    """A matrix or a stack, with a vector or matrices that broadcast."""
    a = draw(matrices("square"))
    n, columns = a.shape[-1], draw(LENGTHS)
    stack = draw(st.sampled_from([(), a.shape[:-2], (3, 1) if a.ndim < 4 else ()]))
    if a.ndim == 3 and a.shape[0] != 1 and len(stack) == 1 and draw(st.booleans()):
        stack = (1,)
    b = draw(normal(draw(st.sampled_from([(n,), (*stack, n, columns)]))))
    return [a, b]


GENERATED = [
    Generated("matmul", products(), whole=True, order=2),
    Generated("cross", vectors(), order=2),
    Generated("inv", lone(matrices("square", least=0)), whole=True, order=2),
    Generated("solve", linear_systems(), whole=True, order=2),
    Generated("pinv", lone(matrices(), rtol=st.sampled_from([None, 1e-3])), whole=True),
    Generated("slogdet", lone(matrices("square", least=0)), whole=True, order=2),
    Generated("det", lone(matrices("square", least=0)), whole=True, order=2),
    Generated("diagonal_mask", lone(arrays(normal, 2))),
]


# ---------------------------------------------------------------- PyTorch
SAME_NAME = "matmul"
NOT_IN_TORCH = {"cofactors": "inside the backward pass of det"}


def counterparts(torch):
    """PyTorch's function for each op here."""
    linalg = torch.linalg

    def solve(a, b):
        if b.ndim == 1:  # PyTorch takes other vectors for stacks of vectors too
            return linalg.solve(a, b.expand(*a.shape[:-1])[..., None])[..., 0]
        return linalg.solve(a, b[(None,) * (a.ndim - b.ndim)])

    return {name: getattr(torch, name) for name in SAME_NAME.split()} | {
        "cross": lambda x, y, axis=-1: linalg.cross(*torch.broadcast_tensors(x, y), dim=axis),
        "det": linalg.det,
        "inv": linalg.inv,
        "pinv": lambda x, rtol=None: linalg.pinv(x, rtol=rtol),
        "slogdet": lambda x: tuple(linalg.slogdet(x)),
        "solve": solve,
        "diagonal_mask": lambda x: torch.eye(*x.shape[-2:]).bool(),
    }
