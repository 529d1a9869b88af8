"""Constants and plain draws."""

from typing import Any

import autodiff as ad

Generator = ad.random.Generator


def memory(tensor: Any) -> Any:
    """The raw array of a tensor; one that is raw already, as ``weight.data``, is taken as it is."""
    data = tensor.data if isinstance(tensor, ad.Tensor) else tensor
    ad.backend.kind_of(data)
    return data


def fill(tensor: ad.Tensor, values: Any) -> ad.Tensor:
    """Write values, raw or a tensor or a number, into the memory of ``tensor``."""
    data = memory(tensor)
    if not ad.backend.is_float(data.dtype):
        raise TypeError(f"init: the tensor must be of a float dtype, not {data.dtype}")
    data[...] = values.data if isinstance(values, ad.Tensor) else values
    ad.backend.stamp(data)
    return tensor


def place(tensor: ad.Tensor, generator: Generator | None) -> dict[str, Any]:
    """Where and in what dtype to draw."""
    device = ad.backend.device_of(memory(tensor))
    return {"dtype": tensor.dtype, "device": device, "generator": generator}


def constant_(tensor: ad.Tensor, value: float) -> ad.Tensor:
    """Fill with one number."""
    return fill(tensor, value)


def zeros_(tensor: ad.Tensor) -> ad.Tensor:
    """Fill with zeros."""
    return fill(tensor, 0.0)


def ones_(tensor: ad.Tensor) -> ad.Tensor:
    """Fill with ones."""
    return fill(tensor, 1.0)


def uniform_(
    tensor: ad.Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> ad.Tensor:
    """Fill from the uniform distribution on [a, b)."""
    return fill(tensor, ad.random.uniform(tensor.shape, a, b, **place(tensor, generator)))


def normal_(
    tensor: ad.Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> ad.Tensor:
    """Fill from the normal distribution."""
    return fill(tensor, ad.random.normal(tensor.shape, mean, std, **place(tensor, generator)))


def trunc_normal_(
    tensor: ad.Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> ad.Tensor:
    """Fill from the normal distribution cut off at the values ``a`` and ``b``."""
    low, high = (a - mean) / std, (b - mean) / std
    how = place(tensor, generator)
    return fill(tensor, ad.random.truncated_normal(tensor.shape, mean, std, low, high, **how))
