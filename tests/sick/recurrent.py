"""Recurrences: gradients through time, and gates."""

import numpy as np

import nn

from .parts import Last, case, sequences, sizes

# Adam divides by infinity where the square of a gradient overflows: its update is 0.
TIME = "lr_low exploding spread lr_high lost_updates nonfinite saturated vanishing"


@case("recurrent", besides=TIME)
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


@case("recurrent", besides=TIME)
def linear_unrolled(rng):
    return sequences(rng, Unrolled(sizes(rng), rng.uniform(1.5, 2.0)), int(rng.integers(20, 30)))


@case("recurrent", besides=TIME)
def rnn_tanh_chaotic(rng):
    layer = nn.RNN(6, 48, weight_init="zeros")
    layer.weight_hh_l0.data = layer.weight_hh_l0.data * 3.0
    return sequences(rng, Last(layer, 3), int(rng.integers(20, 30)))


# ---------------------------------------------------------------- forgetting
FADED = "saturated vanishing spread lr_low lost_updates"


def gate(layer, block, value):
    """Set the bias of one gate."""
    n = layer.hidden_size
    layer.bias_ih_l0.data[block * n : (block + 1) * n] = value
    return layer


@case("recurrent_vanishing", besides=FADED)
def lstm_long(rng):
    """Forget gates of 1/2, as they are at first: after 90 steps nothing is left."""
    return sequences(rng, Last(nn.LSTM(6, sizes(rng)), 3), int(rng.integers(90, 110)))


@case("recurrent_vanishing", also="saturated", besides=FADED)
def lstm_forgets(rng):
    layer = gate(nn.LSTM(6, sizes(rng)), 1, -float(rng.uniform(4, 7)))
    return sequences(rng, Last(layer, 3), int(rng.integers(20, 30)))


@case("recurrent_vanishing", also="saturated", besides=FADED)
def gru_forgets(rng):
    layer = gate(nn.GRU(6, sizes(rng)), 1, -float(rng.uniform(4, 7)))
    layer.weight_hh_l0.data = layer.weight_hh_l0.data * 0.2
    return sequences(rng, Last(layer, 3), int(rng.integers(20, 30)))


@case("recurrent_vanishing", besides=FADED)
def rnn_small(rng):
    layer = nn.RNN(6, sizes(rng))
    layer.weight_hh_l0.data = layer.weight_hh_l0.data * float(rng.uniform(0.1, 0.3))
    return sequences(rng, Last(layer, 3), int(rng.integers(30, 40)))


@case("recurrent_vanishing", besides=FADED)
def small_unrolled(rng):
    return sequences(rng, Unrolled(sizes(rng), rng.uniform(0.1, 0.3)), int(rng.integers(30, 40)))


# ---------------------------------------------------------------- gates
CLOSED = (
    "vanishing exploding recurrent recurrent_vanishing spread lr_low lr_high lost_updates symmetric"
)


@case("saturated", besides=f"{CLOSED} dead")
def lstm_saturated(rng):
    layer = nn.LSTM(6, sizes(rng))
    layer.weight_ih_l0.data = layer.weight_ih_l0.data * float(rng.uniform(40, 80))
    return sequences(rng, Last(layer, 3), int(rng.integers(10, 20)))


@case("saturated", besides=f"{CLOSED} dead")
def rnn_saturated(rng):
    layer = nn.RNN(6, sizes(rng))
    layer.weight_ih_l0.data = layer.weight_ih_l0.data * float(rng.uniform(20, 40))
    return sequences(rng, Last(layer, 3), int(rng.integers(5, 10)))


@case("dead", also="saturated", besides=CLOSED)
def lstm_output_shut(rng):
    layer = gate(nn.LSTM(6, sizes(rng)), 3, -float(rng.uniform(9, 14)))
    return sequences(rng, Last(layer, 3), int(rng.integers(5, 20)))


@case("dead", besides=CLOSED)
def gru_never_updates(rng):
    layer = gate(nn.GRU(6, sizes(rng)), 1, float(rng.uniform(9, 14)))
    return sequences(rng, Last(layer, 3), int(rng.integers(5, 20)))


@case("dead", besides=CLOSED)
def rnn_relu_silent(rng):
    layer = gate(nn.RNN(6, sizes(rng), nonlinearity="relu"), 0, -float(rng.uniform(15, 25)))
    return sequences(rng, Last(layer, 3), int(rng.integers(5, 20)))
