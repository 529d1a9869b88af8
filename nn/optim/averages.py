"""Averages of a model's weights over the steps of its training."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

import autodiff as ad

from ..layers import BatchNorm1d, BatchNorm2d, BatchNorm3d
from ..module import Module
from ..parameter import Buffer, Parameter, raw_of
from ..swap import swapped
from .units import PIECE, Array


class Average:
    """Weights that follow those of a model; a subclass says how fast.

    They begin as copies; the first update copies too. The model is never written, unless by
    `copy_to`.

    Parameters
    ----------
    model : Module
    use_buffers : bool
        Average its float buffers too; all others are copied at each update.

    Attributes
    ----------
    model : Module
    n_averaged : int
        The number of updates.
    """

    def __init__(self, model: Module, *, use_buffers: bool = False) -> None:
        self.model = model
        self.use_buffers = use_buffers
        self.n_averaged = 0
        self._own = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        self._averages: dict[str, Parameter | Buffer] = {}
        for name, own in self._own.items():
            # Of half precision the averages are float32: a small part of a step would be lost.
            dtype = np.dtype(np.float32) if self._averaged(own) and _is_half(own) else own.dtype
            if isinstance(own, Buffer):
                self._averages[name] = Buffer(own.detach(), own.persistent, dtype=dtype)
            else:
                self._averages[name] = Parameter(own.detach(), False, dtype=dtype)

    def _averaged(self, own: ad.Tensor) -> bool:
        """Whether a tensor of the model is averaged, and not copied."""
        return isinstance(own, Parameter) or self.use_buffers and ad.backend.is_float(own.dtype)

    def weight(self, n: int) -> float:
        """How much of the way to the model's weights is gone after ``n`` updates."""
        raise NotImplementedError(f"{type(self).__name__} defines no weight(n)")

    def update(self) -> None:
        """Go towards the weights that the model has now: after each step of its optimizer."""
        weight = self.weight(self.n_averaged) if self.n_averaged else 1.0
        for name, own in self._own.items():
            average, raw = self._averages[name], own.data
            if average.device != own.device:
                average.data = ad.backend.to_device(average.data, own.device)
            if average.dtype != own.dtype and not _is_half(own):
                average.data = average.data.astype(own.dtype)
            if weight == 1.0 or not self._averaged(own):
                average.data[...] = raw
            else:
                _approach(average.data, raw, weight)
            ad.backend.stamp(average.data)
        self.n_averaged += 1

    @contextmanager
    def averages(self) -> Iterator[Module]:
        """The model with the averages in the place of its weights, inside the ``with`` block.

        Its own parameters and buffers are put aside, and come back as they were. Optimizers
        and graphs keep to them; the averages require no gradient.

        Examples
        --------
        >>> import autodiff as ad, nn
        >>> model = nn.Linear(1, 1, bias=False, weight_init="ones")
        >>> ema = nn.optim.EMA(model)
        >>> model.weight.data[...] = 5.0
        >>> with ema.averages():
        ...     print(model(ad.ones(1)).item())
        1.0
        """
        values = {
            name: Parameter(average, False, dtype=own.dtype)
            if average.dtype != own.dtype
            else average
            for (name, own), average in zip(self._own.items(), self._averages.values())
        }
        with swapped(self.model, values):
            yield self.model

    def update_bn(self, loader: Iterable[Any]) -> None:
        """Give the averages statistics of their own for batch normalization; see `update_bn`."""
        with self.averages() as model:
            update_bn(loader, model)

    def copy_to(self, model: Module | None = None) -> None:
        """Write the averages into a model of the same structure; into the model itself if None."""
        model = self.model if model is None else model
        targets = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        self._check({name: tensor.shape for name, tensor in targets.items()}, "the model has")
        for name, target in targets.items():
            target.data[...] = ad.backend.to_device(self._averages[name].data, target.device)
            ad.backend.stamp(target.data)

    def state_dict(self) -> dict[str, Any]:
        """The averages by name, sharing memory, and the number of updates."""
        averages = {name: average.detach() for name, average in self._averages.items()}
        return {"averages": averages, "n_averaged": self.n_averaged}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy what `state_dict` gave.

        Raises
        ------
        ValueError
            For names or shapes that differ; nothing is loaded then.
        """
        raw = {name: raw_of(value) for name, value in state["averages"].items()}
        self._check({name: value.shape for name, value in raw.items()}, "the saved state has")
        for name, average in self._averages.items():
            average.data[...] = ad.backend.to_device(raw[name], average.device)
            ad.backend.stamp(average.data)
        self.n_averaged = int(state["n_averaged"])

    def _check(self, found: dict[str, tuple[int, ...]], where: str) -> None:
        own = {name: average.shape for name, average in self._averages.items()}
        if found != own:
            names = [n for n in {**own, **found} if own.get(n) != found.get(n)]
            shown = "; ".join(f"{n}: {own.get(n)} here, {where} {found.get(n)}" for n in names)
            raise ValueError(f"{type(self).__name__}: {shown}")


class EMA(Average):
    """Exponential moving average of a model's weights.

    ``average = decay * average + (1 - decay) * weights`` at each `update`.

    Parameters
    ----------
    model : Module
    decay : float
        From 0 to 1; about the last ``1 / (1 - decay)`` updates count.
    use_buffers : bool
        Average its float buffers too; all others are copied at each update.
    warmup : bool
        Begin with smaller decays, ``min(decay, (1 + n) / (10 + n))`` after ``n`` updates, so that
        the first weights are soon forgotten.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> model = nn.Linear(1, 1, bias=False, weight_init="ones")
    >>> ema = nn.optim.EMA(model, decay=0.9)
    >>> for value in (1.0, 2.0):
    ...     model.weight.data[...] = value  # an optimizer's step
    ...     ema.update()
    >>> with ema.averages():
    ...     print(model(ad.ones(1)))
    tensor([1.1])
    """

    def __init__(
        self,
        model: Module,
        decay: float = 0.999,
        *,
        use_buffers: bool = False,
        warmup: bool = False,
    ) -> None:
        if not 0 <= decay <= 1:
            raise ValueError(f"EMA: decay={decay} must be from 0 to 1")
        super().__init__(model, use_buffers=use_buffers)
        self.decay = decay
        self.warmup = warmup

    def weight(self, n: int) -> float:
        """One minus the decay."""
        return 1 - min(self.decay, (1 + n) / (10 + n)) if self.warmup else 1 - self.decay


class SWA(Average):
    """Stochastic weight averaging (Izmailov et al., 2018): the mean of weights along the way.

    Update it at the end of each epoch, late in a training at a constant or cyclic rate
    (`schedule.SWALR`); afterwards call `update_bn` if the model normalizes batches.

    Parameters
    ----------
    model : Module
    use_buffers : bool
        Average its float buffers too; all others are copied at each update.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> model = nn.Linear(1, 1, bias=False)
    >>> swa = nn.optim.SWA(model)
    >>> for value in (1.0, 2.0, 6.0):
    ...     model.weight.data[...] = value  # an epoch
    ...     swa.update()
    >>> swa.copy_to(model)
    >>> model.weight.data
    array([[3.]], dtype=float32)
    """

    def weight(self, n: int) -> float:
        """One in all the updates with the next."""
        return 1 / (n + 1)


def update_bn(loader: Iterable[Any], model: Module) -> None:
    """Compute the statistics of all batch normalizations anew, as means over the batches.

    Parameters
    ----------
    loader : iterable
        Batches for the model; of a tuple or list, the first entry.
    model : Module
        It is run in training mode, without recording, and has its modes back afterwards.
    """
    norms = [m for m in model.modules() if isinstance(m, (BatchNorm1d, BatchNorm2d, BatchNorm3d))]
    layers = [layer for layer in norms if layer.running_mean is not None]
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    modes = [(module, module.training) for module in model.modules()]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the mean of all batches
    model.train()
    try:
        with ad.no_grad():
            for batch in loader:
                model(batch[0] if isinstance(batch, (list, tuple)) else batch)
    finally:
        for layer, momentum in zip(layers, momenta):
            layer.momentum = momentum
        for module, training in modes:
            module.training = training


def _is_half(tensor: ad.Tensor) -> bool:
    return ad.backend.is_float(tensor.dtype) and tensor.dtype.itemsize == 2


def _approach(average: Array, values: Array, weight: float) -> None:
    """``average += weight * (values - average)``, in place, and in pieces where it can be."""
    if type(average) is not np.ndarray or not average.flags.c_contiguous:
        step = values.astype(average.dtype, copy=False) - average
        step *= weight
        average += step
        return
    flat, goal = average.reshape(-1), values.reshape(-1)
    scratch = np.empty(min(flat.size, PIECE), average.dtype)
    for start in range(0, flat.size, PIECE):
        piece = flat[start : start + PIECE]
        step = np.subtract(goal[start : start + PIECE], piece, scratch[: piece.size])
        step *= weight
        piece += step
