"""Layers that ONNX has an operator for as a whole: recurrent ones, and batch normalization.

While a network is captured these layers call `autodiff.captured` in the place of their ops.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

import autodiff as ad

from .. import functional
from ..layers.channels import _BatchNorm
from ..layers.recurrence import GRU, LSTM, RNN, Layers
from .building import Builder, Step
from .table import emits

KINDS = {"LSTM": LSTM, "GRU": GRU, "RNN": RNN}
# Which of our blocks of rows each of ONNX's is: i o f c of i f z o, and z r h of r u z.
ORDER = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "RNN": (0,)}


@contextmanager
def whole(model: Any) -> Iterator[None]:
    """Inside, the layers of a model that ONNX has are captured whole."""
    changed: list[tuple[Any, str]] = []
    try:
        for module in model.modules():
            if isinstance(module, Layers):
                name, made = "_scan", _scan(module)
            elif isinstance(module, _BatchNorm):
                name, made = "forward", _normalized(module)
            else:
                continue
            if made is not None and name not in vars(module):
                setattr(module, name, made)
                changed.append((module, name))
        yield
    finally:
        for module, name in changed:
            delattr(module, name)


def _normalized(module: Any) -> Any:
    """The forward of a batch normalization, as one call; None where it is the batch's own."""
    if type(module).forward is not _BatchNorm.forward or module.running_mean is None:
        return None

    def forward(x: Any) -> Any:
        module._require_axes(x)
        given = x, module.running_mean, module.running_var, module.weight, module.bias
        run = partial(functional.batch_norm, eps=module.eps)
        return ad.captured("batch_norm", run, *given, eps=module.eps)

    return forward


def _scan(layer: Any) -> Any:
    """One layer in one direction, as one call; None for a kind that ONNX does not know."""
    kind = next((name for name, base in KINDS.items() if isinstance(layer, base)), None)
    if (
        kind is None
        or layer.proj_size
        or any(
            getattr(type(layer), name) is not getattr(KINDS[kind], name)
            for name in ("_scan", "_step", "_share")
        )
    ):
        return None
    plain = layer._scan

    def scan(x: Any, state: Any, suffix: str, valid: Any) -> Any:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = [getattr(layer, name + suffix) for name in names]

        given = [None if _nothing(h) else h for h in state]  # zeros are what ONNX starts with
        home = layer.weight_hh_l0.device  # the program's values are on the CPU

        def run(x: Any, valid: Any, *rest: Any) -> Any:
            start = [h if g is None else g for g, h in zip(rest[4:], state)]
            x, valid, *start = [y if y is None else y.to(home) for y in (x, valid, *start)]
            output, end = plain(x, tuple(start), suffix, valid)
            return tuple([y.cpu() for y in (output, *end)])

        output, *end = ad.captured(
            "recurrence", run, x, valid, *weights, *given,
            kind=kind, suffix=suffix, hidden=layer.hidden_size,
            activation=getattr(layer, "nonlinearity", None),
        )  # fmt: skip
        return output, tuple(end)

    return scan


def _nothing(h: Any) -> bool:
    """Whether a state is one of zeros, whatever the inputs."""
    return isinstance(h.data, np.ndarray) and not h.data.any()


@emits("recurrence")
def _(g: Builder, s: Step) -> Any:
    kind, suffix = s.options["kind"], s.options["suffix"]
    x, valid, *weights = s.inputs[:6]
    state = s.inputs[6:]
    lengths = None
    if valid is not None:  # (time, batch, 1)
        lengths = g.add("ReduceSum", g.cast(valid, np.int32), [0, 2], keepdims=0)
    w, r, *biases = [_blocks(g, name, kind) for name in weights if name is not None]
    own = f"{g.scope}." if g.scope else ""
    output, *ends = g.add(
        kind,
        x,
        g.constant(w, g.name(f"{own}W{suffix}")),
        g.constant(r, g.name(f"{own}R{suffix}")),
        g.constant(np.concatenate(biases, axis=1), g.name(f"{own}B{suffix}")) if biases else None,
        lengths,
        *[h if h is None else g.add("Unsqueeze", h, [0]) for h in state],
        outputs=1 + len(state),
        hidden_size=s.options["hidden"],
        direction="reverse" if suffix.endswith("_reverse") else "forward",
        linear_before_reset=1 if kind == "GRU" else None,
        activations=["Relu"] if s.options["activation"] == "relu" else None,
    )
    return g.add("Squeeze", output, [1]), *[g.add("Squeeze", h, [0]) for h in ends]


def _blocks(g: Builder, name: str, kind: str) -> np.ndarray:
    """A weight or bias with its blocks in ONNX's order, and an axis for the direction."""
    if name not in g.constants:
        raise ValueError(f"{kind} whose weights are computed from the inputs")
    blocks = np.split(g.constants[name], len(ORDER[kind]))
    return np.concatenate([blocks[i] for i in ORDER[kind]])[None]
