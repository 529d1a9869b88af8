"""Units that are dead, saturated or copies of each other."""

import numpy as np

import nn

from .parts import adam, bias_to, case, classify, he, mlp, scale, see, sizes

ZERO = "vanishing dead spread lr_low lost_updates exploding"


@case("dead", besides="vanishing symmetric spread lr_low exploding")
def relu_negative_bias(rng):
    model = bias_to(he(mlp(nn.ReLU, int(rng.integers(2, 4)), sizes(rng))), -10.0)
    return classify(model, rng)


@case("dead", besides="vanishing symmetric spread lr_low exploding lr_high")
def relu_after_a_wild_step(rng):
    loss_of, model, _ = classify(he(mlp(nn.ReLU, 2, sizes(rng))), rng)
    wild = nn.optim.SGD(model.parameters(), lr=float(rng.uniform(3e3, 1e4)))
    loss_of(model).backward()
    wild.step()
    model.zero_grad()
    return loss_of, model, adam(model)


@case("dead", besides="vanishing symmetric spread lr_low exploding")
def conv_negative_bias(rng):
    c = sizes(rng)
    model = nn.Sequential(
        nn.Conv2d(1, c, 3), nn.ReLU(), nn.Conv2d(c, c, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(16 * c, 4),
    )  # fmt: skip
    return see(bias_to(he(model), -10.0), rng)


@case("dead", besides="vanishing symmetric spread lr_low exploding")
def one_dead_layer(rng):
    model = he(mlp(nn.ReLU, 3, sizes(rng)))
    model[2].bias.data = model[2].bias.data - float(rng.uniform(8, 20))
    return classify(model, rng)


@case("dead", besides="batch_norm vanishing exploding symmetric spread lr_low")
def norm_of_dead_units(rng):
    w = sizes(rng)
    parts = nn.Linear(20, w), nn.ReLU(), nn.BatchNorm1d(w), nn.Linear(w, 5)
    return classify(bias_to(nn.Sequential(*parts), -10.0), rng)


@case("saturated", besides="exploding vanishing spread lr_low lr_high")
def tanh_large(rng):
    return classify(scale(mlp(nn.Tanh, int(rng.integers(2, 5)), sizes(rng)), 20.0), rng)


@case("saturated", besides="exploding vanishing spread lr_low lr_high")
def sigmoid_unscaled(rng):
    return classify(mlp(nn.Sigmoid, 2, sizes(rng)), rng, factor=float(rng.uniform(50, 300)))


@case("saturated", besides="exploding vanishing spread lr_low lr_high")
def sigmoid_large_bias(rng):
    return classify(bias_to(mlp(nn.Sigmoid, 2, sizes(rng)), float(rng.uniform(8, 12))), rng)


@case("saturated", besides="exploding vanishing spread lr_low lr_high symmetric")
def hardtanh_large(rng):
    return classify(scale(mlp(nn.Hardtanh, 2, sizes(rng)), 15.0), rng)


@case("symmetric", besides=ZERO)
def all_zero(rng):
    return classify(mlp(nn.Tanh, 2, sizes(rng), weight_init="zeros"), rng)


@case("symmetric", besides=ZERO)
def all_equal(rng):
    model = mlp(nn.Tanh, 2, sizes(rng))
    for p in model.parameters():
        p.data = np.full_like(p.data, 0.05)
    return classify(model, rng)


@case("symmetric", besides=ZERO)
def one_constant_layer(rng):
    """Both the layer and the one after it, or the copies would be told apart."""
    model = he(mlp(nn.ReLU, 3, sizes(rng)))
    for i in (2, 4):
        model[i].weight.data = np.full_like(model[i].weight.data, float(rng.uniform(0.02, 0.1)))
    return classify(model, rng)


@case("symmetric", besides=f"{ZERO} saturated")
def conv_ones(rng):
    c = sizes(rng)
    model = nn.Sequential(
        nn.Conv2d(1, c, 3, weight_init="ones"), nn.Tanh(), nn.Conv2d(c, c, 3), nn.Tanh(),
        nn.Flatten(), nn.Linear(16 * c, 4),
    )  # fmt: skip
    model[2].weight.data = np.full_like(model[2].weight.data, 0.01)
    return see(model, rng)
