"""`nn.functional.pad`: any axes, signs of widths, bad input. The layers are in tests/parts."""

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import functional as F

IN_NUMPY = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@pytest.mark.parametrize("mode", IN_NUMPY)
@pytest.mark.parametrize("widths", [((2, 1),), ((0, 2), (1, 1)), ((1, 0), (0, 0), (2, 2))])
def test_equals_numpys(mode, widths):
    """The order of axes is the other way round: the last comes first."""
    x = np.arange(36.0).reshape(3, 3, 4)
    flat = [n for pair in reversed(widths) for n in pair]
    expected = np.pad(x, ((0, 0),) * (3 - len(widths)) + widths, mode=IN_NUMPY[mode])
    np.testing.assert_array_equal(F.pad(ad.tensor(x), flat, mode).data, expected)


@pytest.mark.parametrize("mode", IN_NUMPY)
def test_negative_widths_take_away_what_padding_added(mode):
    x = ad.tensor(np.arange(24.0).reshape(2, 3, 4), requires_grad=True)
    wide = F.pad(x, (2, 1, 0, 2), mode)
    back = F.pad(wide, (-2, -1, 0, -2))
    np.testing.assert_array_equal(back.data, x.data)
    back.backward(np.ones(x.shape))
    np.testing.assert_array_equal(x.grad.data, 1.0)


@pytest.mark.parametrize("mode", IN_NUMPY)
def test_nothing_to_do_returns_the_input(mode):
    x = ad.ones((2, 3))
    assert F.pad(x, (0, 0), mode) is x


def test_values_and_dtypes():
    x = ad.tensor(np.array([[1, 2]], np.int64))
    y = F.pad(x, (1, 0), value=7)
    assert y.dtype == np.int64 and y.data.tolist() == [[7, 1, 2]]
    assert F.pad(ad.ones(1, dtype=ad.float16), (1, 1), value=2.5).data.tolist() == [2.5, 1.0, 2.5]
    assert F.pad(ad.ones((0, 2)), (1, 1)).shape == (0, 4)


@pytest.mark.parametrize(
    "pad, options, message",
    [
        ((1, 1, 1), {}, "3 widths"),
        ((1,) * 6, {}, "6 widths for an input of shape .2, 3."),
        ((1, 1), {"mode": "mirror"}, "unknown mode 'mirror'"),
        (
            (3, 0),
            {"mode": "reflect"},
            "reflect by 3 at axis 1 of .* can be at most 2",
        ),
        ((0, 4), {"mode": "circular"}, "circular by 4 .* at most 3"),
        ((-2, -2), {}, "take away more than axis 1"),
        ((1, 1), {"mode": "reflect", "value": 1.0}, "value=1.0 is for"),
    ],
)
def test_bad_input(pad, options, message):
    with pytest.raises(ValueError, match=f"pad: .*{message}"):
        F.pad(ad.ones((2, 3)), pad, **options)


def test_nothing_to_replicate():
    with pytest.raises(ValueError, match="nothing to replicate"):
        F.pad(ad.ones((2, 0)), (1, 0), "replicate")


def test_layers_want_a_number_or_two_for_each_axis():
    with pytest.raises(ValueError, match=r"ZeroPad2d: padding=.* one number, or 4"):
        nn.ZeroPad2d((1, 2))
