"""The rows of the op table for the ops of nn."""

import numpy as np

import nn  # noqa: F401 - declares the ops

from .case import Case

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
