"""Modules that hold modules."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Self, overload

from .module import Module


class ModuleList(Module):
    """A list of modules, each found under its position.

    Examples
    --------
    >>> import nn
    >>> layers = nn.ModuleList([nn.Linear(2, 3), nn.Linear(3, 1)])
    >>> [name for name, _ in layers.named_parameters()]
    ['0.weight', '0.bias', '1.weight', '1.bias']
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self.extend(modules)

    def __len__(self) -> int:
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Module | Self:
        if isinstance(index, slice):
            return self._made_of(dict(list(self.named_children())[index]))
        return self.get_submodule(self._name(index))

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(self._name(index), module)

    def __delitem__(self, index: int) -> None:
        modules = list(self)
        del modules[index]
        self._refill(modules)

    def append(self, module: Module) -> Self:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end."""
        for i, module in enumerate(modules, len(self)):
            self.add_module(str(i), module)
        return self

    def insert(self, index: int, module: Module) -> None:
        """Put a module before the one at ``index``; those after it move up."""
        modules = list(self)
        modules.insert(index, module)
        self._refill(modules)

    def _made_of(self, children: dict[str, Module]) -> Self:
        made = type(self).__new__(type(self))
        ModuleList._refill(made, list(children.values()))
        return made

    def _refill(self, modules: list[Module]) -> None:
        for name, _ in tuple(self.named_children()):
            delattr(self, name)
        for i, module in enumerate(modules):
            self.add_module(str(i), module)

    def _name(self, index: int) -> str:
        n = len(self)
        if not -n <= index < n:
            raise IndexError(f"{type(self).__name__} of {n} modules has no index {index}")
        return next(islice(self.named_children(), index % n, None))[0]


class Sequential(ModuleList):
    """Modules called one after another, each on the output of the one before.

    Parameters
    ----------
    *modules : Module
        Or one mapping of names to modules.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> model(ad.zeros((5, 4))).shape
    (5, 2)
    >>> print(model)
    Sequential(
      (0): Linear(4, 8)
      (1): ReLU()
      (2): Linear(8, 2)
    )
    """

    @overload
    def __init__(self, *modules: Module) -> None: ...
    @overload
    def __init__(self, modules: Mapping[str, Module], /) -> None: ...
    def __init__(self, *modules: Any) -> None:
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self.add_module(name, module)
        else:
            self.extend(modules)

    def forward(self, x: Any) -> Any:
        """Pass ``x`` through the modules in order."""
        for part in tuple(vars(self).values()):
            if isinstance(part, Module):
                x = part(x)
        return x


class ModuleDict(Module):
    """Modules under names that are computed.

    Examples
    --------
    >>> import nn
    >>> heads = nn.ModuleDict({"digit": nn.Linear(8, 10), "sign": nn.Linear(8, 1)})
    >>> heads["sign"]
    Linear(8, 1)
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        self.update(modules or {})

    def __len__(self) -> int:
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[str]:
        return self.keys()

    def __contains__(self, name: object) -> bool:
        return any(name == key for key in self.keys())

    def __getitem__(self, name: str) -> Module:
        module = vars(self).get(name)
        if not isinstance(module, Module):
            raise KeyError(name)
        return module

    def __setitem__(self, name: str, module: Module) -> None:
        self.add_module(name, module)

    def __delitem__(self, name: str) -> None:
        self[name]
        delattr(self, name)

    def keys(self) -> Iterator[str]:
        """The names, in order."""
        return (name for name, _ in self.named_children())

    def values(self) -> Iterator[Module]:
        """The modules, in order."""
        return self.children()

    def items(self) -> Iterator[tuple[str, Module]]:
        """Names and modules, in order."""
        return self.named_children()

    def update(self, modules: Mapping[str, Module]) -> None:
        """Add or replace modules."""
        for name, module in modules.items():
            self[name] = module
