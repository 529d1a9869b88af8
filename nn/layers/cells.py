"""Recurrent cells: one step in time. `recurrence` has the layers, which take whole sequences.

What kinds of recurrence have in common is `Recurrent`; `Simple`, `LongShortTerm` and `Gated` are
the kinds, each of which serves a cell and a layer.
"""

from collections.abc import Callable
from typing import Any

import autodiff as ad

from .. import functional, init
from ..module import Module
from ..parameter import Parameter

State = tuple[Any, ...]
Step = Callable[[Any, State], State]


class Recurrent(Module):
    """Weights of gates, and one step in time. Names end in ``suffix``, which cells have not."""

    gates = 1
    """How many blocks of ``hidden_size`` rows the weights have."""

    input_size: int
    hidden_size: int
    bias: bool

    def _add_weights(
        self,
        suffix: str,
        inputs: int,
        outputs: int,
        *,
        weight_init: init.Initializer | None,
        recurrent_init: init.Initializer | None,
        bias_init: init.Initializer | None,
        dtype: Any,
        device: str | None,
        generator: ad.random.Generator | None,
    ) -> None:
        """Make the weights of ``inputs`` values that come in and ``outputs`` that come back."""

        def add(name: str, initializer: init.Initializer, *shape: int) -> None:
            made = Parameter(ad.zeros((self.gates * self.hidden_size, *shape), **where))
            init.initialize(initializer, made, generator, blocks=self.gates)
            setattr(self, name + suffix, made)

        where = {"dtype": dtype, "device": device}
        add("weight_ih", weight_init or init.xavier_uniform_, inputs)
        add("weight_hh", recurrent_init or init.orthogonal_, outputs)
        for name in ("bias_ih", "bias_hh"):
            if self.bias:
                add(name, bias_init or init.zeros_)
            else:
                setattr(self, name + suffix, None)

    def _share(self, x: Any, suffix: str) -> Any:
        """The input's share of the steps, with both biases, which only ever occur as a sum."""
        bias = None
        if self.bias:
            bias = getattr(self, "bias_ih" + suffix) + getattr(self, "bias_hh" + suffix)
        return functional.linear(x, getattr(self, "weight_ih" + suffix), bias)

    def _step(self, suffix: str) -> Step:
        """What makes the next state of the input's share and the state before."""
        raise NotImplementedError

    def _sizes(self) -> tuple[int, ...]:
        """The length of each part of the state."""
        return (self.hidden_size,)

    def _name(self) -> str:
        return type(self).__name__

    def _require_input(self, x: Any, ndim: int, batched: str, unbatched: str) -> bool:
        """Whether there is a batch axis; an error if the shape does not fit."""
        if x.ndim not in (ndim - 1, ndim) or x.shape[-1] != self.input_size:
            raise ValueError(
                f"{self._name()}: input has shape {x.shape}; it must have shape {batched}, or "
                f"{unbatched} without a batch, with {self.input_size} features"
            )
        return bool(x.ndim == ndim)

    def _taken(self, hx: Any, shapes: list[tuple[int, ...]]) -> State:
        """The parts of a given state, with the batch axis; an error if they do not fit."""
        if len(shapes) == 1 and not isinstance(hx, tuple):
            hx = (hx,)
        found = [getattr(h, "shape", None) for h in hx]
        if found != shapes:
            what = ", ".join(map(str, shapes))
            raise ValueError(
                f"{self._name()}: hx has shape {', '.join(map(str, found))}; for this input it "
                f"must be {what if len(shapes) == 1 else f'a tuple of shapes {what}'}"
            )
        return tuple(hx)

    def _given_back(self, state: State) -> Any:
        """A state as the caller has it: alone, or a tuple of several parts."""
        return state[0] if len(state) == 1 else state


class Simple(Recurrent):
    """``h = tanh(x + h @ w_hh.T)``, or relu."""

    nonlinearity = "tanh"

    def _set_nonlinearity(self, nonlinearity: str) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"{self._name()}: nonlinearity must be 'tanh' or 'relu', not {nonlinearity!r}"
            )
        self.nonlinearity = nonlinearity

    def _step(self, suffix: str) -> Step:
        w_hh = getattr(self, "weight_hh" + suffix)
        kind = self.nonlinearity
        return lambda x, state: (functional.rnn_step(x, *state, w_hh, kind),)


class LongShortTerm(Recurrent):
    """The state is an output h and a cell state c; gates i, f, z (PyTorch's g), o."""

    gates = 4
    forget_bias = 0.0

    def _set_forget_bias(self, forget_bias: float) -> None:
        if forget_bias and not self.bias:
            raise ValueError(f"{self._name()}: forget_bias={forget_bias} needs bias=True")
        self.forget_bias = forget_bias
        if forget_bias:
            n = self.hidden_size
            for name, parameter in self.named_parameters():
                if name.startswith("bias_ih"):
                    init.constant_(ad.asarray(parameter.data[n : 2 * n]), forget_bias)

    def _step(self, suffix: str) -> Step:
        w_hh = getattr(self, "weight_hh" + suffix)
        return lambda x, state: functional.lstm_step(x, *state, w_hh)

    def _sizes(self) -> tuple[int, ...]:
        return self.hidden_size, self.hidden_size


class Gated(Recurrent):
    """Gates r, z and candidate n; the last takes its recurrent bias inside, so it stays apart."""

    gates = 3

    def _share(self, x: Any, suffix: str) -> Any:
        return functional.linear(
            x, getattr(self, "weight_ih" + suffix), getattr(self, "bias_ih" + suffix)
        )

    def _step(self, suffix: str) -> Step:
        w_hh, b_hh = getattr(self, "weight_hh" + suffix), getattr(self, "bias_hh" + suffix)
        return lambda x, state: (functional.gru_step(x, *state, w_hh, b_hh),)


class Cell(Recurrent):
    """One step; the state goes in and comes out."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        weight_init: init.Initializer | None = None,
        recurrent_init: init.Initializer | None = None,
        bias_init: init.Initializer | None = None,
        dtype: Any = None,
        device: str | None = None,
        generator: ad.random.Generator | None = None,
    ) -> None:
        if input_size < 0 or hidden_size < 1:
            raise ValueError(
                f"{self._name()}({input_size}, {hidden_size}): input_size must not be negative, "
                "hidden_size must be positive"
            )
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        self._add_weights(
            "",
            input_size,
            hidden_size,
            weight_init=weight_init,
            recurrent_init=recurrent_init,
            bias_init=bias_init,
            dtype=dtype,
            device=device,
            generator=generator,
        )

    def forward(self, input: Any, hx: Any = None) -> Any:
        """One step.

        Parameters
        ----------
        input : array, shape (batch, input_size) or (input_size,)
        hx : array, shape (batch, hidden_size) or (hidden_size,), optional
            The state before, zeros if not given; for an LSTM a tuple ``(h, c)`` of them.

        Returns
        -------
        Tensor or tuple of Tensor
            The next state, as ``hx``.
        """
        x = ad.asarray(input)
        batched = self._require_input(x, 2, "(batch, input_size)", "(input_size,)")
        shapes = [(*x.shape[:-1], n) for n in self._sizes()]
        if not batched:
            x = ad.expand_dims(x, 0)
        share = self._share(x, "")
        if hx is None:
            zeros = ad.zeros((x.shape[0], self.hidden_size), dtype=share.dtype, device=share.device)
            state: State = (zeros,) * len(shapes)
        else:
            state = self._taken(hx, shapes)
            if not batched:
                state = tuple([ad.expand_dims(h, 0) for h in state])
        state = self._step("")(share, state)
        if not batched:
            state = tuple([ad.squeeze(h, 0) for h in state])
        return self._given_back(state)

    def extra_repr(self) -> str:
        """Sizes, as the constructor takes them, and what is not the default."""
        return f"{self.input_size}, {self.hidden_size}{'' if self.bias else ', bias=False'}"


class RNNCell(Simple, Cell):
    """``tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)``, one step of an `RNN`.

    Source: Elman, "Finding structure in time", 1990.

    Parameters
    ----------
    input_size, hidden_size : int
    bias : bool
        Whether there are biases.
    nonlinearity : str
        ``"tanh"`` or ``"relu"``.
    **options
        By keyword: ``weight_init`` (Glorot uniform), ``recurrent_init`` (orthogonal),
        ``bias_init`` (0), ``dtype``, ``device``, ``generator``, as in `Linear`.

    Attributes
    ----------
    weight_ih : Parameter, shape (hidden_size, input_size)
    weight_hh : Parameter, shape (hidden_size, hidden_size)
    bias_ih, bias_hh : Parameter, shape (hidden_size,), or None

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> cell = nn.RNNCell(3, 4)
    >>> h = ad.zeros((2, 4))
    >>> for x in ad.ones((5, 2, 3)):
    ...     h = cell(x, h)
    >>> h.shape
    (2, 4)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        **options: Any,
    ) -> None:
        self._set_nonlinearity(nonlinearity)
        super().__init__(input_size, hidden_size, bias, **options)

    def extra_repr(self) -> str:
        """Sizes, as the constructor takes them, and what is not the default."""
        relu = ", nonlinearity='relu'" if self.nonlinearity == "relu" else ""
        return super().extra_repr() + relu


class LSTMCell(LongShortTerm, Cell):
    """One step of an `LSTM`; the formulas are there.

    Parameters
    ----------
    input_size, hidden_size : int
    bias : bool
        Whether there are biases.
    forget_bias : float
        What the forget gates' part of ``bias_ih`` starts with, as in `LSTM`.
    **options
        By keyword: ``weight_init`` (Glorot uniform for each gate), ``recurrent_init``
        (orthogonal for each gate), ``bias_init`` (0), ``dtype``, ``device``, ``generator``, as
        in `Linear`.

    Attributes
    ----------
    weight_ih : Parameter, shape (4 * hidden_size, input_size)
    weight_hh : Parameter, shape (4 * hidden_size, hidden_size)
    bias_ih, bias_hh : Parameter, shape (4 * hidden_size,), or None

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> cell = nn.LSTMCell(3, 4)
    >>> h, c = cell(ad.ones((2, 3)))
    >>> h, c = cell(ad.ones((2, 3)), (h, c))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        forget_bias: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, **options)
        self._set_forget_bias(forget_bias)

    def extra_repr(self) -> str:
        """Sizes, as the constructor takes them, and what is not the default."""
        forget = f", forget_bias={self.forget_bias}" if self.forget_bias else ""
        return super().extra_repr() + forget


class GRUCell(Gated, Cell):
    """One step of a `GRU`; the formulas are there.

    Parameters
    ----------
    input_size, hidden_size : int
    bias : bool
        Whether there are biases.
    weight_init, recurrent_init, bias_init : callable or str, optional
        What fills the block of one gate; by default ``weight_ih`` is Glorot uniform,
        ``weight_hh`` orthogonal and the biases 0.
    dtype, device, generator : optional
        As in `Linear`.

    Attributes
    ----------
    weight_ih : Parameter, shape (3 * hidden_size, input_size)
    weight_hh : Parameter, shape (3 * hidden_size, hidden_size)
    bias_ih, bias_hh : Parameter, shape (3 * hidden_size,), or None

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.GRUCell(3, 4)(ad.ones((2, 3))).shape
    (2, 4)
    """
