"""The table of emitters: what ONNX has for each op of ours."""

from collections.abc import Callable
from typing import Any, NamedTuple

from .building import Builder, Step

Emit = Callable[[Builder, Step], Any]
When = Callable[[tuple[Any, ...], dict[str, Any]], bool]


class Emitter(NamedTuple):
    """Puts a call into the graph; returns the name of each result, None where it has none."""

    emit: Emit
    when: When
    """For which operands and options; else the op is taken apart."""


EMITTERS: dict[str, Emitter] = {}


def emits(*names: str, when: When = lambda operands, options: True) -> Callable[[Emit], Emit]:
    """Declare the emitter of some ops."""

    def declare(emit: Emit) -> Emit:
        EMITTERS.update(dict.fromkeys(names, Emitter(emit, when)))
        return emit

    return declare


def keep(name: str, operands: tuple[Any, ...], options: dict[str, Any]) -> bool:
    """Whether a call has an emitter."""
    found = EMITTERS.get(name)
    return found is not None and found.when(operands, options)


def same(op: str, kind: str, **attributes: Any) -> None:
    """An op that one node of ONNX computes."""
    EMITTERS[op] = Emitter(
        lambda g, s: g.add(kind, *s.inputs, **attributes), lambda operands, options: True
    )
