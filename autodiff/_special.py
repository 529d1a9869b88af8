"""Special functions, as ``xp.special``: SciPy's names, imported at the first use."""

import math
from collections.abc import Callable
from importlib import import_module
from math import inf
from typing import Any


class Special:
    """A module of special functions, whose results keep the dtype of the last argument.

    SciPy and CuPy have them in float32 and float64 only, and some in float64 only.
    """

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)  # looking at the object imports nothing
        function = getattr(self._load(), name)

        def kept(*args: Any) -> Any:
            return function(*args).astype(args[-1].dtype, copy=False)

        setattr(self, name, kept)
        return kept


def scipy_special() -> Any:
    """The module ``scipy.special`` (a third of a second)."""
    return import_module("scipy.special")


class FloatSpecial:
    """The same names on Python floats: from ``math`` where it has them, else SciPy's."""

    erf = staticmethod(math.erf)
    erfc = staticmethod(math.erfc)

    @staticmethod
    def gammaln(x: float) -> float:
        """The logarithm of the absolute value of the gamma function."""
        try:
            return math.lgamma(x)
        except (OverflowError, ValueError):  # too large, and a pole
            return inf

    def __getattr__(self, name: str) -> Callable[..., float]:
        if name.startswith("_"):
            raise AttributeError(name)
        function = getattr(scipy_special(), name)

        def computed(*args: float) -> float:
            return float(function(*args))

        setattr(self, name, computed)
        return computed
