"""L-BFGS: Newton's method with curvature from the last steps."""

from collections.abc import Mapping
from typing import Any

import autodiff as ad

from ..parameter import raw_of
from .checks import not_negative
from .optimizer import Closure, Optimizer, Parameters, copied, working
from .units import Array, Slot
from .wolfe import Point, strong_wolfe

VECTORS = "d", "prev_flat_grad"
HISTORIES = "old_dirs", "old_stps"
NUMBERS = "t", "H_diag", "prev_loss"


class LBFGS(Optimizer):
    """L-BFGS (Liu and Nocedal, 1989), for losses without noise: small data, whole data sets.

    A call of `step` makes up to ``max_iter`` steps, and evaluates the loss for each at least once.
    All parameters are one vector: there is one group of them, on one device. The history takes
    ``2 * history_size`` times the memory of the parameters.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
    lr : float
        How much of the step to take, or to try first.
    max_iter, max_eval : int
        The most steps, and evaluations, of a call; by default 5 evaluations for 4 steps.
    tolerance_grad : float
        Stop where no component of the gradient is larger.
    tolerance_change : float
        Stop where loss or parameters change less.
    history_size : int
        How many steps are remembered.
    line_search_fn : "strong_wolfe", optional
        Look for a point along the line that is low and flat enough, instead of going by ``lr``.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> w = nn.Parameter([-1.0, 2.0], dtype=ad.float64)
    >>> optimizer = nn.optim.LBFGS([w], max_iter=100, line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2
    ...     loss.backward()
    ...     return loss
    >>> float(optimizer.step(closure))  # the loss before the first step
    104.0
    >>> w.data.round(4)
    array([1., 1.])
    """

    elementwise = False

    def __init__(
        self,
        params: Parameters,
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        self._memory: dict[str, Any] = {}  # under PyTorch's names
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Take the only group of parameters."""
        if self.param_groups:
            raise ValueError("LBFGS steps all parameters as one vector, and has only one group")
        super().add_param_group(group)

    def check(self, hyper: Any) -> None:
        """Raise ``ValueError`` for hyperparameters that make no sense."""
        not_negative(self, hyper, "lr", "max_iter", "max_eval", "tolerance_grad")
        not_negative(self, hyper, "tolerance_change", "history_size")
        if hyper.line_search_fn not in (None, "strong_wolfe"):
            raise ValueError(
                f'LBFGS: line_search_fn={hyper.line_search_fn!r} must be "strong_wolfe" or None'
            )

    # ------------------------------------------------------------ the step
    def preview(self, parameter: ad.Tensor, gradient: Any, dtype: Any = None) -> Array:
        """Raise ``NotImplementedError``: one gradient does not say where a step ends."""
        raise NotImplementedError(
            "LBFGS.preview: a step evaluates the loss several times, for all parameters together; "
            "take it on a copy, copy.deepcopy((model, optimizer)), with step(closure)"
        )

    def step(self, closure: Closure | None = None) -> Any:
        """Make up to ``max_iter`` steps.

        If the closure raises, the parameters are put back to where they were.

        Parameters
        ----------
        closure : callable
            Clears the gradients, computes them anew, and returns the loss.

        Returns
        -------
        Tensor
            The loss before the first step.
        """
        if closure is None:
            raise TypeError("LBFGS evaluates the loss several times; call step(closure)")
        hyper = self._hyper(self.param_groups[0])
        (slots,) = self._slots
        for slot in slots:
            self._bind(slot, slot.parameter.data, hyper, ())
        devices = sorted({ad.backend.device_of(slot.w) for slot in slots})
        if len(devices) > 1:
            raise ValueError(f"LBFGS: the parameters are on several devices: {', '.join(devices)}")
        before = [slot.w.copy() for slot in slots]
        try:
            return self._minimize(_Vector(slots, self._check_gradient, closure), hyper)
        except BaseException:
            for slot, w in zip(slots, before):
                slot.w[...] = w
                ad.backend.stamp(slot.w)
            raise

    def _minimize(self, vector: "_Vector", hyper: Any) -> Any:
        xp, dot = vector.xp, vector.dot
        memory = self._memory_for(vector)
        first, loss, g = vector.evaluate()
        evaluations, iterations = 1, 0
        done = vector.largest(g) <= hyper.tolerance_grad
        while not done and iterations < hyper.max_iter:
            iterations += 1
            memory["n_iter"] += 1
            if memory["n_iter"] == 1:
                d = -g
                t = min(1.0, 1 / float(xp.sum(xp.abs(g)))) * hyper.lr
            else:
                _remember(memory, dot, g, hyper.history_size)
                d = _direction(memory, xp, g)
                t = hyper.lr
            before = Point(0.0, loss, dot(g, d), g)
            memory |= {"d": d, "t": t, "prev_flat_grad": g, "prev_loss": loss}
            if before.slope > -hyper.tolerance_change:
                break
            x = vector.values()
            count = 0
            if hyper.line_search_fn:

                def along(t: float, x: Array = x, d: Array = d) -> Point:
                    vector.put(x + t * d)
                    _, loss, g = vector.evaluate()
                    return Point(t, loss, dot(g, d), g)

                found, count = strong_wolfe(
                    along,
                    before,
                    t,
                    vector.largest(d),
                    hyper.tolerance_change,
                    hyper.max_eval - evaluations,
                )
                memory["t"], loss, _, g = found
                vector.put(x + found.t * d)
            else:
                vector.put(x + t * d)
                if iterations < hyper.max_iter:  # with noise, the last one is of no use
                    _, loss, g = vector.evaluate()
                    count = 1
            evaluations += count
            done = (
                evaluations >= hyper.max_eval
                or vector.largest(g) <= hyper.tolerance_grad
                or vector.largest(d) * memory["t"] <= hyper.tolerance_change
                or abs(loss - before.loss) < hyper.tolerance_change
            )
        memory["func_evals"] += evaluations
        self._memory = memory
        return first

    def _memory_for(self, vector: "_Vector") -> dict[str, Any]:
        """A copy of the memory, where the parameters are."""
        memory: dict[str, Any] = {"func_evals": 0, "n_iter": 0, "H_diag": 1.0}
        memory |= {"old_dirs": [], "old_stps": [], "ro": []} | self._memory
        memory |= {name: vector.like(memory[name]) for name in VECTORS if name in memory}
        memory |= {name: [vector.like(each) for each in memory[name]] for name in HISTORIES}
        return memory

    # ------------------------------------------------------------ saving and loading
    def state_dict(self) -> dict[str, Any]:
        """State and hyperparameters in PyTorch's layout; the state is the first parameter's."""
        kept = dict(self._memory)
        kept |= {name: ad.asarray(kept[name]) for name in VECTORS if name in kept}
        kept |= {name: [ad.asarray(v) for v in kept[name]] for name in HISTORIES if name in kept}
        return super().state_dict() | {"state": {0: kept} if kept else {}}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave: all of it, or nothing if it raises."""
        entry = saved["state"].get(0, {})
        memory: dict[str, Any] = {
            name: int(entry[name]) for name in ("func_evals", "n_iter") if name in entry
        }
        if memory.get("n_iter"):
            memory |= {name: copied(entry[name]) for name in VECTORS}
            memory |= {name: [copied(each) for each in entry[name]] for name in HISTORIES}
            memory |= {name: float(raw_of(entry[name])) for name in NUMBERS}
            memory["ro"] = [float(raw_of(each)) for each in entry["ro"]]
            size = sum(slot.parameter.size for slot in self._slots[0])
            for v in (memory["d"], memory["prev_flat_grad"], *memory["old_dirs"]):
                if v.shape != (size,):
                    raise ValueError(
                        f"LBFGS has {size} numbers in its parameters, and its saved state has "
                        f"vectors of shape {v.shape}"
                    )
        super().load_state_dict({**saved, "state": {}})
        self._memory = memory


class _Vector:
    """All parameters as one vector."""

    def __init__(self, slots: list[Slot], check: Any, closure: Closure) -> None:
        self.slots = slots
        self.check = check
        self.closure = closure
        some = slots[0].w
        self.xp = ad.backend.namespace(some)
        self.device = ad.backend.device_of(some)
        self.dtype = ad.backend.common_dtype([working(slot.w.dtype) for slot in slots])

    def like(self, v: Array) -> Array:
        """A vector where the parameters are."""
        return ad.backend.to_device(v.astype(self.dtype, copy=False), self.device)

    def _joined(self, arrays: list[Array]) -> Array:
        flat = [array.astype(self.dtype, copy=False).reshape(-1) for array in arrays]
        return self.xp.concatenate(flat)

    def dot(self, a: Array, b: Array) -> float:
        """The inner product, on the host."""
        return float(self.xp.dot(a, b))

    def largest(self, v: Array) -> float:
        """The size of the largest component."""
        return float(self.xp.max(self.xp.abs(v))) if v.size else 0.0

    def values(self) -> Array:
        """The parameters."""
        return self._joined([slot.w for slot in self.slots])

    def put(self, values: Array) -> None:
        """Write the parameters."""
        start = 0
        for slot in self.slots:
            part = slice(start, start + slot.w.size)
            slot.w[...] = values[part].reshape(slot.shape)
            start = part.stop
        ad.backend.stamp_all([slot.writes for slot in self.slots])

    def evaluate(self) -> tuple[Any, float, Array]:
        """What the closure returns, the loss as a number, and the gradient."""
        with ad.enable_grad():
            result = self.closure()
        gradients = []
        for slot in self.slots:
            grad = slot.parameter.grad
            if grad is not None:
                self.check(slot, grad.data)
            gradients.append(self.xp.zeros_like(slot.w) if grad is None else grad.data)
        return result, float(result), self._joined(gradients)


def _remember(memory: dict[str, Any], dot: Any, g: Array, size: int) -> None:
    """Add the last step, and the change of the gradient, to the history."""
    y, s = g - memory["prev_flat_grad"], memory["d"] * memory["t"]
    curvature = dot(y, s)
    if curvature > 1e-10:
        for name, value in (("old_dirs", y), ("old_stps", s), ("ro", 1 / curvature)):
            memory[name] = [*memory[name], value][-size:] if size else []
        memory["H_diag"] = curvature / dot(y, y)


def _direction(memory: dict[str, Any], xp: Any, g: Array) -> Array:
    """The negative gradient times the inverse Hessian, as far as it is known (two loops)."""
    history = list(zip(memory["old_dirs"], memory["old_stps"], memory["ro"]))
    d = -g
    weights = []
    for y, s, rho in reversed(history):
        weights.append(rho * xp.dot(s, d))
        d = d - weights[-1] * y
    d = memory["H_diag"] * d
    for (y, s, rho), weight in zip(history, reversed(weights)):
        d = d + (weight - rho * xp.dot(y, d)) * s
    return d
