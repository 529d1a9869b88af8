"""`Recorder`: the training record, numbers of the sampled steps by layer."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

import autodiff as ad

from . import _activity, _chart, _curves, _exponents, _film, _heatmap, _sketch, _tensorboard
from ._columns import Table
from ._look import number
from ._names import owner
from ._watch import Sampler

VERSION = 1
KEPT = 128
"""Most histograms kept of one parameter; when there are more, every other one is dropped."""

USUAL_UPDATE = 1e-3
"""The update-to-weight ratio that is usual (Stanford's CS231n, notes on learning)."""

OF_PARAMETERS = ("rms", "mean_abs", "max_abs", "zero_fraction", "nonfinite", "update")
OF_ACTIVATIONS = ("mean", "std", "resting", "gradient")
STATISTICS = (*OF_PARAMETERS, "mean", "std", "dead", "saturated", "activation")
LOSS, RATE = 1, 2  # columns beside the step


@dataclass(frozen=True, slots=True)
class Series:
    """One statistic through training.

    Attributes
    ----------
    statistic : str
    names : tuple of str
        Parameters, layers or activations, in the order of the forward pass.
    steps : array
        The steps that were sampled.
    values : array
        Of shape ``(len(steps), len(names))``; NaN where there was nothing to measure.
    """

    statistic: str
    names: tuple[str, ...]
    steps: np.ndarray
    values: np.ndarray

    def __getitem__(self, name: str) -> np.ndarray:
        """The values of one name."""
        column: np.ndarray = self.values[:, self.names.index(name)]
        return column


class Recorder:
    """What happened to gradients, activations and weights during training; made by `watch`.

    A ``with`` block around the training loop, and a callback. Entered again, or loaded from a
    file, it goes on where it stopped.

    Attributes
    ----------
    step_count : int
        Steps seen so far, sampled or not.
    every : int
        Steps from one sample to the next.
    parameters, activations : list of str
        What was measured, by the names of `graph`.
    """

    def __init__(
        self, model: Any = None, every: int = 50, histograms: bool = True, optimizer: Any = None
    ) -> None:
        if every < 1:
            raise ValueError(f"watch: every is {every}; it must be a number of steps, at least 1")
        if model is not None and not hasattr(model, "named_parameters"):
            raise TypeError(
                f"watch: model is a {type(model).__name__}, which has no named_parameters(); give "
                "the nn.Module that is trained"
            )
        self.every, self.histograms_on, self.step_count = every, histograms, 0
        self.parameters: list[str] = []
        self.activations: list[str] = []
        self.sizes: list[int] = []  # of the parameters
        self.ops: list[str] = []  # of the activations
        self.kinds: dict[str, str] = {}  # module path -> class name
        self.owners: set[str] = set()
        self._steps = Table("float64")  # step, loss, learning rate
        self._rms = Table("float32")
        self._of_parameters = Table("coarse")  # the others, one parameter after the other
        self._of_activations = Table("coarse")
        self._histograms: list[tuple[int, np.ndarray]] = []  # row, and counts in 255ths
        self._stride = 1  # of the samples that have histograms
        self.sketch: _sketch.Sketch | None = None
        self._sampler = None if model is None else Sampler(self, model, optimizer)
        self._depth = 0

    # ------------------------------------------------------------ in the loop
    def __enter__(self) -> Self:
        if self._sampler is None:
            raise RuntimeError(
                "this record was loaded without a model; to go on with it, "
                "use viz.Recorder.load(path, model)"
            )
        if self._depth:
            raise RuntimeError("this recorder is in use: its with block was entered already")
        self._depth = 1
        self._sampler.enter()
        return self

    def __exit__(self, *exc: Any) -> None:
        assert self._sampler is not None
        self._depth = 0
        self._sampler.exit()

    def step(self, loss: Any = None, optimizer: Any = None) -> None:
        """Say that a step is over, after the optimizer's.

        A plain loop needs no call: the recorder sees that parameters were written. This is for
        loops that write them behind the library's back, and it hands over the loss to be noted,
        where that is not the tensor ``backward`` was called on, and the optimizer, for its
        learning rate. A loop that calls it once must call it in every step.
        """
        if not self._depth or self._sampler is None:
            raise RuntimeError("step: the recorder is off; call it inside `with recorder:`")
        self._sampler.told = True
        if optimizer is not None:
            self._sampler.optimizer = optimizer
        if self._sampler.sample is not None:
            self._sampler.sample.loss = loss
            self._sampler.sample.optimizer = self._sampler.optimizer
        self._sampler.next()

    def on_train_begin(self, *args: Any, **known: Any) -> None:
        """As a callback of a trainer: enter the ``with`` block."""
        self.__enter__()

    def on_step_end(self, *args: Any, loss: Any = None, optimizer: Any = None, **_: Any) -> None:
        """As a callback of a trainer: `step`."""
        self.step(loss, optimizer)

    def on_train_end(self, *args: Any, **known: Any) -> None:
        """As a callback of a trainer: leave the ``with`` block."""
        self.__exit__()

    # ------------------------------------------------------------ what the sampler asks and gives
    def due(self, ahead: int = 0) -> bool:
        """Whether this step is sampled, or one that comes."""
        return (self.step_count + ahead) % self.every == 0

    def wants_histogram(self) -> bool:
        """Whether the next sample is to have histograms."""
        return self.histograms_on and len(self) % self._stride == 0

    def add_parameters(self, sizes: Sequence[tuple[str, int]], kinds: dict[str, str]) -> None:
        """Parameters, new ones behind those that are known."""
        self.kinds |= kinds
        for name, size in sizes:
            if name not in self.parameters:
                self.parameters.append(name)
                self.sizes.append(size)
            self.owners.add(owner(name))

    def add_activation(self, name: str, op: str) -> None:
        """An activation that was met in a forward pass."""
        if name not in self.activations:
            self.activations.append(name)
            self.ops.append(op)

    def draft(self, roots: list[ad.Node], names: Any, rows: Any) -> None:
        """Keep the shape of the graph, for pictures; the first time alone."""
        if self.sketch is None and len(roots) == 1:
            self.sketch = _sketch.sketch(roots[0], names, rows)

    def add(self, found: dict[str, Any]) -> None:
        """Write the numbers of one sample."""
        rms, others = [], []
        for name in self.parameters:
            s = found["gradients"].get(name)
            update = found["updates"].get(name, np.nan)
            rms.append(np.nan if s is None else s.rms)
            if s is None:
                others += [np.nan, np.nan, np.nan, np.nan, update]
            else:
                bad = s.nonfinite / s.size if s.size else 0.0
                others += [s.mean_abs, s.max_abs, s.zero_fraction, bad, update]
        activity: list[float] = []
        for name in self.activations:
            flow = found["flows"].get(name)
            activity += found["activity"].get(name, (np.nan,) * 3)
            activity.append(np.nan if flow is None else flow.rms)
        self._steps.append([self.step_count, found["loss"], found["learning_rate"]])
        self._rms.append(rms)
        self._of_parameters.append(others)
        self._of_activations.append(activity)
        if found["exponents"]:
            self._add_histograms(found["exponents"])

    def _add_histograms(self, counts: dict[str, list[float]]) -> None:
        made = np.zeros((len(self.parameters), _activity.BINS), np.uint8)
        for i, name in enumerate(self.parameters):
            n = np.asarray(counts.get(name, 0.0))
            if n.sum():
                made[i] = np.ceil(n * (255 / n.sum()))  # what is there at all is at least 1
        self._histograms.append((len(self) - 1, made))
        if len(self._histograms) > KEPT:
            self._histograms = self._histograms[::2]
            self._stride *= 2

    # ------------------------------------------------------------ numbers
    def __len__(self) -> int:
        """How many samples there are."""
        return self._steps.rows

    @property
    def steps(self) -> np.ndarray:
        """The steps that were sampled, counted from 0."""
        return self._columns()[:, 0].astype(np.int64)

    @property
    def loss(self) -> np.ndarray:
        """The loss of each sample: that of all backward passes of the step together."""
        return self._columns()[:, LOSS]

    @property
    def learning_rate(self) -> np.ndarray:
        """The learning rate of the optimizer's first group at each sample."""
        return self._columns()[:, RATE]

    def _columns(self) -> np.ndarray:
        return self._steps.numbers() if len(self) else np.empty((0, 3))

    @property
    def nbytes(self) -> int:
        """The memory of all numbers."""
        tables = (self._steps, self._rms, self._of_parameters, self._of_activations)
        return sum(t.nbytes for t in tables) + sum(h.nbytes for _, h in self._histograms)

    def series(self, statistic: str = "rms", *, by: str = "layer") -> Series:
        """One statistic through training.

        Parameters
        ----------
        statistic : str
            Of the gradients of parameters: ``"rms"``, ``"mean_abs"``, ``"max_abs"``,
            ``"zero_fraction"``, ``"nonfinite"`` (the share of entries); ``"update"``: RMS of a
            parameter's change in the step over its RMS before. Of activations: ``"mean"``,
            ``"std"``, ``"dead"`` (the share of a rectifier's units that are zero for the whole
            batch), ``"saturated"`` (the share of entries where the slope is below 6 % of its
            largest), ``"activation"`` (RMS of the gradient there).
        by : {"layer", "parameter"}
            Of all parameters of a layer together (its update is that of its largest one, the
            weight); or of each parameter alone.

        Returns
        -------
        Series
        """
        if statistic not in STATISTICS:
            raise ValueError(f"no statistic {statistic!r}; there are {', '.join(STATISTICS)}")
        if by not in ("layer", "parameter"):
            raise ValueError(f'by must be "layer" or "parameter", not {by!r}')
        if statistic in OF_PARAMETERS:
            return self._of_parameter(statistic, by)
        column = {"dead": "resting", "saturated": "resting", "activation": "gradient"}
        table = self._part(self._of_activations, len(self.activations), len(OF_ACTIVATIONS))
        values = table[:, :, OF_ACTIVATIONS.index(column.get(statistic, statistic))]
        chosen = [
            i
            for i, op in enumerate(self.ops)
            if statistic not in ("dead", "saturated") or _activity.kind(op) == statistic
        ]
        names = tuple(self.activations[i] for i in chosen)
        return Series(statistic, names, self.steps, values[:, chosen])

    def _of_parameter(self, statistic: str, by: str) -> Series:
        count = len(self.parameters)
        if statistic == "rms":
            values = self._part(self._rms, count, 1)[:, :, 0]
        else:
            table = self._part(self._of_parameters, count, len(OF_PARAMETERS) - 1)
            values = table[:, :, OF_PARAMETERS.index(statistic) - 1]
        if by == "parameter":
            return Series(statistic, tuple(self.parameters), self.steps, values)
        layers: dict[str, list[int]] = {}
        for i, name in enumerate(self.parameters):
            layers.setdefault(owner(name) or name, []).append(i)
        sizes = np.asarray(self.sizes, np.float64)
        known = ~np.isnan(self._nonfinite())  # a gradient of NaN is there, and has such a share
        columns = [
            _together(statistic, values[:, c], known[:, c], sizes[c]) for c in layers.values()
        ]
        joined = np.stack(columns, 1) if columns else values
        return Series(statistic, tuple(layers), self.steps, joined)

    def _nonfinite(self) -> np.ndarray:
        return self._of_parameter("nonfinite", "parameter").values

    def _part(self, table: Table, items: int, fields: int) -> np.ndarray:
        """A table as ``(samples, items, fields)``, with NaN for what came later."""
        made = np.full((len(self), items * fields), np.nan)
        numbers = table.numbers()
        made[:, : numbers.shape[1]] = numbers
        return made.reshape(len(self), items, fields)

    def counts(self, parameter: str) -> tuple[np.ndarray, np.ndarray]:
        """The steps that have histograms, and the shares of entries in each power of two.

        The bins begin at ``2 ** -56``; zeros are in none.
        """
        i = self._index(parameter)
        steps = self.steps[[row for row, _ in self._histograms]]
        shares = [h[i] / max(1, h[i].sum()) for _, h in self._histograms if i < len(h)]
        return steps[-len(shares) :] if shares else steps[:0], np.array(shares)

    def _index(self, parameter: str) -> int:
        if parameter in self.parameters:
            return self.parameters.index(parameter)
        inside = [i for i, n in enumerate(self.parameters) if owner(n) == parameter]
        if not inside:
            raise ValueError(
                f"no layer or parameter {parameter!r}; there are {', '.join(self.parameters)}"
            )
        return max(inside, key=self.sizes.__getitem__)  # a layer's largest: its weight

    # ------------------------------------------------------------ pictures
    def heatmap(
        self, what: str = "parameters", *, reference: float | str = "median"
    ) -> _heatmap.Heatmap:
        """Depth against steps: the gradient of every layer through training in one picture.

        Parameters
        ----------
        what : {"parameters", "activations"}
            Whose gradients.
        reference : {"median"} or float
            The RMS that is drawn neutral: the median over the rows of the same sample, since
            gradients of a loss that falls get smaller everywhere; or a number for all.
        """
        if what not in ("parameters", "activations"):
            raise ValueError(f'what must be "parameters" or "activations", not {what!r}')
        series = self.series("rms" if what == "parameters" else "activation")
        values = series.values
        if what == "parameters":
            mean, bad = self.series("mean_abs").values, self.series("nonfinite").values
        else:  # of these the record has the RMS alone; a mean is at most that
            mean, bad = values, np.where(np.isfinite(values), 0.0, 1.0)
            bad[np.isnan(self.series("mean").values)] = np.nan  # did not run
        if reference == "median":
            kept = np.where(np.isfinite(values) & (values > 0), values, np.nan)
            neutral = [np.median(r[~np.isnan(r)]) if np.any(~np.isnan(r)) else np.nan for r in kept]
            said = "gradient RMS relative to the median over layers at the same step"
        elif isinstance(reference, (int, float)) and 0 < reference < np.inf:
            neutral = [reference] * len(self)
            said = f"gradient RMS relative to {number(reference)}"
        else:
            raise ValueError(f'reference must be "median" or a positive number, not {reference!r}')
        return _heatmap.Heatmap(
            f"Gradients of {what} through {self.step_count} steps", series.names, series.steps,
            values, _heatmap.states_of(values, mean, bad), np.array(neutral), said, self.loss,
        )  # fmt: skip

    def curves(self) -> _curves.Curves:
        """Loss, gradients, activations, updates, dead and saturated shares, layer by layer."""

        def panel(statistic: str, title: str, **options: Any) -> _curves.Panel:
            s = self.series(statistic)
            return _curves.Panel(title, s.names, s.steps, s.values, **options)

        share: dict[str, Any] = {"log": False, "limits": (0.0, 1.0)}
        loss = self.loss[:, None]
        panels = [
            _curves.Panel("loss", ("",), self.steps, loss, log=False),
            panel("rms", "gradient of parameters: RMS"),
            panel("std", "activations: standard deviation"),
            panel(
                "update", "update / weight: RMS", mark=USUAL_UPDATE,
                said=f"{USUAL_UPDATE:g} is usual",
            ),
            panel("dead", "dead units: share", **share),
            panel("saturated", "saturated entries: share", **share),
        ]  # fmt: skip
        return _curves.Curves(
            f"{self.step_count} steps of training", [p for p in panels if p.names]
        )

    def histograms(self, layer: str) -> _exponents.Exponents:
        """The sizes of a gradient through training, by powers of two.

        Parameters
        ----------
        layer : str
            A parameter, or a layer, whose largest parameter is meant.
        """
        if not self.histograms_on:
            raise ValueError("this record has no histograms: it was made with histograms=False")
        return _exponents.Exponents(self.parameters[self._index(layer)], *self.counts(layer))

    def figure(self) -> Any:
        """The gradient profile, layer by layer, at up to five steps: a matplotlib ``Figure``."""
        made = _chart.figure(6, 3.2)
        axes = made.subplots()
        series = self.series("rms")
        count = min(5, len(self))
        for k in range(count):
            i = round(k * (len(self) - 1) / max(1, count - 1))
            color = _chart.depth_color(k, count)
            axes.plot(series.values[i], "o-", ms=3, color=color, label=f"step {series.steps[i]}")
        if np.any(series.values > 0):
            axes.set_yscale("log")
        axes.set_xticks(range(len(series.names)), series.names, rotation=90, fontsize=7)
        axes.set_ylabel("gradient RMS")
        axes.spines[["top", "right"]].set_visible(False)
        if count:
            axes.legend(frameon=False, fontsize=8)
        return made

    def animate(self, path: str | os.PathLike[str], format: str | None = None) -> Path:
        """Write a film of the graph, recoloured step by step: svg, html or gif.

        The SVG plays without scripts, also as an image in a page. It is laid out once, by
        Graphviz (`backends`). A GIF is for places that show no SVG, and needs Pillow and the
        renderer of PNGs.
        """
        _film.film(self, Path(path), format)
        return Path(path)

    def to_tensorboard(self, folder: str | os.PathLike[str]) -> None:
        """Write all numbers as event files for TensorBoard, with the extra ``tensorboard``."""
        writer = _tensorboard.writer(os.fspath(folder))
        try:
            _tensorboard.export(self, STATISTICS, writer)
        finally:
            writer.close()

    # ------------------------------------------------------------ files
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the record to a file, with `autodiff.save`."""
        tables = [self._steps, self._rms, self._of_parameters, self._of_activations]
        ad.save(
            {
                "viz.Recorder": VERSION,
                "every": self.every,
                "step_count": self.step_count,
                "parameters": self.parameters,
                "sizes": self.sizes,
                "activations": self.activations,
                "ops": self.ops,
                "kinds": [list(pair) for pair in self.kinds.items()],
                "tables": [t.raw() for t in tables],
                "stride": self._stride,
                "rows": [row for row, _ in self._histograms],
                "histograms": [h for _, h in self._histograms],
                "histograms_on": self.histograms_on,
                "sketch": None if self.sketch is None else self.sketch.state(),
            },
            path,
        )

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        model: Any = None,
        *,
        optimizer: Any = None,
        step: int | None = None,
    ) -> "Recorder":
        """Read what `save` wrote.

        Parameters
        ----------
        path : path-like
        model, optimizer : optional
            To go on with the record: those of the resumed run.
        step : int, optional
            The step at which the run goes on, where that is before the record's end, as after a
            return to an earlier checkpoint; samples from there on are dropped.
        """
        state = ad.load(path)
        if not isinstance(state, dict) or "viz.Recorder" not in state:
            raise ValueError(f"load: {os.fspath(path)!r} is not a training record")
        if state["viz.Recorder"] > VERSION:
            raise ValueError(
                f"load: {os.fspath(path)!r} has version {state['viz.Recorder']} and this library "
                f"reads up to {VERSION}; install a newer one"
            )
        made = cls(model, state["every"], state["histograms_on"], optimizer)
        for name in ("step_count", "parameters", "sizes", "activations", "ops"):
            setattr(made, name, state[name])
        made.kinds = dict(state["kinds"])
        made._stride = state["stride"]
        made._histograms = list(zip(state["rows"], state["histograms"], strict=True))
        sketch = state["sketch"]
        made.sketch = None if sketch is None else _sketch.Sketch.of(sketch)
        tables = [made._steps, made._rms, made._of_parameters, made._of_activations]
        rows = len(state["tables"][0])
        if step is not None and step < made.step_count:
            made.step_count = step
            rows = int(np.searchsorted(state["tables"][0][:, 0], step))
            made._histograms = [(row, h) for row, h in made._histograms if row < rows]
        for table, raw in zip(tables, state["tables"], strict=True):
            table.restore(raw[:rows])
        return made

    def __repr__(self) -> str:
        return (
            f"<Recorder of {len(self)} samples in {self.step_count} steps, "
            f"{len(self.parameters)} parameters, {len(self.activations)} activations>"
        )


def _together(
    statistic: str, values: np.ndarray, known: np.ndarray, sizes: np.ndarray
) -> np.ndarray:
    """One number for several parameters; those without a gradient do not count."""
    weights = np.where(known, sizes, 0.0)
    total = weights.sum(1)
    parts = np.where(known, values, 0.0).astype(np.float64)
    with np.errstate(all="ignore"):
        if statistic == "max_abs":
            found = parts.max(1)
        elif statistic == "update":
            found = values[:, sizes.argmax()]
        elif statistic == "rms":
            top = np.abs(parts).max(1)
            scale = np.where((top > 0) & np.isfinite(top), top, 1.0)
            found = scale * np.sqrt(((parts / scale[:, None]) ** 2 * weights).sum(1) / total)
        else:
            found = (parts * weights).sum(1) / total
    return np.where(total > 0, found, np.nan)


def watch(
    model: Any, *, every: int = 50, histograms: bool = True, optimizer: Any = None
) -> Recorder:
    """Record gradients, activations and updates while a model is trained.

    Put the training loop into a ``with`` block. Every ``every``-th step is sampled, from the first
    on; a step is what lies between two updates of the model's parameters. In a sampled step a tap
    and an observer measure everything where it lies, and the numbers are fetched together; in the
    other steps nothing is switched on. No ``.grad``, no hook and no result is changed.

    The gradient of a parameter is what the optimizer gets: the sum over the backward passes of the
    step, before clipping. Activations are those of the last pass, and of a module's last call.

    Parameters
    ----------
    model : Module
        Anything with ``named_modules()`` and ``named_parameters()``.
    every : int
        Steps from one sample to the next.
    histograms : bool
        Keep histograms of the gradients' sizes too, by powers of two.
    optimizer : Optimizer, optional
        Gives the learning rate.

    Returns
    -------
    Recorder

    Examples
    --------
    >>> import autodiff as ad, nn, viz
    >>> model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    >>> optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    >>> x, y = ad.ones((16, 2)), ad.zeros((16, 1))
    >>> with viz.watch(model, every=5, optimizer=optimizer) as recorder:
    ...     for _ in range(20):
    ...         optimizer.zero_grad()
    ...         nn.functional.mse_loss(model(x), y).backward()
    ...         optimizer.step()
    >>> recorder
    <Recorder of 4 samples in 20 steps, 4 parameters, 3 activations>
    >>> recorder.steps
    array([ 0,  5, 10, 15])
    >>> recorder.series("saturated").names
    ('1.tanh',)
    """
    return Recorder(model, every, histograms, optimizer)
