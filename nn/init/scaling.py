"""Scales by the number of inputs and outputs. Every one is `variance_scaling_`."""

import math

import autodiff as ad

from .fills import Generator, normal_, trunc_normal_, uniform_

# The standard deviation of N(0, 1) cut off at -2 and 2.
TRUNCATED_STD = 0.87962566103423978


def calculate_fan(tensor: ad.Tensor) -> tuple[int, int]:
    """How many inputs feed one output of a weight, and how many outputs one input feeds.

    The layout is ``(out, in, *kernel)``, as in `Linear` and the convolutions.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.init.calculate_fan(ad.zeros((8, 3, 5, 5)))
    (75, 200)
    """
    if tensor.ndim < 2:
        raise ValueError(
            f"a weight of shape {tensor.shape} has no fan: scaled initializers need at least two "
            "axes (out, in); use normal_, uniform_ or constant_"
        )
    out_features, in_features, *kernel = tensor.shape
    return in_features * math.prod(kernel), out_features * math.prod(kernel)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the scale of signals through a nonlinearity, as PyTorch has it.

    Parameters
    ----------
    nonlinearity : str
        ``linear``, ``sigmoid``, ``tanh``, ``relu``, ``leaky_relu`` or ``selu``.
    param : float, optional
        The negative slope of ``leaky_relu``, 0.01 by default.
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2.0 / (1.0 + (0.01 if param is None else param) ** 2))
    gains = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2.0), "selu": 0.75}
    if nonlinearity not in gains:
        known = ", ".join([*gains, "leaky_relu"])
        raise ValueError(f"no gain is known for {nonlinearity!r}; known: {known}")
    return gains[nonlinearity]


def variance_scaling_(
    tensor: ad.Tensor,
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "normal",
    generator: Generator | None = None,
) -> ad.Tensor:
    """Fill with mean 0 and variance ``scale / n``.

    Parameters
    ----------
    tensor : Tensor
        A weight of layout ``(out, in, *kernel)``.
    scale : float
        Positive.
    mode : str
        What n is: ``fan_in``, ``fan_out`` or their mean ``fan_avg``.
    distribution : str
        ``normal``, ``uniform``, or ``truncated_normal`` (cut off at two standard deviations;
        the variance is that after the cut).
    generator : Generator, optional
        What is drawn from; the default generator if not given.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> w = nn.init.variance_scaling_(ad.zeros((400, 300)), 2.0, "fan_in", "uniform")
    >>> round(float((w * w).mean()) * 300, 1)
    2.0
    """
    fan_in, fan_out = calculate_fan(tensor)
    fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
    if mode not in fans:
        raise ValueError(f"mode must be one of {', '.join(fans)}, not {mode!r}")
    if not scale > 0 or math.isinf(scale):
        raise ValueError(f"scale must be positive and finite, not {scale}")
    if not tensor.size:
        return tensor
    std = math.sqrt(scale / fans[mode])
    if distribution == "normal":
        return normal_(tensor, 0.0, std, generator)
    if distribution == "uniform":
        bound = math.sqrt(3.0) * std
        return uniform_(tensor, -bound, bound, generator)
    if distribution == "truncated_normal":
        std /= TRUNCATED_STD
        return trunc_normal_(tensor, 0.0, std, -2.0 * std, 2.0 * std, generator)
    raise ValueError(
        f"distribution must be normal, uniform or truncated_normal, not {distribution!r}"
    )


def xavier_uniform_(
    tensor: ad.Tensor, gain: float = 1.0, generator: Generator | None = None
) -> ad.Tensor:
    """Glorot and Bengio (2010), uniform: variance ``gain**2 / mean(fan_in, fan_out)``."""
    return variance_scaling_(tensor, gain**2, "fan_avg", "uniform", generator)


def xavier_normal_(
    tensor: ad.Tensor, gain: float = 1.0, generator: Generator | None = None
) -> ad.Tensor:
    """Glorot and Bengio (2010), normal: variance ``gain**2 / mean(fan_in, fan_out)``."""
    return variance_scaling_(tensor, gain**2, "fan_avg", "normal", generator)


def kaiming_uniform_(
    tensor: ad.Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> ad.Tensor:
    """He et al. (2015), uniform: variance ``calculate_gain(nonlinearity, a)**2 / fan``."""
    return variance_scaling_(
        tensor, calculate_gain(nonlinearity, a) ** 2, mode, "uniform", generator
    )


def kaiming_normal_(
    tensor: ad.Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> ad.Tensor:
    """He et al. (2015), normal: variance ``calculate_gain(nonlinearity, a)**2 / fan``."""
    return variance_scaling_(
        tensor, calculate_gain(nonlinearity, a) ** 2, mode, "normal", generator
    )


def lecun_uniform_(tensor: ad.Tensor, generator: Generator | None = None) -> ad.Tensor:
    """LeCun et al. (1998), uniform: variance ``1 / fan_in``."""
    return variance_scaling_(tensor, 1.0, "fan_in", "uniform", generator)


def lecun_normal_(tensor: ad.Tensor, generator: Generator | None = None) -> ad.Tensor:
    """LeCun et al. (1998), normal: variance ``1 / fan_in``; what SELU networks need."""
    return variance_scaling_(tensor, 1.0, "fan_in", "normal", generator)


glorot_uniform_, glorot_normal_ = xavier_uniform_, xavier_normal_
he_uniform_, he_normal_ = kaiming_uniform_, kaiming_normal_
