"""Dropout layers: they act in training mode alone.

Where PyTorch's take ``inplace``, so do these, that code may be moved as it is; it changes nothing.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import autodiff as ad

from .. import functional
from ..module import Module


class _Dropout(Module):
    """What all of them share: a probability, a generator, and a function."""

    _function: ClassVar[Callable[..., Any]]

    def __init__(
        self,
        p: float = 0.5,
        inplace: bool = False,
        *,
        generator: ad.random.Generator | None = None,
    ) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: p={p} is not a probability, from 0 to 1")
        self.p = p
        self.generator = generator

    def forward(self, x: Any) -> Any:
        """Drop values in training mode; in evaluation mode return ``x``."""
        return type(self)._function(x, self.p, self.training, generator=self.generator)

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}"


class Dropout(_Dropout):
    """Zeros in the place of random values (Srivastava et al., 2014).

    In training mode each value is dropped with probability ``p``, and the others are divided
    by ``1 - p``, so that the mean stays.

    Parameters
    ----------
    p : float
        The probability of a zero.
    inplace : bool
        Ignored.
    generator : ad.random.Generator, optional
        What draws the masks; the default generator if not given.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> layer = nn.Dropout(0.5, generator=ad.random.Generator(0))
    >>> layer(ad.ones(6)).data.tolist()
    [2.0, 2.0, 0.0, 2.0, 2.0, 2.0]
    >>> layer.eval()(ad.ones(6)).data.tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """

    _function = staticmethod(functional.dropout)


class Dropout1d(_Dropout):
    """`Dropout` of whole channels of sequences: (n, c, length) or (c, length)."""

    _function = staticmethod(functional.dropout1d)


class Dropout2d(_Dropout):
    """`Dropout` of whole channels of images (Tompson et al., 2015).

    Neighbouring pixels are alike, so that dropping some of them would change little.

    Parameters
    ----------
    p, inplace, generator
        As for `Dropout`.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> layer = nn.Dropout2d(0.5, generator=ad.random.Generator(0))
    >>> layer(ad.ones((1, 3, 1, 2))).data.tolist()
    [[[[2.0, 2.0]], [[2.0, 2.0]], [[0.0, 0.0]]]]
    """

    _function = staticmethod(functional.dropout2d)


class Dropout3d(_Dropout):
    """`Dropout` of whole channels of volumes: (n, c, d, h, w) or (c, d, h, w)."""

    _function = staticmethod(functional.dropout3d)


class AlphaDropout(_Dropout):
    """Dropout for networks of `SELU`, that keeps mean 0 and variance 1 (Klambauer et al., 2017).

    Parameters
    ----------
    p, inplace, generator
        As for `Dropout`.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> layer = nn.AlphaDropout(0.1, generator=ad.random.Generator(0))
    >>> y = layer(ad.random.normal((100, 100), generator=ad.random.Generator(1)))
    >>> bool(abs(y.mean()) < 0.05), bool(abs(y.std() - 1) < 0.05)
    (True, True)
    """

    _function = staticmethod(functional.alpha_dropout)


class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels of an input (n, c, ...)."""

    _function = staticmethod(functional.feature_alpha_dropout)
