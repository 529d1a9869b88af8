"""What PyTorch says of a network: every call with its operands, values and gradients.

Each operand of a call is replaced by an alias of itself, whose gradient is then that of this use
alone. So nodes and edges both have a counterpart that owes nothing to this library.
"""

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode


class Made:
    """A tensor as it was when a call made it, and the gradient that arrives at that place.

    A hook stays with what the tensor was, whatever is written into it later.
    """

    def __init__(self, tensor):
        self.tensor = tensor
        self.value = tensor.detach().numpy().copy()
        self.gradient = np.zeros_like(self.value)
        tensor.register_hook(self._arrived)

    def _arrived(self, g):
        if g is not None:
            self.gradient = g.detach().numpy().copy()


@dataclass
class Call:
    """One call of PyTorch: what it made, and for each tensor it read, the alias it was given."""

    outputs: list[Made]
    operands: list[tuple[Any, Made]] = field(default_factory=list)


# Given an alias, they would write into it, or not find it in the graph.
WHOLE = ("__setitem__", "__iadd__", "add_", "grad")


class Calls(TorchFunctionMode):
    """Keeps every call whose result carries a gradient."""

    def __init__(self):
        super().__init__()
        self.made = []
        self.inside = False

    def one(self, function, *args):
        """Call a function that is made of several as if it were one of PyTorch's."""
        with self.off():
            return self._kept(function, args, {})

    @contextmanager
    def off(self):
        """Keep nothing meanwhile."""
        self.inside, before = True, self.inside
        try:
            yield
        finally:
            self.inside = before

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if self.inside:
            return func(*args, **kwargs)
        name = getattr(func, "__name__", str(func))
        if name in WHOLE:
            out = func(*args, **kwargs)
            results = args[0] if name == "__setitem__" else out
            self.made.append(Call([Made(t) for t in _tensors(results) if t.requires_grad]))
            return out
        with self.off():
            return self._kept(func, args, kwargs)

    def _kept(self, func, args, kwargs):
        operands = []

        def alias(x):
            if isinstance(x, (list, tuple)):
                return type(x)(alias(item) for item in x)
            if not isinstance(x, torch.Tensor) or not x.requires_grad:
                return x
            twin = x.view_as(x)
            operands.append((x, Made(twin)))
            return twin

        out = func(*(alias(a) for a in args), **{k: alias(v) for k, v in kwargs.items()})
        outputs = [Made(t) for t in _tensors(out) if t.requires_grad]
        if outputs and operands:
            self.made.append(Call(outputs, operands))
        return out


def _tensors(x):
    if isinstance(x, torch.Tensor):
        return [x]
    return [t for item in x for t in _tensors(item)] if isinstance(x, (list, tuple)) else []


class Sizes:
    """The numbers that a label shows, of an array: written out once more, with NumPy alone."""

    def __init__(self, array):
        g = np.abs(np.asarray(array, "float64").ravel())
        self.rms = float(np.sqrt(np.mean(g * g))) if g.size else 0.0
        self.l2 = float(np.sqrt(np.sum(g * g)))
        self.mean_abs = float(np.mean(g)) if g.size else 0.0
        self.max_abs = float(np.max(g, initial=0.0))
        self.size = g.size


FIELDS = ("rms", "l2", "mean_abs", "max_abs")


def spell_out(monkeypatch, calls):
    """Recurrent and attention layers of PyTorch by their equations, in small steps."""

    def lstm_step(x, h, c, w):
        i, f, g, o = (x + h @ w.T).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c.clone()  # h reads c inside the step

    def gru_step(x, h, w, b):
        x, y = x.chunk(3, 1), (h @ w.T + b).chunk(3, 1)
        r, u = torch.sigmoid(x[0] + y[0]), torch.sigmoid(x[1] + y[1])
        return ((1 - u) * torch.tanh(x[2] + r * y[2]) + u * h,)

    def run(layer, x, _=None):
        lstm = isinstance(layer, torch.nn.LSTM)
        if layer.batch_first:
            x = x.transpose(0, 1)
        ends = []
        for k in range(layer.num_layers):
            outputs = []
            for back in range(1 + layer.bidirectional):
                suffix = f"_l{k}" + "_reverse" * back
                w, u, b, d = (getattr(layer, n + suffix) for n in
                              ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))  # fmt: skip
                shares = F.linear(x, w, b + d if lstm else b).unbind(0)
                zero = x.new_zeros(x.shape[1], layer.hidden_size)
                state, found = (zero, zero) if lstm else (zero,), []
                for share in reversed(shares) if back else shares:
                    last = (u,) if lstm else (u, d)
                    state = calls.one(lstm_step if lstm else gru_step, share, *state, *last)
                    found.append(state[0])
                outputs.append(torch.stack(found[::-1] if back else found))
                ends.append(state)
            x = torch.cat(outputs, -1) if layer.bidirectional else outputs[0]
        final = tuple(torch.stack(parts) for parts in zip(*ends, strict=True))
        return x.transpose(0, 1) if layer.batch_first else x, final if lstm else final[0]

    def heads_of(x, heads):
        n, length, width = x.shape
        parts = x.reshape(n, length, 3, heads, width // 3 // heads)
        return tuple(parts.permute(2, 0, 3, 1, 4).unbind(0))

    def weights_of(q, k):
        return torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, -1)

    def attend(layer, x, *_, **__):
        q, k, v = calls.one(
            heads_of, F.linear(x, layer.in_proj_weight, layer.in_proj_bias), layer.num_heads
        )
        found = calls.one(weights_of, q, k) @ v
        return layer.out_proj(found.permute(0, 2, 1, 3).reshape(x.shape)), None

    monkeypatch.setattr(torch.nn.LSTM, "forward", run)
    monkeypatch.setattr(torch.nn.GRU, "forward", run)
    monkeypatch.setattr(torch.nn.MultiheadAttention, "forward", attend)
