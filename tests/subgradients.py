"""Write the page on kinks, poles and extremes: ``python -m tests.subgradients``.

Its rows are the ``SPECIAL`` points of the op table, which `tests.test_ops` computes with and
`tests.test_parity_ops` compares with PyTorch. `tests.test_docs` fails if the page is not theirs.
"""

from pathlib import Path

import numpy as np

from .table import SPECIAL

PAGE = Path(__file__).parent.parent / "docs" / "subgradients.md"

HEAD = """\
# Subgradients, poles and extremes

What an op gives where its derivative jumps, is infinite or does not exist, and where a formula
written down carelessly would overflow. The page is made from the points that the tests compute:
`python -m tests.subgradients`.

- At a kink, one value between the slopes on both sides is chosen. Ties share the gradient.
- At a pole the derivative is the limit if there is one, an infinity included.
- NaN comes back where there is no limit, and for some infinite operands, as in PyTorch.
- Rounding and `sign` are flat between jumps: their derivatives are 0, at the jumps too. Comparisons
  and bits have none, and neither has `nextafter`.

There is one gradient for each operand; a dash stands for one that is not looked at. The last column
says whether PyTorch has the same; that, too, is tested.

| function | at | value | gradient | as in |
| --- | --- | --- | --- | --- |
"""


def number(x):
    """A number as short text: NaN, -inf, 0.5, 1/3 as 0.333333."""
    if x is None:
        return "–"
    if isinstance(x, (list, tuple)):
        return "[" + ", ".join(map(number, x)) + "]"
    if isinstance(x, (bool, np.bool_)):
        return str(x)
    if np.isnan(x):
        return "NaN"
    return f"{x:.6g}" if x or np.signbit(x) else "0"


def row(op, inputs, out, grads, unlike, options):
    """A line of the table."""
    at = ", ".join([*map(number, inputs), *(f"{k}={v}" for k, v in options.items())])
    source = f"ours; PyTorch: {unlike}" if unlike else "PyTorch"
    cells = f"`{op}`", at, number(out), ", ".join(map(number, grads)), source
    return "| " + " | ".join(cells) + " |\n"


def page():
    """The whole page."""
    rows = sorted(SPECIAL, key=lambda point: point.values[0])  # stable: points stay in order
    return HEAD + "".join(row(*point.values) for point in rows)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
