"""What a row of the table of modules is."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

import autodiff as ad
import nn


@dataclass(frozen=True)
class Part:
    """One way to make a module, and what it is called with.

    An input is a shape (filled with normal values, and differentiated), an array (a constant),
    `SAME` as the shape before, a tuple of inputs, or anything else, passed as it is.
    `tests.test_parts_parity` compares with the class of the same name in ``torch.nn``, made with
    the same arguments, or with what ``theirs(torch)`` makes.
    """

    name: str
    args: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[Any, ...] = ()
    call: dict[str, Any] = field(default_factory=dict)  # options of the call
    theirs: Callable[[Any], Any] | None = None
    only_compared: bool = False  # with PyTorch: one of very many combinations of options
    alone: str = ""  # why PyTorch is not asked; then `reference` must be there, or say where
    reference: Callable[..., Any] | None = None  # (module, *raw inputs) -> raw result
    random: bool = False  # differs from call to call in training mode: compared in evaluation mode
    idle: str = ""  # the name of parameters that the call does not use
    by_design: str = ""  # why its gradients are not those of its values
    half: str = ""  # why float16 is left out, if it is
    rtol: float = 1e-9
    scale: float = 1.0  # of the inputs
    label: str = ""

    def __str__(self) -> str:
        words = [type(a).__name__ if isinstance(a, nn.Module) else str(a) for a in self.args]
        words += [f"{k}={getattr(v, '__name__', v)}" for k, v in self.options.items()]
        return f"{self.name}({', '.join(words)}){self.label}"

    def make(self) -> Any:
        """Ours, in float64."""
        args = copy.deepcopy(self.args)  # modules among them are not shared between makes
        module = getattr(nn, self.name)(*args, **self.options).double()
        return module.eval() if self.random else module

    def counterpart(self, torch: Any) -> Any:
        """PyTorch's, in float64, with values of its own."""
        if self.theirs is not None:
            module = self.theirs(torch)
        else:
            made = [_theirs(torch, x) for x in self.args]
            options = {name: _theirs(torch, x) for name, x in self.options.items()}
            module = getattr(torch.nn, self.name)(*made, **options)
        return module.double().eval() if self.random else module.double()

    def arrays(self, seed: int = 0) -> tuple[Any, ...]:
        """The inputs as arrays: `Drawn` where they are to be differentiated."""
        rng = np.random.default_rng(seed)
        made: list[Any] = []
        for x in self.inputs:
            made.append(made[-1] if x is SAME else self._drawn(x, rng))
        return tuple(made)

    def _drawn(self, spec: Any, rng: np.random.Generator) -> Any:
        if isinstance(spec, tuple) and all(isinstance(n, int) for n in spec):
            return Drawn(np.asarray(rng.standard_normal(spec) * self.scale))
        if isinstance(spec, tuple | list):
            return type(spec)([self._drawn(x, rng) for x in spec])
        return spec


SAME = object()


@dataclass(eq=False)
class Drawn:
    """An input that gets a gradient; the same object stands for the same tensor."""

    array: np.ndarray


def mapped(fn: Callable[[Any], Any], nest: Any) -> Any:
    """``fn`` of every leaf of nested tuples and lists."""
    if isinstance(nest, tuple | list):
        return type(nest)([mapped(fn, x) for x in nest])
    return fn(nest)


def leaves(nest: Any) -> list[Any]:
    """The leaves of nested tuples and lists."""
    if isinstance(nest, tuple | list):
        return [leaf for x in nest for leaf in leaves(x)]
    return [nest]


def tensors(nest: Any, dtype: Any = None, device: str | None = None) -> Any:
    """Inputs as our tensors; floats in ``dtype``."""

    @cache
    def drawn(x: Drawn) -> Any:
        return tensor(x.array).requires_grad_()

    def tensor(x: Any) -> Any:
        if isinstance(x, Drawn):
            return drawn(x)
        if not isinstance(x, np.ndarray):
            return x
        if dtype is not None and x.dtype.kind == "f":
            x = x.astype(dtype)
        return ad.tensor(x, device=device)

    return mapped(tensor, nest)


def _theirs(torch: Any, x: Any) -> Any:
    return torch.tensor(x) if isinstance(x, np.ndarray) else x
