"""Convolutional layers."""

from .part import Part

LENGTHS = (7, 6, 5)


def conv(axes, out, kernel, batch=(2,), channels=4, lengths=LENGTHS, **options):
    shape = (*batch, channels, *lengths[:axes])
    return Part(f"Conv{axes}d", (channels, out, kernel), options, (shape,), label=str(batch))


def back(axes, out, kernel, batch=(2,), channels=4, call=None, lengths=(4, 3, 2), **options):
    shape = (*batch, channels, *lengths[:axes])
    args = (channels, out, kernel)
    return Part(f"ConvTranspose{axes}d", args, options, (shape,), call or {}, label=str(batch))


PARTS = [
    *[
        conv(axes, 6, 3, stride=stride, padding=padding, dilation=dilation)
        for axes in (1, 2)
        for stride in (1, 2)
        for padding in (0, 1, 2)
        for dilation in (1, 2)
    ],
    *[conv(3, 2, 2, channels=2, stride=s, padding=p) for s in (1, 2) for p in (0, 1)],
    conv(3, 2, (1, 2, 3), channels=2, stride=(2, 1, 1), padding=(0, 1, 2), dilation=(1, 1, 2)),
    *[
        conv(axes, 4, (3, 2, 1)[:axes], groups=groups, bias=bias)
        for axes in (1, 2)
        for groups in (1, 2, 4)
        for bias in (True, False)
    ],
    *[
        conv(axes, 3, (3, 2, 2)[:axes], padding=padding, dilation=2)
        for axes in (1, 2, 3)
        for padding in ("same", "valid")
    ],
    *[
        conv(axes, 3, 3, padding=padding, padding_mode=mode)
        for axes in (1, 2)
        for mode in ("zeros", "reflect", "replicate", "circular")
        for padding in (2, "same")
    ],
    conv(2, 3, 2, padding="same", padding_mode="reflect"),  # one more after than before
    conv(3, 2, 3, channels=1, padding=1, padding_mode="circular"),
    conv(2, 3, 3, padding=(2, 1), padding_mode="replicate", stride=2),
    conv(2, 3, (5, 3), stride=(3, 2), padding=(2, 0), dilation=(1, 2)),
    *[conv(axes, 3, 2, batch=b, channels=2) for axes in (1, 2, 3) for b in ((), (0,), (1,))],
    conv(2, 3, 3, channels=32, padding=1),
    conv(2, 5, 1, channels=3),
    conv(2, 4, 1, lengths=(12, 11), groups=2),  # a product for each image
    back(2, 4, 1, lengths=(12, 11), groups=2, bias=False),
    *[
        back(axes, 6, 3, stride=stride, padding=padding, output_padding=more, dilation=dilation)
        for axes in (1, 2)
        for stride, more in ((1, 0), (2, 0), (2, 1), (3, 2))
        for padding in (0, 1)
        for dilation in (1, 2)
    ],
    *[
        back(axes, 4, 2, groups=groups, bias=bias, stride=2)
        for axes in (1, 2)
        for groups in (1, 2, 4)
        for bias in (True, False)
    ],
    back(1, 2, 3, dilation=3, output_padding=2),
    back(2, 2, 2, stride=3),  # places that no value reaches
    back(2, 2, (3, 2), stride=(2, 1), padding=(1, 0), output_padding=(1, 0)),
    back(3, 2, 2, channels=2, stride=2, padding=1),
    back(3, 2, 3, channels=2, stride=(2, 1, 1), output_padding=(1, 0, 0), groups=2),
    *[back(axes, 3, 2, batch=b, channels=2) for axes in (1, 2, 3) for b in ((), (0,), (1,))],
    *[
        back(2, 3, 3, call={"output_size": size}, stride=2, padding=1)
        for size in ((7, 5), (8, 6), (8, 5), [2, 3, 8, 6])
    ],
    back(1, 3, 4, batch=(), call={"output_size": [10]}, stride=3, padding=2),
]  # fmt: skip
