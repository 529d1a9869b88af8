"""Layers that resample images, and move pixels into channels or back."""

from typing import Any

from .. import functional
from ..module import Module


class Upsample(Module):
    """Another number of values along the axes after batch and channels.

    Parameters
    ----------
    size : int or tuple of int, optional
        The lengths of the result.
    scale_factor : float or tuple of float, optional
        Instead of a size: what lengths are multiplied by, rounded down.
    mode : str
        ``"nearest"``, ``"nearest-exact"``, ``"linear"``, ``"bilinear"``, ``"trilinear"``,
        ``"bicubic"`` or ``"area"``.
    align_corners : bool, optional
        For the linear and cubic modes: whether the first and last values lie at the first and
        last places of the result.
    recompute_scale_factor : bool, optional
        Whether places follow from the lengths, and not from a scale_factor that was rounded.

    See Also
    --------
    nn.functional.interpolate : What it calls.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.Upsample(scale_factor=2, mode="bilinear")(ad.zeros((1, 3, 8, 8))).shape
    (1, 3, 16, 16)
    """

    def __init__(
        self,
        size: int | tuple[int, ...] | None = None,
        scale_factor: float | tuple[float, ...] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        self.size = size
        self.scale_factor = scale_factor
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, x: Any) -> Any:
        """Resample the axes after the first two."""
        return functional.interpolate(
            x,
            self.size,
            self.scale_factor,
            self.mode,
            self.align_corners,
            self.recompute_scale_factor,
        )

    def extra_repr(self) -> str:
        """What is not as by default."""
        names = ("size", "scale_factor", "mode", "align_corners", "recompute_scale_factor")
        given = [(name, getattr(self, name)) for name in names]
        return ", ".join(f"{name}={value!r}" for name, value in given if value is not None)


class PixelShuffle(Module):
    """Channels become pixels: (..., c * r * r, h, w) to (..., c, h * r, w * r).

    Source: Shi et al., 2016, where it follows a convolution, in the place of a transposed one.

    Parameters
    ----------
    upscale_factor : int
        r.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.PixelShuffle(2)(ad.zeros((1, 12, 4, 4))).shape
    (1, 3, 8, 8)
    """

    def __init__(self, upscale_factor: int) -> None:
        self.upscale_factor = upscale_factor

    def forward(self, x: Any) -> Any:
        """Move the values."""
        return functional.pixel_shuffle(x, self.upscale_factor)

    def extra_repr(self) -> str:
        """The factor."""
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Pixels become channels: (..., c, h * r, w * r) to (..., c * r * r, h, w)."""

    def __init__(self, downscale_factor: int) -> None:
        self.downscale_factor = downscale_factor

    def forward(self, x: Any) -> Any:
        """Move the values."""
        return functional.pixel_unshuffle(x, self.downscale_factor)

    def extra_repr(self) -> str:
        """The factor."""
        return f"downscale_factor={self.downscale_factor}"
