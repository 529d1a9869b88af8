"""The loss through training, a line a run: the track above a page's slider."""

from collections.abc import Mapping, Sequence

import numpy as np

from . import _chart
from ._chart import text
from ._look import GREY, RUNS, shown

WIDE, HIGH = 1000.0, 96.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 12.0, 16.0, 18.0


def timeline(losses: Mapping[str, tuple[np.ndarray, np.ndarray]], steps: Sequence[int]) -> str:
    """The track as SVG text.

    Parameters
    ----------
    losses : mapping
        By the name of the run, the sampled steps and the loss there; one run may be called "".
    steps : sequence of int
        Those of the slider.
    """
    x = _chart.Axis([*steps], LEFT, WIDE - RIGHT)
    known = np.concatenate([loss for _, loss in losses.values()])
    known = known[np.isfinite(known)]
    log = bool(known.size and known.min() > 0 and known.max() / known.min() > 30)
    y = _chart.Axis(known.tolist(), HIGH - BOTTOM, TOP, log)
    body = _chart.step_axis(x, TOP, HIGH - BOTTOM)
    for value, words in y.ticks(3):
        at = y(value) or 0.0
        body.append(f'<path d="M{LEFT} {at:.1f}H{WIDE - RIGHT}" stroke="{_chart.GRID}"/>')
        body.append(text(LEFT - 5, at + 3, words, "end", fill=GREY))
    for k, (name, (at_steps, loss)) in enumerate(losses.items()):
        color, dash = RUNS[k % len(RUNS)]
        line = _chart.path_of([x(float(s)) for s in at_steps], [y(float(v)) for v in loss])
        body.append(
            f'<path d="{line}" fill="none" stroke="{color}" stroke-width="1.8" '
            f'stroke-dasharray="{dash}" stroke-linejoin="round">'
            f"<title>{_chart.escape(name or 'loss')}</title></path>"
        )
        if name:
            left = LEFT + 60 + k * 150
            body.append(
                f'<path d="M{left} 8h22" stroke="{color}" stroke-width="2.4" '
                f'stroke-dasharray="{dash}"/>'
            )
            body.append(text(left + 27, 11, shown(name, 20)))
    body.append(text(LEFT, 11, "loss" + ", log scale" * log, "start", fill=GREY))
    body.append(
        _chart.when(
            LEFT, TOP, WIDE - LEFT - RIGHT, HIGH - TOP - BOTTOM, [x(float(s)) for s in steps]
        )
    )
    return _chart.document(WIDE, HIGH, "the loss through training", body)
