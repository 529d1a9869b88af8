"""The affine layers."""

import numpy as np

from .part import Part


def maxout(module, x):
    """By its definition, unit by unit."""
    weight = module.weight.data.reshape(module.out_features, module.pieces, -1)
    z = np.einsum("...i,opi->...op", x, weight)
    if module.bias is not None:
        z = z + module.bias.data.reshape(module.out_features, module.pieces)
    return z.max(-1)


PARTS = [
    *[
        Part("Linear", (4, 3), {"bias": bias}, ((*batch, 4),), label=str(batch))
        for bias in (True, False)
        for batch in ((), (6,), (2, 3))
    ],
    *[
        Part("Bilinear", (4, 3, 2), {"bias": bias}, ((*batch, 4), (*batch, 3)), label=str(batch))
        for bias in (True, False)
        for batch in ((), (6,), (2, 3))
    ],
    *[
        Part("Maxout", (4, 3, pieces), {"bias": bias}, ((*batch, 4),), label=str(batch),
             alone="PyTorch has none", reference=maxout)
        for bias in (True, False)
        for pieces in (1, 3)
        for batch in ((), (6,), (2, 3))
    ],
]  # fmt: skip
