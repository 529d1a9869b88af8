"""One step in time of each recurrent layer, and the slices that the steps are given.

The input's share of a step, ``x @ w_ih.T + b_ih``, comes from outside, since it is one matrix
product for all steps; what is left is the recurrence. So a recorded sequence is a chain of steps,
each with its gradient. The steps keep what their gates let through, which the rules would
otherwise have to compute again with a matrix product.
"""

from typing import Any

import autodiff as ad

Array = Any


@ad.op(x=lambda g, xp: xp.stack(g), outputs=None, linear=("x",))
def time_steps(xp: Any, x: Array, /) -> tuple[Array, ...]:
    """The slices of ``x`` along its first axis, as one op: its gradient is one `stack`.

    Those of `unstack` are views, each with a gradient of the size of ``x``.
    """
    return tuple([x[t] for t in range(x.shape[0])])


# ---------------------------------------------------------------- Elman
@ad.op(promote=("x", "h", "w_hh"), floating=True, autocast="low")
def rnn_step(xp: Any, x: Array, h: Array, w_hh: Array, /, nonlinearity: str = "tanh") -> Array:
    """``tanh(x + h @ w_hh.T)``, the state of a simple recurrent network (Elman, 1990).

    Parameters
    ----------
    x : array, shape (batch, hidden)
        The input's share, with both biases.
    h : array, shape (batch, hidden)
        The state before.
    w_hh : array, shape (hidden, hidden)
    nonlinearity : str
        ``"tanh"`` or ``"relu"``.
    """
    a = x + xp.dot(h, w_hh.T)
    return xp.tanh(a) if nonlinearity == "tanh" else xp.maximum(a, 0)


@rnn_step.vjp("x", "h", "w_hh")
def _(
    g: Array,
    xp: Any,
    h: Array,
    w_hh: Array,
    out: Array,
    nonlinearity: str,
    needs: tuple[bool, bool, bool],
) -> tuple[Array, Array | None, Array | None]:
    g = g * (1 - out * out) if nonlinearity == "tanh" else xp.where(out > 0, g, 0)
    return (
        g,
        xp.dot(g, w_hh) if needs[1] else None,
        xp.dot(g.T, h) if needs[2] else None,
    )


# ---------------------------------------------------------------- LSTM
@ad.op(
    outputs=2,
    saves=("i", "f", "z", "o", "s"),
    promote=("x", "h", "c", "w_hh"),
    floating=True,
    autocast="low",
)
def lstm_step(
    xp: Any, x: Array, h: Array, c: Array, w_hh: Array, /
) -> tuple[Array, Array, Array, Array, Array, Array, Array]:
    """The output and the cell state of a long short-term memory after one step.

    With the gates ``i``, ``f``, ``o`` (sigmoids) and the candidate ``z`` (a tanh) of the four
    blocks of ``x + h @ w_hh.T``, in the order i, f, z, o, the new cell state is
    ``f * c + i * z`` and the output ``o * tanh`` of that. Sources: Hochreiter & Schmidhuber,
    "Long short-term memory", 1997; Gers, Schmidhuber & Cummins, "Learning to forget", 2000.

    Parameters
    ----------
    x : array, shape (batch, 4 * hidden)
        The input's share, with both biases.
    h : array, shape (batch, output)
        The output before; its size differs from the hidden one where it was projected.
    c : array, shape (batch, hidden)
        The cell state before.
    w_hh : array, shape (4 * hidden, output)

    Returns
    -------
    h, c : array, shape (batch, hidden)
    """
    n = c.shape[-1]
    a = x + xp.dot(h, w_hh.T)
    i, f = ad.sigmoid(a[:, :n]), ad.sigmoid(a[:, n : 2 * n])
    z, o = xp.tanh(a[:, 2 * n : 3 * n]), ad.sigmoid(a[:, 3 * n :])
    c = f * c + i * z
    s = xp.tanh(c)
    return o * s, c, i, f, z, o, s


@lstm_step.vjp("x", "h", "c", "w_hh")
def _(
    g: tuple[Array, Array],
    xp: Any,
    h: Array,
    c: Array,
    w_hh: Array,
    i: Array,
    f: Array,
    z: Array,
    o: Array,
    s: Array,
    needs: tuple[bool, bool, bool, bool],
) -> tuple[Array, Array | None, Array | None, Array | None]:
    g_h, g_c = g
    g_c = g_c + g_h * o * (1 - s * s)
    g_a = xp.concatenate(
        [
            g_c * z * (i * (1 - i)),
            g_c * c * (f * (1 - f)),
            g_c * i * (1 - z * z),
            g_h * s * (o * (1 - o)),
        ],
        axis=-1,
    )
    return (
        g_a,
        xp.dot(g_a, w_hh) if needs[1] else None,
        g_c * f if needs[2] else None,
        xp.dot(g_a.T, h) if needs[3] else None,
    )


# ---------------------------------------------------------------- GRU
@ad.op(
    saves=("r", "u", "z", "m"),
    promote=("x", "h", "w_hh", "b_hh"),
    floating=True,
    autocast="low",
)
def gru_step(
    xp: Any, x: Array, h: Array, w_hh: Array, b_hh: Array | None = None, /
) -> tuple[Array, Array, Array, Array, Array]:
    """The state of a gated recurrent unit after one step.

    With the three blocks of ``x`` and those of ``y = h @ w_hh.T + b_hh``: the gates
    ``r = sigmoid(x0 + y0)`` and ``u = sigmoid(x1 + y1)``, the candidate
    ``z = tanh(x2 + r * y2)``, and the state ``(1 - u) * z + u * h``. Source: Cho et al.,
    "Learning phrase representations using RNN encoder-decoder", 2014; the reset gate stands
    after the matrix product, as in cuDNN and PyTorch.

    Parameters
    ----------
    x : array, shape (batch, 3 * hidden)
        The input's share, with its own bias.
    h : array, shape (batch, hidden)
        The state before.
    w_hh : array, shape (3 * hidden, hidden)
    b_hh : array, shape (3 * hidden,), optional
    """
    n = h.shape[-1]
    y = xp.dot(h, w_hh.T)
    if b_hh is not None:
        y = y + b_hh
    r = ad.sigmoid(x[:, :n] + y[:, :n])
    u = ad.sigmoid(x[:, n : 2 * n] + y[:, n : 2 * n])
    m = y[:, 2 * n :]
    z = xp.tanh(x[:, 2 * n :] + r * m)
    return z + u * (h - z), r, u, z, m


@gru_step.kernel("numpy")
def _(xp: Any, x: Array, h: Array, w_hh: Array, b_hh: Array | None = None, /) -> tuple[Array, ...]:
    n = h.shape[-1]
    y = xp.dot(h, w_hh.T)
    if b_hh is not None:
        y += b_hh
    m = y[:, 2 * n :]
    gates = y[:, : 2 * n]
    gates += x[:, : 2 * n]
    gates[...] = ad.sigmoid(gates)
    r, u = gates[:, :n], gates[:, n:]
    z = r * m
    z += x[:, 2 * n :]
    xp.tanh(z, out=z)
    out = h - z
    out *= u
    out += z
    return out, r, u, z, m


@gru_step.vjp("x", "h", "w_hh", "b_hh")
def _(
    g: Array,
    xp: Any,
    h: Array,
    w_hh: Array,
    r: Array,
    u: Array,
    z: Array,
    m: Array,
    needs: tuple[bool, bool, bool, bool],
) -> tuple[Array, Array | None, Array | None, Array | None]:
    g_z = g * (1 - u) * (1 - z * z)
    gates = [g_z * m * (r * (1 - r)), g * (h - z) * (u * (1 - u))]
    g_y = xp.concatenate([*gates, g_z * r], axis=-1)
    return (
        xp.concatenate([*gates, g_z], axis=-1),
        g * u + xp.dot(g_y, w_hh) if needs[1] else None,
        xp.dot(g_y.T, h) if needs[2] else None,
        g_y,  # the engine sums over the batch
    )
