"""A network under diagnosis: all rules, and the loss computed again on copies."""

import copy
from collections.abc import Callable
from typing import Any

import autodiff as ad

from . import _forward, _rules_backward, _rules_forward, _rules_recurrent, _rules_update
from ._evidence import Evidence
from ._findings import Finding
from ._limits import Limit

RULES = (
    _rules_backward.nonfinite, _rules_backward.vanishing, _rules_backward.exploding,
    _rules_backward.unreached, _rules_backward.frozen,
    _rules_recurrent.through_time, _rules_recurrent.gates,
    _rules_forward.dead, _rules_forward.saturated, _rules_forward.symmetric,
    _rules_forward.spread, _rules_forward.batch_norm,
    _rules_update.lost_updates, _rules_update.learning_rate,
)  # fmt: skip


class Case:
    """A network under diagnosis, and how to compute its loss again."""

    def __init__(
        self,
        loss_of: Any,
        model: Any,
        optimizer: Any,
        bounds: dict[str, Limit],
        random: Any,
        tried: Callable[..., Any],
    ) -> None:
        self.loss_of, self.model, self.optimizer = loss_of, model, optimizer
        self.bounds, self.random = bounds, random
        self.tried = tried  # what `Finding.try_fix` calls


def measured(e: Evidence, bounds: dict[str, Limit]) -> list[Finding]:
    """Everything that the rules measure, healthy or not."""
    return [finding for rule in RULES for finding in rule(e, bounds)]


def examined(case: Case) -> tuple[Evidence, Any, Any]:
    """The evidence on a copy of a case, and the copies of its model and optimizer."""
    if case.model is None:
        raise ValueError("a function of the model needs the model: diagnose(loss_of, model)")
    model, optimizer = copy.deepcopy((case.model, case.optimizer))
    e = evidence_of(case.loss_of, model, optimizer, case.random)
    if e.lonely:  # once more, to see which line of the program read them
        model, optimizer = copy.deepcopy((case.model, case.optimizer))
        with _forward.record():
            e = evidence_of(case.loss_of, model, optimizer, case.random)
    return e, model, optimizer


def computed(loss_of: Any, model: Any, random: Any) -> Any:
    """The loss, with the random numbers of ``random``; those of the program stay where they are."""
    generator = ad.random.default_generator
    before = generator.state
    generator.state = random
    try:
        return loss_of(model)
    finally:
        generator.state = before


def evidence_of(loss_of: Any, model: Any, optimizer: Any, random: Any) -> Evidence:
    """Compute the loss, and look at it."""
    loss = computed(loss_of, model, random)
    e = Evidence(loss, model, optimizer)
    own = {id(p) for _, p in model.named_parameters()}
    if own and e.order and not any(id(w.tensor) in own and w.readers for w in e.weights):
        raise ValueError(
            "the loss depends on no parameter of the model that the function was given; write "
            "it as lambda model: criterion(model(x), y), with that very argument"
        )
    return e
