"""Rows for public functions that are made of ops: they have no rule, but the same modes."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autodiff as ad

from .case import LAPACK, MASK, B, Case, M
from .generated import Generated, broadcastable
from .strategies import (
    BOOLS,
    LENGTHS,
    SHIFTS,
    along,
    arrays,
    at_axis,
    distinct,
    einsums,
    few,
    lone,
    matrices,
    normal,
    numbers,
    one,
    shapes,
)


def find(name: str) -> Any:
    """What a name, perhaps dotted, means in `autodiff`; None if there is no such thing."""
    found: Any = ad
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


class Composite(Case):
    """One way to call a function that is no op."""

    @property
    def fn(self) -> Callable[..., Any]:
        function: Callable[..., Any] = find(self.op)
        return function

    def differentiable(self) -> tuple[int, ...]:
        if self.wrt is not None:
            return self.wrt
        return tuple(i for i, x in enumerate(self.inputs) if isinstance(x, tuple))

    def made_of(self) -> list[str]:
        """The ops that it records."""
        names: list[str] = []
        values = self.arrays()
        for i in self.differentiable():
            values[i] = ad.tensor(values[i], requires_grad=True)
        with ad.tap(lambda node, out: names.append(node.op.name)):
            self.call(values)
        return sorted(set(names))


INDEX = np.array([[0, 2, 1, 2], [1, 1, 0, 0]])
COMPOSITES = [
    Composite("moveaxis", (B, 0, -1)),
    Composite("broadcast_arrays", ((3, 1), (4,))),
    Composite("split", ((6, 2), 3)),
    Composite("split", (M, [1, 3]), {"axis": 1}),
    Composite("array_split", ((5, 2), 3)),
    Composite("unstack", (B,), {"axis": 1}),
    Composite("ravel", (B,)),
    Composite("flatten", (B,)),
    Composite("diag", (M,), {"k": 1}),
    Composite("diag", ((3,),)),
    Composite("gather", (M, 0, INDEX)),
    Composite("nonzero", (M,), wrt=()),
    Composite("topk", (M, 2)),
    Composite("masked_fill", (M, MASK, 1.5)),
    Composite("one_hot", (np.array([2, 0, 1]), 4)),
    Composite("dot", (M, (4,))),
    Composite("inner", (M, (2, 4))),
    Composite("outer", ((3,), (4,))),
    Composite("tensordot", (B, (4, 3, 5)), {"axes": ([1, 2], [1, 0])}),
    Composite("einsum", ("bij,bjk->ik", B, (2, 4, 3))),
    Composite("einsum", ("ii->i", (3, 3))),
    Composite("vecdot", (B, (3, 4))),
    Composite("kron", ((2, 3), (3, 2))),
    Composite("trace", (M,), {"offset": 1}),
    Composite("linalg.norm", (B, 3.0, 1)),
    Composite("linalg.norm", (M, "nuc"), half=LAPACK),
    Composite("linalg.norm", (B, 2), {"axis": (0, 2)}, half=LAPACK),
    Composite("linalg.norm", (B, "fro"), {"axis": (1, 2), "keepdims": True}),
    Composite("linalg.matrix_power", ((2, 3, 3), 3)),
    Composite("linalg.matrix_power", ((3, 3), -2), half=LAPACK, low=0.1, high=0.2,
              prepare=lambda x: x + np.eye(3)),
]  # fmt: skip


@st.composite
def moved(draw):
    x = draw(arrays(distinct, 1))
    count = draw(st.sampled_from(range(x.ndim, 0, -1)))
    source, destination = [
        tuple(draw(st.permutations(range(-x.ndim, 0)))[:count]) for _ in range(2)
    ]
    return [x, source[0], destination[0]] if count == 1 else [x, source, destination]


@st.composite
def divided(draw, equal=False):
    """An array, how many parts or where to cut, and an axis."""
    x = draw(arrays(distinct, 1, side=6))
    axis = draw(one(x.ndim))
    n = x.shape[axis]
    parts = [p for p in range(1, 5) if not equal or n % p == 0]
    cuts = st.lists(st.integers(0, n), max_size=3).map(sorted)
    return [x, draw(st.one_of(st.sampled_from(parts), cuts)), axis]


@st.composite
def gathered(draw):
    x, axis, index = draw(at_axis())
    return [x, axis, index]


@st.composite
def best(draw):
    x = draw(arrays(distinct, 1))
    axis = draw(one(x.ndim))
    return [x, draw(st.sampled_from(range(x.shape[axis], -1, -1))), axis, draw(st.booleans())]


@st.composite
def filled(draw):
    x = draw(arrays(distinct))
    shape = x.shape[draw(st.sampled_from(range(x.ndim + 1))) :]
    return [x, draw(hnp.arrays(np.bool_, shape)), draw(st.sampled_from([0.0, 1.5, -np.inf]))]


@st.composite
def classes(draw):
    n = draw(st.integers(1, 4))
    return [draw(numbers(0, n, shapes(0, 2, empty=False))), draw(st.sampled_from([n, n + 1, -1]))]


@st.composite
def facing(draw, how):
    """Operands of a product along the last axes, whose lengths agree."""
    n, m, p = (draw(LENGTHS) for _ in range(3))
    around = draw(shapes(0, 2))
    x = draw(st.sampled_from([(n,), (m, n), (*around, n)]))
    y = draw(st.sampled_from({
        "dot": [(n,), (n, p), (2, n, p)],
        "inner": [(n,), (p, n), (2, p, n)],
        "vecdot": [(n,), x, (2, *x)],
    }[how]))  # fmt: skip
    return [draw(normal(x)), draw(normal(y))]


@st.composite
def summed(draw):
    """Operands and axes of ``tensordot``, in all their forms."""
    count = draw(st.sampled_from([2, 1, 0]))
    common = draw(shapes(count, count))
    x, y = (draw(shapes(0, 2)) for _ in range(2))
    if draw(st.booleans()):
        axes = draw(st.sampled_from([count, (list(range(-count, 0)), list(range(count)))]))
        return [draw(normal((*x, *common))), draw(normal((*common, *y)))], {"axes": axes}
    order = draw(st.permutations(range(count)))
    y = (*[common[i] for i in order], *y)
    axes = [len(x) + i for i in order], list(range(count))
    return [draw(normal((*x, *common))), draw(normal(y))], {"axes": axes}


@st.composite
def traced(draw):
    x = draw(arrays(distinct, 2))
    axis1, axis2 = draw(st.permutations(range(x.ndim)))[:2]
    offset = draw(SHIFTS)
    return [x], {"offset": offset, "axis1": axis1, "axis2": axis2 - x.ndim}


@st.composite
def normed(draw):
    """The norm of vectors or matrices; their singular values differ."""
    if draw(st.booleans()):
        x = draw(arrays(normal, 1, empty=False))
        ords = st.sampled_from([None, 1, 2, 3, 0.5, np.inf, -np.inf])
        return [x, draw(ords), draw(one(x.ndim))], {"keepdims": draw(st.booleans())}
    x = draw(matrices(stacks=st.sampled_from([(), (2,), (2, 1)])))
    rows, columns = draw(st.permutations(range(x.ndim)))[:2]
    x = np.moveaxis(x, (-2, -1), (rows, columns))
    return [x, draw(MATRIX_ORDS), (rows, columns - x.ndim)], {"keepdims": draw(st.booleans())}


def pairs(*shapes_of):
    return st.tuples(*[shape.flatmap(normal) for shape in shapes_of]).map(list)


MATRIX_ORDS = st.sampled_from([None, "fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf])
SUMS = {"whole": True, "order": 2}
GENERATED = [
    Generated("moveaxis", moved()),
    Generated("broadcast_arrays", broadcastable((st.floats(-4, 4),) * 3, (np.float64,) * 3)),
    Generated("split", divided(equal=True)),
    Generated("array_split", divided()),
    Generated("unstack", along(one, distinct, least=1)),
    Generated("ravel", lone(arrays(distinct))),
    Generated("flatten", lone(arrays(distinct))),
    Generated("diag", lone(arrays(distinct, 1, 2), k=SHIFTS)),
    Generated("gather", gathered()),
    Generated("nonzero", lone(arrays(few, 1))),
    Generated("topk", best()),
    Generated("masked_fill", filled()),
    Generated("one_hot", classes()),
    Generated("dot", facing("dot"), **SUMS),
    Generated("inner", facing("inner"), **SUMS),
    Generated("outer", pairs(shapes(0, 2), shapes(0, 2)), **SUMS),
    Generated("tensordot", summed(), **SUMS),
    Generated("einsum", einsums(), **SUMS),
    Generated("vecdot", facing("vecdot"), **SUMS),
    Generated("kron", pairs(shapes(0, 2), shapes(0, 2)), **SUMS),
    Generated("trace", traced(), order=2),
    Generated("linalg.cholesky", lone(matrices("positive"), upper=st.booleans()), **SUMS),
    Generated("linalg.diagonal", lone(arrays(distinct, 2), offset=SHIFTS)),
    Generated("linalg.norm", normed(), whole=True),
    Generated(
        "linalg.matrix_norm",
        lone(matrices(), ord=MATRIX_ORDS.filter(bool), keepdims=BOOLS),
        whole=True,
    ),
    Generated("linalg.matrix_power", lone(matrices("square"), n=st.integers(-3, 5)), **SUMS),
]


# ---------------------------------------------------------------- PyTorch
def counterparts(torch: Any) -> dict[str, Any]:
    """PyTorch's function for each."""

    def tensordot(x: Any, y: Any, axes: Any = 2) -> Any:
        if not isinstance(axes, int):
            axes = [[a] if isinstance(a, int) else a for a in axes]
        return torch.tensordot(x, y, axes)

    def split(x: Any, parts: Any, axis: int = 0) -> Any:
        return torch.tensor_split(x, parts, dim=axis)

    def dot(x: Any, y: Any) -> Any:
        return torch.tensordot(x, y, ([-1], [-2])) if y.ndim > 2 else torch.matmul(x, y)

    def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        return torch.diagonal(x, offset, axis1, axis2).sum(-1)

    def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
        return torch.linalg.norm(x, ord, axis, keepdims)

    return {name: getattr(torch, name) for name in
            "ravel flatten masked_fill inner einsum kron topk gather".split()} | {
        "moveaxis": torch.movedim,
        "broadcast_arrays": torch.broadcast_tensors,
        "split": split,
        "array_split": torch.tensor_split,
        "unstack": lambda x, axis=0: torch.unbind(x, dim=axis),
        "diag": lambda x, k=0: torch.diag(x, k),
        "nonzero": lambda x: torch.nonzero(x, as_tuple=True),
        "one_hot": torch.nn.functional.one_hot,
        "dot": dot,
        "outer": lambda x, y: torch.outer(x.flatten(), y.flatten()),
        "tensordot": tensordot,
        "vecdot": torch.linalg.vecdot,
        "trace": trace,
        "linalg.cholesky": lambda x, upper=False: torch.linalg.cholesky(
            0.5 * (x + x.mT), upper=upper),
        "linalg.diagonal": lambda x, offset=0: torch.linalg.diagonal(x, offset=offset),
        "linalg.matrix_norm": lambda x, ord="fro", keepdims=False: torch.linalg.matrix_norm(
            x, ord, keepdim=keepdims),
        "linalg.norm": norm,
        "linalg.matrix_power": torch.linalg.matrix_power,
    }  # fmt: skip
