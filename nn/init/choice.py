"""What a layer does with its ``weight_init=``."""

import inspect
from collections.abc import Callable
from typing import Any

import autodiff as ad

from . import fills, matrices, scaling
from .fills import Generator

Initializer = str | Callable[..., Any]

NAMED: dict[str, Callable[..., Any]] = {
    name.removesuffix("_"): value
    for module in (fills, scaling, matrices)
    for name, value in vars(module).items()
    if name.endswith("_") and not name.startswith("_")
}


def initialize(
    initializer: Initializer,
    tensor: ad.Tensor,
    generator: Generator | None = None,
    *,
    blocks: int = 1,
    transposed: bool = False,
) -> ad.Tensor:
    """Apply what a layer was given as ``weight_init=`` or ``bias_init=``.

    An initializer counts inputs and outputs on a weight of layout ``(out, in, *kernel)``. A weight
    that is laid out otherwise is shown to it in views of that layout.

    Parameters
    ----------
    initializer : str or callable
        A name such as ``"he_normal"``, or what fills a tensor in place.
    tensor : Tensor
        What is filled.
    generator : Generator, optional
        Handed on to an initializer that takes one.
    blocks : int
        How many weights the first axis holds one after another, each with inputs and outputs of
        its own: the groups of a convolution, the gates of a recurrent layer.
    transposed : bool
        Whether the layout is ``(in, out, *kernel)``, as in a transposed convolution.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.init.initialize("eye", ad.zeros((4, 2)), blocks=2).data
    array([[1., 0.],
           [0., 1.],
           [1., 0.],
           [0., 1.]], dtype=float32)
    """
    if isinstance(initializer, str):
        if (found := NAMED.get(initializer.removesuffix("_"))) is None:
            known = ", ".join(NAMED)
            raise ValueError(f"no initializer is called {initializer!r}; known: {known}")
        initializer = found
    options = {}
    if generator is not None and "generator" in inspect.signature(initializer).parameters:
        options["generator"] = generator
    if blocks == 1 and not transposed:
        initializer(tensor, **options)
        return tensor
    rows = tensor.shape[0] // blocks
    for start in range(0, rows * blocks, max(rows, 1)):
        block = tensor.data[start : start + rows]
        if transposed:
            block = ad.backend.namespace(block).swapaxes(block, 0, 1)
        initializer(ad.asarray(block), **options)  # a view: what is written there is written here
    ad.backend.stamp(tensor.data)
    return tensor
