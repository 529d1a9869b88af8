"""The rows of the op table for the ops of nn."""

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

import nn  # noqa: F401 - declares the ops

from .case import Case
from .generated import Generated
from .strategies import arrays, lone, normal, shapes

CLASSES = np.array([1, 0, 3, 1, 2])
SOME_IGNORED = np.array([1, -100, 3, 1, -100])
MASS = {"mean": True, "ignore_index": -100, "label_smoothing": 0.0}
PLAIN = {"reduction": "mean", "ignore_index": -100, "label_smoothing": 0.0}
X = (5, 4)


def reductions(op, *inputs, **how):
    return [
        Case(op, inputs, {"reduction": reduction}, **how) for reduction in ("mean", "sum", "none")
    ]


CASES = [
    Case("linear", ((3, 4), (2, 4))),
    Case("linear", ((3, 4), (2, 4), (2,))),
    Case("linear", ((5, 3, 4), (2, 4), (2,))),
    Case("linear", ((2, 3, 1, 4), (2, 4))),
    Case("linear", ((4,), (2, 4), (2,))),
    Case("linear", ((0, 4), (2, 4), (2,))),
    Case("linear", ((0, 3, 4), (2, 4), (2,))),
    Case("linear", ((2, 3, 0), (2, 0), (2,))),
    *reductions("squared_error", (3, 4), (3, 4)),
    *reductions("squared_error", (), ()),
    *reductions("logistic_loss", (3, 4), (3, 4), wrt=(0, 1)),
    *reductions("logistic_loss", (), (), wrt=(0, 1)),
    *reductions("logistic_loss", (3, 4), (3, 4), (3, 1), (4,), wrt=(0, 1)),
    Case("logistic_loss", ((3, 4), (3, 4), None, (4,)), {"reduction": "sum"}, wrt=(0, 1)),
    Case("row_max", (X,)),
    Case("class_mass", (X, CLASSES), MASS),
    Case("class_mass", (X, SOME_IGNORED, (4,)), MASS | {"mean": False, "label_smoothing": 0.1}),
    Case("softmax_cross_entropy", (X, CLASSES), PLAIN),
    Case("softmax_cross_entropy", (X, CLASSES), PLAIN | {"reduction": "sum"}),
    Case("softmax_cross_entropy", (X, CLASSES), PLAIN | {"reduction": "none"}),
    Case("softmax_cross_entropy", (X, SOME_IGNORED), PLAIN, label="ignored"),
    Case("softmax_cross_entropy", (X, SOME_IGNORED), PLAIN | {"reduction": "none"},
         label="ignored"),
    Case("softmax_cross_entropy", (X, CLASSES), PLAIN | {"ignore_index": 1}),
    Case("softmax_cross_entropy", (X, CLASSES, (4,)), PLAIN, low=0.5, wrt=(0,)),
    Case("softmax_cross_entropy", (X, SOME_IGNORED, (4,)), PLAIN | {"label_smoothing": 0.2},
         low=0.5, wrt=(0,)),
    Case("softmax_cross_entropy", (X, CLASSES),
         PLAIN | {"label_smoothing": 0.2, "reduction": "sum"}),
    *reductions("mass_cross_entropy", X, X, low=0.1),
]  # fmt: skip


COUNTS = st.sampled_from([4, 3, 2, 1])


@st.composite
def layers(draw):
    """Operands of ``linear``."""
    n, m = draw(st.sampled_from([3, 2, 0])), draw(st.sampled_from([2, 3, 1]))
    x, weight = draw(normal((*draw(shapes(0, 2)), n))), draw(normal((m, n)))
    return [x, weight, *draw(st.sampled_from([[], [draw(normal((m,)))]]))]


@st.composite
def compared(draw, *others):
    """Inputs and targets of one shape, and of ``others`` some: weights that broadcast."""
    shape = draw(shapes(empty=False))
    target = np.abs(np.sin(draw(normal(shape))))
    weights = [np.abs(draw(normal(shape[draw(st.integers(0, len(shape))):]))) if draw(st.booleans())
               else None for _ in others]  # fmt: skip
    return [3 * draw(normal(shape)), target, *weights], {"reduction": draw(REDUCTIONS)}


@st.composite
def classified(draw):
    """Logits and class numbers, some to be ignored, perhaps with weights."""
    n, classes = draw(COUNTS), draw(COUNTS)
    ignored = draw(st.sampled_from([-100, 0]))
    target = draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n))
    inputs = [3 * draw(normal((n, classes))), np.array(target)]
    if draw(st.booleans()):
        inputs[1][draw(st.integers(0, n - 1))] = ignored
    reduction = draw(REDUCTIONS)
    # The mean of nothing is NaN; PyTorch gives it the gradient 0, we NaN.
    assume(reduction != "mean" or np.any(inputs[1] != ignored))
    if draw(st.booleans()):
        inputs.append(0.5 + np.abs(draw(normal((classes,)))))
    return inputs, {
        "reduction": reduction,
        "ignore_index": ignored,
        "label_smoothing": draw(st.sampled_from([0.0, 0.2])),
    }


@st.composite
def shared_out(draw):
    """Logits and rows of mass."""
    shape = draw(COUNTS), draw(COUNTS)
    mass = np.abs(draw(normal(shape)))
    return [3 * draw(normal(shape)), mass], {"reduction": draw(REDUCTIONS)}


REDUCTIONS = st.sampled_from(["mean", "sum", "none"])
GENERATED = [
    Generated("linear", layers(), whole=True, order=2),
    Generated("squared_error", compared(), order=2),
    Generated("logistic_loss", compared("weight", "pos_weight")),
    Generated("row_max", lone(arrays(normal, 2, 2, empty=False))),
    Generated("softmax_cross_entropy", classified()),
    Generated("mass_cross_entropy", shared_out()),
]


# ---------------------------------------------------------------- PyTorch
NOT_IN_TORCH = {
    "class_mass": "a target as rows of weights: inside F.cross_entropy, which is compared",
}


def counterparts(torch):
    """PyTorch's function for each op here."""
    F = torch.nn.functional

    def logistic_loss(x, y, weight=None, pos_weight=None, reduction="mean"):
        return F.binary_cross_entropy_with_logits(
            x, y, weight, reduction=reduction, pos_weight=pos_weight
        )

    def mass_cross_entropy(x, mass, reduction):
        # Our function divides the mass beforehand, so that to the op a mean is a sum.
        return F.cross_entropy(x, mass, reduction="none" if reduction == "none" else "sum")

    return {
        "linear": F.linear,
        "logistic_loss": logistic_loss,
        "mass_cross_entropy": mass_cross_entropy,
        "row_max": lambda x: torch.amax(x, dim=1, keepdim=True),
        "softmax_cross_entropy": F.cross_entropy,
        "squared_error": F.mse_loss,
    }
