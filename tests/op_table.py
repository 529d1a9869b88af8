"""The op table: at least one row for every registered op. A missing row fails the tests."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autodiff import REGISTRY


@dataclass(frozen=True)
class Case:
    """One way to call an op.

    An input is a shape (filled from [low, high]), an array, or anything else, passed as it is.
    Those of ``wrt`` get gradients; by default every shape given.
    """

    op: str
    inputs: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict)
    low: float = -2.0
    high: float = 2.0
    wrt: tuple[int, ...] | None = None
    half: str = ""  # why float16 is left out, if it is
    tolerance: dict[str, float] = field(default_factory=dict)
    sequence: bool = False  # called with one sequence of the inputs
    prepare: Callable[[np.ndarray], np.ndarray] = lambda x: x
    label: str = ""

    def __str__(self) -> str:
        shapes = ",".join(str(getattr(x, "shape", x)).replace(" ", "") for x in self.inputs)
        return f"{self.op}-{self.label or shapes}{self.options or ''}"

    @property
    def fn(self) -> Any:
        return REGISTRY[self.op]

    def differentiable(self) -> tuple[int, ...]:
        if not self.fn.rules:
            return ()
        if self.wrt is not None:
            return self.wrt
        return tuple(i for i, x in enumerate(self.inputs) if isinstance(x, tuple))

    def arrays(self, dtype: Any = np.float64, seed: int = 0) -> list[Any]:
        """The inputs: the same values for every dtype, up to rounding."""
        rng = np.random.default_rng(seed)
        made = []
        for x in self.inputs:
            if isinstance(x, tuple):
                x = self.prepare(np.asarray(rng.uniform(self.low, self.high, x)))
                x = x.astype(dtype)
            made.append(x)
        return made

    def call(self, values: list[Any]) -> Any:
        if self.sequence:
            return self.fn(values, **self.options)
        return self.fn(*values, **self.options)


def spd(x: np.ndarray) -> np.ndarray:
    """A well-conditioned matrix."""
    return x + 4 * np.eye(x.shape[-1])


S, M, B = (), (3, 4), (2, 3, 4)
MASK = np.random.default_rng(1).uniform(size=M) > 0.5
LAPACK = "LAPACK has no float16"


def binary(op: str, **how: Any) -> list[Case]:
    """Equal shapes, both operands broadcast, a scalar, an empty array, a number."""
    return [
        Case(op, (M, M), **how),
        Case(op, ((3, 1), (1, 4)), **how),
        Case(op, ((4,), B), **how),
        Case(op, (S, M), **how),
        Case(op, (S, S), **how),
        Case(op, ((0, 3), (3,)), **how),
        Case(op, (M, 1.5), **how),
        Case(op, (1.5, M), **how),
    ]


def unary(op: str, **how: Any) -> list[Case]:
    return [Case(op, (M,), **how), Case(op, (S,), **how), Case(op, ((0, 2),), **how)]


def reduction(op: str, empty: bool = True, **how: Any) -> list[Case]:
    cases = [
        Case(op, (B,), **how),
        Case(op, (B,), {"axis": 1}, **how),
        Case(op, (B,), {"axis": (0, -1)}, **how),
        Case(op, (B,), {"axis": -2, "keepdims": True}, **how),
        Case(op, (B,), {"keepdims": True}, **how),
        Case(op, (S,), **how),
        Case(op, ((3, 0),), {"axis": 0}, **how),
    ]
    return cases + ([Case(op, ((0, 3),), {"axis": 0}, **how)] if empty else [])


CASES = [
    *binary("add"),
    *binary("subtract"),
    *binary("multiply"),
    *binary("divide", low=0.5, high=3.0),
    *binary("power", low=0.5, high=2.0),
    Case("power", (M, 2)),
    Case("power", (M, 3)),
    Case("power", (M, 0)),
    Case("power", (M, -1), low=0.5),
    *binary("maximum"),
    *binary("minimum"),
    *unary("negative"),
    *unary("absolute"),
    *unary("sign"),
    *unary("square"),
    *unary("exp"),
    *unary("expm1"),
    *unary("log", low=0.5, high=3.0),
    *unary("log1p", low=-0.5, high=3.0),
    *unary("sqrt", low=0.5, high=3.0),
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
    *binary("equal"),
    *binary("not_equal"),
    *binary("less"),
    *binary("less_equal"),
    *binary("greater"),
    *binary("greater_equal"),
    *unary("isnan"),
    *unary("isfinite"),
    *unary("logical_not"),
    *binary("logical_and"),
    *binary("logical_or"),
    *unary("clone"),
    Case("astype", (M,), {"dtype": np.float64}, half="it is about dtypes"),
    Case("move", (M,), {"device": "cpu", "source": "cpu"}),
    *reduction("sum"),
    *reduction("mean", empty=False),
    *reduction("max", empty=False),
    *reduction("min", empty=False),
    *reduction("logsumexp", empty=False),
    Case("argmax", (B,), {"axis": 1}),
    Case("argmin", (B,), {"axis": 1, "keepdims": True}),
    *reduction("any"),
    *reduction("all"),
    Case("reshape", (B,), {"shape": (4, -1)}),
    Case("reshape", (S,), {"shape": (1, 1)}),
    Case("reshape", ((0, 3),), {"shape": (3, 0)}),
    Case("transpose", (B,)),
    Case("transpose", (B,), {"axes": (1, 2, 0)}),
    Case("transpose", (B,), {"axes": (-1, 0, 1)}),
    Case("swapaxes", (B,), {"axis1": 0, "axis2": -1}),
    Case("expand_dims", (M,), {"axis": (0, 2)}),
    Case("squeeze", ((1, 3, 1),)),
    Case("squeeze", ((1, 3, 1),), {"axis": -1}),
    Case("broadcast_to", ((3, 1),), {"shape": (2, 3, 4)}),
    Case("broadcast_to", (S,), {"shape": (0, 2)}),
    Case("getitem", (B,), {"index": 1}),
    Case("getitem", (B,), {"index": (slice(None), slice(2, 0, -1), None, ...)}),
    Case("getitem", (B,), {"index": (..., 0)}),
    Case("getitem", (B,), {"index": (1, 2, 3)}),
    Case("getitem", (M,), {"index": MASK}, label="mask"),
    Case("getitem", (B,), {"index": (slice(None), np.array([0, 2, 0]))}, label="duplicates"),
    Case("getitem", (B,), {"index": (np.array([0, 1]), slice(1, 3), np.array([[1], [1]]))},
         label="mixed"),
    Case("unindex", ((3, 2),), {"index": (slice(None), slice(1, 3)), "shape": M}),
    Case("unindex", ((3, 4),), {"index": np.array([0, 1, 0]), "shape": (2, 4)}, label="duplicates"),
    Case("concatenate", ((2, 3), (1, 3), (0, 3)), {"axis": 0}, sequence=True),
    Case("concatenate", ((2, 3), (2, 1)), {"axis": -1}, sequence=True),
    Case("concatenate", ((2, 3), (4,)), {"axis": None}, sequence=True),
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
    Case("inv", ((3, 3),), prepare=spd, half=LAPACK),
    Case("inv", ((2, 3, 3),), prepare=spd, half=LAPACK),
    Case("slogdet", ((3, 3),), prepare=spd, half=LAPACK),
    Case("slogdet", ((2, 3, 3),), prepare=spd, half=LAPACK),
    Case("layer_norm", (M,)),
    Case("layer_norm", (B, (4,), (4,))),
    Case("layer_norm", (B, (4,))),
    Case("layer_norm", (B, None, (4,))),
    Case("layer_norm", (B, (3, 4), (3, 4)), {"axis": (-2, -1), "eps": 1e-3}),
]  # fmt: skip


def registered(package: str = "") -> set[str]:
    """The ops declared in our packages, not those of tests."""
    return {
        name
        for name, op in REGISTRY.items()
        if op.__module__.partition(".")[0] in ((package,) if package else ("autodiff", "nn"))
    }
