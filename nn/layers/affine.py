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


class Bilinear(Module):
    """``x1 @ weight[k] @ x2 + bias[k]`` for each output ``k``.

    Parameters
    ----------
    in1_features, in2_features, out_features : int
    bias : bool
        Whether there is one; without it, ``bias`` is None.
    weight_init, bias_init : callable or str, optional
        What fills a tensor in place, or its name, such as ``"he_normal"``. By default the
        weight is Glorot uniform and the bias 0.
    dtype, device : optional
        The defaults of the library if not given.
    generator : ad.random.Generator, optional
        What the initial values are drawn from.

    Attributes
    ----------
    weight : Parameter, shape (out_features, in1_features, in2_features)
    bias : Parameter, shape (out_features,), or None

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> layer = nn.Bilinear(3, 4, 2)
    >>> layer(ad.ones((5, 3)), ad.ones((5, 4))).shape
    (5, 2)
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        *,
        weight_init: init.Initializer | None = None,
        bias_init: init.Initializer | None = None,
        dtype: Any = None,
        device: str | None = None,
        generator: ad.random.Generator | None = None,
    ) -> None:
        sizes = in1_features, in2_features, out_features
        if min(sizes) < 1:
            raise ValueError(f"Bilinear{sizes}: sizes must be positive")
        self.in1_features, self.in2_features, self.out_features = sizes
        where = {"dtype": dtype, "device": device}
        self.weight = Parameter(ad.zeros((out_features, in1_features, in2_features), **where))
        self.bias = Parameter(ad.zeros(out_features, **where)) if bias else None
        init.initialize(weight_init or init.xavier_uniform_, self.weight, generator)
        if self.bias is not None and bias_init is not None:
            init.initialize(bias_init, self.bias, generator)

    def forward(self, x1: Any, x2: Any) -> Any:
        """Map the last axes of both."""
        return functional.bilinear(x1, x2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Sizes, as the constructor takes them."""
        bias = "" if self.bias is not None else ", bias=False"
        return f"{self.in1_features}, {self.in2_features}, {self.out_features}{bias}"


class Maxout(Module):
    """The largest of several affine maps, for each output: an activation that is learned.

    Each output is a convex function of the input, made of ``pieces`` planes; with two pieces it
    may become `ReLU`, the absolute value, or a line. Some piece always has the gradient, so no
    unit dies. Parameters and products are ``pieces`` times those of `Linear`.

    Source: Goodfellow, Warde-Farley, Mirza, Courville & Bengio, "Maxout networks", 2013.

    Parameters
    ----------
    in_features, out_features : int
    pieces : int
        How many affine maps each output chooses from.
    bias : bool
        Whether they have one; without it, ``bias`` is None.
    weight_init, bias_init : callable or str, optional
        What fills the weights of one piece in place, or its name, such as ``"he_normal"``. By
        default the weights are Glorot uniform and the biases 0.
    dtype, device : optional
        The defaults of the library if not given.
    generator : ad.random.Generator, optional
        What the initial values are drawn from.

    Attributes
    ----------
    weight : Parameter, shape (out_features * pieces, in_features)
        Row ``i * pieces + j`` is piece ``j`` of output ``i``, as `nn.functional.maxout` groups.
    bias : Parameter, shape (out_features * pieces,), or None

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> layer = nn.Maxout(3, 2, pieces=4)
    >>> layer(ad.ones((5, 3))).shape
    (5, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        pieces: int = 2,
        bias: bool = True,
        *,
        weight_init: init.Initializer | None = None,
        bias_init: init.Initializer | None = None,
        dtype: Any = None,
        device: str | None = None,
        generator: ad.random.Generator | None = None,
    ) -> None:
        sizes = in_features, out_features, pieces
        if min(sizes) < 1:
            raise ValueError(f"Maxout{sizes}: sizes and the number of pieces must be positive")
        self.in_features, self.out_features, self.pieces = sizes
        where = {"dtype": dtype, "device": device}
        self.weight = Parameter(ad.zeros((out_features * pieces, in_features), **where))
        self.bias = Parameter(ad.zeros(out_features * pieces, **where)) if bias else None
        for j in range(pieces):  # each has inputs and outputs of its own
            piece = ad.asarray(self.weight.data[j::pieces])  # a view
            init.initialize(weight_init or init.xavier_uniform_, piece, generator)
        if self.bias is not None and bias_init is not None:
            init.initialize(bias_init, self.bias, generator)

    def forward(self, x: Any) -> Any:
        """Map the last axis."""
        return functional.maxout(functional.linear(x, self.weight, self.bias), self.pieces)

    def extra_repr(self) -> str:
        """Sizes, as the constructor takes them."""
        bias = "" if self.bias is not None else ", bias=False"
        return f"{self.in_features}, {self.out_features}, {self.pieces}{bias}"
