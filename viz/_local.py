"""How steep an op was where it was computed, read from what the graph keeps.

A rectifier passes the gradient or stops it; a squasher is flat far out. Both are judged by the
local derivative, relative to the largest that the op can have.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import autodiff as ad

Kind = Literal["rectifier", "squasher"]

FLAT = 0.06
"""A squasher is saturated where its derivative is below this share of the largest: for tanh this
is ``|tanh(x)| > 0.97``, the mark of makemore's third lecture (Karpathy, 2022)."""
SILENT = 1e-4
"""A rectifier is silent where its derivative is below this share of the largest; relu has 0."""


@dataclass(frozen=True, slots=True)
class Local:
    """The shape of an activation: its kind, and the largest magnitude of its derivative."""

    kind: Kind
    largest: float

    @property
    def low(self) -> float:
        """The derivative below which hardly anything passes."""
        return self.largest * (FLAT if self.kind == "squasher" else SILENT)


LOCAL: dict[str, Local] = {
    "relu": Local("rectifier", 1.0),
    "leaky_relu": Local("rectifier", 1.0),
    "threshold": Local("rectifier", 1.0),
    "hardswish": Local("rectifier", 1.5),
    "elu": Local("rectifier", 1.0),
    "celu": Local("rectifier", 1.0),
    "selu": Local("rectifier", 1.7581),
    "gelu": Local("rectifier", 1.129),
    "silu": Local("rectifier", 1.0998),
    "mish": Local("rectifier", 1.0888),
    "softplus": Local("rectifier", 1.0),
    "sigmoid": Local("squasher", 0.25),
    "tanh": Local("squasher", 1.0),
    "softsign": Local("squasher", 1.0),
    "hardtanh": Local("squasher", 1.0),
    "hardsigmoid": Local("squasher", 1 / 6),
    "arctan": Local("squasher", 1.0),
    "erf": Local("squasher", 2 / math.sqrt(math.pi)),
}
"""Activations by the name of their op."""


def local(node: Any) -> Local | None:
    """What is known of the op that made a node; None for one that is no activation."""
    return None if node.op is None else LOCAL.get(node.op.name)


def derivative(node: Any) -> Any:
    """The local derivative of an activation, as a raw array shaped like its result.

    From what the node keeps; None if it keeps nothing (released) or is another kind of op.
    """
    op, kept = node.op, node.kept
    if op is None or not op.traits.elementwise:
        return None
    if "out" in kept:
        return _from_result(op.name, kept)
    if op.name == "threshold":  # it does not keep its other argument
        return (kept["x"] > kept["threshold"]).astype(kept["x"].dtype)
    if op.name not in LOCAL:
        return None
    if "x" not in kept or len(node.parents) != 1 or type(kept["x"]) is float:
        return None
    options = {name: value for name, value in kept.items() if name != "x"}
    with ad.enable_grad():
        x = ad.tensor(kept["x"], requires_grad=True)
        y = op(x, **options)
        return ad.gradients(y, x, ad.ones_like(y)).data


def _from_result(name: str, kept: dict[str, Any]) -> Any:
    out = kept["out"]
    if type(out) is float:
        return None
    if name == "relu":
        return (out > 0).astype(out.dtype)
    if name == "sigmoid":
        return out - out * out
    if name == "tanh":
        return 1 - out * out
    if name == "hardtanh":
        return ((out > kept["min_val"]) & (out < kept["max_val"])).astype(out.dtype)
    return None


def low_share(node: Any) -> float | None:
    """The share of entries where hardly any gradient passes an activation."""
    shape, slope = local(node), derivative(node)
    if shape is None or slope is None or not slope.size:
        return None
    xp = ad.backend.namespace(slope)
    return float(xp.mean((xp.abs(slope) < shape.low).astype(xp.float64)))
