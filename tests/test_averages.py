"""EMA and SWA: what they compute, and that training does not notice them."""

import numpy as np
import pytest

import autodiff as ad
import nn
from nn.optim import EMA, SWA


def network(seed=0, dtype=np.float64, device="cpu"):
    ad.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))
    return model.to(device, dtype)


def disturb(model, seed):
    """As a step of training would: weights in place, buffers too."""
    rng = np.random.default_rng(seed)
    for t in [*model.parameters(), *model.buffers()]:
        if t.dtype.kind == "f":
            new = rng.uniform(0.5, 1.5, t.shape)
            t.data[...] = ad.tensor(new, device=t.device).astype(t.dtype).data
        else:
            t.data[...] = seed
        ad.backend.stamp(t.data)


def values(model):
    return {name: ad.backend.to_numpy(t.data).copy() for name, t in model.state_dict().items()}


def averaged(average):
    with average.averages() as model:
        return values(model)


def assert_same(one, two, rtol=0.0):
    assert one.keys() == two.keys()
    for name in one:
        np.testing.assert_allclose(one[name], two[name], rtol=rtol, atol=0, err_msg=name)
        assert one[name].dtype == two[name].dtype


KINDS = {
    "ema": lambda m, **o: EMA(m, 0.9, **o),
    "ema-fast": lambda m, **o: EMA(m, 0.2, **o),
    "ema-warm": lambda m, **o: EMA(m, 0.9, warmup=True, **o),
    "swa": SWA,
}


def weight(kind, n):
    """How much of the n-th update counts."""
    if n == 0:
        return 1.0
    decay = {"ema": 0.9, "ema-fast": 0.2, "ema-warm": min(0.9, (1 + n) / (10 + n))}
    return 1 / (n + 1) if kind == "swa" else 1 - decay[kind]


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.mark.parametrize("use_buffers", [False, True])
def test_formula(kind, use_buffers, device):
    model = network(device=device)
    average = KINDS[kind](model, use_buffers=use_buffers)
    expected = values(model)
    assert_same(averaged(average), expected)  # before the first update
    for n in range(5):
        disturb(model, n)
        average.update()
        new, w = values(model), weight(kind, n)
        for name in expected:
            plain = name.endswith("tracked") or ("running" in name and not use_buffers)
            expected[name] = new[name] if plain else (1 - w) * expected[name] + w * new[name]
        assert_same(averaged(average), expected, rtol=1e-14)
    assert average.n_averaged == 5


def test_large_arrays_in_pieces():
    model = nn.Linear(300, 700)
    swa = SWA(model)
    total = np.zeros((700, 300))
    for n in range(3):
        disturb(model, n)
        swa.update()
        total += model.weight.data
    np.testing.assert_allclose(averaged(swa)["weight"], total / 3, rtol=1e-6)
    fortran = nn.Parameter(np.asfortranarray(np.ones((700, 300))))
    model.weight = fortran
    ema = EMA(model, 0.5)
    ema.update()
    fortran.data *= 3
    ema.update()
    np.testing.assert_array_equal(averaged(ema)["weight"], 2.0)


def test_an_update_needs_no_second_copy():
    import tracemalloc

    model = nn.Linear(1000, 1000)
    ema = EMA(model)
    ema.update()
    tracemalloc.start()
    ema.update()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < model.weight.data.nbytes / 8


# ---------------------------------------------------------------- training does not notice
def train(average, steps=6, evaluate=True):
    model = network()
    model[0].weight.requires_grad_(True)
    optimizer = nn.optim.Adam(model.parameters(), lr=0.1)
    average = average(model)
    x = ad.tensor(np.random.default_rng(0).uniform(size=(8, 3)))
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(x) ** 2).sum()
        if average is not None and evaluate:  # between forward and backward
            model.eval()
            with average.averages() as averages:
                assert averages is model and not model(x).requires_grad
                assert [type(p) for p in model.parameters()] == [nn.Parameter] * 6
            model.train()
        loss.backward()
        optimizer.step()
        if average is not None:
            average.update()
    return values(model), average


def test_training_is_the_same_to_the_bit(kind):
    plain, _ = train(lambda model: None)
    found, average = train(KINDS[kind])
    assert_same(found, plain)
    assert not np.array_equal(averaged(average)["0.weight"], plain["0.weight"])


def test_parameters_come_back_as_they_were(kind):
    model = network()
    average = KINDS[kind](model)
    disturb(model, 1)
    before = {name: (t, t.data) for name, t in model.named_parameters()}
    with pytest.raises(KeyError), average.averages():
        assert model[0].weight.data is not before["0.weight"][1]
        raise KeyError
    after = {name: (t, t.data) for name, t in model.named_parameters()}
    assert all(after[n][0] is t and after[n][1] is raw for n, (t, raw) in before.items())


def test_shared_parameters_are_one_average():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    ema = EMA(model, 0.5)
    ema.update()
    model[0].weight.data[...] += 2
    before = model[0].weight.data.copy()
    ema.update()
    with ema.averages():
        assert model[0].weight is model[1].weight
        np.testing.assert_allclose(model[1].weight.data, before - 1, rtol=1e-6)


# ---------------------------------------------------------------- dtypes, devices, states
def test_half_precision_is_averaged_in_float32():
    model = nn.Linear(1, 1, bias=False).half()
    model.weight.data[...] = 1
    ema = EMA(model, 0.999)
    ema.update()
    model.weight.data[...] = 2
    for _ in range(5):
        ema.update()  # steps of 0.001 at 1 are lost in float16
    assert ema.state_dict()["averages"]["weight"].dtype == np.float32
    with ema.averages():
        assert model.weight.dtype == np.float16
        assert model.weight.data[0, 0] == np.float16(2 - 0.999**5)


def test_averages_follow_their_model(kind):
    model = network(dtype=np.float32)
    average = KINDS[kind](model)
    average.update()
    model.to("strict", np.float64)
    average.update()
    with average.averages():
        assert {p.device for p in model.parameters()} == {"strict"}
        assert {p.dtype for p in model.parameters()} == {np.dtype(np.float64)}


def test_copy_to(kind):
    model, other = network(), network(seed=1, dtype=np.float32)
    average = KINDS[kind](model, use_buffers=True)
    for n in range(3):
        disturb(model, n)
        average.update()
    expected = averaged(average)
    average.copy_to(other)
    for name, value in values(other).items():
        np.testing.assert_array_equal(value, expected[name].astype(value.dtype))
    memory = model[0].weight.data
    average.copy_to()
    assert_same(values(model), expected)
    assert model[0].weight.data is memory
    with pytest.raises(ValueError, match=r"weight: None here, the model has \(4, 3\)"):
        average.copy_to(nn.Linear(3, 4))


def test_states_resume_exactly(kind, tmp_path):
    model = network()
    one = KINDS[kind](model)
    for n in range(3):
        disturb(model, n)
        one.update()
    ad.save(one.state_dict(), tmp_path / "averages")
    two = KINDS[kind](network(seed=2))
    two.load_state_dict(ad.load(tmp_path / "averages"))
    two.copy_to(two.model)
    assert_same(values(two.model), averaged(one))
    two.model.load_state_dict(model.state_dict())
    for average in (one, two):
        disturb(average.model, 9)
        average.update()
    assert_same(averaged(two), averaged(one))
    state = one.state_dict()
    del state["averages"]["0.bias"]
    with pytest.raises(ValueError, match=r"0.bias: \(4,\) here, the saved state has None"):
        two.load_state_dict(state)


@pytest.mark.parametrize("decay", [-0.1, 1.1])
def test_bad_decays(decay):
    with pytest.raises(ValueError, match=f"decay={decay} must be from 0 to 1"):
        EMA(nn.Linear(1, 1), decay)


# ---------------------------------------------------------------- batch normalization
def batches(count=4):
    rng = np.random.default_rng(3)
    return [(ad.tensor(rng.normal(2, 3, (6, 3))), None) for _ in range(count)]


def test_update_bn_is_the_mean_of_the_batches():
    model = nn.Sequential(nn.BatchNorm1d(3).double(), nn.BatchNorm1d(3, track_running_stats=False))
    model[1].eval()
    model[0].momentum = 0.3
    nn.optim.update_bn(batches(), model)
    data = [x.data for x, _ in batches()]
    np.testing.assert_allclose(model[0].running_mean.data, np.mean([x.mean(0) for x in data], 0))
    variances = np.mean([x.var(0, ddof=1) for x in data], 0)
    np.testing.assert_allclose(model[0].running_var.data, variances)
    assert model[0].num_batches_tracked.item() == 4
    assert model[0].momentum == 0.3 and model[0].training and not model[1].training
    nn.optim.update_bn((x for x, _ in batches()), model)  # batches need not be tuples
    assert model[0].num_batches_tracked.item() == 4
    nn.optim.update_bn(iter(()), nn.Linear(1, 1))  # nothing to do, and nothing asked for


def test_update_bn_of_averages_leaves_the_model_alone(kind):
    model = network()
    average = KINDS[kind](model)
    for n in range(2):
        disturb(model, n)
        average.update()
    before = values(model)
    average.update_bn(batches())
    assert_same(values(model), before)
    with average.averages():
        assert model[1].num_batches_tracked.item() == 4
        found = model[1].running_mean.data.copy()
        hidden = [model[0](x).data.mean(0) for x, _ in batches()]
    np.testing.assert_allclose(found, np.mean(hidden, 0))


def test_momenta_come_back_after_an_error():
    model = network()
    with pytest.raises(ValueError):
        nn.optim.update_bn([ad.ones((2, 99))], model.eval())
    assert model[1].momentum == 0.1 and not model.training


# ---------------------------------------------------------------- against PyTorch
@pytest.mark.parity
@pytest.mark.parametrize("use_buffers", [False, True])
@pytest.mark.parametrize("which", ["ema", "ema-fast", "swa"])
def test_averaged_model(which, use_buffers):
    torch = pytest.importorskip("torch", reason="the extra `parity` brings PyTorch")
    from torch.optim import swa_utils

    layers = torch.nn
    theirs = layers.Sequential(
        layers.Linear(3, 4), layers.BatchNorm1d(4), layers.Tanh(), layers.Linear(4, 2)
    ).double()
    model = network()
    decay = {"ema": 0.9, "ema-fast": 0.2}.get(which)
    how = swa_utils.get_ema_multi_avg_fn(decay) if decay else None
    reference = swa_utils.AveragedModel(theirs, multi_avg_fn=how, use_buffers=use_buffers)
    average = KINDS[which](model, use_buffers=use_buffers)
    for n in range(6):
        disturb(model, n)
        theirs.load_state_dict({k: torch.tensor(v) for k, v in values(model).items()})
        average.update()
        reference.update_parameters(theirs)
    counts = "1.num_batches_tracked"  # PyTorch averages integers too
    expected = {k: v.numpy() for k, v in reference.module.state_dict().items() if k != counts}
    found = averaged(average)
    del found[counts]
    assert_same(found, expected, rtol=1e-12)
    average.update_bn(batches())
    swa_utils.update_bn([(torch.tensor(x.data),) for x, _ in batches()], reference)
    expected = {k: v.numpy() for k, v in reference.module.state_dict().items()}
    assert_same(averaged(average), expected, rtol=1e-12)
