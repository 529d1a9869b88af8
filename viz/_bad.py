"""The first number that is not finite: where it arose, from what, and where it went."""

import math
from collections.abc import Mapping
from typing import Any

import autodiff as ad

from ._observe import Observed
from ._records import Bad, Range
from ._stats import Statistics, measure


def first_forward(seen: Observed, drafts: Mapping[ad.Node, Any]) -> Bad | None:
    """The first value that is not finite, of those that `record` saw and of the leaves.

    ``drafts`` knows name, id and line of every node.
    """
    values = seen.values
    bad = {n for n in seen.order if n in values and values[n].nonfinite}
    ops = [n for n in seen.order if n in bad and n.op is not None]
    leaves = [n for n in seen.order if n in bad and n.op is None]
    if not ops and not leaves:
        return None
    first = ops[0] if ops else leaves[0]
    held = [p for p in first.parents if p in bad and p.op is None]
    if held:  # the op only passed on what it was given
        first = held[0]
    poisoned = {first}
    for node in seen.order:
        if node in bad and any(p in poisoned for p in node.parents):
            poisoned.add(node)
    wrong = f"{values[first].nonfinite} of {values[first].size} entries not finite"
    path = tuple(drafts[n].id for n in seen.order if n in poisoned)
    name = drafts[first].name
    if first.op is None:
        why = f"{name} is a leaf with {wrong}"
        return Bad(name, "", why, "", (_range("value", values[first]),), path)
    op = first.op.name
    why = f"{name} is the first value that is not finite: {op} gave {wrong}"
    read = [p for p in dict.fromkeys(first.parents) if p in values]
    operands = [_range(drafts[p].name, values[p]) for p in read]
    known = {(r.low, r.high, r.size) for r in operands}
    operands += [r for r in kept(first) if (r.low, r.high, r.size) not in known]
    return Bad(name, op, why, drafts[first].line, tuple(operands), path)


def first_backward(seen: Observed, drafts: Mapping[ad.Node, Any]) -> Bad | None:
    """The first gradient that is not finite, in the order of the walk."""
    poisoned: list[ad.Node] = []
    first: ad.Node | None = None
    why = ""
    for node in seen.walked:
        arrived = seen.gradients[node].nonfinite
        if first is None and arrived:  # finite parts, whose sum is not; or the seed itself
            first = node
            why = f"the gradients that meet at {drafts[node].name} are finite, and their sum is not"
        broken = [p for p in seen.pulled[node] if p.nonfinite] if first is None else []
        if broken:
            first = node
            name = drafts[node].name
            called = name if node.op.name in name else f"{name}: {node.op.name}"
            why = (
                f"{called} turned a finite gradient into one with "
                f"{broken[0].nonfinite} of {broken[0].size} entries not finite"
            )
        if first is not None and (node is first or arrived):
            poisoned.append(node)
    if first is None:
        return None
    operands = [_range("gradient received", seen.gradients[first]), *kept(first)]
    op, line = (first.op.name, drafts[first].line) if first.op is not None else ("", "")
    path = tuple(drafts[n].id for n in poisoned)
    return Bad(drafts[first].name, op, why, line, tuple(operands), path)


def kept(node: ad.Node) -> list[Range]:
    """The ranges of the arrays that the rules of a node will read."""
    found = []
    for name, value in node.kept.items():
        parts = value if isinstance(value, tuple) else (value,)
        arrays = [x for x in parts if isinstance(x, float) or ad.backend.is_array(x)]
        if arrays:
            found.append(_range(f"{name} (kept)", measure(tuple(arrays), moments=True)))
    return found


def _range(name: str, s: Statistics) -> Range:
    if math.isnan(s.low) and s.nonfinite < s.size:  # a gradient: only its largest is known
        return Range(name, -s.max_abs or 0.0, s.max_abs, s.nonfinite, s.size)
    return Range(name, s.low, s.high, s.nonfinite, s.size)
