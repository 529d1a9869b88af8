"""`Samples`: the numbers of the sampled steps, one row each, in compact tables."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import _activity
from ._columns import Table
from ._look import shown
from ._names import owner
from ._series import COLUMN, OF_ACTIVATIONS, OF_PARAMETERS, STATISTICS, Series, by_layer
from ._stats import Statistics

LOWEST, BINS = -56, 64
"""Histograms count magnitudes from 2**LOWEST on, one power of two a bin; the ends take the rest."""
KEPT = 128
"""Most histograms kept of one parameter; when there are more, every other one is dropped."""

STEP, LOSS, RATE = 0, 1, 2  # the columns of the first table


class Samples:
    """What a training record keeps, and how it is read.

    Attributes
    ----------
    parameters, activations : list of str
        What was measured, by the names of `graph`.
    sizes : list of int
        Of the parameters.
    ops : list of str
        Of the activations.
    """

    def __init__(self) -> None:
        self.parameters: list[str] = []
        self.activations: list[str] = []
        self.sizes: list[int] = []
        self.ops: list[str] = []
        self._numbers = Table("float64")  # step, loss, learning rate
        self._rms = Table("float32")
        self._of_parameters = Table("coarse")  # the others, one parameter after the other
        self._of_activations = Table("coarse")
        self._histograms: list[tuple[int, np.ndarray]] = []  # row, and counts in 255ths
        self._stride = 1  # of the samples that have histograms

    # ------------------------------------------------------------ written
    def add_parameters(self, sizes: Sequence[tuple[str, int]]) -> None:
        """Parameters, new ones behind those that are known."""
        known = set(self.parameters)
        for name, size in sizes:
            if name not in known:
                self.parameters.append(name)
                self.sizes.append(size)

    def add_activation(self, name: str, op: str) -> None:
        """An activation that was met in a forward pass."""
        if name not in self.activations:
            self.activations.append(name)
            self.ops.append(op)

    def add_sample(self, step: int, found: dict[str, Any]) -> None:
        """Write the numbers of one sample, as `Sample.finish` gives them."""
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
            activity += found["activity"].get(name, (np.nan,) * 3)
            activity.append(found["flows"].get(name, np.nan))
        self._numbers.append([step, found["loss"], found["learning_rate"]])
        self._rms.append(rms)
        self._of_parameters.append(others)
        self._of_activations.append(activity)
        if found["histograms"]:
            self._add_histograms(found["gradients"])

    def _add_histograms(self, gradients: dict[str, Statistics]) -> None:
        made = np.zeros((len(self.parameters), BINS), np.uint8)
        for i, name in enumerate(self.parameters):
            counts = [0] * BINS
            for power, count in gradients[name].bins if name in gradients else ():
                counts[min(max(power - 1 - LOWEST, 0), BINS - 1)] += count
            if total := sum(counts):  # what is there at all is at least 1
                made[i] = np.ceil(np.array(counts) * (255 / total))
        self._histograms.append((len(self) - 1, made))
        if len(self._histograms) > KEPT:
            self._histograms = self._histograms[::2]
            self._stride *= 2

    # ------------------------------------------------------------ read
    def __len__(self) -> int:
        """How many samples there are."""
        return self._numbers.rows

    @property
    def steps(self) -> np.ndarray:
        """The steps that were sampled, counted from 0."""
        return self._column(STEP).astype(np.int64)

    @property
    def loss(self) -> np.ndarray:
        """The loss of each sample: that of all backward passes of the step together."""
        return self._column(LOSS)

    @property
    def learning_rate(self) -> np.ndarray:
        """The learning rate of the optimizer's first group at each sample."""
        return self._column(RATE)

    def _column(self, which: int) -> np.ndarray:
        return self._numbers.numbers()[:, which] if len(self) else np.empty(0)

    def _tables(self) -> tuple[Table, ...]:
        return self._numbers, self._rms, self._of_parameters, self._of_activations

    @property
    def nbytes(self) -> int:
        """The memory of all numbers."""
        return sum(t.nbytes for t in self._tables()) + sum(h.nbytes for _, h in self._histograms)

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
        if statistic not in OF_PARAMETERS:
            return self._of_activation(statistic)
        alone = self._of_parameter(statistic)
        if by == "parameter":
            return alone
        # A gradient of NaN is there, and has such a share.
        known = ~np.isnan(self._of_parameter("nonfinite").values)
        return by_layer(alone, known, self.sizes)

    def _of_parameter(self, statistic: str) -> Series:
        count = len(self.parameters)
        if statistic == "rms":
            values = self._part(self._rms, count, 1)[:, :, 0]
        else:
            table = self._part(self._of_parameters, count, len(OF_PARAMETERS) - 1)
            values = table[:, :, OF_PARAMETERS.index(statistic) - 1]
        return Series(statistic, tuple(self.parameters), self.steps, values)

    def _of_activation(self, statistic: str) -> Series:
        table = self._part(self._of_activations, len(self.activations), len(OF_ACTIVATIONS))
        values = table[:, :, OF_ACTIVATIONS.index(COLUMN.get(statistic, statistic))]
        chosen = [
            i
            for i, op in enumerate(self.ops)
            if statistic not in ("dead", "saturated") or _activity.kind(op) == statistic
        ]
        names = tuple(self.activations[i] for i in chosen)
        return Series(statistic, names, self.steps, values[:, chosen])

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
        i = self.index(parameter)
        steps = self.steps[[row for row, _ in self._histograms]]
        shares = [h[i] / max(1, h[i].sum()) for _, h in self._histograms if i < len(h)]
        return steps[-len(shares) :] if shares else steps[:0], np.array(shares)

    def index(self, parameter: str) -> int:
        """The place of a parameter among `parameters`; of a layer, that of its largest."""
        if parameter in self.parameters:
            return self.parameters.index(parameter)
        inside = [i for i, n in enumerate(self.parameters) if owner(n) == parameter]
        if not inside:
            raise ValueError(
                f"no layer or parameter {shown(repr(parameter), 80)}; there are "
                f"{shown(', '.join(self.parameters), 800)}"
            )
        return max(inside, key=self.sizes.__getitem__)

    # ------------------------------------------------------------ as plain values, for files
    def state(self) -> dict[str, Any]:
        """All of it as arrays, numbers and strings."""
        return {
            "parameters": self.parameters,
            "sizes": self.sizes,
            "activations": self.activations,
            "ops": self.ops,
            "tables": [t.raw() for t in self._tables()],
            "stride": self._stride,
            "rows": [row for row, _ in self._histograms],
            "histograms": [h for _, h in self._histograms],
        }

    def restore(self, state: dict[str, Any], before: float) -> None:
        """Take over what `state` gave, of the samples of earlier steps than ``before``."""
        for name in ("parameters", "sizes", "activations", "ops"):
            setattr(self, name, state[name])
        steps = state["tables"][0][:, STEP] if len(state["tables"][0]) else np.empty(0)
        rows = int(np.searchsorted(steps, before))
        for table, raw in zip(self._tables(), state["tables"], strict=True):
            table.restore(raw[:rows])
        self._stride = state["stride"]
        histograms = zip(state["rows"], state["histograms"], strict=True)
        self._histograms = [(row, h) for row, h in histograms if row < rows]
