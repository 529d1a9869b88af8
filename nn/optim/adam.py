"""Adam, and its variant with decoupled weight decay."""

import math
from typing import Any, ClassVar

import numpy as np

from .optimizer import Optimizer, Parameters
from .units import Array, State


class Adam(Optimizer):
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

    scratch = 2
    decoupled: ClassVar[bool] = False

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params, {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay}
        )

    def check(self, hyper: Any) -> None:
        """Raise ``ValueError`` for hyperparameters that make no sense."""
        name = type(self).__name__
        if hyper.lr < 0 or hyper.eps < 0 or hyper.weight_decay < 0:
            raise ValueError(
                f"{name}: lr={hyper.lr}, eps={hyper.eps} and weight_decay={hyper.weight_decay} "
                "must not be negative"
            )
        if len(hyper.betas) != 2 or not all(0 <= beta < 1 for beta in hyper.betas):
            raise ValueError(f"{name}: betas={hyper.betas} must be two numbers from 0, below 1")

    def state_names(self, hyper: Any) -> tuple[str, ...]:
        """The averages of the gradient and of its square."""
        return "exp_avg", "exp_avg_sq"

    def init_state(self, xp: Any, w: Array, hyper: Any) -> State:
        """Averages of zeros."""
        return xp.zeros_like(w), xp.zeros_like(w)

    @staticmethod
    def _corrected(hyper: Any) -> tuple[float, float]:
        """Step size and eps with the bias correction of both averages folded in."""
        b1, b2 = hyper.betas
        root = math.sqrt(1 - b2**hyper.t)
        return hyper.lr * root / (1 - b1**hyper.t), hyper.eps * root

    def update(self, xp: Any, w: Array, g: Array, state: State, hyper: Any) -> tuple[Array, State]:
        """One step on one parameter."""
        m, v = state
        b1, b2 = hyper.betas
        if hyper.weight_decay and self.decoupled:
            w = (1 - hyper.lr * hyper.weight_decay) * w
        elif hyper.weight_decay:
            g = hyper.weight_decay * w + g
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * (g * g)
        rate, eps = self._corrected(hyper)
        return w - rate * (m / (xp.sqrt(v) + eps)), (m, v)

    def update_numpy(self, w: Array, g: Array, state: State, hyper: Any, scratch: State) -> None:
        """`update` in place."""
        m, v = state
        b1, b2 = hyper.betas
        a, c = scratch
        if hyper.weight_decay and self.decoupled:
            np.multiply(w, 1 - hyper.lr * hyper.weight_decay, w)
        elif hyper.weight_decay:
            g = np.add(np.multiply(w, hyper.weight_decay, c), g, c)
        np.multiply(m, b1, m)
        np.add(m, np.multiply(g, 1 - b1, a), m)
        np.multiply(v, b2, v)
        np.multiply(np.multiply(g, g, a), 1 - b2, a)
        np.add(v, a, v)
        rate, eps = self._corrected(hyper)
        np.add(np.sqrt(v, a), eps, a)
        np.divide(m, a, a)
        np.subtract(w, np.multiply(a, rate, a), w)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019).

    The parameters are multiplied by ``1 - lr * weight_decay`` before Adam's step.
    """

    decoupled = True

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)
