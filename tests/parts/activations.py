"""Activations."""

from .part import Part

X = ((6, 4),)
PARTS = [
    Part("Sigmoid", inputs=X),
    Part("Tanh", inputs=X),
    Part("ReLU", inputs=X),
    Part("LeakyReLU", inputs=X),
    Part("LeakyReLU", (0.2,), inputs=X),
    Part("ELU", inputs=X),
    Part("ELU", (0.4,), inputs=X),
    Part("SELU", inputs=X),
]
