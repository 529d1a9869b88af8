"""Layers, activations and losses: values, gradients, dtypes and bad input."""

import warnings
from math import inf, log, nan

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import functional as F
from nn.functional import classification


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def rand(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def leaf(values):
    return ad.tensor(values, requires_grad=True)


# ---------------------------------------------------------------- activations
SLOPE, ALPHA, SCALE = 0.01, 1.6732632423543772, 1.0507009873554805
# value and derivative at -1000, at -0 and 0, and at 1000
AT_POINTS = {
    "leaky_relu": ([-10.0, 0, 0, 1000], [SLOPE, SLOPE, SLOPE, 1]),
    "elu": ([-1.0, 0, 0, 1000], [0, 1, 1, 1]),
    "selu": ([-SCALE * ALPHA, 0, 0, SCALE * 1000], [0, SCALE * ALPHA, SCALE * ALPHA, SCALE]),
    "relu": ([0.0, 0, 0, 1000], [0, 0, 0, 1]),
    "sigmoid": ([0.0, 0.5, 0.5, 1], [0, 0.25, 0.25, 0]),
    "tanh": ([-1.0, 0, 0, 1], [0, 1, 1, 0]),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", AT_POINTS)
def test_activations_at_zero_and_far_out(name, dtype):
    x = leaf(np.array([-1000, -0.0, 0, 1000], dtype))
    y = getattr(F, name)(x)
    values, slopes = AT_POINTS[name]
    y.backward(np.ones(4, dtype))
    np.testing.assert_allclose(y.data, values, rtol=1e-6)
    np.testing.assert_allclose(x.grad.data, slopes, rtol=1e-6)


@pytest.mark.parametrize("name", AT_POINTS)
def test_activations_pass_nan_on_and_take_scalars(name):
    x = leaf([nan, 1.0])
    y = getattr(F, name)(x)
    assert np.isnan(y.data[0]) and not np.isnan(y.data[1])
    z = ad.Scalar(-0.7)
    expected = getattr(F, name)(leaf(np.float64(-0.7)))
    found = getattr(F, name)(z)
    found.backward()
    assert found.item() == pytest.approx(expected.item(), rel=1e-14)


def test_elu_keeps_its_accuracy_near_zero_and_far_below():
    x = leaf(np.array([-1e-10, -30.0], np.float64))
    y = F.elu(x)
    y.backward(np.ones(2))
    np.testing.assert_allclose(y.data, [-1e-10, np.expm1(-30)], rtol=1e-9)
    np.testing.assert_allclose(x.grad.data, [1, np.exp(-30)], rtol=1e-9)  # not 0


def test_selu_keeps_mean_and_variance():
    ad.manual_seed(1)
    y = F.selu(ad.random.normal(1_000_000)).data
    assert abs(y.mean()) < 5e-3 and abs(y.var() - 1) < 5e-3


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (nn.Sigmoid(), F.sigmoid),
        (nn.Tanh(), F.tanh),
        (nn.ReLU(), F.relu),
        (nn.LeakyReLU(0.3), lambda x: F.leaky_relu(x, 0.3)),
        (nn.ELU(0.3), lambda x: F.elu(x, alpha=0.3)),
        (nn.SELU(), F.selu),
    ],
    ids=lambda m: type(m).__name__,
)
def test_activation_modules_are_their_functions(module, function):
    x = ad.tensor(rand(3, 4))
    np.testing.assert_array_equal(module(x).data, function(x).data)
    assert not list(module.parameters())


# ---------------------------------------------------------------- linear
@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (0, 4)])
@pytest.mark.parametrize("with_bias", [True, False])
def test_linear(shape, with_bias):
    x, w, b = leaf(rand(*shape)), leaf(rand(2, 4, seed=1)), leaf(rand(2, seed=2))
    g = rand(*shape[:-1], 2, seed=3)
    y = F.linear(x, w, b) if with_bias else F.linear(x, w)
    y.backward(g)
    np.testing.assert_allclose(y.data, x.data @ w.data.T + (b.data if with_bias else 0))
    np.testing.assert_allclose(x.grad.data, g @ w.data, atol=1e-12)
    flat_g, flat_x = g.reshape(-1, 2), x.data.reshape(-1, 4)
    np.testing.assert_allclose(w.grad.data, flat_g.T @ flat_x, atol=1e-12)
    if with_bias:
        np.testing.assert_allclose(b.grad.data, flat_g.sum(0), atol=1e-12)


def test_linear_folds_the_batch_into_one_product():
    """What is saved is the operand, and the weight's gradient is never of a batch of matrices."""
    shapes = []
    x, w = leaf(rand(50, 60, 4)), leaf(rand(3, 4))
    y = F.linear(x, w).sum()
    y.backward(observe=lambda node, g, pulled: shapes.extend(p.shape for p in pulled))
    assert max(map(len, shapes)) == 3 and (3, 4) in shapes


def test_linear_does_not_write_into_its_operands():
    x, w, b = rand(3, 4), rand(2, 4, seed=1), rand(2, seed=2)
    before = [a.copy() for a in (x, w, b)]
    F.linear(leaf(x), leaf(w), leaf(b)).sum().backward()
    F.linear(x, w, b)
    for old, new in zip(before, (x, w, b), strict=True):
        np.testing.assert_array_equal(old, new)


def test_linear_layer():
    ad.manual_seed(0)
    layer = nn.Linear(200, 300)
    assert layer.weight.shape == (300, 200) and layer.weight.dtype == np.float32
    assert (layer.bias.data == 0).all()
    assert abs(layer.weight.data).max() <= np.sqrt(6 / 500)
    assert layer.weight.data.var() == pytest.approx(2 / 500, rel=0.02)
    assert nn.Linear(2, 3, bias=False).bias is None
    assert nn.Linear(2, 3, dtype=ad.float64).bias.dtype == np.float64
    with pytest.raises(ValueError, match="must not be negative"):
        nn.Linear(-1, 2)


def test_linear_layer_initializers_and_generator():
    one, two = (
        nn.Linear(3, 2, weight_init="he_normal", generator=ad.random.Generator(5)) for _ in "ab"
    )
    np.testing.assert_array_equal(one.weight.data, two.weight.data)
    layer = nn.Linear(3, 2, weight_init=lambda w: nn.init.constant_(w, 2), bias_init="ones")
    assert (layer.weight.data == 2).all() and (layer.bias.data == 1).all()
    with pytest.raises(ValueError, match=r"no initializer is called 'he'; known: .*he_normal"):
        nn.Linear(3, 2, weight_init="he")


def test_linear_names_what_does_not_fit():
    with pytest.raises(ValueError, match="linear|matmul"):
        nn.Linear(3, 2)(ad.ones((4, 5)))


def test_flatten():
    x = ad.zeros((2, 3, 4, 5))
    assert nn.Flatten()(x).shape == (2, 60)
    assert nn.Flatten(0)(x).shape == (120,)
    assert nn.Flatten(1, 2)(x).shape == (2, 12, 5)
    assert nn.Flatten(-2)(x).shape == (2, 3, 20)
    assert nn.Flatten(0)(ad.zeros(3)).shape == (3,)
    with pytest.raises(ValueError, match=r"Flatten\(2, 1\) does not fit the shape"):
        nn.Flatten(2, 1)(x)


# ---------------------------------------------------------------- regression and yes or no
@pytest.mark.parametrize("loss", [F.mse_loss, F.binary_cross_entropy_with_logits])
def test_losses_refuse_what_does_not_correspond(loss):
    with pytest.raises(ValueError, match=r"input has shape \(3, 1\) and target \(3,\)"):
        loss(ad.ones((3, 1)), ad.ones(3))
    with pytest.raises(ValueError, match="reduction must be mean, sum or none, not 'avg'"):
        loss(ad.ones(3), ad.ones(3), reduction="avg")


def test_mse():
    x, y = leaf([1.0, 2.0]), leaf([4.0, 2.5])
    assert F.mse_loss(x, y, reduction="none").data.tolist() == [9.0, 0.25]
    assert F.mse_loss(x, y, reduction="sum").item() == 9.25
    loss = nn.MSELoss()(x, y)
    loss.backward()
    assert loss.item() == 4.625
    assert x.grad.data.tolist() == [-3.0, -0.5] and y.grad.data.tolist() == [3.0, 0.5]


def test_mse_takes_integer_targets():
    assert F.mse_loss(leaf([1.5]), ad.tensor([1])).dtype == np.float32


def test_logistic_loss_far_out():
    x = leaf(np.array([0, 1000, 1000, -1000, -1000, 30], np.float32))
    y = ad.tensor(np.array([1, 1, 0, 0, 1, 1], np.float32))
    losses = F.binary_cross_entropy_with_logits(x, y, reduction="none")
    np.testing.assert_allclose(losses.data, [log(2), 0, 1000, 0, 1000, np.exp(-30)], rtol=1e-6)
    losses.sum().backward()
    # exp(-30) is lost in float32 as sigmoid(30) - 1, so that it may be 0 there
    np.testing.assert_allclose(x.grad.data, [-0.5, 0, 1, 0, -1, 0], atol=1e-12)


def test_logistic_loss_takes_labels_of_any_kind():
    x = leaf([0.5, -1.0])
    losses = [
        F.binary_cross_entropy_with_logits(x, ad.tensor(np.array([1, 0], kind)))
        for kind in (np.float32, np.int64, np.bool_)
    ]
    assert len({loss.item() for loss in losses}) == 1
    assert {loss.dtype for loss in losses} == {np.dtype("float32")}


def test_logistic_loss_weights():
    x, y = rand(3, 4), np.random.default_rng(1).uniform(size=(3, 4))
    weight, positive = np.array([[1.0], [2], [3]]), np.array([1.0, 2, 3, 4])
    s = 1 / (1 + np.exp(-x))
    expected = -weight * (positive * y * np.log(s) + (1 - y) * np.log(1 - s))
    loss = nn.BCEWithLogitsLoss(weight, pos_weight=positive)
    assert loss(leaf(x), ad.tensor(y)).item() == pytest.approx(expected.mean())
    assert list(loss.state_dict()) == ["weight", "pos_weight"]
    with pytest.raises(ValueError, match=r"pos_weight of shape \(3,\) does not broadcast"):
        F.binary_cross_entropy_with_logits(leaf(x), ad.tensor(y), pos_weight=ad.ones(3))


# ---------------------------------------------------------------- classes
def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def test_cross_entropy_and_its_short_gradient():
    x, t = rand(5, 4), np.array([0, 3, 1, 1, 2])
    logits = leaf(x)
    loss = nn.CrossEntropyLoss()(logits, ad.tensor(t))
    loss.backward()
    assert loss.item() == pytest.approx(-np.log(softmax(x)[np.arange(5), t]).mean())
    np.testing.assert_allclose(logits.grad.data, (softmax(x) - np.eye(4)[t]) / 5, atol=1e-15)
    assert loss.node.op.name == "softmax_cross_entropy" and loss.node.parents == (logits.node,)


def test_cross_entropy_far_out():
    x = leaf(np.array([[1000, 0, -1000], [0, -inf, 0], [1000, 999, -inf]], np.float32))
    losses = F.cross_entropy(x, ad.tensor([0, 2, 1]), reduction="none")
    np.testing.assert_allclose(losses.data, [0, log(2), log(1 + np.e)], rtol=1e-6)
    losses.sum().backward()
    p = 1 / (1 + np.exp(-1.0))
    np.testing.assert_allclose(x.grad.data, [[0, 0, 0], [0.5, 0, -0.5], [p, -p, 0]], atol=1e-6)


def test_cross_entropy_keeps_its_accuracy_at_large_logits():
    """The shift is taken off before anything is subtracted, so 1000 does not cost digits."""
    small = leaf(np.array([[8.0, 0.0]], np.float32))
    large = leaf(np.array([[1008.0, 1000.0]], np.float32))
    losses = [F.cross_entropy(x, ad.tensor([0])) for x in (small, large)]
    for x, loss in zip((small, large), losses, strict=True):
        loss.backward()
        assert loss.item() == pytest.approx(np.log1p(np.exp(-8.0)), rel=1e-3)
        assert x.grad.data[0, 1] == pytest.approx(1 / (1 + np.exp(8.0)), rel=1e-6)
    assert losses[0].item() == losses[1].item()


def test_ignored_examples_count_for_nothing():
    x = rand(4, 3)
    t = np.array([0, -100, 2, -100])
    logits, few = leaf(x), leaf(x[[0, 2]])
    loss, expected = F.cross_entropy(logits, ad.tensor(t)), F.cross_entropy(few, ad.tensor([0, 2]))
    loss.backward()
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-14)
    np.testing.assert_allclose(logits.grad.data[[0, 2]], few.grad.data, atol=1e-16)
    assert not logits.grad.data[[1, 3]].any()
    losses = F.cross_entropy(leaf(x), ad.tensor(t), reduction="none")
    assert not losses.data[[1, 3]].any() and losses.data[[0, 2]].all()
    same = F.cross_entropy(leaf(x), ad.tensor([0, 1, 2, 1]), ignore_index=1)
    assert same.item() == pytest.approx(expected.item(), rel=1e-14)


def test_the_mean_of_no_examples_is_not_a_number():
    with np.errstate(invalid="ignore"):
        loss = F.cross_entropy(leaf(rand(2, 3)), ad.tensor([-100, -100]))
    assert np.isnan(loss.item())
    assert F.cross_entropy(leaf(rand(2, 3)), ad.tensor([-100, -100]), reduction="sum").item() == 0


def test_certain_probabilities_are_classes():
    x, t = rand(5, 4), np.array([0, 3, 1, 1, 2])
    for smoothing in (0.0, 0.3):
        for reduction in ("mean", "sum", "none"):
            how = {"reduction": reduction, "label_smoothing": smoothing}
            one, two = leaf(x), leaf(x)
            by_class = F.cross_entropy(one, ad.tensor(t), **how)
            by_mass = F.cross_entropy(two, ad.tensor(np.eye(4)[t]), **how)
            np.testing.assert_allclose(by_class.data, by_mass.data, rtol=1e-12)
            ad.sum(by_class).backward()
            ad.sum(by_mass).backward()
            np.testing.assert_allclose(one.grad.data, two.grad.data, atol=1e-15)


def test_a_class_without_mass_may_have_the_logit_minus_infinity():
    x = leaf(np.array([[1.0, -inf, 1.0], [-inf, 2.0, 2.0]]))
    target = np.array([[0.5, 0, 0.5], [0, 1, 0]])
    loss = F.cross_entropy(x, ad.tensor(target))
    loss.backward()
    assert loss.item() == pytest.approx(log(2))
    np.testing.assert_allclose(x.grad.data, [[0, 0, 0], [0, -0.25, 0.25]], atol=1e-16)
    weighted = F.cross_entropy(x, ad.tensor([0, 1]), ad.ones(3, dtype=ad.float64))
    assert weighted.item() == pytest.approx(log(2))


def test_probabilities_get_gradients():
    x, target = rand(5, 4), leaf(softmax(rand(5, 4, seed=1)))
    F.cross_entropy(ad.tensor(x), target).backward()
    np.testing.assert_allclose(target.grad.data, -np.log(softmax(x)) / 5, rtol=1e-12)


def test_cross_entropy_of_images_and_of_one_example():
    x, t = rand(2, 4, 3, 5), np.random.default_rng(1).integers(4, size=(2, 3, 5))
    flat = x.transpose(0, 2, 3, 1).reshape(-1, 4)
    losses = F.cross_entropy(leaf(x), ad.tensor(t), reduction="none")
    assert losses.shape == (2, 3, 5)
    expected = F.cross_entropy(leaf(flat), ad.tensor(t.reshape(-1)))
    assert losses.data.mean() == pytest.approx(expected.item())
    one = F.cross_entropy(leaf(x[0, :, 0, 0]), ad.tensor(2), reduction="none")
    assert one.shape == () and one.item() == pytest.approx(-np.log(softmax(x[0, :, :1, 0].T)[0, 2]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("classes", [3, 100])
def test_the_numpy_kernel_is_the_body(dtype, reduction, classes):
    x, t = rand(7, classes, dtype=dtype), np.arange(7) % 3
    options = {"reduction": reduction, "ignore_index": -100, "label_smoothing": 0.0}
    op = classification.softmax_cross_entropy
    for fast, slow in zip(
        op.kernels["numpy"](np, x, t, **options), op.body(np, x, t, **options), strict=True
    ):
        assert fast.dtype == slow.dtype and fast.shape == slow.shape
        np.testing.assert_allclose(fast, slow, rtol=1e-5 if dtype == np.float32 else 1e-13)


@pytest.mark.parametrize("mean", [True, False])
@pytest.mark.parametrize("weight", [None, np.array([1.0, 2.0, 3.0])])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
@pytest.mark.parametrize("ignore_index", [-100, 1])
def test_the_kernel_of_mass_is_the_body(mean, weight, label_smoothing, ignore_index):
    x, t = rand(5, 3), np.array([0, 2, 1, 1, 2])
    options = {"mean": mean, "ignore_index": ignore_index, "label_smoothing": label_smoothing}
    op = classification.class_mass
    fast = op.kernels["numpy"](np, x, t, weight, **options)
    np.testing.assert_allclose(fast, op.body(np, x, t, weight, **options), rtol=1e-14)


def test_cross_entropy_keeps_two_numbers_a_row():
    loss = F.cross_entropy(leaf(rand(100, 10)), ad.tensor(np.arange(100) % 10))
    own = [
        a
        for a in loss.node.saved
        if isinstance(a, np.ndarray) and a.shape not in [(100, 10), (100,)]
    ]
    assert sum(a.size for a in own) == 200


def test_cross_entropy_has_higher_derivatives():
    x, t = ad.tensor(rand(3, 4), requires_grad=True), ad.tensor([0, -100, 2])
    assert ad.gradcheck(lambda x: F.cross_entropy(x, t, label_smoothing=0.1), [x], order=2)
    # The Hessian of one row is diag(p) - p p'.
    x = leaf(rand(1, 3))
    (slope,) = ad.gradients(F.cross_entropy(x, ad.tensor([1])), [x], create_graph=True)
    (row,) = ad.gradients(slope[0, 0], [x])
    p = softmax(x.data)[0]
    np.testing.assert_allclose(row.data[0], p[0] * (np.eye(3)[0] - p), atol=1e-14)


def test_weights_do_not_widen():
    x, y = leaf(rand(2, 3, dtype=np.float32)), ad.tensor(np.zeros((2, 3), np.float32))
    wide = np.ones(3)
    assert F.cross_entropy(x, ad.tensor([0, 1]), wide).dtype == np.float32
    loss = F.binary_cross_entropy_with_logits(x, y, wide, pos_weight=wide)
    assert loss.dtype == np.float32


@pytest.mark.parametrize("wrong", [3, -1, 99])
def test_a_class_that_does_not_exist(wrong):
    with pytest.raises(IndexError, match=f"class {wrong} is neither one of the 3 classes, 0 to 2"):
        F.cross_entropy(leaf(rand(2, 3)), ad.tensor([0, wrong]))


@pytest.mark.parametrize(
    ("shape", "target", "message"),
    [
        ((2, 3), np.zeros((2, 1), int), r"class numbers of shape \(2, 1\).*must have shape \(2,\)"),
        ((2, 3), np.zeros((3,)), r"probabilities of shape \(3,\) for input of shape \(2, 3\)"),
        ((), np.zeros((), int), "needs an axis of classes"),
    ],
)
def test_cross_entropy_refuses_shapes(shape, target, message):
    with pytest.raises(ValueError, match=message):
        F.cross_entropy(leaf(rand(*shape)), ad.tensor(target))


def test_cross_entropy_refuses_options():
    x, t = leaf(rand(2, 3)), ad.tensor([0, 1])
    with pytest.raises(ValueError, match="label_smoothing=1.5 is not within 0 to 1"):
        F.cross_entropy(x, t, label_smoothing=1.5)
    with pytest.raises(ValueError, match="reduction must be"):
        F.cross_entropy(x, t, reduction="total")
    with pytest.raises(ValueError, match=r"weight of shape \(2,\) does not broadcast"):
        F.cross_entropy(x, t, weight=ad.ones(2))
    with pytest.raises(ValueError, match=r"weight has shape \(1,\); it must have one number"):
        F.cross_entropy(x, t, weight=ad.ones(1))
    with pytest.raises(ValueError, match="must be a constant"):
        F.cross_entropy(x, t, weight=leaf(np.ones(3)))


def test_losses_compute_without_recording():
    x, t = ad.tensor(rand(3, 2)), ad.tensor([0, 1, 1])
    assert not F.cross_entropy(x, t).requires_grad
    with ad.no_grad():
        loss = F.cross_entropy(leaf(rand(3, 2)), t)
    assert not loss.requires_grad and loss.item() == F.cross_entropy(x, t).item()


def test_losses_on_other_devices(device):
    x, t = rand(4, 3), np.array([0, 2, -100, 1])
    results = []
    for place in ("cpu", device):
        logits = ad.tensor(x, device=place, requires_grad=True)
        target = ad.tensor(t, device=place)
        weight = ad.tensor(np.array([1.0, 2, 3]), device=place)
        loss = F.cross_entropy(logits, target, weight, label_smoothing=0.1)
        loss = loss + F.cross_entropy(logits, target) + F.mse_loss(logits, logits * 2)
        probability = ad.sigmoid(logits.detach())
        loss = loss + F.cross_entropy(logits, probability)
        loss = loss + F.binary_cross_entropy_with_logits(logits, probability, pos_weight=weight)
        loss.backward()
        assert loss.device.startswith(place)
        results.append((loss.item(), ad.backend.to_numpy(logits.grad.data)))
    assert results[0][0] == pytest.approx(results[1][0])
    np.testing.assert_allclose(results[0][1], results[1][1], atol=1e-14)
