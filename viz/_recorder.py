"""`Recorder`: the training record, and `watch`, which begins one."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import autodiff as ad

from . import _film, _record_charts, _report, _tensorboard
from ._curves import Curves
from ._exponents import Exponents
from ._heatmap import Heatmap
from ._names import owner
from ._notebook import bundle, fresh, words
from ._samples import Samples
from ._series import STATISTICS
from ._sketch import Sketch, sketch
from ._watch import Sampler

VERSION = 1


class Recorder(Samples):
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
        super().__init__()
        self.every, self.histograms_on, self.step_count = every, histograms, 0
        self.kinds: dict[str, str] = {}  # module path -> class name
        self.owners: set[str] = set()  # paths of modules that have parameters
        self.sketch: Sketch | None = None
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

    def begin(self, parameters: Sequence[tuple[str, int]], kinds: dict[str, str]) -> None:
        """What the model has as the block is entered: parameters with sizes, and modules."""
        self.kinds |= kinds
        self.owners |= {owner(name) for name, _ in parameters}
        self.add_parameters(parameters)

    def draft(self, roots: list[ad.Node], names: Any, rows: Any) -> None:
        """Keep the shape of the graph, for pictures; the first time alone."""
        if self.sketch is None and len(roots) == 1:
            self.sketch = sketch(roots[0], names, rows)

    def add(self, found: dict[str, Any]) -> None:
        """Write the numbers of this step."""
        self.add_sample(self.step_count, found)

    # ------------------------------------------------------------ pictures
    def heatmap(self, what: str = "parameters", *, reference: float | str = "median") -> Heatmap:
        """Depth against steps: the gradient of every layer through training in one picture.

        Parameters
        ----------
        what : {"parameters", "activations"}
            Whose gradients.
        reference : {"median"} or float
            The RMS that is drawn neutral: the median over the rows of the same sample, since
            gradients of a loss that falls get smaller everywhere; or a number for all.
        """
        title = f"Gradients of {what} through {self.step_count} steps"
        return _record_charts.heatmap(self, title, what, reference)

    def curves(self) -> Curves:
        """Loss, gradients, activations, updates, dead and saturated shares, layer by layer."""
        return _record_charts.curves(self, f"{self.step_count} steps of training")

    def histograms(self, layer: str) -> Exponents:
        """The sizes of a gradient through training, by powers of two.

        Parameters
        ----------
        layer : str
            A parameter, or a layer, whose largest parameter is meant.
        """
        if not self.histograms_on:
            raise ValueError("this record has no histograms: it was made with histograms=False")
        return Exponents(self.parameters[self.index(layer)], *self.counts(layer))

    def figure(self) -> Any:
        """The gradient profile, layer by layer, at up to five steps: a matplotlib ``Figure``."""
        return _record_charts.figure(self)

    def animate(self, path: str | os.PathLike[str], format: str | None = None) -> Path:
        """Write a film of the graph, recoloured step by step: svg, html or gif.

        It is folded as `graph` folds, and laid out once. The SVG plays without scripts, also as
        an image in a page, and stands still for who wants no motion. A GIF is for places that
        show no SVG, and needs Pillow and the renderer of PNGs.
        """
        _film.film(self, Path(path), format)
        return Path(path)

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write everything into one HTML file, which needs no network and no server.

        The graph with a slider through training, the loss, heatmaps, curves, findings and tables;
        where scripts are blocked, the graph is that of the last sample.

        Parameters
        ----------
        path : path-like
            The file, which appears whole or not at all.

        Returns
        -------
        Path

        Raises
        ------
        ValueError
            No step was sampled.
        OSError
            The path cannot be written.
        """
        _report.report(self, Path(path))
        return Path(path)

    def to_tensorboard(self, folder: str | os.PathLike[str]) -> None:
        """Write all numbers and the graph for TensorBoard, with the extra ``tensorboard``."""
        writer = _tensorboard.writer(os.fspath(folder))
        try:
            _tensorboard.export(self, STATISTICS, writer)
        finally:
            writer.close()

    # ------------------------------------------------------------ files
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the record to a file, with `autodiff.save`."""
        ad.save(
            {
                "viz.Recorder": VERSION,
                "every": self.every,
                "step_count": self.step_count,
                "kinds": [list(pair) for pair in self.kinds.items()],
                "histograms_on": self.histograms_on,
                "sketch": None if self.sketch is None else self.sketch.state(),
                **self.state(),
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
        made.kinds = dict(state["kinds"])
        made.sketch = None if state["sketch"] is None else Sketch.of(state["sketch"])
        made.step_count = state["step_count"] if step is None else min(step, state["step_count"])
        made.restore(state, before=made.step_count)
        return made

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the heatmap, and below it what there is."""

        def page() -> str:
            chart = self.heatmap().svg(prefix=fresh()) if len(self) else ""
            return f"<div>{chart}<p>{words(repr(self))}</p></div>"

        return bundle({"text/plain": self.__repr__, "text/html": page}, include, exclude)

    def __repr__(self) -> str:
        return (
            f"<Recorder of {len(self)} samples in {self.step_count} steps, "
            f"{len(self.parameters)} parameters, {len(self.activations)} activations>"
        )


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
