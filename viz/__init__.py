"""Pictures of where the gradient goes.

>>> import autodiff as ad, viz
>>> w = ad.tensor([3.0, -4.0], requires_grad=True, name="w")
>>> loss = (w * w).sum()
>>> print(viz.graph(loss).edges[0].name)
w -> multiply [0]
"""

from ._comparison import Comparison, compare
from ._diagnose import assert_healthy, diagnose
from ._diff import Change, Difference, diff
from ._explain import Explanation, explain
from ._facets import Facets
from ._figures import profile_figure
from ._findings import Finding, Findings
from ._forward import record
from ._graph import GradientGraph, draw, graph
from ._layers import Layer
from ._lesson import lesson
from ._recorder import Recorder, watch
from ._records import Bad, EdgeRecord, FirstBad, NodeRecord
from ._render import backends
from ._scalars import ScalarGraph, scalar_graph
from ._series import Series
from ._trial import Trial

__all__ = [
    "Bad", "Change", "Comparison", "Difference", "EdgeRecord", "Explanation", "Facets", "Finding",
    "Findings", "FirstBad", "GradientGraph", "Layer", "NodeRecord", "Recorder", "ScalarGraph",
    "Series", "Trial", "assert_healthy", "backends", "compare", "diagnose", "diff", "draw",
    "explain", "graph", "lesson", "profile_figure", "record", "scalar_graph", "watch",
]  # fmt: skip
