"""A remedy tried on a copy: the numbers before and after."""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import autodiff as ad

from ._case import Case, computed, evidence_of, examined, measured
from ._evidence import Evidence, leaf_gradients
from ._findings import Finding
from ._graph import GradientGraph
from ._look import number
from ._notebook import Notable, fresh, words
from ._observe import tensor_of
from ._plan import Plan
from ._remedies import REMEDIES
from ._stats import Collector
from ._svg import inline


@dataclass(frozen=True)
class Side:
    """A network before or after a remedy.

    Attributes
    ----------
    statistic, excess : float
        The finding's statistic, at its worst place (NaN if it is nowhere to be measured), and how
        far the worst measurement of the rule is beyond its threshold.
    loss : float
    graph : GradientGraph
        With its ``profile()``.
    """

    statistic: float
    excess: float
    loss: float
    graph: GradientGraph


@dataclass(frozen=True)
class Trial(Notable):
    """What a remedy did to a copy.

    Attributes
    ----------
    rule, remedy : str
    steps : int
        How many steps were taken; none where `diagnose` was given no optimizer.
    before, after : Side
        Without the remedy and untrained; with it, after the steps.
    untreated : float
        The loss after as many steps without the remedy.
    """

    rule: str
    remedy: str
    steps: int
    before: Side
    after: Side
    untreated: float

    @property
    def improved(self) -> bool:
        """Whether the worst measurement of the rule is less far beyond its threshold."""
        return self.after.excess < self.before.excess

    @property
    def cured(self) -> bool:
        """Whether the rule finds nothing any more."""
        return self.after.excess <= 0

    def _html(self) -> str:
        sides = "".join(
            f'<div style="flex:1 1 20rem"><b>{when}</b>{inline(graph.svg(prefix=fresh()))}</div>'
            for when, graph in (("before", self.before.graph), ("after", self.after.graph))
        )
        said = "<br>".join(map(words, str(self).splitlines()))
        return f'<p>{said}</p><div style="display:flex;gap:1rem;flex-wrap:wrap">{sides}</div>'

    def __str__(self) -> str:
        verdict = "cured" if self.cured else "better" if self.improved else "no better"
        loss, later = number(self.before.loss), number(self.after.loss)
        when = f"in {self.steps} steps" if self.steps else "untrained, without an optimizer"
        return (
            f"{self.rule}, {self.remedy}: {verdict}\n"
            f"  statistic {number(self.before.statistic)} -> {number(self.after.statistic)}\n"
            f"  loss {loss} -> {later} {when}; "
            f"without the remedy {number(self.untreated)}"
        )


def try_fix(finding: Finding, loss_of: Any, remedy: str | None, steps: int) -> Trial:
    """See `Finding.try_fix`."""
    case: Case = finding.case
    loss_of = loss_of or case.loss_of
    if loss_of is None:
        raise ValueError(
            "try_fix must compute the loss again: give it a function of the model, "
            "finding.try_fix(lambda model: criterion(model(x), y)), or give that to diagnose "
            "in the place of the loss"
        )
    if remedy is not None and remedy not in finding.remedies:
        raise ValueError(f"the remedies of this finding are: {', '.join(finding.remedies)}")
    case = Case(loss_of, case.model, case.optimizer, case.bounds, case.random, case.tried)
    with ad.enable_grad():
        return _try(finding, case, [remedy] if remedy else list(finding.remedies), steps)


def _try(finding: Finding, case: Case, names: list[str], steps: int) -> Trial:
    steps = 0 if case.optimizer is None else steps
    for name in names:
        e, model, optimizer = examined(case)
        plan = Plan(model, e, finding)
        if not REMEDIES[name](plan):
            continue
        before, _, _ = examined(case)
        untreated = Plan(*_copies(case), finding)
        return Trial(
            finding.rule, name, steps, _side(finding, before, case),
            _side(finding, _trained(plan, case, steps), case),
            _trained(untreated, case, steps).recording.loss or math.nan,
        )  # fmt: skip
    said = f"none of {', '.join(names)} can be applied" if names else "there is none"
    raise ValueError(f"no remedy for {finding.rule}: {said}")


def _copies(case: Case) -> tuple[Any, Evidence]:
    e, model, _ = examined(case)
    return model, e


def _side(finding: Finding, e: Evidence, case: Case) -> Side:
    """The finding's statistic in other evidence, and how sick that is by the whole rule."""
    found = [f for f in measured(e, case.bounds) if f.rule == finding.rule]
    loss = e.recording.loss
    excess = max((f.excess for f in found), default=-math.inf)
    if loss is not None and not math.isfinite(loss):
        excess = math.inf  # what diverged is not cured of what cannot be measured any more
    same = [f for f in found if f.citation == finding.citation]
    worst = max(same, key=lambda f: f.excess, default=None)
    statistic = math.nan if worst is None else worst.statistic
    graph = GradientGraph(replace(e.recording))
    return Side(statistic, excess, math.nan if loss is None else loss, graph)


def _trained(plan: Plan, case: Case, steps: int) -> Evidence:
    """Train the copy on the one batch, and look at it again."""
    model = plan.model
    optimizer = _fresh(plan)

    def closure() -> Any:
        loss = computed(case.loss_of, model, case.random)
        if not math.isfinite(loss.item()):
            raise FloatingPointError("the loss is not finite")
        found = {} if loss.node is None else leaf_gradients(loss)
        given = {id(tensor_of(node)): g for node, g in found.items()}
        mine = [p for group in optimizer.param_groups for p in group["params"]]
        factor = _clipping([given[id(p)] for p in mine if id(p) in given], plan.clip)
        for parameter in mine:
            g = given.get(id(parameter))
            parameter.grad = None if g is None else ad.tensor(g * factor)
        return loss

    with suppress(FloatingPointError):  # no step goes on from there
        for _ in range(steps):
            optimizer.step(closure)
    for _, parameter in model.named_parameters():
        parameter.grad = None
    return evidence_of(case.loss_of, model, optimizer, case.random)


def _clipping(gradients: Sequence[Any], norm: float | None) -> float:
    """By what to multiply gradients so that all together have at most this norm."""
    if norm is None:
        return 1.0
    collector = Collector()
    for g in gradients:
        collector.add(g)
    total = math.hypot(*(found.l2 for found in collector.results()))
    return 1.0 if total <= norm or not math.isfinite(total) else norm / total


def _fresh(plan: Plan) -> Any:
    """An optimizer of the same kind and settings, for the copy's parameters, without a past."""
    old = plan.evidence.optimizer
    if old is None:
        return None
    left = {id(p): p for _, p in plan.model.named_parameters()}
    before = {id(w.tensor) for w in plan.evidence.weights}
    groups = []
    for group in old.param_groups:
        params = [p for p in group["params"] if left.pop(id(p), None) is not None]
        lr = {"lr": group["lr"] * plan.lr_factor} if "lr" in group else {}
        groups.append({**group, "params": params, **lr})
    new = [p for p in left.values() if plan.adopt or id(p) not in before]
    groups[0]["params"] += new  # what a remedy put in
    groups = [g for g in groups if g["params"]]
    return type(old)(groups, **old.defaults)
