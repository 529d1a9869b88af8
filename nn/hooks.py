"""Hooks of modules: what registering one returns, and gradients at a module's borders."""

from collections.abc import Callable
from functools import cache
from typing import Any

import autodiff as ad

Gradients = tuple[ad.Tensor | None, ...]
BackwardHook = Callable[[Any, Gradients, Gradients], Any]


class HookHandle:
    """What registering a hook returns; `remove` undoes it."""

    def __init__(self, hooks: dict[int, Any], key: int) -> None:
        self._hooks = hooks
        self._key = key

    def remove(self) -> None:
        """Take the hook off; doing so twice does nothing."""
        self._hooks.pop(self._key, None)


def add_hook(hooks: dict[int, Any], hook: Any) -> HookHandle:
    """Put a hook behind the others."""
    key = max(hooks, default=-1) + 1
    hooks[key] = hook
    return HookHandle(hooks, key)


class Border:
    """The tensors that enter a module, or leave it, as one place of the graph.

    Their gradients are collected one by one; when the last has come, ``fire`` is called with all
    of them, None where there is none, and may return others.
    """

    def __init__(self, fire: Callable[[Gradients], Gradients | None]) -> None:
        self._fire = fire
        self._places: list[int] = []  # of those that carry a gradient, among all
        self._found: dict[int, ad.Tensor] = {}
        self._answer: Gradients | None = None
        self._count = 0

    def cross(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """The same values; those that carry a gradient, behind the border."""
        self._count = len(values)
        self._places = [
            i for i, x in enumerate(values) if isinstance(x, ad.Tensor) and x.requires_grad
        ]
        if not self._places:
            return values
        made = _gate(len(self._places))([values[i] for i in self._places], border=self)
        behind = list(values)
        for i, x in zip(self._places, made if isinstance(made, tuple) else (made,)):
            x.register_hook(lambda g, i=i: self._found.__setitem__(i, g))
            behind[i] = x
        return tuple(behind)

    @property
    def carries(self) -> bool:
        """Whether any of the values carries a gradient."""
        return bool(self._places)

    def replaced(self, g: Any, index: int) -> Any:
        """What the gradient of the ``index``-th value becomes; the first to ask makes it fire."""
        if self._found:
            every = tuple([self._found.get(i) for i in range(self._count)])
            self._found = {}
            self._answer = self._fire(every)
        new = None if self._answer is None else self._answer[self._places[index]]
        if index == len(self._places) - 1:
            self._answer = None
        if new is None:
            return g
        return new if isinstance(g, ad.Tensor) else ad.asarray(new).data


@cache
def _gate(count: int) -> Any:
    """The op that a border of so many tensors is in the graph."""

    def gate(xp: Any, /, *xs: Any, border: Border) -> Any:
        copies = [xp.positive(x) for x in xs]  # a write behind the border does not reach before it
        return tuple(copies) if count > 1 else copies[0]

    def of_x(g: Any, index: int, border: Border) -> Any:
        return border.replaced(g[index] if count > 1 else g, index)

    gate.__name__ = f"module_border_{count}"
    return ad.op(xs=of_x, outputs=count)(gate)


def call_with_backward_hooks(
    module: Any, hooks: tuple[BackwardHook, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Run ``module.forward`` between two borders."""
    came: list[Gradients] = [()]  # the gradients of the outputs

    def left(gradients: Gradients) -> Gradients | None:
        came[0] = gradients
        if not entry.carries:
            for hook in hooks:
                if hook(module, (None,) * len(args), gradients) is not None:
                    raise RuntimeError(
                        f"a backward hook of {type(module).__name__} returned gradients, and no "
                        "input of the module requires one"
                    )
        return None

    def entered(gradients: Gradients) -> Gradients | None:
        for hook in hooks:
            answer = hook(module, gradients, came[0])
            if answer is not None:
                answer = answer if isinstance(answer, tuple) else (answer,)
                if len(answer) != len(gradients):
                    raise ValueError(
                        f"a backward hook of {type(module).__name__} returned {len(answer)} "
                        f"gradients for {len(gradients)} inputs"
                    )
                gradients = answer
        came[0] = ()
        return gradients

    entry, exit_ = Border(entered), Border(left)
    out = module.forward(*entry.cross(args), **kwargs)
    several = isinstance(out, tuple)
    if not several and not isinstance(out, ad.Tensor):
        raise TypeError(
            f"a backward hook needs {type(module).__name__} to return a tensor or a tuple, not "
            f"{type(out).__name__}"
        )
    made = exit_.cross(out if several else (out,))
    return made if several else made[0]
