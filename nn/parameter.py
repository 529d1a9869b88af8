"""The tensors that a module owns."""

from typing import Any, Self

import numpy as np

import autodiff as ad


def raw_of(value: Any) -> Any:
    """The raw array of a saved value, in its own dtype: a tensor's, an array, or a foreign one."""
    if isinstance(value, ad.Tensor):
        return value.data
    return value if type(value) in ad.backend.KINDS else np.asarray(value)


def clear_grad(parameter: ad.Tensor, set_to_none: bool) -> None:
    """Drop a gradient, or fill it with zeros."""
    if set_to_none or parameter.grad is None:
        parameter.grad = None
    else:
        parameter.grad = ad.zeros_like(parameter.grad)


class Parameter(ad.Tensor):
    """A tensor that is trained: modules find it, optimizers step it.

    Parameters
    ----------
    data : array_like
        Copied, since training writes it in place; Python floats get the default dtype.
    requires_grad : bool
        False freezes it.
    dtype, device, name
        As for ``ad.tensor``.

    Examples
    --------
    >>> import nn
    >>> nn.Parameter([1.0, 2.0]).requires_grad
    True
    """

    __slots__ = ()

    def __init__(
        self,
        data: Any,
        requires_grad: bool = True,
        *,
        dtype: Any = None,
        device: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(ad.tensor(data, dtype=dtype, device=device).data)
        self.name = name
        if requires_grad:
            self.requires_grad_()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        memo[id(self)] = made = type(self)(self, self.requires_grad, name=self.name)
        made.grad = None if self.grad is None else self.grad.detach().clone()
        return made


class Buffer(ad.Tensor):
    """A tensor that belongs to a module and is not trained, such as a running mean.

    Parameters
    ----------
    data : array_like
        Copied.
    persistent : bool
        Whether it is part of the module's ``state_dict``.
    dtype, device, name
        As for ``ad.tensor``.
    """

    __slots__ = ("persistent",)

    def __init__(
        self,
        data: Any,
        persistent: bool = True,
        *,
        dtype: Any = None,
        device: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(ad.tensor(data, dtype=dtype, device=device).data)
        self.name = name
        self.persistent = persistent

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        memo[id(self)] = made = type(self)(self, self.persistent, name=self.name)
        return made
