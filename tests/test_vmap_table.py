"""The whole op table under `vmap`: values, first and second derivatives equal those of a loop.

An op whose body or rules use a function that the namespace of batched arrays has not fails here,
and the message names the function.
"""

import warnings
from itertools import zip_longest

import numpy as np
import pytest

import autodiff as ad
from autodiff import backend

from .table import CASES
from .table.composites import COMPOSITES

N = 3
# Ops that cannot be batched, since the size of their result depends on values.
REFUSED = {"nonzero": "differs between examples"}


def inputs(case, device="cpu"):
    """For each input, N examples of it where the table fills it in, else itself."""
    every = [case.arrays(seed=seed) for seed in range(N)]
    made = []
    for i, x in enumerate(every[0]):
        if isinstance(case.inputs[i], tuple) and isinstance(x, np.ndarray):
            x = np.stack([arrays[i] for arrays in every])
        made.append(ad.tensor(x, device=device) if isinstance(x, np.ndarray) else x)
    return made


def filled(case):
    return [i for i, x in enumerate(case.inputs) if isinstance(x, tuple)]


def ways(case):
    """Which inputs have a batch: all, and where there are several each one alone."""
    every = filled(case)
    found = [tuple(every)] if every else []
    return found + ([(i,) for i in every] if len(every) > 1 else [])


def given(case):
    """Which inputs are arrays of the row's own: indices, bits, what is sorted."""
    return [i for i, x in enumerate(case.inputs) if isinstance(x, np.ndarray)]


def placed(value, device):
    if isinstance(value, np.ndarray):
        return backend.to_device(value, device)
    return tuple(placed(v, device) for v in value) if type(value) is tuple else value


def caller(case, device="cpu"):
    options = {name: placed(value, device) for name, value in case.options.items()}
    if case.op == "move":
        options |= {"device": device, "source": device}

    def call(*values):
        result = (
            case.fn(list(values) if case.sequence else values[0], **options)
            if (case.sequence)
            else case.fn(*values, **options)
        )
        return list(result) if isinstance(result, tuple | list) else [result]

    return call


def weights(y):
    return ad.tensor(np.linspace(-1.0, 2.0, y.size).reshape(y.shape), device=y.device)


def derivatives(case, call):
    """A function of one example that gives results, gradients and second derivatives."""
    wrt = case.differentiable()

    def floats(*values):
        return [y * weights(y) for y in call(*values) if backend.is_float(y.dtype)]

    def total(*values):
        return sum(y.sum() for y in floats(*values))

    def squares(*values):
        return sum((g * g).sum() for g in ad.grad(total, argnums=wrt)(*values))

    def example(*values):
        outs = call(*values)
        if not wrt or not floats(*values):
            return outs, (), ()
        return outs, ad.grad(total, argnums=wrt)(*values), ad.grad(squares, argnums=wrt)(*values)

    return example, total


def compare(found, expected):
    assert found.dtype == expected.dtype and found.shape == expected.shape
    host = [backend.to_numpy(x.data) for x in (found, expected)]
    np.testing.assert_allclose(*host, rtol=1e-9, atol=1e-10)


ROWS = [
    pytest.param(case, way, id=f"{case}-{way}")
    for case in [*CASES, *COMPOSITES]
    for way in ways(case)
]


@pytest.mark.parametrize("place", ["cpu", "strict"])
@pytest.mark.parametrize("case, way", ROWS)
def test_vmap_equals_a_loop(case, way, place):
    call = caller(case, place)
    values = inputs(case, place)
    shared = [x[0] if i in filled(case) and i not in way else x for i, x in enumerate(values)]
    axes = tuple(0 if i in way else None for i in range(len(values)))
    example, total = derivatives(case, call)
    if case.op in REFUSED:
        with pytest.raises(TypeError, match=REFUSED[case.op]):
            ad.vmap(example, in_axes=axes)(*shared)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        loop = [example(*[x[k] if i in way else x for i, x in enumerate(shared)]) for k in range(N)]
        found = ad.vmap(example, in_axes=axes)(*shared)
    for part in range(3):
        for k, y in enumerate(found[part]):
            expected = np.stack([backend.to_numpy(one[part][k].data) for one in loop])
            compare(y, ad.tensor(expected, device=y.device))

    wrt = case.differentiable()
    if wrt and loop[0][1]:
        # From outside: what the examples share gets the sum of their gradients.
        outer = ad.grad(lambda *xs: ad.vmap(total, in_axes=axes)(*xs).sum(), argnums=wrt)(*shared)
        for i, g, *each in zip_longest(wrt, outer, *[one[1] for one in loop]):
            each = np.stack([backend.to_numpy(e.data) for e in each])
            each = each if i in way else np.sum(each, axis=0)
            compare(g, ad.tensor(each, device=g.device))


GIVEN = [case for case in [*CASES, *COMPOSITES] if given(case) and not filled(case)]


@pytest.mark.parametrize("place", ["cpu", "strict"])
@pytest.mark.parametrize("case", GIVEN, ids=str)
def test_given_arrays_are_batched(case, place):
    """Rows without a float to fill in: the same array for every example, but batched."""
    call = caller(case, place)
    values = [placed(x, place) for x in case.inputs]
    axes = tuple(0 if i in given(case) else None for i in range(len(values)))
    stacked = [
        ad.tensor(np.stack([x] * N), device=place) if isinstance(x, np.ndarray) else x
        for x in case.inputs
    ]
    for y, one in zip(ad.vmap(call, in_axes=axes)(*stacked), call(*map(wrapped, values))):
        compare(y, ad.tensor(np.stack([backend.to_numpy(one.data)] * N), device=place))


def wrapped(x):
    return ad.asarray(x) if backend.is_array(x) else x
