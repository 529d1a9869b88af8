"""Steps that depend on the signs of gradients, not on their sizes."""

from typing import Any, Unpack

import numpy as np

from .checks import not_negative, two_fractions
from .decay import minimized, minimized_numpy
from .optimizer import Optimizer, Parameters, Switches
from .units import Array, State


class Lion(Optimizer):
    """Steps of one size, in the direction of the momentum's sign (Chen et al., 2023, algorithm 2).

    ``u = sign(beta1 * m + (1 - beta1) * g)``, ``w = w - lr * (u + weight_decay * w)`` and
    ``m = beta2 * m + (1 - beta2) * g``.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
    lr : float
        Three to ten times smaller than for `AdamW`, as the paper advises.
    betas : tuple of float
        How much of the momentum a step takes, and how slowly the momentum changes.
    weight_decay : float
        Decoupled; three to ten times larger than for `AdamW`.
    maximize : bool
        Go up, not down.
    **switches
        PyTorch's, see `Optimizer`.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> w = nn.Parameter([1.0, -2.0])
    >>> optimizer = nn.optim.Lion([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data
    array([ 0.5, -1.5], dtype=float32)
    """

    scratch = 3

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **switches: Unpack[Switches],
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults, switches)

    def check(self, hyper: Any) -> None:
        """Raise ``ValueError`` for hyperparameters that make no sense."""
        not_negative(self, hyper, "lr", "weight_decay")
        two_fractions(self, "betas", hyper.betas)

    def state_names(self, hyper: Any) -> tuple[str, ...]:
        """The momentum."""
        return ("exp_avg",)

    def init_state(self, xp: Any, w: Array, hyper: Any) -> State:
        """Zeros."""
        return (xp.zeros_like(w),)

    def update(self, xp: Any, w: Array, g: Array, state: State, hyper: Any) -> tuple[Array, State]:
        """One step on one parameter."""
        w, g = minimized(w, g, hyper, decoupled=True)
        b1, b2 = hyper.betas
        (m,) = state
        w = w - hyper.lr * xp.sign(b1 * m + (1 - b1) * g)
        return w, (b2 * m + (1 - b2) * g,)

    def update_numpy(self, w: Array, g: Array, state: State, hyper: Any, scratch: State) -> None:
        """`update` in place."""
        (m,), (a, b, c) = state, scratch
        b1, b2 = hyper.betas
        g = minimized_numpy(w, g, hyper, c, decoupled=True)
        np.add(np.multiply(m, b1, a), np.multiply(g, 1 - b1, b), a)
        np.subtract(w, np.multiply(np.sign(a, a), hyper.lr, a), w)
        np.multiply(m, b2, m)
        np.add(m, np.multiply(g, 1 - b2, b), m)


class Rprop(Optimizer):
    """A step size for each weight: it grows while the gradient's sign stays, else it shrinks.

    Riedmiller and Braun (1993), without going back (Igel and Huesken, 2000, Rprop-): where the
    sign has changed the weight waits for one step. For gradients of the whole data set; those of
    batches change their signs by chance.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
    lr : float
        The first step size.
    etas : tuple of float
        Factors of shrinking and of growing.
    step_sizes : tuple of float
        The smallest step size and the largest.
    maximize : bool
        Go up, not down.
    **switches
        PyTorch's, see `Optimizer`.
    """

    scratch = 3

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        maximize: bool = False,
        **switches: Unpack[Switches],
    ) -> None:
        defaults = {
            "lr": lr,
            "etas": tuple(etas),
            "step_sizes": tuple(step_sizes),
            "maximize": maximize,
        }
        super().__init__(params, defaults, switches)

    def check(self, hyper: Any) -> None:
        """Raise ``ValueError`` for hyperparameters that make no sense."""
        not_negative(self, hyper, "lr")
        shrink, grow = hyper.etas
        if not 0 < shrink < 1 < grow:
            raise ValueError(f"Rprop: etas={hyper.etas} must be below and above 1, and positive")
        least, most = hyper.step_sizes
        if not 0 <= least <= most:
            raise ValueError(f"Rprop: step_sizes={hyper.step_sizes} must rise, from 0 on")

    def state_names(self, hyper: Any) -> tuple[str, ...]:
        """The last gradient, 0 where it was not followed, and the step sizes."""
        return "prev", "step_size"

    def init_state(self, xp: Any, w: Array, hyper: Any) -> State:
        """No gradient, and equal step sizes."""
        return xp.zeros_like(w), xp.full_like(w, hyper.lr)

    # What follows is arithmetic with signs, where `where` would do: it needs no masks in memory
    # and keeps the dtype. `s` is 1 where both gradients have one sign, -1 where they have two.
    def update(self, xp: Any, w: Array, g: Array, state: State, hyper: Any) -> tuple[Array, State]:
        """One step on one parameter."""
        g = -g if hyper.maximize else g
        previous, size = state
        shrink, grow = hyper.etas
        s = xp.sign(g) * xp.sign(previous)
        factor = xp.maximum(s, 0) * grow - xp.minimum(s, 0) * shrink + (1 - s * s)
        size = xp.clip(size * factor, *hyper.step_sizes)
        g = g * xp.minimum(s + 1, 1)
        return w - xp.sign(g) * size, (g, size)

    def update_numpy(self, w: Array, g: Array, state: State, hyper: Any, scratch: State) -> None:
        """`update` in place."""
        (previous, size), (a, b, c) = state, scratch
        (shrink, grow), (least, most) = hyper.etas, hyper.step_sizes
        s = np.multiply(np.sign(g, a), np.sign(previous, b), a)
        if hyper.maximize:
            np.negative(s, s)
        np.multiply(np.maximum(s, 0, out=b), grow, b)
        np.subtract(b, np.multiply(np.minimum(s, 0, out=c), shrink, c), b)
        np.add(b, np.subtract(1, np.multiply(s, s, c), c), b)
        np.clip(np.multiply(size, b, size), least, most, size)
        np.multiply(g, np.minimum(np.add(s, 1, s), 1, out=s), previous)
        if hyper.maximize:
            np.negative(previous, previous)
        np.subtract(w, np.multiply(np.sign(previous, a), size, a), w)
