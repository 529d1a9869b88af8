"""How sizes compare."""

import math


def decades(rms: float, reference: float) -> float:
    """``log10(rms / reference)``, minus infinity for a zero gradient.

    Examples
    --------
    >>> decades(1e-6, 1e-2), decades(0.0, 1.0)
    (-4.0, -inf)
    """
    if math.isnan(rms) or math.isnan(reference):
        return math.nan
    if rms == 0 or math.isinf(rms):
        return -math.inf if rms == 0 else math.inf
    return math.log10(rms) - math.log10(reference)


def ratio(sent: float, received: float) -> float:
    """NaN where nothing was received: 0 of 0 is no gain."""
    if not received > 0 or math.isinf(received):
        return math.nan
    return sent / received
