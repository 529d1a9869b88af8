"""Adam, and its variant with decoupled weight decay."""

import math
from typing import Any, Unpack

import numpy as np

from .checks import not_negative, two_fractions
from .decay import minimized, minimized_numpy
from .optimizer import Optimizer, Parameters, Switches
from .units import Array, State


class Moments(Optimizer):
    """What has averages of the gradient and of its square for a state."""

    scratch = 2

    def check(self, hyper: Any) -> None:
        """Raise ``ValueError`` for hyperparameters that make no sense."""
        not_negative(self, hyper, "lr", "eps", "weight_decay")
        two_fractions(self, "betas", hyper.betas)

    def state_names(self, hyper: Any) -> tuple[str, ...]:
        """The averages of the gradient and of its square."""
        return "exp_avg", "exp_avg_sq"

    def init_state(self, xp: Any, w: Array, hyper: Any) -> State:
        """Zeros."""
        return tuple([xp.zeros_like(w) for _ in self.state_names(hyper)])


def moments(state: State, g: Array, betas: tuple[float, float]) -> State:
    """The averages of the gradient and of its square, moved towards those of ``g``."""
    (m, v), (b1, b2) = state, betas
    return b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * (g * g)


def moments_numpy(state: State, g: Array, betas: tuple[float, float], a: Array) -> None:
    """`moments` in place."""
    (m, v), (b1, b2) = state, betas
    np.multiply(m, b1, m)
    np.add(m, np.multiply(g, 1 - b1, a), m)
    np.multiply(v, b2, v)
    np.add(v, np.multiply(np.multiply(g, g, a), 1 - b2, a), v)


class Adam(Moments):
    """Adam (Kingma and Ba, 2015, algorithm 1), with bias correction.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
    lr : float
    betas : tuple of float
        How slowly the averages of the gradient and of its square change.
    eps : float
        Added to the root of the averaged square.
    weight_decay : float
        Adds ``weight_decay * w`` to the gradient; `AdamW` decays apart from it.
    amsgrad : bool
        Divide by the largest averaged square so far (Reddi, Kale and Kumar, 2018).
    maximize : bool
        Go up, not down.
    decoupled_weight_decay : bool
        What `AdamW` does.
    **switches
        PyTorch's, see `Optimizer`.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> w = nn.Parameter([1.0, -2.0])
    >>> optimizer = nn.optim.Adam([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data
    array([ 0.5, -1.5], dtype=float32)
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
        **switches: Unpack[Switches],
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults, switches)

    def state_names(self, hyper: Any) -> tuple[str, ...]:
        """The averages of the gradient and of its square, and the largest of the latter."""
        return ("exp_avg", "exp_avg_sq") + ("max_exp_avg_sq",) * bool(hyper.amsgrad)

    @staticmethod
    def _corrected(hyper: Any) -> tuple[float, float]:
        """Step size and eps with the bias correction of both averages folded in."""
        b1, b2 = hyper.betas
        root = math.sqrt(1 - b2**hyper.t)
        return hyper.lr * root / (1 - b1**hyper.t), hyper.eps * root

    def update(self, xp: Any, w: Array, g: Array, state: State, hyper: Any) -> tuple[Array, State]:
        """One step on one parameter."""
        w, g = minimized(w, g, hyper, hyper.decoupled_weight_decay)
        m, v = moments(state[:2], g, hyper.betas)
        state = (m, v, xp.maximum(state[2], v)) if hyper.amsgrad else (m, v)
        rate, eps = self._corrected(hyper)
        return w - rate * (m / (xp.sqrt(state[-1]) + eps)), state

    def update_numpy(self, w: Array, g: Array, state: State, hyper: Any, scratch: State) -> None:
        """`update` in place."""
        a, c = scratch
        g = minimized_numpy(w, g, hyper, c, hyper.decoupled_weight_decay)
        moments_numpy(state[:2], g, hyper.betas, a)
        if hyper.amsgrad:
            np.maximum(state[2], state[1], out=state[2])
        rate, eps = self._corrected(hyper)
        np.add(np.sqrt(state[-1], a), eps, a)
        np.divide(state[0], a, a)
        np.subtract(w, np.multiply(a, rate, a), w)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019).

    The parameters are multiplied by ``1 - lr * weight_decay`` before Adam's step.

    Parameters
    ----------
    params, lr, betas, eps, weight_decay, amsgrad, maximize, **switches
        As for `Adam`.
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        **switches: Unpack[Switches],
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            maximize=maximize,
            decoupled_weight_decay=True,
            **switches,
        )
