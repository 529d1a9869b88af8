"""Layers that put the values under a kernel side by side, and back."""

from .part import Part

X = (2, 3, 6, 5)

PARTS = [
    Part("Unfold", (3,), {}, (X,)),
    Part("Unfold", ((2, 3), 1, (1, 0), (2, 1)), {}, (X,)),
    Part("Unfold", (2,), {"dilation": (2, 3), "padding": 1, "stride": 2}, (X,)),
    Part("Unfold", (2,), {"padding": 2, "stride": 3}, (X[1:],), label="one"),
    Part("Fold", ((6, 5), 3), {}, ((2, 18, 12),)),
    Part("Fold", (4, (2, 3), 1, (1, 0), (2, 1)), {}, ((2, 12, 6),)),
    Part("Fold", ((6, 5), 2), {"dilation": (2, 3), "padding": 1, "stride": 2}, ((2, 8, 6),)),
    Part("Fold", ((6, 5), 2), {"padding": 2, "stride": 3}, ((4, 9),), label="one"),
]
