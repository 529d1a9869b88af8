"""The same as PyTorch: values, gradients, names, and whole training runs."""

import itertools

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import functional as F

pytestmark = pytest.mark.parity
torch = pytest.importorskip("torch", reason="the extra `parity` brings PyTorch")
TF = torch.nn.functional

X = np.random.default_rng(0).standard_normal((6, 4)) * 3


@pytest.fixture(autouse=True)
def seeded():
    ad.manual_seed(0)
    torch.manual_seed(0)


def both(values, grad=True):
    """Our tensor and PyTorch's."""
    theirs = torch.tensor(values)
    if grad:
        theirs.requires_grad_()
    return ad.tensor(values, requires_grad=grad), theirs


def compare(ours, theirs, sources, rtol=1e-12):
    """Results, and the gradients of a random projection of them."""
    np.testing.assert_allclose(ours.data, theirs.detach().numpy(), rtol=rtol, atol=1e-14)
    g = np.random.default_rng(9).standard_normal(ours.shape)
    ours.backward(g)
    theirs.backward(torch.tensor(g))
    for mine, other in sources:
        np.testing.assert_allclose(mine.grad.data, other.grad.numpy(), rtol=rtol, atol=1e-14)


# ---------------------------------------------------------------- functions
REDUCTIONS = ("mean", "sum", "none")


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_mse(reduction):
    (x, x_), (y, y_) = both(X), both(X[::-1].copy())
    compare(
        F.mse_loss(x, y, reduction), TF.mse_loss(x_, y_, reduction=reduction), [(x, x_), (y, y_)]
    )


@pytest.mark.parametrize(
    ("reduction", "weighted", "positive"),
    [*itertools.product(REDUCTIONS, (False, True), (False, True))],
)
def test_binary_cross_entropy(reduction, weighted, positive):
    rng = np.random.default_rng(2)
    (x, x_), (y, y_) = both(X * 10), both(rng.uniform(size=X.shape))
    weight, weight_ = both(rng.uniform(size=(6, 1)), grad=False) if weighted else (None, None)
    p, p_ = both(rng.uniform(size=4), grad=False) if positive else (None, None)
    compare(
        nn.BCEWithLogitsLoss(weight, reduction, p)(x, y),
        torch.nn.BCEWithLogitsLoss(weight_, reduction=reduction, pos_weight=p_)(x_, y_),
        [(x, x_), (y, y_)],
    )


CLASSES = np.array([1, 0, 3, -100, 2, 1])


@pytest.mark.parametrize(
    ("reduction", "weighted", "smoothing", "ignore_index"),
    [*itertools.product(REDUCTIONS, (False, True), (0.0, 0.2), (-100, 1))],
)
def test_cross_entropy_of_classes(reduction, weighted, smoothing, ignore_index):
    x, x_ = both(X)
    w, w_ = both(np.array([0.5, 1, 2, 3]), grad=False) if weighted else (None, None)
    classes = np.where(CLASSES < 0, ignore_index, CLASSES)
    how = {"reduction": reduction, "label_smoothing": smoothing, "ignore_index": ignore_index}
    compare(
        nn.CrossEntropyLoss(w, **how)(x, ad.tensor(classes)),
        torch.nn.CrossEntropyLoss(w_, **how)(x_, torch.tensor(classes)),
        [(x, x_)],
    )


@pytest.mark.parametrize(
    ("reduction", "weighted", "smoothing", "shape"),
    [*itertools.product(REDUCTIONS, (False, True), (0.0, 0.2), [(6, 4), (4,), (2, 4, 3)])],
)
def test_cross_entropy_of_probabilities(reduction, weighted, smoothing, shape):
    values = X.reshape(-1)[: np.prod(shape)].reshape(shape)
    target = np.random.default_rng(3).dirichlet(np.ones(4), size=24).reshape(-1)
    (x, x_), (t, t_) = both(values), both(target[: np.prod(shape)].reshape(shape))
    w, w_ = both(np.array([0.5, 1, 2, 3]), grad=False) if weighted else (None, None)
    how = {"reduction": reduction, "label_smoothing": smoothing}
    compare(
        F.cross_entropy(x, t, w, **how), TF.cross_entropy(x_, t_, w_, **how), [(x, x_), (t, t_)]
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    ("shape", "classes"),
    [((4,), np.array(2)), ((2, 4, 3), np.array([[0, 1, -100], [3, 2, 2]]))],
    ids=["one", "image"],
)
def test_cross_entropy_of_other_shapes(reduction, shape, classes):
    x, x_ = both(X.reshape(-1)[: np.prod(shape)].reshape(shape))
    compare(
        F.cross_entropy(x, ad.tensor(classes), reduction=reduction),
        TF.cross_entropy(x_, torch.tensor(classes), reduction=reduction),
        [(x, x_)],
    )


# What is made of ops: name, and the inputs of a function (signs and classes by letter).
COMPOSED = {
    "nll_loss": "xc",
    "multi_margin_loss": "xc",
    "margin_ranking_loss": "xxs",
    "triplet_margin_loss": "xxx",
    "cosine_embedding_loss": "xxr",
    "smooth_l1_loss": "xx",
    "hinge_embedding_loss": "xs",
}


@pytest.mark.parametrize("name", COMPOSED)
@pytest.mark.parametrize("seed", range(20))
def test_losses_where_values_tie(name, seed):
    """Values are few, so that margins are met exactly, kinks included."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 6))
    made = {
        "x": lambda: both(rng.choice([-1.0, 0.0, 0.5, 1.0], (n, 4))),
        "s": lambda: both(rng.choice([-1, 1], (n, 4)), grad=False),
        "r": lambda: both(rng.choice([-1, 1], n), grad=False),
        "c": lambda: both(rng.integers(4, size=n), grad=False),
    }
    pairs = [made[letter]() for letter in COMPOSED[name]]
    reduction = REDUCTIONS[seed % 3]
    mine = getattr(F, name)(*[x for x, _ in pairs], reduction=reduction)
    other = getattr(TF, name)(*[y for _, y in pairs], reduction=reduction)
    # PyTorch keeps the 1e-12 beside the squares of lengths in float32.
    rtol = 1e-8 if name == "cosine_embedding_loss" else 1e-10
    compare(mine, other, [(x, y) for x, y in pairs if x.requires_grad], rtol)


def test_hessians():
    def second(loss, x, gradients):
        (g,) = gradients(loss, [x], create_graph=True)
        return gradients((g * g * g).sum(), [x])[0]

    t = np.array([1, 0, 3, -100, 2, 1])
    y = np.random.default_rng(4).uniform(size=X.shape)
    for ours, theirs in (
        (
            lambda x: F.cross_entropy(x, ad.tensor(t)),
            lambda x: TF.cross_entropy(x, torch.tensor(t)),
        ),
        (
            lambda x: F.binary_cross_entropy_with_logits(x, ad.tensor(y)),
            lambda x: TF.binary_cross_entropy_with_logits(x, torch.tensor(y)),
        ),
        (lambda x: F.selu(x).sum() * F.elu(x).sum(), lambda x: TF.selu(x).sum() * TF.elu(x).sum()),
    ):
        x, x_ = both(X)
        found, expected = (
            second(ours(x), x, ad.gradients),
            second(theirs(x_), x_, torch.autograd.grad),
        )
        np.testing.assert_allclose(found.data, expected.numpy(), rtol=1e-9, atol=1e-15)


# ---------------------------------------------------------------- modules
def nested(lib):
    class Net(lib.Module):
        def __init__(self):
            super().__init__()
            self.tail = lib.Linear(3, 2, bias=False)
            self.scale = lib.Parameter(torch.ones(2) if lib is torch.nn else ad.ones(2))
            zeros = torch.zeros if lib is torch.nn else ad.zeros
            self.register_buffer("seen", zeros(1))
            self.register_buffer("hidden", zeros(1), persistent=False)
            self.body = lib.Sequential(lib.Linear(4, 3), lib.ReLU())
            self.more = lib.ModuleDict({"b": lib.ModuleList([lib.Linear(1, 1)]), "a": lib.Tanh()})
            self.body[0].twin = self.tail
            self.none = None

        def forward(self, x):
            return self.tail(self.body(x)) * self.scale

    return Net()


def test_names_and_their_order():
    ours, theirs = nested(nn), nested(torch.nn)

    def names(pairs):
        return [name for name, _ in pairs]

    assert list(ours.state_dict()) == list(theirs.state_dict())
    for walk in ("named_parameters", "named_buffers", "named_modules", "named_children"):
        assert names(getattr(ours, walk)()) == names(getattr(theirs, walk)()), walk


def test_weights_move_both_ways():
    ours, theirs = nested(nn), nested(torch.nn)
    ours.load_state_dict(theirs.state_dict())
    x = np.random.default_rng(5).standard_normal((5, 4)).astype(np.float32)
    expected = theirs(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(ours(ad.tensor(x)).data, expected, rtol=1e-5, atol=1e-6)
    fresh = nested(torch.nn)
    fresh.load_state_dict({k: torch.tensor(v.data) for k, v in ours.state_dict().items()})
    np.testing.assert_array_equal(fresh(torch.tensor(x)).detach().numpy(), expected)


def test_functional_call():
    ours, theirs = nested(nn), nested(torch.nn)
    state = theirs.state_dict()
    ours.load_state_dict(state)
    x, w = np.ones((1, 4), np.float32), np.full((2, 3), 0.5, np.float32)
    found = nn.functional_call(ours, {"tail.weight": ad.tensor(w)}, ad.tensor(x))
    expected = torch.func.functional_call(theirs, {"tail.weight": torch.tensor(w)}, torch.tensor(x))
    np.testing.assert_allclose(found.data, expected.detach().numpy(), rtol=1e-5)


@pytest.mark.parametrize("shape", [(8, 3), (8, 3, 5, 2)])
def test_fans(shape):
    expected = torch.nn.init._calculate_fan_in_and_fan_out(torch.zeros(shape))
    assert nn.init.calculate_fan(ad.zeros(shape)) == expected


@pytest.mark.parametrize(
    "call", [("linear",), ("sigmoid",), ("tanh",), ("relu",), ("selu",), ("leaky_relu", 0.3)]
)
def test_gains(call):
    assert nn.init.calculate_gain(*call) == pytest.approx(torch.nn.init.calculate_gain(*call))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("xavier_uniform_", {"gain": 2.0}),
        ("xavier_normal_", {"gain": 2.0}),
        ("kaiming_uniform_", {"a": 0.5, "mode": "fan_out"}),
        ("kaiming_normal_", {"nonlinearity": "tanh"}),
        ("trunc_normal_", {"mean": 0.5, "std": 2.0, "a": -1.0, "b": 3.0}),
        ("orthogonal_", {"gain": 3.0}),
    ],
)
def test_distributions(name, options):
    how = {"dtype": ad.float64}
    ours = getattr(nn.init, name)(ad.zeros((400, 300), **how), **options).data
    theirs = torch.zeros(400, 300, dtype=torch.float64)
    theirs = getattr(torch.nn.init, name)(theirs, **options).numpy()
    assert ours.std() == pytest.approx(theirs.std(), rel=0.02)
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.02 * theirs.std())
    tail = 0.3 if name in ("kaiming_normal_", "xavier_normal_", "orthogonal_") else 1e-2
    assert ours.max() == pytest.approx(theirs.max(), rel=tail)


# ---------------------------------------------------------------- a training run
def test_a_training_run_in_double_precision():
    """Two hundred steps of a classifier stay together to nine digits."""
    rng = np.random.default_rng(7)
    x, t = rng.standard_normal((64, 8)), rng.integers(0, 3, 64)

    def net(lib):
        return lib.Sequential(
            lib.Linear(8, 16), lib.Tanh(), lib.Linear(16, 16), lib.ReLU(), lib.Linear(16, 3)
        ).double()

    ours, theirs = net(nn), net(torch.nn)
    ours.load_state_dict(theirs.state_dict())
    mine, other = (
        nn.optim.Adam(ours.parameters(), 0.01),
        torch.optim.Adam(theirs.parameters(), 0.01),
    )
    inputs, inputs_ = ad.tensor(x), torch.tensor(x)
    classes, classes_ = ad.tensor(t), torch.tensor(t)
    for _ in range(200):
        mine.zero_grad()
        other.zero_grad()
        loss = F.cross_entropy(ours(inputs), classes)
        loss_ = TF.cross_entropy(theirs(inputs_), classes_)
        loss.backward()
        loss_.backward()
        mine.step()
        other.step()
        assert loss.item() == pytest.approx(loss_.item(), rel=1e-9)
    assert loss.item() < 0.2
