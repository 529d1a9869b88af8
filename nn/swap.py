"""Modules as functions of their parameters."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .parameter import Buffer, Parameter


@contextmanager
def swapped(module: Any, values: Mapping[str, Any]) -> Iterator[None]:
    """Put other tensors in the place of parameters and buffers, wherever those are used."""
    own = dict(module._state())
    own.update(module.named_buffers())
    unknown = [name for name in values if name not in own]
    if unknown:
        raise KeyError(
            f"{type(module).__name__} has no parameter or buffer {', '.join(unknown)}; it has: "
            f"{', '.join(own)}"
        )
    new = {id(own[name]): value for name, value in values.items()}
    aside: list[tuple[Any, str, Any]] = []
    try:
        for part in module.modules():
            for name, old in tuple(vars(part).items()):
                if id(old) in new and isinstance(old, (Parameter, Buffer)):
                    aside.append((part, name, old))
                    setattr(part, name, new[id(old)])
        yield
    finally:
        for part, name, old in aside:
            setattr(part, name, old)


def functional_call(module: Any, params: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
    """Call a module with other values for some of its parameters and buffers.

    It lets functions of parameters be differentiated: a shared parameter is replaced
    wherever it is used, and the module is as it was afterwards.

    Parameters
    ----------
    module : Module
    params : mapping
        Tensors by dotted path; the others stay.
    *args, **kwargs
        What the module takes.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> layer = nn.Linear(2, 1)
    >>> zeros = {"weight": ad.zeros((1, 2)), "bias": ad.ones(1)}
    >>> nn.functional_call(layer, zeros, ad.ones((3, 2))).shape
    (3, 1)
    """
    with swapped(module, params):
        return module(*args, **kwargs)
