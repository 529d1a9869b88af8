"""How hypothesis makes inputs for an op, for `tests.test_parity_generated`.

A family lists its ops in ``GENERATED``. Any strategy of lists of inputs will do; `elementwise` has
one for functions of floats, with shapes that broadcast, no axis at all and empty ones. Those for
axes, indices and matrices are in `strategies`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

inf, nan = np.inf, np.nan
POINTS = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1000.0, -1000.0, inf, -inf, nan)
FINITE = POINTS[:-3]


@dataclass(frozen=True)
class Generated:
    """One function, the inputs it is given, and how its results are compared.

    Attributes
    ----------
    op : str
        An op, or a function that is made of ops.
    inputs : strategy of lists
        Or of pairs of a list and the options that belong to it.
    options : strategy of dicts
        Those that do not depend on the inputs.
    apart : callable, optional
        True of inputs at which the two differ on purpose; `docs/subgradients.md` says how.
    compared : callable, optional
        What is compared is this function of the results: tensors, ours or PyTorch's. For results
        that are determined up to a sign, say.
    whole : bool
        Errors are relative to the largest value of an array, where every value depends on all.
    order : int
        Up to which derivatives are compared, 1 or 2.
    """

    op: str
    inputs: Any
    options: Any = st.just({})  # noqa: RUF009 - strategies are immutable
    apart: Callable[..., Any] | None = None
    compared: Callable[..., Any] | None = None
    whole: bool = False
    order: int = 1

    def __str__(self) -> str:
        return self.op

    def draw(self, data: Any) -> tuple[list[Any], dict[str, Any]]:
        """The inputs and options of one call."""
        drawn = data.draw(self.inputs)
        inputs, options = drawn if isinstance(drawn, tuple) else (drawn, {})
        # NumPy's functions make numbers of what has the shape ().
        inputs = [np.asarray(x) if isinstance(x, np.generic) else x for x in inputs]
        return inputs, options | data.draw(self.options)


@st.composite
def broadcastable(draw: Any, elements: tuple[Any, ...], dtypes: tuple[Any, ...]) -> list[Any]:
    """Arrays whose shapes broadcast, one for each strategy of elements."""
    shapes = draw(
        hnp.mutually_broadcastable_shapes(
            num_shapes=len(elements), min_side=0, max_side=3, max_dims=3
        )
    ).input_shapes
    each = zip(dtypes, shapes, elements, strict=True)
    return [draw(hnp.arrays(dtype, shape, elements=values)) for dtype, shape, values in each]


def elementwise(
    op: str,
    operands: int = 1,
    low: float = -4.0,
    high: float = 4.0,
    at: tuple[float, ...] = POINTS,
    **how: Any,
) -> Generated:
    """Floats between ``low`` and ``high``, and the points of ``at``, for each operand."""
    values = st.one_of(st.floats(low, high, allow_subnormal=False), st.sampled_from(at))
    inputs = broadcastable((values,) * operands, (np.float64,) * operands)
    return Generated(op, inputs, **how)


def same(*names: str, **how: Any) -> list[Generated]:
    """Several ops with the same inputs."""
    return [elementwise(name, **how) for name in names]


def integers(op: str, *bounds: tuple[int, int]) -> Generated:
    """Integers within bounds, for each operand."""
    elements = tuple([st.integers(*each) for each in bounds])
    return Generated(op, broadcastable(elements, (np.int64,) * len(bounds)))
