"""Random tensors, from the generator given or else from this process's own.

Every function takes ``device=`` and ``generator=``, and draws the same numbers on every device.
"""

from typing import Any

import numpy as np

from ._generator import Generator, Shape
from ._tensor import Tensor

__all__ = [
    "Generator",
    "bernoulli",
    "default_generator",
    "integers",
    "manual_seed",
    "normal",
    "permutation",
    "truncated_normal",
    "uniform",
]

default_generator = Generator()
"""What draws where no ``generator=`` is given; seeded by the operating system."""


def manual_seed(seed: int) -> None:
    """Start the default generator afresh from ``seed``.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.manual_seed(0)
    >>> x = ad.random.normal((2, 3))
    >>> ad.manual_seed(0)
    >>> bool((ad.random.normal((2, 3)) == x).all())
    True
    """
    default_generator.state = (seed, 0)


def normal(
    shape: Shape = (),
    mean: float = 0.0,
    std: float = 1.0,
    *,
    dtype: Any = None,
    device: str | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Floats of the normal distribution."""
    draw = (generator or default_generator).normal
    return Tensor(draw(shape, mean, std, dtype=dtype, device=device))


def uniform(
    shape: Shape = (),
    low: float = 0.0,
    high: float = 1.0,
    *,
    dtype: Any = None,
    device: str | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Floats from ``low`` up to, never including, ``high``."""
    draw = (generator or default_generator).uniform
    return Tensor(draw(shape, low, high, dtype=dtype, device=device))


def truncated_normal(
    shape: Shape = (),
    mean: float = 0.0,
    std: float = 1.0,
    low: float = -2.0,
    high: float = 2.0,
    *,
    dtype: Any = None,
    device: str | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Normal floats between ``mean + low * std`` and ``mean + high * std``.

    The bounds count in standard deviations of the normal distribution that is cut, so the
    result's own deviation is smaller than ``std``: by a factor of 0.88 for the default bounds.
    """
    draw = (generator or default_generator).truncated_normal
    return Tensor(draw(shape, mean, std, low, high, dtype=dtype, device=device))


def integers(
    low: int,
    high: int | None = None,
    shape: Shape = (),
    *,
    dtype: Any = np.int64,
    device: str | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Integers from ``low`` up to, never including, ``high``; from 0 with one bound.

    No value is more likely than another by more than ``(high - low) / 2**64`` of its probability.
    """
    draw = (generator or default_generator).integers
    return Tensor(draw(low, high, shape, dtype=dtype, device=device))


def permutation(n: int, *, device: str | None = None, generator: Generator | None = None) -> Tensor:
    """The integers below ``n`` in random order."""
    return Tensor((generator or default_generator).permutation(n, device=device))


def bernoulli(
    p: float,
    shape: Shape = (),
    *,
    dtype: Any = None,
    device: str | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Ones with probability ``p``, else zeros."""
    draw = (generator or default_generator).bernoulli
    return Tensor(draw(p, shape, dtype=dtype, device=device))
