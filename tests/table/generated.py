"""How hypothesis makes inputs for an op, for `tests.test_parity_generated`.

A family lists its ops in ``GENERATED``. Any strategy of lists of inputs will do; `elementwise` has
one for functions of floats, with shapes that broadcast, no axis at all and empty ones.
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
    """One op, the inputs it is given, and what is left out of the comparison.

    ``inputs`` is a strategy of lists, ``options`` one of dicts. ``apart`` is true of inputs at
    which the two differ on purpose; `docs/subgradients.md` says how.
    """

    op: str
    inputs: Any
    options: Any = st.just({})  # noqa: RUF009 - strategies are immutable
    apart: Callable[..., Any] | None = None

    def __str__(self) -> str:
        return self.op


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
