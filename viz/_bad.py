"""The first number that is not finite: where it arose, from what, and where it went."""

import math
from collections.abc import Mapping, Sequence

import autodiff as ad

from ._records import Bad, Range
from ._stats import Statistics, measure


def first_forward(
    order: Sequence[ad.Node],
    values: Mapping[ad.Node, Statistics],
    names: Mapping[ad.Node, str],
    ids: Mapping[ad.Node, str],
    lines: Mapping[ad.Node, str],
) -> Bad | None:
    """The first value that is not finite, of those that `record` saw and of the leaves."""
    bad = {n for n in order if n in values and values[n].nonfinite}
    ops = [n for n in order if n in bad and n.op is not None]
    leaves = [n for n in order if n in bad and n.op is None]
    if not ops and not leaves:
        return None
    first = ops[0] if ops else leaves[0]
    held = [p for p in first.parents if p in leaves]
    if held:  # the op only passed on what it was given
        first = held[0]
    poisoned = {first}
    for node in order:
        if node in bad and any(p in poisoned for p in node.parents):
            poisoned.add(node)
    wrong = f"{values[first].nonfinite} of {values[first].size} entries not finite"
    path = tuple(ids[n] for n in order if n in poisoned)
    if first.op is None:
        why = f"{names[first]} is a leaf with {wrong}"
        return Bad(names[first], "", why, "", (_range("value", values[first]),), path)
    op = first.op.name
    why = f"{names[first]} is the first value that is not finite: {op} gave {wrong}"
    operands = [_range(names[p], values[p]) for p in dict.fromkeys(first.parents) if p in values]
    seen = {(r.low, r.high, r.size) for r in operands}
    operands += [r for r in kept(first) if (r.low, r.high, r.size) not in seen]
    return Bad(names[first], op, why, lines.get(first, ""), tuple(operands), path)


def first_backward(
    walked: Sequence[ad.Node],
    gradients: Mapping[ad.Node, Statistics],
    pulled: Mapping[ad.Node, Sequence[Statistics]],
    names: Mapping[ad.Node, str],
    ids: Mapping[ad.Node, str],
    lines: Mapping[ad.Node, str],
) -> Bad | None:
    """The first gradient that is not finite, in the order of the walk."""
    poisoned: dict[ad.Node, None] = {}
    first: ad.Node | None = None
    why = ""
    for node in walked:
        arrived = gradients[node].nonfinite
        if first is None and arrived:  # finite parts, whose sum is not; or the seed itself
            first = node
            why = f"the gradients that meet at {names[node]} are finite, and their sum is not"
        if first is None and any(p.nonfinite for p in pulled.get(node, ())):
            first = node
            what = next(p for p in pulled[node] if p.nonfinite)
            called = (
                names[node] if node.op.name in names[node] else f"{names[node]}: {node.op.name}"
            )
            why = (
                f"{called} turned a finite gradient into one with "
                f"{what.nonfinite} of {what.size} entries not finite"
            )
        if first is not None and (node is first or arrived):
            poisoned[node] = None
    if first is None:
        return None
    operands = [_range("gradient received", gradients[first]), *kept(first)]
    op = first.op.name if first.op is not None else ""
    path = tuple(ids[n] for n in poisoned)
    return Bad(names[first], op, why, lines.get(first, ""), tuple(operands), path)


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
