"""Recurrent layers: whole sequences, in several layers and in both directions.

For each layer and direction the input is multiplied by its weights for all times at once; then
comes one step after another. The recorded graph is the unrolled network.
"""

import warnings
from typing import Any

import numpy as np

import autodiff as ad

from .. import functional, init
from ..functional.recurrence import time_steps
from ..parameter import Parameter
from .cells import Gated, LongShortTerm, Recurrent, Simple, State, Step


class Layers(Recurrent):
    """Several layers of one kind of recurrence."""

    proj_size = 0
    weight_hh_l0: ad.Tensor

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        weight_init: init.Initializer | None = None,
        recurrent_init: init.Initializer | None = None,
        bias_init: init.Initializer | None = None,
        dtype: Any = None,
        device: str | None = None,
        generator: ad.random.Generator | None = None,
    ) -> None:
        if input_size < 0 or hidden_size < 1 or num_layers < 1:
            raise ValueError(
                f"{self._name()}({input_size}, {hidden_size}, {num_layers}): input_size must not "
                "be negative, hidden_size and num_layers must be positive"
            )
        if not 0 <= dropout <= 1:
            raise ValueError(f"{self._name()}: dropout={dropout} must be from 0 to 1")
        if dropout and num_layers == 1:
            warnings.warn(
                f"{self._name()}: dropout={dropout} is between layers, and there is only one",
                stacklevel=3,
            )
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = dropout
        self.bidirectional = bidirectional
        outputs = self._sizes()[0]
        for layer in range(num_layers):
            for suffix in self._suffixes(layer):
                self._add_weights(
                    suffix,
                    outputs * (1 + bidirectional) if layer else input_size,
                    outputs,
                    weight_init=weight_init,
                    recurrent_init=recurrent_init,
                    bias_init=bias_init,
                    dtype=dtype,
                    device=device,
                    generator=generator,
                )

    def _suffixes(self, layer: int) -> list[str]:
        """How the weights of a layer end: forward, and backward if there is that."""
        return [f"_l{layer}", f"_l{layer}_reverse"][: 1 + self.bidirectional]

    def flatten_parameters(self) -> None:
        """Do nothing; PyTorch's layers move their weights together for cuDNN."""

    def forward(self, input: Any, hx: Any = None, *, lengths: Any = None) -> tuple[Any, Any]:
        """Run over sequences.

        Parameters
        ----------
        input : array, shape (time, batch, input_size)
            ``(batch, time, input_size)`` with ``batch_first``; ``(time, input_size)`` is one
            sequence without a batch.
        hx : array, shape (num_layers * directions, batch, hidden_size), optional
            The states before the first step, zeros if not given; for an LSTM a tuple
            ``(h, c)``. Without a batch it has no batch axis.
        lengths : array or sequence of int, shape (batch,), optional
            How long each sequence is, in any order; what is past its end is not looked at. The
            backward direction starts at each sequence's own end.

        Returns
        -------
        output : Tensor, shape (time, batch, directions * hidden_size)
            The last layer's states at all times, the backward direction's after the forward
            ones; 0 past a sequence's end. ``batch_first`` applies.
        hx : Tensor or tuple of Tensor
            The states after each sequence's last step, shaped as the given ones.
        """
        x = ad.asarray(input)
        order = "(batch, time, input_size)" if self.batch_first else "(time, batch, input_size)"
        batched = self._require_input(x, 3, order, "(time, input_size)")
        if not batched:
            x = ad.expand_dims(x, 1)
        elif self.batch_first:
            x = ad.swapaxes(x, 0, 1)
        steps, batch, _ = x.shape
        if not steps:
            raise ValueError(f"{self._name()}: input of shape {x.shape} has no steps in time")
        valid = None
        if lengths is not None:
            if not batched:
                raise ValueError(f"{self._name()}: lengths need a batch, and there is none")
            valid = self._valid(lengths, steps, batch, x.device)
            x = ad.where(valid, x, 0)

        states = self._initial(hx, x, batched)
        ends: list[State] = []
        for layer in range(self.num_layers):
            if layer and self.dropout:
                x = functional.dropout(x, self.dropout, self.training)
            outputs = []
            for suffix in self._suffixes(layer):
                output, end = self._scan(x, states[len(ends)], suffix, valid)
                outputs.append(output)
                ends.append(end)
            x = ad.concatenate(outputs, axis=-1) if self.bidirectional else outputs[0]

        if valid is not None:
            x = ad.where(valid, x, 0)
        final = tuple([ad.stack(parts) for parts in zip(*ends, strict=True)])
        if not batched:
            return ad.squeeze(x, 1), self._given_back(tuple([ad.squeeze(h, 1) for h in final]))
        return ad.swapaxes(x, 0, 1) if self.batch_first else x, self._given_back(final)

    def _scan(self, x: Any, state: State, suffix: str, valid: Any) -> tuple[Any, State]:
        """One layer in one direction: its states at all times, and the last."""
        step = self._step(suffix)
        shares = time_steps(self._share(x, suffix))
        inside = None if valid is None else time_steps(valid)
        outputs: list[Any] = [None] * len(shares)
        times = range(len(shares))
        for t in reversed(times) if suffix.endswith("_reverse") else times:
            after = step(shares[t], state)
            if inside is not None:  # a sequence that is over keeps its state
                pairs = zip(after, state, strict=True)
                after = tuple([ad.where(inside[t], new, old) for new, old in pairs])
            state = after
            outputs[t] = state[0]
        return ad.stack(outputs), state

    def _initial(self, hx: Any, x: Any, batched: bool) -> list[State]:
        """The states before the first step, for every layer and direction."""
        count = self.num_layers * (1 + self.bidirectional)
        batch = x.shape[1]
        if hx is None:
            dtype = self.weight_hh_l0.dtype
            zeros = [ad.zeros((batch, n), dtype=dtype, device=x.device) for n in self._sizes()]
            return [tuple(zeros)] * count
        axes = (count, batch) if batched else (count,)
        shapes = [(*axes, n) for n in self._sizes()]
        parts = self._taken(hx, shapes)
        if not batched:
            parts = tuple([ad.expand_dims(h, 1) for h in parts])
        return list(zip(*[time_steps(h) for h in parts], strict=True))

    def _valid(self, lengths: Any, steps: int, batch: int, device: str) -> Any:
        """Which places are inside their sequence: (time, batch, 1)."""
        given = ad.asarray(lengths)
        raw = given.data
        if raw.shape != (batch,) or raw.dtype.kind not in "iu":
            raise ValueError(
                f"{self._name()}: lengths have shape {raw.shape} and dtype {raw.dtype}; they must "
                f"be integers of shape ({batch},), one for each sequence"
            )
        if isinstance(raw, np.ndarray) and not ((raw >= 0) & (raw <= steps)).all():
            raise ValueError(
                f"{self._name()}: lengths {raw.tolist()} must be from 0 to {steps}, the number of "
                "steps in the input"
            )
        times = ad.arange(steps, device=device)
        return ad.expand_dims(ad.expand_dims(times, 1) < given.to(device), -1)

    def extra_repr(self) -> str:
        """Sizes, as the constructor takes them, and what is not the default."""
        words = [str(self.input_size), str(self.hidden_size)]
        words += [
            f"{name}={value!r}"
            for name, default in self._defaults().items()
            if (value := getattr(self, name)) != default
        ]
        return ", ".join(words)

    def _defaults(self) -> dict[str, Any]:
        return {
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0.0,
            "bidirectional": False,
        }


class RNN(Simple, Layers):
    r"""A simple recurrent network, or several on top of each other.

    .. math:: h_t = \tanh(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh})

    Source: Elman, "Finding structure in time", 1990.

    Parameters
    ----------
    input_size, hidden_size : int
    num_layers : int
        Each further layer takes the outputs of the one before.
    nonlinearity : str
        ``"tanh"`` or ``"relu"``.
    bias : bool
        Whether there are biases.
    batch_first : bool
        Whether input and output are ``(batch, time, features)``; states never are.
    dropout : float
        The probability with which outputs of all layers but the last are left out in training.
    bidirectional : bool
        Whether a second network, with weights of its own, runs from the end to the beginning.
    **options
        By keyword: ``weight_init`` (Glorot uniform), ``recurrent_init`` (orthogonal),
        ``bias_init`` (0), ``dtype``, ``device``, ``generator``, as in `Linear`.

    Attributes
    ----------
    weight_ih_l0 : Parameter, shape (hidden_size, input_size)
    weight_hh_l0 : Parameter, shape (hidden_size, hidden_size)
    bias_ih_l0, bias_hh_l0 : Parameter, shape (hidden_size,), or None
        And so on for ``_l1``; ``_l0_reverse`` are those of the backward direction.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> output, h = nn.RNN(3, 4, num_layers=2)(ad.ones((5, 2, 3)))
    >>> output.shape, h.shape
    ((5, 2, 4), (2, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        **options: Any,
    ) -> None:
        self._set_nonlinearity(nonlinearity)
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            **options,
        )  # fmt: skip

    def _defaults(self) -> dict[str, Any]:
        return {"nonlinearity": "tanh", **super()._defaults()}


class LSTM(LongShortTerm, Layers):
    r"""Long short-term memory, or several on top of each other.

    .. math::
        i, f, o &= \sigma(W_{i,f,o}\, x_t + b_{i,f,o} + V_{i,f,o}\, h_{t-1} + d_{i,f,o}) \\
        g &= \tanh(W_g x_t + b_g + V_g h_{t-1} + d_g) \\
        c_t &= f \odot c_{t-1} + i \odot g \\
        h_t &= o \odot \tanh(c_t)

    where W, V, b, d are the blocks of ``weight_ih``, ``weight_hh``, ``bias_ih``, ``bias_hh`` in
    the order i, f, g, o. Sources: Hochreiter & Schmidhuber, "Long short-term memory", 1997; the
    forget gate: Gers, Schmidhuber & Cummins, "Learning to forget", 2000; the projection: Sak,
    Senior & Beaufays, "Long short-term memory recurrent neural network architectures", 2014.

    Parameters
    ----------
    input_size, hidden_size : int
    num_layers : int
        Each further layer takes the outputs of the one before.
    bias : bool
        Whether there are biases.
    batch_first : bool
        Whether input and output are ``(batch, time, features)``; states never are.
    dropout : float
        The probability with which outputs of all layers but the last are left out in training.
    bidirectional : bool
        Whether a second network, with weights of its own, runs from the end to the beginning.
    proj_size : int
        If not 0, outputs are multiplied by a matrix ``weight_hr`` with so many rows.
    forget_bias : float
        What the forget gates' part of ``bias_ih`` starts with, over ``bias_init``. At 0 half of
        the cell state, and of its gradient, is forgotten at each step; with 1 more than a
        quarter is. Jozefowicz, Zaremba & Sutskever, "An empirical exploration of recurrent
        network architectures", 2015, recommend 1; Keras starts with it.
    **options
        By keyword: ``weight_init`` (Glorot uniform for each gate), ``recurrent_init``
        (orthogonal for each gate), ``bias_init`` (0), ``dtype``, ``device``, ``generator``, as
        in `Linear`.

    Attributes
    ----------
    weight_ih_l0 : Parameter, shape (4 * hidden_size, input_size)
    weight_hh_l0 : Parameter, shape (4 * hidden_size, hidden_size)
        With a projection ``proj_size`` columns.
    bias_ih_l0, bias_hh_l0 : Parameter, shape (4 * hidden_size,), or None
    weight_hr_l0 : Parameter, shape (proj_size, hidden_size)
        With a projection. And so on for ``_l1``; ``_l0_reverse`` are those of the backward
        direction.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> lstm = nn.LSTM(3, 4, batch_first=True, bidirectional=True)
    >>> output, (h, c) = lstm(ad.ones((2, 5, 3)), lengths=[5, 2])
    >>> output.shape, h.shape
    ((2, 5, 8), (2, 2, 4))
    >>> output[1, 2:].any().item()
    False
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        *,
        forget_bias: float = 0.0,
        **options: Any,
    ) -> None:
        if not 0 <= proj_size < hidden_size:
            raise ValueError(
                f"LSTM: proj_size={proj_size} must be 0, for none, or smaller than "
                f"hidden_size={hidden_size}"
            )
        self.proj_size = proj_size
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            **options,
        )  # fmt: skip
        self._set_forget_bias(forget_bias)

    def _add_weights(self, suffix: str, inputs: int, outputs: int, **how: Any) -> None:
        super()._add_weights(suffix, inputs, outputs, **how)
        if self.proj_size:
            where = {"dtype": how["dtype"], "device": how["device"]}
            made = Parameter(ad.zeros((self.proj_size, self.hidden_size), **where))
            init.initialize(how["weight_init"] or init.xavier_uniform_, made, how["generator"])
            setattr(self, "weight_hr" + suffix, made)

    def _step(self, suffix: str) -> Step:
        step = super()._step(suffix)
        if not self.proj_size:
            return step
        w_hr = getattr(self, "weight_hr" + suffix)

        def projected(x: Any, state: State) -> State:
            h, c = step(x, state)
            return functional.linear(h, w_hr), c

        return projected

    def _sizes(self) -> tuple[int, ...]:
        return self.proj_size or self.hidden_size, self.hidden_size

    def _defaults(self) -> dict[str, Any]:
        return {**super()._defaults(), "proj_size": 0, "forget_bias": 0.0}


class GRU(Gated, Layers):
    r"""Gated recurrent units, or several layers of them on top of each other.

    .. math::
        r, z &= \sigma(W_{r,z}\, x_t + b_{r,z} + V_{r,z}\, h_{t-1} + d_{r,z}) \\
        n &= \tanh(W_n x_t + b_n + r \odot (V_n h_{t-1} + d_n)) \\
        h_t &= (1 - z) \odot n + z \odot h_{t-1}

    where W, V, b, d are the blocks of ``weight_ih``, ``weight_hh``, ``bias_ih``, ``bias_hh`` in
    the order r, z, n. Source: Cho et al., "Learning phrase representations using RNN
    encoder-decoder", 2014; the reset gate stands after the product with V, as in PyTorch.

    Parameters
    ----------
    input_size, hidden_size : int
    num_layers : int
        Each further layer takes the outputs of the one before.
    bias : bool
        Whether there are biases.
    batch_first : bool
        Whether input and output are ``(batch, time, features)``; states never are.
    dropout : float
        The probability with which outputs of all layers but the last are left out in training.
    bidirectional : bool
        Whether a second network, with weights of its own, runs from the end to the beginning.
    weight_init, recurrent_init, bias_init : callable or str, optional
        What fills the block of one gate; by default ``weight_ih`` is Glorot uniform,
        ``weight_hh`` orthogonal and the biases 0.
    dtype, device, generator : optional
        As in `Linear`.

    Attributes
    ----------
    weight_ih_l0 : Parameter, shape (3 * hidden_size, input_size)
    weight_hh_l0 : Parameter, shape (3 * hidden_size, hidden_size)
    bias_ih_l0, bias_hh_l0 : Parameter, shape (3 * hidden_size,), or None
        And so on for ``_l1``; ``_l0_reverse`` are those of the backward direction.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> output, h = nn.GRU(3, 4)(ad.ones((5, 2, 3)))
    >>> output.shape, h.shape
    ((5, 2, 4), (1, 2, 4))
    """
