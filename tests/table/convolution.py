"""Rows of the op table: convolutions, which take all their sizes explicitly."""

from math import prod

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nn.functional.lowering import Window

from .case import Case
from .generated import Generated

FAMILY = ("convolution", "transposed_convolution", "kernel_gradient")


def three(x, w, y, *, padding, stride=1, dilation=1, groups=1, bias=True):
    """A convolution of ``x`` by ``w`` to the shape ``y``, and its two transposes."""
    axes = len(x) - 2
    each = [v if isinstance(v, tuple) else (v,) * axes for v in (stride, padding, dilation)]
    window = Window(*each, groups)
    channels = ((y[1],), (x[1],)) if bias else ((), ())
    ends = zip(((x, w, *channels[:1]), (y, w, *channels[1:]), (x, y)), (y, x, w))
    return [
        Case(op, tuple(i for i in inputs if i), {"size": end[2:], "window": window})
        for op, (inputs, end) in zip(FAMILY, ends)
    ]


CASES = [
    *three((2, 2, 5), (3, 2, 3), (2, 3, 3), padding=0),
    *three((2, 2, 6), (3, 2, 3), (2, 3, 3), padding=1, stride=2, bias=False),
    *three((1, 2, 5), (2, 1, 2), (1, 2, 6), padding=2, dilation=3, groups=2),
    *three((2, 2, 3, 4), (3, 2, 2, 3), (2, 3, 3, 4), padding=(1, 1)),
    *three((2, 2, 4, 5), (2, 1, 3, 2), (2, 2, 2, 3), padding=1, stride=(2, 2), groups=2),
    *three((1, 4, 4, 3), (2, 2, 2, 2), (1, 2, 4, 4), padding=1, dilation=(1, 2), groups=2),
    *three((1, 1, 5, 4), (1, 1, 2, 2), (1, 1, 2, 3), padding=(0, 1), stride=(3, 2),
           dilation=(2, 1)),
    *three((1, 22, 3, 2), (2, 22, 2, 3), (1, 2, 3, 2), padding=1),  # kernel rows as blocks
    *three((1, 1, 2, 3, 3), (2, 1, 2, 1, 2), (1, 2, 2, 3, 2), padding=(1, 0, 0)),
    *three((1, 2, 3, 2, 3), (2, 1, 1, 2, 2), (1, 2, 2, 1, 2), padding=0, stride=2, groups=2,
           bias=False),
    *three((0, 2, 3, 3), (3, 2, 2, 2), (0, 3, 2, 2), padding=0),
    *three((2, 2, 3, 3), (3, 2, 1, 1), (2, 3, 3, 3), padding=0),
    *three((1, 1, 5, 2), (1, 1, 1, 1), (1, 1, 2, 1), padding=0, stride=3),  # values unread
    *three((1, 1, 2, 2), (1, 1, 2, 2), (1, 1, 5, 5), padding=2),
    *[
        Case(op, (shape,), {"kernel": (2, 3), "size": (3, 2), **more,
                            "window": Window((2, 1), (1, 2), (1, 3), 1)})
        for n in (0, 2)
        for op, shape, more in (
            ("unfold", (n, 2, 5, 4), {}), ("fold", (n, 12, 6), {"lengths": (5, 4)}),
        )
    ],
]  # fmt: skip


@st.composite
def arguments(draw, op, axes=None):
    """Arrays and options for one op of the family, from the shapes of a convolution."""
    axes = axes or draw(st.integers(1, 3))

    def per_axis(low, high):
        return tuple([draw(st.integers(low, high)) for _ in range(axes)])

    groups = draw(st.integers(1, 2))
    n, inner, outer = (draw(st.integers(a, 2)) for a in (0, 1, 1))
    kernel, lengths = per_axis(1, 3), per_axis(1, 5)
    window = Window(per_axis(1, 3), per_axis(0, 3), per_axis(1, 2), groups)
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, window.dilation)]
    room = [max(m + 2 * p - s, 0) for m, p, s in zip(lengths, window.padding, spans)]
    size = tuple([r // s + 1 for r, s in zip(room, window.stride)])
    shapes = {
        "x": (n, inner * groups, *lengths),
        "w": (outer * groups, inner, *kernel),
        "y": (n, outer * groups, *size),
    }
    first, second, result = {
        "convolution": "xwy", "transposed_convolution": "ywx", "kernel_gradient": "xyw",
    }[op]  # fmt: skip
    given = [shapes[first], shapes[second]]
    if result != "w" and draw(st.booleans()):
        given.append((shapes[result][1],))
    elements = st.integers(-32, 32).map(lambda i: i / 8)  # whose sums are exact
    inputs = [draw(hnp.arrays(float, shape, elements=elements)) for shape in given]
    return inputs, {"size": shapes[result][2:], "window": window}


@st.composite
def columns(draw, op):
    """Arguments of `unfold` or `fold`."""
    (x, y), options = draw(arguments("kernel_gradient", axes=2))
    kernel, size, window = options["size"], y.shape[2:], options["window"]._replace(groups=1)
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, window.dilation)]
    assume(all(n + 2 * p >= s for n, p, s in zip(x.shape[2:], window.padding, spans)))
    options = {"kernel": kernel, "size": size, "window": window}
    if op == "unfold":
        return [x], options
    y = np.resize(np.arange(-3.0, 4.0), (len(x), x.shape[1] * prod(kernel), prod(size)))
    return [y], options | {"lengths": x.shape[2:]}


GENERATED = [Generated(op, arguments(op), order=2) for op in FAMILY]
GENERATED += [Generated(op, columns(op)) for op in ("unfold", "fold")]


# ---------------------------------------------------------------- PyTorch
NOT_IN_TORCH: dict[str, str] = {}


def counterparts(torch):
    """PyTorch's function for each op here: with its own padding, and the rest added or cut off."""
    F = torch.nn.functional

    def room(lengths, kernel, size, window):
        """How much stands before and after the input, last axis first."""
        ends = [
            (p, (m - 1) * s + d * (k - 1) + 1 - n - p)
            for n, k, m, s, p, d in zip(lengths, kernel, size, *window[:3])
        ]
        return [n for pair in reversed(ends) for n in pair]

    def convolution(x, w, bias=None, *, size, window):
        x = F.pad(x, room(x.shape[2:], w.shape[2:], size, window))
        fn = getattr(F, f"conv{len(size)}d")
        return fn(x, w, bias, window.stride, 0, window.dilation, window.groups)

    def transposed_convolution(y, w, bias=None, *, size, window):
        fn = getattr(F, f"conv_transpose{len(size)}d")
        made = fn(y, w, None, window.stride, 0, 0, window.groups, window.dilation)
        made = F.pad(made, [-n for n in room(size, w.shape[2:], y.shape[2:], window)])
        return made if bias is None else made + bias.reshape(-1, *(1,) * len(size))

    def kernel_gradient(x, y, *, size, window):
        shape = (y.shape[1], x.shape[1] // window.groups, *size)
        w = torch.zeros(shape, dtype=x.dtype, requires_grad=True)
        made = convolution(x, w, size=y.shape[2:], window=window)
        found = torch.autograd.grad(made, w, y, create_graph=True)[0]
        return found + (x.sum() + y.sum()) * 0  # of an empty batch PyTorch forgets the graph

    def fold(y, kernel, size, lengths, window):
        return F.fold(y, lengths, kernel, window.dilation, window.padding, window.stride)

    def unfold(x, kernel, size, window):
        return F.unfold(x, kernel, window.dilation, window.padding, window.stride)

    return {
        "convolution": convolution,
        "fold": fold,
        "kernel_gradient": kernel_gradient,
        "transposed_convolution": transposed_convolution,
        "unfold": unfold,
    }
