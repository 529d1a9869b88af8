"""Recurrent cells and layers, and sequences of several lengths."""

from itertools import product

import numpy as np

from .part import Part

IN, HIDDEN, PROJECTED, TIME, BATCH = 2, 3, 2, 3, 2
LENGTHS = np.array([2, 3])
LAYERS = ("RNN", "LSTM", "GRU")
BOTH = (True, False)


def state(name, *shape, proj=0):
    """The shape of a state, or the shapes of its parts."""
    if name.startswith("LSTM"):
        return ((*shape, proj or HIDDEN), (*shape, HIDDEN))
    return (*shape, HIDDEN)


def cell(name, batch=(BATCH,), given=True, only_compared=True, **options):
    inputs = ((*batch, IN), *([state(name, *batch)] if given else []))
    label = f"{batch}{'-hx' if given else ''}"
    return Part(name, (IN, HIDDEN), options, inputs, label=label, only_compared=only_compared)


def layer(name, batch=True, given=True, lengths=False, only_compared=True, **options):
    """A row of a layer. ``theirs`` gets the same options, but none of ours."""
    theirs = {k: v for k, v in options.items() if not k.endswith("_init")}
    count = options.get("num_layers", 1) * (1 + options.get("bidirectional", False))
    times = ((BATCH, TIME) if options.get("batch_first") else (TIME, BATCH)) if batch else (TIME,)
    hx = state(name, count, *(BATCH,) * batch, proj=options.get("proj_size", 0))
    return Part(
        name,
        (IN, HIDDEN),
        options,
        ((*times, IN), *([hx] if given else [])),
        {"lengths": LENGTHS} if lengths else {},
        padded(name, theirs) if lengths else unpadded(name, theirs),
        random="dropout" in options,
        label=f"{'' if batch else '-one'}{'-hx' if given else ''}{'-lengths' if lengths else ''}",
        only_compared=only_compared,
    )


def unpadded(name, options):
    return lambda torch: getattr(torch.nn, name)(IN, HIDDEN, **options)


def padded(name, options):
    """PyTorch's layer for padded sequences, which it wants packed."""

    def theirs(torch):
        rnn = torch.nn.utils.rnn
        first = options.get("batch_first", False)

        class Padded(getattr(torch.nn, name)):
            def forward(self, x, hx=None, *, lengths):
                x = rnn.pack_padded_sequence(x, lengths, first, enforce_sorted=False)
                out, hx = super().forward(x, hx)
                return rnn.pad_packed_sequence(out, first, total_length=TIME)[0], hx

        return Padded(IN, HIDDEN, **options)

    return theirs


TESTED = [
    *[cell(name, only_compared=False) for name in ("RNNCell", "LSTMCell", "GRUCell")],
    *[cell(name, (), False, False, bias=False) for name in ("RNNCell", "LSTMCell", "GRUCell")],
    cell("RNNCell", only_compared=False, nonlinearity="relu"),
    *[layer(name, only_compared=False) for name in LAYERS],
    *[layer(name, False, False, only_compared=False, num_layers=2, bias=False) for name in LAYERS],
    *[
        layer(name, lengths=True, only_compared=False, bidirectional=True, batch_first=True)
        for name in LAYERS
    ],
    *[layer(name, only_compared=False, num_layers=2, dropout=0.5) for name in LAYERS],
    layer("LSTM", only_compared=False, proj_size=PROJECTED, bidirectional=True),
    # A bias, lest a unit without input be at the kink.
    layer("RNN", only_compared=False, nonlinearity="relu", num_layers=2, bias_init="uniform"),
]

CELLS = [
    cell(name, batch, given, bias=bias, **options)
    for name, bias, batch, given in product(
        ("RNNCell", "LSTMCell", "GRUCell"), BOTH, ((), (BATCH,)), BOTH
    )
    for options in ({}, *([{"nonlinearity": "relu"}] if name == "RNNCell" else []))
]
COMBINED = [  # all options with all others
    layer(name, given=bias, num_layers=n, bias=bias, batch_first=first, bidirectional=twice)
    for name, n, bias, first, twice in product(LAYERS, (1, 2), BOTH, BOTH, BOTH)
]
MORE = [
    *[
        layer(name, batch, given, num_layers=n, bidirectional=n == 2, batch_first=first)
        for name, batch, given, n, first in product(LAYERS, BOTH, BOTH, (1, 2), BOTH)
        if not (batch and given)  # those are above
    ],
    *[
        layer("LSTM", batch, proj_size=PROJECTED, num_layers=n, bidirectional=n == 2, bias=bias)
        for batch, n, bias in product(BOTH, (1, 2), BOTH)
    ],
    *[
        layer("RNN", nonlinearity="relu", num_layers=n, bidirectional=twice)
        for n, twice in product((1, 2), BOTH)
    ],
]
OF_SEVERAL_LENGTHS = [
    *[
        layer(name, given=given, lengths=True, num_layers=n, bidirectional=twice, batch_first=first)
        for name, given, n, twice, first in product(LAYERS, BOTH, (1, 2), BOTH, BOTH)
    ],
    layer("LSTM", lengths=True, proj_size=PROJECTED, bidirectional=True),
    layer("RNN", lengths=True, nonlinearity="relu", num_layers=2),
    *[layer(name, lengths=True, num_layers=2, dropout=0.5) for name in LAYERS],
]

PARTS = TESTED + CELLS + COMBINED + MORE + OF_SEVERAL_LENGTHS
