"""Rows of the op table: joining."""

from hypothesis import strategies as st

from .case import Case
from .generated import Generated
from .strategies import LENGTHS, normal, one, one_or_none, shapes

CASES = [
    Case("concatenate", ((2, 3), (1, 3), (0, 3)), {"axis": 0}, sequence=True),
    Case("concatenate", ((2, 3), (2, 1)), {"axis": -1}, sequence=True),
    Case("concatenate", ((2, 3), (4,)), {"axis": None}, sequence=True),
    Case("stack", ((2, 3), (2, 3), (2, 3)), {"axis": 0}, sequence=True),
    Case("stack", ((2, 3), (2, 3)), {"axis": -1}, sequence=True),
    Case("stack", ((), ()), sequence=True),
    Case("stack", ((0, 3), (0, 3)), {"axis": 1}, sequence=True),
]


COUNTS = st.sampled_from([3, 2, 1])


@st.composite
def joined(draw):
    """Arrays that differ in length along one axis, or at will if it is None."""
    first = draw(shapes(1))
    axis = draw(one_or_none(len(first)))
    xs = []
    for _ in range(draw(COUNTS)):
        shape = list(first) if axis is not None else list(draw(shapes()))
        if axis is not None:
            shape[axis] = draw(LENGTHS)
        xs.append(draw(normal(tuple(shape))))
    return xs, {"axis": axis}


@st.composite
def stacked(draw):
    shape = draw(shapes(0, 2))
    xs = [draw(normal(shape)) for _ in range(draw(COUNTS))]
    return xs, {"axis": draw(one(len(shape) + 1))}


GENERATED = [Generated("concatenate", joined()), Generated("stack", stacked())]


# ---------------------------------------------------------------- PyTorch
def counterparts(torch):
    """PyTorch's function for each op here."""

    def concatenate(*xs, axis):
        return torch.cat([x.flatten() for x in xs]) if axis is None else torch.cat(xs, dim=axis)

    return {
        "concatenate": concatenate,
        "stack": lambda *xs, axis=0: torch.stack(xs, dim=axis),
    }
