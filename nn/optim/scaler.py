"""Scaled losses: gradients in float16 that do not vanish."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

import autodiff as ad

from .optimizer import Optimizer

LARGEST = float(np.finfo(np.float32).max)


class GradScaler:
    """Multiplies the loss so that gradients in float16 do not vanish, and finds how far it may go.

    Gradients are multiplied as the loss is (`scale`) and divided by the same before the optimizer
    sees them (`step`). Where one became infinite or NaN the step is left out, and the scale is
    reduced; after ``growth_interval`` good steps in a row it grows (`update`).

    Parameters
    ----------
    init_scale : float
    growth_factor, backoff_factor : float
        What the scale is multiplied by.
    growth_interval : int
    enabled : bool
        False makes everything here do nothing, and `step` the optimizer's step.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> model = nn.Linear(4, 2)
    >>> optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    >>> scaler = nn.optim.GradScaler(init_scale=2.0**10, growth_interval=2)
    >>> x, y = ad.ones((8, 4)), ad.zeros((8, 2))
    >>> for _ in range(3):
    ...     optimizer.zero_grad()
    ...     with ad.autocast():
    ...         loss = nn.functional.mse_loss(model(x), y)
    ...     scaler.scale(loss).backward()
    ...     scaler.unscale_(optimizer)  # only needed to clip, or to look at gradients
    ...     norm = nn.optim.clip_grad_norm_(model.parameters(), 1.0)
    ...     scaler.step(optimizer)
    ...     scaler.update()
    >>> scaler.get_scale()
    2048.0
    """

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if not init_scale > 0 or not growth_factor > 1 or not 0 < backoff_factor < 1:
            raise ValueError(
                f"GradScaler: init_scale={init_scale} must be positive, growth_factor="
                f"{growth_factor} above 1 and backoff_factor={backoff_factor} between 0 and 1"
            )
        self.growth_factor = growth_factor
        self.backoff_factor = backoff_factor
        self.growth_interval = growth_interval
        self._scale = float(init_scale)
        self._growth_tracker = 0
        self._enabled = enabled
        # Of each optimizer since the last update: whether its gradients are finite, on each
        # device, and whether it was stepped.
        self._finite: dict[Optimizer, list[Any]] = {}
        self._stepped: set[Optimizer] = set()

    def get_scale(self) -> float:
        """What the loss is multiplied by."""
        return self._scale if self._enabled else 1.0

    def is_enabled(self) -> bool:
        """Whether it does anything."""
        return self._enabled

    def scale(self, outputs: Any) -> Any:
        """A loss, or a list or tuple of them, times the scale; of half precision in float32."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, (list, tuple)):
            return type(outputs)([self.scale(x) for x in outputs])
        if not isinstance(outputs, ad.Tensor):
            raise TypeError(
                f"GradScaler.scale: a {type(outputs).__name__} is no tensor, nor a list of tensors"
            )
        half = outputs.dtype.itemsize == 2
        return (outputs.astype(np.float32) if half else outputs) * self._scale

    def unscale_(self, optimizer: Optimizer) -> None:
        """Divide the gradients of an optimizer's parameters, to clip them or look at them.

        `step` does it otherwise. Nothing waits for the device here.

        Raises
        ------
        RuntimeError
            If it was called since the last `update`, or after `step`.
        TypeError
            For gradients in float16, which lost already what scaling is to save.
        """
        if not self._enabled:
            return
        if optimizer in self._stepped:
            raise RuntimeError("GradScaler.unscale_: step() was called before; call update() first")
        if optimizer in self._finite:
            raise RuntimeError(
                "GradScaler.unscale_ was already called for this optimizer since the last update()"
            )
        gradients = [
            parameter.grad.data
            for group in optimizer.param_groups
            for parameter in group["params"]
            if parameter.grad is not None
        ]
        if any(g.dtype == np.float16 for g in gradients):
            raise TypeError(
                "GradScaler.unscale_: there are gradients in float16; keep the parameters in "
                "float32 and use autocast"
            )
        for g in gradients:
            g *= 1 / self._scale
        ad.backend.stamp(*gradients)
        self._finite[optimizer] = _finite(gradients)

    def step(self, optimizer: Optimizer, *args: Any, **kwargs: Any) -> Any:
        """Unscale if that was not done, and step the optimizer if all gradients are finite.

        To know, it waits once for each device.

        Parameters
        ----------
        optimizer : Optimizer
        *args, **kwargs
            For its ``step``; no closure, which would make gradients that are not scaled.

        Returns
        -------
        What ``optimizer.step`` returns; None if it was left out.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if any(callable(x) for x in (*args, *kwargs.values())):
            raise RuntimeError(
                "GradScaler.step takes no closure; it scales gradients that are there"
            )
        if optimizer in self._stepped:
            raise RuntimeError("GradScaler.step was already called since the last update()")
        if optimizer not in self._finite:
            self.unscale_(optimizer)
        self._stepped.add(optimizer)
        return optimizer.step(*args, **kwargs) if self._is_finite(optimizer) else None

    def _is_finite(self, optimizer: Optimizer) -> bool:
        found = [bool(finite) for finite in self._finite[optimizer]]
        self._finite[optimizer] = [all(found)]  # known on the host from now on
        return all(found)

    def update(self, new_scale: float | None = None) -> None:
        """Change the scale by what the steps since the last update found; end of an iteration.

        Parameters
        ----------
        new_scale : float, optional
            Set this one instead.
        """
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        elif not self._finite:
            raise RuntimeError("GradScaler.update: no step() or unscale_() since the last update()")
        elif not all(self._is_finite(optimizer) for optimizer in self._finite):
            self._scale *= self.backoff_factor
            self._growth_tracker = 0
        else:
            self._growth_tracker += 1
            if self._growth_tracker == self.growth_interval:
                if self._scale * self.growth_factor <= LARGEST:
                    self._scale *= self.growth_factor
                self._growth_tracker = 0
        self._finite.clear()
        self._stepped.clear()

    def state_dict(self) -> dict[str, Any]:
        """Scale, options and the number of good steps, in PyTorch's layout; empty if disabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale,
            "growth_factor": self.growth_factor,
            "backoff_factor": self.backoff_factor,
            "growth_interval": self.growth_interval,
            "_growth_tracker": self._growth_tracker,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        if not self._enabled:
            return
        if not state:
            raise ValueError("GradScaler: the saved state is empty, that of a disabled scaler")
        self._scale = float(state["scale"])
        self.growth_factor = state["growth_factor"]
        self.backoff_factor = state["backoff_factor"]
        self.growth_interval = state["growth_interval"]
        self._growth_tracker = state["_growth_tracker"]


def _finite(gradients: Iterable[Any]) -> list[Any]:
    """Whether gradients are finite: a 0-d array for each device and dtype, still there."""
    extremes: dict[Any, list[Any]] = {}  # by the smallest and the largest no array is made
    for g in gradients:
        if g.size:
            xp = ad.backend.namespace(g)
            found = extremes.setdefault((ad.backend.device_of(g), g.dtype.name), [])
            found += [xp.asarray(xp.min(g)), xp.asarray(xp.max(g))]
    spaces = [(ad.backend.namespace(found[0]), found) for found in extremes.values()]
    return [xp.all(xp.isfinite(xp.stack(found))) for xp, found in spaces]
