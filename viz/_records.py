"""What a picture is made of: a record for every tensor and for every use of one."""

import weakref
from dataclasses import dataclass, field
from typing import Any, Literal

import autodiff as ad

from ._stats import State

Kind = Literal["op", "parameter", "input"]
Group = Literal["activations", "parameters"]


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of the gradient at one place of the graph.

    Attributes
    ----------
    name : str
        Module path and op or parameter name; unique among nodes.
    op : str
        The op that made the tensor (for an edge: that reads it); "" for a leaf.
    shape, dtype
        Of the tensor; tuples of them for an op with several outputs.
    scope : str
        Path of the module it belongs to, "" outside any.
    rms, l2, mean_abs, max_abs, zero_fraction, nonfinite, state
        See `Statistics`.
    decades : float
        ``log10(rms / reference)``; NaN where there is no gradient.
    """

    name: str
    op: str
    shape: tuple[Any, ...]
    dtype: str | tuple[str, ...]
    scope: str
    rms: float
    l2: float
    mean_abs: float
    max_abs: float
    zero_fraction: float
    nonfinite: int
    state: State
    decades: float
    size: int


@dataclass(frozen=True, slots=True)
class NodeRecord(Record):
    """One tensor: a parameter, another leaf, or the result of an op.

    Attributes
    ----------
    id : str
        Its name in the DOT text.
    kind : str
        ``"parameter"``, ``"input"`` (any other leaf) or ``"op"``.
    group : str
        With which nodes it is compared: ``"activations"``, or ``"parameters"`` for those and
        views of them, such as the transpose of a weight.
    note : str
        Why there is no gradient, or what else a reader should know.
    """

    id: str
    kind: Kind
    group: Group
    note: str = ""


@dataclass(frozen=True, slots=True)
class EdgeRecord(Record):
    """One use of a tensor by an op: the gradient that this use sends back.

    Attributes
    ----------
    source, target : str
        The ``id`` of the tensor and of the op that reads it.
    """

    source: str
    target: str


class Live(weakref.WeakValueDictionary[str, ad.Node]):
    """The nodes behind the records, by ``id``, for as long as somebody holds the loss."""

    def __reduce__(self) -> Any:
        return Live, ()  # they do not travel


@dataclass(frozen=True, slots=True)
class Recording:
    """All that a picture is made of."""

    nodes: tuple[NodeRecord, ...]
    edges: tuple[EdgeRecord, ...]
    kinds: dict[str, str]  # module path -> class name
    references: dict[str, float]  # "activations" and "parameters" -> RMS
    root: str  # the id of the loss
    loss: float | None
    released: bool
    live: Live = field(default_factory=Live, compare=False, repr=False)
