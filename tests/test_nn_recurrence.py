"""Recurrent cells and layers: what rows of the tables cannot say."""

import tracemalloc

import numpy as np
import pytest

import autodiff as ad
import nn

F = nn.functional
LAYERS = [nn.RNN, nn.LSTM, nn.GRU]
CELLS = [nn.RNNCell, nn.LSTMCell, nn.GRUCell]
each_layer = pytest.mark.parametrize("layer", LAYERS)


@pytest.fixture(autouse=True)
def seeded():
    ad.manual_seed(0)


def normal(*shape, dtype=np.float64, **how):
    return ad.tensor(np.random.default_rng(1).standard_normal(shape).astype(dtype), **how)


def h_of(state):
    return state[0] if isinstance(state, tuple) else state


# ---------------------------------------------------------------- initial values
@pytest.mark.parametrize("kind, gates", [(nn.RNN, 1), (nn.LSTM, 4), (nn.GRU, 3)])
def test_every_gate_starts_with_fans_of_its_own(kind, gates):
    layer = kind(300, 200)
    bound = np.sqrt(6 / (300 + 200))
    for block in np.split(layer.weight_ih_l0.data, gates):
        assert np.abs(block).max() == pytest.approx(bound, rel=1e-3)
        assert block.var() == pytest.approx(bound**2 / 3, rel=0.02)
    for block in np.split(layer.weight_hh_l0.data, gates):
        np.testing.assert_allclose(block @ block.T, np.eye(200), atol=1e-5)
    assert not layer.bias_ih_l0.data.any() and not layer.bias_hh_l0.data.any()


def test_initializers_are_given_one_gate_at_a_time():
    shapes = []

    def seen(tensor):
        shapes.append(tensor.shape)
        nn.init.ones_(tensor)

    layer = nn.LSTM(3, 2, weight_init=seen, recurrent_init=seen, bias_init=seen)
    assert shapes == [(2, 3)] * 4 + [(2, 2)] * 4 + [(2,)] * 8
    assert all(p.data.all() for p in layer.parameters())


@pytest.mark.parametrize("kind", [nn.LSTM, nn.LSTMCell])
def test_forget_bias(kind):
    layer = kind(3, 2, forget_bias=1.0)
    state = {name.replace("_l0", ""): x.numpy() for name, x in layer.state_dict().items()}
    np.testing.assert_array_equal(state["bias_ih"], [0, 0, 1, 1, 0, 0, 0, 0])
    assert not state["bias_hh"].any()
    with pytest.raises(ValueError, match="forget_bias=1.0 needs bias=True"):
        kind(3, 2, bias=False, forget_bias=1.0)


def test_draws_come_from_the_generator_given():
    one, two = (nn.GRU(3, 2, generator=ad.random.Generator(5)) for _ in range(2))
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        np.testing.assert_array_equal(a.data, b.data)


# ---------------------------------------------------------------- cells and layers
@pytest.mark.parametrize("cell, layer", list(zip(CELLS, LAYERS, strict=True)))
def test_a_layer_is_its_cell_again_and_again(cell, layer):
    one, all_at_once = cell(3, 4).double(), layer(3, 4).double()
    state = {name + "_l0": value for name, value in one.state_dict().items()}
    all_at_once.load_state_dict(state)
    x, hx = normal(5, 2, 3), None
    output, last = all_at_once(x)
    for t in range(5):
        hx = one(x[t], hx)
        np.testing.assert_allclose(h_of(hx).data, output[t].data, rtol=1e-12)
    np.testing.assert_allclose(h_of(hx).data, h_of(last)[0].data, rtol=1e-12)


@each_layer
def test_one_product_for_the_input_and_one_step_for_each_time(layer):
    """The graph is the unrolled network: what the pictures show."""
    model = layer(3, 4)
    seen = []
    with ad.tap(lambda node, out: seen.append(node)):
        model(normal(6, 2, 3, dtype=np.float32))
    names = [node.op.name for node in seen]
    step = f"{layer.__name__.lower()}_step"
    assert names.count("linear") == 1 and names.count(step) == 6 and len(names) <= 12
    assert all(node.scope.kind is layer for node in seen)


@each_layer
def test_numpy_arrays_may_go_in(layer):
    output, _ = layer(3, 4)(np.ones((5, 2, 3), np.float32))
    assert output.shape == (5, 2, 4) and output.dtype == np.float32


def test_parameters_may_be_replaced():
    model = nn.GRU(2, 3).double()
    x = normal(4, 2, 2)
    weight = ad.zeros((9, 3), dtype=np.float64)
    output, _ = nn.functional_call(model, {"weight_hh_l0": weight}, x)
    expected, _ = model(x)
    np.testing.assert_allclose(output[0].data, expected[0].data)  # the first state was 0
    assert not np.allclose(output[1].data, expected[1].data)


@each_layer
def test_under_vmap_and_jvp(layer):
    model = layer(2, 3).double()
    x = normal(4, 5, 2, 2)
    found = ad.vmap(lambda x: model(x)[0])(x)
    for one, y in zip(x, found, strict=True):
        np.testing.assert_allclose(y.data, model(one)[0].data, rtol=1e-12)
    x, v = x[0], x[1]
    _, tangent = ad.jvp(lambda x: model(x)[0], (x,), (v,))
    e = 1e-6
    numeric = (model(x + e * v)[0] - model(x - e * v)[0]) / (2 * e)
    np.testing.assert_allclose(tangent.data, numeric.data, rtol=1e-6, atol=1e-8)


@each_layer
def test_second_derivatives(layer):
    model = layer(2, 2, bidirectional=True).double()
    assert ad.gradcheck(lambda x: model(x)[0], normal(3, 1, 2, requires_grad=True), order=2)


# ---------------------------------------------------------------- lengths
@each_layer
def test_what_is_past_the_end_is_not_looked_at(layer):
    model = layer(2, 3, num_layers=2, bidirectional=True).double()
    x = normal(5, 3, 2).numpy()
    x[4, 1] = x[1:, 2] = np.nan
    x = ad.tensor(x, requires_grad=True)
    output, last = model(x, lengths=[5, 4, 1])
    (output.sum() + h_of(last).sum()).backward()
    assert all(np.isfinite(p.grad.data).all() for p in [x, *model.parameters()])
    assert not x.grad.data[4, 1].any() and not x.grad.data[1:, 2].any()
    for i, n in enumerate([5, 4, 1]):  # each as if it were alone
        alone, end = model(x.detach()[:n, i])
        np.testing.assert_allclose(output[:n, i].data, alone.data, rtol=1e-12)
        np.testing.assert_allclose(h_of(last)[:, i].data, h_of(end).data, rtol=1e-12)
        assert not output[n:, i].data.any()


def test_a_sequence_without_steps_keeps_its_state():
    model = nn.GRU(2, 3, bidirectional=True).double()
    h = normal(2, 2, 3)
    output, last = model(normal(4, 2, 2), h, lengths=np.array([0, 4]))
    assert not output[:, 0].data.any()
    np.testing.assert_array_equal(last[:, 0].data, h[:, 0].data)


@pytest.mark.parametrize("kind", [list, tuple, np.array, ad.tensor])
def test_lengths_are_any_integers(kind):
    output, _ = nn.RNN(2, 3)(ad.ones((4, 2, 2)), lengths=kind([4, 1]))
    assert not output[1:, 1].data.any()


# ---------------------------------------------------------------- dropout
@each_layer
def test_dropout_between_layers_in_training_only(layer):
    with pytest.warns(UserWarning, match="there is only one"):
        layer(2, 3, dropout=0.5)
    model = layer(2, 40, num_layers=3, dropout=0.25)
    x = normal(30, 50, 2, dtype=np.float32, requires_grad=True)
    seen = []
    with ad.tap(lambda node, out: seen.append(out) if node.op.name == "dropout" else None):
        model(x)
    assert len(seen) == 2  # after all layers but the last
    for out in seen:
        share = (out == 0).mean()
        assert share == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / out.size))
    a, b = model(x)[0].data, model(x)[0].data
    assert not np.array_equal(a, b)
    model.eval()
    np.testing.assert_array_equal(model(x)[0].data, model(x)[0].data)


# ---------------------------------------------------------------- long sequences
@each_layer
def test_a_thousand_steps(layer):
    """No recursion; memory in proportion to the time, backward too."""
    model = layer(8, 16)

    def peak(steps):
        x = normal(steps, 4, 8, dtype=np.float32, requires_grad=True)
        tracemalloc.start()
        output, _ = model(x)
        output.sum().backward()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert np.isfinite(x.grad.data).all() and x.grad.data.any()
        return found

    peak(10)
    assert peak(1000) < 12 * peak(100)


@each_layer
def test_truncated_backpropagation(layer):
    """A detached state carries values, and no gradient."""
    model = layer(2, 3).double()
    x = normal(8, 1, 2, requires_grad=True)
    whole, _ = model(x)
    first, state = model(x[:4])
    state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
    second, _ = model(x[4:], state)
    np.testing.assert_allclose(ad.concatenate([first, second]).data, whole.data, rtol=1e-12)
    (g,) = (ad.gradients(second.sum(), x),)
    assert not g.data[:4].any() and g.data[4:].all()


def test_pictures_show_the_steps():
    import viz

    model = nn.LSTM(2, 3)
    output, _ = model(normal(4, 1, 2, dtype=np.float32, requires_grad=True))
    graph = viz.graph(output.sum(), model=model)
    assert sum(node.op == "lstm_step" for node in graph.nodes) == 4


# ---------------------------------------------------------------- errors
X = ad.ones((5, 2, 3))
BAD = {
    "hidden_size and num_layers must be positive": lambda: nn.RNN(3, 0),
    "hidden_size must be positive": lambda: nn.GRUCell(3, 0),
    "must be 'tanh' or 'relu', not 'sigmoid'": lambda: nn.RNN(3, 4, nonlinearity="sigmoid"),
    "nonlinearity must be": lambda: nn.RNNCell(3, 4, nonlinearity="sigmoid"),
    "dropout=1.5 must be from 0 to 1": lambda: nn.GRU(3, 4, 2, dropout=1.5),
    "proj_size=4 must be 0, for none, or smaller": lambda: nn.LSTM(3, 4, proj_size=4),
    r"LSTM: input has shape \(5, 2, 4\); .*3 features": lambda: nn.LSTM(3, 4)(ad.ones((5, 2, 4))),
    r"RNNCell: input has shape \(5, 2, 3\)": lambda: nn.RNNCell(3, 4)(X),
    r"has shape \(0, 2, 3\) has no steps|no steps in time": lambda: nn.GRU(3, 4)(X[:0]),
    r"hx has shape \(1, 2, 5\); .* \(1, 2, 4\)": lambda: nn.GRU(3, 4)(X, ad.ones((1, 2, 5))),
    r"a tuple of shapes \(1, 2, 4\), \(1, 2, 4\)": lambda: nn.LSTM(3, 4)(X, ad.ones((1, 2, 4))),
    r"LSTMCell: hx has": lambda: nn.LSTMCell(3, 4)(X[0], (ad.ones((2, 4)), ad.ones((2, 5)))),
    r"lengths \[6, 2\] must be from 0 to 5": lambda: nn.GRU(3, 4)(X, lengths=[6, 2]),
    r"lengths have shape \(3,\)": lambda: nn.GRU(3, 4)(X, lengths=[1, 2, 3]),
    r"dtype float64; they must be integers": lambda: nn.GRU(3, 4)(X, lengths=np.ones(2)),
    "lengths need a batch": lambda: nn.GRU(3, 4)(X[:, 0], lengths=[5]),
}


@pytest.mark.parametrize("message, call", BAD.items(), ids=list(BAD))
def test_bad_input(message, call):
    with pytest.raises(ValueError, match=message):
        call()


def test_unknown_options_are_refused():
    with pytest.raises(TypeError, match="weight_int"):
        nn.LSTM(3, 4, weight_int="zeros")


def test_positional_arguments_are_those_of_pytorch():
    """Its signatures say ``*args``, so these are its documented ones."""
    layer = nn.RNN(2, 3, 2, "relu", False, True, 0.5, True)
    assert repr(layer) == (
        "RNN(2, 3, nonlinearity='relu', num_layers=2, bias=False, batch_first=True, dropout=0.5, "
        "bidirectional=True)"
    )
    layer = nn.LSTM(2, 3, 2, False, True, 0.5, True, 1)
    assert layer.proj_size == 1 and layer.dropout == 0.5 and not layer.bias
    layer = nn.GRU(2, 3, 2, False, True, 0.5, True)
    assert layer.bidirectional and layer.batch_first and layer.num_layers == 2
    layer.flatten_parameters()
    assert nn.RNNCell(2, 3, False, "relu").nonlinearity == "relu"


# ---------------------------------------------------------------- PyTorch
@pytest.mark.parity
@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_twenty_steps_of_training_are_those_of_pytorch(name):
    """Two layers in both directions, padded sequences, gradients clipped."""
    torch = pytest.importorskip("torch", reason="the extra `parity` brings PyTorch")
    rnn = torch.nn.utils.rnn
    options = {"num_layers": 2, "bidirectional": True, "batch_first": True}
    ours = getattr(nn, name)(3, 8, **options).double()
    head = nn.Linear(16, 2).double()
    theirs = getattr(torch.nn, name)(3, 8, **options).double()
    other_head = torch.nn.Linear(16, 2).double()
    for a, b in ((ours, theirs), (head, other_head)):
        b.load_state_dict({k: torch.tensor(v.numpy()) for k, v in a.state_dict().items()})
    wrt = [*ours.parameters(), *head.parameters()]
    other_wrt = [*theirs.parameters(), *other_head.parameters()]
    step = nn.optim.SGD(wrt, lr=0.1, momentum=0.9)
    other_step = torch.optim.SGD(other_wrt, lr=0.1, momentum=0.9)
    rng = np.random.default_rng(0)
    for _ in range(20):
        x = rng.standard_normal((6, 7, 3))
        lengths = rng.integers(1, 8, 6)
        y = (x[:, 0, 0] > 0).astype(np.int64)  # to be remembered to the end
        output, _ = ours(ad.tensor(x), lengths=lengths)
        loss = F.cross_entropy(head(output.sum(axis=1)), ad.tensor(y))
        step.zero_grad()
        loss.backward()
        nn.optim.clip_grad_value_(wrt, 0.05)
        step.step()
        packed = rnn.pack_padded_sequence(
            torch.tensor(x), torch.tensor(lengths), True, enforce_sorted=False
        )
        output, _ = rnn.pad_packed_sequence(theirs(packed)[0], True)
        other = torch.nn.functional.cross_entropy(other_head(output.sum(1)), torch.tensor(y))
        other_step.zero_grad()
        other.backward()
        torch.nn.utils.clip_grad_value_(other_wrt, 0.05)
        other_step.step()
        assert loss.item() == pytest.approx(other.item(), rel=1e-9)
    for p, q in zip(wrt, other_wrt, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-9, atol=1e-12)
