"""Pictures of where the gradient goes.

>>> import autodiff as ad, viz
>>> w = ad.tensor([3.0, -4.0], requires_grad=True, name="w")
>>> loss = (w * w).sum()
>>> print(viz.graph(loss).edges[0].name)
w -> multiply [0]
"""

from ._diagnose import assert_healthy, diagnose
from ._diff import Change, Difference, diff
from ._explain import Explanation, explain
from ._figures import profile_figure
from ._findings import Finding
from ._graph import GradientGraph, draw, graph
from ._layers import Layer
from ._recorder import Recorder, Series, watch
from ._records import EdgeRecord, NodeRecord
from ._render import backends
from ._scalars import ScalarGraph, scalar_graph
from ._trial import Trial

__all__ = [
    "Change", "Difference", "EdgeRecord", "Explanation", "Finding", "GradientGraph", "Layer",
    "NodeRecord", "Recorder", "ScalarGraph", "Series", "Trial", "assert_healthy", "backends",
    "diagnose", "diff", "draw", "explain", "graph", "profile_figure", "scalar_graph", "watch",
]  # fmt: skip
