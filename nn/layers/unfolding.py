"""Layers that put the values under a kernel side by side, and back."""

from typing import Any

from .. import functional
from ..functional.convolution import Setting
from ..module import Module


class Unfold(Module):
    """The values under a kernel at each of its places, as columns: `nn.functional.unfold`.

    Parameters
    ----------
    kernel_size, dilation, padding, stride : int or tuple of int
        As of `Conv2d`.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.Unfold(3, padding=1)(ad.zeros((2, 4, 5, 6))).shape
    (2, 36, 30)
    """

    def __init__(
        self,
        kernel_size: Setting,
        dilation: Setting = 1,
        padding: Setting = 0,
        stride: Setting = 1,
    ) -> None:
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, x: Any) -> Any:
        """Unfold images (N, C, H, W), or (C, H, W)."""
        return functional.unfold(x, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """As the constructor takes them."""
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
            f"stride={self.stride}"
        )


class Fold(Unfold):
    """Columns added up where `Unfold` takes them from: `nn.functional.fold`.

    Parameters
    ----------
    output_size : int or tuple of int
        Height and width of the result.
    kernel_size, dilation, padding, stride : int or tuple of int

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.Fold((5, 6), 3, padding=1)(ad.zeros((2, 36, 30))).shape
    (2, 4, 5, 6)
    """

    def __init__(
        self,
        output_size: Setting,
        kernel_size: Setting,
        dilation: Setting = 1,
        padding: Setting = 0,
        stride: Setting = 1,
    ) -> None:
        super().__init__(kernel_size, dilation, padding, stride)
        self.output_size = output_size

    def forward(self, x: Any) -> Any:
        """Fold columns (N, C * kH * kW, L), or (C * kH * kW, L)."""
        return functional.fold(
            x, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride
        )

    def extra_repr(self) -> str:
        """As the constructor takes them."""
        return f"output_size={self.output_size}, {super().extra_repr()}"
