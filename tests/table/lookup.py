"""Rows of the op table: embeddings."""

import numpy as np

import nn  # noqa: F401 - declares the ops

from .case import Case

ROWS = np.array([[1, 0], [2, 2]])

CASES = [
    Case("table_rows", (ROWS,), {"count": 3}),
    # Gradients are those of the values where the factor is 1; others: tests/test_nn_lookup.py.
    Case("scale_gradient", ((3, 4), (3, 1)), low=1, high=1, wrt=(0,)),
]

# ---------------------------------------------------------------- PyTorch
NOT_IN_TORCH = {
    "scale_gradient": "inside F.embedding, which is compared in tests/test_parts_parity.py",
    "table_rows": "inside F.embedding",
}


def counterparts(torch):
    """None: see above."""
    return {}
