"""What losses share: checks, reductions, and ops made from the formula of a single loss."""

import functools
import inspect
from collections.abc import Callable
from math import prod
from typing import Any

import autodiff as ad

Array = Any
REDUCTIONS = ("mean", "sum", "none")


# ---------------------------------------------------------------- checks
def require_reduction(name: str, reduction: str, more: tuple[str, ...] = ()) -> None:
    """Raise ``ValueError`` for a reduction that does not exist."""
    known = (*more, *REDUCTIONS)
    if reduction not in known:
        raise ValueError(
            f"{name}: reduction must be {', '.join(known[:-1])} or {known[-1]}, not {reduction!r}"
        )


def require_same_shape(name: str, **tensors: Any) -> None:
    """Raise ``ValueError`` unless all have one shape."""
    (first, x), *others = tensors.items()
    shape = getattr(x, "shape", ())
    for other, y in others:
        if getattr(y, "shape", ()) != shape:
            raise ValueError(
                f"{name}: {first} has shape {shape} and {other} {getattr(y, 'shape', ())}; they "
                "must be equal (reshape one of them: broadcasting would hide a mistake)"
            )


def constant_like(input: Any, name: str, value: Any) -> Any:
    """A weight in the input's dtype, which it must not widen; ``ValueError`` if it will not do."""
    value, shape = ad.asarray(value), input.shape
    if value.requires_grad:
        raise ValueError(f"{name} must be a constant, and requires a gradient; detach() it")
    own = (1,) * (len(shape) - value.ndim) + value.shape
    if len(own) != len(shape) or any(n not in (1, m) for n, m in zip(own, shape)):
        raise ValueError(f"{name} of shape {value.shape} does not broadcast to {shape}")
    return value.astype(input.dtype) if ad.backend.is_float(input.dtype) else value


# ---------------------------------------------------------------- reductions
def reduced(losses: Any, reduction: str) -> Any:
    """Losses, or their sum, or their mean."""
    if reduction == "none":
        return losses
    return ad.sum(losses) if reduction == "sum" else ad.mean(losses)


def loss_op(**rules: Callable[..., Any]) -> Callable[[Callable[..., Any]], ad.Op]:
    """Declare an op by the formula of a single loss; reducing is added here, for all of them.

    The rules pull the gradient of each single loss. The first operand has the shape of the losses,
    to which the others broadcast. Losses and their gradients are not kept: of a mean over a
    million losses there is one number, and what the rules read.
    """

    def declare(losses: Callable[..., Any]) -> ad.Op:
        _, first, *others = inspect.signature(losses).parameters.values()
        kind = inspect.Parameter.KEYWORD_ONLY
        operands = [p.name for p in (first, *others) if p.kind is not kind]

        @functools.wraps(losses)
        def body(xp: Any, *values: Array, reduction: str, **options: Any) -> Array:
            each = losses(xp, *values, **options)
            if reduction == "none":
                return each
            total = xp.sum(each)
            return total if reduction == "sum" else total / prod(each.shape)

        _sign(body, ["xp", first, *others, inspect.Parameter("reduction", kind)])
        pulls = {name: _of_reduced(rule, first.name) for name, rule in rules.items()}
        how = {"promote": tuple(operands), "floating": True, "autocast": "high"}
        return ad.op(**pulls, **how)(body)

    return declare


def _of_reduced(rule: Callable[..., Any], first: str) -> Callable[..., Any]:
    """A rule for the gradient of each loss, given that of the reduced one."""

    @functools.wraps(rule)
    def pull(g: Array, shape: tuple[int, ...], reduction: str, *values: Any) -> Any:
        return rule(g / prod(shape) if reduction == "mean" else g, *values)

    names = list(inspect.signature(rule).parameters)
    _sign(pull, ["g", f"{first}_shape", "reduction", *names[1:]])
    return pull


def _sign(fn: Any, parameters: list[Any]) -> None:
    """Say what a function takes: it is what `ad.op` reads."""
    plain = inspect.Parameter.POSITIONAL_ONLY
    named = [inspect.Parameter(p, plain) if isinstance(p, str) else p for p in parameters]
    fn.__signature__ = inspect.Signature(named)
