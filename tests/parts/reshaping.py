"""Layers that change the shape alone, or nothing."""

from .part import Part

PARTS = [
    Part("Identity", (1,), {"a": 2}, ((3, 2),)),
    Part("Flatten", (), {}, ((2, 3, 4),)),
    Part("Flatten", (0, -2), {}, ((2, 3, 4),)),
]
PARTS += [
    Part("Unflatten", (1, (3, 2)), {}, ((2, 6, 4),)),
    Part("Unflatten", (-1, (-1, 2)), {}, ((2, 6, 4),)),
    Part("Unflatten", (0, (2,)), {}, ((2, 3),)),
]
