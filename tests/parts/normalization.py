"""Normalization layers."""

from .part import Part

# What a channel norm is called with: by axes, and with one position, several, and none to a batch.
BATCH = {"BatchNorm1d": [(5, 4), (3, 4, 2)], "BatchNorm2d": [(2, 4, 3, 2)]}
BATCH["BatchNorm3d"] = [(2, 4, 1, 3, 2)]
INSTANCE = {
    "InstanceNorm1d": [(2, 4, 3), (4, 3)],
    "InstanceNorm2d": [(2, 4, 3, 2), (4, 3, 2)],
    "InstanceNorm3d": [(2, 4, 2, 1, 2), (4, 2, 1, 2)],
}
HOW = [
    {},
    {"eps": 0.1},
    {"momentum": 0.7},
    {"momentum": None},
    {"affine": False},
    {"bias": False},
    {"track_running_stats": False},
]

ROWS = [(4, (3, 4)), (4, (2, 3, 4)), ((3, 4), (2, 3, 4)), ((4,), (4,))]
PARTS = [
    *[
        Part("LayerNorm", (shape,), options, (x,), label=str(x))
        for shape, x in ROWS
        for options in ({}, {"eps": 0.1}, {"elementwise_affine": False}, {"bias": False})
    ],
    *[
        Part("RMSNorm", (shape,), options, (x,), label=str(x))
        for shape, x in ROWS
        for options in ({}, {"eps": 0.1}, {"elementwise_affine": False})
    ],
    *[
        # `random` is how a row says evaluation mode.
        Part(name, (4,), options, (x,), random=not training, label=f"{x}{training}")
        for name, shapes in BATCH.items()
        for x in shapes
        for options in HOW
        for training in (True, False)
    ],
    *[
        Part(name, (4,), options, (x,), random=not training, label=f"{x}{training}")
        for name, shapes in INSTANCE.items()
        for x in shapes
        for options in (
            {},
            {"eps": 0.1, "affine": True},
            {"affine": True, "bias": False},
            {"track_running_stats": True},
            {"affine": True, "track_running_stats": True, "momentum": 0.7},
        )
        for training in (True, False)
    ],
    *[
        Part("GroupNorm", (groups, 6), options, (x,), label=str(x))
        for groups in (1, 2, 3, 6)
        for x in [(2, 6, 3), (2, 6, 2, 3), (1, 6, 4)]
        for options in ({}, {"eps": 0.1}, {"affine": False}, {"bias": False})
    ],
    Part("GroupNorm", (2, 6), {}, ((3, 6),)),
    *[
        Part("LocalResponseNorm", (size,), options, (x,), label=str(x))
        for size in (1, 2, 3, 5)
        for x in [(2, 4, 3), (2, 4, 2, 3), (1, 4, 2, 1, 2)]
        for options in ({}, {"alpha": 0.5, "beta": 0.3, "k": 2.0})
    ],
]
