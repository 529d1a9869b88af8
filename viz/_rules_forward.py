"""Rules about values: dead and saturated units, symmetry, spread, batch norm."""

import math
from collections.abc import Iterator
from typing import Any

import autodiff as ad

from ._evidence import MATRIX, Evidence, Weight
from ._findings import Finding, judged
from ._limits import Limit
from ._local import derivative, local
from ._look import number

Limits = dict[str, Limit]


def dead(e: Evidence, limits: Limits) -> Iterator[Finding]:
    """Units of rectifiers that pass no gradient for any example of the batch."""
    for node in e.order:
        shape = local(node)
        if shape is None or shape.kind != "rectifier" or not node.shape:
            continue
        slope = derivative(node)
        axis = e.channel_axis(node) % len(node.shape)
        units = node.shape[axis]
        if slope is None or not units:
            continue
        xp = ad.backend.namespace(slope)
        count = slope.size // units
        if count < limits["dead_examples"].value:
            continue
        others = tuple(i for i in range(slope.ndim) if i != axis)
        silent = xp.all(xp.abs(slope) < limits["silent_slope"].value * shape.largest, axis=others)
        share = float(xp.mean(silent.astype(xp.float64)))
        yield judged(
            "dead", limits["dead_max"], share,
            f"{share:.0%} of the {units} units of {e.name(node)} are silent for all {count} values "
            "that each sees in this batch, so no gradient passes them",
            [e.name(node)], ("reinitialize", "swap_activations", "normalize", "lower_lr"),
        )  # fmt: skip


def saturated(e: Evidence, limits: Limits) -> Iterator[Finding]:
    """Squashers that work where they are flat."""
    for node in e.order:
        shape = local(node)
        if shape is None or shape.kind != "squasher":
            continue
        slope = derivative(node)
        if slope is None or not slope.size:
            continue
        xp = ad.backend.namespace(slope)
        slope = xp.abs(slope)
        flat = slope < limits["flat_slope"].value * shape.largest
        share, mean = float(xp.mean(flat.astype(xp.float64))), float(xp.mean(slope))
        yield judged(
            "saturated", limits["saturated_max"], share,
            f"{share:.0%} of {e.name(node)} is where {node.op.name} is flat: its derivative is "
            f"{number(mean)} on average and could be {number(shape.largest)}",
            [e.name(node)],
            ("scale_inputs", "normalize", "reinitialize", "swap_activations", "lower_lr"),
        )  # fmt: skip


def symmetric(e: Evidence, limits: Limits) -> Iterator[Finding]:
    """Units with equal weights and equal gradients, which stay equal for ever."""
    for weight in e.kernels:
        if weight.record.state == "nonfinite" or weight.size.nonfinite:
            continue
        share = max(_equal(weight, axis) for axis in range(min(2, len(weight.record.shape))))
        word = "zero" if weight.size.max_abs == 0 else "equal"
        yield judged(
            "symmetric", limits["symmetric_max"], share,
            f"{share:.0%} of the units of {weight.name} have {word} weights and the same gradient, "
            "so they stay copies of each other",
            [weight.name], ("reinitialize",),
        )  # fmt: skip


def _equal(weight: Weight, axis: int) -> float:
    """The share of slices along an axis that agree with the first, and so do their gradients."""
    w, g = weight.tensor.data, weight.gradient
    n = w.shape[axis]
    if n < 2:
        return 0.0
    xp = ad.backend.namespace(w)
    w, g = (xp.reshape(xp.moveaxis(a, axis, 0), (n, -1)).astype(xp.float64) for a in (w, g))
    # Products in another order differ by rounding.
    tolerance = 1e-5 * xp.max(xp.abs(g))
    same = xp.all(w == w[:1], axis=1) & xp.all(xp.abs(g - g[:1]) <= tolerance, axis=1)
    return float((xp.sum(same) - 1) / (n - 1))


def spread(e: Evidence, limits: Limits) -> Iterator[Finding]:
    """How much examples differ, layer by layer: the standard deviation of what layers read."""
    found = []
    for node in e.order:
        if node.op is None or node.op.name not in MATRIX:
            continue
        x: Any = node.kept.get("x")
        if hasattr(x, "dtype") and ad.backend.is_float(x.dtype) and x.ndim > 1 and x.size:
            found.append((node, _deviation(x)))
    hidden = [(n, s) for n, s in found[1:] if math.isfinite(s)]  # the first reads the data
    if len(hidden) < 2:
        return
    (start, small), (end, large) = hidden[0], hidden[-1]
    if small == 0 or large == 0:
        decades = 0.0 if small == large else math.inf
    else:
        decades = abs(math.log10(large / small))
    verb = "grows" if large > small else "shrinks"
    yield judged(
        "spread", limits["spread_decades"], decades,
        f"the standard deviation over examples {verb} from {number(small)} in what "
        f"{e.name(start)} reads to {number(large)} in what {e.name(end)} reads: {decades:.1f} "
        "decades",
        [e.name(start), e.name(end)], ("reinitialize", "normalize", "swap_activations"),
    )  # fmt: skip


def _deviation(x: Any) -> float:
    """The root of the variance over examples, averaged over everything else."""
    xp = ad.backend.namespace(x)
    x = x.astype(xp.float64)
    axis = 0 if x.shape[0] > 1 else None
    return math.sqrt(float(xp.mean(xp.var(x, axis=axis))))


def batch_norm(e: Evidence, limits: Limits) -> Iterator[Finding]:
    """Batch norms with too few values, with flat channels, or in the wrong mode."""
    if e.model is None:
        return
    paths = {path: m for path, m in e.model.named_modules() if hasattr(m, "running_var")}
    nodes: dict[str, Any] = {}
    for node in e.order:
        record = e.records[node]
        if node.op is not None and "x" in node.kept and record.scope in paths:
            nodes.setdefault(record.scope, node)
    for path, module in paths.items():
        x = nodes[path].kept["x"] if path in nodes else None
        running = getattr(module.running_var, "data", None)
        if module.training and x is not None:
            count = x.size // x.shape[1]
            yield judged(
                "batch_norm", limits["batch_values"], float(count),
                f"{path} takes mean and variance of {count} values for each channel", [path],
                ("group_norm",), below=True,
            )  # fmt: skip
        variances, eps = running, module.eps
        if module.training and x is not None:
            xp = ad.backend.namespace(x)
            variances = xp.var(x, axis=(0, *range(2, x.ndim)))
        if variances is not None:
            xp = ad.backend.namespace(variances)
            share = float(xp.mean((variances < eps).astype(xp.float64)))
            yield judged(
                "batch_norm", limits["flat_channels"], share,
                f"{share:.0%} of the channels of {path} have a variance below its eps of "
                f"{number(eps)}: what is divided there is rounding error",
                [path], ("scale_inputs", "reinitialize", "group_norm"),
            )  # fmt: skip
        if not module.training and running is not None and x is not None and x.shape[0] > 1:
            xp = ad.backend.namespace(x)
            now = xp.var(x, axis=(0, *range(2, x.ndim))) + eps
            gap = float(xp.median(xp.abs(xp.log10(now / (running + eps)))))
            yield judged(
                "batch_norm", limits["statistics_gap"], gap,
                f"{path} is in evaluation mode, and its running variance is {gap:.1f} decades off "
                "that of this batch: train() was forgotten, or the statistics were never learned",
                [path], ("train_mode",),
            )  # fmt: skip
