"""What a diagnosis says: one finding for each thing measured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ._limits import Limit
from ._look import number, shown
from ._notebook import Notable, terms, words

Severity = Literal["fatal", "sick", "note"]
ORDER: tuple[Severity, ...] = ("fatal", "sick", "note")

CAUSES: tuple[tuple[str, ...], ...] = (
    ("nonfinite",), ("unreached",), ("symmetric",), ("recurrent",), ("dead",), ("saturated",),
    ("batch_norm",), ("recurrent_vanishing",), ("vanishing", "exploding", "spread"),
    ("lr_high",), ("lost_updates",), ("lr_low",), ("frozen",),
)  # fmt: skip
"""Rules in the order of cause and effect: dead units make a gradient vanish, not the reverse."""


@dataclass(frozen=True)
class Finding(Notable):
    """Something wrong with a network, with the numbers that show it.

    Attributes
    ----------
    rule : str
        ``"vanishing"``, ``"dead"``, ...: see the page on diagnosis.
    nodes : tuple of str
        Names of the nodes or parameters concerned, worst first.
    statistic, threshold : float
        What was measured, and from where on it counts as sick.
    citation : str
        Where the threshold comes from.
    cause : str
        The finding in words, with its numbers.
    remedies : tuple of str
        What to try, the best first. `try_fix` takes their names.
    severity : str
        ``"fatal"``, ``"sick"``, or ``"note"`` for what may be meant so.
    excess : float
        By how many decades the statistic is beyond the threshold.
    advice : tuple of str
        What only the program itself can do, the best first.
    """

    rule: str
    nodes: tuple[str, ...]
    statistic: float
    threshold: float
    citation: str
    cause: str
    remedies: tuple[str, ...]
    severity: Severity
    excess: float
    advice: tuple[str, ...] = ()
    case: Any = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        more = f" (and {len(self.nodes) - 4} more)" if len(self.nodes) > 4 else ""
        lines = [
            f"{self.rule}: {shown(self.cause)}",
            f"  at {', '.join(shown(n, 60) for n in self.nodes[:4])}{more}" if self.nodes else "",
            f"  {number(self.statistic)} against {number(self.threshold)} ({self.citation})",
            f"  try: {', '.join(self.remedies)}" if self.remedies else "",
            *(f"  do: {shown(advice)}" for advice in self.advice),
        ]
        return "\n".join(line for line in lines if line)

    def _html(self) -> str:
        at = ", ".join(shown(n, 60) for n in self.nodes[:6])
        measured = f"{number(self.statistic)} against {number(self.threshold)} ({self.citation})"
        pairs = [("at", at), ("measured", measured), ("try", ", ".join(self.remedies))]
        return f"<b>{words(self.rule)}</b> ({self.severity}): {words(self.cause)}{terms(pairs)}"

    def try_fix(self, loss_of: Any = None, *, remedy: str | None = None, steps: int = 10) -> Any:
        """Apply a remedy to a copy of the model, train it a little, and say what it changed.

        The model, its buffers and gradients, the optimizer and the random state stay as they are,
        to the last bit.

        Parameters
        ----------
        loss_of : callable, optional
            ``loss_of(model)`` computes the loss of the model that it is given, on the batch in
            question. Not needed if `diagnose` was given such a function.
        remedy : str, optional
            One of ``remedies``; the first that can be applied by default.
        steps : int
            How many steps the copy trains before it is measured again.

        Returns
        -------
        Trial

        Raises
        ------
        ValueError
            If there is no model, no function, or no remedy that can be applied.
        """
        if self.case is None or self.case.model is None:
            raise ValueError(
                "try_fix needs the model: diagnose(loss, model); a training record has none"
            )
        return self.case.tried(self, loss_of, remedy, steps)


class Findings(Notable, list[Finding]):
    """A list of findings, the worst first; ``print`` it.

    Examples
    --------
    >>> import autodiff as ad, viz
    >>> w = ad.tensor([1.0], requires_grad=True, name="w")
    >>> print(viz.diagnose((w * w).sum()))
    nothing was found
    """

    def __str__(self) -> str:
        return "\n".join(map(str, self)) or "nothing was found"

    def _html(self) -> str:
        rows = "".join(f"<li>{finding._html()}</li>" for finding in self)
        return f"<ol>{rows}</ol>" if rows else "nothing was found"


def judged(
    rule: str,
    limit: Limit,
    statistic: float,
    cause: str,
    nodes: Sequence[str] = (),
    remedies: Sequence[str] = (),
    severity: Severity = "sick",
    below: bool = False,
    advice: Sequence[str] = (),
) -> Finding:
    """A measurement, which is a finding if its ``excess`` is positive."""
    return Finding(
        rule=rule, nodes=tuple(nodes), statistic=statistic, threshold=limit.value,
        citation=limit.citation, cause=cause, remedies=tuple(remedies), severity=severity,
        excess=excess(statistic, limit.value, below), advice=tuple(advice),
    )  # fmt: skip


def excess(statistic: float, threshold: float, below: bool = False) -> float:
    """Decades by which a statistic is beyond a threshold; negative if it is within.

    Examples
    --------
    >>> excess(1e3, 10.0), excess(1e-5, 1e-3, below=True)
    (2.0, 2.0)
    """
    if math.isnan(statistic):
        return math.inf
    if statistic <= 0 or threshold <= 0 or math.isinf(statistic):
        beyond = statistic < threshold if below else statistic > threshold
        same = statistic == threshold
        return 0.0 if same else math.inf if beyond else -math.inf
    found = round(math.log10(statistic) - math.log10(threshold), 12)
    return -found if below else found


def worst_first(found: Sequence[Finding]) -> Findings:
    """By severity, then causes before their effects, then by how far beyond the threshold."""
    place = {rule: i for i, rules in enumerate(CAUSES) for rule in rules}
    return Findings(
        sorted(found, key=lambda f: (ORDER.index(f.severity), place[f.rule], -f.excess))
    )
