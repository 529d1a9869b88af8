"""Rules about recurrence: gradients through time, and gates."""

import math
import statistics
from collections.abc import Iterator
from typing import Any

import autodiff as ad

from ._evidence import RECURRENT, Evidence, Weight
from ._findings import Finding, judged
from ._gates import Gate, gates_of, rectified, values
from ._limits import Limit
from ._local import LOCAL
from ._look import number

Limits = dict[str, Limit]

STEPS = 4
"""Fewer steps in time say nothing about a trend."""


def through_time(e: Evidence, limits: Limits) -> Iterator[Finding]:
    """The gradient at the states of early steps against that of late ones.

    Where every step has a loss of its own, early states get their gradient from that, and what
    fades between the steps is not seen.
    """
    for weight in e.weights:
        sizes = [e.records[node].rms for node in steps_of(weight)]
        sizes = [s for s in sizes if math.isfinite(s)]
        while sizes and sizes[-1] == 0:  # steps after the last that the loss reads
            sizes.pop()
        if len(sizes) < STEPS:
            continue
        quarter = len(sizes) // 4
        early, late = max(sizes[:quarter]), statistics.median(sizes[-quarter:])
        if late == 0:
            continue
        ratio = early / late
        verb = "grows" if ratio > 1 else "fades"
        cause = (
            f"going back {len(sizes)} steps in time, the gradient at the state {verb} from "
            f"{number(late)} to {number(early)} by repeated products with {weight.name}"
        )
        yield judged(
            "recurrent", limits["recurrent_ratio"], ratio, cause,
            [weight.name], ("orthogonal", "clip", "gated_cell", "lower_lr"),
        )  # fmt: skip
        yield judged(
            "recurrent_vanishing", limits["recurrent_vanishing"], ratio, cause,
            [weight.name], ("forget_bias", "orthogonal", "gated_cell"), below=True,
            advice=("if early steps do not matter, go back fewer: detach() the state at times",),
        )  # fmt: skip


def steps_of(weight: Weight) -> list[Any]:
    """The ops that read a weight one after the other, as the steps of a recurrence do."""
    readers = sorted(weight.readers, key=lambda node: node.index)
    if len(readers) < STEPS or len({node.op.name for node in readers}) != 1:
        return []
    if readers[0].op.name in RECURRENT:
        return readers
    chain = readers[:1]
    for node in readers[1:]:
        if not _depends(node, chain[-1]):
            return []
        chain.append(node)
    return chain


def _depends(node: Any, on: Any) -> bool:
    seen, stack = {node}, [node]
    while stack:
        for parent in stack.pop().parents:
            if parent is on:
                return True
            if parent.index > on.index and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return False


def gates(e: Evidence, limits: Limits) -> Iterator[Finding]:
    """Gates where they are flat, and units that a gate or a relu cuts off."""
    for weight in e.kernels:
        for gate in gates_of(weight):
            value = values(weight, gate.kept)
            if value is None or not value.size:
                continue
            yield _saturated(weight, gate, value, limits)
            if gate.cuts:
                shut = gate.cut(value, limits["gate_shut"].value)
                yield from _cut_off(weight, f"{gate.title} is {gate.cuts}", shut, limits)
        if rectified(weight):
            yield from _cut_off(weight, "relu is 0", values(weight, "out") <= 0, limits)


def _saturated(weight: Weight, gate: Gate, value: Any, limits: Limits) -> Finding:
    xp = ad.backend.namespace(value)
    share = float(xp.mean(gate.flat(value, limits["flat_slope"].value).astype(xp.float64)))
    mean = float(xp.mean(gate.slope(value)))
    return judged(
        "saturated", limits["saturated_max"], share,
        f"{share:.0%} of the {gate.title} of {weight.name} is {'shut, ' * gate.keeps}where "
        f"{gate.op} is flat: its derivative is {number(mean)} on average over all steps and could "
        f"be {number(LOCAL[gate.op].largest)}",
        [weight.name], ("forget_bias",) * gate.keeps + ("reinitialize", "lower_lr"),
    )  # fmt: skip


def _cut_off(weight: Weight, why: str, shut: Any, limits: Limits) -> Iterator[Finding]:
    """The share of units that are cut off in every step of every example."""
    count, units = shut.shape
    if count < limits["dead_examples"].value:
        return
    xp = ad.backend.namespace(shut)
    share = float(xp.mean(xp.all(shut, axis=0).astype(xp.float64)))
    yield judged(
        "dead", limits["dead_max"], share,
        f"{share:.0%} of the {units} units of {weight.name} are cut off: their {why} for all "
        f"{count} values that each sees in this batch",
        [weight.name], ("reinitialize", "lower_lr"),
    )  # fmt: skip
