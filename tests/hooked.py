"""What PyTorch says of a network: every call with its operands, values and gradients.

Each operand of a call is replaced by an alias of itself, whose gradient is then that of this use
alone. So nodes and edges both have a counterpart that owes nothing to this library.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode


class Made:
    """A tensor as it was when a call made it, and the gradient that arrives at that place.

    A hook stays with what the tensor was, whatever is written into it later.
    """

    def __init__(self, tensor):
        self.tensor = tensor
        self.value = tensor.detach().numpy().copy()
        self.gradient = np.zeros_like(self.value)
        tensor.register_hook(self._arrived)

    def _arrived(self, g):
        if g is not None:
            self.gradient = g.detach().numpy().copy()


@dataclass
class Call:
    """One call of PyTorch: what it made, and for each tensor it read, the alias it was given."""

    outputs: list[Made]
    operands: list[tuple[Any, Made]] = field(default_factory=list)


# Given an alias, they would write into it, or not find it in the graph.
WHOLE = ("__setitem__", "__iadd__", "add_", "grad")


class Calls(TorchFunctionMode):
    """Keeps every call whose result carries a gradient."""

    def __init__(self):
        super().__init__()
        self.made = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", str(func))
        if name in WHOLE:
            out = func(*args, **kwargs)
            results = args[0] if name == "__setitem__" else out
            self.made.append(Call([Made(t) for t in _tensors(results) if t.requires_grad]))
            return out
        operands = []

        def alias(x):
            if isinstance(x, (list, tuple)):
                return type(x)(alias(item) for item in x)
            if not isinstance(x, torch.Tensor) or not x.requires_grad:
                return x
            twin = x.view_as(x)
            operands.append((x, Made(twin)))
            return twin

        out = func(*(alias(a) for a in args), **{k: alias(v) for k, v in kwargs.items()})
        outputs = [Made(t) for t in _tensors(out) if t.requires_grad]
        if outputs and operands:
            self.made.append(Call(outputs, operands))
        return out


def _tensors(x):
    if isinstance(x, torch.Tensor):
        return [x]
    return [t for item in x for t in _tensors(item)] if isinstance(x, (list, tuple)) else []


class Sizes:
    """The numbers that a label shows, of an array: written out once more, with NumPy alone."""

    def __init__(self, array):
        g = np.abs(np.asarray(array, "float64").ravel())
        self.rms = float(np.sqrt(np.mean(g * g))) if g.size else 0.0
        self.l2 = float(np.sqrt(np.sum(g * g)))
        self.mean_abs = float(np.mean(g)) if g.size else 0.0
        self.max_abs = float(np.max(g, initial=0.0))
        self.size = g.size


FIELDS = ("rms", "l2", "mean_abs", "max_abs")
