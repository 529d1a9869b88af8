"""The base of all optimizers: it owns the loop, a subclass owns two pure functions.

A subclass says what state a parameter has (`init_state`) and what a step makes of parameter,
gradient and state (`update`). The base checks everything before it writes anything, keeps the
step counts, and lets the units of `units` run the update.
"""

import math
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

import autodiff as ad

from ..parameter import clear_grad, raw_of
from .units import Array, Plan, Scratch, Slot, State, single

Parameters = Iterable[ad.Tensor] | Iterable[dict[str, Any]]


class Optimizer:
    """Steps over a fixed list of parameters. Subclasses define two methods.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        The parameters, or groups of them: ``{"params": [...], "lr": 0.01}``, where each may
        override the defaults.
    defaults : dict
        The hyperparameters of groups that do not say otherwise.

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

    def __init__(self, params: Parameters, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self._slots: list[list[Slot]] = []  # of each group
        self._plans: list[Plan | None] = []  # of each group; None if to be made
        self._state_sizes: list[int] = []  # of each group: how many arrays of state
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
            The group's hyperparameters, and ``t``, the number of this step from 1.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no update(...)")

    def check(self, hyper: Any) -> None:
        """Raise ``ValueError`` for hyperparameters that make no sense."""

    # ------------------------------------------------------------ groups
    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Add parameters with hyperparameters of their own."""
        if "params" not in group:
            raise ValueError('a parameter group needs "params"')
        params = group["params"]
        params = [params] if isinstance(params, ad.Tensor) else list(params)
        given = {name: value for name, value in group.items() if name != "params"}
        self._refuse_unknown(given)
        slots = [slot for slots in self._slots for slot in slots]
        known = {id(slot.parameter) for slot in slots}
        for i, parameter in enumerate(params, len(slots)):
            if not isinstance(parameter, ad.Tensor):
                raise TypeError(f"parameter {i} is a {type(parameter).__name__}, not a Tensor")
            if not parameter.is_leaf:
                raise ValueError(
                    f"{_called(parameter, i)} is the result of an op; an optimizer trains leaves"
                )
            if id(parameter) in known:
                raise ValueError(f"{_called(parameter, i)} is given twice")
            known.add(id(parameter))
        made = {"params": params, **self.defaults, **given}
        self._hyper(made, 1)
        self.param_groups.append(made)
        self._slots.append([Slot(parameter) for parameter in params])
        self._plans.append(None)
        self._state_sizes.append(0)

    def _refuse_unknown(self, given: Mapping[str, Any]) -> None:
        unknown = [name for name in given if name not in (*self.defaults, "initial_lr")]
        if unknown:
            raise ValueError(
                f"{type(self).__name__} has no hyperparameter {', '.join(unknown)}; it has: "
                f"{', '.join(self.defaults)}"
            )

    def _hyper(self, group: dict[str, Any], t: int) -> SimpleNamespace:
        """The hyperparameters for step ``t``, checked."""
        hyper = SimpleNamespace(**group, t=t)
        for name, value in group.items():
            if isinstance(value, np.generic):
                value = value.item()  # a NumPy scalar would widen float32
                setattr(hyper, name, value)
            if type(value) is float and not math.isfinite(value):
                raise ValueError(f"{type(self).__name__}: {name} is {value}; it must be finite")
        self.check(hyper)
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
    def step(self) -> None:
        """Update every parameter that has a gradient.

        All is checked before anything is written: a step that raises leaves the parameters
        and the state as they were.

        Raises
        ------
        ValueError
            If a gradient has another shape, dtype or device than its parameter, or a
            hyperparameter is not finite.
        """
        work = []
        for k, slots in enumerate(self._slots):
            group = self.param_groups[k]
            hypers: dict[int, Any] = {}  # by the number of steps so far: almost always one
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
                if slot.t not in hypers:
                    hypers[slot.t] = self._hyper(group, slot.t + 1)
                    self._extend_state(k, hypers[slot.t])
                if w is not slot.w:
                    self._bind(slot, w, hypers[slot.t])
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

    def _advance_all(self, k: int, hyper: Any, gradients: list[Array]) -> None:
        """Write one step into all parameters of group ``k``."""
        slots, plan = self._slots[k], self._plans[k]
        if plan is None:
            plan = self._plans[k] = Plan(slots, self.elementwise, self._scratch)
        for unit in plan.units:
            unit.run(self._update, gradients, hyper)
        for slot in slots:
            slot.t = hyper.t
        ad.backend.stamp_all(plan.writes)

    def _advance_some(self, k: int, hypers: dict[int, Any], gradients: list[Array]) -> None:
        """Write one step into those that have a gradient, each at its own step number."""
        for i, (slot, g) in enumerate(zip(self._slots[k], gradients)):
            if g is not None:
                unit = single(i, slot, self.elementwise, self._scratch)
                unit.run(self._update, gradients, hypers[slot.t])
                slot.t += 1
                ad.backend.stamp(slot.w)

    def _update(self, w: Array, g: Array, state: State, hyper: Any, scratch: State) -> None:
        """Write one step into arrays."""
        if self.update_numpy is not None and type(w) is np.ndarray and w.dtype.itemsize > 2:
            self.update_numpy(w, g, state, hyper, scratch)
            return
        xp, dtype = ad.backend.namespace(w), _working(w.dtype)
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

    def _extend_state(self, k: int, hyper: Any) -> None:
        """Begin a new state in group ``k`` if there was none so far and now there must be."""
        size = len(self.state_names(hyper))
        if size != self._state_sizes[k]:
            self._state_sizes[k] = size
            for slot in self._slots[k]:
                if slot.state is not None and len(slot.state) < size:
                    slot.state, slot.w = None, None

    def _bind(self, slot: Slot, w: Array, hyper: Any) -> None:
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
        dtype = _working(w.dtype)
        if slot.state is None:
            state = self.init_state(xp, w.astype(dtype, copy=False), hyper)
        else:
            device = ad.backend.device_of(w)
            state = tuple(
                [ad.backend.to_device(s.astype(dtype, copy=False), device) for s in slot.state]
            )
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
            names = self.state_names(self._hyper(group, 1))
            for i, slot in enumerate(slots, start):
                if slot.state is not None:
                    arrays = zip(names, slot.state)
                    state[i] = {"step": slot.t} | {name: ad.asarray(s) for name, s in arrays}
            numbers = list(range(start, start + len(slots)))
            groups.append({**group, "params": numbers})
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
            # PyTorch saves switches of its own; those that are off ask for nothing.
            for key in [key for key in group if key not in self.defaults and not group[key]]:
                del group[key]
            self._refuse_unknown(group)
        merged = [own | group for own, group in zip(self.param_groups, groups)]
        loaded: list[tuple[Slot, State, int]] = []
        every = [slot for slots in self._slots for slot in slots]
        names = [
            self.state_names(self._hyper(group, 1))
            for group, slots in zip(merged, self._slots)
            for _ in slots
        ]
        for slot, number, needed in zip(every, numbers, names):
            if (entry := saved["state"].get(number)) is not None:
                loaded.append(
                    (slot, self._state_from(slot, entry, needed), int(entry.get("step", 1)))
                )
        for own, group in zip(self.param_groups, merged):
            own.update(group)
        for slot in every:
            slot.state, slot.t, slot.w = None, 0, None
        for slot, state, t in loaded:
            slot.state, slot.t = state, t

    def _state_from(self, slot: Slot, entry: Mapping[str, Any], names: tuple[str, ...]) -> State:
        """A copy of one parameter's saved state, checked."""
        state = []
        for name in names:
            if entry.get(name) is None:
                raise ValueError(f"{self._called(slot)}: {name} is missing in its saved state")
            state.append(_copied(entry[name]))
            if state[-1].shape != slot.shape:
                raise ValueError(
                    f"{self._called(slot)} has shape {slot.shape} and its saved state "
                    f"{state[-1].shape}"
                )
        return tuple(state)


def _working(dtype: Any) -> Any:
    """The dtype to compute in: half precision loses eps and the squares of small gradients."""
    return dtype if dtype.itemsize > 2 else np.dtype(np.float32)


def _copied(array: Any) -> Array:
    raw = raw_of(array)
    return ad.backend.namespace(raw).array(raw)


def _called(parameter: ad.Tensor, i: int) -> str:
    name = f" {parameter.name!r}" if parameter.name else ""
    return f"parameter {i}{name} of shape {parameter.shape}"
