"""A copy of a network that a remedy changes, and how it is to be trained.

Nothing of ``nn`` is imported. Layers that a remedy puts in come from the library that the model
itself is made of, found through the classes of its modules.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ._evidence import Evidence
from ._findings import Finding


@dataclass
class Plan:
    """A copy of a network to be mended, and how it is to be trained."""

    model: Any
    evidence: Evidence  # of that copy
    finding: Finding
    lr_factor: float = 1.0
    clip: float | None = None
    adopt: bool = False  # train parameters that the optimizer did not have


def library(model: Any) -> Any:
    """The package that the model's layers come from; None if it has no layers of its own."""
    for _, module in model.named_modules():
        for cls in type(module).__mro__:
            package = sys.modules.get(cls.__module__.partition(".")[0])
            if hasattr(package, "Sequential") and hasattr(package, "LayerNorm"):
                return package
    return None


def children(model: Any) -> Iterator[tuple[Any, str, Any]]:
    """Every module below the model with the object and the attribute that hold it."""
    modules = [module for _, module in model.named_modules()]
    ours = {id(module) for module in modules}
    for parent in modules:
        for name, value in list(vars(parent).items()):
            if id(value) in ours:
                yield parent, name, value
