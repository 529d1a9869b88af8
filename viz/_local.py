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


def local_derivatives(node: Any) -> dict[str, Any]:
    """The local derivative for each operand that carries a gradient, as raw arrays.

    It is what the op's own rule makes of a gradient of ones, so there is no second table of
    derivatives to be wrong.

    Parameters
    ----------
    node : Node
        Of an elementwise op. Its graph must not have been released.

    Returns
    -------
    dict
        Empty where nothing is known: a leaf, an op that mixes entries, a released graph.

    Examples
    --------
    >>> x = ad.tensor([0.0, 2.0], dtype=ad.float64, requires_grad=True)
    >>> local_derivatives(ad.relu(x).node)
    {'x': array([0., 1.])}
    """
    op, kept = node.op, node.kept
    if op is None or not op.traits.elementwise or node.released:
        return {}
    arrays = [value for value in kept.values() if hasattr(value, "dtype")]
    # Without arrays the rules give numbers: in scalar mode, and for x + y.
    xp = ad.backend.namespace(arrays[0] if arrays else 1.0)
    one = xp.ones(node.shape, dtype=node.dtype) if arrays else 1.0
    given = {**kept, "g": one, "xp": xp}
    found = {}
    for operand in dict.fromkeys(node.operands):
        rule = op.rules[operand]
        if not set(rule.reads) - {"needs"} <= set(given):
            continue
        if len(rule.operands) > 1:
            needs = tuple(name in node.operands for name in rule.operands)
            g = rule.fn(**{n: given.get(n, needs) for n in rule.reads})
            found[operand] = g[rule.operands.index(operand)]
        else:
            found[operand] = rule.fn(**{n: given[n] for n in rule.reads})
    return found


def derivative(node: Any) -> Any:
    """The local derivative of an elementwise op of one operand, shaped like its result.

    A raw array; None if the op is another kind, keeps nothing (released) or is of scalar mode.
    """
    found = list(local_derivatives(node).values())
    alone = len(found) == 1 and len(node.op.operands) == 1
    return found[0] if alone and hasattr(found[0], "dtype") else None


def low_share(node: Any) -> float | None:
    """The share of entries where hardly any gradient passes an activation."""
    shape, slope = local(node), derivative(node)
    if shape is None or slope is None or not slope.size:
        return None
    xp = ad.backend.namespace(slope)
    return float(xp.mean((xp.abs(slope) < shape.low).astype(xp.float64)))
