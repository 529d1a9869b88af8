"""Losses: what the table of modules cannot say. Bad input, extremes, weights, memory."""

import inspect
import warnings
from math import inf, log, nan

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import functional as F

X = np.random.default_rng(0).standard_normal((3, 4))


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def leaf(values, dtype=np.float64):
    return ad.tensor(np.asarray(values, dtype), requires_grad=True)


# name, number of tensors of one shape
SAME_SHAPES = {
    "mse_loss": 2, "l1_loss": 2, "huber_loss": 2, "smooth_l1_loss": 2, "binary_cross_entropy": 2,
    "binary_cross_entropy_with_logits": 2, "kl_div": 2, "hinge_loss": 2, "hinge_embedding_loss": 2,
    "poisson_nll_loss": 2, "focal_loss": 2, "margin_ranking_loss": 3, "triplet_margin_loss": 3,
}  # fmt: skip
EVERY = {name: getattr(F, name) for name in dir(F) if name.endswith("_loss")} | {
    name: getattr(F, name)
    for name in ("binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy",
                 "kl_div")
}  # fmt: skip


def example(name):
    """Inputs that a loss takes."""
    row, column = ad.tensor(np.full(3, 0.5)), ad.tensor([1, -1, 1])
    if name in ("cross_entropy", "nll_loss", "multi_margin_loss"):
        return [leaf(X), ad.tensor([0, 2, 1])]
    if name == "cosine_embedding_loss":
        return [leaf(X), leaf(X[::-1].copy()), column]
    if name == "gaussian_nll_loss":
        return [leaf(X), ad.tensor(X[::-1].copy()), 2.0]
    if name == "triplet_margin_loss":
        return [leaf(X), leaf(X[::-1].copy()), leaf(X + 1)]
    return [row] * SAME_SHAPES[name]


def test_every_loss_is_known_here():
    assert len(EVERY) == 18
    classes = {name for name in vars(nn) if name.endswith("Loss")}
    assert len(classes) == 18


@pytest.mark.parametrize("name", sorted(SAME_SHAPES))
@pytest.mark.parametrize("which", [1, 2])
def test_shapes_must_be_equal(name, which):
    count = SAME_SHAPES[name]
    if which == count:
        return
    inputs = [ad.tensor(np.full((3, 1), 0.5)) for _ in range(count)]
    inputs[which] = ad.tensor(np.full((3, 3), 0.5))
    with pytest.raises(ValueError, match=rf"{name}: .*\(3, 1\).*\(3, 3\).*must be equal"):
        EVERY[name](*inputs)


@pytest.mark.parametrize("name", sorted(EVERY))
def test_reductions(name):
    """Each is that of the single losses, and a name that does not exist is refused."""
    inputs = example(name)
    single = EVERY[name](*inputs, reduction="none")
    assert EVERY[name](*inputs, reduction="sum").item() == pytest.approx(single.data.sum())
    assert EVERY[name](*inputs).item() == pytest.approx(single.data.mean())
    assert inspect.signature(EVERY[name]).parameters["reduction"].default == "mean"
    with pytest.raises(ValueError, match=f"{name}: reduction must be .*not 'avg'"):
        EVERY[name](*inputs, reduction="avg")


@pytest.mark.parametrize("name", sorted(EVERY))
def test_a_batch_of_none(name):
    inputs = [x[:0] if isinstance(x, ad.Tensor) else x for x in example(name)]
    assert EVERY[name](*inputs, reduction="sum").item() == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isnan(EVERY[name](*inputs).item())


def test_modules_take_inputs_by_name():
    x, y = leaf(X), ad.tensor(X[::-1].copy())
    assert nn.MSELoss()(input=x, target=y).item() == F.mse_loss(x, y).item()
    loss = nn.TripletMarginLoss(margin=0.5)
    assert loss(x, positive=y, negative=x).item() == F.triplet_margin_loss(x, y, x, 0.5).item()


# ---------------------------------------------------------------- differences
def test_weights_of_differences():
    x, y, w = leaf(X), leaf(X[::-1].copy()), leaf(np.abs(X) + 0.1)
    d = np.abs(X - X[::-1])
    huber = np.where(d < 1, d * d / 2, d - 0.5)
    expected = (d * d * w.data).sum() / w.data.sum()
    assert F.mse_loss(x, y, weight=w).item() == pytest.approx(expected)
    assert F.l1_loss(x, y, "sum", w).item() == pytest.approx((d * w.data).sum())
    assert F.huber_loss(x, y, weight=w).item() == pytest.approx((huber * w.data).mean())
    assert ad.gradcheck(lambda x, y, w: F.mse_loss(x, y, weight=w), [x, y, w], order=2)
    with pytest.raises(ValueError, match=r"input has shape \(3, 4\) and weight \(4,\)"):
        F.mse_loss(x, y, weight=ad.ones(4))


def test_options_out_of_range():
    x = leaf(X)
    with pytest.raises(ValueError, match="delta=0 must be positive"):
        F.huber_loss(x, x, delta=0)
    with pytest.raises(ValueError, match=r"beta=-0.1 must not be negative"):
        F.smooth_l1_loss(x, x, beta=-0.1)
    with pytest.raises(ValueError, match="gamma=-1 must not be negative"):
        F.focal_loss(x, x, gamma=-1)
    with pytest.raises(ValueError, match="alpha of yes and no is within 0 to 1, not 2"):
        F.focal_loss(x, x, alpha=2)
    with pytest.raises(ValueError, match="p must be 1 or 2, not 3"):
        F.multi_margin_loss(x, ad.tensor([0, 1, 2]), p=3)
    with pytest.raises(ValueError, match="p must be 1 or 2, not 3"):
        nn.MultiMarginLoss(3)
    with pytest.raises(ValueError, match="margin=0 must be positive"):
        nn.TripletMarginLoss(0)
    with pytest.raises(ValueError, match="eps=0 must be positive"):
        F.gaussian_nll_loss(x, x, 1.0, eps=0)


def test_huber_without_a_limit_is_half_the_square():
    x, y = leaf(X), ad.zeros(X.shape, dtype=ad.float64)
    assert F.huber_loss(x, y, delta=1e300).item() == pytest.approx((X * X).mean() / 2)


# ---------------------------------------------------------------- yes or no
def test_probabilities_that_are_none():
    for wrong in (-0.1, 1.1):
        with pytest.raises(ValueError, match=r"binary_cross_entropy: the input has values from"):
            F.binary_cross_entropy(leaf([0.5, wrong]), ad.tensor([0.0, 1.0]))
    loss = F.binary_cross_entropy(leaf([0.5, nan]), ad.tensor([0.0, 1.0]), reduction="none")
    assert loss.data[0] == pytest.approx(log(2)) and np.isnan(loss.data[1])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_probabilities_of_0_and_1(dtype):
    p = leaf([0, 0, 1, 1], dtype)
    target = ad.tensor(np.array([0, 1, 0, 1], dtype))
    losses = F.binary_cross_entropy(p, target, reduction="none")
    losses.sum().backward()
    np.testing.assert_array_equal(losses.data, [0, 100, 100, 0])
    largest = 1 / 6.2e-5 if dtype == np.float16 else 1e12
    np.testing.assert_allclose(p.grad.data, [0, -largest, largest, 0], rtol=2e-3)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_focal_loss_far_out(gamma):
    """Nothing is NaN, to second order, where a probability is rounded to 0 or 1."""
    x = leaf([1000, -1000, 800, 30, 0])
    for y, expected in ((1.0, [0, 1000, 0]), (0.0, [1000, 0, 800])):
        target = ad.tensor(np.full(5, y))
        losses = F.focal_loss(x, target, gamma=gamma, reduction="none")
        np.testing.assert_allclose(losses.data[:3], expected)
        (slope,) = ad.gradients(losses.sum(), [x], create_graph=True)
        (curve,) = ad.gradients(slope.sum(), [x])
        assert np.isfinite(slope.data).all() and np.isfinite(curve.data).all()


def test_focal_loss_without_focus_is_cross_entropy():
    x, t = leaf(X), ad.tensor([0, 3, 1])
    yes = ad.tensor((X > 0).astype(float))
    expected = F.binary_cross_entropy_with_logits(x, yes).item()
    assert F.focal_loss(x, yes, gamma=0).item() == pytest.approx(expected)
    assert F.focal_loss(x, t, gamma=0).item() == pytest.approx(F.cross_entropy(x, t).item())
    assert F.focal_loss(x[0], t[0], gamma=0).item() == pytest.approx(
        F.cross_entropy(x[0], t[0]).item()
    )


def test_focal_loss_of_classes_far_out():
    x = leaf([[1000, 0, -1000], [0, 1000, 0]])
    losses = F.focal_loss(x, ad.tensor([0, 2]), reduction="none")
    losses.sum().backward()
    np.testing.assert_allclose(losses.data, [0, 1000])
    np.testing.assert_allclose(x.grad.data, [[0, 0, 0], [0, 1, -1]], atol=1e-12)


def test_focal_loss_refuses():
    with pytest.raises(ValueError, match=r"focal_loss: class numbers of shape \(4,\)"):
        F.focal_loss(leaf(X), ad.tensor([0, 1, 2, 0]))
    with pytest.raises(ValueError, match="must be integers, not float64"):
        F.focal_loss(leaf(X), ad.tensor(np.ones(3)))
    with pytest.raises(ValueError, match="two classes at least"):
        F.focal_loss(leaf(X[:, :1]), ad.tensor([0, 0, 0]))


# ---------------------------------------------------------------- classes
@pytest.mark.parametrize("loss", [F.nll_loss, F.multi_margin_loss, F.focal_loss])
@pytest.mark.parametrize("wrong", [4, -1])
def test_a_class_that_does_not_exist(loss, wrong):
    with pytest.raises(IndexError, match=f"{loss.__name__}: class {wrong} is neither one of the 4"):
        loss(leaf(X), ad.tensor([0, wrong, 1]))


def test_ignored_classes_may_be_any_number():
    x = leaf(X)
    loss = F.nll_loss(x, ad.tensor([0, 99, 1]), ignore_index=99)
    loss.backward()
    assert loss.item() == pytest.approx(-(X[0, 0] + X[2, 1]) / 2)
    assert not x.grad.data[1].any()


@pytest.mark.parametrize("loss", [F.nll_loss, F.cross_entropy])
@pytest.mark.parametrize("weight", [None, np.ones(4)])
def test_the_mean_of_nothing_is_nan_and_pulls_nobody(loss, weight):
    x = leaf(X)
    mean = loss(x, ad.tensor([-100, -100, -100]), weight)
    mean.backward()
    assert np.isnan(mean.item())
    np.testing.assert_array_equal(x.grad.data, np.zeros_like(X))
    x = leaf(X)
    smooth = F.cross_entropy(x, ad.tensor([-100] * 3), weight, label_smoothing=0.1)
    smooth.backward()
    assert np.isnan(smooth.item()) and not x.grad.data.any()


def test_impossible_classes_that_are_ignored():
    """Minus infinity, times nothing, is nothing."""
    x = leaf([[-inf, 0.0], [log(0.5), log(0.5)]])
    loss = F.nll_loss(x, ad.tensor([-100, 1]))
    loss.backward()
    assert loss.item() == pytest.approx(log(2))
    np.testing.assert_array_equal(x.grad.data, [[0, 0], [0, -1]])
    assert F.nll_loss(x, ad.tensor([0, 1])).item() == inf


def test_classes_refuse():
    with pytest.raises(ValueError, match=r"nll_loss: class numbers of shape \(2,\) for input"):
        F.nll_loss(leaf(X), ad.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"input of shape \(\)"):
        F.nll_loss(leaf(1.0), ad.tensor(0))
    with pytest.raises(ValueError, match=r"weight has shape \(1,\); it must have one number"):
        F.nll_loss(leaf(X), ad.tensor([0, 1, 2]), ad.ones(1))
    with pytest.raises(ValueError, match=r"multi_margin_loss: input has shape \(2, 3, 4\)"):
        F.multi_margin_loss(ad.ones((2, 3, 4)), ad.zeros((2, 4), dtype=int))


def test_weights_do_not_widen():
    x = leaf(X, np.float32)
    for loss in (F.nll_loss, F.multi_margin_loss):
        assert loss(x, ad.tensor([0, 1, 2]), weight=np.ones(4)).dtype == np.float32
    assert F.focal_loss(x, ad.tensor([0, 1, 2]), np.ones(4)).dtype == np.float32


# ---------------------------------------------------------------- likelihoods
def test_divergence_of_impossible_classes():
    log_p, q = leaf([[-inf, 0.0]]), ad.tensor(np.array([[0.0, 1.0]]))
    assert F.kl_div(log_p, q, "sum").item() == 0
    loss = F.kl_div(log_p, leaf([[-inf, 0.0]]), "sum", log_target=True)
    loss.backward()
    assert loss.item() == 0 and np.isfinite(log_p.grad.data).all()
    with pytest.raises(ValueError, match="reduction must be batchmean, mean, sum or none"):
        F.kl_div(log_p, q, "avg")


def test_variances():
    x, y = leaf(X), ad.zeros(X.shape, dtype=ad.float64)
    with pytest.raises(ValueError, match="gaussian_nll_loss: a variance must not be negative"):
        F.gaussian_nll_loss(x, y, ad.tensor(-np.ones((3, 4))))
    for shape in ((4,), (1, 1), (3, 2), (3, 4, 1)):
        with pytest.raises(ValueError, match=rf"var has shape \({shape[0]},"):
            F.gaussian_nll_loss(x, y, ad.ones(shape, dtype=ad.float64))
    var = leaf(np.zeros((3, 4)))
    F.gaussian_nll_loss(x, y, var, reduction="sum").backward()
    np.testing.assert_allclose(var.grad.data, 0.5 * (1e6 - X * X * 1e12))
    expected = 0.5 * (np.log(3) + X * X / 3)
    assert F.gaussian_nll_loss(x, y, 3).item() == pytest.approx(expected.mean())


# ---------------------------------------------------------------- margins
def test_cosines_refuse():
    with pytest.raises(ValueError, match=r"shape \(3, 4\) and target of shape \(4,\)"):
        F.cosine_embedding_loss(leaf(X), leaf(X), ad.ones(4))
    with pytest.raises(ValueError, match="need an axis of features"):
        F.triplet_margin_loss(leaf(1.0), leaf(1.0), leaf(1.0))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_vectors_of_zeros(dtype):
    x, y = leaf(np.zeros((2, 3)), dtype), leaf(np.ones((2, 3)), dtype)
    loss = F.cosine_embedding_loss(x, y, ad.tensor([1, -1]))
    loss.backward()
    assert loss.item() == 0.5 and np.isfinite(x.grad.data).all()
    z = leaf(np.zeros((2, 3)), dtype)
    F.triplet_margin_loss(z, z, z, eps=0.0).backward()
    assert not z.grad.data.any()


# ---------------------------------------------------------------- in general
def test_reduced_losses_keep_what_the_rule_reads_and_no_more():
    x, y = leaf(np.zeros((50, 40))), ad.tensor(np.zeros((50, 40)))
    for name in ("mse_loss", "l1_loss", "huber_loss", "hinge_loss", "focal_loss"):
        loss = EVERY[name](x, y)
        kept = [a for a in loss.node.saved if isinstance(a, np.ndarray)]
        assert loss.node.parents == (x.node,) and sum(a.size for a in kept) == 2 * x.size


@pytest.mark.parametrize("name", sorted(EVERY))
def test_losses_under_vmap(name):
    """Each example by itself is what its losses are."""
    inputs = [x.detach() if isinstance(x, ad.Tensor) else x for x in example(name)]
    axes = tuple(0 if isinstance(x, ad.Tensor) else None for x in inputs)
    each = ad.vmap(lambda *own: EVERY[name](*own, reduction="sum"), in_axes=axes)(*inputs)
    single = EVERY[name](*inputs, reduction="none").data
    np.testing.assert_allclose(each.data, single.reshape(3, -1).sum(1))
