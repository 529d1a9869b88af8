"""Every module of nn, by the table in `tests.parts`."""

import copy

import numpy as np
import pytest

import autodiff as ad
import nn

from .parts import PARTS, Drawn, classes, leaves, tensors

TESTED = [part for part in PARTS if not part.only_compared]
each = pytest.mark.parametrize("part", TESTED, ids=str)


@pytest.fixture(autouse=True)
def seeded():
    ad.manual_seed(0)


def floats(nest):
    return [x for x in leaves(nest) if isinstance(x, ad.Tensor) and ad.backend.is_float(x.dtype)]


def run(module, part, dtype=np.float64, device=None):
    """The results, and all gradients of a random projection of them."""
    inputs = tensors(part.arrays(), dtype, device)
    out = module(*inputs, **part.call)
    results = floats(out)
    rng = np.random.default_rng(9)
    loss = 0.0
    for y in results:
        if y.requires_grad:
            g = ad.tensor(rng.standard_normal(y.shape).astype(y.dtype), device=y.device)
            loss = loss + (y * g).sum()
    wrt = [x for x in floats(inputs) if x.requires_grad] + list(module.parameters())
    gradients = ad.gradients(loss, wrt, allow_unused=True) if wrt else []
    return results, gradients


def raw(tensors):
    return [None if x is None else ad.backend.to_numpy(x.data) for x in tensors]


def assert_equal(one, two, rtol=0.0):
    for a, b in zip(raw(one), raw(two), strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12 if rtol else 0)


def test_every_class_has_a_row():
    assert classes() == {part.name for part in TESTED}


@pytest.mark.parametrize("part", [p for p in PARTS if p.reference], ids=str)
def test_values_by_formula(part):
    module = part.make()
    arrays = part.arrays()
    given = [x.array if isinstance(x, Drawn) else x for x in arrays]
    found = module(*tensors(arrays), **part.call)
    np.testing.assert_allclose(found.data, part.reference(module, *given), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("part", [p for p in TESTED if not p.by_design], ids=str)
def test_gradients_by_differences(part):
    module = part.make()
    names = [name for name, p in module.named_parameters() if p.requires_grad]
    values = [p.detach() for p in module.parameters() if p.requires_grad]
    arrays = part.arrays()
    drawn = list(dict.fromkeys([x for x in leaves(arrays) if isinstance(x, Drawn)]))
    if not drawn and not names:
        return

    def fn(*given):
        own = dict(zip(names, given[len(drawn) :], strict=True))
        stand = dict(zip(drawn, given, strict=False))

        def filled(nest):
            if isinstance(nest, tuple | list):
                return type(nest)([filled(x) for x in nest])
            return stand[nest] if isinstance(nest, Drawn) else tensors(nest)

        return tuple(floats(nn.functional_call(fresh, own, *filled(arrays), **part.call)))

    fresh = copy.deepcopy(module)  # running statistics may change, and do not matter
    given = [ad.tensor(x.array, requires_grad=True) for x in drawn]
    given += [v.clone().requires_grad_() for v in values]
    assert ad.gradcheck(fn, given)


@each
def test_strict_device(part):
    """As on the CPU, gradients included: no NumPy-only habits, nothing made on another device."""
    here, there = part.make(), part.make()
    there.load_state_dict(here.state_dict())
    results, gradients = run(here, part)
    others, other_gradients = run(there.to("strict"), part, device="strict")
    assert all(y.device == "strict" for y in others)
    assert_equal(results, others, 1e-10)
    assert_equal(gradients, other_gradients, 1e-10)
    assert_equal(here.state_dict().values(), there.state_dict().values(), 1e-10)


@each
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_dtypes_are_kept(part, dtype):
    if dtype is np.float16 and part.half:
        pytest.skip(part.half)
    with np.errstate(over="ignore", invalid="ignore"):
        results, gradients = run(part.make().to(dtype), part, dtype)
    assert {y.dtype for y in results} <= {np.dtype(dtype)}
    assert {g.dtype for g in gradients if g is not None} <= {np.dtype(dtype)}


@each
def test_copies_and_saved_states(part, tmp_path):
    module = part.make()
    twin, fresh = copy.deepcopy(module), part.make()
    ad.save(module.state_dict(), tmp_path / "state.safetensors")
    fresh.load_state_dict(ad.load(tmp_path / "state.safetensors"))
    modules = [module.eval(), twin.eval(), fresh.eval()]
    first, second, third = [run(m, part)[0] for m in modules]
    assert_equal(first, second)
    assert_equal(first, third)
    assert not any(a is b for a, b in zip(module.parameters(), twin.parameters(), strict=True))


@each
def test_all_parameters_are_trained(part):
    module = part.make()
    _, gradients = run(module, part)
    trained = gradients[len(gradients) - len(list(module.parameters())) :]
    named = list(zip(module.named_parameters(), trained, strict=True))
    missing = {name for (name, p), g in named if g is None and p.requires_grad}
    assert missing == {name for (name, _), _ in named if name.split(".")[-1] == part.idle}


@each
def test_repr_is_how_it_is_made(part):
    module = part.make()
    text = repr(module)
    assert text.startswith(f"{part.name}(")
    if next(module.children(), None) is None:
        again = eval(text, vars(nn) | {"nn": nn})  # noqa: S307 - our own text
        assert repr(again) == text
        shapes = [{k: v.shape for k, v in m.state_dict().items()} for m in (module, again)]
        assert shapes[0] == shapes[1] or "Loss" in part.name
