"""Activations as modules; the functions are in `nn.functional`.

Where PyTorch's take ``inplace``, so do these, that code may be moved as it is; it changes nothing.
What each does to gradients is compared in docs/nn-activations.md.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import autodiff as ad

from . import functional
from .module import Module
from .parameter import Parameter


class Activation(Module):
    """What all of them share: a function, and the names of its options, which are attributes."""

    _function: ClassVar[Callable[..., Any]]
    _options: ClassVar[tuple[str, ...]] = ()

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return type(self)._function(x, *[getattr(self, name) for name in self._options])

    def extra_repr(self) -> str:
        """The options, as the constructor takes them."""
        return ", ".join([f"{name}={getattr(self, name)!r}" for name in self._options])


class _InPlace(Activation):
    """One with no option but ``inplace``."""

    def __init__(self, inplace: bool = False) -> None:
        pass


# ---------------------------------------------------------------- rectifiers
class Step(Activation):
    """1 above 0, else 0: Heaviside's step, the neuron of McCulloch & Pitts, 1943.

    Nothing can be learned through it: its derivative is 0.

    Parameters
    ----------
    at_zero : float
        The value at 0 itself.
    """

    _function = staticmethod(functional.step)
    _options = ("at_zero",)

    def __init__(self, at_zero: float = 0.0) -> None:
        self.at_zero = at_zero


class ReLU(_InPlace):
    """``max(x, 0)`` (Nair & Hinton, 2010; Glorot, Bordes & Bengio, 2011)."""

    _function = staticmethod(functional.relu)


class LeakyReLU(Activation):
    """``x`` above 0, else ``negative_slope * x`` (Maas, Hannun & Ng, 2013).

    Parameters
    ----------
    negative_slope : float
    inplace : bool
        Ignored.
    """

    _function = staticmethod(functional.leaky_relu)
    _options = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        self.negative_slope = negative_slope


class VeryLeakyReLU(_InPlace):
    """``x`` above 0, else ``x / 3`` (Dieleman et al., 2015)."""

    _function = staticmethod(functional.very_leaky_relu)


class PReLU(Module):
    """``x`` above 0, else ``weight * x``, with a slope that is learned (He et al., 2015).

    Weight decay would pull the slope to 0, so the authors leave it out for this parameter.

    Parameters
    ----------
    num_parameters : int
        1, or the number of channels, which are axis 1 of the input.
    init : float
        The first slope.
    device, dtype : optional
        The defaults of the library if not given.

    Attributes
    ----------
    weight : Parameter, shape (num_parameters,)
    """

    def __init__(
        self,
        num_parameters: int = 1,
        init: float = 0.25,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        if num_parameters < 1:
            raise ValueError(f"PReLU: {num_parameters} slopes; there must be at least one")
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(ad.full(num_parameters, init, dtype=dtype, device=device))

    def forward(self, x: Any) -> Any:
        """Apply it to every element."""
        return functional.prelu(x, self.weight)

    def extra_repr(self) -> str:
        """As the constructor takes them."""
        return f"num_parameters={self.num_parameters}, init={self.init}"


class RReLU(Activation):
    """`LeakyReLU` with a slope drawn for each element in training (Xu et al., 2015).

    In evaluation mode the slope is the mean of both bounds.

    Parameters
    ----------
    lower, upper : float
        Between these the slopes are drawn, uniformly.
    inplace : bool
        Ignored.
    generator : ad.random.Generator, optional
        What draws them; the default generator if not given.
    """

    _options = ("lower", "upper")

    def __init__(
        self,
        lower: float = 1 / 8,
        upper: float = 1 / 3,
        inplace: bool = False,
        *,
        generator: ad.random.Generator | None = None,
    ) -> None:
        if lower > upper:
            raise ValueError(f"RReLU: lower={lower} is above upper={upper}")
        self.lower = lower
        self.upper = upper
        self.generator = generator

    def forward(self, x: Any) -> Any:
        """Apply it to every element."""
        return functional.rrelu(x, self.lower, self.upper, self.training, generator=self.generator)


class Threshold(Activation):
    """``x`` above a threshold, else a value.

    Parameters
    ----------
    threshold, value : float
    inplace : bool
        Ignored.
    """

    _function = staticmethod(functional.threshold)
    _options = ("threshold", "value")

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        self.threshold = threshold
        self.value = value


# ---------------------------------------------------------------- with a ceiling
class Hardtanh(Activation):
    """``min(max(x, min_val), max_val)`` (Collobert, 2004).

    Parameters
    ----------
    min_val, max_val : float
    inplace : bool
        Ignored.
    """

    _function = staticmethod(functional.hardtanh)
    _options = ("min_val", "max_val")

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        if min_val >= max_val:
            raise ValueError(f"Hardtanh: min_val={min_val} is not below max_val={max_val}")
        self.min_val = min_val
        self.max_val = max_val


class ReLU6(_InPlace):
    """``min(max(x, 0), 6)`` (Krizhevsky, 2010)."""

    _function = staticmethod(functional.relu6)


class Hardsigmoid(_InPlace):
    """``min(max(x + 3, 0), 6) / 6`` (Courbariaux, Bengio & David, 2015, with a slope of 1/2)."""

    _function = staticmethod(functional.hardsigmoid)


class Hardswish(_InPlace):
    """``x * min(max(x + 3, 0), 6) / 6`` (Howard et al., 2019)."""

    _function = staticmethod(functional.hardswish)


# ---------------------------------------------------------------- exponential below 0
class ELU(Activation):
    """``x`` above 0, else ``alpha * (exp(x) - 1)`` (Clevert, Unterthiner & Hochreiter, 2016).

    Parameters
    ----------
    alpha : float
        The limit for large negative ``x``, without its sign.
    inplace : bool
        Ignored.
    """

    _function = staticmethod(functional.elu)
    _options = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        self.alpha = alpha


class CELU(Activation):
    """``x`` above 0, else ``alpha * (exp(x / alpha) - 1)``, without a kink (Barron, 2017).

    Parameters
    ----------
    alpha : float
        The limit for large negative ``x``, without its sign; not 0.
    inplace : bool
        Ignored.
    """

    _function = staticmethod(functional.celu)
    _options = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        if alpha == 0:
            raise ValueError("CELU: alpha must not be 0")
        self.alpha = alpha


class SELU(_InPlace):
    """A scaled ELU that keeps mean 0 and variance 1 (Klambauer et al., 2017).

    It wants ``weight_init="lecun_normal"``, and `AlphaDropout` in the place of `Dropout`.
    """

    _function = staticmethod(functional.selu)


# ---------------------------------------------------------------- x times a gate
class GELU(Activation):
    """``x * Phi(x)``, with the normal distribution function (Hendrycks & Gimpel, 2016).

    Parameters
    ----------
    approximate : str
        ``"none"``, or ``"tanh"``: ``0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x**3)))``.
    """

    _function = staticmethod(functional.gelu)
    _options = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        if approximate not in ("none", "tanh"):
            raise ValueError(f"GELU: approximate must be none or tanh, not {approximate!r}")
        self.approximate = approximate


class SiLU(_InPlace):
    """``x * sigmoid(x)``, also called Swish (Elfwing et al., 2017; Ramachandran et al., 2017)."""

    _function = staticmethod(functional.silu)


Swish = SiLU


class Mish(_InPlace):
    """``x * tanh(softplus(x))`` (Misra, 2019)."""

    _function = staticmethod(functional.mish)


class GLU(Activation):
    """``a * sigmoid(b)``, where ``a`` and ``b`` are the halves of an axis (Dauphin et al., 2017).

    Parameters
    ----------
    dim : int
        The axis that is cut into halves.
    """

    _function = staticmethod(functional.glu)
    _options = ("dim",)

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim


# ---------------------------------------------------------------- sigmoids and their integrals
class Sigmoid(Activation):
    """``1 / (1 + exp(-x))``; its derivative is at most 1/4."""

    _function = staticmethod(functional.sigmoid)


class LogSigmoid(Activation):
    """``log(1 / (1 + exp(-x)))``."""

    _function = staticmethod(functional.log_sigmoid)


class Tanh(Activation):
    """The hyperbolic tangent (LeCun et al., "Efficient BackProp", 1998)."""

    _function = staticmethod(functional.tanh)


class Tanhshrink(Activation):
    """``x - tanh(x)``."""

    _function = staticmethod(functional.tanhshrink)


class Softsign(Activation):
    """``x / (1 + abs(x))`` (Turian, Bergstra & Bengio, 2009)."""

    _function = staticmethod(functional.softsign)


class Softplus(Activation):
    """``log(1 + exp(beta * x)) / beta``, a smooth `ReLU` (Dugas et al., 2001).

    Parameters
    ----------
    beta : float
    threshold : float
        Where ``beta * x`` is above it, ``x`` itself is returned.
    """

    _function = staticmethod(functional.softplus)
    _options = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.beta = beta
        self.threshold = threshold


# ---------------------------------------------------------------- shrinkage
class Softshrink(Activation):
    """``x`` moved towards 0 by ``lambd``, and 0 where it is within.

    Parameters
    ----------
    lambd : float
        Not negative.
    """

    _function = staticmethod(functional.softshrink)
    _options = ("lambd",)

    def __init__(self, lambd: float = 0.5) -> None:
        if lambd < 0:
            raise ValueError(f"Softshrink: lambd must not be negative, and is {lambd}")
        self.lambd = lambd


class Hardshrink(Activation):
    """``x``, but 0 between ``-lambd`` and ``lambd``.

    Parameters
    ----------
    lambd : float
    """

    _function = staticmethod(functional.hardshrink)
    _options = ("lambd",)

    def __init__(self, lambd: float = 0.5) -> None:
        self.lambd = lambd


# ---------------------------------------------------------------- along an axis
class _Along(Activation):
    """One that takes an axis.

    Parameters
    ----------
    dim : int, optional
        The axis. It may be left out for one or two axes, and is then the last.
    """

    _options = ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        self.dim = dim


class Softmax(_Along):
    """``exp(x) / sum(exp(x))`` along an axis (Bridle, 1990).

    Before a loss use none: `CrossEntropyLoss` takes logits.

    Parameters
    ----------
    dim : int, optional
        The axis. It may be left out for one or two axes, and is then the last.
    """

    _function = staticmethod(functional.softmax)


class LogSoftmax(_Along):
    """``x - log(sum(exp(x)))`` along an axis.

    Parameters
    ----------
    dim : int, optional
        The axis. It may be left out for one or two axes, and is then the last.
    """

    _function = staticmethod(functional.log_softmax)


class Softmin(_Along):
    """``exp(-x) / sum(exp(-x))`` along an axis.

    Parameters
    ----------
    dim : int, optional
        The axis. It may be left out for one or two axes, and is then the last.
    """

    _function = staticmethod(functional.softmin)


class Softmax2d(Module):
    """`Softmax` over the channels of images: (n, channels, h, w) or (channels, h, w)."""

    def forward(self, x: Any) -> Any:
        """Apply it at every pixel."""
        if len(x.shape) not in (3, 4):
            raise ValueError(
                f"Softmax2d: shape {x.shape}; it must be (n, channels, h, w) or (channels, h, w)"
            )
        return functional.softmax(x, -3)
