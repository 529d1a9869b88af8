"""Updates that look at a whole tensor: its norm, or its singular values."""

import math
from typing import Any, Unpack

import autodiff as ad

from .adam import Moments, moments
from .checks import not_negative
from .optimizer import Optimizer, Parameters, Switches
from .units import Array, State


def _norm(xp: Any, x: Array) -> Array:
    return xp.sqrt(xp.sum(x * x))


class LAMB(Moments):
    """Adam's step with the length of the parameter tensor, for large batches.

    You et al. (2020), algorithm 2: the step is ``r = m / (sqrt(v) + eps) + weight_decay * w``
    with corrected averages, and ``w = w - lr * norm(w) / norm(r) * r``. Where a norm is 0, their
    ratio counts as 1. Biases and scales are usually put into a group with
    ``weight_decay=0.0``.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
    lr : float
    betas : tuple of float
        How slowly the averages of the gradient and of its square change.
    eps : float
        Added to the root of the averaged square.
    weight_decay : float
        Added to the step before its length is measured.
    maximize : bool
        Go up, not down.
    **switches
        PyTorch's, see `Optimizer`.
    """

    elementwise = False

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 1e-2,
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

    def update(self, xp: Any, w: Array, g: Array, state: State, hyper: Any) -> tuple[Array, State]:
        """One step on one parameter."""
        m, v = moments(state, -g if hyper.maximize else g, hyper.betas)
        b1, b2 = hyper.betas
        root = xp.sqrt(v / (1 - b2**hyper.t)) + hyper.eps
        r = m / (1 - b1**hyper.t) / root
        if hyper.weight_decay:
            r = r + hyper.weight_decay * w
        length, step = _norm(xp, w), _norm(xp, r)
        both = (length > 0) & (step > 0)
        one = xp.ones_like(length)
        ratio = xp.where(both, length, one) / xp.where(both, step, one)
        return w - hyper.lr * ratio * r, (m, v)


class Muon(Optimizer):
    """Momentum whose singular values are made nearly equal (Jordan et al., 2024); for matrices.

    ``b = momentum * b + (1 - momentum) * g``; with Nesterov's momentum the step is
    ``momentum * b + (1 - momentum) * g``, else ``b``. Divided by its norm, it goes through
    ``ns_steps`` rounds of ``x = a * x + (b * x @ x.T + c * (x @ x.T) @ (x @ x.T)) @ x``
    (Newton and Schulz), which take its singular values close to 1. It is for the matrices of
    hidden layers; biases, embeddings and the last layer are left to another optimizer.

    PyTorch computes these rounds in bfloat16, about three digits; here they have the dtype of the
    parameter.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        With two axes each.
    lr : float
    weight_decay : float
        Decoupled.
    momentum : float
    nesterov : bool
    ns_coefficients : tuple of float
        ``a``, ``b`` and ``c``.
    eps : float
        The least norm to divide by.
    ns_steps : int
    adjust_lr_fn : "original" or "match_rms_adamw", optional
        The factor of ``lr`` for a matrix of `n` rows and `m` columns: ``sqrt(max(1, n / m))``
        (the default), or ``0.2 * sqrt(max(n, m))``, with which a step is about as long as one of
        AdamW (Liu et al., 2025).
    """

    elementwise = False

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": tuple(ns_coefficients),
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)

    def check(self, hyper: Any) -> None:
        """Raise ``ValueError`` for hyperparameters that make no sense."""
        not_negative(self, hyper, "lr", "weight_decay", "momentum", "eps", "ns_steps")
        if len(hyper.ns_coefficients) != 3:
            raise ValueError(f"Muon: ns_coefficients={hyper.ns_coefficients} must be three numbers")
        if hyper.adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(
                f'Muon: adjust_lr_fn={hyper.adjust_lr_fn!r} must be "original" or "match_rms_adamw"'
            )

    def check_parameter(self, parameter: ad.Tensor, called: str) -> None:
        """Raise ``ValueError`` for anything but a matrix."""
        super().check_parameter(parameter, called)
        if parameter.ndim != 2:
            raise ValueError(
                f"{called} is no matrix, and Muon steps only those; give it to another optimizer"
            )

    def state_names(self, hyper: Any) -> tuple[str, ...]:
        """The momentum."""
        return ("momentum_buffer",)

    def init_state(self, xp: Any, w: Array, hyper: Any) -> State:
        """Zeros."""
        return (xp.zeros_like(w),)

    def update(self, xp: Any, w: Array, g: Array, state: State, hyper: Any) -> tuple[Array, State]:
        """One step on one parameter."""
        w = (1 - hyper.lr * hyper.weight_decay) * w
        momentum = hyper.momentum
        b = momentum * state[0] + (1 - momentum) * g
        step = momentum * b + (1 - momentum) * g if hyper.nesterov else b
        rows, columns = w.shape
        factor = math.sqrt(max(1.0, rows / max(columns, 1)))
        if hyper.adjust_lr_fn == "match_rms_adamw":
            factor = 0.2 * math.sqrt(max(rows, columns))
        return w - hyper.lr * factor * _equalized(xp, step, hyper), (b,)


def _equalized(xp: Any, x: Array, hyper: Any) -> Array:
    """A matrix with the singular vectors of ``x`` and singular values close to 1."""
    if tall := x.shape[0] > x.shape[1]:
        x = x.T
    x = x / xp.maximum(_norm(xp, x), hyper.eps)
    a, b, c = hyper.ns_coefficients
    for _ in range(hyper.ns_steps):
        gram = xp.matmul(x, x.T)
        x = a * x + xp.matmul(b * gram + c * xp.matmul(gram, gram), x)
    return x.T if tall else x
