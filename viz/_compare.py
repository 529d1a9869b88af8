"""Every record beside the others: the reference, the distance from it, and how that is drawn."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

from ._modes import MODES, dressed
from ._ratios import decades
from ._records import Group, Recording
from ._stats import State

Reference = Literal["median", "loss"] | float


def check_reference(reference: Any) -> None:
    """Raise if this is no reference."""
    if reference not in ("median", "loss") and not (
        isinstance(reference, (int, float)) and 0 < reference < math.inf
    ):
        raise ValueError(
            f'reference must be "median", "loss" or a positive number, not {reference!r}'
        )


def compare(
    nodes: Sequence[Any], edges: Iterable[Any], root: Any, mode: str, reference: Reference
) -> dict[str, float]:
    """Fill in the distance of drafts from their reference, and what is drawn; the references.

    Activations and parameters are compared apart: a mean loss puts 1/N into activations only.
    """
    groups: tuple[Group, ...] = ("activations", "parameters")
    references: dict[str, float] = {
        group: _reference([n for n in nodes if n.group == group], reference, root.rms)
        for group in groups
    }
    group_of = {n.id: n.group for n in nodes}
    how = MODES[mode]
    for draft, group in (
        *((n, n.group) for n in nodes),
        *((e, group_of[e.source]) for e in edges),
    ):
        if mode == "gain":
            draft.decades = decades(draft.gain, 1.0)
        else:
            draft.decades = decades(draft.rms, references[group])
        draft.label, draft.level = how.label(draft), how.level(draft)
    return references


def _reference(nodes: Iterable[Any], reference: Reference, loss_rms: float) -> float:
    if reference == "loss":
        return loss_rms
    if reference != "median":
        return float(reference)
    sizes = [n.rms for n in nodes if n.state in ("ok", "tiny")]
    return statistics.median(sizes) if sizes else math.nan


def of_class(recording: Recording, label: Any) -> Recording:
    """The recording with the gradients of one class's examples at the activations."""
    rows = {row.node: row for row in recording.facets.rows}
    nodes = []
    for node in recording.nodes:
        if node.name in rows:
            rms = rows[node.name].rms[label]
            reference = recording.references[node.group]
            node = replace(node, rms=rms, decades=decades(rms, reference), state=_state(rms))
        nodes.append(node)
    return dressed(replace(recording, nodes=tuple(nodes)))


def _state(rms: float) -> State:
    return "zero" if rms == 0 else "ok" if math.isfinite(rms) else "nonfinite"
