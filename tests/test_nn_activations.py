"""Activations and their neighbours: randomness, half precision, bad input, what rows cannot say."""

import inspect
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import functional as F


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def leaf(values, dtype=np.float64):
    return ad.tensor(np.asarray(values, dtype), requires_grad=True)


# ---------------------------------------------------------------- all of them
ELEMENTWISE = (
    "step sigmoid tanh relu leaky_relu very_leaky_relu elu celu selu gelu silu mish softplus "
    "softsign hardtanh hardsigmoid hardswish relu6 log_sigmoid tanhshrink softshrink hardshrink"
).split()


@pytest.mark.parametrize(
    "name, options", [*[(name, {}) for name in ELEMENTWISE], ("gelu", {"approximate": "tanh"})]
)
def test_half_precision_overflows_nowhere(name, options):
    """float16 gives float64's values and slopes to its own accuracy, without a warning."""
    points = [
        -60000.0,
        -1000.0,
        -30.0,
        -9.0,
        -2.0,
        -0.25,
        0.0,
        0.25,
        2.0,
        9.0,
        30.0,
        1000.0,
        60000.0,
    ]
    found = {}
    for dtype in (np.float16, np.float64):
        x = leaf(points, dtype)
        y = getattr(F, name)(x, **options)
        assert y.dtype == dtype
        y.backward(np.ones(len(points), dtype))
        found[dtype] = y.data, x.grad.data
    for half, double in zip(*found.values(), strict=True):
        np.testing.assert_allclose(half, double, rtol=4e-3, atol=1e-3)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_scalar_mode_at_infinities(name):
    """As arrays have it; nothing raises."""
    for value in (np.inf, -np.inf, np.nan):
        x, s = leaf(value), ad.Scalar(value)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            y, t = getattr(F, name)(x), getattr(F, name)(s)
            y.backward()
            t.backward()
        np.testing.assert_equal([t.item(), s.grad.item()], [y.item(), x.grad.item()])


def test_second_names():
    assert F.swish is F.silu and F.logsigmoid is F.log_sigmoid and nn.Swish is nn.SiLU


def test_inplace_changes_nothing():
    x = ad.tensor([-1.0, 2.0])
    for fn in (F.relu, F.relu6, F.silu, F.hardtanh, F.very_leaky_relu):
        assert fn(x, inplace=True) is not x
    assert x.tolist() == [-1.0, 2.0]


@pytest.mark.parity
@pytest.mark.parametrize(
    "name",
    "relu leaky_relu elu celu selu silu mish hardtanh hardsigmoid hardswish relu6 softsign "
    "tanhshrink rrelu threshold glu softmax log_softmax softmin normalize".split(),
)
def test_functions_take_pytorchs_arguments(name):
    """In PyTorch's order, with its defaults, but for what is private or writes elsewhere."""
    torch = pytest.importorskip("torch")

    def arguments(fn):
        _, *found = inspect.signature(fn).parameters.values()
        return [
            (p.name, p.default) for p in found if p.name not in ("_stacklevel", "out", "generator")
        ]

    assert arguments(getattr(F, name)) == arguments(getattr(torch.nn.functional, name))


# ---------------------------------------------------------------- rectifiers
def test_very_leaky_relu_has_a_third():
    x = leaf([-3.0, 0.0, 3.0])
    y = F.very_leaky_relu(x)
    y.backward(np.ones(3))
    np.testing.assert_allclose(y.data, [-1, 0, 3])
    np.testing.assert_allclose(x.grad.data, [1 / 3, 1 / 3, 1])


def test_rrelu_draws_its_slopes():
    ad.manual_seed(0)
    x = leaf(-np.ones(100_000))
    y = F.rrelu(x, 0.2, 0.6, training=True)
    y.backward(np.ones(100_000))
    slopes = x.grad.data
    np.testing.assert_array_equal(y.data, -slopes)
    assert slopes.min() >= 0.2 and slopes.max() < 0.6
    assert abs(slopes.mean() - 0.4) < 0.002 and abs(slopes.std() - 0.4 / np.sqrt(12)) < 0.002
    assert np.array_equal(F.rrelu(ad.ones(9), 0.2, 0.6, training=True).data, np.ones(9))


def test_rrelu_is_its_mean_in_evaluation_mode():
    np.testing.assert_allclose(F.rrelu(leaf([-1.0, 2.0]), 0.2, 0.6).data, [-0.4, 2.0])
    module = nn.RReLU(0.2, 0.6).eval()
    np.testing.assert_allclose(module(leaf([-1.0, 2.0])).data, [-0.4, 2.0])


def test_rrelu_draws_the_same_again_and_on_every_device():
    x = np.random.default_rng(0).standard_normal((3, 4))

    def drawn(device="cpu", **how):
        ad.manual_seed(5)
        y = nn.RReLU(**how)(ad.tensor(x, device=device))
        return ad.backend.to_numpy(y.data)

    first = drawn()
    np.testing.assert_array_equal(first, drawn())
    np.testing.assert_array_equal(first, drawn("strict"))
    own = [drawn(generator=ad.random.Generator(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(own[0], own[1])
    assert (own[0] != own[2]).any() and (own[0] != first).any()


def test_prelu_takes_one_slope_or_one_for_each_channel():
    x = leaf(-np.ones((2, 3, 4)))
    weight = leaf([0.1, 0.2, 0.3])
    y = F.prelu(x, weight)
    np.testing.assert_allclose(y.data[0, :, 0], [-0.1, -0.2, -0.3])
    y.backward(np.ones((2, 3, 4)))
    np.testing.assert_allclose(weight.grad.data, [-8.0, -8.0, -8.0])
    assert F.prelu(leaf(-1.0), leaf([0.5])).shape == ()
    assert F.prelu(ad.Scalar(-1.0), 0.5).item() == -0.5
    with pytest.raises(ValueError, match=r"3 slopes for an input of shape \(2, 4\).*axis 1"):
        F.prelu(leaf(np.ones((2, 4))), weight)
    with pytest.raises(ValueError, match=r"3 slopes for an input of shape \(3,\)"):
        F.prelu(leaf(np.ones(3)), weight)


# ---------------------------------------------------------------- along an axis
def test_softmax_sums_to_one_on_every_axis():
    x = ad.tensor(np.random.default_rng(0).standard_normal((5, 40, 7)))
    for dim in (-3, -2, -1, 0, 1, 2):
        np.testing.assert_allclose(F.softmax(x, dim).data.sum(dim), 1, rtol=1e-14)
        np.testing.assert_allclose(
            F.log_softmax(x, dim).data, np.log(F.softmax(x, dim).data), rtol=1e-12
        )
        np.testing.assert_allclose(F.softmin(x, dim).data, F.softmax(-x, dim).data)


def test_softmax_leaves_its_input_alone():
    x = np.random.default_rng(0).standard_normal((4, 4))
    kept = x.copy()
    for op in (F.softmax, F.log_softmax):
        for dim in (0, 1):
            op(ad.tensor(x), dim)
            op(x, dim)
            op(x.T, dim)
    np.testing.assert_array_equal(x, kept)


def test_softmax_in_half_precision_adds_up_in_more():
    x = np.zeros((4096, 2), np.float16)
    np.testing.assert_allclose(F.softmax(ad.tensor(x), 0).data, 1 / 4096, rtol=1e-3)
    np.testing.assert_allclose(F.log_softmax(ad.tensor(x), 0).data, -np.log(4096), rtol=1e-3)


def test_softmax_casts_first():
    x = ad.tensor([[9, 0]], dtype=np.float16)
    assert F.softmax(x, 1, dtype=np.float32).dtype == np.float32
    assert F.log_softmax(x, 1, dtype=np.float64).dtype == np.float64
    assert F.softmax(ad.tensor([[1, 2]])).dtype == np.float32  # of integers


def test_softmax_of_more_axes_must_be_told_which():
    for fn in (F.softmax, F.log_softmax, F.softmin, nn.Softmax(), nn.Softmin()):
        with pytest.raises(ValueError, match=r"shape \(2, 3, 4\) has more than two axes.*dim="):
            fn(leaf(np.ones((2, 3, 4))))


def test_bad_input():
    with pytest.raises(ValueError, match="gelu: approximate must be none or tanh, not 'erf'"):
        F.gelu(leaf([1.0]), "erf")
    with pytest.raises(ValueError, match=r"glu: axis -1 of shape \(2, 3\) has an odd length"):
        F.glu(leaf(np.ones((2, 3))))
    with pytest.raises(ValueError, match=r"axis 1 of shape \(2, 5\) is cut into groups of 3"):
        F.maxout(leaf(np.ones((2, 5))), 3, 1)
    with pytest.raises(ValueError, match="celu: alpha must not be 0"):
        F.celu(leaf([1.0]), 0.0)
    with pytest.raises(ValueError, match="softshrink: lambd must not be negative, and is -1"):
        F.softshrink(leaf([1.0]), -1.0)
    with pytest.raises(ValueError, match="lower=0.5 is above upper=0.1"):
        F.rrelu(leaf([1.0]), 0.5, 0.1)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: nn.GELU("erf"), "GELU: approximate must be none or tanh, not 'erf'"),
        (lambda: nn.CELU(0.0), "alpha must not be 0"),
        (lambda: nn.RReLU(0.5, 0.1), "lower=0.5 is above upper=0.1"),
        (lambda: nn.Hardtanh(1.0, -1.0), "min_val=1.0 is not below max_val=-1.0"),
        (lambda: nn.Softshrink(-1.0), "lambd must not be negative"),
        (lambda: nn.PReLU(0), "0 slopes"),
        (lambda: nn.Maxout(3, 2, 0), r"Maxout\(3, 2, 0\): .* must be positive"),
        (lambda: nn.Bilinear(3, 0, 2), r"Bilinear\(3, 0, 2\): sizes must be positive"),
        (lambda: nn.Softmax2d()(ad.ones((2, 3))), r"Softmax2d: shape \(2, 3\)"),
        (lambda: nn.Parallel(), "at least one branch"),
        (lambda: nn.Parallel(nn.Identity(), merge="mean"), "merge must be concat, sum or a func"),
    ],
)
def test_bad_modules(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# ---------------------------------------------------------------- maxout and bilinear
def test_maxout_takes_the_largest_of_neighbours():
    x = leaf([[1.0, 5.0, 2.0, 7.0, 7.0, -1.0]])
    y = F.maxout(x, 3)
    y.backward(np.ones((1, 2)))
    assert y.data.tolist() == [[5.0, 7.0]]
    assert x.grad.data.tolist() == [[0.0, 1.0, 0.0, 0.5, 0.5, 0.0]]  # equal ones share
    assert F.maxout(leaf(np.ones((2, 6, 4))), 2, dim=1).shape == (2, 3, 4)


def test_each_piece_of_maxout_starts_like_a_linear_layer():
    layer = nn.Maxout(200, 100, pieces=3, generator=ad.random.Generator(0))
    bound = np.sqrt(6 / 300)  # Glorot's, of 200 inputs and 100 outputs: not of 300
    for j in range(3):
        piece = layer.weight.data[j::3]
        assert bound * 0.99 < np.abs(piece).max() <= bound
        assert piece.std() == pytest.approx(bound / np.sqrt(3), rel=0.02)
    assert nn.Maxout(2, 2, weight_init="ones", bias_init="ones").bias.data.tolist() == [1.0] * 4


def test_bilinear_refuses_what_does_not_fit():
    weight = leaf(np.ones((2, 3, 4)))
    good = F.bilinear(leaf(np.ones((5, 3))), leaf(np.ones((5, 4))), weight)
    np.testing.assert_array_equal(good.data, np.full((5, 2), 12.0))
    for one, two in [((5, 4), (5, 3)), ((5, 3), (4, 4)), ((5, 3), (4,))]:
        with pytest.raises(ValueError, match=r"do not fit the weight of shape \(2, 3, 4\)"):
            F.bilinear(leaf(np.ones(one)), leaf(np.ones(two)), weight)


# ---------------------------------------------------------------- branches
def test_residual_says_what_is_missing():
    x = ad.ones((2, 4))
    with pytest.raises(ValueError, match=r"body gives shape \(2, 3\).*\(2, 4\); give a shortcut="):
        nn.Residual(nn.Linear(4, 3))(x)
    with pytest.raises(ValueError, match=r"\(2, 3\), and the shortcut \(2, 1\); they must be"):
        nn.Residual(nn.Linear(4, 3), nn.Linear(4, 1))(x)  # would broadcast


def test_a_residual_passes_the_gradient_by_a_dead_body():
    dead = nn.Linear(4, 4, weight_init="zeros")
    x = leaf(np.ones((2, 4)), np.float32)
    nn.Residual(dead)(x).backward(np.ones((2, 4), np.float32))
    np.testing.assert_array_equal(x.grad.data, np.ones((2, 4)))


def test_parallel_says_what_does_not_fit():
    x = ad.ones((2, 4))
    with pytest.raises(ValueError, match=r"shapes \(2, 3\), \(2, 4\); to be added"):
        nn.Parallel(nn.Linear(4, 3), nn.Identity(), merge="sum")(x)
    with pytest.raises(ValueError, match=r"\(2, 3\), \(2, 4\); to be concatenated along axis 0"):
        nn.Parallel(nn.Linear(4, 3), nn.Identity(), axis=0)(x)


def test_parallel_is_a_list_of_branches():
    layer = nn.Parallel(nn.Linear(4, 3), nn.Identity(), merge="sum", axis=0)
    assert len(layer) == 2 and list(layer.state_dict()) == ["0.weight", "0.bias"]
    part = layer[1:]
    assert (type(part), part.merge, part.axis, len(part)) == (nn.Parallel, "sum", 0, 1)
    assert "Parallel(merge='sum', axis=0\n  (0): Linear(4, 3)" in repr(layer)


# ---------------------------------------------------------------- directions
def test_directions_of_zeros():
    for dtype in (np.float16, np.float32, np.float64):
        x = leaf(np.zeros((2, 3)), dtype)
        assert not F.normalize(x).data.any()
        y = F.cosine_similarity(x, ad.ones((2, 3), dtype=dtype))
        assert not y.data.any() and y.dtype == dtype
        y.backward(np.ones(2, dtype))
        assert not np.isnan(x.grad.data).any()


def test_normalize_of_integers():
    assert F.normalize(ad.tensor([[3, 4]])).dtype == np.float32


@pytest.mark.parity
@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, np.inf])
def test_normalize_is_pytorchs(p, dim):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((3, 4, 2))
    x[0] *= 1e-3
    g = np.random.default_rng(1).standard_normal(x.shape)
    ours, theirs = leaf(x), torch.tensor(x, requires_grad=True)
    for eps in (1e-12, 0.5):
        y, z = F.normalize(ours, p, dim, eps), torch.nn.functional.normalize(theirs, p, dim, eps)
        np.testing.assert_allclose(y.data, z.detach(), rtol=1e-12)
        (mine,) = ad.gradients(y, [ours], ad.tensor(g))
        (other,) = torch.autograd.grad(z, theirs, torch.tensor(g))
        np.testing.assert_allclose(mine.data, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parity
@pytest.mark.parametrize(
    "shapes, dim",
    [(((3, 4), (3, 4)), 1), (((3, 4), (3, 4)), 0), (((2, 3, 4), (4,)), -1), (((3, 1), (3, 4)), 1)],
)
def test_cosine_similarity_is_pytorchs(shapes, dim):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    ours = [leaf(x) for x in arrays]
    theirs = [torch.tensor(x, requires_grad=True) for x in arrays]
    y = F.cosine_similarity(*ours, dim)
    z = torch.nn.functional.cosine_similarity(*theirs, dim)
    np.testing.assert_allclose(y.data, z.detach(), rtol=1e-12)
    g = rng.standard_normal(y.shape)
    mine = ad.gradients(y, ours, ad.tensor(g))
    other = torch.autograd.grad(z, theirs, torch.tensor(g))
    for a, b in zip(mine, other, strict=True):
        np.testing.assert_allclose(a.data, b, rtol=1e-9, atol=1e-12)


# ---------------------------------------------------------------- the page
PAGE = Path(__file__).parent.parent / "docs" / "nn-activations.md"
ROW = re.compile(r"^\| `(\w+)` \| .* \| (\S+) \| (\S+) \| (\S+) \| [^|]* \|$", re.M)


def test_the_numbers_of_the_page():
    """Lowest and highest value and the largest slope, by computing them."""
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert {name for name, *_ in rows} == set(ELEMENTWISE)
    x = leaf(np.linspace(-1e4, 1e4, 2_000_001))  # a step of 0.01, which meets no kink but 0
    x = leaf(np.concatenate([x.data, np.linspace(-4, 4, 80_001)]))
    for name, *stated in rows:
        y = getattr(F, name)(x)
        (slope,) = ad.gradients(y, [x], ad.ones_like(y), allow_unused=True)
        for text, found in zip(stated, (y.data.min(), y.data.max(), slope.data.max()), strict=True):
            if text.endswith("∞"):
                assert abs(found) > 90 and (found < 0) == (text[0] == "-"), name
            else:
                assert found == pytest.approx(float(text), abs=2e-4), name
