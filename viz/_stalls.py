"""Updates that are lost: to rounding when they are added, or because float16 ends at 6e-8.

Both tests are exact and need no threshold. An update is lost if the parameter's next value equals
its present one although it was to change. A gradient was flushed to zero if it is zero, and is
not once the loss is scaled by a power of two, which changes no digit of anything else.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

import autodiff as ad

from ._stats import Collector

SCALE = 2.0**12
"""By how much the loss is scaled to see which gradients were flushed to zero."""


class Stalls:
    """Counts lost updates while a backward pass shows the gradients of the parameters."""

    def __init__(self, optimizer: Any, nodes: Sequence[ad.Node], collector: Collector) -> None:
        if not hasattr(optimizer, "preview") or not hasattr(optimizer, "param_groups"):
            raise TypeError(
                'mode "stall" asks the optimizer for its next update, and '
                f"{type(optimizer).__name__} has no preview(parameter, gradient); give one of "
                "nn.optim"
            )
        self.optimizer, self.collector = optimizer, collector
        self.known = {id(p) for group in optimizer.param_groups for p in group["params"]}
        halves = np.dtype(np.float16)
        self.half = any(halves in _dtypes(node) for node in nodes)
        self.zeros: dict[ad.Node, Any] = {}
        self.lost: dict[ad.Node, int] = {}
        self.flushed: dict[ad.Node, int] = {}

    def see(self, node: ad.Node, g: Any) -> None:
        """Look at the gradient of a leaf."""
        parameter = getattr(node, "tensor", None)
        if parameter is None or id(parameter) not in self.known:
            return
        self.lost[node] = self.collector.add(lost(self.optimizer, parameter, g))
        if self.half:
            self.zeros[node] = g == 0

    def see_scaled(self, node: ad.Node, g: Any, pulled: tuple[Any, ...]) -> None:
        """Look at the gradient of the scaled loss: which zeros are none."""
        if node in self.zeros:
            xp = ad.backend.namespace(g)
            woken = self.zeros[node] & (g != 0) & xp.isfinite(g)
            self.flushed[node] = self.collector.add(woken.astype(xp.float64))

    def rerun(self, loss: Any) -> None:
        """The second pass, where float16 is involved at all."""
        if self.half:
            ad.gradients(loss, grad_outputs=ad.full_like(loss, SCALE), observe=self.see_scaled)


def lost(optimizer: Any, parameter: Any, g: Any) -> Any:
    """1.0 where the next update is lost to rounding, else 0.0."""
    w = parameter.data
    xp = ad.backend.namespace(w)
    new = optimizer.preview(parameter, g)
    exact = optimizer.preview(parameter, g, dtype=xp.float64)
    moves = (g != 0) | (exact != w.astype(xp.float64))
    return (moves & (new == w)).astype(xp.float64)


def _dtypes(node: ad.Node) -> tuple[Any, ...]:
    return node.dtype if isinstance(node.dtype, tuple) else (node.dtype,)
