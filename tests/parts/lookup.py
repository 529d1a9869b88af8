"""Embeddings."""

import numpy as np

from .part import Part

WORDS = np.array([[1, 4, 4], [0, 2, 4]])
FREE = {"by_design": "the row of the padding gets no gradient"}
SHARED = {"by_design": "gradients are divided by frequencies"}

PARTS = [
    Part("Embedding", (5, 3), {}, (WORDS,)),
    Part("Embedding", (5, 3), {"sparse": True}, (WORDS,), theirs=lambda t: t.nn.Embedding(5, 3)),
    Part("Embedding", (5, 3), {}, (np.array(3),), label="()"),
    Part("Embedding", (5, 3), {}, (np.zeros((2, 0), int),), label="empty"),
    Part("Embedding", (5, 3), {}, (WORDS.astype(np.int32),), label="int32"),
    Part("Embedding", (5, 3), {"padding_idx": 3}, (WORDS,)),
    Part("Embedding", (5, 3), {"padding_idx": 4}, (WORDS,), **FREE),
    Part("Embedding", (5, 3), {"padding_idx": -5}, (WORDS,), **FREE),
    Part("Embedding", (5, 3), {"scale_grad_by_freq": True}, (WORDS,), **SHARED),
    Part("Embedding", (5, 3), {"padding_idx": 4, "scale_grad_by_freq": True}, (WORDS,), **FREE),
    *[
        Part("Embedding", (5, 3), {"max_norm": norm, "norm_type": p}, (WORDS,),
             by_design="no gradient passes the scaling")
        for norm, p in ((1.0, 2.0), (1.5, 1.0), (0.7, 4.0), (1.2, 3.0), (100.0, 2.0))
    ],
]  # fmt: skip
