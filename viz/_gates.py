"""What the ops of recurrent steps hold inside: gates, candidates and states, by name.

A step is one op, so its sigmoids and tanhs are no nodes of the graph; the step keeps their values.
"""

from dataclasses import dataclass
from typing import Any, Literal

import autodiff as ad

from ._evidence import Weight
from ._local import LOCAL


@dataclass(frozen=True, slots=True)
class Gate:
    """One squasher inside a step.

    Attributes
    ----------
    kept : str
        The name under which the step keeps its values.
    title : str
    op : str
        ``"sigmoid"`` or ``"tanh"``.
    keeps : bool
        Whether it holds on to the old state: open is then what memory looks like, and only a shut
        one has forgotten something.
    cuts : str
        Where it cuts a unit off from its input or output: ``"shut"``, ``"open"`` or ``""``.
    """

    kept: str
    title: str
    op: Literal["sigmoid", "tanh"]
    keeps: bool = False
    cuts: Literal["", "shut", "open"] = ""

    def slope(self, value: Any) -> Any:
        """Its derivative, from its value."""
        return value * (1 - value) if self.op == "sigmoid" else 1 - value * value

    def flat(self, value: Any, below: float) -> Any:
        """Where the slope is less than this share of the largest, and that is not meant so."""
        low = self.slope(value) < below * LOCAL[self.op].largest
        return low & (value < 0.5) if self.keeps else low

    def cut(self, value: Any, below: float) -> Any:
        """Where less than this share passes."""
        return value < below if self.cuts == "shut" else value > 1 - below


GATES: dict[str, tuple[Gate, ...]] = {
    "lstm_step": (
        Gate("i", "input gate", "sigmoid", cuts="shut"),
        Gate("f", "forget gate", "sigmoid", keeps=True),
        Gate("z", "candidate", "tanh"),
        Gate("o", "output gate", "sigmoid", cuts="shut"),
    ),
    "gru_step": (
        Gate("r", "reset gate", "sigmoid"),
        Gate("u", "update gate", "sigmoid", keeps=True, cuts="open"),
        Gate("z", "candidate", "tanh"),
    ),
    "rnn_step": (Gate("out", "state", "tanh"),),
}
"""By the name of the step's op; with a relu, an Elman network has no squasher."""


def gates_of(weight: Weight) -> tuple[Gate, ...]:
    """The gates of the steps that read a weight; none if it is no recurrent one."""
    names = {node.op.name for node in weight.readers}
    return () if len(names) != 1 or rectified(weight) else GATES.get(names.pop(), ())


def rectified(weight: Weight) -> bool:
    """Whether a weight is that of an Elman network with a relu."""
    return any(node.kept.get("nonlinearity") == "relu" for node in weight.readers)


def values(weight: Weight, kept: str) -> Any:
    """What the steps that read a weight keep by a name, in float64: (step and example, unit)."""
    found = [node.kept[kept] for node in weight.readers if kept in node.kept]
    if not found:
        return None
    xp = ad.backend.namespace(found[0])
    return xp.concatenate(found).astype(xp.float64)
