"""Rows of the op table: matrix products and decompositions."""

from .case import LAPACK, Case, spd

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
    Case("inv", ((3, 3),), prepare=spd, half=LAPACK),
    Case("inv", ((2, 3, 3),), prepare=spd, half=LAPACK),
    Case("slogdet", ((3, 3),), prepare=spd, half=LAPACK),
    Case("slogdet", ((2, 3, 3),), prepare=spd, half=LAPACK),
]  # fmt: skip


# ---------------------------------------------------------------- PyTorch
SAME_NAME = "matmul"


def counterparts(torch):
    """PyTorch's function for each op here."""
    return {name: getattr(torch, name) for name in SAME_NAME.split()} | {
        "inv": torch.linalg.inv,
        "slogdet": lambda x: tuple(torch.linalg.slogdet(x)),
    }
