"""Boltzmann machines against sums over all their states."""

import itertools

import numpy as np
import pytest

import autodiff as ad
import nn
from nn.boltzmann import fitting

UNITS = "bernoulli", "gaussian"
UP = {"dtype": np.float64, "weight_init": lambda w: nn.init.normal_(w, std=0.7)}
STRONG = {"weight_init": lambda w: nn.init.normal_(w, std=1.2)}
DATA = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [1, 1, 0, 0]], np.float64)


def binary(n):
    return np.array(list(itertools.product([0.0, 1.0], repeat=n)))


def made(visible=4, hidden=3, units="bernoulli", seed=0, **options):
    """A machine with random parameters, biases too, in float64."""
    ad.manual_seed(seed)
    how = UP | {"generator": ad.random.Generator(seed + 1)} | options
    rbm = nn.RBM(visible, hidden, units, **how)
    for bias in (rbm.visible_bias, rbm.hidden_bias):
        nn.init.normal_(bias, std=0.5)
    return rbm


def parameters(rbm):
    return [p.data for p in (rbm.weight, rbm.visible_bias, rbm.hidden_bias)]


def energy(rbm, v, h):
    """Of every row of ``v`` with every row of ``h``, by the definition."""
    w, a, b = parameters(rbm)
    own = ((v - a) ** 2).sum(1) / 2 if rbm.units == "gaussian" else -(v @ a)
    return own[:, None] - (h @ b)[None] - v @ w.T @ h.T


def all_free(rbm, v):
    return -np.log(np.exp(-energy(rbm, v, binary(rbm.hidden))).sum(1))


# ---------------------------------------------------------------- what it computes
@pytest.mark.parametrize("units", UNITS)
def test_free_energy_is_a_sum_over_hidden_states(units):
    rbm = made(units=units)
    v = np.random.default_rng(0).standard_normal((6, 4)) if units == "gaussian" else binary(4)
    np.testing.assert_allclose(rbm.free_energy(ad.tensor(v)).data, all_free(rbm, v), rtol=1e-12)


def test_ways_up_and_down_are_conditional_probabilities():
    rbm = made()
    v, h = binary(4), binary(3)
    joint = np.exp(-energy(rbm, v, h))
    up = joint @ h / joint.sum(1, keepdims=True)
    down = joint.T @ v / joint.T.sum(1, keepdims=True)
    np.testing.assert_allclose(rbm(ad.tensor(v)).data, up, rtol=1e-12)
    np.testing.assert_allclose(rbm.down(ad.tensor(h)).data, down, rtol=1e-12)


def test_the_gaussian_way_down_is_the_mean():
    """Where the energy is least, since its exponential is symmetric about the mean."""
    rbm = made(units="gaussian")
    for h in binary(3):
        mean = rbm.down(ad.tensor(h)).data
        off = mean + 1e-3 * np.vstack([np.eye(4), -np.eye(4)])
        assert (energy(rbm, off, h[None]) > energy(rbm, mean[None], h[None])).all()


@pytest.mark.parametrize("sizes", [(4, 3), (3, 5)])
def test_the_partition_function_sums_over_everything(sizes):
    rbm = made(*sizes)
    z = np.exp(-energy(rbm, binary(sizes[0]), binary(sizes[1]))).sum()
    assert rbm.log_partition().item() == pytest.approx(np.log(z), rel=1e-12)


def test_the_gaussian_partition_function_is_an_integral():
    rbm = made(2, 3, "gaussian")
    line = np.linspace(-12, 12, 601)
    grid = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    z = np.exp(-energy(rbm, grid, binary(3))).sum() * (line[1] - line[0]) ** 2
    assert rbm.log_partition().item() == pytest.approx(np.log(z), rel=1e-10)


@pytest.mark.parametrize("units", UNITS)
def test_the_partition_function_is_differentiable(units):
    rbm = made(units=units)
    names, values = zip(*rbm.named_parameters())

    def fn(*given):
        with nn.swap.swapped(rbm, dict(zip(names, given, strict=True))):
            return rbm.log_partition() + rbm.free_energy(ad.tensor(DATA)).mean()

    assert ad.gradcheck(fn, [p.detach().requires_grad_() for p in values])


def test_pseudo_likelihood_estimates_the_sum_over_units():
    rbm = made()
    flips = DATA[:, None, :] + np.eye(4) * (1 - 2 * DATA[:, None, :])
    change = all_free(rbm, flips.reshape(-1, 4)).reshape(-1, 4) - all_free(rbm, DATA)[:, None]
    exact = -np.log1p(np.exp(-change)).sum(1).mean()
    many = [rbm.pseudo_likelihood(ad.tensor(DATA)).item() for _ in range(400)]
    assert abs(np.mean(many) - exact) < 5 * np.std(many) / len(many) ** 0.5
    assert np.std(many) < 2  # so that the comparison says something


# ---------------------------------------------------------------- samples
@pytest.mark.parametrize("units", UNITS)
def test_samples_have_the_right_moments(units):
    rbm, n = made(units=units), 20_000
    v = np.broadcast_to(DATA[0], (n, 4))
    h = rbm.sample_hidden(ad.tensor(v)).data
    p = rbm(ad.tensor(DATA[:1])).data[0]
    assert set(np.unique(h)) == {0.0, 1.0} and not rbm.sample_hidden(ad.tensor(v)).requires_grad
    assert (abs(h.mean(0) - p) < 5 * np.sqrt(p * (1 - p) / n)).all()
    one = np.broadcast_to([1.0, 0.0, 1.0], (n, 3))
    v = rbm.sample_visible(ad.tensor(one)).data
    mean = rbm.down(ad.tensor(one[:1])).data[0]
    variance = np.ones(4) if units == "gaussian" else mean * (1 - mean)
    assert (abs(v.mean(0) - mean) < 5 * np.sqrt(variance / n)).all()
    assert (abs(v.var(0) - variance) < 5 * np.sqrt(2 / n)).all()


def test_a_seed_says_which():
    one, two = (made(generator=ad.random.Generator(5)).gibbs(ad.tensor(DATA), 3) for _ in "ab")
    assert (one == two).all()
    assert (one != made(generator=ad.random.Generator(6)).gibbs(ad.tensor(DATA), 3)).any()


# ---------------------------------------------------------------- the gradient
def by_hand(rbm, v, samples):
    """The textbook's difference of correlations, for a step downhill."""
    up = [rbm(ad.tensor(x)).data for x in (v, samples)]
    correlations = [h.T @ x / len(x) for h, x in zip(up, (v, samples))]
    own = v.mean(0) - samples.mean(0)
    return correlations[1] - correlations[0], -own, up[1].mean(0) - up[0].mean(0)


def gradients(rbm, loss):
    return [g.data for g in ad.gradients(loss, [rbm.weight, rbm.visible_bias, rbm.hidden_bias])]


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("units", UNITS)
def test_the_gradient_is_the_difference_of_correlations(units, k):
    rbm = made(units=units)
    state = rbm.generator.state
    found = gradients(rbm, rbm.contrastive_divergence(ad.tensor(DATA), k))
    rbm.generator.state = state
    samples = rbm.gibbs(ad.tensor(DATA), k).data
    for g, expected in zip(found, by_hand(rbm, DATA, samples), strict=True):
        np.testing.assert_allclose(g, expected, rtol=1e-10, atol=1e-12)


def test_means_are_drawn_from_hidden_units_alone():
    rbm = made()
    state = rbm.generator.state
    found = rbm.gibbs(ad.tensor(DATA), 1, means=True)
    rbm.generator.state = state
    np.testing.assert_array_equal(found.data, rbm.down(rbm.sample_hidden(ad.tensor(DATA))).data)
    rbm.generator.state = state
    loss = rbm.contrastive_divergence(ad.tensor(DATA), means=True)
    for g, expected in zip(gradients(rbm, loss), by_hand(rbm, DATA, found.data), strict=True):
        np.testing.assert_allclose(g, expected, rtol=1e-10, atol=1e-12)


def exact(rbm, v):
    return gradients(rbm, rbm.log_partition() + rbm.free_energy(ad.tensor(v)).mean())


def away(rbm, v, persistent=False, calls=1, **how):
    """How far the gradient of many chains is from that of the likelihood, in deviations."""
    many = ad.tensor(np.repeat(v, 1000, axis=0))
    for _ in range(calls):
        loss = rbm.contrastive_divergence(many, persistent=persistent, **how)
    found, n = gradients(rbm, loss), len(many)
    spread = {"bernoulli": 0.5, "gaussian": 2.0}[rbm.units] / n**0.5  # 0.5 is the most for [0, 1]
    return max(abs(g - e).max() for g, e in zip(found, exact(rbm, v))) / spread


@pytest.mark.parametrize("units", UNITS)
def test_many_steps_give_the_gradient_of_the_likelihood(units):
    rbm = made(units=units, **STRONG)
    assert away(rbm, DATA, k=1) > 15  # one step does not
    assert away(rbm, DATA, k=60) < 5


def test_so_do_many_calls_with_persistent_chains():
    rbm = made(**STRONG)
    assert away(rbm, DATA, calls=2) > 15  # those that begin at the data each time
    assert away(rbm, DATA, persistent=True, calls=60) < 5
    assert rbm.chains.shape == (4000, 4) and "chains" not in rbm.state_dict()


@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_device_learns_the_same(units, dtype, device):
    found = []
    for where in ("cpu", device):
        rbm = made(units=units).to(dtype).to(where)
        v = ad.tensor(DATA.astype(dtype), device=where)
        for _ in range(2):
            loss = rbm.contrastive_divergence(v, 2, persistent=True)
        grads = ad.gradients(loss, list(rbm.parameters()))
        assert all(g.device == where and g.dtype == dtype for g in grads)
        found.append([ad.backend.to_numpy(g.data) for g in grads])
    for g, there in zip(*found, strict=True):
        np.testing.assert_allclose(there, g, rtol=1e-4 if dtype is np.float32 else 1e-9, atol=1e-6)


# ---------------------------------------------------------------- learning
def nll(rbm, v):
    with ad.no_grad():
        return (rbm.log_partition() + rbm.free_energy(ad.tensor(v)).mean()).item()


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("kind", [nn.optim.SGD, nn.optim.Adam])
def test_any_optimizer_raises_the_likelihood(kind, persistent):
    v = np.repeat(DATA, 10, axis=0)
    rbm = nn.RBM(4, 6, dtype=np.float64, generator=ad.random.Generator(0))
    optimizer = kind(rbm.parameters(), lr=0.05 if kind is nn.optim.Adam else 0.5)
    assert nll(rbm, v) == pytest.approx(4 * np.log(2), abs=0.01)
    for _ in range(400):
        optimizer.zero_grad()
        rbm.contrastive_divergence(ad.tensor(v), persistent=persistent).backward()
        optimizer.step()
    assert nll(rbm, v) < 1.8  # units on their own reach 2.51 at best, the data's entropy is 1.04


def test_fit_raises_the_likelihood():
    rbm = nn.RBM(4, 6, dtype=np.float64, generator=ad.random.Generator(0))
    history = rbm.fit(np.repeat(DATA, 10, axis=0), epochs=80, lr=0.3, batch_size=10, seed=0)
    assert nll(rbm, DATA) < 1.8
    assert history["reconstruction"][-1] < 0.5 * history["reconstruction"][0]


def test_gaussian_units_learn_where_the_clusters_are():
    rng = np.random.default_rng(0)
    v = np.where(rng.random((400, 1)) < 0.5, 2.0, -2.0) * [1, 1, -1] + rng.standard_normal((400, 3))
    rbm = nn.RBM(3, 2, "gaussian", dtype=np.float64, generator=ad.random.Generator(0))
    before = nll(rbm, v)
    rbm.fit(v, epochs=40, lr=0.02, batch_size=20, weight_decay=0.0, seed=0)
    one = 3 * 0.5 * np.log(2 * np.pi * np.e)  # nats of a cluster alone
    assert before > one + 4 and nll(rbm, v) < one + 1.0  # knowing which of two costs log 2


@pytest.mark.parametrize("units", UNITS)
def test_visible_biases_begin_at_the_data(units):
    rbm = nn.RBM(4, 2, units, weight_init="zeros", dtype=np.float64)
    fitting.begin_at_data(rbm, fitting.Inputs(DATA, lambda v: v, 2, seed=0))
    if units == "gaussian":
        np.testing.assert_allclose(rbm.visible_bias.data, DATA.mean(0))
    else:
        share = (DATA.sum(0) + 1) / (len(DATA) + 2)
        np.testing.assert_allclose(rbm.down(ad.zeros(2, dtype=np.float64)).data, share)
    nn.init.constant_(rbm.visible_bias, 0.3)
    rbm.fit(DATA, epochs=1, lr=0.0)  # those that are not 0 are left alone
    np.testing.assert_array_equal(rbm.visible_bias.data, np.full(4, 0.3))


def test_momentum_and_decay_are_those_of_the_guide():
    seen = []

    class Look(nn.train.Callback):
        def on_step_end(self, trainer, *, loss, optimizer):
            seen.append([(len(g["params"]), g["momentum"], g["weight_decay"])
                         for g in optimizer.param_groups])  # fmt: skip

    nn.RBM(4, 2, dtype=np.float64).fit(DATA, epochs=7, callbacks=[Look()])
    assert [m for ((_, m, _), _) in seen] == [0.5] * 5 + [0.9] * 2
    assert all([(n, d) for n, _, d in groups] == [(1, 2e-4), (2, 0)] for groups in seen)


def test_data_of_any_kind():
    images = ad.tensor(DATA.reshape(4, 1, 2, 2))
    labelled = nn.data.TensorDataset(images, ad.arange(4))
    loader = nn.data.DataLoader(labelled, 2)
    kinds = [DATA, ad.tensor(DATA), images, labelled, loader, [DATA, DATA[:1]]]
    for data in kinds:
        rows = [v.shape[1] for v in fitting.Inputs(data, lambda v: v, 2, seed=0)]
        assert rows == [4, 4]


def test_the_same_seeds_give_the_same_machine():
    def trained():
        rbm = nn.RBM(4, 3, generator=ad.random.Generator(3))
        rbm.fit(DATA.astype(np.float32), epochs=3, batch_size=2, seed=1)
        return rbm.weight.data

    np.testing.assert_array_equal(trained(), trained())


# ---------------------------------------------------------------- deep
def test_layers_are_trained_one_by_one_on_what_those_below_say():
    ad.manual_seed(0)
    dbn = nn.DBN([4, 3, 2], dtype=np.float64)
    weights = []

    class Look(nn.train.Callback):
        def on_train_end(self, trainer):
            weights.append([rbm.weight.data.copy() for rbm in dbn])
            given.append((trainer.model.visible, next(iter(trainer.loader)).data))

    given = []
    histories = dbn.pretrain(DATA, epochs=3, batch_size=4, seed=0, lr=0.5, callbacks=[Look()])
    assert [len(h["reconstruction"]) for h in histories] == [3, 3]
    first, second = weights
    np.testing.assert_array_equal(first[0], second[0])  # settled before the second began
    assert (first[1] != second[1]).any()
    (_, below), (_, above) = given
    order = [int(np.flatnonzero((DATA == row).all(1))[0]) for row in below]
    assert sorted(order) == [0, 0, 1, 2]  # two rows of the data are equal
    up = dbn[0](ad.tensor(DATA)).data
    np.testing.assert_allclose(sorted(map(tuple, above)), sorted(map(tuple, up)))


@pytest.mark.parametrize("tied", [False, True])
def test_the_network_computes_the_way_up(tied):
    dbn = nn.DBN([4, 3, 2], weight_init="lecun_normal", dtype=np.float64)
    network = dbn.to_network(5, tied=tied)
    x = ad.tensor(DATA)
    np.testing.assert_array_equal(network[:-1](x).data, dbn(x).data)
    assert network(x).shape == (4, 5) and network.head.weight.dtype == np.float64
    assert (network.layer1.weight is dbn[0].weight) is tied
    before = dbn(x).data
    nn.optim.SGD(network.parameters(), lr=1.0).zero_grad()
    (network(x) ** 2).sum().backward()
    nn.optim.SGD(network.parameters(), lr=1.0).step()
    assert (dbn(x).data != before).any() == tied


def test_a_head_of_ones_own():
    dbn = nn.DBN([4, 3])
    head = nn.Linear(3, 1)
    assert dbn.to_network(head=head).head is head
    with pytest.raises(ValueError, match="classes or a head"):
        dbn.to_network(2, head=head)


def test_it_dreams_of_the_data():
    """Two patterns that exclude each other come out of the top machine, and nothing else."""
    ad.manual_seed(0)
    patterns = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]], np.float32)
    dbn = nn.DBN([6, 8, 8])
    dbn.pretrain(np.repeat(patterns, 50, axis=0), epochs=60, batch_size=10, lr=0.3, seed=0)
    ad.manual_seed(1)
    made = dbn.generate(200, k=20).data
    ad.manual_seed(1)
    assert (dbn.generate(200, k=1).data != made).any()  # steps are taken
    nearest = abs(made[:, None] - patterns).mean(2)
    assert made.shape == (200, 6)
    assert (nearest.min(1) < 0.2).mean() > 0.9
    assert 0.15 < (nearest.argmin(1) == 0).mean() < 0.85


def test_only_the_lowest_layer_is_gaussian():
    assert [rbm.units for rbm in nn.DBN([4, 3, 2], "gaussian")] == ["gaussian", "bernoulli"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nn.RBM(0, 3), r"RBM\(0, 3\): sizes must be positive"),
        (lambda: nn.RBM(2, 3, "relu"), "units must be 'bernoulli' or 'gaussian', not 'relu'"),
        (lambda: nn.RBM(2, 3).gibbs(ad.ones((1, 2)), 0), "k=0 steps"),
        (lambda: nn.RBM(30, 21).log_partition(), "one layer must have at most 20"),
        (lambda: nn.RBM(3, 21, "gaussian").log_partition(), "the hidden layer must have"),
        (lambda: nn.RBM(2, 3, "gaussian").pseudo_likelihood(ad.ones((1, 2))), "binary visible"),
        (lambda: nn.DBN([3]), "a visible and a hidden layer"),
    ],
)
def test_what_cannot_be_is_said(call, words):
    with pytest.raises(ValueError, match=words):
        call()
