"""Signals that shrink or grow on the way forward or back."""

import numpy as np

import autodiff as ad
import nn

from .parts import F, case, classes, classify, he, mlp, scale, sgd, sizes

FLAT = "spread lr_low saturated symmetric lost_updates"
STEEP = "spread lr_high lost_updates dead"


@case("vanishing", also="spread", besides=FLAT)
def sigmoid_deep(rng):
    return classify(mlp(nn.Sigmoid, int(rng.integers(8, 14)), sizes(rng)), rng)


@case("vanishing", also="spread", besides=FLAT)
def tanh_small(rng):
    return classify(scale(mlp(nn.Tanh, int(rng.integers(7, 12)), sizes(rng)), 0.2), rng)


@case("vanishing", also="spread", besides=f"{FLAT} dead")
def relu_small(rng):
    return classify(scale(mlp(nn.ReLU, int(rng.integers(7, 12)), sizes(rng)), 0.25), rng)


@case("vanishing", also="spread", besides=FLAT)
def sigmoid_deep_sgd(rng):
    return classify(mlp(nn.Sigmoid, int(rng.integers(8, 14)), sizes(rng)), rng, sgd)


@case("vanishing", besides=f"{FLAT} exploding")
def softmax_mse_saturated(rng):
    x, y = classes(rng)
    wrong = ad.tensor(np.eye(5, dtype="float32")[(y.numpy() + 1) % 5])
    model = nn.Sequential(*mlp(nn.Tanh, 1, sizes(rng)), nn.Softmax(1))
    model[2].bias.data = np.array([200.0, 0, 0, 0, 0], "float32")
    return (lambda m: F.mse_loss(m(x), wrong)), model, sgd(model)


@case("exploding", also="spread", besides=STEEP)
def relu_large(rng):
    model = scale(he(mlp(nn.ReLU, int(rng.integers(6, 10)), sizes(rng))), 4.0)
    return classify(model, rng, sgd)


@case("exploding", also="spread", besides=STEEP)
def identity_large(rng):
    model = scale(mlp(nn.Identity, int(rng.integers(6, 10)), sizes(rng)), 4.0)
    return classify(model, rng, sgd)


@case("exploding", besides=f"{STEEP} saturated")
def inputs_unscaled(rng):
    model = he(mlp(nn.ReLU, 2, sizes(rng)))
    return classify(model, rng, sgd, factor=float(10 ** rng.uniform(5.0, 6.0)))


@case("spread", also="vanishing", besides="dead lr_low lost_updates")
def spread_shrinks(rng):
    return classify(scale(mlp(nn.Tanh, 6, sizes(rng)), 0.25), rng)


@case("spread", also="exploding", besides="lr_low lr_high lost_updates")
def spread_grows(rng):
    return classify(scale(he(mlp(nn.ReLU, 6, sizes(rng))), 3.5), rng)


@case("spread", also="vanishing", besides="lr_low saturated symmetric")
def spread_sigmoid(rng):
    return classify(mlp(nn.Sigmoid, 12, sizes(rng)), rng)
