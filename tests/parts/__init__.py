"""The table of modules: at least one row for every class. A missing row fails the tests.

A file for each family has ``PARTS``. From them come the comparison with PyTorch, and the tests of
gradients, devices, dtypes, copies and saved states.
"""

import nn

from . import (
    activations,
    affine,
    attention,
    boltzmann,
    branches,
    convolution,
    dropping,
    ensembles,
    lookup,
    losses,
    normalization,
    padding,
    pooling,
    recurrence,
    resampling,
    reshaping,
    unfolding,
)
from .part import Drawn, Part, leaves, mapped, tensors

FAMILIES = [
    activations,
    affine,
    attention,
    boltzmann,
    branches,
    convolution,
    dropping,
    ensembles,
    lookup,
    losses,
    normalization,
    padding,
    pooling,
    recurrence,
    resampling,
    reshaping,
    unfolding,
]
PARTS = [part for family in FAMILIES for part in family.PARTS]

# Bases and containers: tests/test_nn_module.py.
ELSEWHERE = {"Module", "Sequential", "ModuleList", "ModuleDict"}

__all__ = ["PARTS", "Drawn", "Part", "classes", "leaves", "mapped", "tensors"]


def classes() -> set[str]:
    """The names of the modules of nn, without second names."""
    modules = [
        value
        for value in vars(nn).values()
        if isinstance(value, type) and issubclass(value, nn.Module)
    ]
    return {module.__name__ for module in modules} - ELSEWHERE
