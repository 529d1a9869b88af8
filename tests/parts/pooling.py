"""Pooling layers."""

from .part import Part

LINE, IMAGE, VOLUME = (2, 3, 7), (2, 3, 7, 6), (2, 2, 5, 4, 6)
SHAPES = {1: LINE, 2: IMAGE, 3: VOLUME}
WINDOWS = [
    ((2,), {}),
    ((3,), {"stride": 1}),
    ((3,), {"stride": 2, "padding": 1}),
    ((3, 2), {"ceil_mode": True}),
    ((3, 3), {"padding": 1, "ceil_mode": True}),
    ((2, 3), {}),
]
MORE = {"dilation": 2}, {"dilation": 2, "padding": 1, "stride": 2}, {"return_indices": True}
OUTS = {1: [1, 3, 7, 9], 2: [1, 3, (3, 2), (None, 4), (1, 6), (5, 7)], 3: [1, 2, (2, None, 3)]}

PARTS = [
    *[
        Part(f"{kind}Pool{n}d", args, options, (shape,), label=str(len(shape)))
        for n in (1, 2, 3)
        for kind in ("Max", "Avg")
        for args, options in WINDOWS
        for shape in (SHAPES[n], SHAPES[n][1:])
        if n == 2 or len(shape) > n + 1
    ],
    *[
        Part(f"MaxPool{n}d", (2,), options, (SHAPES[n],))
        for n in (1, 2, 3)
        for options in MORE
    ],
    *[
        Part("MaxPool2d", ((3, 2),), options, (IMAGE,))
        for options in (
            {"stride": (2, 1)},
            {"padding": (1, 0), "return_indices": True},
            {"dilation": (1, 2), "padding": (1, 1), "return_indices": True, "ceil_mode": True},
            {"stride": (1, 3), "ceil_mode": True},
        )
    ],
    *[
        Part("AvgPool2d", ((3, 2),), options, (IMAGE,))
        for options in (
            {"stride": (2, 1)},
            {"padding": (1, 0), "count_include_pad": False},
            {"padding": 1, "count_include_pad": False, "ceil_mode": True},
            {"padding": 1, "ceil_mode": True, "stride": 2},
            {"divisor_override": 5, "padding": 1},
        )
    ],
    Part("AvgPool1d", (3,), {"padding": 1, "count_include_pad": False}, (LINE,)),
    Part("AvgPool3d", (3, 2), {"padding": 1, "count_include_pad": False}, (VOLUME,)),
    Part("AvgPool3d", ((1, 2, 3),), {"divisor_override": 2, "ceil_mode": True}, (VOLUME,)),
    *[
        Part(f"Adaptive{kind}Pool{n}d", (out,), {}, (shape,), label=str(len(shape)))
        for kind in ("Avg", "Max")
        for n in (1, 2, 3)
        for out in OUTS[n]
        for shape in (SHAPES[n], SHAPES[n][1:])
        if n == 2 or len(shape) > n + 1
    ],
    *[
        Part(f"AdaptiveMaxPool{n}d", (out,), {"return_indices": True}, (SHAPES[n],))
        for n in (1, 2, 3)
        for out in OUTS[n]
    ],
]  # fmt: skip
