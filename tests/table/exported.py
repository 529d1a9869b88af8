"""What of the op table ONNX cannot say, and why; every other row is exported and computed there."""

NOT_IN_ONNX = {
    **dict.fromkeys(
        ("kernel_gradient", "unindex", "unpad_edges", "untake_along_axis", "window_pick",
         "window_put", "window_spread"),
        "of gradients only: no forward pass calls it",
    ),
    **dict.fromkeys(
        ("cholesky", "digamma", "eigh", "eigvalsh", "erfinv", "inv", "lgamma", "nextafter",
         "pinv", "polygamma", "qr", "slogdet", "solve", "svd", "svdvals"),
        "there is no such operator",
    ),
    "assign": "a write in place, which a program of values has not",
    "cofactors": "made of `svd`",
    "cumprod": "`CumProd` came with opset 26",
    "linalg.matrix_power": "negative powers are made of `inv`; the others are exported",
    "linalg.norm": "norms by singular values are made of `svdvals`; the others are exported",
    "nonzero": "the size of its result depends on the values",
}  # fmt: skip
