"""What came of Adam: with the largest gradient, Nesterov's momentum, or a warm-up by itself."""

import math
from typing import Any, Unpack

import numpy as np

from .adam import Moments, moments, moments_numpy
from .checks import not_negative
from .decay import minimized, minimized_numpy
from .optimizer import Parameters, Switches
from .units import Array, State


class Adamax(Moments):
    """Adam with the largest recent gradient in the place of the averaged square.

    Kingma and Ba (2015), algorithm 2: ``u = max(beta2 * u, abs(g) + eps)`` and
    ``w = w - lr / (1 - beta1**t) * m / u``.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
    lr : float
    betas : tuple of float
        How slowly the average of the gradient changes and the largest is forgotten.
    eps : float
        Added to the size of the gradient.
    weight_decay : float
        Adds ``weight_decay * w`` to the gradient.
    maximize : bool
        Go up, not down.
    **switches
        PyTorch's, see `Optimizer`.
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **switches: Unpack[Switches],
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults, switches)

    def state_names(self, hyper: Any) -> tuple[str, ...]:
        """The average of the gradient, and the largest."""
        return "exp_avg", "exp_inf"

    def update(self, xp: Any, w: Array, g: Array, state: State, hyper: Any) -> tuple[Array, State]:
        """One step on one parameter."""
        _, g = minimized(w, g, hyper)
        m, u = state
        b1, b2 = hyper.betas
        m = b1 * m + (1 - b1) * g
        u = xp.maximum(b2 * u, xp.abs(g) + hyper.eps)
        return w - hyper.lr / (1 - b1**hyper.t) * (m / u), (m, u)

    def update_numpy(self, w: Array, g: Array, state: State, hyper: Any, scratch: State) -> None:
        """`update` in place."""
        (m, u), (a, c) = state, scratch
        b1, b2 = hyper.betas
        g = minimized_numpy(w, g, hyper, c)
        np.multiply(m, b1, m)
        np.add(m, np.multiply(g, 1 - b1, a), m)
        np.multiply(u, b2, u)
        np.maximum(u, np.add(np.abs(g, a), hyper.eps, a), out=u)
        np.multiply(np.divide(m, u, a), hyper.lr / (1 - b1**hyper.t), a)
        np.subtract(w, a, w)


class NAdam(Moments):
    """Adam with Nesterov's momentum (Dozat, 2016), whose factor grows with the steps.

    With ``mu(t) = beta1 * (1 - 0.96**(t * momentum_decay) / 2)`` and ``p(t)`` the product of
    ``mu(1)`` to ``mu(t)``, the gradient counts ``(1 - mu(t)) / (1 - p(t))`` and its average
    ``mu(t + 1) / (1 - p(t + 1))``.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
    lr : float
    betas : tuple of float
        How slowly the averages of the gradient and of its square change.
    eps : float
        Added to the root of the averaged square.
    weight_decay : float
        Adds ``weight_decay * w`` to the gradient.
    momentum_decay : float
        How fast ``mu`` approaches ``beta1``.
    decoupled_weight_decay : bool
        Multiply ``w`` by ``1 - lr * weight_decay``, as `AdamW` does.
    maximize : bool
        Go up, not down.
    **switches
        PyTorch's, see `Optimizer`.
    """

    number_names = ("mu_product",)

    def __init__(
        self,
        params: Parameters,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        **switches: Unpack[Switches],
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults, switches)

    def check(self, hyper: Any) -> None:
        """Raise ``ValueError`` for hyperparameters that make no sense."""
        super().check(hyper)
        not_negative(self, hyper, "momentum_decay")

    @staticmethod
    def _mu(hyper: Any, t: int) -> float:
        factor: float = hyper.betas[0] * (1 - 0.5 * 0.96 ** (t * hyper.momentum_decay))
        return factor

    def init_numbers(self, hyper: Any) -> tuple[float, ...]:
        """The product of no factors."""
        return (1.0,)

    def next_numbers(self, hyper: Any) -> tuple[float, ...]:
        """The product with this step's factor."""
        return (hyper.mu_product * self._mu(hyper, hyper.t),)

    def _rates(self, hyper: Any) -> tuple[float, float]:
        """Step sizes for the gradient and for its average."""
        mu, following = self._mu(hyper, hyper.t), self._mu(hyper, hyper.t + 1)
        (product,) = self.next_numbers(hyper)
        return hyper.lr * (1 - mu) / (1 - product), hyper.lr * following / (1 - product * following)

    def update(self, xp: Any, w: Array, g: Array, state: State, hyper: Any) -> tuple[Array, State]:
        """One step on one parameter."""
        w, g = minimized(w, g, hyper, hyper.decoupled_weight_decay)
        m, v = moments(state, g, hyper.betas)
        now, past = self._rates(hyper)
        root = xp.sqrt(v / (1 - hyper.betas[1] ** hyper.t)) + hyper.eps
        return w - (now * g + past * m) / root, (m, v)

    def update_numpy(self, w: Array, g: Array, state: State, hyper: Any, scratch: State) -> None:
        """`update` in place."""
        (m, v), (a, c) = state, scratch
        g = minimized_numpy(w, g, hyper, c, hyper.decoupled_weight_decay)
        moments_numpy(state, g, hyper.betas, a)
        now, past = self._rates(hyper)
        np.add(np.multiply(g, now, c), np.multiply(m, past, a), c)
        np.sqrt(np.divide(v, 1 - hyper.betas[1] ** hyper.t, a), a)
        np.subtract(w, np.divide(c, np.add(a, hyper.eps, a), c), w)


class RAdam(Moments):
    """Adam without its wild first steps (Liu et al., 2020, algorithm 2).

    The averaged square divides only as soon as enough gradients are in it, and then a factor
    makes up for its variance.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
    lr : float
    betas : tuple of float
        How slowly the averages of the gradient and of its square change.
    eps : float
        Added to the root of the averaged square.
    weight_decay : float
        Adds ``weight_decay * w`` to the gradient.
    decoupled_weight_decay : bool
        Multiply ``w`` by ``1 - lr * weight_decay``, as `AdamW` does.
    maximize : bool
        Go up, not down.
    **switches
        PyTorch's, see `Optimizer`.
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        **switches: Unpack[Switches],
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults, switches)

    @staticmethod
    def _rectified(hyper: Any) -> tuple[float, bool]:
        """The step size, and whether the averaged square divides."""
        b1, b2 = hyper.betas
        rate, rest = hyper.lr / (1 - b1**hyper.t), 1 - b2**hyper.t
        longest = 2 / (1 - b2) - 1  # of the average, in steps: at last and now
        length = longest - 2 * hyper.t * b2**hyper.t / rest
        if length <= 5:
            return rate, False
        variance = (length - 4) * (length - 2) * longest
        variance /= (longest - 4) * (longest - 2) * length
        return rate * math.sqrt(rest * variance), True

    def update(self, xp: Any, w: Array, g: Array, state: State, hyper: Any) -> tuple[Array, State]:
        """One step on one parameter."""
        w, g = minimized(w, g, hyper, hyper.decoupled_weight_decay)
        m, v = moments(state, g, hyper.betas)
        rate, divides = self._rectified(hyper)
        step = m / (xp.sqrt(v) + hyper.eps) if divides else m
        return w - rate * step, (m, v)

    def update_numpy(self, w: Array, g: Array, state: State, hyper: Any, scratch: State) -> None:
        """`update` in place."""
        (m, v), (a, c) = state, scratch
        g = minimized_numpy(w, g, hyper, c, hyper.decoupled_weight_decay)
        moments_numpy(state, g, hyper.betas, a)
        rate, divides = self._rectified(hyper)
        step = np.divide(m, np.add(np.sqrt(v, a), hyper.eps, a), a) if divides else m
        np.subtract(w, np.multiply(step, rate, a), w)
