"""Ops along axes on generated arrays against PyTorch: values and gradients, ties and zeros too.

The values are few, so that they tie, and small multiples of 1/2, so that sums of them are exact.
Shapes may be empty where both have a result.
"""

import warnings

import hypothesis
import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import strategies as st

import autodiff as ad

torch = pytest.importorskip("torch", reason="the extra `parity` brings PyTorch")
pytestmark = pytest.mark.parity

LIMIT = 1e-10
EXAMPLES = 60


def dims(x, axis):
    return tuple(range(x.ndim)) if axis is None else axis


def pair(ours, theirs, **kind):
    return ours, theirs, {"axes": "many", "empty": True, "shapes": (0, 3), **kind}


def reduced(name, **options):
    """A reduction that both have under one name, over no axis, one, or several."""
    fn = getattr(torch, name)
    return lambda x, axis, keep: fn(x, dim=dims(x, axis), keepdim=keep, **options)


def norm(ord):
    return pair(
        lambda x, axis, keep: ad.norm(x, ord, axis, keep),
        lambda x, axis, keep: torch.linalg.vector_norm(x, ord, dim=dims(x, axis), keepdim=keep),
        empty=ord in (1, 2, 3),
    )


def product(x, axis, keep):
    for a in sorted((a % x.ndim for a in np.atleast_1d(dims(x, axis))), reverse=True):
        x = torch.prod(x, int(a), keepdim=keep)
    return x


def scanned(name):
    fn = getattr(torch, name)
    return pair(
        lambda x, axis, keep: getattr(ad, name)(x, axis),
        lambda x, axis, keep: fn(x.reshape(-1), 0) if axis is None else fn(x, axis),
        axes="one",
    )


def ordered(descending):
    return pair(
        lambda x, axis, keep: ad.sort(x, axis, descending),
        lambda x, axis, keep: torch.sort(
            x.reshape(-1) if axis is None else x,
            dim=0 if axis is None else axis, descending=descending, stable=True,
        ).values,
        axes="one",
    )  # fmt: skip


OPS = {
    "sum": pair(lambda x, axis, keep: ad.sum(x, axis, keep), reduced("sum")),
    "mean": pair(lambda x, axis, keep: ad.mean(x, axis, keep), reduced("mean"), empty=False),
    "max": pair(lambda x, axis, keep: ad.max(x, axis, keep), reduced("amax"), empty=False),
    "min": pair(lambda x, axis, keep: ad.min(x, axis, keep), reduced("amin"), empty=False),
    "prod": pair(lambda x, axis, keep: ad.prod(x, axis, keep), product),
    "logsumexp": pair(
        lambda x, axis, keep: ad.logsumexp(x, axis, keep), reduced("logsumexp"), empty=False
    ),
    "var": pair(
        lambda x, axis, keep: ad.var(x, axis, 0, keep), reduced("var", correction=0), empty=False
    ),
    "std": pair(
        lambda x, axis, keep: ad.std(x, axis, 0, keep), reduced("std", correction=0), empty=False
    ),
    **{f"norm {ord}": norm(ord) for ord in (1, 2, 3, np.inf, -np.inf)},
    "cumsum": scanned("cumsum"),
    "cumprod": scanned("cumprod"),
    "sort": ordered(False),
    "sort descending": ordered(True),
    "flip": pair(
        lambda x, axis, keep: ad.flip(x, axis),
        lambda x, axis, keep: torch.flip(x, np.atleast_1d(dims(x, axis)).tolist()),
    ),
    "roll": pair(
        lambda x, axis, keep: ad.roll(x, 2, axis),
        lambda x, axis, keep: torch.roll(x, 2, axis),
        axes="one",
    ),
    "repeat": pair(
        lambda x, axis, keep: ad.repeat(x, 3, axis),
        lambda x, axis, keep: torch.repeat_interleave(x, 3, axis),
        axes="one",
    ),
    "tril": pair(
        lambda x, axis, keep: ad.tril(x, 1), lambda x, axis, keep: torch.tril(x, 1), shapes=(2, 4)
    ),
    "diagonal": pair(
        lambda x, axis, keep: ad.diagonal(x, -1, -1, 0),
        lambda x, axis, keep: torch.diagonal(x, -1, -1, 0),
        shapes=(2, 4),
    ),
    "stack": pair(
        lambda x, axis, keep: ad.stack([x, x * 2], -1),
        lambda x, axis, keep: torch.stack([x, x * 2], -1),
    ),
    "moveaxis": pair(
        lambda x, axis, keep: ad.moveaxis(x, 0, -1),
        lambda x, axis, keep: torch.movedim(x, 0, -1),
        shapes=(1, 4),
    ),
}


@st.composite
def calls(draw, kind):
    """An array, an axis or several or None, and whether to keep them."""
    low, high = kind["shapes"]
    shape = draw(arrays.array_shapes(min_dims=max(low, 1), max_dims=high, min_side=0, max_side=4))
    if not kind["empty"] or draw(st.booleans()):
        shape = tuple(max(n, 1) for n in shape)
    values = draw(arrays.arrays(np.float64, shape, elements=st.sampled_from([-1.5, -1, 0, 0.5, 2])))
    axis = st.integers(-len(shape), len(shape) - 1)
    axes = [st.none(), axis]
    if kind["axes"] == "many":
        several = st.lists(axis, min_size=1, max_size=3, unique_by=lambda a: a % len(shape))
        axes.append(several.map(tuple))
    return values, draw(st.one_of(axes)), draw(st.booleans())


worst = {}


@pytest.fixture(scope="module", autouse=True)
def report(request):
    yield
    manager = request.config.pluginmanager.get_plugin("capturemanager")
    with manager.global_and_fixture_disabled():
        count = sum(n for n, _ in worst.values())
        name = max(worst, key=lambda name: worst[name][1], default="none")
        error = worst.get(name, (0, 0.0))[1]
        print(f"\n{len(worst)} ops, {count} arrays: within {error:.1e} (worst: {name})", end="")


@pytest.mark.parametrize("name", OPS)
def test_values_and_gradients(name):
    ours, theirs, kind = OPS[name]
    hypothesis.settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)(
        hypothesis.given(calls(kind))(lambda call: compare(name, ours, theirs, *call))
    )()


def compare(name, ours, theirs, values, axis, keep):
    x = ad.tensor(values, requires_grad=True)
    z = torch.tensor(values, requires_grad=True)
    y, w = ours(x, axis, keep), theirs(z, axis, keep)
    g = np.random.default_rng(0).uniform(0.5, 1.5, y.shape)
    assert y.shape == w.shape
    y.backward(g)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        w.backward(torch.tensor(g))
    for what, a, b in (("value", y, w), ("gradient", x.grad, z.grad)):
        a, b = a.detach().data, b.detach().numpy()
        scale = np.maximum(np.abs(b), 1.0)
        error = (np.abs(a - b) / scale).max(initial=0.0)
        count, before = worst.get(name, (0, 0.0))
        worst[name] = count + (what == "value"), max(before, error)
        assert error <= LIMIT, f"{what} of {name}{axis, keep}:\n{a}\nPyTorch:\n{b}"
