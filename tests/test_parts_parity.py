"""Every module of nn against PyTorch's in float64: signatures, states, results, gradients."""

import inspect
from functools import cache

import numpy as np
import pytest

import autodiff as ad
import nn

from .parts import PARTS, Drawn, classes, leaves, mapped, tensors

pytestmark = pytest.mark.parity
torch = pytest.importorskip("torch", reason="the extra `parity` brings PyTorch")

COMPARED = [part for part in PARTS if not part.alone]
# Of PyTorch's constructors: ours take these by keyword only, or they are deprecated there.
NOT_POSITIONAL = {"device", "dtype", "size_average", "reduce", "min_value", "max_value"}


@pytest.fixture(scope="module", autouse=True)
def report(request):
    yield
    manager = request.config.pluginmanager.get_plugin("capturemanager")
    with manager.global_and_fixture_disabled():
        names = {part.name for part in COMPARED}
        print(f"\n{len(names)} classes of modules, {len(COMPARED)} cases", end="")


def test_only_what_pytorch_lacks_is_left_out():
    alone = {part.name for part in PARTS if part.alone} - {part.name for part in COMPARED}
    assert not {name for name in alone if hasattr(torch.nn, name)}


def arguments(fn):
    """Names and defaults of what may be given by position or keyword."""
    kinds = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    found = inspect.signature(fn).parameters.values()
    return [
        (p.name, getattr(p.default, "__name__", p.default))  # of functions the name
        for p in found
        if p.kind in kinds and p.name not in NOT_POSITIONAL and p.name[0] != "_"
    ]


@pytest.mark.parametrize("name", sorted(name for name in classes() if hasattr(torch.nn, name)))
def test_constructors_take_the_same(name):
    """PyTorch's arguments in PyTorch's order, with its defaults; ours may go on with more."""
    theirs = arguments(getattr(torch.nn, name))
    assert arguments(getattr(nn, name))[: len(theirs)] == theirs


def array(x):
    return x.numpy(force=True) if isinstance(x, torch.Tensor) else ad.backend.to_numpy(x.data)


def close(part, what, mine, other):
    mine, other = array(mine), array(other)
    assert mine.shape == other.shape, what
    scale = max(1.0, np.abs(other[np.isfinite(other)]).max(initial=0.0))
    np.testing.assert_allclose(
        mine, other, rtol=part.rtol, atol=1e-3 * part.rtol * scale, err_msg=what
    )


@pytest.mark.parametrize("part", COMPARED, ids=str)
def test_same_as_pytorch(part):
    torch.manual_seed(0)
    theirs, ours = part.counterpart(torch), part.make()
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    for i, (name, value) in enumerate(state.items()):  # biases and scales too are not 0 and 1
        if value.is_floating_point():
            noise = torch.tensor(np.random.default_rng(i).uniform(-0.2, 0.2, value.shape))
            state[name] = value + noise.abs() if "running_var" in name else value + noise
    theirs.load_state_dict(state)
    ours.load_state_dict(state)
    arrays = part.arrays()

    @cache
    def drawn(x):
        return torch.tensor(x.array, requires_grad=True)

    def tensor(x):
        if isinstance(x, Drawn):
            return drawn(x)
        return torch.tensor(x) if isinstance(x, np.ndarray) else x

    x, z = tensors(arrays), mapped(tensor, arrays)
    call = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in part.call.items()}
    y, w = leaves(ours(*x, **part.call)), leaves(theirs(*z, **call))
    rng = np.random.default_rng(9)
    mine = other = 0.0
    for i, (a, b) in enumerate(zip(y, w, strict=True)):
        assert (a is None) == (b is None)
        if a is None:
            continue
        close(part, f"output {i}", a, b)
        if b.requires_grad:
            g = rng.standard_normal(a.shape)
            mine, other = mine + (a * ad.tensor(g)).sum(), other + (b * torch.tensor(g)).sum()
    for name, value in theirs.state_dict().items():  # running statistics
        close(part, name, ours.state_dict()[name], value)
    wrt = [a for a in leaves(x) if isinstance(a, ad.Tensor) and a.requires_grad]
    wrt_ = [a for a in leaves(z) if isinstance(a, torch.Tensor) and a.requires_grad]
    names = [f"input {i}" for i in range(len(wrt))]
    for name, p in ours.named_parameters():
        names.append(name)
        wrt.append(p)
        wrt_.append(dict(theirs.named_parameters())[name])
    if not wrt or isinstance(mine, float):
        return
    found = ad.gradients(mine, wrt, allow_unused=True)
    expected = torch.autograd.grad(other, wrt_, allow_unused=True)
    for name, a, b in zip(names, found, expected, strict=True):
        if a is None or b is None:  # zero and unused are the same
            assert all(c is None or not array(c).any() for c in (a, b)), name
        else:
            close(part, f"gradient of {name}", a, b)
