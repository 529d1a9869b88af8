"""The restricted Boltzmann machine."""

import math
from collections.abc import Sequence
from typing import Any

import autodiff as ad

from .. import functional, init
from ..module import Module
from ..parameter import Buffer, Parameter
from ..train import History
from .fitting import Inputs, fit

ENUMERABLE = 20
"""Units up to which all states of a layer are gone through."""


class RBM(Module):
    """A restricted Boltzmann machine: a layer that learns what its inputs look like, unlabelled.

    Visible units ``v`` and binary hidden units ``h`` have the energy

    - ``-v @ a - h @ b - h @ weight @ v`` if the visible units are binary;
    - ``sum((v - a)**2) / 2 - h @ b - h @ weight @ v`` if they are Gaussian, of variance 1,

    with ``a = visible_bias`` and ``b = hidden_bias``, and the probability ``exp(-energy) / Z``. The
    module itself is the way up, ``sigmoid(v @ weight.T + b)``, so that ``weight`` and
    ``hidden_bias`` are those of a `Linear` layer before a `Sigmoid`.

    Binary units take values from 0 to 1, read as probabilities. Data for Gaussian units must have
    mean 0 and variance 1 in each column; the variance is not learned, and rates are to be a tenth
    or less of those for binary units (Hinton, 2010, section 13.2).

    Sources: Hinton, "Training products of experts by minimizing contrastive divergence", 2002; "A
    practical guide to training restricted Boltzmann machines", 2010.

    Parameters
    ----------
    visible, hidden : int
        How many units there are.
    units : {"bernoulli", "gaussian"}
        What the visible units are.
    weight_init : callable or str, optional
        What fills the weight in place, or its name; N(0, 0.01²) if not given (2010, section 8).
    dtype, device : optional
        The defaults of the library if not given.
    generator : ad.random.Generator, optional
        What initial values and samples are drawn from.

    Attributes
    ----------
    weight : Parameter, shape (hidden, visible)
    visible_bias : Parameter, shape (visible,)
    hidden_bias : Parameter, shape (hidden,)
    chains : Buffer, shape (n, visible), or None
        Where persistent chains are; no part of the ``state_dict``.

    Examples
    --------
    Any optimizer trains it:

    >>> import autodiff as ad, nn
    >>> ad.manual_seed(0)
    >>> rbm = nn.RBM(4, 8)
    >>> optimizer = nn.optim.SGD(rbm.parameters(), lr=1.0)
    >>> stripes = ad.tensor([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]] * 20)
    >>> for _ in range(200):
    ...     optimizer.zero_grad()
    ...     rbm.contrastive_divergence(stripes).backward()
    ...     optimizer.step()
    >>> rbm.reconstruction_error(stripes).item() < 0.01
    True
    >>> more = rbm.free_energy(ad.tensor([1.0, 0.0, 1.0, 0.0])) - rbm.free_energy(stripes[0])
    >>> more.item() > 3  # a pattern that was never seen is less likely by a factor of exp(3)
    True
    """

    def __init__(
        self,
        visible: int,
        hidden: int,
        units: str = "bernoulli",
        *,
        weight_init: init.Initializer | None = None,
        dtype: Any = None,
        device: str | None = None,
        generator: ad.random.Generator | None = None,
    ) -> None:
        if min(visible, hidden) < 1:
            raise ValueError(f"RBM({visible}, {hidden}): sizes must be positive")
        if units not in ("bernoulli", "gaussian"):
            raise ValueError(f"RBM: units must be 'bernoulli' or 'gaussian', not {units!r}")
        self.visible, self.hidden, self.units = visible, hidden, units
        self.generator = generator
        where = {"dtype": dtype, "device": device}
        self.weight = Parameter(ad.zeros((hidden, visible), **where))
        self.visible_bias = Parameter(ad.zeros(visible, **where))
        self.hidden_bias = Parameter(ad.zeros(hidden, **where))
        self.chains: Buffer | None = None
        if weight_init is None:
            init.normal_(self.weight, std=0.01, generator=generator)
        else:
            init.initialize(weight_init, self.weight, generator)

    # ------------------------------------------------------------ up and down
    def forward(self, v: Any) -> Any:
        """The probability that each hidden unit is 1, given the visible ones."""
        return ad.sigmoid(functional.linear(v, self.weight, self.hidden_bias))

    def down(self, h: Any) -> Any:
        """The mean of each visible unit, given the hidden ones: a probability, or a number."""
        x = h @ self.weight + self.visible_bias
        return x if self.units == "gaussian" else ad.sigmoid(x)

    def sample_hidden(self, v: Any) -> Any:
        """Hidden units drawn given the visible ones: zeros and ones."""
        with ad.no_grad():
            return self._binary(self(v))

    def sample_visible(self, h: Any) -> Any:
        """Visible units drawn given the hidden ones."""
        with ad.no_grad():
            mean = self.down(h)
            return self._binary(mean) if self.units == "bernoulli" else self._noisy(mean)

    def gibbs(self, v: Any, k: int = 1, means: bool = False) -> Any:
        """Visible units after ``k`` steps of Gibbs sampling, each up and down again.

        With ``means`` the hidden units alone are drawn; each way down gives means.
        """
        if k < 1:
            raise ValueError(f"RBM: k={k} steps of Gibbs sampling; there must be at least 1")
        with ad.no_grad():
            for _ in range(k):
                h = self.sample_hidden(v)
                v = self.down(h) if means else self.sample_visible(h)
        return v

    def _binary(self, p: ad.Tensor) -> Any:
        how: dict[str, Any] = {"device": p.device, "generator": self.generator}
        return (ad.random.uniform(p.shape, dtype=p.dtype, **how) < p).astype(p.dtype)

    def _noisy(self, mean: ad.Tensor) -> Any:
        how: dict[str, Any] = {"device": mean.device, "generator": self.generator}
        return mean + ad.random.normal(mean.shape, dtype=mean.dtype, **how)

    # ------------------------------------------------------------ energies
    def free_energy(self, v: Any) -> Any:
        """``-log`` of the sum of ``exp(-energy)`` over all hidden states; one for each example."""
        softplus = ad.softplus(functional.linear(v, self.weight, self.hidden_bias))
        if self.units == "gaussian":
            away = v - self.visible_bias
            energy = 0.5 * ad.sum(away * away, axis=-1)
        else:
            energy = -(v @ self.visible_bias)
        return energy - ad.sum(softplus, axis=-1)

    def log_partition(self) -> Any:
        """``log Z``, exactly: all states of one layer are gone through.

        Differentiable, so that ``(rbm.free_energy(v) + rbm.log_partition()).mean()`` is the
        negative log-likelihood with its exact gradient, which contrastive divergence approximates.

        Raises
        ------
        ValueError
            If both layers have more than 20 units, or the hidden one has where the visible units
            are Gaussian.

        Examples
        --------
        >>> import nn
        >>> zeros = nn.RBM(3, 2, weight_init="zeros")
        >>> round(zeros.log_partition().exp().item(), 3)  # 2**5 states of energy 0
        32.0
        """
        gaussian = self.units == "gaussian"
        through = self.hidden if gaussian else min(self.visible, self.hidden)
        if through > ENUMERABLE:
            which = "the hidden layer" if gaussian else "one layer"
            raise ValueError(
                f"RBM.log_partition: {self.visible} visible and {self.hidden} hidden units have "
                f"too many states to go through; {which} must have at most {ENUMERABLE} units"
            )
        states = self._states(through)
        if not gaussian and through == self.visible:
            return ad.logsumexp(-self.free_energy(states))
        x, h = states @ self.weight, states @ self.hidden_bias
        if gaussian:  # the integral over v, whose mean is x + a
            each = 0.5 * ad.sum(x * x, axis=1) + x @ self.visible_bias
            return ad.logsumexp(h + each) + 0.5 * self.visible * math.log(2 * math.pi)
        return ad.logsumexp(h + ad.sum(ad.softplus(x + self.visible_bias), axis=1))

    def _states(self, n: int) -> Any:
        """All states of ``n`` binary units, one a row."""
        where = self.weight.device
        numbers = ad.expand_dims(ad.arange(2**n, device=where), 1)
        return (numbers // 2 ** ad.arange(n, device=where) % 2).astype(self.weight.dtype)

    # ------------------------------------------------------------ learning
    def contrastive_divergence(
        self, v: Any, k: int = 1, persistent: bool = False, means: bool = False
    ) -> Any:
        """A loss whose gradient is that of contrastive divergence, CD-k.

        It is the mean free energy of the data less that of samples, which are constants: its value
        says nothing, since the samples move with the parameters. `reconstruction_error` and
        `pseudo_likelihood` say how learning goes.

        Parameters
        ----------
        v : Tensor, shape (n, visible)
        k : int
            How many steps of Gibbs sampling the samples are from where they begin.
        persistent : bool
            Begin where the samples of the last call ended, and not at the data (Tieleman, 2008):
            nearer to the gradient of the likelihood, with small rates. The first call begins at its
            data.
        means : bool
            Draw hidden units alone (Hinton, 2010, section 3.2): less noise, and right where the
            data are themselves probabilities or shades of grey, which zeros and ones are not like.

        Returns
        -------
        Tensor
            0-d; ``backward()`` sets the gradients.
        """
        start = v
        if persistent and self.chains is not None:
            start = self.chains
        samples = self.gibbs(start, k, means)
        if persistent:
            self.chains = Buffer(samples, persistent=False)
        return ad.mean(self.free_energy(v)) - ad.mean(self.free_energy(samples))

    def reconstruction_error(self, v: Any) -> Any:
        """The mean squared difference between ``v`` and what its hidden probabilities give back.

        Easy to compute and to be distrusted: it is not what is minimized, and it also falls where
        the chain mixes badly (Hinton, 2010, section 5).
        """
        with ad.no_grad():
            off = self.down(self(v)) - v
            return ad.mean(off * off)

    def pseudo_likelihood(self, v: Any) -> Any:
        """An unbiased estimate of ``sum(log p(v[i] | all others))``, the mean over examples.

        One unit of each example, drawn at random, is flipped, and the change is taken times the
        number of units. For binary units and data.
        """
        if self.units == "gaussian":
            raise ValueError("RBM.pseudo_likelihood is for binary visible units, not Gaussian ones")
        with ad.no_grad():
            n = len(v)
            how: dict[str, Any] = {"device": v.device, "generator": self.generator}
            flipped = ad.random.integers(self.visible, shape=(n, 1), **how)
            there = ad.arange(self.visible, device=v.device) == flipped
            less = self.free_energy(v) - self.free_energy(ad.where(there, 1.0 - v, v))
            return -self.visible * ad.mean(ad.softplus(less))

    def fit(
        self,
        data: Any,
        *,
        epochs: int,
        lr: float | None = None,
        batch_size: int = 100,
        k: int = 1,
        persistent: bool = False,
        means: bool = True,
        weight_decay: float = 2e-4,
        callbacks: Sequence[Any] = (),
        seed: int | None = None,
    ) -> History:
        """Train by contrastive divergence with the recipe of Hinton's guide.

        Momentum is 0.5 in the first five epochs and 0.9 after them; the weight decays, the biases
        do not. Visible biases that are all 0 begin at the data: ``log(p / (1 - p))`` of the share
        ``p`` of ones, or the mean.

        Parameters
        ----------
        data : array, Tensor, Dataset or DataLoader
            Of a batch that is a tuple the first part is taken, and its axes after the first are
            flattened.
        epochs : int
        lr : float, optional
            0.1 for binary visible units and 0.001 for Gaussian ones, if not given.
        batch_size : int
            Unless ``data`` is a loader.
        k, persistent, means
            As for `contrastive_divergence`.
        weight_decay : float
        callbacks : sequence
            As for `nn.train.Trainer`.
        seed : int, optional
            Of the order of the data, unless it is a loader.

        Returns
        -------
        History
            ``history["reconstruction"]`` is `reconstruction_error` of each epoch.

        Examples
        --------
        >>> import autodiff as ad, nn
        >>> ad.manual_seed(0)
        >>> train, _ = nn.datasets.digits()
        >>> history = nn.RBM(64, 32).fit(train, epochs=3, batch_size=20, seed=0)
        >>> history["reconstruction"][0] > history["reconstruction"][-1]
        True
        """
        return fit(
            self, Inputs(data, lambda v: v, batch_size, seed), epochs=epochs, lr=lr, k=k,
            persistent=persistent, means=means, weight_decay=weight_decay, callbacks=callbacks,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """Sizes, as the constructor takes them."""
        units = "" if self.units == "bernoulli" else f", units={self.units!r}"
        return f"{self.visible}, {self.hidden}{units}"
