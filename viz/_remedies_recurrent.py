"""What can be done about recurrences: orthogonal weights, gates that remember, gated cells."""

import math
from typing import Any

import autodiff as ad

from ._evidence import RECURRENT, Weight
from ._gates import gates_of
from ._plan import Plan, children, library
from ._rules_recurrent import steps_of

FORGET_BIAS = 1.0
"""What Jozefowicz, Zaremba & Sutskever (2015) add to the forget gates of an LSTM."""
BIASES = "bias_ih", "bias_hh"
GATED = {"RNN": "GRU", "RNNCell": "GRUCell"}
OPTIONS = "num_layers", "bias", "batch_first", "dropout", "bidirectional"


def orthogonal(plan: Plan) -> bool:
    """Orthogonal recurrent weights, which keep the size of a state (Saxe et al., 2014)."""
    generator = ad.random.Generator(0)
    weights = [w for w in plan.evidence.kernels if recurrent(w)]
    for weight in weights:
        tensor = weight.tensor
        where = {"dtype": tensor.dtype, "device": tensor.device}
        tensor.data = orthogonal_blocks(generator.normal(tensor.shape, 0.0, 1.0, **where))
    return bool(weights)


def recurrent(weight: Weight) -> bool:
    """Whether a weight takes one state to the next."""
    return weight.readers[0].op.name in RECURRENT or bool(steps_of(weight))


def orthogonal_blocks(drawn: Any) -> Any:
    """Blocks of orthogonal rows (Saxe et al., 2014), one for each gate."""
    xp = ad.backend.namespace(drawn)
    rows, columns = drawn.shape
    square = min(rows, columns)
    blocks = [
        xp.linalg.qr(drawn[i : i + square].astype("float64").T)[0].T
        for i in range(0, rows - square + 1, square)
    ]
    made = xp.concatenate(blocks, axis=0)
    return made.astype(drawn.dtype) if made.shape == drawn.shape else drawn / math.sqrt(columns)


def forget_bias(plan: Plan) -> bool:
    """A bias of 1 for the gate that keeps the old state (Jozefowicz et al., 2015)."""
    named = dict(plan.model.named_parameters())
    done = False
    for weight in plan.evidence.kernels:
        gates = gates_of(weight)
        block = next((i for i, gate in enumerate(gates) if gate.keeps), None)
        given: list[Any] = [named.get(weight.name.replace("weight_hh", b)) for b in BIASES]
        if block is None or None in given:
            continue
        n = weight.readers[0].kept[gates[block].kept].shape[-1]
        for bias, value in zip(given, (FORGET_BIAS, 0.0)):
            made = bias.data.copy()
            made[block * n : (block + 1) * n] = value
            bias.data = made
        done = True
    return done


def gated_cell(plan: Plan) -> bool:
    """A GRU in the place of every Elman network (Cho et al., 2014), inclined to remember."""
    package = library(plan.model)
    done = False
    for parent, name, module in list(children(plan.model)):
        kind = next((c.__name__ for c in type(module).__mro__ if c.__name__ in GATED), None)
        if kind is None or package is None:
            continue
        options = {o: getattr(module, o) for o in OPTIONS if hasattr(module, o)}
        made = getattr(package, GATED[kind])(
            module.input_size, module.hidden_size, generator=ad.random.Generator(0), **options
        )
        weight = next(p for _, p in module.named_parameters())
        made.to(str(weight.dtype), weight.device)
        n = module.hidden_size
        for path, bias in made.named_parameters():
            if path.startswith(BIASES[0]):
                bias.data[n : 2 * n] = FORGET_BIAS
        setattr(parent, name, made)
        done = True
    return done
