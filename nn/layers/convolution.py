"""Convolutional layers."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import autodiff as ad

from .. import functional, init
from ..functional.convolution import Setting, around, per_axis
from ..module import Module
from ..parameter import Parameter

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _Layer(Module):
    """What the layers of this file have in common: arguments, parameters and their text."""

    axes: ClassVar[int]
    function: ClassVar[Callable[..., Any]]
    transposed: ClassVar[bool] = False

    def _set(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Setting,
        stride: Setting,
        padding: Setting | str,
        output_padding: Setting,
        dilation: Setting,
        groups: int,
        bias: bool,
        padding_mode: str,
        weight_init: init.Initializer | None,
        bias_init: init.Initializer | None,
        dtype: Any,
        device: str | None,
        generator: ad.random.Generator | None,
    ) -> None:
        name, axes = type(self).__name__, self.axes
        if groups < 1 or any(n < 1 or n % groups for n in (in_channels, out_channels)):
            raise ValueError(
                f"{name}({in_channels}, {out_channels}, groups={groups}): groups must be positive "
                "and divide both numbers of channels, which must be positive"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = per_axis(name, "kernel_size", kernel_size, axes, 1)
        self.stride = per_axis(name, "stride", stride, axes, 1)
        self.dilation = per_axis(name, "dilation", dilation, axes, 1)
        self.padding: Any = (
            padding if isinstance(padding, str) else per_axis(name, "padding", padding, axes)
        )
        around(name, padding, self.kernel_size, self.stride, self.dilation)
        self.output_padding = per_axis(name, "output_padding", output_padding, axes)
        self.groups = groups
        self.padding_mode = padding_mode
        ends = in_channels, out_channels
        shape = ends if self.transposed else ends[::-1]
        where = {"dtype": dtype, "device": device}
        self.weight = Parameter(
            ad.zeros((shape[0], shape[1] // groups, *self.kernel_size), **where)
        )
        self.bias = Parameter(ad.zeros(out_channels, **where)) if bias else None
        init.initialize(
            weight_init or init.xavier_uniform_,
            self.weight,
            generator,
            blocks=groups,
            transposed=self.transposed,
        )
        if self.bias is not None and bias_init is not None:
            init.initialize(bias_init, self.bias, generator)

    def extra_repr(self) -> str:
        """Sizes, and what differs from the default."""
        ones, zeros = (1,) * self.axes, (0,) * self.axes
        shown = {
            "stride": (self.stride, ones),
            "padding": (self.padding, zeros),
            "output_padding": (self.output_padding, zeros),
            "dilation": (self.dilation, ones),
            "groups": (self.groups, 1),
            "bias": (self.bias is not None, True),
            "padding_mode": (self.padding_mode, "zeros"),
        }
        words = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"]
        words += [f"{k}={value!r}" for k, (value, default) in shown.items() if value != default]
        return ", ".join(words)


# ---------------------------------------------------------------- convolutions
class _Convolution(_Layer):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Setting,
        stride: Setting = 1,
        padding: Setting | str = 0,
        dilation: Setting = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        weight_init: init.Initializer | None = None,
        bias_init: init.Initializer | None = None,
        dtype: Any = None,
        device: str | None = None,
        generator: ad.random.Generator | None = None,
    ) -> None:
        if padding_mode not in PADDING_MODES:
            raise ValueError(
                f"{type(self).__name__}: padding_mode={padding_mode!r}; use one of "
                f"{', '.join(PADDING_MODES)}"
            )
        self._set(
            in_channels, out_channels, kernel_size, stride, padding, 0, dilation, groups, bias,
            padding_mode, weight_init, bias_init, dtype, device, generator,
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        """Convolve a batch, or one example without a batch axis."""
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            name = type(self).__name__
            before, after = around(name, padding, self.kernel_size, self.stride, self.dilation)
            last_first = zip(reversed(before), reversed(after))
            widths = tuple([n for pair in last_first for n in pair])
            x, padding = functional.pad(x, widths, self.padding_mode), 0
        return type(self).function(
            x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )


class Conv2d(_Convolution):
    """Kernels that move over images: each output channel has one, for all input channels.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or tuple of int
    stride : int or tuple of int
        The steps from place to place.
    padding : int, tuple of int, "valid" or "same"
        What is added on both sides; ``"valid"`` is nothing, ``"same"`` keeps the size.
    dilation : int or tuple of int
        The distance between kernel positions.
    groups : int
        Into how many parts the channels are divided; each output channel sees one part of the
        input. With as many groups as channels the layer works depthwise.
    bias : bool
        Whether there is one; without it, ``bias`` is None.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        What is added: zeros, the values mirrored at the edge, the one at the edge, or those from
        the other end.
    weight_init, bias_init : callable or str, optional
        What fills a tensor in place, or its name, such as ``"he_normal"``. By default the
        weight is Glorot uniform, as in Keras, and the bias 0.
    dtype, device : optional
        The defaults of the library if not given.
    generator : ad.random.Generator, optional
        What the initial values are drawn from.

    Attributes
    ----------
    weight : Parameter, shape (out_channels, in_channels / groups, kH, kW)
    bias : Parameter, shape (out_channels,), or None

    Notes
    -----
    Of (N, in_channels, H, W) it makes (N, out_channels, H', W') with
    ``H' = (H + 2 padding - dilation (kH - 1) - 1) // stride + 1``, and W' likewise; N may be
    absent. Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> layer = nn.Conv2d(3, 8, 3, padding=1, weight_init="he_normal")
    >>> layer(ad.zeros((5, 3, 28, 28))).shape
    (5, 8, 28, 28)
    """

    axes = 2
    function = functional.conv2d


class Conv1d(_Convolution):
    """As `Conv2d`, along one axis: (N, in_channels, L) to (N, out_channels, L').

    The arguments are the same; the weight has the shape (out_channels, in_channels / groups, k).

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.Conv1d(4, 6, 5, stride=2)(ad.zeros((2, 4, 21))).shape
    (2, 6, 9)
    """

    axes = 1
    function = functional.conv1d


class Conv3d(_Convolution):
    """As `Conv2d`, along three axes: (N, in_channels, D, H, W) to (N, out_channels, D', H', W').

    The arguments are the same; the weight has the shape
    (out_channels, in_channels / groups, kD, kH, kW).

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.Conv3d(1, 2, 3, padding="same")(ad.zeros((1, 4, 5, 6))).shape
    (2, 4, 5, 6)
    """

    axes = 3
    function = functional.conv3d


# ---------------------------------------------------------------- transposed convolutions
class _Transposed(_Layer):
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Setting,
        stride: Setting = 1,
        padding: Setting = 0,
        output_padding: Setting = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Setting = 1,
        padding_mode: str = "zeros",
        *,
        weight_init: init.Initializer | None = None,
        bias_init: init.Initializer | None = None,
        dtype: Any = None,
        device: str | None = None,
        generator: ad.random.Generator | None = None,
    ) -> None:
        name = type(self).__name__
        if padding_mode != "zeros":
            raise ValueError(f"{name}: padding_mode={padding_mode!r}; there is only zeros")
        if isinstance(padding, str):
            raise ValueError(f"{name}: padding={padding!r}; here it is integers")
        self._set(
            in_channels, out_channels, kernel_size, stride, padding, output_padding, dilation,
            groups, bias, padding_mode, weight_init, bias_init, dtype, device, generator,
        )  # fmt: skip

    def forward(self, x: Any, output_size: Sequence[int] | None = None) -> Any:
        """Spread a batch, or one example without a batch axis.

        Parameters
        ----------
        x : Tensor
        output_size : sequence of int, optional
            The spatial size of the result, or its whole shape, in place of ``output_padding``.
        """
        more = self.output_padding
        if output_size is not None:
            more = self._output_padding(x, tuple(output_size))
        return type(self).function(
            x, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation
        )

    def _output_padding(self, x: Any, size: tuple[int, ...]) -> tuple[int, ...]:
        if len(size) == len(x.shape):
            size = size[-self.axes :]
        lengths = x.shape[-self.axes :]
        least = [
            (n - 1) * s - 2 * p + d * (k - 1) + 1
            for n, s, p, d, k in zip(
                lengths, self.stride, self.padding, self.dilation, self.kernel_size
            )
        ]
        most = [n + s - 1 for n, s in zip(least, self.stride)]
        if len(size) != self.axes or any(not a <= n <= b for a, n, b in zip(least, size, most)):
            raise ValueError(
                f"{type(self).__name__}: output_size={size} for an input of spatial size "
                f"{lengths}; it may be from {tuple(least)} to {tuple(most)}"
            )
        return tuple([n - a for n, a in zip(size, least)])


class ConvTranspose2d(_Transposed):
    """The transpose of `Conv2d`: every value spreads a kernel over its place in the result.

    With a stride it makes images larger. It is no inverse, only of the shape.
    Source: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", 2016.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or tuple of int
    stride : int or tuple of int
        The distance of places in the result.
    padding : int or tuple of int
        That of the convolution which this transposes: how much is cut off on both sides.
    output_padding : int or tuple of int
        How much longer the result is, at its end; smaller than stride or dilation.
    groups : int
    bias : bool
    dilation : int or tuple of int
    padding_mode : {"zeros"}
    weight_init, bias_init, dtype, device, generator
        As for `Conv2d`.

    Attributes
    ----------
    weight : Parameter, shape (in_channels, out_channels / groups, kH, kW)
    bias : Parameter, shape (out_channels,), or None

    Notes
    -----
    Of (N, in_channels, H, W) it makes (N, out_channels, H', W') with
    ``H' = (H - 1) stride - 2 padding + dilation (kH - 1) + output_padding + 1``; N may be absent.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> layer = nn.ConvTranspose2d(8, 3, 3, stride=2, padding=1)
    >>> x = ad.zeros((5, 8, 14, 14))
    >>> layer(x).shape, layer(x, output_size=(28, 28)).shape
    ((5, 3, 27, 27), (5, 3, 28, 28))
    """

    axes = 2
    function = functional.conv_transpose2d


class ConvTranspose1d(_Transposed):
    """As `ConvTranspose2d`, along one axis: (N, in_channels, L) to (N, out_channels, L')."""

    axes = 1
    function = functional.conv_transpose1d


class ConvTranspose3d(_Transposed):
    """As `ConvTranspose2d`, along three axes: (N, in_channels, D, H, W) and so on."""

    axes = 3
    function = functional.conv_transpose3d
