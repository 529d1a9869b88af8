"""What a picture is made of: a record for every tensor and for every use of one."""

import math
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
        With which nodes it is compared: ``"activations"``, or ``"parameters"`` for those, views
        of them, such as the transpose of a weight, and copies in another dtype.
    note : str
        Why there is no gradient, or what else a reader should know.
    """

    id: str
    kind: Kind
    group: Group
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One colour of a box's strip.

    Attributes
    ----------
    state : str
    decades, rms : float
        Those of the nodes that the cell stands for: one of them, or their median.
    """

    state: State
    decades: float
    rms: float


@dataclass(frozen=True, slots=True)
class BoxRecord(NodeRecord):
    """Several nodes drawn as one: a module, repeats of one, or a long run of ops.

    The numbers are those of its median node, ``state`` is the worst among its nodes.

    Attributes
    ----------
    members : tuple of NodeRecord
        The nodes inside.
    title : str
        Class of the module, or what is repeated and how often.
    cells : tuple of Cell
        Smallest, median and largest gradient of a module; one cell a copy of repeats.
    """

    members: tuple[NodeRecord, ...] = ()
    title: str = ""
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class EdgeRecord(Record):
    """One use of a tensor by an op: the gradient that this use sends back.

    Attributes
    ----------
    source, target : str
        The ``id`` of the tensor and of the op that reads it.
    count : int
        How many uses are drawn as this one; its numbers are those of the largest.
    median : float
        The median RMS among them.
    """

    source: str
    target: str
    count: int = 1
    median: float = math.nan


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
