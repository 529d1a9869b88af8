"""Normalization layers of channels: batch, group and instance norm."""

from typing import Any, ClassVar

import autodiff as ad

from .. import functional, init
from ..module import Module
from ..parameter import Buffer, Parameter
from .normalization import filled


def _no_bias(module: Any) -> str:
    return ", bias=False" if module.affine and module.bias is None else ""


class _RunningNorm(Module):
    """What batch and instance norm share: weight and bias, running statistics, arguments."""

    _ndims: ClassVar[tuple[int, ...]]  # of inputs

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Buffer | None
    running_var: Buffer | None
    num_batches_tracked: Buffer | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
        weight_init: init.Initializer | None = None,
        bias_init: init.Initializer | None = None,
        dtype: Any = None,
        device: str | None = None,
        generator: ad.random.Generator | None = None,
    ) -> None:
        if num_features < 0:
            raise ValueError(f"{type(self).__name__}: num_features={num_features} is negative")
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        n, where = num_features, {"dtype": dtype, "device": device}
        self.weight = filled(n, 1.0, weight_init, generator, **where) if affine else None
        self.bias = filled(n, 0.0, bias_init, generator, **where) if affine and bias else None
        tracked = track_running_stats
        self.running_mean = Buffer(ad.zeros(n, **where)) if tracked else None
        self.running_var = Buffer(ad.ones(n, **where)) if tracked else None
        count = ad.tensor(0, dtype=ad.int64, device=device)
        self.num_batches_tracked = Buffer(count) if tracked else None

    def reset_running_stats(self) -> None:
        """Forget the running statistics: mean 0, variance 1, no batch seen."""
        start = (self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)
        for buffer, value in start:
            if buffer is not None:
                buffer.data[...] = value
                ad.backend.stamp(buffer.data)

    def _require_axes(self, x: Any) -> None:
        if len(x.shape) not in self._ndims:
            counts = " or ".join(map(str, self._ndims))
            raise ValueError(
                f"{type(self).__name__}: an input of shape {x.shape}; it must have {counts} axes"
            )

    def extra_repr(self) -> str:
        """As the constructor takes it."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, track_running_stats={self.track_running_stats}{_no_bias(self)}"
        )


class _BatchNorm(_RunningNorm):
    def forward(self, x: Any) -> Any:
        """Normalize the channels, and in training mode follow their statistics."""
        self._require_axes(x)
        momentum = self.momentum
        if self.training and self.num_batches_tracked is not None:
            count = self.num_batches_tracked.data
            count += 1
            ad.backend.stamp(count)
            if momentum is None:
                momentum = 1 / int(count)  # the mean of all batches so far
        return functional.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or self.running_mean is None,
            momentum or 0.0,
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """Each feature, or channel of sequences, normalized over the batch.

    Takes (n, c) or (n, c, length); otherwise as `BatchNorm2d`.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> layer = nn.BatchNorm1d(1, eps=0.0)
    >>> layer(ad.tensor([[1.0], [3.0]])).data.tolist()
    [[-1.0], [1.0]]
    >>> layer.running_mean.data, layer.running_var.data  # a tenth of the way to 2 and to 2
    (array([0.2], dtype=float32), array([1.1], dtype=float32))
    """

    _ndims = 2, 3


class BatchNorm2d(_BatchNorm):
    """Each channel of images normalized over the batch.

    In training mode by the mean and variance of the batch, in evaluation mode by running ones
    (Ioffe & Szegedy, 2015).

    Parameters
    ----------
    num_features : int
        How many channels.
    eps : float
        Added to the variance.
    momentum : float or None
        By what part the running statistics move towards those of a batch; None keeps the mean
        of all batches. Keras' momentum is 1 minus this.
    affine : bool
        Whether there are a weight, at first 1, and a bias, at first 0.
    track_running_stats : bool
        Without it, the batch's statistics are used in evaluation mode too.
    bias : bool
        Without it there is only a weight.
    weight_init, bias_init : callable or str, optional
        What fills a tensor in place, or its name.
    dtype, device : optional
        The defaults of the library if not given.
    generator : ad.random.Generator, optional
        What initializers draw from.

    Attributes
    ----------
    weight, bias : Parameter, shape (num_features,), or None
    running_mean, running_var : Buffer, shape (num_features,), or None
        The variance is the unbiased one.
    num_batches_tracked : Buffer, or None

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> layer = nn.BatchNorm2d(3)
    >>> y = layer(ad.random.normal((8, 3, 4, 4), mean=5.0))
    >>> bool((abs(y.mean(axis=(0, 2, 3))) < 1e-5).all())
    True
    """

    _ndims = (4,)


class BatchNorm3d(_BatchNorm):
    """Each channel of volumes (n, c, depth, height, width) normalized over the batch.

    Otherwise as `BatchNorm2d`.
    """

    _ndims = (5,)


class _InstanceNorm(_RunningNorm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        bias: bool = True,
        weight_init: init.Initializer | None = None,
        bias_init: init.Initializer | None = None,
        dtype: Any = None,
        device: str | None = None,
        generator: ad.random.Generator | None = None,
    ) -> None:
        super().__init__(
            num_features,
            eps,
            momentum,
            affine,
            track_running_stats,
            bias=bias,
            weight_init=weight_init,
            bias_init=bias_init,
            dtype=dtype,
            device=device,
            generator=generator,
        )

    def forward(self, x: Any) -> Any:
        """Normalize each channel of each example."""
        self._require_axes(x)
        batch = x if len(x.shape) == self._ndims[-1] else ad.expand_dims(x, 0)
        y = functional.instance_norm(
            batch,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or self.running_mean is None,
            self.momentum or 0.0,
            self.eps,
        )
        return y if batch is x else ad.squeeze(y, axis=0)


class InstanceNorm1d(_InstanceNorm):
    """Each channel of each sequence, (n, c, length) or (c, length), normalized by itself.

    Otherwise as `InstanceNorm2d`.
    """

    _ndims = 2, 3


class InstanceNorm2d(_InstanceNorm):
    """Each channel of each image, (n, c, h, w) or (c, h, w), normalized by itself.

    Source: Ulyanov, Vedaldi & Lempitsky, "Instance normalization", 2016.

    Parameters
    ----------
    num_features : int
        How many channels.
    eps : float
        Added to the variance.
    momentum : float
        By what part running statistics move.
    affine : bool
        Whether there are a weight, at first 1, and a bias, at first 0.
    track_running_stats : bool
        Whether there are running statistics, which normalize in evaluation mode.
    bias, weight_init, bias_init, dtype, device, generator
        As for `BatchNorm2d`.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.InstanceNorm2d(1, eps=0.0)(ad.tensor([[[[1.0, 3.0]]]])).data
    array([[[[-1.,  1.]]]], dtype=float32)
    """

    _ndims = 3, 4


class InstanceNorm3d(_InstanceNorm):
    """Each channel of each volume, (n, c, d, h, w) or (c, d, h, w), normalized by itself.

    Otherwise as `InstanceNorm2d`.
    """

    _ndims = 4, 5


class GroupNorm(Module):
    """Groups of channels of each example normalized by their own mean and variance.

    Source: Wu & He, "Group normalization", 2018.

    Parameters
    ----------
    num_groups, num_channels : int
        The first divides the second.
    eps : float
        Added to the variance.
    affine : bool
        Whether there are a weight, at first 1, and a bias, at first 0, for each channel.
    bias : bool
        Without it there is only a weight.
    weight_init, bias_init : callable or str, optional
        What fills a tensor in place, or its name.
    dtype, device : optional
        The defaults of the library if not given.
    generator : ad.random.Generator, optional
        What initializers draw from.

    Attributes
    ----------
    weight, bias : Parameter, shape (num_channels,), or None

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.GroupNorm(2, 4, eps=0.0)(ad.tensor([[1.0, 3.0, 10.0, 30.0]])).data
    array([[-1.,  1., -1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        bias: bool = True,
        weight_init: init.Initializer | None = None,
        bias_init: init.Initializer | None = None,
        dtype: Any = None,
        device: str | None = None,
        generator: ad.random.Generator | None = None,
    ) -> None:
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(
                f"GroupNorm: {num_channels} channels do not divide into {num_groups} groups"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        n, where = num_channels, {"dtype": dtype, "device": device}
        self.weight = filled(n, 1.0, weight_init, generator, **where) if affine else None
        self.bias = filled(n, 0.0, bias_init, generator, **where) if affine and bias else None

    def forward(self, x: Any) -> Any:
        """Normalize the groups."""
        return functional.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """As the constructor takes it."""
        arguments = f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"
        return arguments + _no_bias(self)


class LocalResponseNorm(Module):
    """Each value divided by what the squares in neighbouring channels say.

    Source: Krizhevsky, Sutskever & Hinton, 2012.

    Parameters
    ----------
    size : int
        How many channels count.
    alpha, beta, k : float
        In ``x / (k + alpha * mean of squares)**beta``.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, x: Any) -> Any:
        """Divide."""
        return functional.local_response_norm(x, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """As the constructor takes it."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
