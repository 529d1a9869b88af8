"""How many multiplications with addition an op takes: what networks spend their time on.

Counted are the ops that become matrix products, which are those declared with ``autocast="low"``;
`tests.test_nn_summary` fails for one that is missing here. The rest, one or a few operations for
each element, is not counted, as is usual.
"""

from collections.abc import Callable
from math import prod

import autodiff as ad


def _shape(node: ad.Node, operand: str) -> tuple[int, ...]:
    """The shape of an operand, of which the node keeps at least that."""
    kept = node.kept
    found: tuple[int, ...] = kept[operand].shape if operand in kept else kept[f"{operand}_shape"]
    return found


def _of_linear(node: ad.Node) -> int:
    features = node.kept["weight" if "weight" in node.kept else "x"].shape[-1]
    return int(prod(node.shape) * features)


def _of_matmul(node: ad.Node) -> int:
    return int(prod(node.shape) * _shape(node, "x")[-1])


def _of_attention(node: ad.Node) -> int:
    return int(prod(node.shape) * _shape(node, "query")[-1])


def _of_step(node: ad.Node) -> int:
    """A recurrent step's, without the input's share, which is a ``linear`` of all steps."""
    kept = node.kept
    return int(kept["h"].shape[0] * prod(kept["w_hh"].shape))


def _of_contract(node: ad.Node) -> int:
    """The size of the grid that all labels span."""
    terms = node.kept["subscripts"].partition("->")[0].split(",")
    if len(terms) == 1:
        return 0
    sizes: dict[str, int] = {}
    for labels, operand in zip(terms, "xy"):
        sizes |= dict(zip(labels, _shape(node, operand)))
    return prod(sizes.values())


def _of_convolution(node: ad.Node) -> int:
    """A kernel without its axis of outputs for each value of the result."""
    kept = node.kept
    if "w" not in kept and "w_shape" not in kept:  # nothing carries a gradient but the bias
        return 0
    return int(prod(node.shape) * prod(_shape(node, "w")[1:]))


def _of_transposed_convolution(node: ad.Node) -> int:
    """The same for each value of the operand."""
    kept = node.kept
    if "y" not in kept and "y_shape" not in kept:
        return 0
    return prod(_shape(node, "y")) * prod(_shape(node, "w")[1:])


def _of_kernel_gradient(node: ad.Node) -> int:
    n, _, *places = _shape(node, "y")
    return int(prod(node.shape) * n * prod(places))


COUNTS: dict[str, Callable[[ad.Node], int]] = {
    "attention_weights": _of_attention,
    "contract": _of_contract,
    "convolution": _of_convolution,
    "kernel_gradient": _of_kernel_gradient,
    "gru_step": _of_step,
    "linear": _of_linear,
    "lstm_step": _of_step,
    "matmul": _of_matmul,
    "rnn_step": _of_step,
    "transposed_convolution": _of_transposed_convolution,
}


def multiply_adds(node: ad.Node) -> int:
    """Those of a recorded op."""
    count = COUNTS.get(node.op.name)
    return 0 if count is None else count(node)
