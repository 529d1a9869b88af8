"""The contract of ``@op``: each clause shown by an op, most of them real ones."""

import sys

import numpy as np
import pytest

import autodiff as ad
from autodiff import REGISTRY, backend


def leaf(values, **how):
    return ad.tensor(values, dtype=np.float64, requires_grad=True, **how)


def test_an_op_on_raw_arrays_computes_and_mixed_gives_a_tensor():
    raw = np.array([1.0, 4.0])
    assert type(ad.sqrt(raw)) is np.ndarray
    assert ad.sqrt(4.0) == 2.0 and type(ad.sqrt(4.0)) is float
    assert isinstance(ad.add(raw, ad.tensor([1.0, 1.0])), ad.Tensor)
    assert isinstance(raw * ad.tensor([1.0, 1.0]), ad.Tensor)


def test_options_are_positional_or_keyword():
    x = ad.tensor(np.arange(6.0).reshape(2, 3))
    assert ad.sum(x, 0, True).shape == ad.sum(x, axis=0, keepdims=True).shape == (1, 3)
    with pytest.raises(TypeError, match="unexpected keyword"):
        ad.sum(x, axes=0)
    with pytest.raises(TypeError):
        ad.add(x)


def test_none_operands():
    x = leaf(np.arange(8.0).reshape(2, 4))
    w = leaf(np.ones(4))
    node = ad.layer_norm(x, None, w).node
    assert node.parents == (x.node, w.node)
    assert ad.clip(x, None, 2.0).node.rule.layout == ("x", "min", "max")


def test_a_variadic_op_takes_a_sequence_and_its_rule_the_index():
    seen = []

    @ad.op(xs=lambda g, index: seen.append(index) or g * (index + 1))
    def total(xp, /, *xs):
        out = xs[0]
        for x in xs[1:]:
            out = out + x
        return out

    x, y = leaf([1.0]), leaf([2.0])
    total([x, np.array([5.0]), y]).sum().backward()
    assert seen == [0, 2] and x.grad.item() == 1.0 and y.grad.item() == 3.0


def test_a_variadic_rule_that_reads_needs_gives_all_at_once():
    needed = []

    def rule(g, xs, needs):
        needed.append(needs)
        both = g * 2.0  # one array for two operands: each leaf must get a copy of its own
        return [both if need else None for need in needs]

    @ad.op(xs=rule)
    def twice(xp, /, *xs):
        out = 2.0 * xs[0]
        for x in xs[1:]:
            out = out + 2.0 * x
        return out

    x, y = leaf([1.0]), leaf([2.0])
    twice([x, np.array([5.0]), y]).sum().backward()
    assert x.grad.item() == y.grad.item() == 2.0 and x.grad.data is not y.grad.data
    assert ad.gradients(twice([x, y]).sum(), y).item() == 2.0
    assert needed == [(True, False, True), (False, True)]
    assert ad.gradcheck(lambda x, y: twice([x * x, y]), [x, y], order=2)


def test_joining_takes_time_in_proportion():
    """Calls are counted; sums over the shapes before each operand made it quadratic."""
    for axis in (0, None):
        counts = []
        for n in (40, 400):

            def made(n=n, axis=axis):
                return ad.concatenate([leaf([1.0]) for _ in range(n)], axis=axis).sum()

            made().backward()  # generates its code
            y, calls = made(), []
            before = sys.getprofile()
            sys.setprofile(lambda _, event, __, calls=calls: calls.append(event))
            try:
                y.backward()
            finally:
                sys.setprofile(before)
            counts.append(len(calls))
        assert counts[1] < 10.5 * counts[0]


def test_a_joint_rule_runs_once_and_knows_what_is_needed():
    needed = []

    @ad.op
    def pair(xp, x, y, /, scale=2.0):
        return scale * x * y

    @pair.vjp("x", "y")
    def _(g, x, y, scale, needs):
        needed.append(needs)
        return (scale * g * y if needs[0] else None), (scale * g * x if needs[1] else None)

    x, y = leaf(3.0), leaf(4.0)
    pair(x, y).backward()
    assert needed == [(True, True)] and (x.grad.item(), y.grad.item()) == (8.0, 6.0)
    pair(x, 4.0).backward()
    assert needed[1] == (True, False) and x.grad.item() == 16.0
    ad.gradients(pair(x, y), y)
    assert needed[2] == (False, True)
    assert ad.gradcheck(pair, [leaf(0.5), leaf(2.0)], order=3)


def test_residuals_are_kept_and_computed_anew_for_higher_orders():
    runs = []

    @ad.op(x=lambda g, norm, x: g * x / norm, saves=("norm",))
    def length(xp, x, /):
        runs.append(type(x))
        norm = xp.sqrt(xp.sum(x * x))
        return norm, norm

    x = leaf([3.0, 4.0])
    length(x).backward()
    assert runs == [np.ndarray]
    np.testing.assert_allclose(x.grad.data, [0.6, 0.8])
    assert ad.gradcheck(length, leaf([0.3, -0.7, 1.1]), order=3)
    assert ad.Tensor in runs
    assert length(np.array([3.0, 4.0])) == 5.0  # raw arrays: the residual is not returned


def test_a_kernel_serves_its_library_and_never_tensors():
    used = []

    @ad.op(x=lambda g, x: g * twice(x) / x)
    def twice(xp, x, /):
        used.append("body")
        return x + x

    @twice.kernel("numpy")
    def _(xp, x, /):
        used.append("kernel")
        return 2 * x

    twice(np.ones(2))
    twice(ad.tensor([1.0]))
    twice(leaf([1.0]))
    assert used == ["kernel"] * 3
    twice(ad.tensor([1.0], device="strict"))
    assert used[3:] == ["body"]


def test_traits():
    assert REGISTRY["exp"].traits.elementwise and REGISTRY["exp"].traits.autocast == "high"
    assert REGISTRY["matmul"].traits.autocast == "low"
    assert REGISTRY["multiply"].traits.linear == ("x", "y")
    assert REGISTRY["transpose"].traits.view


def test_an_elementwise_op_of_the_users_serves_every_mode():
    @ad.op(x=lambda g, x: 3 * g * x * x, elementwise=True)
    def cubed(xp, x, /):
        return x * x * x

    assert cubed(ad.Scalar(2.0)).item() == 8.0
    assert ad.gradcheck(cubed, ad.Scalar(0.7), order=2)
    assert cubed(ad.tensor([1.0], device="strict")).device == "strict"
    assert repr(cubed) == "<op cubed(x)>" and "cubed" in REGISTRY


def test_an_op_of_the_users_may_bear_the_name_of_ours():
    @ad.op(x=lambda g: 3 * g)
    def tanh(xp, x, /):
        return 3 * x

    x = leaf([1.0])
    tanh(x).sum().backward()
    assert x.grad.item() == 3.0 and REGISTRY["tanh"] is ad.tanh and tanh.name == "tanh"


def test_optional_operands_go_by_keyword_too():
    x = leaf([-1.0, 5.0])
    np.testing.assert_array_equal(ad.clip(x, max=2.0).data, [-1.0, 2.0])
    np.testing.assert_array_equal(x.clip(min=0.0, max=2.0).data, [0.0, 2.0])


def test_rebinding_an_op_of_the_same_module_replaces_it():
    """As when a notebook cell runs again."""

    def declare(factor):
        @ad.op(x=lambda g: g * factor)
        def scaled(xp, x, /):
            return x * factor

        return scaled

    declare(2.0)
    scaled = declare(3.0)

    assert scaled(np.ones(1))[0] == 3.0 and REGISTRY["scaled"] is scaled


def test_saved_values_can_be_packed():
    x = leaf([1.0, 2.0])
    packed = []

    def pack(tensor):
        assert isinstance(tensor, ad.Tensor) and not tensor.requires_grad
        packed.append(tensor)
        return len(packed) - 1

    with ad.saved_tensors_hooks(pack, lambda i: packed[i]):
        y = (ad.exp(x) * x).sum()
    y.backward()
    np.testing.assert_allclose(x.grad.data, np.exp([1, 2]) * (1 + np.array([1, 2])))
    assert len(packed) == 3


def test_packed_values_serve_sequences_and_higher_derivatives():
    offloaded = []

    def pack(tensor):
        offloaded.append(tensor.shape)
        return tensor.numpy().tolist()

    @ad.op(xs=lambda g, xs, index: g * xs[1 - index])
    def pair(xp, /, *xs):
        return xs[0] * xs[1]

    x = leaf([1.0, 2.0])
    with ad.saved_tensors_hooks(pack, lambda rows: ad.tensor(rows, dtype=np.float64)):
        y = pair([x, x * x]).sum()
    assert offloaded == [(2,)] * 4
    first = ad.gradients(y, x, create_graph=True)
    np.testing.assert_array_equal(first.data, 3 * x.data**2)
    np.testing.assert_array_equal(ad.gradients(first.sum(), x).data, 6 * x.data)


def test_an_unpacked_value_must_have_the_shape_of_what_was_packed():
    x = leaf([1.0, 2.0])
    with ad.saved_tensors_hooks(lambda t: t, lambda t: t[0]):
        y = (x * x).sum()
    with pytest.raises(ValueError, match=r"unpack returned Tensor of shape \(\) .* shape \(2,\)"):
        y.backward()


# ---------------------------------------------------------------- dtypes
F16, F32, F64, I64, I8, BOOL = (
    np.dtype(t) for t in (np.float16, np.float32, np.float64, np.int64, np.int8, np.bool_)
)


@pytest.mark.parametrize(
    "x, y, expected",
    [
        (F32, I64, F32),
        (F16, I64, F16),
        (F32, BOOL, F32),
        (F16, F32, F32),
        (F32, F64, F64),
        (I8, I64, I64),
        (F32, 2, F32),
        (F16, 2.5, F16),
        (F32, True, F32),
        (F32, np.float64(2.5), F32),
        (F32, np.int64(3), F32),
        (I64, 2, I64),
        (I8, 2, I8),
        (I64, 2.5, F32),
        (BOOL, 2.5, F32),
        (BOOL, 2, I64),
        (I64, np.float64(2.5), F32),
    ],
)
@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("swap", [False, True])
def test_promotion(x, y, expected, grad, swap):
    def make(kind):
        if not isinstance(kind, np.dtype):
            return kind
        made = ad.tensor(np.ones(2), dtype=kind)
        return made.requires_grad_() if grad and kind.kind == "f" else made

    values = [make(x), make(y)]
    values = values[::-1] if swap else values
    assert (values[0] * values[1]).dtype == expected


def test_zero_dimensional_arrays_are_strong():
    assert (ad.tensor(np.ones(2, np.float32)) * ad.tensor(np.float64(1.0))).dtype == F64


def test_float_functions_of_integers_use_the_default_float():
    x = ad.tensor([1, 2])
    assert ad.exp(x).dtype == ad.mean(x).dtype == (x / 2).dtype == (x / x).dtype == F32
    assert ad.sum(x).dtype == I64
    before = ad.get_default_dtype()
    ad.set_default_dtype(ad.float64)
    try:
        assert ad.exp(x).dtype == ad.tensor([1.0]).dtype == F64
    finally:
        ad.set_default_dtype(before)
    with pytest.raises(TypeError, match="must be a float"):
        ad.set_default_dtype(ad.int64)


def test_python_numbers_become_the_default_and_arrays_keep_theirs():
    assert ad.tensor([1.0]).dtype == F32 and ad.tensor([1]).dtype == I64
    assert ad.tensor(np.ones(1)).dtype == F64 and ad.tensor(np.float64(1)).dtype == F64


# ---------------------------------------------------------------- devices
def test_default_device_places_new_tensors():
    with ad.device("strict"):
        assert ad.tensor([1.0]).device == ad.zeros(2).device == "strict"
        assert ad.asarray(np.ones(1)).device == "strict"
        x = ad.tensor([1.0], requires_grad=True)
    assert ad.tensor([1.0]).device == "cpu"
    y = x.to("cpu") * 2
    y.sum().backward()
    assert y.device == "cpu" and x.grad.device == "strict"


def test_default_device_from_the_environment(monkeypatch):
    monkeypatch.setenv("AUTODIFF_DEVICE", "strict")
    assert ad.default_device() == ad.zeros(1).device == "strict"
    monkeypatch.setenv("AUTODIFF_DEVICE", "abacus")
    with pytest.raises(ValueError, match="abacus"):
        ad.zeros(1)


def test_nothing_is_copied_to_the_host_unasked():
    """A training step on the stand-in never leaves its device."""
    from .strict import StrictArray

    x = ad.tensor(np.ones((4, 3), np.float32), device="strict")
    w = ad.tensor(np.ones((3, 2), np.float32), device="strict", requires_grad=True)
    before = StrictArray.syncs
    loss = ad.mean(ad.relu(x @ w - 0.5) ** 2)
    loss.backward()
    assert StrictArray.syncs == before
    assert loss.item() == 6.25 and StrictArray.syncs == before + 1


def test_cuda_without_a_gpu():
    if ad.cuda.is_available():
        pytest.skip("there is a GPU")
    assert ad.cuda.device_count() == 0
    ad.synchronize()
    ad.cuda.empty_cache()
    with pytest.raises(RuntimeError, match="cuda"):
        ad.cuda.memory_stats()


@pytest.mark.gpu
def test_cuda_memory():
    if not ad.cuda.is_available():
        pytest.skip("no GPU")
    x = ad.zeros(1000, device="cuda")
    assert ad.cuda.memory_stats()["used"] >= 4000 and x.device == "cuda:0"
    ad.synchronize()


def test_cupy_is_not_imported_for_the_cpu():
    import subprocess
    import sys

    code = (
        "import sys, autodiff as ad; x = ad.tensor([1.0], requires_grad=True); "
        "(x * 2).sum().backward(); "
        "bad = {'cupy', 'scipy', 'graphviz', 'safetensors'} & set(sys.modules); "
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_written_since_tracks_owners():
    base = np.zeros((2, 3))
    view = base[0]
    clock = backend.tick()
    assert not backend.written_since(view, clock)
    backend.stamp(view)
    assert backend.written_since(base, clock) and backend.written_since(base[1], clock)
    assert not backend.written_since(np.zeros(2), clock)


@pytest.mark.parametrize("way", ["copy", "deepcopy", "pickle"])
def test_a_copy_of_a_leaf_is_a_leaf_of_its_own(way):
    import copy
    import pickle

    for x in (leaf([1.0, 2.0], name="x"), ad.Scalar(2.0, name="x")):
        make = {"pickle": lambda v: pickle.loads(pickle.dumps(v))}.get(way) or getattr(copy, way)
        y = make(x)
        assert y.requires_grad and y.name == "x" and type(y) is type(x)
        z = y * y if isinstance(y, ad.Scalar) else (y * y).sum()
        z.backward()
        assert x.grad is None and y.grad is not None


def test_scopes_of_asynchronous_tasks_do_not_mix():
    import asyncio

    class A:
        pass

    class B:
        pass

    seen = []

    async def task(module, first):
        with ad.scope(module):
            await asyncio.sleep(0 if first else 0.001)
            seen.append(repr((leaf([1.0]) * 2).node.scope))

    async def main():
        await asyncio.gather(task(a, True), task(b, False))
        assert (leaf([1.0]) * 2).node.scope is None

    a, b = A(), B()
    asyncio.run(main())
    assert sorted(seen) == ["A", "B"]


def test_augmented_assignment_of_a_scalar():
    s = ad.Scalar(2.0)
    total = ad.Scalar(0.0)
    total += s * s
    total.backward()
    with ad.no_grad():
        s -= 0.5 * s.grad
    assert s.is_leaf and s.requires_grad and s.item() == 0.0


def test_bfloat16_comes_from_another_package(monkeypatch):
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="bfloat16 on the CPU needs ml_dtypes")
    assert ad.bfloat16 is ml_dtypes.bfloat16
    x = ad.tensor([1.0, 2.0], dtype=ad.bfloat16, requires_grad=True)
    (ad.exp(x) * x).sum().backward()
    assert x.grad.dtype == ad.bfloat16
    np.testing.assert_allclose(x.grad.data.astype(F32), [2 * np.e, 3 * np.e**2], rtol=0.02)
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(AttributeError, match="pip install ml_dtypes"):
        ad.bfloat16  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'tensr'"):
        ad.tensr  # noqa: B018
