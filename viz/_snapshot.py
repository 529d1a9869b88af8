"""A graph's numbers in a file: JSON, or the same nest in a safetensors file; never pickled."""

import json
import math
import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import autodiff as ad

from . import _files
from ._records import EdgeRecord, NodeRecord, Recording
from ._stats import Statistics

VERSION = 1
PLAIN = (str, int, float, bool, type(None))
_OTHERS = ("kinds", "references", "root", "loss", "released", "mode")


def save(recording: Recording, path: str | os.PathLike[str]) -> Path:
    """Write a recording to ``path``, as its suffix says: .json or .safetensors."""
    path = _checked(path)
    data = {
        "version": VERSION,
        "nodes": [_row(n) for n in recording.nodes],
        "edges": [_row(e) for e in recording.edges],
        **{name: _plain(getattr(recording, name)) for name in _OTHERS},
    }
    if path.suffix == ".json":
        _files.write(path, json.dumps(data, allow_nan=False, indent=0).encode())
    else:
        ad.save({"graph": json.dumps(data, allow_nan=False)}, path)
    return path


def load(path: str | os.PathLike[str]) -> Recording:
    """Read what `save` wrote."""
    path = _checked(path)
    try:
        if path.suffix == ".json":
            data = json.loads(path.read_text(encoding="utf-8"))
        else:
            data = json.loads(ad.load(path)["graph"])
        if data["version"] != VERSION:
            raise ValueError(f"it has version {data['version']!r}, not {VERSION}")
        return Recording(
            nodes=tuple(_made(NodeRecord, row) for row in data["nodes"]),
            edges=tuple(_made(EdgeRecord, row) for row in data["edges"]),
            **{name: _restored(data[name]) for name in _OTHERS},
        )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        said = f"{type(error).__name__}: {error}"
        raise ValueError(f"{path} holds no graph that this version can read: {said}") from error


def _checked(path: str | os.PathLike[str]) -> Path:
    path = Path(path)
    if path.suffix not in (".json", ".safetensors"):
        raise ValueError(f"{path}: a graph is saved as .json or .safetensors")
    return path


def _row(record: Any) -> dict[str, Any]:
    values = {f.name: getattr(record, f.name) for f in fields(record)}
    row = {name: _plain(v) for name, v in values.items() if isinstance(v, (*PLAIN, tuple))}
    if isinstance(values.get("value"), Statistics):
        row["value"] = _row(values["value"])
    return row


def _plain(value: Any) -> Any:
    """JSON has no NaN and no infinity: they are written as {"float": "nan"}."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, dict):
        return {str(key): _plain(v) for key, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    return value if isinstance(value, PLAIN) else str(value)


def _restored(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"float"}:
            return float(value["float"])
        return {key: _restored(v) for key, v in value.items()}
    return tuple(_restored(v) for v in value) if isinstance(value, list) else value


def _made(cls: Any, row: dict[str, Any]) -> Any:
    known = {f.name for f in fields(cls)}
    values = {name: _restored(value) for name, value in row.items() if name in known}
    if isinstance(values.get("value"), dict):
        values["value"] = Statistics(**values["value"])
    return cls(**values)
