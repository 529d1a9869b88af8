"""Attention: what the table of modules cannot say."""

import itertools

import numpy as np
import pytest

import autodiff as ad
import nn

F = nn.functional
attend = F.scaled_dot_product_attention


@pytest.fixture(autouse=True)
def seeded():
    ad.manual_seed(0)


def drawn(*shapes, seed=0, grad=False):
    rng = np.random.default_rng(seed)
    return [ad.tensor(rng.standard_normal(shape), requires_grad=grad) for shape in shapes]


# ---------------------------------------------------------------- the function
def by_loops(query, key, value, left=None, scale=None):
    """One query after another, over the keys that are left for it."""
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    out = np.zeros((len(query), value.shape[-1]))
    for i, q in enumerate(query):
        chosen = [j for j in range(len(key)) if left is None or left[i, j]]
        weights = np.exp([scale * (q @ key[j]) for j in chosen])
        for w, j in zip(weights, chosen, strict=True):
            out[i] += w / weights.sum() * value[j]
    return out


def test_by_the_definition():
    q, k, v = drawn((3, 4), (5, 4), (5, 2))
    np.testing.assert_allclose(attend(q, k, v).data, by_loops(q.data, k.data, v.data))
    left = np.tril(np.ones((3, 5), bool))
    expected = by_loops(q.data, k.data, v.data, left, -0.3)
    np.testing.assert_allclose(attend(q, k, v, is_causal=True, scale=-0.3).data, expected)
    np.testing.assert_allclose(attend(q, k, v, ad.tensor(left), scale=-0.3).data, expected)


@pytest.mark.parametrize("floats", [True, False])
def test_a_query_without_keys_gets_zeros(floats):
    """As in PyTorch 2.13; no NaN comes from it, nor goes back."""
    q, k, v = drawn((2, 3, 4), (2, 5, 4), (2, 5, 2), grad=True)
    mask = np.ones((3, 5), bool)
    mask[1] = False
    out = attend(q, k, v, ad.tensor(np.where(mask, 0, -np.inf) if floats else mask))
    assert not out.data[:, 1].any() and out.data[:, 0].all()
    out.sum().backward()
    assert not q.grad.data[:, 1].any()
    assert all(np.isfinite(x.grad.data).all() for x in (q, k, v))
    none = attend(q, k[:, :0], v[:, :0])
    assert none.shape == (2, 3, 2) and not none.data.any()


def test_large_scores_do_not_overflow():
    with np.errstate(all="raise", under="ignore"):
        out = attend(ad.tensor([[1e4]]), ad.tensor([[1e4], [-1e4]]), ad.tensor([[1.0], [2.0]]))
    assert out.item() == 1.0


@pytest.mark.parametrize("heads", [1, 2, 6])
def test_grouped_queries(heads):
    """Each key serves several queries in a row."""
    q, k, v = drawn((2, 6, 3, 4), (2, heads, 5, 4), (2, heads, 5, 2))
    mask = ad.tensor(np.random.default_rng(1).uniform(size=(6, 3, 5)) > 0.3)
    served = np.repeat(np.arange(heads), 6 // heads)
    expected = attend(q, k[:, served], v[:, served], mask)
    np.testing.assert_array_equal(attend(q, k, v, mask, enable_gqa=True).data, expected.data)


def test_the_weights_are_computed_in_their_own_memory():
    q, k = [x.data for x in drawn((2, 3, 4), (2, 5, 4))]
    before = q.copy(), k.copy()
    weights = ad.REGISTRY["attention_weights"](q, k, np.ones((3, 5), bool), scale=2.0)
    np.testing.assert_array_equal(q, before[0])
    np.testing.assert_array_equal(k, before[1])
    np.testing.assert_allclose(weights.sum(-1), 1)


def test_dropped_weights():
    """Zeros with probability p, the mean as without; the same for one generator and seed."""
    q, k = drawn((40, 30, 4), (40, 50, 4))
    v = ad.asarray(np.broadcast_to(np.eye(50), (40, 50, 50)).copy())  # shows the weights
    plain = attend(q, k, v).data
    dropped = attend(q, k, v, dropout_p=0.3).data
    gone = dropped == 0
    np.testing.assert_allclose(gone.mean(), 0.3, atol=4 * np.sqrt(0.21 / gone.size))
    np.testing.assert_allclose(dropped[~gone], plain[~gone] / 0.7)
    assert not attend(q, k, v, dropout_p=1.0).data.any()
    ad.manual_seed(0)
    np.testing.assert_array_equal(attend(q, k, v, dropout_p=0.3).data, dropped)


def test_gradients_with_dropped_weights():
    """By differences, with the same weights dropped each time."""

    def fn(q, k, v):
        ad.manual_seed(1)
        return attend(q, k, v, dropout_p=0.4)

    assert ad.gradcheck(fn, drawn((2, 3, 4), (2, 5, 4), (2, 5, 2), grad=True), order=2)


def test_errors_of_the_function():
    q, k, v = drawn((2, 3, 4), (2, 5, 4), (2, 5, 2))
    for message, args, options in [
        ("give attn_mask or is_causal, not both", (q, k, v, ad.ones((3, 5))), {"is_causal": True}),
        (r"query \(3, 4\), .* need the same last axis", (q[0], k[..., :3], v), {}),
        (r"key \(2, 5, 4\), value \(2, 4, 2\); .* the same length", (q, k, v[:, :4]), {}),
        ("at least two axes", (q[0, 0], k, v), {}),
        ("do not broadcast", (q, ad.ones((3, 5, 4)), v), {}),
        (r"mask of shape \(7, 3, 5\) .* shape \(2, 3, 5\)", (q, k, v, ad.ones((7, 3, 5))), {}),
        (r"mask of shape \(3, 4\)", (q, k, v, ad.ones((3, 4))), {}),
        ("dropout: p=1.5 is not a probability", (q, k, v, None, 1.5), {}),
        ("with enable_gqa the heads", (ad.ones((3, 2, 4)), k, v), {"enable_gqa": True}),
    ]:
        with pytest.raises(ValueError, match=message):
            attend(*args, **options)
    with pytest.raises(TypeError, match="a mask must be of bools or floats, not int64"):
        attend(q, k, v, ad.ones((3, 5), dtype=ad.int64))


def test_in_vmap():
    q, k, v = [x.data for x in drawn((6, 3, 4), (6, 5, 4), (6, 5, 2))]
    masks = np.random.default_rng(1).uniform(size=(6, 3, 5)) > 0.3
    out = ad.vmap(attend)(q, k, v, masks)
    np.testing.assert_allclose(out.data, attend(q, k, v, masks).data, rtol=1e-12)


# ---------------------------------------------------------------- several heads
def test_self_attention_projects_once():
    layer = nn.MultiheadAttention(4, 2)
    (x,) = drawn((3, 2, 4))
    x = x.astype(ad.float32)
    ops = []
    with ad.tap(lambda node, out: ops.append(node.op.name)):
        layer(x, x, x)
    assert ops.count("linear") == 2  # the second is out_proj
    y = ad.asarray(x.data)
    for one, two in zip(layer(x, x, x), layer(x, y, y), strict=True):
        np.testing.assert_allclose(one.data, two.data, rtol=1e-5, atol=1e-6)


def test_a_causal_mask_is_made_where_none_is_given():
    layer = nn.MultiheadAttention(4, 2, add_bias_kv=True)
    (x,) = drawn((3, 2, 4))
    later = ad.tensor(np.triu(np.ones((3, 3), bool), 1))
    made, weights = layer.double()(x, x, x, is_causal=True)
    given, _ = layer(x, x, x, attn_mask=later)
    np.testing.assert_array_equal(made.data, given.data)
    assert weights.data[:, :, 3].all()  # what is learned is there for all


def test_masks_of_two_kinds_go_together():
    layer = nn.MultiheadAttention(4, 2).double()
    (x,) = drawn((3, 2, 4))
    left_out = np.array([[False, True, False], [False, False, True]])
    added = np.random.default_rng(0).standard_normal((3, 3))
    as_floats = np.where(left_out, -np.inf, 0)
    one, _ = layer(x, x, x, ad.tensor(left_out), attn_mask=ad.tensor(added))
    two, _ = layer(x, x, x, ad.tensor(as_floats), attn_mask=ad.tensor(added))
    np.testing.assert_array_equal(one.data, two.data)
    later = np.triu(np.ones((3, 3), bool), 1)
    padding = np.random.default_rng(1).standard_normal((2, 3))
    one, _ = layer(x, x, x, ad.tensor(padding), attn_mask=ad.tensor(later))
    added = ad.tensor(np.where(later, -np.inf, 0))
    two, _ = layer(x, x, x, ad.tensor(padding), attn_mask=added)
    np.testing.assert_array_equal(one.data, two.data)


def test_where_all_is_padding():
    """Zeros before the last projection, with weights asked for too (PyTorch has NaN then)."""
    layer = nn.MultiheadAttention(4, 2, bias_init="ones").double()
    (x,) = drawn((3, 2, 4))
    padding = ad.tensor([[False, False, True], [True, True, True]])
    for need in (True, False):
        out, weights = layer(x, x, x, padding, need)
        np.testing.assert_array_equal(out.data[:, 1], np.ones((3, 4)))
        assert weights is None or not weights.data[1].any()


def test_weights_are_dropped_in_training_mode_alone():
    layer = nn.MultiheadAttention(4, 2, dropout=0.5, generator=ad.random.Generator(1))
    x = ad.random.normal((20, 3, 4))
    _, weights = layer(x, x, x, average_attn_weights=False)
    assert 0.4 < float((weights == 0).mean()) < 0.6
    _, weights = layer.eval()(x, x, x, average_attn_weights=False)
    np.testing.assert_allclose(weights.sum(-1).data, 1, rtol=1e-5)


def test_each_projection_is_drawn_with_fans_of_its_own():
    layer = nn.MultiheadAttention(60, 3)
    bound = np.sqrt(6 / 120)
    for block in np.split(layer.in_proj_weight.data, 3):
        assert bound * 0.98 < np.abs(block).max() <= bound
    assert not layer.in_proj_bias.data.any() and not layer.out_proj.bias.data.any()
    ones = nn.MultiheadAttention(6, 3, kdim=2, weight_init="ones", bias_init="ones")
    values = [p.data for name, p in ones.named_parameters()]
    assert len(values) == 6 and all((v == 1).all() for v in values)


def test_a_float_mask_is_trained():
    """Such as a bias that depends on the distance."""
    layer = nn.MultiheadAttention(4, 2).double()
    (x,) = drawn((3, 2, 4))
    bias = ad.tensor(np.zeros((3, 3)), requires_grad=True)
    layer(x, x, x, attn_mask=bias)[0].sum().backward()
    assert bias.grad.shape == (3, 3) and bias.grad.data.any()


def test_vmap_of_a_layer_is_a_batch():
    how = {"dim_feedforward": 8, "dropout": 0.0, "batch_first": True}
    layer = nn.TransformerEncoderLayer(4, 2, **how).double()
    (x,) = drawn((5, 3, 4))
    padding = np.arange(3) >= np.array([[3], [1], [2], [3], [2]])
    both = ad.vmap(lambda x, mask: layer(x, None, mask, True))(x.data, padding)
    batch = layer(x, None, ad.tensor(padding), True)
    np.testing.assert_allclose(both.data, batch.data, rtol=1e-10)


def test_errors_of_the_layer():
    for wrong in ((6, 4), (0, 1), (4, 0)):
        with pytest.raises(ValueError, match="embed_dim must be a positive multiple of num_heads"):
            nn.MultiheadAttention(*wrong)
    with pytest.raises(ValueError, match="dropout=1.5 is not a probability"):
        nn.MultiheadAttention(4, 2, dropout=1.5)
    layer = nn.MultiheadAttention(4, 2, kdim=3)
    q, k, v = ad.ones((5, 2, 4)), ad.ones((6, 2, 3)), ad.ones((6, 2, 4))
    for inputs in [(q, v, v), (q, k, v[:5]), (q[0], k, v), (q[:, :1], k, v), (q[0, 0],) * 3]:
        with pytest.raises(ValueError, match=r"MultiheadAttention: query .* \(L, N, features\)"):
            layer(*inputs)
    with pytest.raises(ValueError, match=r"attn_mask has shape \(6, 5\); .* \(5, 6\) or \(4, 5, 6"):
        layer(q, k, v, attn_mask=ad.ones((6, 5)))
    with pytest.raises(ValueError, match=r"key_padding_mask has shape \(6,\); .* \(2, 6\)"):
        layer(q, k, v, ad.ones(6))
    with pytest.raises(TypeError, match="key_padding_mask: a mask must be of bools or floats"):
        layer(q, k, v, ad.ones((2, 6), dtype=ad.int64))


# ---------------------------------------------------------------- the encoder
def test_copies_begin_alike_and_made_layers_do_not():
    def layer():
        return nn.TransformerEncoderLayer(4, 2, 8)

    copied, made = nn.TransformerEncoder(layer(), 2), nn.TransformerEncoder(layer, 2)
    for encoder, alike in ((copied, True), (made, False)):
        one, two = [each.linear1.weight for each in encoder.layers]
        assert one is not two and bool((one == two).all()) == alike


def test_copies_draw_from_one_generator():
    """Their masks would be the same otherwise."""
    g = ad.random.Generator(0)
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, 0.5, generator=g), 2)
    one, two = [layer.dropout1(ad.ones(100)) for layer in encoder.layers]
    assert bool((one != two).any())
    assert all(layer.self_attn.generator is g for layer in encoder.layers)


def test_activations_by_name_and_module():
    layer = nn.TransformerEncoderLayer(4, 2, 8, activation=nn.Tanh())
    assert layer(ad.ones((3, 4))).shape == (3, 4)
    with pytest.raises(ValueError, match="activation must be relu, gelu or a function, not 'tanh'"):
        nn.TransformerEncoderLayer(4, 2, activation="tanh")


def test_an_encoder_learns_to_reverse():
    """A sequence of letters, backwards: each place must look at another, by its position."""
    g = ad.random.Generator(1)
    letters, length = 5, 4
    embed = nn.Embedding(letters, 16, generator=g)
    places = nn.PositionalEncoding(16, 0.0, length, batch_first=True)
    how = {"batch_first": True, "norm_first": True, "generator": g}
    layer = nn.TransformerEncoderLayer(16, 2, 32, 0.0, **how)
    head = nn.Linear(16, letters, generator=g)
    model = nn.Sequential(embed, places, layer, head)
    optimizer = nn.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(150):
        words = ad.random.integers(0, letters, (32, length), generator=g)
        loss = F.cross_entropy(
            model(words).reshape((-1, letters)), ad.flip(words, 1).reshape((-1,))
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


def test_positions():
    with pytest.raises(ValueError, match="a sequence of 8 places, and max_len=7"):
        nn.PositionalEncoding(4, max_len=7)(ad.ones((8, 2, 4)))
    with pytest.raises(ValueError, match=r"input has shape \(8, 2, 5\); .* the last of 4"):
        nn.PositionalEncoding(4)(ad.ones((8, 2, 5)))
    with pytest.raises(ValueError, match=r"PositionalEncoding\(0"):
        nn.PositionalEncoding(0)
    layer = nn.PositionalEncoding(4)
    assert layer.state_dict() == {} and [name for name, _ in layer.named_buffers()] == ["table"]
    assert (layer(ad.ones((9, 5, 4))) == 0).any()  # dropped
    assert not (layer.eval()(ad.ones((9, 5, 4))) == 0).any()


# ---------------------------------------------------------------- PyTorch
@pytest.mark.parity
@pytest.mark.parametrize(
    ("mask", "floats", "causal"),
    [
        (None, False, False),
        (None, False, True),
        *itertools.product([(3, 5), (2, 1, 1, 5), (6, 3, 5), (1, 5)], (False, True), (False,)),
    ],
)
@pytest.mark.parametrize(("heads", "scale"), [(6, None), (2, None), (6, 0.3)])
def test_same_as_pytorch(mask, floats, causal, heads, scale):
    torch = pytest.importorskip("torch", reason="the extra `parity` brings PyTorch")
    rng = np.random.default_rng(0)
    shapes = (2, 6, 3, 4), (2, heads, 5, 4), (2, heads, 5, 2)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    if mask is not None:
        mask = rng.standard_normal(mask)
        mask = mask if floats else mask > -0.5
        if mask.shape == (6, 3, 5):
            mask[2, 1] = -np.inf if floats else False  # a query without keys
    x = [ad.tensor(a, requires_grad=True) for a in arrays]
    z = [torch.tensor(a, requires_grad=True) for a in arrays]
    options = {"is_causal": causal, "scale": scale, "enable_gqa": heads != 6}
    y = attend(*x, None if mask is None else ad.tensor(mask), **options)
    w = torch.nn.functional.scaled_dot_product_attention(
        *z, None if mask is None else torch.tensor(mask), **options
    )
    g = rng.standard_normal(y.shape)
    np.testing.assert_allclose(y.data, w.detach(), rtol=1e-10, atol=1e-12)
    mine, theirs = ad.gradients(y, x, ad.tensor(g)), torch.autograd.grad(w, z, torch.tensor(g))
    for a, b in itertools.zip_longest(mine, theirs):
        np.testing.assert_allclose(a.data, b, rtol=1e-9, atol=1e-12)
