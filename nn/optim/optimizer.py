"""The base of all optimizers: it owns the loop, a subclass owns two pure functions.

A subclass says what state a parameter has (`init_state`) and what a step makes of parameter,
gradient and state (`update`). The base checks everything before it writes anything, keeps the
step counts, and lets the units of `units` run the update.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any, ClassVar, TypedDict

import numpy as np

import autodiff as ad

from ..parameter import clear_grad, raw_of
from .units import Array, Plan, Scratch, Slot, State, single

Parameters = Iterable[ad.Tensor] | Iterable[tuple[str, ad.Tensor]] | Iterable[dict[str, Any]]
Closure = Callable[[], Any]


class Switches(TypedDict, total=False):
    """How PyTorch is to compute a step: taken, so that its programs run, and not needed here."""

    foreach: bool | None
    fused: bool | None
    capturable: bool
    differentiable: bool


SWITCHES = frozenset(Switches.__annotations__)
# What PyTorch and schedules keep in groups beside the hyperparameters.
NOTES = frozenset({"initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum", "swa_lr"})


class Optimizer:
    """Steps over a fixed list of parameters. Subclasses define two methods.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        The parameters, or groups of them: ``{"params": [...], "lr": 0.01}``, where each may
        override the defaults. Pairs of name and parameter do as well.
    defaults : dict
        The hyperparameters of groups that do not say otherwise.
    switches : dict, optional
        PyTorch's `foreach`, `fused` and `capturable`, which are ignored: they say how to compute,
        not what. ``differentiable=True`` raises, since a step here is never recorded.

    Attributes
    ----------
    param_groups : list of dict
        The groups; changing a hyperparameter there takes effect at the next step.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> class SignDescent(nn.optim.Optimizer):
    ...     def __init__(self, params, lr=0.1):
    ...         super().__init__(params, {"lr": lr})
    ...     def update(self, xp, w, g, state, hyper):
    ...         return w - hyper.lr * xp.sign(g), state
    >>> w = nn.Parameter([1.0, -2.0])
    >>> (w * w).sum().backward()
    >>> SignDescent([w]).step()
    >>> w.data
    array([ 0.9, -1.9], dtype=float32)
    """

    elementwise: ClassVar[bool] = True
    """Whether `update` treats each element alone, so that it may be given any part."""

    scratch: ClassVar[int] = 0
    """How many scratch arrays `update_numpy` needs."""

    update_numpy: ClassVar[Any] = None
    """``update_numpy(w, g, state, hyper, scratch)``: `update` in place, for NumPy arrays.

    Optional, and to the last bit what `update` gives; ``g`` is not to be written.
    """

    number_names: ClassVar[tuple[str, ...]] = ()
    """What `state_dict` calls the numbers that each parameter has beside its arrays."""

    def __init__(
        self, params: Parameters, defaults: dict[str, Any], switches: Switches | None = None
    ) -> None:
        self._refuse_switches(switches or {})
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self._slots: list[list[Slot]] = []  # of each group
        self._plans: list[Plan | None] = []  # of each group; None if to be made
        self._names: list[tuple[str, ...]] = []  # of each group: the arrays of state in use
        self._scratch = Scratch(self.scratch)
        if isinstance(params, (ad.Tensor, dict)):
            raise TypeError(f"params must be an iterable, not a single {type(params).__name__}")
        groups: list[Any] = list(params)
        if not groups:
            raise ValueError(f"{type(self).__name__} was given no parameters")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    # ------------------------------------------------------------ what subclasses define
    def state_names(self, hyper: Any) -> tuple[str, ...]:
        """What `state_dict` calls the arrays of the state that these hyperparameters need."""
        return ()

    def init_state(self, xp: Any, w: Array, hyper: Any) -> State:
        """The state of a parameter before its first step: an array for each name."""
        return ()

    def update(self, xp: Any, w: Array, g: Array, state: State, hyper: Any) -> tuple[Array, State]:
        """What one step makes of a parameter and its state. Pure: it writes nothing.

        Parameters
        ----------
        xp : namespace
            Of the arrays.
        w, g : array
            Parameter and gradient, or the same part of both; of half precision in float32,
            as is their state.
        state : tuple of array
        hyper : namespace
            The group's hyperparameters; ``t``, the number of this step from 1; and the
            parameter's numbers before this step, if the class has `number_names`.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no update(...)")

    def init_numbers(self, hyper: Any) -> tuple[float, ...]:
        """The numbers of a parameter before its first step."""
        return ()

    def next_numbers(self, hyper: Any) -> tuple[float, ...]:
        """The numbers after the step that ``hyper`` describes."""
        return ()

    def check(self, hyper: Any) -> None:
        """Raise ``ValueError`` for hyperparameters that make no sense."""

    def check_parameter(self, parameter: ad.Tensor, called: str) -> None:
        """Raise ``ValueError`` for a parameter that cannot be stepped."""
        if not parameter.is_leaf:
            raise ValueError(f"{called} is the result of an op; an optimizer trains leaves")

    # ------------------------------------------------------------ groups
    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Add parameters with hyperparameters of their own."""
        if "params" not in group:
            raise ValueError('a parameter group needs "params"')
        params = group["params"]
        params = [params] if isinstance(params, ad.Tensor) else list(params)
        params = [p[1] if isinstance(p, tuple) else p for p in params]  # of (name, parameter)
        given = {name: value for name, value in group.items() if name != "params"}
        self._refuse_unknown(given)
        slots = [slot for slots in self._slots for slot in slots]
        known = {id(slot.parameter) for slot in slots}
        for i, parameter in enumerate(params, len(slots)):
            if not isinstance(parameter, ad.Tensor):
                raise TypeError(f"parameter {i} is a {type(parameter).__name__}, not a Tensor")
            self.check_parameter(parameter, _called(parameter, i))
            if id(parameter) in known:
                raise ValueError(f"{_called(parameter, i)} is given twice")
            known.add(id(parameter))
        made = {"params": params, **self.defaults, **given}
        self._hyper(made)
        self.param_groups.append(made)
        self._slots.append([Slot(parameter) for parameter in params])
        self._plans.append(None)
        self._names.append(())

    def _refuse_switches(self, switches: Mapping[str, Any]) -> None:
        name = type(self).__name__
        if unknown := switches.keys() - SWITCHES:
            raise TypeError(f"{name} has no argument {', '.join(sorted(unknown))}")
        if switches.get("differentiable"):
            raise ValueError(f"{name}: a step is never recorded; leave out differentiable=True")

    def _refuse_unknown(self, given: Mapping[str, Any]) -> None:
        unknown = [name for name in given if name not in self.defaults and name not in NOTES]
        if unknown:
            raise ValueError(
                f"{type(self).__name__} has no hyperparameter {', '.join(unknown)}; it has: "
                f"{', '.join(self.defaults)}"
            )

    def _hyper(
        self, group: dict[str, Any], t: int = 1, numbers: tuple[float, ...] = ()
    ) -> SimpleNamespace:
        """What step ``t`` of a parameter with these numbers depends on, checked."""
        hyper = SimpleNamespace(**group, t=t)
        for name, value in group.items():
            if isinstance(value, np.generic):
                value = value.item()  # a NumPy scalar would widen float32
                setattr(hyper, name, value)
            if type(value) is float and not math.isfinite(value):
                raise ValueError(f"{type(self).__name__}: {name} is {value}; it must be finite")
        self.check(hyper)
        for name, value in zip(self.number_names, numbers or self.init_numbers(hyper)):
            setattr(hyper, name, value)
        return hyper

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop all gradients, or fill them with zeros."""
        for slots in self._slots:
            for slot in slots:
                if set_to_none:
                    slot.parameter.zero_grad()
                else:
                    clear_grad(slot.parameter, False)

    # ------------------------------------------------------------ the step
    def step(self, closure: Closure | None = None) -> Any:
        """Update every parameter that has a gradient.

        All is checked before anything is written: a step that raises leaves the parameters
        and the state as they were.

        Parameters
        ----------
        closure : callable, optional
            Computes the gradients anew, before the update, and returns the loss.

        Returns
        -------
        Tensor or None
            What the closure returned.

        Raises
        ------
        ValueError
            If a gradient has another shape, dtype or device than its parameter, or a
            hyperparameter is not finite.
        """
        loss = None
        if closure is not None:
            with ad.enable_grad():
                loss = closure()
        work = []
        for k, slots in enumerate(self._slots):
            group = self.param_groups[k]
            hypers: dict[Any, Any] = {}  # by the steps and numbers so far: almost always one
            gradients: list[Array] = []  # None where there is none
            complete = True
            for slot in slots:
                parameter = slot.parameter
                grad = parameter.grad
                if grad is None:
                    gradients.append(None)
                    complete = False
                    continue
                w, g = parameter.data, grad.data
                past = slot.t, slot.numbers
                if past not in hypers:
                    hypers[past] = self._hyper(group, slot.t + 1, slot.numbers)
                    self._choose_state(k, hypers[past])
                if w is not slot.w:
                    self._bind(slot, w, hypers[past], self._names[k])
                    self._plans[k] = None
                if g.shape != slot.shape or g.dtype is not slot.dtype or type(g) is not slot.kind:
                    self._check_gradient(slot, g)
                gradients.append(g)
            work.append((k, hypers, gradients, complete))
        for k, hypers, gradients, complete in work:
            if complete and len(hypers) == 1:
                self._advance_all(k, next(iter(hypers.values())), gradients)
            else:
                self._advance_some(k, hypers, gradients)
        return loss

    def preview(self, parameter: ad.Tensor, gradient: Any, dtype: Any = None) -> Array:
        """What the next step would make of one parameter, given this gradient; changes nothing.

        Parameters
        ----------
        parameter : Tensor
            One of those that this optimizer steps.
        gradient : Tensor or array
        dtype : dtype, optional
            Compute in this precision, and do not round the result to the parameter's. ``float64``
            tells an update that is lost to rounding from one that is zero.

        Returns
        -------
        array
            The raw value.

        Examples
        --------
        >>> import autodiff as ad, nn
        >>> w = nn.Parameter([1.0, 1.0])
        >>> nn.optim.SGD([w], lr=0.1).preview(w, ad.tensor([1e-9, 1.0]))
        array([1. , 0.9], dtype=float32)
        """
        for k, slots in enumerate(self._slots):
            for slot in slots:
                if slot.parameter is parameter:
                    return self._previewed(k, slot, gradient, dtype)
        raise ValueError(
            f"{type(self).__name__}.preview: this tensor of shape {parameter.shape} is not one of "
            "its parameters"
        )

    def _previewed(self, k: int, slot: Slot, gradient: Any, dtype: Any) -> Array:
        w, g = slot.parameter.data, raw_of(gradient)
        xp = ad.backend.namespace(w)
        hyper = self._hyper(self.param_groups[k], slot.t + 1, slot.numbers)
        precision = dtype or working(w.dtype)
        wide = w.astype(precision)
        names, state = self.state_names(hyper), slot.state or {}
        if any(name not in state for name in names):
            state = dict(zip(names, self.init_state(xp, wide, hyper), strict=True)) | state
        arrays = tuple([state[name].astype(precision) for name in names])
        new, _ = self.update(xp, wide, g.astype(precision), arrays, hyper)
        return new.astype(dtype or w.dtype, copy=False)

    def _advance_all(self, k: int, hyper: Any, gradients: list[Array]) -> None:
        """Write one step into all parameters of group ``k``."""
        slots, plan = self._slots[k], self._plans[k]
        if plan is None:
            plan = Plan(slots, self._names[k], self.elementwise, self._scratch)
            self._plans[k] = plan
        for unit in plan.units:
            unit.run(self._update, gradients, hyper)
        numbers = self.next_numbers(hyper)
        for slot in slots:
            slot.t, slot.numbers = hyper.t, numbers
        ad.backend.stamp_all(plan.writes)

    def _advance_some(self, k: int, hypers: dict[Any, Any], gradients: list[Array]) -> None:
        """Write one step into those that have a gradient, each at its own step number."""
        for i, (slot, g) in enumerate(zip(self._slots[k], gradients)):
            if g is not None:
                hyper = hypers[slot.t, slot.numbers]
                unit = single(i, slot, self._names[k], self.elementwise, self._scratch)
                unit.run(self._update, gradients, hyper)
                slot.t, slot.numbers = hyper.t, self.next_numbers(hyper)
                ad.backend.stamp(slot.w)

    def _update(self, w: Array, g: Array, state: State, hyper: Any, scratch: State) -> None:
        """Write one step into arrays."""
        if self.update_numpy is not None and type(w) is np.ndarray and w.dtype.itemsize > 2:
            self.update_numpy(w, g, state, hyper, scratch)
            return
        xp, dtype = ad.backend.namespace(w), working(w.dtype)
        new, new_state = self.update(
            xp, w.astype(dtype, copy=False), g.astype(dtype, copy=False), state, hyper
        )
        w[...] = new
        for old, value in zip(state, new_state, strict=True):
            old[...] = value

    def _check_gradient(self, slot: Slot, g: Array) -> None:
        """Say what is wrong with a gradient, if anything is."""
        w = slot.w
        here, there = ad.backend.device_of(w), ad.backend.device_of(g)
        for what, own, other in (
            ("shape", w.shape, g.shape), ("dtype", w.dtype, g.dtype), ("device", here, there)
        ):  # fmt: skip
            if own != other:
                raise ValueError(
                    f"{self._called(slot)} has {what} {own} and its gradient {other}; "
                    "nothing was updated"
                )

    def _called(self, slot: Slot) -> str:
        every = [other for slots in self._slots for other in slots]
        return f"{type(self).__name__}: {_called(slot.parameter, every.index(slot))}"

    def _choose_state(self, k: int, hyper: Any) -> None:
        """Bind the parameters of group ``k`` again if other arrays of state are in use now."""
        names = self.state_names(hyper)
        if names != self._names[k]:
            self._names[k] = names
            for slot in self._slots[k]:
                slot.w = None

    def _bind(self, slot: Slot, w: Array, hyper: Any, names: tuple[str, ...]) -> None:
        """Prepare for stepping on the array ``w``: the state where ``w`` is, and the pieces."""
        xp = ad.backend.namespace(w)
        if w.shape != slot.shape:
            raise ValueError(
                f"{self._called(slot)} had shape {slot.shape} and now has {w.shape}; make a new "
                "optimizer for it"
            )
        if not ad.backend.is_float(w.dtype):
            raise TypeError(f"{self._called(slot)} has dtype {w.dtype}; only floats can train")
        if type(w) is np.ndarray and not w.flags.writeable:
            raise ValueError(f"{self._called(slot)} is read-only; give it a copy of its data")
        dtype = working(w.dtype)
        state = slot.state or {}
        if any(name not in state for name in names):
            fresh = self.init_state(xp, w.astype(dtype, copy=False), hyper)
            state = dict(zip(names, fresh, strict=True)) | state
        device = ad.backend.device_of(w)
        state = {
            name: ad.backend.to_device(s.astype(dtype, copy=False), device)
            for name, s in state.items()
        }
        slot.w, slot.state, slot.dtype = w, state, w.dtype
        slot.kind = np.ndarray if type(w) is np.ndarray else None
        slot.writes = ad.backend.writes(w)

    # ------------------------------------------------------------ saving and loading
    def state_dict(self) -> dict[str, Any]:
        """State and hyperparameters in PyTorch's layout, parameters by number.

        The arrays share the optimizer's memory.
        """
        state: dict[int, dict[str, Any]] = {}
        groups, start = [], 0
        for group, slots in zip(self.param_groups, self._slots):
            names = self.state_names(self._hyper(group))
            for i, slot in enumerate(slots, start):
                if (arrays := slot.state) is not None:
                    numbers = dict(zip(self.number_names, slot.numbers))
                    kept = {name: ad.asarray(arrays[name]) for name in names if name in arrays}
                    state[i] = {"step": slot.t} | numbers | kept
            groups.append({**group, "params": list(range(start, start + len(slots)))})
            start += len(slots)
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave: all of it, or nothing if it raises.

        Raises
        ------
        ValueError
            If groups, parameters or states do not correspond.
        """
        name = type(self).__name__
        groups = [dict(group) for group in saved["param_groups"]]
        sizes = [len(group["params"]) for group in groups], [len(s) for s in self._slots]
        if sizes[0] != sizes[1]:
            raise ValueError(f"{name}: the saved groups have sizes {sizes[0]}, these {sizes[1]}")
        numbers = [number for group in groups for number in group.pop("params")]
        for group in groups:
            self._refuse_switches({key: group.pop(key) for key in SWITCHES & group.keys()})
            group.pop("param_names", None)
            # What is off, and not known here, asks for nothing.
            for key in [key for key in group if key not in self.defaults and not group[key]]:
                del group[key]
            self._refuse_unknown(group)
        merged = [own | group for own, group in zip(self.param_groups, groups)]
        every = [slot for slots in self._slots for slot in slots]
        names = [
            self.state_names(self._hyper(group))
            for group, slots in zip(merged, self._slots)
            for _ in slots
        ]
        loaded = []
        for slot, number, needed in zip(every, numbers, names):
            if (entry := saved["state"].get(number)) is not None:
                loaded.append((slot, self._state_from(slot, entry, needed)))
        for own, group in zip(self.param_groups, merged):
            own.update(group)
        for slot in every:
            slot.state, slot.numbers, slot.t, slot.w = None, (), 0, None
        for slot, found in loaded:
            slot.state, slot.numbers, slot.t = found

    def _state_from(
        self, slot: Slot, entry: Mapping[str, Any], names: tuple[str, ...]
    ) -> tuple[dict[str, Array], tuple[float, ...], int]:
        """A copy of one parameter's saved state, checked: arrays, numbers and steps."""
        for name in (*self.number_names, *names):
            if entry.get(name) is None:
                raise ValueError(f"{self._called(slot)}: {name} is missing in its saved state")
        state = {name: copied(entry[name]) for name in names}
        for array in state.values():
            if array.shape != slot.shape:
                raise ValueError(
                    f"{self._called(slot)} has shape {slot.shape} and its saved state {array.shape}"
                )
        numbers = tuple([float(raw_of(entry[name])) for name in self.number_names])
        return state, numbers, int(entry.get("step", 1))


def working(dtype: Any) -> Any:
    """The dtype to compute in: half precision loses eps and the squares of small gradients."""
    return dtype if dtype.itemsize > 2 else np.dtype(np.float32)


def copied(array: Any) -> Array:
    """A copy of a saved array, as a raw one."""
    raw = raw_of(array)
    return ad.backend.namespace(raw).array(raw)


def _called(parameter: ad.Tensor, i: int) -> str:
    name = f" {parameter.name!r}" if parameter.name else ""
    return f"parameter {i}{name} of shape {parameter.shape}"
