"""Names for nodes: module paths and parameter names, found by duck typing.

A model is anything with ``named_modules()`` and ``named_parameters()``. Without one, the
outermost module whose call recorded the graph takes its place.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import autodiff as ad


class Names:
    """Resolves scopes to module paths and leaves to parameter names."""

    def __init__(self, nodes: Sequence[ad.Node], model: Any = None) -> None:
        if model is not None and not hasattr(model, "named_parameters"):
            raise TypeError(
                f"model is a {type(model).__name__}, which has no named_parameters(); give the "
                "nn.Module whose output led to the loss, or leave model out"
            )
        self.modules: dict[int, tuple[Any, str]] = {}  # id -> the module (kept alive) and path
        self.parameters: dict[int, tuple[Any, str]] = {}
        self.kinds: dict[str, str] = {}  # path -> class name
        roots = [("", model)] if model is not None else _roots(nodes)
        for prefix, root in roots:
            self._add(prefix, root)

    def _add(self, prefix: str, root: Any) -> None:
        for path, module in _listed(root, "named_modules"):
            path = _join(prefix, path)
            if id(module) not in self.modules:
                self.modules[id(module)] = (module, path)
                self.kinds[path] = type(module).__name__
        for path, parameter in _listed(root, "named_parameters"):
            self.parameters.setdefault(id(parameter), (parameter, _join(prefix, path)))

    def path(self, scope: Any) -> str:
        """The path of the module in whose call a node was recorded; "" outside any."""
        labels: list[str] = []
        while scope is not None:
            module = scope.module()
            if module is not None and id(module) in self.modules:
                labels.append(self.modules[id(module)][1])
                break
            labels.append(scope.label)
            scope = scope.outer
        path = ""
        for label in reversed(labels):
            path = _join(path, label)
        if labels and path not in self.kinds:
            self.kinds[path] = labels[0]
        return path

    def parameter(self, tensor: Any) -> str | None:
        """The dotted name of a parameter; None for any other tensor."""
        found = self.parameters.get(id(tensor))
        return None if found is None else found[1]


def owner(parameter: str) -> str:
    """The path of the module that owns the parameter of this name."""
    return parameter.rpartition(".")[0]


def _join(prefix: str, path: str) -> str:
    return f"{prefix}.{path}" if prefix and path else prefix or path


def _listed(root: Any, method: str) -> Iterable[tuple[str, Any]]:
    return list(getattr(root, method)()) if hasattr(root, method) else []


def _roots(nodes: Sequence[ad.Node]) -> list[tuple[str, Any]]:
    """The modules called by nobody, with a prefix each where there are several."""
    roots: dict[int, Any] = {}
    for node in nodes:
        scope = node.scope
        while scope is not None and scope.outer is not None:
            scope = scope.outer
        module = scope.module() if scope is not None else None
        if module is not None:
            roots.setdefault(id(module), module)
    if len(roots) < 2:
        return [("", module) for module in roots.values()]
    labels = Unique()
    return [(labels(type(module).__name__), module) for module in roots.values()]


class Unique:
    """Makes names unique: the second ``x`` is ``x#2``."""

    def __init__(self) -> None:
        self._count: dict[str, int] = {}

    def __call__(self, name: str) -> str:
        n = self._count[name] = self._count.get(name, 0) + 1
        if n == 1:
            return name
        return self(f"{name}#{n}")
