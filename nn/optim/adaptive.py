"""Step sizes from past gradients, without momentum of their own: Adagrad and what came of it."""

from typing import Any, Unpack

import numpy as np

from .checks import fraction, not_negative
from .decay import minimized, minimized_numpy
from .optimizer import Optimizer, Parameters, Switches
from .units import Array, State


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients (Duchi et al., 2011).

    ``s = s + g * g`` and ``w = w - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)``.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
    lr : float
    lr_decay : float
        Lets the step size fall besides.
    weight_decay : float
        Adds ``weight_decay * w`` to the gradient.
    initial_accumulator_value : float
        What the sum begins with.
    eps : float
        Added to the root.
    maximize : bool
        Go up, not down.
    **switches
        PyTorch's, see `Optimizer`.
    """

    scratch = 2

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
        **switches: Unpack[Switches],
    ) -> None:
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "eps": eps,
            "maximize": maximize,
        }
        super().__init__(params, defaults, switches)

    def check(self, hyper: Any) -> None:
        """Raise ``ValueError`` for hyperparameters that make no sense."""
        not_negative(
            self, hyper, "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps"
        )

    def state_names(self, hyper: Any) -> tuple[str, ...]:
        """The sum of the squared gradients."""
        return ("sum",)

    def init_state(self, xp: Any, w: Array, hyper: Any) -> State:
        """The initial value everywhere."""
        return (xp.full_like(w, hyper.initial_accumulator_value),)

    def update(self, xp: Any, w: Array, g: Array, state: State, hyper: Any) -> tuple[Array, State]:
        """One step on one parameter."""
        _, g = minimized(w, g, hyper)
        s = state[0] + g * g
        rate = hyper.lr / (1 + (hyper.t - 1) * hyper.lr_decay)
        return w - rate * (g / (xp.sqrt(s) + hyper.eps)), (s,)

    def update_numpy(self, w: Array, g: Array, state: State, hyper: Any, scratch: State) -> None:
        """`update` in place."""
        (s,), (a, c) = state, scratch
        g = minimized_numpy(w, g, hyper, c)
        np.add(s, np.multiply(g, g, a), s)
        np.add(np.sqrt(s, a), hyper.eps, a)
        rate = hyper.lr / (1 + (hyper.t - 1) * hyper.lr_decay)
        np.subtract(w, np.multiply(np.divide(g, a, a), rate, a), w)


class Adadelta(Optimizer):
    """Steps in the units of the parameters (Zeiler, 2012, algorithm 1).

    ``v = rho * v + (1 - rho) * g * g``, ``d = sqrt(u + eps) / sqrt(v + eps) * g``,
    ``u = rho * u + (1 - rho) * d * d`` and ``w = w - lr * d``.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
    lr : float
        1 in the paper.
    rho : float
        How slowly both averages change.
    eps : float
        Added under both roots.
    weight_decay : float
        Adds ``weight_decay * w`` to the gradient.
    maximize : bool
        Go up, not down.
    **switches
        PyTorch's, see `Optimizer`.
    """

    scratch = 3

    def __init__(
        self,
        params: Parameters,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **switches: Unpack[Switches],
    ) -> None:
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults, switches)

    def check(self, hyper: Any) -> None:
        """Raise ``ValueError`` for hyperparameters that make no sense."""
        not_negative(self, hyper, "lr", "eps", "weight_decay")
        fraction(self, "rho", hyper.rho)

    def state_names(self, hyper: Any) -> tuple[str, ...]:
        """The averages of the squares of gradients and of steps."""
        return "square_avg", "acc_delta"

    def init_state(self, xp: Any, w: Array, hyper: Any) -> State:
        """Zeros."""
        return xp.zeros_like(w), xp.zeros_like(w)

    def update(self, xp: Any, w: Array, g: Array, state: State, hyper: Any) -> tuple[Array, State]:
        """One step on one parameter."""
        _, g = minimized(w, g, hyper)
        v, u = state
        v = hyper.rho * v + (1 - hyper.rho) * (g * g)
        d = xp.sqrt(u + hyper.eps) / xp.sqrt(v + hyper.eps) * g
        u = hyper.rho * u + (1 - hyper.rho) * (d * d)
        return w - hyper.lr * d, (v, u)

    def update_numpy(self, w: Array, g: Array, state: State, hyper: Any, scratch: State) -> None:
        """`update` in place."""
        (v, u), (a, b, c) = state, scratch
        g = minimized_numpy(w, g, hyper, c)
        np.multiply(v, hyper.rho, v)
        np.add(v, np.multiply(np.multiply(g, g, a), 1 - hyper.rho, a), v)
        np.sqrt(np.add(u, hyper.eps, a), a)
        np.divide(a, np.sqrt(np.add(v, hyper.eps, b), b), a)
        d = np.multiply(a, g, a)
        np.multiply(u, hyper.rho, u)
        np.add(u, np.multiply(np.multiply(d, d, b), 1 - hyper.rho, b), u)
        np.subtract(w, np.multiply(d, hyper.lr, d), w)


class RMSprop(Optimizer):
    """Steps divided by the root of the averaged square of the gradient (Tieleman and Hinton, 2012).

    ``v = alpha * v + (1 - alpha) * g * g`` and ``w = w - lr * g / (sqrt(v) + eps)``. From lecture
    6e of the course "Neural Networks for Machine Learning".

    Parameters
    ----------
    params : iterable of Tensor, or of dict
    lr : float
    alpha : float
        How slowly the average changes.
    eps : float
        Added to the root.
    weight_decay : float
        Adds ``weight_decay * w`` to the gradient.
    momentum : float
        Of the divided gradient.
    centered : bool
        Divide by the root of the variance, ``v - mean(g)**2`` (Graves, 2013, equation 40).
    maximize : bool
        Go up, not down.
    **switches
        PyTorch's, see `Optimizer`.
    """

    scratch = 2

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
        **switches: Unpack[Switches],
    ) -> None:
        defaults = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
            "maximize": maximize,
        }
        super().__init__(params, defaults, switches)

    def check(self, hyper: Any) -> None:
        """Raise ``ValueError`` for hyperparameters that make no sense."""
        not_negative(self, hyper, "lr", "eps", "weight_decay", "momentum")
        fraction(self, "alpha", hyper.alpha)

    def state_names(self, hyper: Any) -> tuple[str, ...]:
        """The averages of the squared gradient and of the gradient, and the momentum."""
        momentum = ("momentum_buffer",) if hyper.momentum else ()
        return ("square_avg", *momentum, *(("grad_avg",) if hyper.centered else ()))

    def init_state(self, xp: Any, w: Array, hyper: Any) -> State:
        """Zeros."""
        return tuple([xp.zeros_like(w) for _ in self.state_names(hyper)])

    def update(self, xp: Any, w: Array, g: Array, state: State, hyper: Any) -> tuple[Array, State]:
        """One step on one parameter."""
        _, g = minimized(w, g, hyper)
        v = hyper.alpha * state[0] + (1 - hyper.alpha) * (g * g)
        new, spread = [v], v
        if hyper.centered:
            mean = hyper.alpha * state[-1] + (1 - hyper.alpha) * g
            new.append(mean)
            spread = xp.maximum(v - mean * mean, 0)  # rounding may take it below 0
        g = g / (xp.sqrt(spread) + hyper.eps)
        if hyper.momentum:
            g = hyper.momentum * state[1] + g
            new.insert(1, g)
        return w - hyper.lr * g, tuple(new)

    def update_numpy(self, w: Array, g: Array, state: State, hyper: Any, scratch: State) -> None:
        """`update` in place."""
        a, c = scratch
        g = minimized_numpy(w, g, hyper, c)
        v = spread = state[0]
        np.multiply(v, hyper.alpha, v)
        np.add(v, np.multiply(np.multiply(g, g, a), 1 - hyper.alpha, a), v)
        if hyper.centered:
            mean = state[-1]
            np.multiply(mean, hyper.alpha, mean)
            np.add(mean, np.multiply(g, 1 - hyper.alpha, a), mean)
            np.subtract(v, np.multiply(mean, mean, a), a)
            spread = np.maximum(a, 0, out=a)
        np.add(np.sqrt(spread, a), hyper.eps, a)
        g = np.divide(g, a, a)
        if hyper.momentum:
            b = state[1]
            np.multiply(b, hyper.momentum, b)
            g = np.add(b, g, b)
        np.subtract(w, np.multiply(g, hyper.lr, a), w)
