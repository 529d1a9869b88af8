"""Weights of single layers to PyTorch and back, as files: the names, and then the same results."""

import numpy as np
import pytest

import autodiff as ad
import nn

pytestmark = pytest.mark.parity
torch = pytest.importorskip("torch", reason="the extra `parity` brings PyTorch")
from safetensors.torch import load_file, save_file  # noqa: E402

SEQUENCE = (5, 2, 3)
LAYERS = {
    "bilinear": (lambda lib: lib.Bilinear(3, 4, 2), [(6, 3), (6, 4)]),
    "transposed": (lambda lib: lib.ConvTranspose2d(4, 6, 3, 2, groups=2), [(2, 4, 5, 5)]),
    "conv3d": (lambda lib: lib.Conv3d(2, 4, 2), [(1, 2, 3, 3, 3)]),
    "batch norm": (lambda lib: lib.BatchNorm2d(3), [(4, 3, 2, 2)]),
    "group norm": (lambda lib: lib.GroupNorm(2, 4), [(2, 4, 3)]),
    "prelu": (lambda lib: lib.PReLU(3), [(2, 3)]),
    "rnn": (lambda lib: lib.RNN(3, 4, 2, nonlinearity="relu"), [SEQUENCE]),
    "lstm": (lambda lib: lib.LSTM(3, 4, 2, bidirectional=True), [SEQUENCE]),
    "lstm with projection": (lambda lib: lib.LSTM(3, 4, proj_size=2), [SEQUENCE]),
    "gru without bias": (lambda lib: lib.GRU(3, 4, bias=False, bidirectional=True), [SEQUENCE]),
    "gru cell": (lambda lib: lib.GRUCell(3, 4), [(2, 3)]),
    "attention": (lambda lib: lib.MultiheadAttention(4, 2), [(5, 2, 4)] * 3),
    "encoder layer": (lambda lib: lib.TransformerEncoderLayer(4, 2, 8), [(5, 2, 4)]),
}


def first(result):
    return first(result[0]) if isinstance(result, tuple) else result


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("to", ["PyTorch", "here"])
def test_weights_in_a_file(name, to, tmp_path):
    """All parameters and buffers drawn at random, also those that start as 0 or 1."""
    build, shapes = LAYERS[name]
    ours, theirs, file = build(nn), build(torch.nn), tmp_path / "w.safetensors"
    rng = np.random.default_rng(0)
    ours.load_state_dict(
        {
            key: rng.uniform(0.5, 1.5, x.shape).astype(x.dtype)
            for key, x in ours.state_dict().items()
        }
    )
    if to == "PyTorch":
        ad.save(ours.state_dict(), file)
        theirs.load_state_dict(load_file(file))
    else:
        theirs.load_state_dict({key: torch.tensor(x.data) for key, x in ours.state_dict().items()})
        save_file(theirs.state_dict(), file)
        ours = build(nn)
        ours.load_state_dict(ad.load(file))
    arrays = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    found = first(ours.eval()(*map(ad.tensor, arrays)))
    with torch.no_grad():
        wanted = first(theirs.eval()(*map(torch.tensor, arrays)))
    np.testing.assert_allclose(found.detach().data, wanted.numpy(), 1e-5, 1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_dtypes(dtype, tmp_path):
    """Read as they are, and cast to those of the layer."""
    pytest.importorskip("ml_dtypes", reason="the extra `test` brings it")
    theirs, file = torch.nn.Linear(3, 2).to(getattr(torch, dtype)), tmp_path / "w.safetensors"
    save_file(theirs.state_dict(), file)
    state = ad.load(file)
    assert state["weight"].dtype.name == dtype
    ours = nn.Linear(3, 2)
    ours.load_state_dict(state)
    assert ours.weight.dtype == np.float32
    wanted = theirs.weight.detach().float().numpy()
    np.testing.assert_array_equal(ours.weight.detach().data, wanted)
    ad.save(state, file)
    assert load_file(file)["weight"].dtype == getattr(torch, dtype)
