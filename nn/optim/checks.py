"""What hyperparameters must be."""

from collections.abc import Sequence
from typing import Any


def not_negative(optimizer: Any, hyper: Any, *names: str) -> None:
    """Raise ``ValueError`` if one of these hyperparameters is below 0."""
    bad = [f"{name}={getattr(hyper, name)}" for name in names if getattr(hyper, name) < 0]
    if bad:
        raise ValueError(f"{type(optimizer).__name__}: {', '.join(bad)} must not be negative")


def two_fractions(optimizer: Any, name: str, values: Sequence[float]) -> None:
    """Raise ``ValueError`` unless these are two numbers from 0, below 1."""
    if len(values) != 2 or not all(0 <= value < 1 for value in values):
        raise ValueError(
            f"{type(optimizer).__name__}: {name}={values} must be two numbers from 0, below 1"
        )


def fraction(optimizer: Any, name: str, value: float) -> None:
    """Raise ``ValueError`` unless the value is from 0, at most 1."""
    if not 0 <= value <= 1:
        raise ValueError(f"{type(optimizer).__name__}: {name}={value} must be from 0 to 1")
