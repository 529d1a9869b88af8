"""Rows of the op table: losses."""

from math import inf, log

import numpy as np
from hypothesis import strategies as st

import nn  # noqa: F401 - declares the ops

from .case import Case, special
from .generated import Generated
from .strategies import BOOLS, arrays, few, lone, normal, numbers, shapes

CLASSES = np.array([1, 0, 3, 1, 2])
SOME_IGNORED = np.array([1, -100, 3, 1, -100])
NONE_LEFT = np.full(5, -100)
MASS = {"mean": True, "ignore_index": -100, "label_smoothing": 0.0}
PLAIN = {"reduction": "mean", "ignore_index": -100, "label_smoothing": 0.0}
X = (5, 4)
M = (3, 4)
SIGNS = np.array([[1, -1, 1, 1], [-1, -1, 1, -1], [1, 1, -1, -1]])
UNSIGNED = np.array([[1, -1, 0, 1], [2, -1, 1, -1], [1, 1, -1, 0]])  # what is neither counts twice
NAMED = {"name": "nll_loss", "classes": 4}


def reductions(op, *inputs, label="", low=-2.0, high=2.0, wrt=None, **options):
    how = {"low": low, "high": high, "wrt": wrt, "label": label}
    return [
        Case(op, inputs, {"reduction": reduction} | options, **how)
        for reduction in ("mean", "sum", "none")
    ]


def differences(op, **options):
    """Losses of two arrays of one shape."""
    one = {"reduction": "mean"} | options
    return [
        *reductions(op, M, M, **options),
        *reductions(op, (), (), **options),
        Case(op, ((0, 3), (0, 3)), one | {"reduction": "sum"}),
    ]


CASES = [
    *differences("squared_error"),
    *differences("absolute_error"),
    *differences("huber_error", delta=0.5),
    *differences("huber_error", delta=1.7),
    *reductions("binary_entropy", M, M, low=0.05, high=0.95),
    *reductions("binary_entropy", (), (), low=0.05, high=0.95),
    *reductions("binary_entropy", M, M, (3, 1), low=0.05, high=0.95, wrt=(0, 1)),
    *reductions("logistic_loss", M, M, wrt=(0, 1)),
    *reductions("logistic_loss", (), (), wrt=(0, 1)),
    *reductions("logistic_loss", M, M, (3, 1), (4,), wrt=(0, 1)),
    Case("logistic_loss", (M, M, None, (4,)), {"reduction": "sum"}, wrt=(0, 1)),
    *[
        case
        for alpha in (None, 0.25)
        for gamma in (0.0, 0.5, 2.0)
        for case in reductions("focal_error", M, M, low=0.1, high=0.9, alpha=alpha, gamma=gamma)
    ],
    *reductions("divergence", M, M, low=0.1, log_target=False),
    *reductions("divergence", M, M, log_target=True),
    *[
        case
        for log_input in (False, True)
        for full in (False, True)
        for case in reductions("poisson_error", M, M, low=0.2, high=3.0, log_input=log_input,
                               full=full, eps=1e-3)
    ],
    *reductions("gaussian_error", M, M, M, low=0.3, full=False),
    *reductions("gaussian_error", M, M, (3, 1), low=0.3, full=True),
    *reductions("gaussian_error", (), (), (), low=0.3, full=True),
    Case("at_least", (M,), {"least": 0.1}, low=0.3),
    Case("at_least", ((0, 2),), {"least": 0.1}),
    *[
        case
        for squared in (False, True)
        for case in [*differences("hinge", margin=1.0, squared=squared),
                     *differences("hinge", margin=-0.3, squared=squared)]
    ],
    *reductions("distance_hinge", M, SIGNS, margin=1.0),
    *reductions("distance_hinge", M, UNSIGNED, margin=0.5, label="others"),
    *[Case("multi_margin", (X, CLASSES), {"p": p, "margin": margin})
      for p in (1, 2) for margin in (1.0, 0.3)],
    Case("multi_margin", ((3, 1), np.array([0, 0, 0])), {"p": 1, "margin": 1.0}),
    Case("class_numbers", (CLASSES,), NAMED | {"ignore_index": None}),
    Case("class_numbers", (SOME_IGNORED,), NAMED | {"ignore_index": -100}),
    Case("is_class", (CLASSES,), {"classes": 4}),
    Case("row_max", (X,)),
    Case("class_mass", (X, CLASSES), MASS),
    Case("class_mass", (X, NONE_LEFT), MASS, label="none left"),
    Case("class_mass", (X, NONE_LEFT), MASS | {"label_smoothing": 0.1}, label="none left"),
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


# ---------------------------------------------------------------- special points
def at(op, inputs, out, grads, unlike="", **options):
    return special(op, inputs, out, grads, unlike, reduction="none", **options)


LOG_2 = log(2)
HUBER = {"delta": 1.0}
HINGE = {"margin": 1.0, "squared": False}
FOCAL = {"alpha": None, "gamma": 2.0}
FAR = {"log_input": True, "full": False, "eps": 1e-8}
SPECIAL = [
    at("absolute_error", [1.0, 1.0], 0.0, [0.0, 0.0]),
    at("absolute_error", [1000.0, -1000.0], 2000.0, [1.0, -1.0]),
    at("huber_error", [1.0, 0.0], 0.5, [1.0, -1.0], **HUBER),
    at("huber_error", [-1.0, 0.0], 0.5, [-1.0, 1.0], **HUBER),
    at("huber_error", [1000.0, 0.0], 999.5, [1.0, -1.0], **HUBER),
    at("binary_entropy", [0.0, 0.0], 0.0, [0.0, None]),
    at("binary_entropy", [0.0, 1.0], 100.0, [-1e12, None]),
    at("binary_entropy", [1.0, 0.0], 100.0, [1e12, None]),
    at("binary_entropy", [1.0, 1.0], 0.0, [0.0, None]),
    at("binary_entropy", [0.0, 0.5], 50.0, [-0.5e12, 100.0],
       "inf for the target: its logarithms have no least value there"),
    at("logistic_loss", [0.0, 1.0], LOG_2, [-0.5, 0.0]),
    at("logistic_loss", [1000.0, 1.0], 0.0, [0.0, -1000.0]),
    at("logistic_loss", [1000.0, 0.0], 1000.0, [1.0, -1000.0]),
    at("logistic_loss", [-1000.0, 1.0], 1000.0, [-1.0, 1000.0]),
    at("focal_error", [1000.0, 1.0], 0.0, [0.0, None], **FOCAL),
    at("focal_error", [-1000.0, 1.0], 1000.0, [-1.0, None], **FOCAL),
    at("focal_error", [1000.0, 0.0], 1000.0, [1.0, None], **FOCAL),
    at("focal_error", [1000.0, 1.0], 0.0, [0.0, None], "NaN: an infinite slope times 0",
       alpha=None, gamma=0.5),
    at("divergence", [-1.0, 0.0], 0.0, [0.0, -inf], "NaN for the target; -inf is the limit",
       log_target=False),
    at("divergence", [-inf, 0.0], 0.0, [0.0, None], "NaN: what has no share is not left out",
       log_target=False),
    at("divergence", [-inf, 0.5], inf, [-0.5, None], log_target=False),
    at("divergence", [-1.0, -inf], 0.0, [0.0, 0.0], "NaN: what has no share is not left out",
       log_target=True),
    at("poisson_error", [-1000.0, 0.0], 0.0, [0.0, 1000.0], **FAR),
    at("poisson_error", [1000.0, 2.0], inf, [inf, -1000.0], **FAR),
    at("poisson_error", [0.0, 0.0], 1.0, [1.0, 0.0], "NaN for the target: 0 times -inf",
       **FAR | {"full": True}),
    at("hinge", [1.0, 1.0], 0.0, [-1.0, -1.0], **HINGE),
    at("hinge", [0.0, 0.0], 0.0, [0.0, 0.0], **HINGE | {"margin": 0.0}),
    at("hinge", [1000.0, 1.0], 0.0, [0.0, 0.0], **HINGE),
    at("hinge", [-1000.0, 1.0], 1001.0, [-1.0, 1000.0], **HINGE),
    at("distance_hinge", [1.0, -1.0], 0.0, [-1.0, None], margin=1.0),
    at("distance_hinge", [0.0, 1.0], 0.0, [1.0, None], margin=1.0),
    special("at_least", [0.0], 1e-6, [1.0], least=1e-6),
]  # fmt: skip


LIMITS = {
    "binary_entropy": (1e-7, "PyTorch has 1e-12 in float32, and adds it in second derivatives"),
}


# ---------------------------------------------------------------- generated
COUNTS = st.sampled_from([4, 3, 2, 1])
REDUCTIONS = st.sampled_from(["mean", "sum", "none"])
EACH = {"reduction": REDUCTIONS}


@st.composite
def compared(draw, values=normal, target=None, weights=0, **options):
    """Inputs and targets of one shape, perhaps weights that broadcast, and options."""
    shape = draw(shapes(empty=False))
    inputs = [draw(values(shape)), draw((target or values)(shape))]
    for _ in range(weights):
        own = shape[draw(st.integers(0, len(shape))) :]
        inputs.append(np.abs(draw(normal(own))) if draw(BOOLS) else None)
    return inputs, {name: draw(strategy) for name, strategy in (EACH | options).items()}


def wide(shape):
    return normal(shape).map(lambda x: 3 * x)


def shares(shape):
    """Probabilities, far enough from 0 and 1."""
    return normal(shape).map(lambda x: 0.5 + 0.49 * np.sin(9 * x))


def counts(shape):
    return normal(shape).map(lambda x: np.round(np.abs(3 * x)) + 0.125)


def signs(shape):
    return normal(shape).map(lambda x: np.where(x > 0, 1, -1))


@st.composite
def with_variances(draw):
    """Inputs, targets and variances: for each, or for the last axis."""
    shape = draw(shapes(1, 3, empty=False))
    inputs = [draw(normal(shape)), draw(normal(shape))]
    own = draw(st.sampled_from([shape, (*shape[:-1], 1)]))
    inputs.append(0.2 + np.abs(draw(normal(own))))
    return inputs, {"reduction": draw(REDUCTIONS), "full": draw(BOOLS)}


@st.composite
def classified(draw):
    """Logits and class numbers, some or all to be ignored, perhaps with weights."""
    n, classes = draw(COUNTS), draw(COUNTS)
    ignored = draw(st.sampled_from([-100, 0]))
    target = draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n))
    inputs = [3 * draw(normal((n, classes))), np.array(target)]
    if draw(BOOLS):
        inputs[1][draw(st.integers(0, n - 1))] = ignored
    if draw(BOOLS):
        inputs.append(0.5 + np.abs(draw(normal((classes,)))))
    return inputs, {
        "reduction": draw(REDUCTIONS),
        "ignore_index": ignored,
        "label_smoothing": draw(st.sampled_from([0.0, 0.2])),
    }


@st.composite
def ahead(draw):
    """Scores, ties among them, and class numbers."""
    n, classes = draw(COUNTS), draw(COUNTS)
    target = draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n))
    values = draw(st.sampled_from([few, normal]))
    options = {"p": draw(st.sampled_from([1, 2])), "margin": draw(st.sampled_from([1.0, 0.5, 0.0]))}
    return [draw(values((n, classes))), np.array(target)], options


@st.composite
def shared_out(draw):
    """Logits and rows of mass."""
    shape = draw(COUNTS), draw(COUNTS)
    mass = np.abs(draw(normal(shape)))
    return [3 * draw(normal(shape)), mass], {"reduction": draw(REDUCTIONS)}


MARGINS = st.sampled_from([1.0, 0.5, 0.0])
GENERATED = [
    Generated("squared_error", compared(), order=2),
    Generated("absolute_error", compared(few), order=2),
    Generated("huber_error", compared(few, delta=st.sampled_from([1.0, 0.5, 3.0]))),
    Generated("huber_error", compared(normal, delta=st.sampled_from([1.0, 0.3])), order=2),
    Generated("binary_entropy", compared(shares, weights=1), order=2),
    Generated("logistic_loss", compared(wide, shares, weights=2)),
    Generated("focal_error", compared(wide, shares, alpha=st.sampled_from([0.25, None, 0.9]),
                                      gamma=st.sampled_from([2.0, 0.5, 1.0, 3.0])), order=2),
    Generated("divergence", compared(normal, shares, log_target=st.just(False)), order=2),
    Generated("divergence", compared(normal, normal, log_target=st.just(True)), order=2),
    Generated("poisson_error", compared(normal, counts, log_input=st.just(True), full=BOOLS,
                                        eps=st.just(1e-8)), order=2),
    Generated("poisson_error", compared(counts, counts, log_input=st.just(False), full=BOOLS,
                                        eps=st.sampled_from([1e-8, 0.1])), order=2),
    Generated("gaussian_error", with_variances(), order=2),
    Generated("at_least", lone(arrays(shares), least=st.sampled_from([1e-6, 0.5]))),
    Generated("hinge", compared(few, margin=MARGINS, squared=BOOLS)),
    Generated("distance_hinge", compared(few, signs, margin=MARGINS)),
    Generated("multi_margin", ahead()),
    Generated("is_class", lone(arrays(lambda shape: numbers(0, 4, shape), 1, 1), classes=COUNTS)),
    Generated("row_max", lone(arrays(normal, 2, 2, empty=False))),
    Generated("softmax_cross_entropy", classified()),
    Generated("mass_cross_entropy", shared_out()),
]  # fmt: skip


# ---------------------------------------------------------------- PyTorch
NOT_IN_TORCH = {
    "class_mass": "a target as rows of weights: inside F.cross_entropy, which is compared",
    "class_numbers": "checked class numbers: inside F.nll_loss, which is compared",
}


def counterparts(torch):
    """PyTorch's function for each op here."""
    F = torch.nn.functional

    def reduced(losses, reduction):
        return losses if reduction == "none" else getattr(torch, reduction)(losses)

    def logistic_loss(x, y, weight=None, pos_weight=None, reduction="mean"):
        return F.binary_cross_entropy_with_logits(
            x, y, weight, reduction=reduction, pos_weight=pos_weight
        )

    def focal_error(x, y, reduction, alpha=None, gamma=2.0):
        """The formula of torchvision's ``sigmoid_focal_loss``."""
        p = torch.sigmoid(x)
        wrong = p * (1 - y) + (1 - p) * y
        losses = F.binary_cross_entropy_with_logits(x, y, reduction="none") * wrong**gamma
        if alpha is not None:
            losses = (alpha * y + (1 - alpha) * (1 - y)) * losses
        return reduced(losses, reduction)

    def hinge(x, y, reduction, margin, squared):
        losses = (margin - x * y).clamp_min(0)
        return reduced(losses**2 if squared else losses, reduction)

    def at_least(var, least):
        var = var.clone()
        with torch.no_grad():  # as in F.gaussian_nll_loss
            var.clamp_(min=least)
        return var

    def multi_margin(x, target, p, margin):
        """PyTorch's own has no second derivative; tests/parts compares with that."""
        right = torch.nn.functional.one_hot(target, x.shape[1]).bool()
        left = torch.relu(margin - x.gather(1, target[:, None]) + x).masked_fill(right, 0)
        return (left**p).mean(1)

    def mass_cross_entropy(x, mass, reduction):
        # Our function divides the mass beforehand, so that to the op a mean is a sum.
        return F.cross_entropy(x, mass, reduction="none" if reduction == "none" else "sum")

    return {
        "absolute_error": F.l1_loss,
        "at_least": at_least,
        "binary_entropy": F.binary_cross_entropy,
        "distance_hinge": F.hinge_embedding_loss,
        "divergence": F.kl_div,
        "focal_error": focal_error,
        "gaussian_error": F.gaussian_nll_loss,
        "hinge": hinge,
        "huber_error": F.huber_loss,
        "is_class": lambda x, classes: x[:, None] == torch.arange(classes),
        "logistic_loss": logistic_loss,
        "mass_cross_entropy": mass_cross_entropy,
        "multi_margin": multi_margin,
        "poisson_error": F.poisson_nll_loss,
        "row_max": lambda x: torch.amax(x, dim=1, keepdim=True),
        "softmax_cross_entropy": F.cross_entropy,
        "squared_error": F.mse_loss,
    }
