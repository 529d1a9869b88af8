"""Losses."""

from itertools import product

import numpy as np

from .part import Part

REDUCTIONS = ("mean", "sum", "none")
X = (6, 4)
CLASSES = np.array([1, 0, 3, -100, 2, 1])
ALL = np.array([1, 0, 3, 3, 2, 1])
RNG = np.random.default_rng(0)
SHARE = RNG.uniform(0.01, 0.99, X)
SHARES = RNG.dirichlet(np.ones(4), 6)
HARD = np.arange(24).reshape(X) % 3 / 2  # 0, 0.5 and 1
COUNTS = RNG.integers(0, 5, X).astype(float)  # of integers PyTorch makes float32
VARIANCE = RNG.uniform(0.1, 2, X)
SIGNS = np.where(RNG.uniform(size=X) < 0.5, 1, -1)
ROW_SIGNS = SIGNS[:, 0].copy()
PICTURE = np.array([[[0, 1, -100], [3, 2, 2]], [[1, 1, 0], [-100, 3, 0]]])
WEIGHT = np.array([0.5, 1, 2, 3])
COLUMN = np.array([[0.5], [1], [2], [3], [0], [1]])


def grid(name, inputs, *options, **how):
    """Every combination of the options with every reduction."""
    return [
        Part(name, (), {"reduction": reduction} | chosen, inputs, **how)
        for reduction in REDUCTIONS
        for chosen in (options or ({},))
    ]


def none_left(name):
    """All examples are ignored: a mean is NaN, and its gradient 0."""
    return grid(name, (X, np.full(6, -100)), label="none left", only_compared=True)


def choices(**options):
    """Every combination of the values of each option."""
    return [dict(zip(options, values, strict=True)) for values in product(*options.values())]


def sigmoid_focal(alpha, gamma, reduction):
    """The formula of Lin et al., 2017, with the sigmoid, in NumPy."""

    def loss(module, x, y):
        p = 1 / (1 + np.exp(-x))
        right = p * y + (1 - p) * (1 - y)
        losses = -((1 - right) ** gamma) * (y * np.log(p) + (1 - y) * np.log(1 - p))
        if alpha is not None:
            losses = losses * (alpha * y + (1 - alpha) * (1 - y))
        return losses if reduction == "none" else getattr(np, reduction)(losses)

    return loss


def softmax_focal(alpha, gamma, reduction):
    """The same with the softmax, its axis being 1."""

    def loss(module, x, t):
        p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
        p = np.take_along_axis(p, np.expand_dims(t, 1), 1).squeeze(1)
        losses = -((1 - p) ** gamma) * np.log(p)
        if alpha is not None:
            losses = losses * alpha[t]
        return losses if reduction == "none" else getattr(np, reduction)(losses)

    return loss


def hinges(margin, squared, reduction):
    def loss(module, x, y):
        losses = np.maximum(0, margin - x * y) ** (2 if squared else 1)
        return losses if reduction == "none" else getattr(np, reduction)(losses)

    return loss


def alone(name, inputs, formula, *options):
    """Rows of what PyTorch has not, with formulas."""
    return [
        Part(name, (), {"reduction": how} | chosen, inputs, alone="PyTorch has no such loss",
             reference=formula(reduction=how, **chosen))
        for how in REDUCTIONS
        for chosen in options
    ]  # fmt: skip


PARTS = [
    *[part for inputs in [(X, X), ((), ()), (X, SHARE)] for part in grid("MSELoss", inputs)],
    *[part for inputs in [(X, X), ((), ()), (X, SHARE)] for part in grid("L1Loss", inputs)],
    *grid("HuberLoss", (X, X), {}, {"delta": 0.3}, {"delta": 2.5}),
    *grid("SmoothL1Loss", (X, X), {}, {"beta": 0.3}, {"beta": 2.5}, {"beta": 0.0}),
    *grid("BCELoss", (SHARE, HARD), {}, {"weight": WEIGHT}, {"weight": COLUMN}),
    *grid("BCEWithLogitsLoss", (X, SHARE), {}, {"weight": WEIGHT}, {"pos_weight": WEIGHT + 1},
          {"weight": COLUMN, "pos_weight": WEIGHT}),
    *grid("BCEWithLogitsLoss", (X, X), label="the target has a gradient"),
    *grid("CrossEntropyLoss", (X, CLASSES),
          *choices(label_smoothing=(0.0, 0.2), weight=(None, WEIGHT))),
    *grid("CrossEntropyLoss", (X, SHARES),
          *choices(label_smoothing=(0.0, 0.2), weight=(None, WEIGHT)), label="probabilities"),
    *grid("CrossEntropyLoss", ((2, 4, 2, 3), PICTURE), {}, {"weight": WEIGHT}, label="picture"),
    *grid("CrossEntropyLoss", ((4,), np.array(2)), label="one"),
    *grid("CrossEntropyLoss", (X, ALL), {"ignore_index": 1}),
    *none_left("CrossEntropyLoss"),
    *grid("NLLLoss", (X, CLASSES), {}, {"weight": WEIGHT}),
    *grid("NLLLoss", (X, ALL), {"ignore_index": 1}, {"ignore_index": 1, "weight": WEIGHT}),
    *grid("NLLLoss", ((2, 4, 3), PICTURE[:, 0]), {}, {"weight": WEIGHT}, label="sequence"),
    *grid("NLLLoss", ((2, 4, 2, 3), PICTURE), {}, {"weight": WEIGHT}, label="picture"),
    *grid("NLLLoss", ((4,), np.array(2)), {}, {"weight": WEIGHT}, label="one"),
    *none_left("NLLLoss"),
    *grid("MultiMarginLoss", (X, ALL),
          *choices(p=(1, 2), margin=(1.0, 0.4), weight=(None, WEIGHT))),
    *grid("MultiMarginLoss", ((4,), np.array(2)), {}, {"p": 2, "weight": WEIGHT}, label="one"),
    *grid("KLDivLoss", (X, SHARES)),
    *grid("KLDivLoss", (X, np.log(SHARES)), {"log_target": True}),
    *[Part("KLDivLoss", (), {"reduction": "batchmean", "log_target": log}, (X, t))
      for log, t in [(False, SHARES), (True, np.log(SHARES)), (True, X)]],
    *[Part("KLDivLoss", (), {"reduction": "batchmean"}, ((), np.array(0.5)))],
    *grid("PoissonNLLLoss", (X, COUNTS), *choices(log_input=(True,), full=(False, True))),
    *grid("PoissonNLLLoss", (X, VARIANCE), {"full": True}, label="not whole"),
    *grid("PoissonNLLLoss", (VARIANCE, COUNTS), *choices(log_input=(False,), full=(False, True))),
    *grid("PoissonNLLLoss", (VARIANCE, COUNTS), {"log_input": False, "eps": 0.1}),
    *grid("GaussianNLLLoss", (X, X, VARIANCE), *choices(full=(False, True))),
    *grid("GaussianNLLLoss", (X, X, VARIANCE), {"eps": 0.7}, label="clamped"),
    *grid("GaussianNLLLoss", (X, X, VARIANCE[:, 0].copy()), label="rows"),
    *grid("GaussianNLLLoss", (X, X, VARIANCE[:1]), label="columns"),
    *grid("GaussianNLLLoss", (X, X, 0.5), label="number"),
    *grid("HingeEmbeddingLoss", (X, SIGNS), {}, {"margin": 0.3}),
    *grid("MarginRankingLoss", (X, X, SIGNS), {}, {"margin": 0.7}),
    *grid("MarginRankingLoss", (X, X, X), {"margin": 0.7}, label="the target has a gradient"),
    *grid("CosineEmbeddingLoss", (X, X, ROW_SIGNS), {}, {"margin": 0.3}, {"margin": -0.5}),
    *grid("CosineEmbeddingLoss", ((4,), (4,), np.array(-1)), label="one"),
    *grid("CosineEmbeddingLoss", (X, X, np.array([1, 0, -1, 2, 1, -1])), label="neither"),
    *grid("TripletMarginLoss", (X, X, X),
          *choices(margin=(1.0, 0.2), p=(2.0, 1.0, 3.0, 0.5), swap=(False, True))),
    *grid("TripletMarginLoss", (X, X, X), *choices(p=(np.inf,), swap=(False, True)),
          only_compared=True),
    *grid("TripletMarginLoss", ((4,), (4,), (4,)), {"eps": 0.01}, label="one"),
    *grid("TripletMarginLoss", ((2, 3, 4), (2, 3, 4), (2, 3, 4)), label="more axes"),
    *alone("HingeLoss", (X, SIGNS), hinges, *choices(margin=(1.0, 0.3), squared=(False, True))),
    *alone("FocalLoss", (X, HARD), sigmoid_focal,
           *choices(alpha=(None, 0.25), gamma=(0.0, 0.5, 2.0))),
    *alone("FocalLoss", (X, ALL), softmax_focal,
           *choices(alpha=(None, WEIGHT), gamma=(0.0, 0.5, 2.0))),
    *alone("FocalLoss", ((2, 4, 2, 3), np.abs(PICTURE) % 4), softmax_focal,
           {"alpha": WEIGHT, "gamma": 2.0}),
]  # fmt: skip
