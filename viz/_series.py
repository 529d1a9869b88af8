"""`Series`: one statistic through training, of parameters, of layers or of activations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ._names import owner

OF_PARAMETERS = ("rms", "mean_abs", "max_abs", "zero_fraction", "nonfinite", "update")
OF_ACTIVATIONS = ("mean", "std", "resting", "gradient")
STATISTICS = (*OF_PARAMETERS, "mean", "std", "dead", "saturated", "activation")
COLUMN = {"dead": "resting", "saturated": "resting", "activation": "gradient"}
"""Where a statistic of activations is stored, if not under its own name."""


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


def by_layer(parameters: Series, known: np.ndarray, sizes: Sequence[int]) -> Series:
    """A series of parameters as one of the layers that own them.

    Parameters
    ----------
    parameters : Series
    known : array of bool
        Where there was a gradient, of the shape of the values.
    sizes : sequence of int
        Of the parameters.
    """
    layers: dict[str, list[int]] = {}
    for i, name in enumerate(parameters.names):
        layers.setdefault(owner(name) or name, []).append(i)
    if not layers:
        return parameters
    weights = np.asarray(sizes, np.float64)
    columns = [
        _together(parameters.statistic, parameters.values[:, c], known[:, c], weights[c])
        for c in layers.values()
    ]
    return Series(parameters.statistic, tuple(layers), parameters.steps, np.stack(columns, 1))


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
