"""What can be done about a finding, as code: each changes a copy of a model."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import autodiff as ad

from ._evidence import MATRIX
from ._ghosts import UNUSED
from ._local import LOCAL
from ._plan import Plan, children, library
from ._remedies_recurrent import (
    forget_bias,
    gated_cell,
    orthogonal,
    orthogonal_blocks,
    recurrent,
)
from ._rules_update import ratios

USUAL_UPDATE = 1e-3
"""The size of an update over that of the weight that is usual (CS231n notes)."""
OUT_OF_SCALE = 10.0
"""By how much data may be larger or smaller than 1 before ``scale_inputs`` takes notice."""
CLIP_NORM = 1.0
"""The norm to which ``clip`` shortens gradients."""
RECTIFIER_GAIN = math.sqrt(2)
"""He et al. (2015)."""
GAINS = {"sigmoid": 4.0, "tanh": 5 / 3, "selu": 1.0}
"""What makes up for an activation's slope at 0 (Glorot & Bengio, 2010; LeCun et al., 1998)."""


# ---------------------------------------------------------------- weights
def reinitialize(plan: Plan) -> bool:
    """Draw every weight matrix anew: normal, variance gain**2 / fan-in; biases 0."""
    names = {node.op.name for node in plan.evidence.order if node.op is not None}
    if any(LOCAL[n].kind == "rectifier" for n in names if n in LOCAL):
        return _redraw(plan, RECTIFIER_GAIN)
    return _redraw(plan, max((GAINS.get(n, 1.0) for n in names if n in LOCAL), default=1.0))


def _redraw(plan: Plan, gain: float) -> bool:
    generator = ad.random.Generator(0)
    done = False
    for weight in plan.evidence.weights:
        if not weight.readers:
            continue
        tensor = weight.tensor
        xp = ad.backend.namespace(tensor.data)
        if len(tensor.shape) < 2:
            if weight.name.rpartition(".")[2].startswith("bias"):
                tensor.data = xp.zeros_like(tensor.data)
            continue
        op = weight.readers[0].op.name
        if op not in MATRIX:
            continue
        where = {"dtype": tensor.dtype, "device": tensor.device}
        # x @ w has the units as columns, linear and convolutions as rows.
        columns = op == "matmul" and not weight.turned
        fan_in = tensor.shape[-2] if columns else math.prod(tensor.shape[1:])
        drawn: Any = generator.normal(tensor.shape, 0.0, 1.0, **where)
        if recurrent(weight):
            tensor.data = orthogonal_blocks(drawn)
        else:
            tensor.data = (drawn * (gain / math.sqrt(fan_in))).astype(tensor.dtype)
        done = True
    return done


def unfreeze(plan: Plan) -> bool:
    """Ask for gradients of all parameters, and give all of them to the optimizer."""
    for weight in plan.evidence.weights:
        weight.tensor.requires_grad = True
    plan.adopt = True
    return True


def drop_unused(plan: Plan) -> bool:
    """Nothing is asked of parameters whose module is never called; the program can remove them."""
    unused = [w for w in plan.evidence.lonely if w.record.note == UNUSED]
    for weight in unused:
        weight.tensor.requires_grad = False
    return bool(unused)


def float32(plan: Plan) -> bool:
    """Keep weights in float32, where the spacing of numbers is 1e-7 of their size."""
    if all(str(w.record.dtype) in ("float32", "float64") for w in plan.evidence.weights):
        return False
    plan.model.to("float32")
    return True


# ---------------------------------------------------------------- modules
def swap_activations(plan: Plan) -> bool:
    """LeakyReLU in the place of every hidden activation, and weights drawn for it."""
    package = library(plan.model)
    if package is None:
        return False
    places = [(parent, name) for parent, name, _, _ in hidden_activations(plan)]
    for parent, name in places:
        setattr(parent, name, package.LeakyReLU(0.1))
    return bool(places) and _redraw(plan, RECTIFIER_GAIN)


def normalize(plan: Plan) -> bool:
    """A normalization of each example before every hidden activation."""
    package = library(plan.model)
    if package is None:
        return False
    places = list(hidden_activations(plan))
    for parent, name, module, node in places:
        axis = plan.evidence.channel_axis(node) % len(node.shape)
        channels = node.shape[axis]
        norm = package.LayerNorm if axis == len(node.shape) - 1 else _group(package)
        made = norm(channels).to(str(node.dtype), node.device)
        setattr(parent, name, package.Sequential(made, module))
    return bool(places)


def _group(package: Any) -> Callable[[int], Any]:
    return lambda channels: package.GroupNorm(1, channels)


def add_skips(plan: Plan) -> bool:
    """A shortcut around every hidden layer whose result has the shape of what it reads."""
    package = library(plan.model)
    if package is None or not hasattr(package, "Residual"):
        return False
    places = []
    for parent, name, module in children(plan.model):
        weight = getattr(module, "weight", None)
        shape: Any = getattr(weight, "shape", ())
        if type(module).__name__ == "Linear" and len(shape) == 2 and shape[0] == shape[1]:
            places.append((parent, name, module))
    for parent, name, module in places:
        setattr(parent, name, package.Residual(module))
    return bool(places)


def scale_inputs(plan: Plan) -> bool:
    """Data divided by its deviation, where that is far from 1 (LeCun et al., 1998)."""
    package, e = library(plan.model), plan.evidence
    sizes = {}
    for weight in e.kernels:
        first = weight.readers[0]
        x: Any = first.kept.get("x")
        if "x" in first.operands or not hasattr(x, "dtype") or not ad.backend.is_float(x.dtype):
            continue
        size = float(ad.backend.namespace(x).std(x.astype("float64")))
        if size > 0 and max(size, 1 / size) > OUT_OF_SCALE:
            sizes[e.records[first].scope] = size
    paths = {id(module): path for path, module in plan.model.named_modules()}
    places = [p for p in children(plan.model) if paths[id(p[2])] in sizes]
    for parent, name, module in places if package else []:
        setattr(parent, name, scaled(package, module, sizes[paths[id(module)]]))
    return bool(places)


def scaled(package: Any, layer: Any, size: float) -> Any:
    """A layer that divides what it reads."""

    class Scaled(package.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            self.layer = layer

        def forward(self, x: Any, *rest: Any) -> Any:
            return self.layer(x / size, *rest)

    return Scaled()


def group_norm(plan: Plan) -> bool:
    """Group normalization, which needs no batch, in the place of every batch norm."""
    package = library(plan.model)
    if package is None:
        return False
    places = [(p, n, m) for p, n, m in children(plan.model) if hasattr(m, "running_var")]
    for parent, name, module in places:
        weight = next((w for w in (module.weight, module.running_var) if w is not None), None)
        made = package.GroupNorm(1, module.num_features)
        if weight is not None:
            made.to(str(weight.dtype), weight.device)
        setattr(parent, name, made)
    return bool(places)


def train_mode(plan: Plan) -> bool:
    """Training mode everywhere."""
    plan.model.train()
    return True


def hidden_activations(plan: Plan) -> Iterator[tuple[Any, str, Any, Any]]:
    """Activation modules before the last weight matrix, each with a node of its result."""
    e = plan.evidence
    last = max((n.index for n in e.order if n.op and n.op.name in MATRIX), default=-1)
    nodes: dict[str, Any] = {}
    for made in e.order:
        if made.op is not None and made.op.name in LOCAL and made.index < last:
            nodes[e.records[made].scope] = made
    paths = {id(module): path for path, module in plan.model.named_modules()}
    for parent, name, module in list(children(plan.model)):
        node: Any = nodes.get(paths[id(module)])
        if node is not None and not any(True for _ in module.named_children()):
            bare = not any(len(p.shape) > 1 for _, p in module.named_parameters())
            if bare:
                yield parent, name, module, node


# ---------------------------------------------------------------- training
def lower_lr(plan: Plan) -> bool:
    """A learning rate at which the median update is 1e-3 of its weight, or a tenth of this one."""
    return _rescale(plan, 0.1)


def raise_lr(plan: Plan) -> bool:
    """A learning rate at which the median update is 1e-3 of its weight, or ten times this one."""
    return _rescale(plan, 10.0)


def _rescale(plan: Plan, otherwise: float) -> bool:
    if plan.evidence.optimizer is None:
        return False
    sizes = sorted(r for r in ratios(plan.evidence).values() if 0 < r < math.inf)
    factor = USUAL_UPDATE / sizes[len(sizes) // 2] if sizes else otherwise
    if (factor < 1) != (otherwise < 1):
        factor = otherwise
    plan.lr_factor = factor
    return True


def clip(plan: Plan) -> bool:
    """Shorten the gradient of all parameters together to norm 1 (Pascanu et al., 2013)."""
    plan.clip = CLIP_NORM
    return True


REMEDIES: dict[str, Callable[[Plan], bool]] = {
    f.__name__: f
    for f in (
        reinitialize, orthogonal, forget_bias, unfreeze, drop_unused, float32,
        swap_activations, normalize, add_skips, scale_inputs, group_norm, gated_cell, train_mode,
        lower_lr, raise_lr, clip,
    )
}  # fmt: skip
"""Each returns whether it could be applied."""
