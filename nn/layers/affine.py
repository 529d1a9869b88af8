"""The affine layers."""

from typing import Any

import autodiff as ad

from .. import functional, init
from ..module import Module
from ..parameter import Parameter


class Linear(Module):
    """``x @ weight.T + bias``.

    Parameters
    ----------
    in_features, out_features : int
    bias : bool
        Whether there is one; without it, ``bias`` is None.
    weight_init, bias_init : callable or str, optional
        What fills a tensor in place, or its name, such as ``"he_normal"``. By default the
        weight is Glorot uniform, as in Keras, and the bias 0.
    dtype, device : optional
        The defaults of the library if not given.
    generator : ad.random.Generator, optional
        What the initial values are drawn from.

    Attributes
    ----------
    weight : Parameter, shape (out_features, in_features)
    bias : Parameter, shape (out_features,), or None

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> layer = nn.Linear(3, 2, weight_init="he_normal")
    >>> layer(ad.ones((5, 3))).shape
    (5, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        weight_init: init.Initializer | None = None,
        bias_init: init.Initializer | None = None,
        dtype: Any = None,
        device: str | None = None,
        generator: ad.random.Generator | None = None,
    ) -> None:
        if in_features < 0 or out_features < 0:
            raise ValueError(f"Linear({in_features}, {out_features}): sizes must not be negative")
        self.in_features = in_features
        self.out_features = out_features
        where = {"dtype": dtype, "device": device}
        self.weight = Parameter(ad.zeros((out_features, in_features), **where))
        self.bias = Parameter(ad.zeros(out_features, **where)) if bias else None
        init.initialize(weight_init or init.xavier_uniform_, self.weight, generator)
        if self.bias is not None and bias_init is not None:
            init.initialize(bias_init, self.bias, generator)

    def forward(self, x: Any) -> Any:
        """Map the last axis."""
        return functional.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Sizes, as the constructor takes them."""
        bias = "" if self.bias is not None else ", bias=False"
        return f"{self.in_features}, {self.out_features}{bias}"
