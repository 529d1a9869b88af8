"""Networks with a known sickness, and healthy ones, to judge the diagnosis by.

Each builder takes a seed, from which come its sizes, weights and data, and returns a function
of the model, the model and its optimizer. ``python -m tests.sick`` prints precision and recall of
each rule and how often a remedy helps; the held-out seeds served no threshold.
"""

import sys
import warnings
from dataclasses import dataclass

import numpy as np

import autodiff as ad
import nn
import viz

F = nn.functional
TUNED, HELD_OUT = (0, 1), (1000, 1001)


@dataclass(frozen=True)
class Network:
    """One builder: what has to be found, and what may be found besides as a consequence."""

    build: object
    sickness: str = ""  # "" for a healthy one
    besides: tuple[str, ...] = ()

    @property
    def name(self):
        return self.build.__name__


CASES = []


def case(sickness="", *besides):
    def add(build):
        CASES.append(Network(build, sickness, besides))
        return build

    return add


# ---------------------------------------------------------------- parts
def sizes(rng, n=1):
    found = [int(rng.integers(12, 40)) for _ in range(n)]
    return found if n > 1 else found[0]


def classes(rng, n=64, features=20, k=5):
    """A batch of a learnable problem: labels from a linear teacher."""
    x = rng.normal(size=(n, features)).astype("float32")
    teacher = rng.normal(size=(features, k))
    return ad.tensor(x), ad.tensor(np.argmax(x @ teacher, axis=1))


def images(rng, n=16, size=8, k=4):
    x = rng.normal(size=(n, 1, size, size)).astype("float32")
    return ad.tensor(x), ad.tensor(rng.integers(0, k, size=n))


def mlp(act, depth, width, features=20, k=5, weight_init=None, bias=True):
    widths = [features, *[width] * depth, k]
    parts = []
    for a, b in zip(widths, widths[1:], strict=False):
        parts += [nn.Linear(a, b, weight_init=weight_init, bias=bias), act()]
    return nn.Sequential(*parts[:-1])


def he(module):
    for m in module.modules():
        if getattr(m, "weight", None) is not None and m.weight.ndim > 1:
            nn.init.kaiming_normal_(m.weight)
    return module


def adam(model, lr=1e-3):
    return nn.optim.Adam(model.parameters(), lr=lr)


def sgd(model, lr=0.05):
    return nn.optim.SGD(model.parameters(), lr=lr)


def scale(model, factor):
    for p in model.parameters():
        if p.ndim > 1:
            p.data = (p.data * factor).astype(p.dtype)
    return model


def bias_to(model, value):
    for name, p in model.named_parameters():
        if name.endswith("bias"):
            p.data = np.full_like(p.data, value)
    return model


def classify(model, rng, optimizer=adam, factor=1.0, **options):
    x, y = classes(rng, **options)
    x = x * factor
    return (lambda m: F.cross_entropy(m(x), y)), model, optimizer(model)


def see(model, rng, optimizer=adam, **options):
    x, y = images(rng, **options)
    return (lambda m: F.cross_entropy(m(x), y)), model, optimizer(model)


# ---------------------------------------------------------------- healthy
@case()
def relu_he(rng):
    return classify(he(mlp(nn.ReLU, int(rng.integers(2, 8)), sizes(rng))), rng)


@case()
def tanh_glorot(rng):
    return classify(mlp(nn.Tanh, int(rng.integers(2, 7)), sizes(rng)), rng)


@case()
def sigmoid_shallow(rng):
    return classify(mlp(nn.Sigmoid, int(rng.integers(1, 3)), sizes(rng)), rng)


@case()
def relu_sgd(rng):
    return classify(he(mlp(nn.ReLU, 3, sizes(rng))), rng, sgd)


@case()
def gelu_layer_norm(rng):
    w = sizes(rng)
    blocks = [nn.Sequential(nn.Linear(w, w), nn.LayerNorm(w), nn.GELU()) for _ in range(6)]
    return classify(nn.Sequential(nn.Linear(20, w), *blocks, nn.Linear(w, 5)), rng)


@case()
def selu_lecun(rng):
    act = nn.SELU
    model = mlp(act, int(rng.integers(3, 10)), sizes(rng), weight_init=nn.init.lecun_normal_)
    return classify(model, rng)


@case()
def residual(rng):
    w = sizes(rng)
    blocks = [
        nn.Residual(nn.Sequential(nn.LayerNorm(w), nn.Linear(w, w), nn.ReLU(), nn.Linear(w, w)))
        for _ in range(int(rng.integers(4, 12)))
    ]
    return classify(nn.Sequential(nn.Linear(20, w), *blocks, nn.Linear(w, 5)), rng)


@case()
def residual_zero_init(rng):
    w = sizes(rng)
    blocks = [
        nn.Residual(nn.Sequential(nn.Linear(w, w), nn.ReLU(), nn.Linear(w, w, weight_init="zeros")))
        for _ in range(5)
    ]
    return classify(nn.Sequential(nn.Linear(20, w), *blocks, nn.Linear(w, 5)), rng)


@case()
def cnn_batch_norm(rng):
    c = sizes(rng)
    return see(
        nn.Sequential(
            nn.Conv2d(1, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU(),
            nn.Conv2d(c, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU(),
            nn.Flatten(), nn.Linear(64 * c, 4),
        ),
        rng,
    )  # fmt: skip


@case()
def cnn_plain(rng):
    c = sizes(rng)
    model = nn.Sequential(
        nn.Conv2d(1, c, 3), nn.ReLU(), nn.Conv2d(c, c, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(16 * c, 4),
    )  # fmt: skip
    return see(he(model), rng)


class Last(nn.Module):
    """A recurrent layer, and a map of its last step."""

    def __init__(self, layer, k):
        self.layer = layer
        self.out = nn.Linear(layer.hidden_size, k)

    def forward(self, x):
        return self.out(self.layer(x)[0][-1])


def sequences(rng, model, steps, optimizer=adam):
    x = ad.tensor(rng.normal(size=(steps, 16, 6)).astype("float32"))
    y = ad.tensor(rng.integers(0, 3, size=16))
    return (lambda m: F.cross_entropy(m(x), y)), model, optimizer(model)


@case()
def lstm(rng):
    return sequences(rng, Last(nn.LSTM(6, sizes(rng)), 3), int(rng.integers(5, 30)))


@case()
def gru(rng):
    return sequences(rng, Last(nn.GRU(6, sizes(rng)), 3), int(rng.integers(5, 30)))


@case()
def rnn_tanh(rng):
    return sequences(rng, Last(nn.RNN(6, sizes(rng)), 3), int(rng.integers(5, 20)))


@case()
def transformer(rng):
    w = 8 * int(rng.integers(2, 5))
    model = nn.Sequential(
        nn.Linear(6, w),
        nn.TransformerEncoderLayer(w, 2, 2 * w, dropout=0.1, batch_first=True, norm_first=True),
        nn.TransformerEncoderLayer(w, 2, 2 * w, dropout=0.1, batch_first=True, norm_first=True),
        nn.Linear(w, 3),
    )
    x = ad.tensor(rng.normal(size=(8, 10, 6)).astype("float32"))
    y = ad.tensor(rng.integers(0, 3, size=80))
    return (lambda m: F.cross_entropy(m(x).reshape((80, 3)), y)), model, adam(model)


@case()
def embedding(rng):
    w = sizes(rng)
    model = nn.Sequential(nn.Embedding(500, w), nn.Linear(w, w), nn.Tanh(), nn.Linear(w, 3))
    x = ad.tensor(rng.integers(0, 500, size=32))
    y = ad.tensor(rng.integers(0, 3, size=32))
    return (lambda m: F.cross_entropy(m(x), y)), model, adam(model)


@case()
def autoencoder(rng):
    w = sizes(rng)
    model = nn.Sequential(
        nn.Linear(20, w), nn.ReLU(), nn.Linear(w, 6), nn.ReLU(), nn.Linear(6, w), nn.ReLU(),
        nn.Linear(w, 20),
    )  # fmt: skip
    x, _ = classes(rng)
    return (lambda m: F.mse_loss(m(x), x)), he(model), adam(model)


@case()
def linear_regression(rng):
    x, _ = classes(rng)
    y = ad.tensor((x.numpy() @ rng.normal(size=(20, 1))).astype("float32"))
    model = nn.Linear(20, 1)
    return (lambda m: F.mse_loss(m(x), y)), model, sgd(model, 0.01)


@case()
def dropout(rng):
    w = sizes(rng)
    parts = [nn.Linear(20, w), nn.ReLU(), nn.Dropout(0.5), nn.Linear(w, 5)]
    return classify(he(nn.Sequential(*parts)), rng)


# ---------------------------------------------------------------- vanishing and exploding
FLAT = ("spread", "lr_low", "saturated", "symmetric", "lost_updates")
STEEP = ("spread", "lr_high", "lost_updates", "dead")


@case("vanishing", *FLAT)
def sigmoid_deep(rng):
    return classify(mlp(nn.Sigmoid, int(rng.integers(8, 14)), sizes(rng)), rng)


@case("vanishing", *FLAT)
def tanh_small(rng):
    return classify(scale(mlp(nn.Tanh, int(rng.integers(7, 12)), sizes(rng)), 0.2), rng)


@case("vanishing", *FLAT, "dead")
def relu_small(rng):
    return classify(scale(mlp(nn.ReLU, int(rng.integers(7, 12)), sizes(rng)), 0.25), rng)


@case("vanishing", *FLAT)
def sigmoid_deep_sgd(rng):
    return classify(mlp(nn.Sigmoid, int(rng.integers(8, 14)), sizes(rng)), rng, sgd)


@case("vanishing", *FLAT, "exploding")
def softmax_mse_saturated(rng):
    x, y = classes(rng)
    wrong = ad.tensor(np.eye(5, dtype="float32")[(y.numpy() + 1) % 5])
    model = nn.Sequential(*mlp(nn.Tanh, 1, sizes(rng)), nn.Softmax(1))
    model[2].bias.data = np.array([200.0, 0, 0, 0, 0], "float32")
    return (lambda m: F.mse_loss(m(x), wrong)), model, sgd(model)


@case("exploding", *STEEP)
def relu_large(rng):
    model = scale(he(mlp(nn.ReLU, int(rng.integers(6, 10)), sizes(rng))), 4.0)
    return classify(model, rng, sgd)


@case("exploding", *STEEP)
def identity_large(rng):
    model = scale(mlp(nn.Identity, int(rng.integers(6, 10)), sizes(rng)), 4.0)
    return classify(model, rng, sgd)


@case("exploding", *STEEP, "saturated")
def inputs_unscaled(rng):
    model = he(mlp(nn.ReLU, 2, sizes(rng)))
    return classify(model, rng, sgd, factor=float(10 ** rng.uniform(5.0, 6.0)))


# ---------------------------------------------------------------- units
@case("dead", "vanishing", "symmetric", "spread", "lr_low", "batch_norm", "exploding")
def relu_negative_bias(rng):
    model = bias_to(he(mlp(nn.ReLU, int(rng.integers(2, 4)), sizes(rng))), -10.0)
    return classify(model, rng)


@case("dead", "vanishing", "symmetric", "spread", "lr_low", "exploding", "lr_high")
def relu_after_a_wild_step(rng):
    loss_of, model, _ = classify(he(mlp(nn.ReLU, 2, sizes(rng))), rng)
    wild = nn.optim.SGD(model.parameters(), lr=float(rng.uniform(3e3, 1e4)))
    loss_of(model).backward()
    wild.step()
    model.zero_grad()
    return loss_of, model, adam(model)


@case("dead", "vanishing", "symmetric", "spread", "lr_low", "exploding")
def conv_negative_bias(rng):
    c = sizes(rng)
    model = nn.Sequential(
        nn.Conv2d(1, c, 3), nn.ReLU(), nn.Conv2d(c, c, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(16 * c, 4),
    )  # fmt: skip
    return see(bias_to(he(model), -10.0), rng)


@case("dead", "vanishing", "symmetric", "spread", "lr_low", "exploding")
def one_dead_layer(rng):
    model = he(mlp(nn.ReLU, 3, sizes(rng)))
    model[2].bias.data = model[2].bias.data - float(rng.uniform(8, 20))
    return classify(model, rng)


@case("saturated", "exploding", "vanishing", "spread", "lr_low", "lr_high")
def tanh_large(rng):
    return classify(scale(mlp(nn.Tanh, int(rng.integers(2, 5)), sizes(rng)), 20.0), rng)


@case("saturated", "exploding", "vanishing", "spread", "lr_low", "lr_high")
def sigmoid_unscaled(rng):
    return classify(mlp(nn.Sigmoid, 2, sizes(rng)), rng, factor=float(rng.uniform(50, 300)))


@case("saturated", "exploding", "vanishing", "spread", "lr_low")
def sigmoid_large_bias(rng):
    return classify(bias_to(mlp(nn.Sigmoid, 2, sizes(rng)), float(rng.uniform(8, 12))), rng)


@case("saturated", "exploding", "vanishing", "spread", "lr_low", "lr_high", "symmetric")
def hardtanh_large(rng):
    return classify(scale(mlp(nn.Hardtanh, 2, sizes(rng)), 15.0), rng)


# ---------------------------------------------------------------- symmetry
ZERO = ("vanishing", "dead", "spread", "lr_low", "lost_updates", "exploding")


@case("symmetric", *ZERO)
def all_zero(rng):
    return classify(mlp(nn.Tanh, 2, sizes(rng), weight_init="zeros"), rng)


@case("symmetric", *ZERO)
def all_equal(rng):
    model = mlp(nn.Tanh, 2, sizes(rng))
    for p in model.parameters():
        p.data = np.full_like(p.data, 0.05)
    return classify(model, rng)


@case("symmetric", *ZERO)
def one_constant_layer(rng):
    """Both the layer and the one after it, or the copies would be told apart."""
    model = he(mlp(nn.ReLU, 3, sizes(rng)))
    for i in (2, 4):
        model[i].weight.data = np.full_like(model[i].weight.data, float(rng.uniform(0.02, 0.1)))
    return classify(model, rng)


@case("symmetric", *ZERO, "saturated")
def conv_ones(rng):
    c = sizes(rng)
    model = nn.Sequential(
        nn.Conv2d(1, c, 3, weight_init="ones"), nn.Tanh(), nn.Conv2d(c, c, 3), nn.Tanh(),
        nn.Flatten(), nn.Linear(16 * c, 4),
    )  # fmt: skip
    model[2].weight.data = np.full_like(model[2].weight.data, 0.01)
    return see(model, rng)


# ---------------------------------------------------------------- spread
@case("spread", "vanishing", "exploding", "dead", "lr_low", "lr_high", "lost_updates")
def spread_shrinks(rng):
    return classify(scale(mlp(nn.Tanh, 6, sizes(rng)), 0.25), rng)


@case("spread", "vanishing", "exploding", "lr_low", "lr_high", "lost_updates")
def spread_grows(rng):
    return classify(scale(he(mlp(nn.ReLU, 6, sizes(rng))), 3.5), rng)


@case("spread", "vanishing", "exploding", "lr_low", "saturated", "symmetric")
def spread_sigmoid(rng):
    return classify(mlp(nn.Sigmoid, 12, sizes(rng)), rng)


# ---------------------------------------------------------------- recurrence
# Adam divides by infinity where the square of a gradient overflows: its update is 0.
TIME = (
    "lr_low",
    "exploding",
    "spread",
    "lr_high",
    "lost_updates",
    "nonfinite",
    "saturated",
    "vanishing",
)


@case("recurrent", *TIME)
def rnn_relu_large(rng):
    layer = nn.RNN(6, sizes(rng), nonlinearity="relu")
    layer.weight_hh_l0.data = layer.weight_hh_l0.data * 2.5
    return sequences(rng, Last(layer, 3), int(rng.integers(15, 30)))


class Unrolled(nn.Module):
    def __init__(self, n, factor):
        self.inner = nn.Linear(6, n)
        self.again = nn.Linear(n, n, bias=False)
        self.out = nn.Linear(n, 3)
        self.again.weight.data = np.eye(n, dtype="float32") * np.float32(factor)

    def forward(self, x):
        h = self.inner(x[0])
        for t in range(1, x.shape[0]):
            h = self.inner(x[t]) + self.again(h)
        return self.out(h)


@case("recurrent", *TIME)
def linear_unrolled(rng):
    return sequences(rng, Unrolled(sizes(rng), rng.uniform(1.5, 2.0)), int(rng.integers(20, 30)))


@case("recurrent", *TIME)
def rnn_tanh_chaotic(rng):
    layer = nn.RNN(6, 48, weight_init="zeros")
    layer.weight_hh_l0.data = layer.weight_hh_l0.data * 3.0
    return sequences(rng, Last(layer, 3), int(rng.integers(20, 30)))


# ---------------------------------------------------------------- training
@case("frozen")
def one_frozen(rng):
    model = he(mlp(nn.ReLU, 2, sizes(rng)))
    model[2].weight.requires_grad = False
    return classify(model, rng)


@case("frozen")
def not_in_the_optimizer(rng):
    model = he(mlp(nn.ReLU, 2, sizes(rng)))
    loss_of, model, _ = classify(model, rng)
    return loss_of, model, nn.optim.Adam(model[0].parameters(), lr=1e-3)


@case("lost_updates", "lr_low", "vanishing")
def half_precision(rng):
    x, y = classes(rng)
    x, model = x.astype("float16"), he(mlp(nn.ReLU, 2, sizes(rng))).half()
    return (lambda m: F.cross_entropy(m(x), y)), model, sgd(model, 1e-4)


@case("lost_updates", "lr_low", "vanishing", "exploding", "saturated", "spread")
def tiny_rate(rng):
    return classify(he(mlp(nn.ReLU, 2, sizes(rng))), rng, lambda m: sgd(m, 1e-8))


@case("nonfinite", "unreached")
def log_of_zero(rng):
    x, _ = classes(rng)
    model = he(mlp(nn.ReLU, 2, sizes(rng), k=20))
    return (lambda m: ad.log(ad.relu(m(x))).mean()), model, adam(model)


@case("nonfinite", "lr_high", "dead", "saturated")
def nan_weight(rng):
    model = he(mlp(nn.ReLU, 2, sizes(rng)))
    model[2].weight.data[0, 0] = np.nan
    return classify(model, rng)


@case("nonfinite", "exploding", "lr_high", "spread")
def half_overflow(rng):
    x, y = classes(rng)
    x = x.astype("float16") * 100
    model = scale(he(mlp(nn.ReLU, 3, sizes(rng))), 10.0).half()
    return (lambda m: F.cross_entropy(m(x), y)), model, sgd(model, 1e-3)


@case("nonfinite", "exploding", "lr_high", "spread")
def exp_overflow(rng):
    x, _ = classes(rng)
    model = scale(mlp(nn.ReLU, 2, sizes(rng)), 8.0)
    return (lambda m: ad.exp(m(x)).mean()), model, adam(model)


class TwoHeads(nn.Module):
    def __init__(self, n, detach):
        self.body, self.a, self.b = nn.Linear(20, n), nn.Linear(n, 5), nn.Linear(n, 5)
        self.detach = detach

    def forward(self, x):
        h = ad.tanh(self.body(x))
        return self.a(h.detach()) + self.b(h.detach()) if self.detach else self.a(h)


@case("unreached")
def unused_head(rng):
    return classify(TwoHeads(sizes(rng), False), rng)


@case("unreached")
def detached_body(rng):
    return classify(TwoHeads(sizes(rng), True), rng)


def normed(rng, c=None):
    w = c or sizes(rng)
    return nn.Sequential(nn.Linear(20, w), nn.BatchNorm1d(w), nn.ReLU(), nn.Linear(w, 5))


@case("batch_norm", "dead", "vanishing")
def batch_of_two(rng):
    return classify(normed(rng), rng, n=2)


@case("batch_norm", "dead", "vanishing", "exploding", "symmetric", "spread", "lr_low")
def norm_of_dead_units(rng):
    w = sizes(rng)
    parts = nn.Linear(20, w), nn.ReLU(), nn.BatchNorm1d(w), nn.Linear(w, 5)
    return classify(bias_to(nn.Sequential(*parts), -10.0), rng)


@case("batch_norm", "dead", "vanishing", "exploding", "symmetric", "spread")
def tiny_inputs(rng):
    return classify(normed(rng), rng, factor=1e-6)


@case("batch_norm", "exploding", "spread", "lr_low", "vanishing")
def evaluation_by_mistake(rng):
    return classify(normed(rng).eval(), rng, factor=float(rng.uniform(20, 60)))


@case("lr_high", "exploding")
def sgd_wild(rng):
    return classify(he(mlp(nn.ReLU, 2, sizes(rng))), rng, lambda m: sgd(m, rng.uniform(30, 100)))


@case("lr_high", "exploding")
def adam_wild(rng):
    return classify(mlp(nn.Tanh, 2, sizes(rng)), rng, lambda m: adam(m, rng.uniform(0.3, 1.0)))


@case("lr_low", "lost_updates")
def adam_timid(rng):
    return classify(mlp(nn.Tanh, 2, sizes(rng)), rng, lambda m: adam(m, 1e-8))


@case("lr_low", "lost_updates")
def sgd_timid(rng):
    return classify(he(mlp(nn.ReLU, 2, sizes(rng))), rng, lambda m: sgd(m, 1e-6))


# ---------------------------------------------------------------- judging
def made(network, seed):
    """A network of a seed; a healthy one after its first ten steps."""
    rng = np.random.default_rng([seed, CASES.index(network)])
    ad.manual_seed(seed)
    loss_of, model, optimizer = network.build(rng)
    for _ in range(0 if network.sickness else 10):
        optimizer.zero_grad()
        loss_of(model).backward()
        optimizer.step()
    model.zero_grad()
    return loss_of, model, optimizer


def judge(seeds, fix=True):
    """``(network, seed, findings, trial or None or the error)`` of every network and seed."""
    rows = []
    for network in CASES:
        for seed in seeds:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                loss_of, model, optimizer = made(network, seed)
                found = viz.diagnose(loss_of, model, optimizer)
                named = next((f for f in found if f.rule == network.sickness), None)
                trial = None
                if fix and named is not None:
                    try:
                        trial = named.try_fix()
                    except ValueError as error:
                        trial = error
            rows.append((network, seed, found, trial))
    return rows


def table(rows):
    """Precision and recall of each rule, and how often its remedy helped."""
    lines = []
    rules = sorted({n.sickness for n, *_ in rows if n.sickness})
    for rule in rules:
        own = [r for r in rows if r[0].sickness == rule]
        hits = [r for r in own if any(f.rule == rule for f in r[2])]
        alarms = [r for r in rows if any(f.rule == rule for f in r[2])]
        right = [r for r in alarms if rule == r[0].sickness or rule in r[0].besides]
        tried = [r[3] for r in hits if r[3] is not None]
        better = [t for t in tried if getattr(t, "improved", False)]
        cured = [t for t in tried if getattr(t, "cured", False)]
        lines.append((rule, len(own), len(hits), len(alarms), len(right), len(tried), len(better),
                      len(cured)))  # fmt: skip
    return lines


def report(seeds):
    rows = judge(seeds)
    print(f"seeds {seeds}: {len(rows)} networks")
    print("rule          sick found | alarms right | tried better cured")
    total = np.zeros(7, int)
    for rule, *numbers in table(rows):
        total += numbers
        a, b, c, d, e, f, g = numbers
        print(f"{rule:<13} {a:4d} {b:5d} | {c:6d} {d:5d} | {e:5d} {f:6d} {g:5d}")
    a, b, c, d, e, f, g = total
    print(f"{'all':<13} {a:4d} {b:5d} | {c:6d} {d:5d} | {e:5d} {f:6d} {g:5d}")
    for network, seed, found, trial in rows:
        rules = {f.rule for f in found}
        if network.sickness and network.sickness not in rules:
            print(f"  missed: {network.name} {seed}: {network.sickness}, found {sorted(rules)}")
        wrong = rules - {network.sickness, *network.besides}
        for f in found:
            if f.rule in wrong:
                print(f"  false: {network.name} {seed}: {str(f).splitlines()[0]}")
        if trial is not None and not getattr(trial, "improved", False):
            print(f"  not fixed: {network.name} {seed}: {trial}")


if __name__ == "__main__":
    report(HELD_OUT if "--held-out" in sys.argv else TUNED)
