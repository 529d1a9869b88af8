"""Padding layers."""

from .part import Part

AXES = {1: (3, 4), 2: (2, 3, 4), 3: (2, 3, 4, 5)}
UNEVEN = {1: (2, 1), 2: (2, 1, 0, 1), 3: (2, 1, 0, 1, 2, 1)}
CUT = {1: (-1, 2), 2: (2, -1, -1, 0), 3: (0, -2, 1, 1, 0, -1)}

PARTS = [
    Part(f"{kind}Pad{n}d", (padding, *more), {}, (shape,), label=str(len(shape)))
    for kind, more in [
        ("Zero", ()), ("Constant", (1.5,)), ("Reflection", ()), ("Replication", ()),
        ("Circular", ()),
    ]
    for n in (1, 2, 3)
    for padding in (1, UNEVEN[n], CUT[n])
    for shape in ((2, *AXES[n]), AXES[n])
    if not (len(shape) == n + 1 and padding == 1)
]  # fmt: skip
