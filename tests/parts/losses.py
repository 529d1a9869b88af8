"""Losses."""

import numpy as np

from .part import Part

REDUCTIONS = ("mean", "sum", "none")
X = (6, 4)
CLASSES = np.array([1, 0, 3, -100, 2, 1])
SHARE = np.random.default_rng(0).uniform(size=X)
WEIGHT = np.array([0.5, 1, 2, 3])

PARTS = [
    *[Part("MSELoss", (), {"reduction": how}, (X, X)) for how in REDUCTIONS],
    *[
        Part("BCEWithLogitsLoss", (), {"reduction": how, **weights}, (X, SHARE))
        for how in REDUCTIONS
        for weights in ({}, {"weight": WEIGHT}, {"pos_weight": WEIGHT + 1})
    ],
    *[
        Part("CrossEntropyLoss", (), {"reduction": how, "label_smoothing": s, **w}, (X, CLASSES))
        for how in REDUCTIONS
        for s in (0.0, 0.2)
        for w in ({}, {"weight": WEIGHT}, {"ignore_index": 1})
        if not (w.get("ignore_index") == 1)
    ],
    Part("CrossEntropyLoss", (), {"ignore_index": 1}, (X, np.where(CLASSES < 0, 1, CLASSES))),
]
