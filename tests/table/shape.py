"""Rows of the op table: shapes."""

from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .case import B, Case, M, S
from .generated import Generated
from .strategies import BOOLS, normal, one, rearranged, shapes, unary

CASES = [
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
]  # fmt: skip


@st.composite
def broadcast(draw):
    """An array, and a shape to which it broadcasts."""
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=1, base_shape=draw(OTHERS)))
    return [draw(normal(shapes.input_shapes[0]))], {"shape": shapes.result_shape}


@st.composite
def squeezed(draw):
    shape = draw(shapes(1))
    x = draw(normal(tuple([1 if draw(BOOLS) else n for n in shape])))
    ones = [i - draw(st.sampled_from([0, x.ndim])) for i, n in enumerate(x.shape) if n == 1]
    axes = [st.none()]
    if ones:
        axes += [st.sampled_from(ones), st.lists(st.sampled_from(ones), unique=True).map(tuple)]
    return [x], {"axis": draw(st.one_of(axes))}


def permutations(shape):
    n = len(shape)
    axes = st.permutations(range(n)).flatmap(
        lambda order: st.tuples(*[st.sampled_from([i, i - n]) for i in order])
    )
    return {"axes": st.one_of(st.none(), axes)}


def new_axes(shape):
    n = len(shape)
    several = st.lists(one(n + 2), min_size=2, max_size=2, unique_by=lambda a: a % (n + 2))
    return {"axis": st.one_of(one(n + 1), several.map(tuple))}


OTHERS = shapes()
GENERATED = [
    Generated("reshape", unary(lambda shape: {"shape": rearranged(shape)})),
    Generated("transpose", unary(permutations)),
    Generated("swapaxes", unary(lambda s: {"axis1": one(len(s)), "axis2": one(len(s))}, 1)),
    Generated("expand_dims", unary(new_axes)),
    Generated("squeeze", squeezed()),
    Generated("broadcast_to", broadcast()),
]


# ---------------------------------------------------------------- PyTorch
def counterparts(torch):
    """PyTorch's function for each op here."""

    def squeeze(x, axis=None):
        return torch.squeeze(x) if axis is None else torch.squeeze(x, axis)

    def expand_dims(x, axis):
        axes = axis if isinstance(axis, tuple) else (axis,)
        n = x.ndim + len(axes)
        for i in sorted(a % n for a in axes):
            x = torch.unsqueeze(x, i)
        return x

    def transpose(x, axes=None):
        return x.permute(axes or tuple(range(x.ndim))[::-1])

    return {
        "broadcast_to": lambda x, shape: torch.broadcast_to(x, shape),
        "expand_dims": expand_dims,
        "reshape": lambda x, shape: torch.reshape(x, shape),
        "squeeze": squeeze,
        "swapaxes": lambda x, axis1, axis2: torch.swapaxes(x, axis1, axis2),
        "transpose": transpose,
    }
