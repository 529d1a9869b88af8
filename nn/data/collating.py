"""What becomes of items: tensors, stacked into batches, on a device."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import autodiff as ad


def collate(items: Sequence[Any]) -> Any:
    """Stack items into a batch: numbers and arrays become tensors, tuples and dicts of them too.

    Strings stay, in a list.

    Examples
    --------
    >>> from nn.data import collate
    >>> collate([{"x": 1.0, "name": "a"}, {"x": 2.0, "name": "b"}])
    {'x': tensor([1., 2.]), 'name': ['a', 'b']}
    """
    first = items[0]
    if isinstance(first, dict):
        return {key: collate([item[key] for item in items]) for key in first}
    if isinstance(first, (tuple, list)):
        columns = [collate(column) for column in zip(*items, strict=True)]
        return type(first)(*columns) if hasattr(first, "_fields") else tuple(columns)
    if isinstance(first, (str, bytes)):
        return list(items)
    raw = [_raw(item) for item in items]
    try:
        return ad.asarray(ad.backend.namespace(raw[0]).stack(raw))
    except ValueError as error:
        shapes = sorted({array.shape for array in raw})
        if len(shapes) == 1:
            raise
        raise ValueError(
            f"collate: items of shapes {', '.join(map(str, shapes))} make no batch; bring them "
            "to one shape, or pass the loader a collate= of your own"
        ) from error


def converted(item: Any) -> Any:
    """One item as it is, its numbers and arrays as tensors."""
    return mapped(item, lambda leaf: ad.asarray(_raw(leaf)))


def moved(batch: Any, device: str) -> Any:
    """A batch on a device; what is no tensor stays."""
    return mapped(batch, lambda leaf: leaf.to(device) if isinstance(leaf, ad.Tensor) else leaf)


def mapped(nest: Any, function: Callable[[Any], Any]) -> Any:
    """A nest of dicts, tuples and lists with ``function`` of every leaf but strings."""
    if isinstance(nest, dict):
        return {key: mapped(value, function) for key, value in nest.items()}
    if isinstance(nest, (tuple, list)):
        parts = [mapped(part, function) for part in nest]
        return type(nest)(*parts) if hasattr(nest, "_fields") else type(nest)(parts)
    return nest if isinstance(nest, (str, bytes)) else function(nest)


def _raw(leaf: Any) -> Any:
    """The raw array of a leaf. Numbers are made one here: they must not go to a GPU one by one."""
    if isinstance(leaf, ad.Tensor):
        return leaf.data
    if ad.backend.is_array(leaf):
        return leaf
    return np.asarray(leaf) if isinstance(leaf, np.generic) else ad.backend.from_python(leaf)
