"""What the rules of the diagnosis look at: one graph, its gradients and its parameters.

Forward values are those that the graph keeps for its own backward pass, so nothing has to be
recorded beforehand.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import autodiff as ad

from ._observe import ancestors, node_of, tensor_of
from ._record import blank, record
from ._records import NodeRecord, Recording
from ._stats import Collector, Statistics

MATRIX = frozenset(
    {"linear", "matmul", "convolution", "transposed_convolution", "contract",
     "rnn_step", "lstm_step", "gru_step"}
)  # fmt: skip
"""Ops that read a weight matrix."""
RECURRENT = frozenset({"rnn_step", "lstm_step", "gru_step"})
CHANNELS = frozenset({"convolution", "transposed_convolution", "channel_norm", "scale_channels"})
"""Ops whose result has its channels on axis 1."""


@dataclass
class Weight:
    """One parameter of the model or graph, with its gradient and the ops that read it."""

    record: NodeRecord
    tensor: Any
    gradient: Any  # raw; None where there is none
    readers: list[Any] = field(default_factory=list)
    turned: bool = False  # read through a view, such as its transpose

    @property
    def name(self) -> str:
        return self.record.name

    @cached_property
    def size(self) -> Statistics:
        """The size of the parameter itself."""
        collector = Collector()
        collector.add(self.tensor.data)
        return collector.results()[0]

    @property
    def rms(self) -> float:
        """RMS of the gradient over the entries that have one: untouched rows do not count."""
        touched = 1 - self.record.zero_fraction
        return self.record.rms / touched**0.5 if touched > 0 else self.record.rms

    @property
    def kernel(self) -> bool:
        """Whether it is a weight matrix with a gradient."""
        return self.gradient is not None and len(self.record.shape) >= 2


def leaf_gradients(loss: Any) -> dict[Any, Any]:
    """The raw gradients of a loss by leaf node. Nothing is written, and no hook fires."""
    found: dict[Any, Any] = {}

    def look(node: Any, g: Any, pulled: Any) -> None:
        if node.op is None:
            found[node] = g

    ad.gradients(loss, observe=look)
    return found


class Evidence:
    """A loss, observed once, as the rules read it."""

    def __init__(self, loss: Any, model: Any = None, optimizer: Any = None) -> None:
        self.model, self.optimizer = model, optimizer
        # What no gradient can reach is evidence too, if there are parameters that wait for one.
        cut = model is not None and getattr(loss, "node", model) is None
        self.recording: Recording = (blank if cut else record)(loss, model)
        self.root = None if cut else node_of(loss)
        self.order = [] if self.root is None else ancestors(self.root)
        self.records = dict(zip(self.order, self.recording.nodes))
        self.weights = self._weights(loss)

    def _weights(self, loss: Any) -> list[Weight]:
        """The parameters, in the order in which the loss first reads them; unreached ones last."""
        known = self.order and not self.recording.released
        gradients = leaf_gradients(loss) if known else {}
        named = {} if self.model is None else dict(self.model.named_parameters())
        found: dict[Any, Weight] = {}
        through: dict[Any, Weight] = {}  # a parameter, or a view of it
        for node in self.order:
            record = self.records[node]
            tensor = tensor_of(node)
            given = record.kind == "parameter" and (named or self.model is None)
            if node.op is None and given and tensor is not None:
                g = gradients.get(node, getattr(tensor.grad, "data", None))
                through[node] = found[node] = Weight(record, tensor, g)
                continue
            for parent in node.parents:
                weight = through.get(parent)
                if weight is None:
                    continue
                if node.op.traits.view or node.op.name == "astype":
                    through[node] = weight
                    weight.turned |= node.op.name in ("transpose", "swapaxes")
                else:
                    weight.readers.append(node)
        place = {node: i for i, node in enumerate(self.order)}
        reached = sorted(
            found.values(), key=lambda w: min((place[r] for r in w.readers), default=len(place))
        )
        seen = {id(w.tensor) for w in reached}
        ghosts = [
            Weight(record, named[record.name], None)
            for record in self.recording.nodes[len(self.order) :]
            if record.name in named and id(named[record.name]) not in seen
        ]
        return reached + ghosts

    @property
    def lonely(self) -> list[Weight]:
        """The parameters that are to learn and get no gradient.

        Those of another optimizer are not to learn from this loss. If nothing requires a gradient,
        all of them are lonely.
        """
        if self.recording.released:
            return []
        left = [w for w in self.weights if w.gradient is None]
        if self.root is None:
            return left
        known = self.optimized
        mine = [w for w in left if known is None or id(w.tensor) in known]
        return [w for w in mine if w.tensor.requires_grad]

    @property
    def kernels(self) -> list[Weight]:
        """The weight matrices that have a gradient, first layer first."""
        return [w for w in self.weights if w.kernel]

    def name(self, node: Any) -> str:
        """What the pictures call a node."""
        return self.records[node].name

    def channel_axis(self, node: Any) -> int:
        """The axis of a node's result that counts units."""
        while node.op is not None and node.parents:
            if node.op.name in CHANNELS:
                return 1
            if node.op.name in MATRIX:
                return -1
            node = node.parents[0]
        return 1 if len(node.shape) > 3 else -1

    @cached_property
    def updates(self) -> dict[int, tuple[Any, Any]]:
        """Of each parameter, by id, the value after the next step, and its gradient.

        Empty for an optimizer that cannot tell without a step, as L-BFGS.
        """
        if not hasattr(self.optimizer, "preview") or self.recording.released:
            return {}
        known = self.optimized or set()
        moved = [w for w in self.weights if w.gradient is not None and id(w.tensor) in known]
        try:
            return {
                id(w.tensor): (self.optimizer.preview(w.tensor, w.gradient), w.gradient)
                for w in moved
            }
        except NotImplementedError:
            return {}

    @property
    def optimized(self) -> set[int] | None:
        """The ids of the parameters that the optimizer has; None without one."""
        if self.optimizer is None:
            return None
        return {id(p) for group in self.optimizer.param_groups for p in group["params"]}
