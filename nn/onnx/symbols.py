"""Sizes that follow the batch: found by comparing what two runs of different batches did."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

SIZES = 2, 3
"""The batches of the two runs."""


@dataclass(frozen=True)
class Rows:
    """``count`` times the size of the batch."""

    count: int


Size = int | Rows
Shape = tuple[Size, ...]


def merged(a: Any, b: Any) -> Any:
    """A value of both runs, with `Rows` where integers follow the batch.

    Raises
    ------
    ValueError
        If they differ in another way.
    """
    if isinstance(a, np.ndarray):
        if isinstance(b, np.ndarray) and a.shape == b.shape and np.array_equal(a, b):
            return a
    elif isinstance(a, tuple | list) and type(a) is type(b) and len(a) == len(b):
        parts = [merged(x, y) for x, y in zip(a, b, strict=True)]
        return type(a)(*parts) if hasattr(a, "_fields") else type(a)(parts)
    elif isinstance(a, slice) and isinstance(b, slice):
        return slice(*merged((a.start, a.stop, a.step), (b.start, b.stop, b.step)))
    elif isinstance(a, dict) and a.keys() == b.keys():
        return {name: merged(a[name], b[name]) for name in a}
    elif type(a) is type(b):
        if a is b or a == b or (a != a and b != b):
            return a
        if type(a) is int and a % SIZES[0] == 0 and a // SIZES[0] * SIZES[1] == b:
            return Rows(a // SIZES[0])
    raise ValueError(f"it is {a} for a batch of {SIZES[0]} and {b} for one of {SIZES[1]}")


def static(sizes: Iterable[Size], what: str) -> list[int]:
    """Sizes that must not follow the batch; ``ValueError`` saying what they are for if they do."""
    found = []
    for n in sizes:
        if isinstance(n, Rows):
            raise ValueError(f"{what} along the batch")
        found.append(n)
    return found


def fixed(shape: Shape) -> bool:
    """Whether no size follows the batch."""
    return not any(isinstance(n, Rows) for n in shape)
