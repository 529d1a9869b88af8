"""Rows for public functions that are made of ops: they have no rule, but the same modes."""

from collections.abc import Callable
from typing import Any

import numpy as np

import autodiff as ad

from .case import LAPACK, MASK, B, Case, M


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


# ---------------------------------------------------------------- PyTorch
def counterparts(torch: Any) -> dict[str, Any]:
    """PyTorch's function for each."""
    return {name: getattr(torch, name) for name in
            "ravel flatten masked_fill inner outer einsum kron topk".split()} | {
        "moveaxis": torch.movedim,
        "broadcast_arrays": torch.broadcast_tensors,
        "split": lambda x, parts, axis=0: torch.tensor_split(x, parts, dim=axis),
        "array_split": torch.tensor_split,
        "unstack": lambda x, axis=0: torch.unbind(x, dim=axis),
        "diag": lambda x, k=0: torch.diag(x, k),
        "gather": torch.gather,
        "nonzero": lambda x: torch.nonzero(x, as_tuple=True),
        "one_hot": torch.nn.functional.one_hot,
        "dot": torch.matmul,
        "tensordot": lambda x, y, axes: torch.tensordot(x, y, dims=axes),
        "vecdot": torch.linalg.vecdot,
        "trace": lambda x, offset=0: torch.diagonal(x, offset).sum(-1),
        "linalg.norm": lambda x, ord, axis=None, keepdims=False: torch.linalg.norm(
            x, ord, axis, keepdims),
        "linalg.matrix_power": torch.linalg.matrix_power,
    }  # fmt: skip
