"""Parameters, precision, batch norm and learning rates."""

import numpy as np

import autodiff as ad
import nn

from .parts import F, adam, case, classes, classify, he, mlp, scale, sgd, sizes


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


@case("lost_updates", besides="lr_low vanishing")
def half_precision(rng):
    x, y = classes(rng)
    x, model = x.astype("float16"), he(mlp(nn.ReLU, 2, sizes(rng))).half()
    return (lambda m: F.cross_entropy(m(x), y)), model, sgd(model, 1e-4)


@case("lost_updates", also="lr_low")
def tiny_rate(rng):
    return classify(he(mlp(nn.ReLU, 2, sizes(rng))), rng, lambda m: sgd(m, 1e-8))


@case("nonfinite", besides="unreached")
def log_of_zero(rng):
    x, _ = classes(rng)
    model = he(mlp(nn.ReLU, 2, sizes(rng), k=20))
    return (lambda m: ad.log(ad.relu(m(x))).mean()), model, adam(model)


@case("nonfinite", besides="lr_high dead saturated")
def nan_weight(rng):
    model = he(mlp(nn.ReLU, 2, sizes(rng)))
    model[2].weight.data[0, 0] = np.nan
    return classify(model, rng)


@case("nonfinite", besides="exploding lr_high spread")
def half_overflow(rng):
    x, y = classes(rng)
    x = x.astype("float16") * 100
    model = scale(he(mlp(nn.ReLU, 3, sizes(rng))), 10.0).half()
    return (lambda m: F.cross_entropy(m(x), y)), model, sgd(model, 1e-3)


@case("nonfinite", besides="exploding lr_high spread")
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


@case("batch_norm")
def batch_of_two(rng):
    return classify(normed(rng), rng, n=2)


@case("batch_norm", besides="vanishing exploding spread")
def tiny_inputs(rng):
    return classify(normed(rng), rng, factor=1e-6)


@case("batch_norm", besides="exploding spread lr_low vanishing")
def evaluation_by_mistake(rng):
    return classify(normed(rng).eval(), rng, factor=float(rng.uniform(20, 60)))


@case("lr_high")
def sgd_wild(rng):
    return classify(he(mlp(nn.ReLU, 2, sizes(rng))), rng, lambda m: sgd(m, rng.uniform(30, 100)))


@case("lr_high")
def adam_wild(rng):
    return classify(mlp(nn.Tanh, 2, sizes(rng)), rng, lambda m: adam(m, rng.uniform(0.3, 1.0)))


@case("lr_low", also="lost_updates")
def adam_timid(rng):
    return classify(mlp(nn.Tanh, 2, sizes(rng)), rng, lambda m: adam(m, 1e-8))


@case("lr_low", also="lost_updates")
def sgd_timid(rng):
    return classify(he(mlp(nn.ReLU, 2, sizes(rng))), rng, lambda m: sgd(m, 1e-6))


@case("unreached")
def all_frozen(rng):
    return classify(mlp(nn.Tanh, 2, sizes(rng)).requires_grad_(False), rng)


@case("unreached")
def body_without_grad(rng):
    body, head = nn.Linear(20, sizes(rng)), nn.Linear(5, 5)

    class Cut(nn.Module):
        def __init__(self):
            self.body, self.middle, self.head = body, nn.Linear(body.out_features, 5), head

        def forward(self, x):
            with ad.no_grad():
                h = self.middle(ad.tanh(self.body(x)))
            return self.head(h)

    return classify(Cut(), rng)
