"""Networks with a known sickness, and healthy ones, to judge the diagnosis by.

Each builder takes a source of random numbers, from which come its sizes, weights and data, and
returns a function of the model, the model and its optimizer. ``python -m tests.sick`` prints
precision and recall of each rule and how often a remedy helps, ``--held-out`` those of seeds that
served no threshold, and ``--page`` writes an example of each rule for the documentation.
"""

from . import healthy, page, parts, recurrent, signals, training, units
from .judging import HELD_OUT, TUNED, judged, made, report, table
from .parts import CASES, Network

__all__ = [
    "CASES", "HELD_OUT", "TUNED", "Network", "healthy", "judged", "made", "page", "parts",
    "recurrent", "report", "signals", "table", "training", "units",
]  # fmt: skip
