"""The rules for a training record: the same thresholds, over its latest samples."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ._evidence import MATRIX
from ._findings import Finding, Findings, judged, worst_first
from ._limits import Limit, limits
from ._look import number
from ._samples import Samples

Limits = dict[str, Limit]

RECENT = 5
"""How many samples count: the median of the latest. Over all of them a layer whose gradient was
large at first would look vanished for ever (wandb issue 4699)."""


def findings(recorder: Samples, **thresholds: float) -> Findings:
    """What `diagnose` says of a record."""
    found = recorded(recorder, limits(thresholds))
    return worst_first([f for f in found if f.excess > 0])


def recorded(recorder: Samples, limits: Limits) -> Iterator[Finding]:
    """What a record says is wrong; nothing if it is empty."""
    if len(recorder):
        yield from _gradients(recorder, limits)
        yield from _units(recorder, limits)
        yield from _updates(recorder, limits)


def _recent(recorder: Samples, statistic: str) -> dict[str, float]:
    """The median of each name's latest values, of those that have one."""
    series = recorder.series(statistic)
    latest: np.ndarray = series.values[-RECENT:]
    columns = {name: latest[:, i] for i, name in enumerate(series.names)}
    known = {name: v[~np.isnan(v)] for name, v in columns.items()}
    return {name: float(np.median(v)) for name, v in known.items() if v.size}


def _gradients(recorder: Samples, limits: Limits) -> Iterator[Finding]:
    share = recorder.series("nonfinite")
    last = dict(zip(share.names, np.nan_to_num(share.values[-1])))
    bad = [name for name, value in last.items() if value > 0]
    loss = float(recorder.loss[-1])
    spoilt = len(bad) + math.isinf(loss)
    yield judged(
        "nonfinite", limits["nonfinite_max"], float(spoilt),
        f"in step {recorder.steps[-1]} the gradients of {len(bad)} layers are not finite",
        bad, ("lower_lr", "clip"), "fatal",
    )  # fmt: skip
    sizes = {n: s for n, s in _recent(recorder, "rms").items() if math.isfinite(s)}
    if len(sizes) < 2:
        return
    end = list(sizes)[-1]
    if sizes[end] == 0:
        return
    ratios = {name: size / sizes[end] for name, size in sizes.items() if name != end}
    for rule, limit, pick in (
        ("vanishing", "vanishing_ratio", min),
        ("exploding", "exploding_ratio", max),
    ):
        name = pick(ratios, key=ratios.__getitem__)
        yield judged(
            rule, limits[limit], ratios[name],
            f"up to step {recorder.steps[-1]} the gradient of {name} has RMS "
            f"{number(sizes[name])}, that of {end} {number(sizes[end])}",
            [name], below=rule == "vanishing",
        )  # fmt: skip

    ops = dict(zip(recorder.activations, recorder.ops))
    sent = _recent(recorder, "activation")
    passed = [n for n, size in sent.items() if ops[n] in MATRIX and math.isfinite(size)]
    if len(passed) > 1 and sent[passed[-1]] > 0:
        first, last_name = passed[0], passed[-1]
        yield judged(
            "exploding", limits["exploding_layers"], sent[first] / sent[last_name],
            f"up to step {recorder.steps[-1]} the gradient at {first} has RMS "
            f"{number(sent[first])}, that at {last_name} {number(sent[last_name])}",
            [first],
        )  # fmt: skip


def _units(recorder: Samples, limits: Limits) -> Iterator[Finding]:
    words: Any = {
        "dead": ("dead_max", "of the units are zero for the whole batch"),
        "saturated": ("saturated_max", "is where its activation is flat"),
    }
    for rule, (limit, word) in words.items():
        for name, share in _recent(recorder, rule).items():
            cause = f"up to step {recorder.steps[-1]} {share:.0%} of {name} {word}"
            if rule == "dead":
                cause = f"up to step {recorder.steps[-1]} {share:.0%} {word} in {name}"
            yield judged(rule, limits[limit], share, cause, [name])


def _updates(recorder: Samples, limits: Limits) -> Iterator[Finding]:
    ratios = {n: r for n, r in _recent(recorder, "update").items() if math.isfinite(r)}
    if not ratios:
        return
    still = [name for name, ratio in ratios.items() if ratio == 0]
    if len(still) < len(ratios):
        yield judged(
            "frozen", limits["frozen_max"], float(len(still)),
            f"{len(still)} of {len(ratios)} layers do not change from step to step", still,
        )  # fmt: skip
    middle = float(np.median(list(ratios.values())))
    cause = f"a step changes the weights by {number(middle)} of their size; about 1e-3 is usual"
    high, low = limits["update_high"], limits["update_low"]
    yield judged("lr_high", high, middle, cause, list(ratios))
    yield judged("lr_low", low, middle, cause, list(ratios), below=True)
