"""Pooling layers."""

from typing import Any, ClassVar

from .. import functional
from ..module import Module

Sizes = int | tuple[int, ...]
Outs = int | tuple[int | None, ...] | None


class _MaxPool(Module):
    _axes: ClassVar[int]

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, x: Any) -> Any:
        """Pool the last axes."""
        return getattr(functional, f"max_pool{self._axes}d")(
            x,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )

    def extra_repr(self) -> str:
        """As the constructor takes it."""
        indices = ", return_indices=True" if self.return_indices else ""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}{indices}"
        )


class MaxPool1d(_MaxPool):
    """The largest value of each window of sequences; see `MaxPool2d`."""

    _axes = 1


class MaxPool2d(_MaxPool):
    """The largest value of each window of images.

    Parameters
    ----------
    kernel_size : int or tuple of int
        The lengths of a window.
    stride : int or tuple of int, optional
        From one window to the next; the lengths of a window if not given.
    padding : int or tuple of int
        How much windows reach over each edge; never chosen. At most half a window.
    dilation : int or tuple of int
        The distance of values in a window.
    return_indices : bool
        Whether the result is (values, indices): where they were in the flattened image.
    ceil_mode : bool
        Whether a last window may reach over the edge.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.MaxPool2d(3, stride=2, padding=1)(ad.zeros((8, 3, 32, 32))).shape
    (8, 3, 16, 16)
    """

    _axes = 2


class MaxPool3d(_MaxPool):
    """The largest value of each window of volumes; see `MaxPool2d`."""

    _axes = 3


class AvgPool1d(Module):
    """The mean of each window of sequences; see `AvgPool2d`."""

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, x: Any) -> Any:
        """Pool the last axis."""
        return functional.avg_pool1d(
            x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )

    def extra_repr(self) -> str:
        """As the constructor takes it."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"ceil_mode={self.ceil_mode}, count_include_pad={self.count_include_pad}"
        )


class AvgPool2d(AvgPool1d):
    """The mean of each window of images.

    Parameters
    ----------
    kernel_size : int or tuple of int
        The lengths of a window.
    stride : int or tuple of int, optional
        From one window to the next; the lengths of a window if not given.
    padding : int or tuple of int
        How many zeros windows reach over at each edge; at most half a window.
    ceil_mode : bool
        Whether a last window may reach over the edge.
    count_include_pad : bool
        Whether zeros of the padding count.
    divisor_override : int, optional
        What sums are divided by instead of the count.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.AvgPool2d(2)(ad.ones((1, 1, 4, 4))).data.tolist()
    [[[[1.0, 1.0], [1.0, 1.0]]]]
    """

    _axes: ClassVar[int] = 2

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        self.divisor_override = divisor_override

    def forward(self, x: Any) -> Any:
        """Pool the last axes."""
        return getattr(functional, f"avg_pool{self._axes}d")(
            x,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        """As the constructor takes it."""
        return f"{super().extra_repr()}, divisor_override={self.divisor_override}"


class AvgPool3d(AvgPool2d):
    """The mean of each window of volumes; see `AvgPool2d`."""

    _axes = 3


class _AdaptiveAvgPool(Module):
    _axes: ClassVar[int]

    def __init__(self, output_size: Outs) -> None:
        self.output_size = output_size

    def forward(self, x: Any) -> Any:
        """Pool the last axes."""
        return getattr(functional, f"adaptive_avg_pool{self._axes}d")(x, self.output_size)

    def extra_repr(self) -> str:
        """The size of the result."""
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Means of as many windows as are asked for; see `AdaptiveAvgPool2d`."""

    _axes = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Means of as many windows as are asked for.

    Parameters
    ----------
    output_size : int or tuple of int or None
        How many along each axis; None keeps its length. 1 takes the mean of the whole image
        ("global average pooling").

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.AdaptiveAvgPool2d(1)(ad.zeros((8, 64, 7, 9))).shape
    (8, 64, 1, 1)
    """

    _axes = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """Means of as many windows as are asked for; see `AdaptiveAvgPool2d`."""

    _axes = 3


class _AdaptiveMaxPool(Module):
    _axes: ClassVar[int]

    def __init__(self, output_size: Outs, return_indices: bool = False) -> None:
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, x: Any) -> Any:
        """Pool the last axes."""
        pool = getattr(functional, f"adaptive_max_pool{self._axes}d")
        return pool(x, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        """As the constructor takes it."""
        indices = ", return_indices=True" if self.return_indices else ""
        return f"output_size={self.output_size}{indices}"


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """Largest values of as many windows as are asked for; see `AdaptiveMaxPool2d`."""

    _axes = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Largest values of as many windows as are asked for.

    Parameters
    ----------
    output_size : int or tuple of int or None
        How many along each axis; None keeps its length.
    return_indices : bool
        Whether the result is (values, indices): where they were in the flattened image.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.AdaptiveMaxPool2d((5, None))(ad.zeros((8, 64, 7, 9))).shape
    (8, 64, 5, 9)
    """

    _axes = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """Largest values of as many windows as are asked for; see `AdaptiveMaxPool2d`."""

    _axes = 3
