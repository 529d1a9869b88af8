"""Rules about gradients: where they vanish, explode, are not finite, or do not arrive."""

import math
from collections.abc import Iterator
from typing import Any

import autodiff as ad

from ._evidence import MATRIX, Evidence
from ._findings import Finding, judged
from ._ghosts import FROZEN, UNUSED
from ._limits import Limit
from ._look import number

Limits = dict[str, Limit]


def vanishing(e: Evidence, limits: Limits) -> Iterator[Finding]:
    """The gradient of a kernel against that of the last; all of them against the loss.

    A kernel whose gradient is exactly zero counts only if all before it have none either: else its
    branch is dead or closed, and nothing vanished on the way back.
    """
    kernels = [w for w in e.kernels if w.record.state != "nonfinite"]
    remedies = ("swap_activations", "reinitialize", "normalize", "add_skips")
    arrived = next((i for i, w in enumerate(kernels) if w.rms > 0), len(kernels))
    counted = [w for i, w in enumerate(kernels) if w.rms > 0 or i < arrived]
    if len(counted) > 1 and counted[-1].rms > 0:
        last = counted[-1]
        least = min(counted[:-1], key=lambda w: w.rms)
        ratio = least.rms / last.rms
        lost = [w.name for w in counted if w.rms < last.rms * limits["vanishing_ratio"].value]
        yield judged(
            "vanishing", limits["vanishing_ratio"], ratio,
            f"the gradient of {least.name} has RMS {number(least.rms)}, that of {last.name} "
            f"{number(last.rms)}: {_decades(ratio)} on the way back",
            lost or [least.name], remedies, below=True,
        )  # fmt: skip
    ends = _ends(e)
    if ends is not None:
        first, last_node, ratio = ends
        yield judged(
            "vanishing", limits["vanishing_norm"], ratio,
            f"the gradient at {first.name} has the norm {number(first.l2)}, that at "
            f"{last_node.name} {number(last_node.l2)}: {_decades(ratio)} on the way back",
            [first.name], remedies, below=True,
        )  # fmt: skip
    loss = abs(e.recording.loss or 0.0)
    if kernels and loss > 0:
        felt = [w.record.l2 * w.size.l2 / loss for w in kernels]
        most = max(felt)
        if any(w.size.l2 for w in kernels):
            yield judged(
                "vanishing", limits["sensitivity_min"], most,
                f"no weight matters: doubling the one that matters most would change the loss of "
                f"{number(loss)} by {number(most)} of itself",
                [w.name for w in kernels], remedies, below=True,
            )  # fmt: skip


def _ends(e: Evidence) -> tuple[Any, Any, float] | None:
    """The records of what the first and the last layer give, and the ratio of their gradients.

    By norm, which does not depend on how many entries they have.
    """
    layers = _layers(e)
    if len(layers) < 2 or not all(math.isfinite(r.l2) for r in layers) or layers[-1].l2 == 0:
        return None
    return layers[0], layers[-1], layers[0].l2 / layers[-1].l2


def _layers(e: Evidence) -> list[Any]:
    """The records of what layers give, in their order. A recurrence is not counted."""
    return [
        e.records[node]
        for w in e.kernels
        if len(w.readers) == 1
        for node in w.readers
        if node.op.name in MATRIX
    ]


def _decades(ratio: float) -> str:
    if ratio == 0:
        return "nothing arrives"
    lost = -math.log10(ratio)
    return f"{abs(lost):.1f} decades {'lost' if lost > 0 else 'gained'}"


def exploding(e: Evidence, limits: Limits) -> Iterator[Finding]:
    """The gradient of a kernel against that of the last, and the norm of each."""
    kernels = [w for w in e.kernels if w.record.state != "nonfinite"]
    remedies = ("scale_inputs", "reinitialize", "normalize", "clip", "lower_lr")
    if len(kernels) > 1 and kernels[-1].rms > 0:
        last = kernels[-1]
        most = max(kernels[:-1], key=lambda w: w.rms)
        ratio = most.rms / last.rms
        yield judged(
            "exploding", limits["exploding_ratio"], ratio,
            f"the gradient of {most.name} has RMS {number(most.rms)}, that of {last.name} "
            f"{number(last.rms)}: {_decades(ratio)} on the way back",
            [most.name], remedies,
        )  # fmt: skip
    ends = _ends(e)
    if ends is not None:
        first, end, ratio = ends
        yield judged(
            "exploding", limits["exploding_layers"], ratio,
            f"the gradient at {first.name} has the norm {number(first.l2)}, that at {end.name} "
            f"{number(end.l2)}: {_decades(ratio)} on the way back",
            [first.name], remedies,
        )  # fmt: skip
    if kernels:
        most = max(kernels, key=lambda w: w.record.l2)
        layers = _layers(e)
        end = layers[-1] if layers else e.recording.nodes[len(e.order) - 1]
        start = end.l2 if math.isfinite(end.l2) and end.l2 > 0 else 1.0
        yield judged(
            "exploding", limits["exploding_norm"], most.record.l2 / start,
            f"the gradient of {most.name} has the norm {number(most.record.l2)}, and that at "
            f"{end.name} {number(end.l2)}",
            [most.name], remedies,
        )  # fmt: skip


def nonfinite(e: Evidence, limits: Limits) -> Iterator[Finding]:
    """NaN and infinity: the first op whose operands have one, else where the gradient gets one."""
    remedies = ("reinitialize", "float32", "lower_lr", "clip")
    bad = [r for r in e.recording.nodes if r.nonfinite]
    loss = e.recording.loss
    count = sum(r.nonfinite for r in bad)
    spoilt = [w.name for w in e.weights if w.size.nonfinite]
    if spoilt:
        cause = f"{spoilt[0]} itself has entries that are not finite"
    elif loss is not None and not math.isfinite(loss):
        cause = f"the loss is {loss}"
        first = next((node for node in e.order if _spoilt(node)), None)
        if first is not None:
            cause += f"; {e.name(first)} ({first.op.name}) is the first op that read such a value"
    elif bad:
        cause = f"the gradient stops being finite at {bad[-1].name}, {bad[-1].nonfinite} entries"
    else:
        cause = "all values are finite"
    bad_loss = loss is not None and not math.isfinite(loss)
    yield judged(
        "nonfinite", limits["nonfinite_max"], float(count + len(spoilt) + bad_loss), cause,
        spoilt or [r.name for r in reversed(bad)], remedies, "fatal",
    )  # fmt: skip


def _spoilt(node: Any) -> bool:
    """Whether an op kept a floating array with an entry that is not finite."""
    for value in node.kept.values():
        if hasattr(value, "dtype") and ad.backend.is_float(value.dtype) and value.size:
            xp = ad.backend.namespace(value)
            if not bool(xp.all(xp.isfinite(value))):
                return True
    return False


def unreached(e: Evidence, limits: Limits) -> Iterator[Finding]:
    """Parameters that are to learn and get no gradient."""
    names = [w.name for w in e.lonely]
    reasons: dict[str, list[str]] = {}
    for w in e.lonely:
        reasons.setdefault(w.record.note, []).append(w.name)
    helps = {FROZEN: "unfreeze", UNUSED: "drop_unused"}
    yield judged(
        "unreached", limits["unreached_max"], len(names),
        f"the loss does not depend on {len(names)} of {len(e.weights)} parameters: "
        + "; ".join(reasons),
        names, [helps[why] for why in reasons if why in helps],
        advice=[f"{_undo(why)} ({', '.join(of[:4])})" for why, of in reasons.items()],
    )  # fmt: skip


def _undo(why: str) -> str:
    """What the program has to do about a parameter that is not reached for this reason."""
    if why == FROZEN:
        return "requires_grad_(True)"
    if why == UNUSED:
        return "call the module in forward, or remove it"
    if why.startswith("dtype"):
        return "keep it as a buffer"
    line = f" after {why.partition(' at ')[2].partition(', but')[0]}" if " at " in why else ""
    return f"look{line} for detach(), no_grad(), a cast to integers or a result that is not used"


def frozen(e: Evidence, limits: Limits) -> Iterator[Finding]:
    """Parameters that no step can change: not differentiated, or not in the optimizer.

    Both may be meant so: a backbone that is kept, the other half of a GAN.
    """
    limit = limits["frozen_max"]
    if e.root is not None:
        still = [w.name for w in e.weights if not w.tensor.requires_grad]
        yield judged(
            "frozen", limit, len(still),
            f"{len(still)} of {len(e.weights)} parameters have requires_grad=False",
            still, ("unfreeze",), "note",
        )  # fmt: skip
    known = e.optimized
    if known is None:
        return
    missing = [w.name for w in e.weights if w.gradient is not None and id(w.tensor) not in known]
    yield judged(
        "frozen", limit, len(missing),
        f"{len(missing)} of {len(e.weights)} parameters get a gradient, and the optimizer does "
        "not have them",
        missing, ("unfreeze",), "note",
    )  # fmt: skip
