"""Rules about the next step, which need an optimizer."""

import math
import statistics
from collections.abc import Iterator

import autodiff as ad

from ._evidence import Evidence
from ._findings import Finding, judged
from ._limits import Limit
from ._look import number
from ._stats import Collector

Limits = dict[str, Limit]


def lost_updates(e: Evidence, limits: Limits) -> Iterator[Finding]:
    """Entries with a gradient that the next step leaves as they are, to the bit."""
    found = []
    for weight in e.weights:
        if id(weight.tensor) not in e.updates:
            continue
        new, g = e.updates[id(weight.tensor)]
        xp = ad.backend.namespace(new)
        asked = g != 0
        count = int(xp.sum(asked))
        if count:
            same = int(xp.sum((new == weight.tensor.data) & asked))
            found.append((same / count, count, weight))
    if not found:
        return
    share, count, weight = max(found, key=lambda f: f[0])
    yield judged(
        "lost_updates", limits["lost_max"], share,
        f"the next update of {share:.0%} of the {count} entries of {weight.name} that have a "
        f"gradient is lost to rounding in {weight.record.dtype}: w + dw == w",
        [w.name for s, _, w in sorted(found, key=lambda f: -f[0]) if s >= limits["lost_max"].value],
        ("float32", "raise_lr"),
    )  # fmt: skip


def ratios(e: Evidence) -> dict[str, float]:
    """RMS of the next update over RMS of the weight, of each kernel that has both.

    One that no gradient reaches is not moved by any learning rate.
    """
    moved = [w for w in e.kernels if w.record.state != "zero"]
    kernels = [w for w in moved if id(w.tensor) in e.updates and w.size.rms > 0]
    collector = Collector()
    for weight in kernels:
        xp = ad.backend.namespace(weight.tensor.data)
        new = e.updates[id(weight.tensor)][0]
        collector.add(new.astype(xp.float64) - weight.tensor.data.astype(xp.float64))
    changes = collector.results()
    return {w.name: c.rms / w.size.rms for w, c in zip(kernels, changes)}


def learning_rate(e: Evidence, limits: Limits) -> Iterator[Finding]:
    """The median over kernels of update over weight."""
    found = ratios(e)
    sizes = [r for r in found.values() if math.isfinite(r)]
    if not sizes:
        return
    ratio = statistics.median(sizes)
    lr = e.optimizer.param_groups[0].get("lr")
    said = f" with a learning rate of {number(lr)}" if isinstance(lr, float) else ""
    cause = f"the next step changes the weights by {number(ratio)} of their size{said}"
    yield judged(
        "lr_high", limits["update_high"], ratio, f"{cause}; about 1e-3 is usual",
        sorted(found, key=lambda n: -found[n]), ("lower_lr",),
    )  # fmt: skip
    yield judged(
        "lr_low", limits["update_low"], ratio, f"{cause}; about 1e-3 is usual",
        sorted(found, key=lambda n: found[n]), ("raise_lr",), below=True,
    )  # fmt: skip
