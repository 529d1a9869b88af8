"""Activations."""

import numpy as np

from .part import Part

X = ((6, 4),)
PLAIN = (
    "Sigmoid Tanh ReLU LeakyReLU ELU CELU SELU GELU SiLU Mish Softplus Softsign Hardtanh Hardswish "
    "ReLU6 LogSigmoid Softmax LogSoftmax Softmin GLU Tanhshrink Softshrink Hardshrink"
)
OPTIONS = [
    ("LeakyReLU", {"negative_slope": 0.2}),
    ("LeakyReLU", {"negative_slope": -0.2}),
    ("ELU", {"alpha": 0.4}),
    ("CELU", {"alpha": 0.5}),  # PyTorch keeps 1 / alpha in float32
    ("GELU", {"approximate": "tanh"}),
    ("Softplus", {"beta": 2.0}),
    ("Softplus", {"beta": -0.5, "threshold": 0.5}),
    ("Hardtanh", {"min_val": -0.3, "max_val": 0.7}),
    ("Softshrink", {"lambd": 0.2}),
    ("Softshrink", {"lambd": 0.0}),
    ("Hardshrink", {"lambd": 0.2}),
    ("Threshold", {"threshold": 0.1, "value": 20.0}),
    ("RReLU", {"lower": 0.2, "upper": 0.2}),
]
ALONG = "Softmax", "LogSoftmax", "Softmin"

PARTS = [
    *[Part(name, inputs=X, scale=scale) for name in PLAIN.split() for scale in (1.0, 3.0)],
    *[Part(name, (), options, X) for name, options in OPTIONS],
    # PyTorch keeps 1 / 6 in float32.
    *[Part("Hardsigmoid", inputs=X, scale=scale, rtol=1e-7) for scale in (1.0, 3.0)],
    *[
        Part(name, (True,), inputs=X, theirs=lambda torch, name=name: getattr(torch.nn, name)())
        for name in ("ReLU", "SELU", "SiLU", "Mish", "Hardswish", "ReLU6")
    ],
    *[Part(name, (dim,), inputs=((2, 3, 4),)) for name in ALONG for dim in (0, 1, -1)],
    *[Part(name, (1,), inputs=((2, 40),)) for name in ALONG],
    *[Part(name, (), inputs=((5,),)) for name in ALONG],
    Part("Softmax2d", inputs=((2, 3, 2, 2),)),
    Part("Softmax2d", inputs=((3, 2, 2),)),
    *[Part("GLU", (dim,), inputs=((2, 6, 4),)) for dim in (0, 1, -2)],
    Part("PReLU", inputs=X),
    Part("PReLU", (4,), inputs=X),
    Part("PReLU", (3, 0.1), inputs=((2, 3, 2, 2),)),
    Part("PReLU", inputs=((5,),)),
    *[
        Part("RReLU", bounds, inputs=X, random=True)
        for bounds in ((), (0.1, 0.5))
    ],
    *[
        Part("Step", args, inputs=X, alone="PyTorch has a function, heaviside",
             reference=lambda m, x: np.heaviside(x, m.at_zero))
        for args in ((), (0.5,))
    ],
    Part("VeryLeakyReLU", inputs=X, theirs=lambda torch: torch.nn.LeakyReLU(1 / 3)),
]  # fmt: skip
