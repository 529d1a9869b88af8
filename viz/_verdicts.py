"""What a graph shows, in sentences with its numbers."""

import math
import statistics
from collections.abc import Iterator, Sequence
from itertools import takewhile

from . import _layers, _way
from ._facets import FacetRow, Facets
from ._layers import Layer
from ._look import LOOKS, number, shown
from ._modes import percent, times
from ._records import NodeRecord, Recording
from ._stats import State

LABEL_LIMIT = 40
BEHIND = 0.1
"""A class of examples is named if it sends less than this part of what the median class sends."""


def verdicts(recording: Recording) -> tuple[str, ...]:
    """The sentences, what concerns the whole graph first."""
    return tuple(_sentences(recording))


def heading(recording: Recording) -> list[str]:
    """The sentences that stand above the picture."""
    if recording.mode == "value":
        return []
    if recording.mode == "stall":
        return [stalled(recording.nodes)]
    said = [_unfinite(recording) or arrival(recording), *_way.told(recording)]
    return [words for words in said if words]


def _unfinite(recording: Recording) -> str:
    bad = recording.bad.forward or recording.bad.backward
    return f"not finite: {bad.why}" if bad else ""


def _sentences(recording: Recording) -> Iterator[str]:
    if recording.mode == "stall":
        yield stalled(recording.nodes)
    if words := _unfinite(recording):
        yield words
    if recording.mode == "value" or recording.released:
        return
    if words := arrival(recording):
        yield words
    if parts := _way.told(recording):
        yield " ".join(parts)
    for state in ("tiny", "zero"):
        if words := _counted(recording.nodes, state):
            yield words
    if recording.facets is not None and (words := behind(recording.facets)):
        yield words
    yield from _missing(recording.nodes)


def arrival(recording: Recording) -> str:
    """The gradients of the last layer's parameters and the first's; "" if they do not compare."""
    rows = [r for r in _layers.layers(recording) if not math.isnan(r.parameters)]
    lost = _layers.decades_lost(rows)
    alone = any(r.name not in recording.kinds for r in rows)
    if math.isnan(lost) or (alone and recording.kinds):  # parameters of one module are no layers
        return ""
    first, last = rows[0], rows[-1]
    if math.isinf(lost):
        verdict = "nothing arrives" if lost > 0 else "not finite"
    else:
        verdict = f"{abs(lost):.1f} decades {'lost' if lost >= 0 else 'gained'}"
    return (
        f"parameters' gradient RMS: {number(last.parameters)} in {_called(last)}, "
        f"{number(first.parameters)} in {_called(first)}: {verdict}"
    )


def _called(layer: Layer) -> str:
    name = _short(layer.name)
    return f"{name} ({_short(layer.kind)})" if layer.kind else name


def _short(name: str) -> str:
    return shown(name, LABEL_LIMIT)


def _counted(nodes: Sequence[NodeRecord], state: State) -> str:
    """How many gradients are unhealthy by an absolute measure, whatever the colours say."""
    found = [n for n in nodes if n.state == state]
    known = [n for n in nodes if n.state not in ("absent", "released")]
    if not found:
        return ""
    return (
        f"{len(found)} of {len(known)} gradients are {LOOKS[state].meaning}, "
        f"such as that of {_short(found[0].name)}"
    )


def _missing(nodes: Sequence[NodeRecord]) -> Iterator[str]:
    """The parameters without a gradient, reason by reason."""
    reasons: dict[str, list[str]] = {}
    for n in nodes:
        if n.state == "absent" and n.kind == "parameter":
            reasons.setdefault(n.note, []).append(n.name)
    for why, names in reasons.items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        yield f"no gradient: {', '.join(_short(n) for n in names[:3])}{more} ({why})"


def stalled(nodes: Sequence[NodeRecord]) -> str:
    """One sentence on the next updates of all the parameters together."""
    known = [n for n in nodes if not math.isnan(n.stalled)]
    size = sum(n.size for n in known)
    if not size:
        return "no parameter of this graph is in the optimizer"
    share = sum(n.stalled * n.size for n in known) / size
    flushed = sum(n.flushed * n.size for n in known if n.flushed > 0) / size
    words = f"{percent(share)} of {size} entries will not move: their next update is rounded away"
    return f"{words}; {percent(flushed)} have a gradient flushed to zero" if flushed else words


def behind(facets: Facets) -> str:
    """The class whose gradient is left behind at the first layer, and where it falls back."""
    rows = [row for row in facets.rows if 0 < _median(row) < math.inf]
    if not rows or len(facets.classes) < 2:
        return ""
    label = min(rows[0].rms, key=rows[0].rms.__getitem__)
    late = list(takewhile(lambda row: row.rms[label] < BEHIND * _median(row), rows))
    if not late:
        return ""
    return (
        f"class {_short(str(label))} sends {times(rows[0].rms[label] / _median(rows[0]))} of "
        f"what the median class sends to {_short(rows[0].node)}: it falls behind at "
        f"{_short(late[-1].node)}"
    )


def _median(row: FacetRow) -> float:
    return statistics.median(row.rms.values())
