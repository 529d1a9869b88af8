"""Normalization layers."""

from .part import Part

PARTS = [
    Part("LayerNorm", (shape,), options, (x,), label=str(x))
    for shape, x in [(4, (3, 4)), (4, (2, 3, 4)), ((3, 4), (2, 3, 4)), ((4,), (4,))]
    for options in ({}, {"eps": 0.1}, {"elementwise_affine": False}, {"bias": False})
]
