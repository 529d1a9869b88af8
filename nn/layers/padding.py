"""Padding layers."""

from typing import Any, ClassVar

from .. import functional
from ..module import Module


class _Pad(Module):
    """What all of them share: how many axes are padded, and how."""

    _axes: ClassVar[int]
    _mode: ClassVar[str] = "constant"
    value: float | None = None

    def __init__(self, padding: int | tuple[int, ...]) -> None:
        count = 2 * self._axes
        padding = (padding,) * count if isinstance(padding, int) else tuple(padding)
        if len(padding) != count:
            raise ValueError(
                f"{type(self).__name__}: padding={padding}; it must be one number, or {count}: "
                "before and after, for the last axis first"
            )
        self.padding = padding

    def forward(self, x: Any) -> Any:
        """Pad the last axes."""
        return functional.pad(x, self.padding, self._mode, self.value)

    def extra_repr(self) -> str:
        """The widths."""
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding: int | tuple[int, ...], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        """The widths and the value."""
        return f"padding={self.padding}, value={self.value}"


class ZeroPad1d(_Pad):
    """Zeros before and after the last axis.

    ``padding`` is one number, or (left, right).
    """

    _axes = 1


class ZeroPad2d(_Pad):
    """Zeros before and after the last two axes.

    Parameters
    ----------
    padding : int or tuple of int
        How many are added on each side: one number, or (left, right, top, bottom). A negative
        number takes values away.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.ZeroPad2d((1, 0, 0, 1))(ad.ones((1, 1, 2))).data
    array([[[0., 1., 1.],
            [0., 0., 0.]]], dtype=float32)
    """

    _axes = 2


class ZeroPad3d(_Pad):
    """Zeros before and after the last three axes.

    ``padding`` is one number, or (left, right, top, bottom, front, back).
    """

    _axes = 3


class ConstantPad1d(_ConstantPad):
    """One number before and after the last axis.

    ``padding`` is one number, or (left, right).
    """

    _axes = 1


class ConstantPad2d(_ConstantPad):
    """One number before and after the last two axes.

    ``padding`` is one number, or (left, right, top, bottom).
    """

    _axes = 2


class ConstantPad3d(_ConstantPad):
    """One number before and after the last three axes.

    ``padding`` is one number, or (left, right, top, bottom, front, back).
    """

    _axes = 3


class ReflectionPad1d(_Pad):
    """The last axis goes on with values mirrored at its ends, without those at the ends.

    ``padding`` is one number, or (left, right).
    """

    _axes = 1
    _mode = "reflect"


class ReflectionPad2d(_Pad):
    """The last two axes go on with values mirrored at the edges, without the edge's own.

    ``padding`` is one number, or (left, right, top, bottom).
    """

    _axes = 2
    _mode = "reflect"


class ReflectionPad3d(_Pad):
    """The last three axes go on with values mirrored at the edges, without the edge's own.

    ``padding`` is one number, or (left, right, top, bottom, front, back).
    """

    _axes = 3
    _mode = "reflect"


class ReplicationPad1d(_Pad):
    """The value at each end repeated, along the last axis.

    ``padding`` is one number, or (left, right).
    """

    _axes = 1
    _mode = "replicate"


class ReplicationPad2d(_Pad):
    """The values at the edges repeated, along the last two axes.

    ``padding`` is one number, or (left, right, top, bottom).
    """

    _axes = 2
    _mode = "replicate"


class ReplicationPad3d(_Pad):
    """The values at the edges repeated, along the last three axes.

    ``padding`` is one number, or (left, right, top, bottom, front, back).
    """

    _axes = 3
    _mode = "replicate"


class CircularPad1d(_Pad):
    """Values from the other end before and after the last axis.

    ``padding`` is one number, or (left, right).
    """

    _axes = 1
    _mode = "circular"


class CircularPad2d(_Pad):
    """Values from the other end before and after the last two axes.

    ``padding`` is one number, or (left, right, top, bottom).
    """

    _axes = 2
    _mode = "circular"


class CircularPad3d(_Pad):
    """Values from the other end before and after the last three axes.

    ``padding`` is one number, or (left, right, top, bottom, front, back).
    """

    _axes = 3
    _mode = "circular"
