"""`graph` and what it returns: the computation graph with its gradients."""

import math
import shutil
import sys
import warnings
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from . import (
    _dot,
    _figures,
    _lags,
    _layers,
    _render,
    _snapshot,
    _text,
    _tree,
    _verdicts,
    _viewer,
)
from ._compare import Reference, of_class
from ._facets import Facets
from ._fold import Collapse, Keep, fold
from ._heatmap import Heatmap
from ._layers import Layer
from ._look import number, shown
from ._modes import MODES, ModeName
from ._numbers import every
from ._picture import Picture, wrapped
from ._record import record
from ._records import EdgeRecord, FirstBad, Live, NodeRecord, Recording

RELEASED = (
    "this graph was released by backward(), so only the gradients that leaves hold are drawn; "
    "to see every gradient call viz.graph(loss) before backward, or backward(retain_graph=True)"
)

Rankdir = Literal["TB", "LR", "BT", "RL"]


class GradientGraph(Picture):
    """A computation graph and the size of the gradient at every place of it.

    Made by `graph`. It holds numbers, not arrays, and nothing of the graph itself. ``print``
    gives a table by layer; a notebook shows the picture.

    Attributes
    ----------
    nodes : tuple of NodeRecord
        Parents before children; parameters that were not reached last.
    edges : tuple of EdgeRecord
    loss : float or None
        The value of the loss; None if it is not a single number.
    references : dict
        The RMS that is drawn neutral, for ``"activations"`` and for ``"parameters"``.
    released : bool
        Whether ``backward`` had released the graph, so that only leaf gradients are known.
    mode : str
        What labels and colours say; see `graph`.
    by : Facets or None
        With ``by=labels``: for every activation the spread over examples, and each class.
    rankdir : str
        Direction of the arrows.
    """

    def __init__(
        self,
        recording: Recording,
        rankdir: Rankdir = "TB",
        collapse: Collapse = "auto",
        keep: Keep = "anomalies",
        max_nodes: int = 120,
        of: str = "",
    ) -> None:
        self._recording = recording
        self._folding = (collapse, keep, max_nodes)
        self.rankdir = rankdir
        self.of = of
        self.title = self._title()

    @property
    def nodes(self) -> tuple[NodeRecord, ...]:
        return self._recording.nodes

    @property
    def edges(self) -> tuple[EdgeRecord, ...]:
        return self._recording.edges

    @property
    def loss(self) -> float | None:
        return self._recording.loss

    @property
    def references(self) -> dict[str, float]:
        return dict(self._recording.references)

    @property
    def released(self) -> bool:
        return self._recording.released

    @property
    def live(self) -> Live:
        """The nodes behind the records by ``id``, for as long as somebody holds the loss."""
        return self._recording.live

    @cached_property
    def decades_lost(self) -> float:
        """Decades between the parameter gradients of the last layer and of the first."""
        return _layers.decades_lost(self.profile())

    def profile(self) -> list[Layer]:
        """The gradients layer by layer, in the order of the forward pass."""
        return list(self._rows)

    @cached_property
    def _rows(self) -> list[Layer]:
        return _layers.layers(self._recording)

    def heatmap(self) -> Heatmap:
        """Depth against time lag: how far back through a recurrence the gradient reaches.

        Rows are the ops of recurrences, in the order of the forward pass; columns are time steps
        back from the last. Colours are relative to the gradient that enters at the last.

        Examples
        --------
        >>> import autodiff as ad, nn, viz
        >>> lstm = nn.LSTM(3, 4)
        >>> out, _ = lstm(ad.ones((6, 1, 3)))
        >>> viz.graph(out[-1].sum(), model=lstm).heatmap()
        <Heatmap of 2 rows and 6 steps>
        """
        return _lags.heatmap(self._recording)

    def bottlenecks(self, n: int = 3) -> list[EdgeRecord]:
        """The ``n`` edges between activations of the smallest gain, worst first; ``print`` one."""
        at = {node.id: node for node in self.nodes}
        # A reduction to one number divides by its count by design.
        steps = [
            e
            for e in self.edges
            if at[e.source].kind == "op"
            and math.prod(_first(at[e.target].shape)) > 1
            and not math.isnan(e.gain)
            and not e.share < 0.01  # the tensor's other uses bring its gradient
        ]
        return sorted(steps, key=lambda e: e.gain)[:n]

    @property
    def mode(self) -> str:
        return self._recording.mode

    @property
    def by(self) -> Facets | None:
        """The gradients of examples and classes, if ``by=`` was given."""
        facets: Facets | None = self._recording.facets
        return facets

    def facet(self, label: Any) -> "GradientGraph":
        """The graph of one class: activations show the gradient of its examples alone.

        What has no batch axis, such as parameters, keeps the gradient of the whole batch, and
        references stay those of the whole batch too, so that classes compare.

        Parameters
        ----------
        label
            One of ``graph.by.classes``.
        """
        if self.by is None or label not in self.by.counts:
            known = "graph(loss, by=labels)" if self.by is None else self.by.classes
            raise ValueError(f"there is no class {label!r} here; there is: {known}")
        recording = of_class(self._recording, label)
        of = f", class {shown(repr(label), 40)}"
        return GradientGraph(recording, self.rankdir, *self._folding, of=of)

    def first_bad(self) -> FirstBad:
        """The first number that is not finite, forward and backward.

        The forward pass must have run inside `record`; otherwise only the backward pass is
        known. What it poisoned is drawn in magenta.

        Returns
        -------
        FirstBad
            False if everything is finite; ``print`` tells what was found.
        """
        return self._recording.bad

    def figure(self, path: str | Path | None = None, *, width: float = 7.0) -> Any:
        """The profile as a matplotlib figure; see `profile_figure`."""
        return _figures.profile_figure(self, path, width=width)

    @cached_property
    def verdicts(self) -> tuple[str, ...]:
        """What the graph shows, in sentences with its numbers; `diagnose` says what to do."""
        return _verdicts.verdicts(self._recording)

    def _title(self) -> tuple[str, ...]:
        value = "" if self.loss is None else f" of loss {number(self.loss)}"
        heading = f"{MODES[self.mode].title}{value}{self.of}"
        if self.released and self.mode != "value":
            return (heading, *wrapped(RELEASED))
        return (heading, *_verdicts.heading(self._recording))

    @cached_property
    def drawn(self) -> Recording:
        """What the picture shows: nodes, and boxes in place of modules and repeats."""
        return fold(self._recording, *self._folding)

    def dot(self) -> str:
        """The picture as DOT text; the same graph gives the same text."""
        return str(_dot.digraph(self.drawn, self.title, self.rankdir).source)

    def _figure(self) -> tuple[str, dict[str, Any]]:
        ways = _viewer.foldings(self._recording, *self._folding)
        levels = [
            _viewer.level(way, self.title[0], self.rankdir, f"l{i}-") for i, way in enumerate(ways)
        ]
        said = _viewer.words(self._recording)
        legend = _viewer.legend(self._recording, said, any(level.boxes for level in levels))
        names = {node.id: node.name for node in self.nodes}
        return _viewer.figure(levels, self.title[0]) + legend, _viewer.data(levels, names)

    def save(self, path: str | Path) -> Path:
        """Write the numbers, to be compared by `diff`: to .json or .safetensors."""
        return _snapshot.save(self._recording, path)

    @classmethod
    def load(cls, path: str | Path) -> "GradientGraph":
        """The graph that ``save`` wrote."""
        return GradientGraph(_snapshot.load(path))

    def _table(self) -> str:
        return every(self._recording)

    def table(self) -> str:
        """Every layer with its numbers in the graph's mode, as text.

        ``print(graph)`` is the same where that has up to 60 rows. Beyond, it folds as the picture
        does: repeats and modules are one row each, with their range; what is unhealthy has its own.
        """
        return _text.table(self.profile(), self.title, self.mode)

    def __str__(self) -> str:
        rows, count = self.profile(), 0
        collapse, keep, _ = self._folding
        if len(rows) > _text.ROWS and collapse is not None:
            count = len(rows)
            rows = _layers.layers(self._recording, fold(self._recording, "auto", keep, _text.ROWS))
        if _tree.wanted():
            kinds = self._recording.kinds
            told = _tree.tree(rows, kinds, self.title, mode=self.mode)
        else:
            told = _text.table(rows, self.title, self.mode)
        if not count:
            return told
        said = f"{count} layers in {len(rows)} rows; print(graph.table()) shows every layer"
        width = shutil.get_terminal_size().columns if _tree.wanted() else 88
        return "\n".join([told, *wrapped(said, width)])

    def __repr__(self) -> str:
        return f"<GradientGraph of {len(self.nodes)} nodes and {len(self.edges)} edges>"


def _first(shape: Any) -> Any:
    """The shape, or the first one where an op has several outputs."""
    return shape[0] if shape and isinstance(shape[0], tuple) else shape


def graph(
    loss: Any,
    *,
    model: Any = None,
    optimizer: Any = None,
    mode: ModeName = "gradient",
    by: Any = None,
    reference: Reference = "median",
    collapse: Collapse = "auto",
    keep: Keep = "anomalies",
    ghosts: bool = True,
    max_nodes: int = 120,
    rankdir: Rankdir = "TB",
) -> GradientGraph:
    """Where the gradient of ``loss`` goes, and how large it is at every place.

    One backward pass is observed; every ``.grad`` stays as it was and the graph stays usable.

    Parameters
    ----------
    loss : Tensor or Scalar
        A single number, before ``backward()``. Afterwards the graph's values are released
        and only its structure and the gradients of its leaves can be drawn.
    model : Module, optional
        Gives parameters and modules their names. Without it the names come from the
        outermost module that was called, else from tensors and ops.
    optimizer : Optimizer, optional
        What will step the parameters: anything with ``param_groups`` and
        ``preview(parameter, gradient, dtype=None)``. The mode ``"stall"`` needs it.
    mode : {"gradient", "value", "gain", "stall"}
        What the numbers and colours say:

        - ``"gradient"``: the RMS of the gradient;
        - ``"value"``: the RMS of the value, where `record` saw the forward pass;
        - ``"gain"``: on an arrow, the RMS that its op sends back over the RMS it received, and
          which share of the tensor's gradient that is; on an op, the same of all that it sends;
        - ``"stall"``: of each parameter, the share of entries whose next update is lost to
          rounding in its dtype, and of gradients that float16 flushed to zero.
    by : array_like, optional
        A label for each example of the batch, which must be the first axis of activations. Then
        nodes show how the examples' gradients spread, with a strip of the classes, and
        ``graph.by`` has the numbers.
    reference : {"median", "loss"} or float
        The RMS that is drawn neutral: the median over activations and, apart, over
        parameters; that of the loss; or a number.
    collapse : "auto", int or None
        What the picture draws as one box; ``nodes`` and ``edges`` stay complete. ``"auto"`` draws
        at most ``max_nodes``: repeated modules and steps of loops become one box with a colour
        for each copy, other modules one with their smallest, median and largest gradient. A
        number opens that many levels of modules, None draws every op.
    keep : "anomalies" or None
        Draw what is unhealthy, or three decades and more from the reference, by itself.
    ghosts : bool
        Draw parameters of the model that the loss does not depend on, with the reason.
    max_nodes : int
        How many nodes and boxes ``"auto"`` may draw.
    rankdir : {"TB", "LR", "BT", "RL"}
        Direction of the arrows.

    Returns
    -------
    GradientGraph

    Examples
    --------
    >>> import autodiff as ad
    >>> w = ad.tensor([3.0, -4.0], requires_grad=True, name="w")
    >>> loss = (w * w).sum()
    >>> picture = graph(loss)
    >>> [(n.name, round(n.rms, 3)) for n in picture.nodes]
    [('w', 7.071), ('multiply', 1.0), ('sum', 1.0)]
    >>> w.grad is None
    True
    """
    if mode not in MODES:
        raise ValueError(f"mode {mode!r} does not exist; there is: {', '.join(map(repr, MODES))}")
    if mode == "stall" and optimizer is None:
        raise ValueError('mode "stall" asks for the next updates: give optimizer=')
    if rankdir not in ("TB", "LR", "BT", "RL"):
        raise ValueError(f'rankdir must be "TB", "LR", "BT" or "RL", not {rankdir!r}')
    if not (collapse in ("auto", None) or (type(collapse) is int and collapse >= 0)):
        raise ValueError(f'collapse must be "auto", None or a depth from 0 on, not {collapse!r}')
    if keep not in ("anomalies", None):
        raise ValueError(f'keep must be "anomalies" or None, not {keep!r}')
    if max_nodes < 1:
        raise ValueError(f"max_nodes must be at least 1, not {max_nodes}")
    recording = record(loss, model, reference, ghosts, mode=mode, optimizer=optimizer, by=by)
    if recording.released and mode != "value":
        warnings.warn(RELEASED, stacklevel=_outside())
    return GradientGraph(recording, rankdir, collapse, keep, max_nodes)


def _outside() -> int:
    """The stack level of the caller's line, whichever function of this package they called."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__package__") == __package__:
        frame, level = frame.f_back, level + 1
    return level


def draw(loss: Any, path: str | Path, *, format: str | None = None, **options: Any) -> Path:
    """Draw where the gradient of ``loss`` goes into a file: `graph`, then ``render``.

    Parameters
    ----------
    loss : Tensor or Scalar
    path : str or Path
        Its suffix says the format: svg, png, pdf, html or dot.
    format : str, optional
        The format, whatever the suffix.
    **options
        Those of `graph`, such as ``model=``.

    Returns
    -------
    Path

    Examples
    --------
    >>> import autodiff as ad, tempfile
    >>> w = ad.tensor([3.0, -4.0], requires_grad=True, name="w")
    >>> draw((w * w).sum(), tempfile.mkdtemp() + "/flow.dot").name
    'flow.dot'
    """
    _render.format_of(Path(path), format)  # before the work, not after it
    return graph(loss, **options).render(path, format)
