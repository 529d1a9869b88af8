"""Stochastic gradient descent: with momentum, and with averaged parameters."""

from typing import Any, Unpack

import numpy as np

from .checks import not_negative
from .decay import minimized, minimized_numpy
from .optimizer import Optimizer, Parameters, Switches
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
    maximize : bool
        Go up, not down.
    **switches
        PyTorch's, see `Optimizer`.

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
        *,
        maximize: bool = False,
        **switches: Unpack[Switches],
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(params, defaults, switches)

    def check(self, hyper: Any) -> None:
        """Raise ``ValueError`` for hyperparameters that make no sense."""
        not_negative(self, hyper, "lr", "momentum", "weight_decay")
        if hyper.nesterov and (not hyper.momentum or hyper.dampening):
            raise ValueError(
                f"{type(self).__name__}: nesterov=True needs a momentum and no dampening"
            )

    def state_names(self, hyper: Any) -> tuple[str, ...]:
        """The momentum buffer, if there is momentum."""
        return ("momentum_buffer",) if hyper.momentum else ()

    def init_state(self, xp: Any, w: Array, hyper: Any) -> State:
        """A momentum buffer of zeros."""
        return (xp.zeros_like(w),)

    def update(self, xp: Any, w: Array, g: Array, state: State, hyper: Any) -> tuple[Array, State]:
        """One step on one parameter."""
        w, g = minimized(w, g, hyper)
        if hyper.momentum:
            (b,) = state
            b = hyper.momentum * b + (1 - hyper.dampening) * g if hyper.t > 1 else g
            state = (b,)
            g = hyper.momentum * b + g if hyper.nesterov else b
        return w - hyper.lr * g, state

    def update_numpy(self, w: Array, g: Array, state: State, hyper: Any, scratch: State) -> None:
        """`update` in place."""
        a, c = scratch
        g = minimized_numpy(w, g, hyper, a)
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
    """`SGD` with a momentum of 0.9 unless said otherwise.

    Parameters
    ----------
    params, lr, momentum, dampening, weight_decay, nesterov, maximize, **switches
        As for `SGD`.
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        momentum: float = 0.9,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        **switches: Unpack[Switches],
    ) -> None:
        super().__init__(
            params, lr, momentum, dampening, weight_decay, nesterov, maximize=maximize, **switches
        )


class ASGD(Optimizer):
    """Gradient descent with averaged parameters (Polyak and Juditsky, 1992).

    The step size falls, ``eta = lr / (1 + lambd * lr * t)**alpha`` after ``t`` steps, and after
    step ``t0`` the parameters' running mean is kept. The mean is ``state[i]["ax"]`` in
    ``state_dict()``; training itself does not use it.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
    lr : float
    lambd : float
        Decay: of the step size, and of the parameters by ``1 - lambd * eta`` a step.
    alpha : float
        How fast the step size falls.
    t0 : float
        The step after which the mean begins.
    weight_decay : float
        Adds ``weight_decay * w`` to the gradient.
    maximize : bool
        Go up, not down.
    **switches
        PyTorch's, see `Optimizer`.
    """

    scratch = 2
    number_names = "eta", "mu"

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **switches: Unpack[Switches],
    ) -> None:
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults, switches)

    def check(self, hyper: Any) -> None:
        """Raise ``ValueError`` for hyperparameters that make no sense."""
        not_negative(self, hyper, "lr", "lambd", "alpha", "weight_decay")

    def state_names(self, hyper: Any) -> tuple[str, ...]:
        """The mean of the parameters."""
        return ("ax",)

    def init_state(self, xp: Any, w: Array, hyper: Any) -> State:
        """Zeros, which the first step replaces."""
        return (xp.zeros_like(w),)

    def init_numbers(self, hyper: Any) -> tuple[float, float]:
        """The step size, and the weight of the newest parameters in the mean."""
        return float(hyper.lr), 1.0

    def next_numbers(self, hyper: Any) -> tuple[float, float]:
        """Those of the next step."""
        eta = hyper.lr / (1 + hyper.lambd * hyper.lr * hyper.t) ** hyper.alpha
        return eta, 1 / max(1.0, hyper.t - hyper.t0)

    def update(self, xp: Any, w: Array, g: Array, state: State, hyper: Any) -> tuple[Array, State]:
        """One step on one parameter."""
        _, g = minimized(w, g, hyper)
        w = (1 - hyper.lambd * hyper.eta) * w - hyper.eta * g
        if hyper.mu == 1:
            return w, (w,)
        (mean,) = state
        return w, (mean + hyper.mu * (w - mean),)

    def update_numpy(self, w: Array, g: Array, state: State, hyper: Any, scratch: State) -> None:
        """`update` in place."""
        (mean,), (a, c) = state, scratch
        g = minimized_numpy(w, g, hyper, c)
        np.multiply(w, 1 - hyper.lambd * hyper.eta, w)
        np.subtract(w, np.multiply(g, hyper.eta, a), w)
        if hyper.mu == 1:
            mean[...] = w
        else:
            np.add(mean, np.multiply(np.subtract(w, mean, a), hyper.mu, a), mean)
