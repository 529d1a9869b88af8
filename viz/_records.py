"""What a picture is made of: a record for every tensor and for every use of one."""

import html
import math
import weakref
from dataclasses import dataclass, field
from typing import Any, Literal

import autodiff as ad

from ._look import near, number, shown
from ._notebook import Notable
from ._stats import State, Statistics

Kind = Literal["op", "parameter", "input"]
Group = Literal["activations", "parameters"]


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one place of the graph.

    The statistics are those of the gradient there; in the mode ``"value"``, of the value.

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
        ``log10(rms / reference)``, in the mode ``"gain"`` ``log10(gain)``; NaN where there is
        nothing to compare.
    label : str
        What pictures print: the number that the mode is about, with its state's glyph.
    level : float
        Where the colour stands between -4 and 4: ``decades``, or what the mode has instead.
    bins : tuple of (int, int)
        The histogram, see `Statistics`; of nodes only.
    gain : float
        Of an edge, the RMS it sends back over the RMS that its op received; of an op, the RMS of
        all that it sends back over the RMS that it received. NaN for leaves.
    poisoned : bool
        Whether it lies on the way of the first non-finite number, see
        `GradientGraph.first_bad`.
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
    label: str = field(default="", kw_only=True)
    level: float = field(default=math.nan, kw_only=True)
    bins: tuple[tuple[int, int], ...] = field(default=(), kw_only=True, repr=False)
    gain: float = field(default=math.nan, kw_only=True)
    poisoned: bool = field(default=False, kw_only=True)


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
    value : Statistics or None
        The size of the value itself, if `record` saw the forward pass (of leaves: always).
    line : str
        Where the op was called, ``file:line, in function: text``; "" if `record` did not see it.
    stalled : float
        Of a parameter, in the mode ``"stall"``: the share of entries whose next update is lost
        to rounding. NaN where it is not known.
    flushed : float
        Likewise: the share of entries whose gradient became zero because float16 ended.
    lines : tuple of str
        What else is printed on the node, such as the classes of ``by=``.
    """

    id: str
    kind: Kind
    group: Group
    note: str = ""
    value: Statistics | None = None
    line: str = ""
    stalled: float = math.nan
    flushed: float = math.nan
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """One colour of a box's strip.

    Attributes
    ----------
    state : str
    decades, rms, level : float
        Those of the nodes that the cell stands for: one of them, or their median.
    """

    state: State
    decades: float
    rms: float
    level: float = math.nan


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
    share : float
        Its part of what the tensor receives from all its uses: RMS over the sum of their RMS.
    """

    source: str
    target: str
    count: int = 1
    median: float = math.nan
    share: float = math.nan

    def __str__(self) -> str:
        if math.isnan(self.gain):
            return f"{shown(self.name)}: RMS {number(self.rms)}"
        lost = "" if self.gain <= 0 else f", {-math.log10(self.gain):.1f} decades lost"
        part = f"; {self.share:.0%} of what the tensor receives" if self.share < 1 else ""
        return f"{shown(self.name)}: ×{number(self.gain)}{lost}{part}"


@dataclass(frozen=True, slots=True)
class Range:
    """What one operand or gradient held.

    Attributes
    ----------
    name : str
    low, high : float
        Of the finite entries; NaN if there are none or nothing is known.
    nonfinite, size : int
    """

    name: str
    low: float
    high: float
    nonfinite: int
    size: int


@dataclass(frozen=True, slots=True)
class Bad:
    """The first place where numbers stopped being finite.

    Attributes
    ----------
    node : str
        The name of its node.
    op : str
        The op that made them; "" if a leaf held them already.
    why : str
    line : str
        Where the op was called, if `record` saw it.
    operands : tuple of Range
        What went into it.
    path : tuple of str
        The ``id`` of each node that it poisoned, in the order of the walk.
    """

    node: str
    op: str
    why: str
    line: str
    operands: tuple[Range, ...]
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FirstBad(Notable):
    """What `GradientGraph.first_bad` found; false if all is finite.

    Attributes
    ----------
    forward, backward : Bad or None
    watched : bool
        Whether `record` saw the forward pass; if not, ``forward`` is not known.
    """

    forward: Bad | None
    backward: Bad | None
    watched: bool

    def _html(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"

    def __bool__(self) -> bool:
        return self.forward is not None or self.backward is not None

    def __str__(self) -> str:
        missing = "all finite" if self.watched else "not known: run it inside viz.record()"
        lines = _told("forward", self.forward, missing)
        return "\n".join([*lines, *_told("backward", self.backward, "all finite")])


def _told(when: str, bad: Bad | None, missing: str) -> list[str]:
    if bad is None:
        return [f"{when}: {missing}"]
    lines = [shown(f"{when}: {bad.why}" + (f" (at {near(bad.line)})" if bad.line else ""))]
    for r in bad.operands:
        finite = "" if math.isnan(r.low) else f" between {r.low:.6g} and {r.high:.6g}"
        wrong = f", {r.nonfinite} of {r.size} not finite" if r.nonfinite else ""
        lines.append(f"    {shown(r.name, 60)}:{finite}{wrong}")
    return [*lines, f"    {len(bad.path)} nodes poisoned from there on"]


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
    mode: str = "gradient"
    bad: FirstBad = FirstBad(None, None, False)
    watched: bool = False  # whether `record` saw the forward pass
    facets: Any = None  # of by=: a `Facets`
