"""Networks that are well after ten steps."""

import autodiff as ad
import nn

from .parts import F, Last, adam, case, classes, classify, he, mlp, see, sequences, sgd, sizes


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


@case()
def lstm_remembers(rng):
    """Forget gates that are open all the time are flat, and meant so."""
    layer = nn.LSTM(6, sizes(rng), forget_bias=float(rng.uniform(4, 6)))
    return sequences(rng, Last(layer, 3), int(rng.integers(60, 80)))


class Tagger(nn.Module):
    """A recurrent layer of which every step is classified."""

    def __init__(self, n):
        self.words, self.layer, self.out = nn.Embedding(50, 8), nn.GRU(8, n), nn.Linear(n, 4)

    def forward(self, x):
        return self.out(self.layer(self.words(x))[0])


@case()
def tagger(rng):
    steps = int(rng.integers(20, 60))
    x, y = (ad.tensor(rng.integers(0, top, size=(steps, 8))) for top in (50, 4))
    model = Tagger(sizes(rng))
    return (
        (lambda m: F.cross_entropy(m(x).reshape((-1, 4)), y.reshape((-1,)))),
        model,
        adam(model),
    )


@case()
def large_targets(rng):
    x, _ = classes(rng)
    y = ad.tensor((rng.normal(size=(64, 1)) * 10 ** rng.uniform(3, 6)).astype("float32"))
    model = he(mlp(nn.ReLU, 2, sizes(rng), k=1))
    return (lambda m: F.mse_loss(m(x), y)), model, adam(model)
