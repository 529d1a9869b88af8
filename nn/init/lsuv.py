"""Initial values that are tried on data."""

from typing import Any

import autodiff as ad

from ..module import Module
from .fills import Generator
from .matrices import orthogonal_


def lsuv_(
    model: Module,
    *inputs: Any,
    tol: float = 0.1,
    max_trials: int = 10,
    orthogonal: bool = True,
    generator: Generator | None = None,
) -> Module:
    """Scale the weights of a network so that every layer's output has variance 1 on a batch.

    Layer-sequential unit-variance initialization (Mishkin and Matas, 2016, algorithm 1): each
    weight becomes orthogonal, and is then divided by the standard deviation of the layer's output
    until that is within ``tol`` of 1, the first layer first. All in one forward pass, in
    evaluation mode.

    Parameters
    ----------
    model : Module
        Its layers are those modules that have a ``weight`` of two axes or more and are called
        with floats. One that is called several times is scaled at its first call.
    *inputs
        A batch, as the model takes it.
    tol : float
        How far from 1 the variance may be.
    max_trials : int
        How often one layer is scaled at most.
    orthogonal : bool
        Whether to begin with `orthogonal_`, or with the weights as they are.
    generator : Generator, optional
        What is drawn from; the default generator if not given.

    Raises
    ------
    ValueError
        If a layer gives the same number everywhere, which no scale mends.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> ad.manual_seed(0)
    >>> model = nn.Sequential(*[nn.Linear(32, 32) for _ in range(20)])
    >>> batch = 100 * ad.random.normal((64, 32))
    >>> out = nn.init.lsuv_(model, batch, tol=0.01)(batch)
    >>> round(out.var().item(), 1)
    1.0
    """
    paths = {id(module): path or type(module).__name__ for path, module in model.named_modules()}
    done: set[int] = set()

    def scale(module: Module, args: tuple[Any, ...], out: Any) -> Any:
        if id(module) in done or not _takes_floats(args):
            return None
        done.add(id(module))
        weight: ad.Tensor = vars(module)["weight"]
        if orthogonal:
            orthogonal_(weight, generator=generator)
            out = module.forward(*args)
        for _ in range(max_trials):
            variance = out.astype("float64").var().item()
            if not variance > 0:
                raise ValueError(
                    f"init.lsuv_: the output of {paths[id(module)]} has variance {variance} on "
                    "this batch; give it varied, finite inputs, or look for a dead layer before it"
                )
            if abs(variance - 1) <= tol:
                break
            weight.data = weight.data / variance**0.5
            out = module.forward(*args)
        return out

    layers = [module for module in model.modules() if _has_matrix(module)]
    handles = [module.register_forward_hook(scale) for module in layers]
    modes = [(module, module.training) for module in model.modules()]
    try:
        with ad.no_grad():
            model.eval()(*inputs)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes:
            module.training = mode
    return model


def _has_matrix(module: Module) -> bool:
    weight = vars(module).get("weight")
    return isinstance(weight, ad.Tensor) and weight.ndim >= 2


def _takes_floats(args: tuple[Any, ...]) -> bool:
    """Unlike an embedding, which has a matrix too."""
    return bool(args) and ad.backend.is_float(args[0].dtype)
