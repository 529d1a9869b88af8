"""The rows of the op table for the steps of recurrent layers."""

from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .case import Case
from .generated import Generated

B, N, P = 3, 4, 2  # batch, hidden and projected size
W3, W4 = (3 * N, N), (4 * N, N)

CASES = [
    Case("time_steps", ((3, 2, 4),)),
    Case("time_steps", ((1, 4),)),
    Case("time_steps", ((5,),)),
    Case("rnn_step", ((B, N), (B, N), (N, N))),
    Case("rnn_step", ((B, N), (B, N), (N, N)), {"nonlinearity": "relu"}),
    Case("rnn_step", ((1, N), (1, N), (N, N))),
    Case("rnn_step", ((0, N), (0, N), (N, N))),
    Case("lstm_step", ((B, 4 * N), (B, N), (B, N), W4), low=-1, high=1),
    Case("lstm_step", ((B, 4 * N), (B, P), (B, N), (4 * N, P)), low=-1, high=1),
    Case("lstm_step", ((1, 4), (1, 1), (1, 1), (4, 1))),
    Case("lstm_step", ((0, 4 * N), (0, N), (0, N), W4)),
    Case("gru_step", ((B, 3 * N), (B, N), W3)),
    Case("gru_step", ((B, 3 * N), (B, N), W3, (3 * N,))),
    Case("gru_step", ((1, 3), (1, 1), (3, 1), (3,))),
    Case("gru_step", ((0, 3 * N), (0, N), W3, (3 * N,))),
]


@st.composite
def steps(draw, blocks, states, bias=False):
    """Operands of a step, from a batch of none and 1 unit upward."""
    batch, n = draw(st.integers(0, 3)), draw(st.integers(1, 3))
    shapes = [(batch, blocks * n), *[(batch, n)] * states, (blocks * n, n)]
    shapes += [(blocks * n,)] * (bias and draw(st.booleans()))
    values = st.floats(-1, 1, allow_subnormal=False)
    return [draw(hnp.arrays("float64", shape, elements=values)) for shape in shapes]


SEQUENCES = hnp.arrays(
    "float64", st.sampled_from([(1,), (1, 3), (3, 0), (3, 2, 2)]), elements=st.floats(-1, 1)
)


def listed(x):
    return [x]


GENERATED = [
    Generated("rnn_step", steps(1, 1)),
    Generated("lstm_step", steps(4, 2)),
    Generated("gru_step", steps(3, 1, bias=True)),
    Generated("time_steps", SEQUENCES.map(listed)),
]


# ---------------------------------------------------------------- PyTorch
NOT_IN_TORCH = {}


def counterparts(torch):
    """PyTorch's cells, whose input projection is given the identity here."""

    def rnn_step(x, h, w_hh, nonlinearity="tanh"):
        cell = torch.rnn_tanh_cell if nonlinearity == "tanh" else torch.rnn_relu_cell
        return cell(x, h, torch.eye(x.shape[1], dtype=x.dtype), w_hh)

    def lstm_step(x, h, c, w_hh):
        if h.shape == c.shape:
            return torch.lstm_cell(x, (h, c), torch.eye(x.shape[1], dtype=x.dtype), w_hh)
        # Of a projected output PyTorch has the layer only: here are the gates, and no matrix.
        gates = x + h @ w_hh.T
        eye = torch.eye(x.shape[1], dtype=x.dtype)
        return torch.lstm_cell(gates, (torch.zeros_like(c), c), eye, w_hh.new_zeros(len(eye), N))

    def gru_step(x, h, w_hh, b_hh=None):
        none = torch.zeros(x.shape[1], dtype=x.dtype)
        eye = torch.eye(x.shape[1], dtype=x.dtype)
        return torch.gru_cell(x, h, eye, w_hh, none, none if b_hh is None else b_hh)

    return {
        "gru_step": gru_step,
        "lstm_step": lstm_step,
        "rnn_step": rnn_step,
        "time_steps": torch.unbind,
    }
