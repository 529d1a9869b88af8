"""The base class of networks: parameters found by looking, calls that leave a scope.

A module is an ordinary object. Its parameters, buffers and child modules are whatever
attributes hold them at the time of asking, so that there is nothing to register and no
``super().__init__()`` to forget.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self, TypeVar

import autodiff as ad

from .hooks import BackwardHook, HookHandle, add_hook, call_with_backward_hooks
from .parameter import Buffer, Parameter, clear_grad, raw_of
from .summary import summary_table

push_scope, pop_scope = ad.push_scope, ad.pop_scope

ForwardHook = Callable[["Module", tuple[Any, ...], Any], Any]
T = TypeVar("T")


class LoadReport(NamedTuple):
    """What `Module.load_state_dict` found: names without a value, values without a name."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """A part of a network: parameters and a ``forward``.

    Subclasses set `Parameter`, `Buffer` and `Module` attributes and define ``forward``.
    Lists and dicts of them are not searched; use `ModuleList` and `ModuleDict`.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> class Scale(nn.Module):
    ...     def __init__(self, size):
    ...         self.weight = nn.Parameter(ad.ones(size))
    ...     def forward(self, x):
    ...         return x * self.weight
    >>> model = Scale(3)
    >>> [name for name, _ in model.named_parameters()]
    ['weight']
    >>> model(ad.tensor([1.0, 2.0, 3.0])).shape
    (3,)
    """

    training: bool = True
    # Class attributes stand for "none so far", since no __init__ needs to run.
    _calls: int = 0
    _hooks: dict[int, ForwardHook] | None = None
    _backward_hooks: dict[int, BackwardHook] | None = None
    _warned: bool = False

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; every subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward(...)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward`` in this module's scope, then the forward hooks."""
        self._calls = 1 + (call := self._calls)
        token = push_scope(self, call)
        try:
            if self._backward_hooks:
                hooks = tuple(self._backward_hooks.values())
                out = call_with_backward_hooks(self, hooks, args, kwargs)
            else:
                out = self.forward(*args, **kwargs) if kwargs else self.forward(*args)
            if not self._hooks:
                return out
            for hook in tuple(self._hooks.values()):
                answer = hook(self, args, out)
                out = out if answer is None else answer
            return out
        finally:
            pop_scope(token)

    # ------------------------------------------------------------ looking for parts
    def _parts(self, kind: type[T]) -> Iterator[tuple[str, T]]:
        """The attributes of one kind, in the order in which they were first set."""
        for name, value in tuple(vars(self).items()):
            if isinstance(value, kind):
                yield name, value

    def _walk(self, kind: type[T], prefix: str) -> Iterator[tuple[str, T]]:
        """The attributes of one kind in this module and those below it, each object once."""
        seen: set[int] = set()
        for path, module in self.named_modules(prefix):
            module._warn_of_hidden_parts()
            for name, part in module._parts(kind):
                if id(part) not in seen:
                    seen.add(id(part))
                    yield _join(path, name), part

    def _warn_of_hidden_parts(self) -> None:
        if self._warned:
            return
        hidden = [name for name, value in vars(self).items() if _hides_parts(value)]
        if hidden:
            self._warned = True
            warnings.warn(
                f"{type(self).__name__}.{', .'.join(hidden)}: parameters or modules in a plain "
                "list, tuple or dict are not found; use nn.ModuleList or nn.ModuleDict, or make "
                "each parameter an attribute",
                stacklevel=4,
            )

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        """Itself and all modules below it, each once, with dotted paths; parents first."""
        seen: set[int] = set()
        stack = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            if id(module) not in seen:
                seen.add(id(module))
                yield path, module
                children = [(_join(path, name), child) for name, child in module.named_children()]
                stack.extend(reversed(children))

    def modules(self) -> Iterator["Module"]:
        """Itself and all modules below it, each once; parents first."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        """The modules that are attributes of this one, with their names."""
        return self._parts(Module)

    def children(self) -> Iterator["Module"]:
        """The modules that are attributes of this one."""
        return (module for _, module in self.named_children())

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """Every parameter once, with its dotted path."""
        return self._walk(Parameter, prefix)

    def parameters(self) -> Iterator[Parameter]:
        """Every parameter once: this module's own, then those of its children."""
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self, prefix: str = "") -> Iterator[tuple[str, Buffer]]:
        """Every buffer once, with its dotted path."""
        return self._walk(Buffer, prefix)

    def buffers(self) -> Iterator[Buffer]:
        """Every buffer once."""
        return (buffer for _, buffer in self.named_buffers())

    def get_submodule(self, path: str) -> "Module":
        """The module at a dotted path, such as ``"encoder.0"``; this one for ``""``."""
        module = self
        for i, name in enumerate(path.split(".") if path else ()):
            child = vars(module).get(name)
            if not isinstance(child, Module):
                where = ".".join(path.split(".")[:i]) or type(self).__name__
                known = ", ".join(name for name, _ in module.named_children()) or "none"
                raise AttributeError(f"{where} has no submodule {name!r}; it has: {known}")
            module = child
        return module

    # ------------------------------------------------------------ adding parts
    def add_module(self, name: str, module: "Module | None") -> None:
        """Set a child module whose name is not an identifier, or is computed."""
        self._add(name, module, Module)

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """Set a parameter whose name is computed."""
        self._add(name, parameter, Parameter)

    def register_buffer(self, name: str, tensor: ad.Tensor | None, persistent: bool = True) -> None:
        """Set a tensor that is saved and moved with the module, and not trained."""
        if tensor is not None and not isinstance(tensor, Buffer):
            tensor = Buffer(tensor, persistent=persistent)
        self._add(name, tensor, Buffer)

    def _add(self, name: str, part: Any, kind: type) -> None:
        if part is not None and not isinstance(part, kind):
            raise TypeError(
                f"{name!r} must be a {kind.__name__} or None, not {type(part).__name__}"
            )
        if not name or "." in name:
            raise KeyError(f"the name {name!r} must not be empty or contain a dot")
        if hasattr(self, name) and not _is_part(vars(self).get(name, ...)):
            raise KeyError(f"{type(self).__name__} already has an attribute {name!r}")
        setattr(self, name, part)

    # ------------------------------------------------------------ changing all at once
    def apply(self, fn: Callable[["Module"], Any]) -> Self:
        """Call ``fn(module)`` on every module, children first, and return this one."""
        seen: set[int] = set()
        order: list[Module] = []
        stack: list[Module] = [self]
        while stack:  # each module before its children, the last child first
            module = stack.pop()
            if id(module) not in seen:
                seen.add(id(module))
                order.append(module)
                stack.extend(module.children())
        for module in reversed(order):
            fn(module)
        return self

    def train(self, mode: bool = True) -> Self:
        """Set training mode in this module and all below it."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Leave training mode in this module and all below it."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Ask for gradients of all parameters, or for none (freezing them)."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or fill them with zeros."""
        for parameter in self.parameters():
            clear_grad(parameter, set_to_none)

    def to(self, *targets: Any) -> Self:
        """Move to a device, cast to a float dtype, or both; each parameter stays itself.

        Integer buffers keep their dtype. Gradients go along.

        Parameters
        ----------
        *targets : str or dtype
            A device such as ``"cuda:0"``, a float dtype such as ``ad.float16``, or both.
        """
        tensors: list[ad.Tensor] = [*self.parameters(), *self.buffers()]
        moved = []
        with ad.no_grad():
            for tensor in tensors:
                data, grad = tensor.detach(), tensor.grad
                for target in targets:
                    data = _moved(data, target)
                    grad = None if grad is None else _moved(grad, target)
                moved.append((data.data, grad))
        for tensor, (raw, grad) in zip(tensors, moved):
            tensor.data = raw
            tensor.grad = grad
        return self

    def cpu(self) -> Self:
        """Move to the CPU."""
        return self.to("cpu")

    def cuda(self, device: int = 0) -> Self:
        """Move to a GPU."""
        return self.to(f"cuda:{device}")

    def half(self) -> Self:
        """Cast to ``float16``."""
        return self.to("float16")

    def float(self) -> Self:
        """Cast to ``float32``."""
        return self.to("float32")

    def double(self) -> Self:
        """Cast to ``float64``."""
        return self.to("float64")

    # ------------------------------------------------------------ saving and loading
    def _state(self) -> Iterator[tuple[str, ad.Tensor]]:
        """Parameters and persistent buffers under every name they have, in PyTorch's order."""
        for path, module in self._named_modules_with_repeats():
            for name, parameter in module._parts(Parameter):
                yield _join(path, name), parameter
            for name, buffer in module._parts(Buffer):
                if buffer.persistent:
                    yield _join(path, name), buffer

    def _named_modules_with_repeats(self) -> Iterator[tuple[str, "Module"]]:
        """As `named_modules`, with a shared module under each of its paths."""
        stack: list[tuple[str, Module]] = [("", self)]
        while stack:
            path, module = stack.pop()
            module._warn_of_hidden_parts()
            yield path, module
            children = [(_join(path, name), child) for name, child in module.named_children()]
            stack.extend(reversed(children))

    def state_dict(self) -> dict[str, ad.Tensor]:
        """Parameters and persistent buffers by dotted path, sharing their memory.

        Training goes on in the same memory; ``clone()`` the values to keep a snapshot.
        """
        return {name: tensor.detach() for name, tensor in self._state()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> LoadReport:
        """Copy values into the parameters and buffers of the same names.

        Either everything is loaded or, when it raises, nothing.

        Parameters
        ----------
        state : mapping
            Tensors or arrays by name, on any device; they are cast and moved.
        strict : bool
            Whether a missing or an unexpected name is an error.

        Returns
        -------
        LoadReport
            ``missing_keys`` and ``unexpected_keys``, empty if ``strict``.

        Raises
        ------
        KeyError
            For missing or unexpected names, all of them at once.
        ValueError
            For values whose shape or dtype does not fit, all of them at once.
        """
        own = dict(self._state())
        missing = [name for name in own if name not in state]
        unexpected = [name for name in state if name not in own]
        if strict and (missing or unexpected):
            problems = [
                f"{word}: {', '.join(names)}"
                for word, names in (("missing", missing), ("unexpected", unexpected))
                if names
            ]
            raise KeyError(
                f"state of {type(self).__name__}: {'; '.join(problems)} "
                "(strict=False loads what fits)"
            )
        loaded, problems = [], []
        for name, tensor in own.items():
            if name in state:
                try:
                    loaded.append((tensor, _fitted(tensor, state[name])))
                except (TypeError, ValueError) as error:
                    problems.append(f"{name}: {error}")
        if problems:
            raise ValueError(f"state of {type(self).__name__}: " + "; ".join(problems))
        for tensor, data in loaded:
            tensor.data = data
        return LoadReport(missing, unexpected)

    # ------------------------------------------------------------ looking on
    def register_forward_hook(self, hook: ForwardHook) -> HookHandle:
        """Call ``hook(module, args, output)`` after each forward pass.

        What it returns, unless None, replaces the output. The hook runs in the module's scope.
        """
        if self._hooks is None:
            self._hooks = {}
        return add_hook(self._hooks, hook)

    def register_full_backward_hook(self, hook: BackwardHook) -> HookHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients have come through.

        Both are tuples, one entry for each positional argument or result, None where there is no
        gradient. What the hook returns, unless None, replaces ``grad_input``. It runs once the
        gradients of the inputs are complete, or those of the results if no input needs one. The
        module must return a tensor or a tuple of tensors.

        Examples
        --------
        >>> import autodiff as ad, nn
        >>> layer = nn.Linear(2, 1, weight_init="ones")
        >>> show = lambda module, grad_input, grad_output: print(*grad_input)
        >>> handle = layer.register_full_backward_hook(show)
        >>> layer(ad.ones((1, 2), requires_grad=True)).sum().backward()
        tensor([[1., 1.]])
        """
        if self._backward_hooks is None:
            self._backward_hooks = {}
        return add_hook(self._backward_hooks, hook)

    def summary(self, *input_shapes: tuple[int, ...], dtype: Any = None) -> str:
        """A table of what each module makes, owns, keeps and costs.

        Runs one forward pass on zeros, in evaluation mode, and leaves no trace. ``memory`` is what
        the module's own ops keep for the backward pass if nothing is frozen, each array counted
        once, parameters apart; ``multiply-adds`` are those of its matrix products, forward.

        Parameters
        ----------
        *input_shapes : tuple of int
            One for each input, with the batch axis.
        dtype : dtype or tuple of dtype, optional
            Of the inputs; that of the parameters if not given.

        Examples
        --------
        >>> import nn
        >>> model = nn.Sequential(nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10))
        >>> print(model.summary((32, 784)))
        module     output     parameters    memory  multiply-adds
        ---------------------------------------------------------
        0: Linear  (32, 100)      78,500  98.0 KiB      2,508,800
        1: ReLU    (32, 100)           0  12.5 KiB              0
        2: Linear  (32, 10)        1,010       0 B         32,000
        ---------------------------------------------------------
        79,510 parameters
        310.6 KiB for parameters
        110.5 KiB kept for the backward pass
        2,540,800 multiply-adds forward
        """
        dtypes = dtype if isinstance(dtype, tuple) else (dtype,) * len(input_shapes)
        if not input_shapes or len(dtypes) != len(input_shapes):
            raise ValueError(
                f"summary: {len(input_shapes)} shapes and {len(dtypes)} dtypes; give a shape, and "
                "none, one or as many dtypes"
            )
        return summary_table(self, input_shapes, dtypes)

    def extra_repr(self) -> str:
        """What ``print`` shows between the parentheses of this module."""
        return ""

    def __repr__(self) -> str:
        lines = [
            f"  ({name}): " + repr(child).replace("\n", "\n  ")
            for name, child in self.named_children()
        ]
        extra = self.extra_repr()
        if not lines:
            return f"{type(self).__name__}({extra})"
        return "\n".join([f"{type(self).__name__}({extra}", *lines, ")"])


def _moved(tensor: ad.Tensor, target: Any) -> ad.Tensor:
    """``tensor.to(target)``, but what is no float stays what it is."""
    moved = tensor.to(target)
    if ad.backend.is_float(moved.dtype) == ad.backend.is_float(tensor.dtype):
        return moved
    if ad.backend.is_float(tensor.dtype):
        raise TypeError(f"a module can be cast to a float dtype only, not to {moved.dtype}")
    return tensor


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _is_part(value: Any) -> bool:
    return value is None or isinstance(value, (Parameter, Buffer, Module))


def _hides_parts(value: Any) -> bool:
    """Whether a plain container holds what the walk does not find."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if not isinstance(value, (list, tuple)):
        return False
    return any(isinstance(x, (Parameter, Module)) or _hides_parts(x) for x in value)


def _fitted(tensor: ad.Tensor, value: Any) -> Any:
    """A fresh raw array with the value, in the tensor's shape, dtype and device."""
    raw = raw_of(value)
    if raw.shape != tensor.shape:
        raise ValueError(f"shape {raw.shape} does not fit {tensor.shape}")
    if ad.backend.is_float(raw.dtype) and not ad.backend.is_float(tensor.dtype):
        raise TypeError(f"dtype {raw.dtype} does not fit {tensor.dtype}")
    raw = ad.backend.to_device(raw, tensor.device)
    return ad.backend.namespace(raw).array(raw, dtype=tensor.dtype)  # copies
