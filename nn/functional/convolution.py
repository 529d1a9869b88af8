"""Convolutions and transposed convolutions along one, two or three axes, as PyTorch has them."""

from typing import Any

import autodiff as ad

from .correlation import convolution, transposed_convolution
from .lowering import Window

Lengths = tuple[int, ...]
Setting = int | tuple[int, ...]
LAYOUTS = {1: "(N, C, L)", 2: "(N, C, H, W)", 3: "(N, C, D, H, W)"}


# ---------------------------------------------------------------- arguments
def per_axis(name: str, what: str, value: Any, axes: int, least: int = 0) -> Lengths:
    """One integer for each spatial axis; ``ValueError`` if ``value`` is nothing of the kind."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    if len(values) == 1:
        values *= axes
    if len(values) != axes or any(not isinstance(v, int) or v < least for v in values):
        raise ValueError(
            f"{name}: {what}={value!r}; it is an integer of at least {least}, or {axes} of them"
        )
    return values


def around(
    name: str, padding: Any, kernel: Lengths, stride: Lengths, dilation: Lengths
) -> tuple[Lengths, Lengths]:
    """What ``padding=`` puts before and after each spatial axis."""
    axes = len(kernel)
    if padding == "valid":
        padding = 0
    if padding == "same":
        if any(s != 1 for s in stride):
            raise ValueError(
                f"{name}: padding='same' with stride={stride}; a strided result has another size: "
                "give the padding as numbers"
            )
        total = [d * (k - 1) for k, d in zip(kernel, dilation)]
        return tuple([t // 2 for t in total]), tuple([t - t // 2 for t in total])
    if isinstance(padding, str):
        raise ValueError(f"{name}: padding={padding!r}; use 'same', 'valid' or integers")
    both = per_axis(name, "padding", padding, axes)
    return both, both


def places(name: str, lengths: Lengths, kernel: Lengths, window: Window, after: Lengths) -> Lengths:
    """At how many places on each axis a kernel can stand."""
    size = tuple(
        [
            (n + b + a - d * (k - 1) - 1) // s + 1
            for n, k, s, b, d, a in zip(lengths, kernel, *window[:3], after)
        ]
    )
    if any(n < 1 for n in size):
        raise ValueError(
            f"{name}: an input of spatial size {lengths}, with padding {window.padding} before and "
            f"{after} after, is smaller than a kernel of {kernel} with dilation {window.dilation}; "
            "use more padding, a smaller kernel, or less pooling before"
        )
    return size


def _checked(
    name: str,
    axes: int,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    transposed: bool = False,
) -> tuple[Window, Lengths]:
    """The window and the padding after the input, of arguments that fit together."""
    shape: Lengths = getattr(x, "shape", ())
    w_shape: Lengths = getattr(weight, "shape", ())
    layout = LAYOUTS[axes]
    if len(shape) not in (axes + 1, axes + 2):
        raise ValueError(
            f"{name}: an input of shape {shape} has {len(shape)} axes; it needs {axes + 2}, "
            f"{layout}, or {axes + 1} without the first"
        )
    if len(w_shape) != axes + 2:
        raise ValueError(
            f"{name}: a weight of shape {w_shape} has {len(w_shape)} axes; it needs {axes + 2}: "
            f"{'(in, out / groups' if transposed else '(out, in / groups'}, *kernel)"
        )
    if not isinstance(groups, int) or groups < 1 or w_shape[0] % groups:
        raise ValueError(
            f"{name}: groups={groups} and a weight of shape {w_shape}; groups must be a positive "
            "integer that divides the first axis"
        )
    channels = shape[-axes - 1]
    expected = w_shape[0] if transposed else w_shape[1] * groups
    if channels != expected:
        hint = (
            f" (channels last? use ad.moveaxis(x, -1, {-axes - 1}))"
            if shape[-1] == expected
            else ""
        )
        raise ValueError(
            f"{name}: an input of shape {shape} has {channels} channels, and a weight of shape "
            f"{w_shape} with groups={groups} takes {expected}; the input's layout is {layout}{hint}"
        )
    outputs = w_shape[1] * groups if transposed else w_shape[0]
    if bias is not None and getattr(bias, "shape", ()) != (outputs,):
        raise ValueError(
            f"{name}: a bias of shape {getattr(bias, 'shape', ())}; it needs ({outputs},), one "
            "number for each output channel"
        )
    stride = per_axis(name, "stride", stride, axes, 1)
    dilation = per_axis(name, "dilation", dilation, axes, 1)
    before, after = around(name, padding, w_shape[2:], stride, dilation)
    return Window(stride, before, dilation, groups), after


def _batched(op: Any, x: Any, axes: int, *args: Any, **options: Any) -> Any:
    """``op`` of a batch; of one example without a batch axis too."""
    if len(x.shape) == axes + 2:
        return op(x, *args, **options)
    return ad.squeeze(op(ad.expand_dims(x, 0), *args, **options), 0)


# ---------------------------------------------------------------- convolution
def _convolve(
    name: str, axes: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, *more: Any
) -> Any:
    window, after = _checked(name, axes, x, weight, bias, stride, padding, *more)
    kernel, lengths = weight.shape[2:], x.shape[-axes:]
    size = places(name, lengths, kernel, window, after)
    return _batched(convolution, x, axes, weight, bias, size=size, window=window)


def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Setting = 1,
    padding: Setting | str = 0,
    dilation: Setting = 1,
    groups: int = 1,
) -> Any:
    """As `conv2d`, along one axis: (N, C, L), or (C, L)."""
    return _convolve("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Setting = 1,
    padding: Setting | str = 0,
    dilation: Setting = 1,
    groups: int = 1,
) -> Any:
    """The products of a kernel with every place of images, summed over kernel and channels.

    Parameters
    ----------
    input : Tensor, shape (N, in_channels, H, W), or without N
    weight : Tensor, shape (out_channels, in_channels / groups, kH, kW)
    bias : Tensor, shape (out_channels,), optional
    stride : int or tuple of int
        The steps from place to place.
    padding : int, tuple of int, "valid" or "same"
        Zeros on both sides; ``"valid"`` are none, ``"same"`` as many as keep the size.
    dilation : int or tuple of int
        The distance between kernel positions.
    groups : int
        Into how many parts the channels are divided; each output channel sees one part.

    Returns
    -------
    Tensor, shape (N, out_channels, H', W'), or without N
        ``H' = (H + 2 padding - dilation (kH - 1) - 1) // stride + 1``, and W' likewise.

    Raises
    ------
    ValueError
        If the shapes do not fit, or the kernel is larger than the padded input.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> x, w = ad.ones((1, 1, 3, 3)), ad.ones((1, 1, 2, 2))
    >>> nn.functional.conv2d(x, w, padding="same").data[0, 0]
    array([[4., 4., 2.],
           [4., 4., 2.],
           [2., 2., 1.]], dtype=float32)
    """
    return _convolve("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Setting = 1,
    padding: Setting | str = 0,
    dilation: Setting = 1,
    groups: int = 1,
) -> Any:
    """As `conv2d`, along three axes: (N, C, D, H, W), or (C, D, H, W)."""
    return _convolve("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


# ---------------------------------------------------------------- its transpose
def _convolve_transposed(
    name: str,
    axes: int,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Any:
    if isinstance(padding, str):
        raise ValueError(f"{name}: padding={padding!r}; here it is integers")
    window, _ = _checked(
        name, axes, x, weight, bias, stride, padding, dilation, groups, transposed=True
    )
    more = per_axis(name, "output_padding", output_padding, axes)
    if any(m >= max(s, d) for m, s, d in zip(more, window.stride, window.dilation)):
        raise ValueError(
            f"{name}: output_padding={output_padding} must be smaller than the stride or the "
            f"dilation, {window.stride} and {window.dilation}"
        )
    kernel, lengths = weight.shape[2:], x.shape[-axes:]
    size = tuple(
        [
            (n - 1) * s - 2 * p + d * (k - 1) + m + 1
            for n, k, s, p, d, m in zip(lengths, kernel, *window[:3], more)
        ]
    )
    if any(n < 1 for n in size):
        raise ValueError(
            f"{name}: an input of spatial size {lengths} and a kernel of {kernel} would make "
            f"{size}; use less padding than {window.padding}"
        )
    return _batched(transposed_convolution, x, axes, weight, bias, size=size, window=window)


def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Setting = 1,
    padding: Setting = 0,
    output_padding: Setting = 0,
    groups: int = 1,
    dilation: Setting = 1,
) -> Any:
    """As `conv_transpose2d`, along one axis: (N, C, L), or (C, L)."""
    return _convolve_transposed(
        "conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups,
        dilation,
    )  # fmt: skip


def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Setting = 1,
    padding: Setting = 0,
    output_padding: Setting = 0,
    groups: int = 1,
    dilation: Setting = 1,
) -> Any:
    """The transpose of `conv2d`: each value spreads the kernel over its place in the result.

    Source: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", 2016,
    chapter 4.

    Parameters
    ----------
    input : Tensor, shape (N, in_channels, H, W), or without N
    weight : Tensor, shape (in_channels, out_channels / groups, kH, kW)
        The weight of the convolution that this transposes, whose output is our input.
    bias : Tensor, shape (out_channels,), optional
    stride : int or tuple of int
        The distance of places in the result.
    padding : int or tuple of int
        That of the convolution: how much is cut off on both sides.
    output_padding : int or tuple of int
        How much longer the result is, at its end: a strided convolution gives the same size for
        several sizes of its input.
    groups : int
    dilation : int or tuple of int

    Returns
    -------
    Tensor, shape (N, out_channels, H', W'), or without N
        ``H' = (H - 1) stride - 2 padding + dilation (kH - 1) + output_padding + 1``.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> x, w = ad.tensor([[[1.0, 2.0]]]), ad.ones((1, 1, 2, 2))
    >>> nn.functional.conv_transpose2d(x, w, stride=2).data[0]
    array([[1., 1., 2., 2.],
           [1., 1., 2., 2.]], dtype=float32)
    """
    return _convolve_transposed(
        "conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups,
        dilation,
    )  # fmt: skip


def conv_transpose3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Setting = 1,
    padding: Setting = 0,
    output_padding: Setting = 0,
    groups: int = 1,
    dilation: Setting = 1,
) -> Any:
    """As `conv_transpose2d`, along three axes: (N, C, D, H, W), or (C, D, H, W)."""
    return _convolve_transposed(
        "conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding, groups,
        dilation,
    )  # fmt: skip
