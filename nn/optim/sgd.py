"""Stochastic gradient descent, with momentum."""

from typing import Any

import numpy as np

from .optimizer import Optimizer, Parameters
from .units import Array, State


class SGD(Optimizer):
    """Gradient descent, optionally with (Nesterov's) momentum and weight decay.

    As in PyTorch: ``b = momentum * b + (1 - dampening) * g``, at first ``b = g``, and then
    ``w = w - lr * b``, with ``g + momentum * b`` in the place of ``b`` for Nesterov's.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
    lr : float
    momentum, dampening : float
    weight_decay : float
        Adds ``weight_decay * w`` to the gradient.
    nesterov : bool
        Needs a momentum, and no dampening.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> w = nn.Parameter([1.0, -2.0])
    >>> optimizer = nn.optim.SGD([w], lr=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data
    array([ 0.5, -1. ], dtype=float32)
    """

    scratch = 2

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
            },
        )

    def check(self, hyper: Any) -> None:
        """Raise ``ValueError`` for hyperparameters that make no sense."""
        if hyper.lr < 0 or hyper.momentum < 0 or hyper.weight_decay < 0:
            raise ValueError(
                f"{type(self).__name__}: lr={hyper.lr}, momentum={hyper.momentum} and weight_decay="
                f"{hyper.weight_decay} must not be negative"
            )
        if hyper.nesterov and (not hyper.momentum or hyper.dampening):
            raise ValueError(
                f"{type(self).__name__}: nesterov=True needs a momentum and no dampening"
            )

    def state_names(self, hyper: Any) -> tuple[str, ...]:
        """The momentum buffer, if there is momentum."""
        return ("momentum_buffer",) if hyper.momentum else ()

    def init_state(self, xp: Any, w: Array, hyper: Any) -> State:
        """A momentum buffer of zeros."""
        return (xp.zeros_like(w),) if hyper.momentum else ()

    def update(self, xp: Any, w: Array, g: Array, state: State, hyper: Any) -> tuple[Array, State]:
        """One step on one parameter."""
        if hyper.weight_decay:
            g = hyper.weight_decay * w + g
        if hyper.momentum:
            (b,) = state
            b = hyper.momentum * b + (1 - hyper.dampening) * g if hyper.t > 1 else g
            state = (b,)
            g = hyper.momentum * b + g if hyper.nesterov else b
        return w - hyper.lr * g, state

    def update_numpy(self, w: Array, g: Array, state: State, hyper: Any, scratch: State) -> None:
        """`update` in place."""
        a, c = scratch
        if hyper.weight_decay:
            np.multiply(w, hyper.weight_decay, a)
            g = np.add(a, g, a)
        if hyper.momentum:
            (b,) = state
            if hyper.t > 1:
                np.multiply(b, hyper.momentum, b)
                np.add(b, np.multiply(g, 1 - hyper.dampening, c) if hyper.dampening else g, b)
            else:
                b[...] = g
            g = np.add(np.multiply(b, hyper.momentum, c), g, c) if hyper.nesterov else b
        np.multiply(g, hyper.lr, a)
        np.subtract(w, a, w)


class Momentum(SGD):
    """`SGD` with a momentum of 0.9 unless said otherwise."""

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        momentum: float = 0.9,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(params, lr, momentum, dampening, weight_decay, nesterov)
