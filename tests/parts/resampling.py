"""Resampling layers."""

from .part import Part

LINE, IMAGE, VOLUME = (2, 3, 5), (2, 3, 5, 4), (1, 2, 3, 4, 2)
SIZES = {LINE: [3, 10, 8], IMAGE: [(10, 8), (3, 7), 5, (1, 1)], VOLUME: [(6, 4, 4), (2, 5, 3)]}
FACTORS = {LINE: [2, 2.5, 0.6], IMAGE: [2, (1.5, 0.7), 1.3], VOLUME: [2, (0.7, 1.5, 2.5)]}
MODES = {
    LINE: ["nearest", "nearest-exact", "linear", "area"],
    IMAGE: ["nearest", "nearest-exact", "bilinear", "bicubic", "area"],
    VOLUME: ["nearest", "nearest-exact", "trilinear", "area"],
}
BLEND = ("linear", "bilinear", "trilinear", "bicubic")

PARTS = [
    *[
        Part("Upsample", (), {"mode": mode, **size, **more}, (shape,))
        for shape, modes in MODES.items()
        for mode in modes
        for size in [
            *[{"size": size} for size in SIZES[shape]],
            *[{"scale_factor": factor} for factor in FACTORS[shape]],
            {"scale_factor": 1.3, "recompute_scale_factor": True},
        ]
        for more in ([{}, {"align_corners": True}] if mode in BLEND else [{}])
    ],
    Part("PixelShuffle", (2,), {}, ((2, 8, 3, 2),)),
    Part("PixelShuffle", (3,), {}, ((9, 1, 2),)),
    Part("PixelUnshuffle", (2,), {}, ((2, 3, 4, 2),)),
    Part("PixelUnshuffle", (3,), {}, ((1, 3, 6),)),
]
