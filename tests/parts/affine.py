"""The affine layers."""

from .part import Part

PARTS = [
    Part("Linear", (4, 3), {"bias": bias}, ((*batch, 4),), label=str(batch))
    for bias in (True, False)
    for batch in ((), (6,), (2, 3))
]
