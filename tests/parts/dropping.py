"""Dropout layers, in evaluation mode; tests/test_nn_dropping.py has the rest."""

from .part import Part

PARTS = [
    Part(name, args, {}, (shape,), random=True)
    for name, shape in [
        ("Dropout", (3, 4)),
        ("Dropout1d", (2, 3, 4)),
        ("Dropout2d", (2, 3, 2, 2)),
        ("Dropout3d", (2, 3, 2, 2, 1)),
        ("AlphaDropout", (3, 4)),
        ("FeatureAlphaDropout", (2, 3, 4)),
    ]
    for args in ((), (0.2,))
]
