"""What a row of the op table is, and rows that many ops have in common."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

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
    symmetric: bool = False  # differences are taken of a function of the symmetric part
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


def symmetric(x: np.ndarray) -> np.ndarray:
    return x + np.swapaxes(x, -1, -2)


def positive(x: np.ndarray) -> np.ndarray:
    """A symmetric positive definite matrix."""
    return x @ np.swapaxes(x, -1, -2) + np.eye(x.shape[-1])


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


# Their results exist inside vmap only: tests/test_vmap.py.
IN_VMAP = {"batch", "unbatch"}
# One for each number of tensors that a module with backward hooks is called with:
# tests/test_nn_hooks.py.
BORDER = "module_border_"


def registered(package: str = "") -> set[str]:
    """The ops declared in our packages, not those of tests."""
    return {
        name
        for name, op in REGISTRY.items()
        if op.__module__.partition(".")[0] in ((package,) if package else ("autodiff", "nn"))
        and name not in IN_VMAP
        and not name.startswith(BORDER)
    }


def special(
    op: str, inputs: list[Any], out: Any, grads: list[Any], unlike: str = "", **options: Any
) -> Any:
    """An op at a kink, a pole or an extreme: its value, and a gradient for each input.

    ``unlike`` says what PyTorch has instead, and why; else it has the same, which is tested.
    """
    label = f"{op}({', '.join(map(str, inputs))})"
    return pytest.param(op, inputs, out, grads, unlike, options, id=label)
