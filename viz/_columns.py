"""Compact tables: one row a sample, rows added in blocks, coarse numbers in two bytes."""

from typing import Any

import numpy as np

BLOCK = 256
"""Rows that are set aside at a time: at most this many are empty."""


def coarse(x: Any) -> np.ndarray:
    """Numbers as the upper half of a float32: its range, right to 0.2 % (bfloat16).

    Examples
    --------
    >>> [float(f"{x:.2g}") for x in fine(coarse([1e-30, 0.12345, 0.0, np.inf, np.nan]))]
    [1e-30, 0.12, 0.0, inf, nan]
    """
    with np.errstate(over="ignore"):
        single = np.asarray(x, np.float32)
    bits = np.ascontiguousarray(single).view(np.uint32)
    rounded = (bits + np.uint32(0x8000)) >> np.uint32(16)
    special = ~np.isfinite(single)  # infinity is kept; NaN must not be rounded up to a number
    return np.where(special, bits >> np.uint32(16), rounded).astype(np.uint16)


def fine(x: np.ndarray) -> np.ndarray:
    """What `coarse` made, as float32."""
    return (x.astype(np.uint32) << np.uint32(16)).view(np.float32)


class Table:
    """Rows of numbers that may grow longer; what an early row lacks is NaN.

    Parameters
    ----------
    dtype : str
        ``"float64"``, ``"float32"``, or ``"coarse"`` for two bytes a number.
    """

    def __init__(self, dtype: str) -> None:
        self.coarse = dtype == "coarse"
        self.dtype = np.dtype("uint16" if self.coarse else dtype)
        self.blocks: list[np.ndarray] = []
        self.rows = 0

    def append(self, row: Any) -> None:
        """Add a row, at least as long as those before it."""
        row = coarse(row) if self.coarse else np.asarray(row, self.dtype)
        at = self.rows % BLOCK
        if not at:
            self.blocks.append(self._empty(BLOCK, row.size))
        elif row.size > self.blocks[-1].shape[1]:
            self.blocks[-1] = self._widened(self.blocks[-1], row.size)
        self.blocks[-1][at] = row
        self.rows += 1

    def _empty(self, rows: int, width: int) -> np.ndarray:
        nothing: Any = coarse(np.nan) if self.coarse else np.nan
        return np.full((rows, width), nothing, self.dtype)

    def _widened(self, block: np.ndarray, width: int) -> np.ndarray:
        made = self._empty(block.shape[0], width)
        made[:, : block.shape[1]] = block
        return made

    def raw(self) -> np.ndarray:
        """All rows, as they are stored."""
        if not self.blocks:
            return self._empty(0, 0)
        width = self.blocks[-1].shape[1]
        return np.concatenate([self._widened(b, width) for b in self.blocks])[: self.rows]

    def numbers(self) -> np.ndarray:
        """All rows as numbers."""
        return fine(self.raw()) if self.coarse else self.raw()

    def restore(self, raw: np.ndarray) -> None:
        """Take over what `raw` gave."""
        width = raw.shape[1]
        self.rows = len(raw)
        self.blocks = []
        for start in range(0, self.rows, BLOCK):
            block = self._empty(BLOCK, width)
            part = raw[start : start + BLOCK]
            block[: len(part)] = part
            self.blocks.append(block)

    @property
    def nbytes(self) -> int:
        """The memory of the rows, the empty ones of the last block included."""
        return sum(b.nbytes for b in self.blocks)
